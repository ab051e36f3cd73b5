/* Caller: whether a function of libc was called by code with the instrumentation.
 *
 * Only then are its accesses events.  Of code without it the atomics are not seen, so its copies would look
 * like races; and the runtime calls the same functions itself. */
#ifndef LG_EXPLORE_CALLER_H
#define LG_EXPLORE_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Look for instrumented files among those that are loaded, if there are new ones. */
void lg__caller_look(void);

/* Whether the place is in an instrumented file. */
bool lg__caller_is_instrumented(uint64_t site);

/* Whether the calling thread's accesses are looked after, and the place is in an instrumented file. */
bool lg__caller_is_watched(uint64_t site);

#endif
