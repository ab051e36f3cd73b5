/* Steps on permits, for crews. */
#ifndef LG_TEST_PERMITS_H
#define LG_TEST_PERMITS_H

#include "support/crew.h"

#include <lifeguard/permits.h>

struct units {
    struct lg_permits *permits;
    uint32_t count;
    lg_deadline deadline;       /* 0: LG_FOREVER */
    const char *place;          /* NULL: here */
    struct lg_context *context; /* for step_give */
};

/* The argument is a struct units. */
int step_acquire(void *units);
int step_try_acquire(void *units);
int step_release(void *units);
int step_give(void *units);

/* How many the calling context holds of the permits, the argument. */
int step_count_held(void *permits);

/* The worker runs into a wait for these, and sleeps when this returns. */
void wait_for_units(struct crew_worker *worker, struct units *units);

/* What waits and tables call permits. */
const void *permits_key(const struct lg_permits *permits);

/* Nobody waits, nothing is left behind in the word, and so many are in. */
void expect_permits_quiet(const struct lg_permits *permits, uint32_t available);

#endif
