/* The operator's switches: LIFEGUARD_PREDICT, LIFEGUARD_PROFILE and LIFEGUARD_TRACE, read once, at the first use of
 * the library.  The files are written at exit, by the process that has read them and no child of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* secure_getenv */
#endif
#include "graph/observe.h"
#include "observe/file.h"
#include "observe/profile.h"
#include "plat/log.h"
#include "plat/memory.h"

#include <lifeguard/predict.h>
#include <lifeguard/trace.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE 16384

/* Written by the one that reads the environment, before it registers write_files. */
static char profile_path[PATH_MAX], trace_path[PATH_MAX];
static pid_t owner;

static void log_bad(const char *variable, const char *value, const char *what)
{
    char text[256];
    snprintf(text, sizeof text, "%s is \"%.80s\", %s", variable, value, what);
    lg__log(LG_LOG_WARN, "bad-environment", NULL, 0, text);
}

static enum lg_profile_format format_of(const char *path)
{
    const char *end = strrchr(path, '.');
    if (end && strcmp(end, ".json") == 0)
        return LG_PROFILE_JSON;
    return end && strcmp(end, ".folded") == 0 ? LG_PROFILE_FOLDED : LG_PROFILE_TEXT;
}

static int write_profile(void *arg, int fd)
{
    struct lg__text text;
    char *buffer = lg__alloc(BUFFER_SIZE);
    (void)arg;
    if (!buffer)
        return LG_ENOMEM;
    lg__text_begin_fd(&text, buffer, BUFFER_SIZE, fd);
    int status = lg__profile_add(&text, format_of(profile_path), 0) ? LG_OK : LG_ENOMEM;
    if (!lg__text_flush(&text))
        status = LG_ESYS;
    lg__free(buffer);
    return status;
}

static void write_files(void)
{
    if (getpid() != owner)
        return;
    lg_profile_stop();
    lg_trace_stop();
    if (profile_path[0] && lg__file_replace(profile_path, write_profile, NULL) != LG_OK)
        log_bad("LIFEGUARD_PROFILE", profile_path, "and that file could not be written");
    if (trace_path[0] && lg_trace_write(trace_path) != LG_OK)
        log_bad("LIFEGUARD_TRACE", trace_path, "and that file could not be written");
}

/* The value, the first %p in it replaced by the process id.  False: it is too long. */
static bool expand(const char *value, char *path)
{
    const char *mark = strstr(value, "%p");
    int length = mark ? snprintf(path, PATH_MAX, "%.*s%d%s", (int)(mark - value), value, (int)owner,
                                 mark + 2)
                      : snprintf(path, PATH_MAX, "%s", value);
    return length >= 0 && length < PATH_MAX;
}

/* Whether a file can be written there. */
static bool can_be_written(const char *path)
{
    char folder[PATH_MAX];
    if (lg__file_is_special(path))
        return access(path, W_OK) == 0;
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    if (slash && !slash[1])
        return false;
    if (slash)
        slash[slash == folder] = 0;
    return access(slash ? folder : ".", W_OK | X_OK) == 0;
}

/* Whether the variable names a file; then it is copied. */
static bool read_path(const char *variable, char *path)
{
    const char *value = secure_getenv(variable);
    if (!value || !value[0])
        return false;
    bool is_short = expand(value, path);
    if (!is_short)
        log_bad(variable, value, "which is too long for the name of a file");
    else if (!can_be_written(path))
        log_bad(variable, value, "which is no file in a folder that can be written to");
    else
        return true;
    path[0] = 0;
    return false;
}

static void read_predict(void)
{
    const char *wish = getenv("LIFEGUARD_PREDICT");
    if (!wish || !wish[0] || strcmp(wish, "off") == 0)
        return;
    if (strcmp(wish, "warn") != 0)
        log_bad("LIFEGUARD_PREDICT", wish, "which is none of warn, off; using off");
    else if (lg_predict_start() != LG_OK)
        log_bad("LIFEGUARD_PREDICT", wish, "and there is no memory for it");
}

void lg__observe_environment(void)
{
    owner = getpid();
    read_predict();
    bool has_profile = read_path("LIFEGUARD_PROFILE", profile_path);
    bool has_trace = read_path("LIFEGUARD_TRACE", trace_path);
    if (has_profile)
        lg_profile_start();
    if (has_trace)
        (void)!lg_trace_start(NULL);
    if ((has_profile || has_trace) && atexit(write_files) != 0)
        log_bad("LIFEGUARD_TRACE", trace_path, "and there is no memory to remember it");
}
