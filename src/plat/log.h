/* Log: how the other floors say something (lifeguard/log.h is how users listen). */
#ifndef LG_PLAT_LOG_H
#define LG_PLAT_LOG_H

#include <lifeguard/log.h>

#include <stdbool.h>

/* Whether anybody listens at this level: ask before building a text. */
bool lg__log_is_wanted(enum lg_log_level level);

/* Never with a lock of the library held: the callback may call back. */
void lg__log(enum lg_log_level level, const char *code, const struct lg_log_field *fields,
             size_t field_count, const char *text);

#endif
