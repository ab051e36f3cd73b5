/* The sink: a callback, or standard error. */
#include "plat/log.h"

#include "plat/leaf.h"
#include "plat/seam.h"

#include <string.h>
#include <unistd.h>

static lg_log_callback *sink;                      /* under lg__leaf_lock; NULL: standard error */
static void *sink_arg;                             /* under lg__leaf_lock */
static enum lg_log_level sink_level = LG_LOG_WARN; /* atomic hint; under lg__leaf_lock to write */

void lg_log_set(enum lg_log_level level, lg_log_callback *callback, void *arg)
{
    lg__raw_lock(&lg__leaf_lock);
    sink = callback;
    sink_arg = arg;
    lg__store_relaxed(&sink_level, callback ? level : LG_LOG_WARN);
    lg__raw_unlock(&lg__leaf_lock);
}

bool lg__log_is_wanted(enum lg_log_level level)
{
    return level >= lg__load_relaxed(&sink_level);
}

static void write_all(const char *bytes, size_t count)
{
    while (count > 0 && !lg__seam_fails(LG__SEAM_WRITE)) {
        ssize_t written = write(STDERR_FILENO, bytes, count);
        if (written <= 0)
            return; /* nowhere left to say it */
        bytes += written;
        count -= (size_t)written;
    }
}

static void write_to_stderr(const struct lg_log_event *event)
{
    write_all("lifeguard: ", strlen("lifeguard: "));
    write_all(event->text, strlen(event->text));
    if (event->text[0] && event->text[strlen(event->text) - 1] != '\n')
        write_all("\n", 1);
}

void lg__log(enum lg_log_level level, const char *code, const struct lg_log_field *fields,
             size_t field_count, const char *text)
{
    if (!lg__log_is_wanted(level))
        return;
    lg__raw_lock(&lg__leaf_lock);
    lg_log_callback *callback = sink;
    void *arg = sink_arg;
    lg__raw_unlock(&lg__leaf_lock);
    struct lg_log_event event = {
        .level = level,
        .code = code,
        .text = text,
        .fields = fields,
        .field_count = field_count,
    };
    if (callback)
        callback(arg, &event);
    else
        write_to_stderr(&event);
}
