/* Steps on events, latches and barriers, for crews. */
#ifndef LG_TEST_SIGNALS_H
#define LG_TEST_SIGNALS_H

#include "support/crew.h"

#include <lifeguard/barrier.h>
#include <lifeguard/latch.h>

/* The argument is a struct lg_event; the waits are for ever. */
int step_event_wait(void *event);
int step_event_try(void *event);
int step_event_set(void *event);
int step_event_add_self(void *event);
int step_event_withdraw_self(void *event);

/* The argument is a struct lg_latch. */
int step_latch_wait(void *latch);
int step_latch_count_down(void *latch); /* by one */

/* A wait at a barrier, and what it said. */
struct arrival_at {
    struct lg_barrier *barrier;
    lg_deadline deadline;
    uint32_t index; /* of the latest that passed */
};
int step_arrive(void *arrival_at);

/* The argument is a struct lg_barrier. */
int step_barrier_wait(void *barrier);
int step_barrier_register_self(void *barrier);
int step_barrier_unregister_self(void *barrier);

/* The detail of the calling context's report is copied to the argument, 160 bytes; the result is the
 * report's kind. */
int step_copy_detail(void *detail);

/* Assert that the worker's latest report is of this kind and has this text in its detail. */
void expect_detail(struct crew_worker *worker, enum lg_report_kind kind, const char *part);

#endif
