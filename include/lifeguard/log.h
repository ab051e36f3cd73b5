/* The one way in which the library speaks: a callback with a level, a sentence and fields.
 *
 * Without a callback, LG_LOG_WARN and above go to standard error as one line each, and nothing else
 * is said.  The callback runs on the thread that has something to say, outside every lock of the
 * library, and may call the library; it must not fork. */
#ifndef LIFEGUARD_LOG_H
#define LIFEGUARD_LOG_H

#include <lifeguard/base.h>

enum lg_log_level { LG_LOG_DEBUG, LG_LOG_INFO, LG_LOG_WARN, LG_LOG_ERROR };

/* One key and its value, both text and valid during the callback only. */
struct lg_log_field {
    const char *key;
    const char *value;
};

struct lg_log_event {
    enum lg_log_level level;
    const char *code; /* stable, for machines: "deadlock", "foreign-checkin" */
    const char *text; /* for people; may have several lines */
    const struct lg_log_field *fields;
    size_t field_count;
};

typedef void lg_log_callback(void *arg, const struct lg_log_event *event);

LG_BEGIN_DECLS

/* Send everything of at least `level` to `callback`; NULL restores the default.
 * Threads: any; a call on its way may still reach the old callback. */
LG_API void lg_log_set(enum lg_log_level level, lg_log_callback *callback, void *arg);

LG_END_DECLS

#endif
