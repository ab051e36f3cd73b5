/* Waiters: workers that wait at one condition with one mutex. */
#ifndef LG_TEST_WAITERS_H
#define LG_TEST_WAITERS_H

#include "support/locks.h"

#include "graph/context.h"

extern struct lg_mutex m;
extern struct lg_condition c;
extern struct wait_until for_ever; /* at c, with m */

/* A worker that waits at c, and sleeps when this returns. */
struct crew_worker *hire_waiter(const char *name);

enum lg__wait_state state_of(const struct crew_worker *worker);

/* Whether the worker, asleep or not, waits to get m back. */
bool relocks(const struct crew_worker *worker);

/* The worker's wait ends with this status and m held; it lets go. */
void expect_and_unlock(struct crew_worker *worker, int status);

/* Nobody waits at c, m is free, and nobody is owed anything. */
void expect_all_quiet(void);

#endif
