/* The sink: a callback, or standard error. */
#include "plat/log.h"

#include "plat/leaf.h"
#include "plat/seam.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
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

/* In one piece, as far as the system lets it, so that lines of several threads do not mix. */
static void write_all(struct iovec *part, int count)
{
    while (count > 0 && !lg__seam_fails(LG__SEAM_WRITE)) {
        ssize_t written = writev(STDERR_FILENO, part, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nowhere left to say it */
        for (; count > 0 && (size_t)written >= part->iov_len; part++, count--)
            written -= (ssize_t)part->iov_len;
        if (count > 0) {
            part->iov_base = (char *)part->iov_base + written;
            part->iov_len -= (size_t)written;
        }
    }
}

static void write_to_stderr(const struct lg_log_event *event)
{
    static char begin[] = "lifeguard: ", end[] = "\n";
    size_t length = strlen(event->text);
    bool is_line = length == 0 || event->text[length - 1] == '\n';
    struct iovec parts[] = {
        {begin, sizeof begin - 1}, {(char *)(uintptr_t)event->text, length}, {end, !is_line}};
    write_all(parts, 3);
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
