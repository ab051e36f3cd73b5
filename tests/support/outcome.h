/* Outcome: what a callback of a request was told. */
#ifndef LG_TEST_OUTCOME_H
#define LG_TEST_OUTCOME_H

#include "support/null_driver.h"

#include <lifeguard/request.h>

#include <pthread.h>

struct outcome {
    uint32_t calls; /* atomic; the last thing that the callback writes */
    int status;
    struct lg_lease lease;
    struct lg_report report; /* lg_report_last in the callback */
    pthread_t thread;
    bool has_all_signals_blocked;
    struct lg_request *request; /* what is ended in the callback, if that is wanted */
    bool must_end;
    bool must_return;   /* the lease, in the callback */
    uint32_t is_held;   /* atomic; the callback waits while this is set */
    uint32_t is_inside; /* atomic */
};

/* The callback; the argument is the outcome. */
void outcome_note(void *outcome, int status, struct lg_lease *lease);

/* Wait until it was called so often. */
void outcome_wait(const struct outcome *outcome, uint32_t calls);

uint32_t outcome_calls(const struct outcome *outcome);

/* Wait for the outcome of a request without a callback. */
int outcome_poll(struct lg_request *request, struct lg_lease *lease);

/* A request without callback and fd; fails the test if there is none. */
struct lg_request *outcome_ask(struct lg_pool *pool, lg_deadline deadline);

/* Wait until so many contexts and requests queue at the pool. */
void outcome_wait_queued(struct lg_pool *pool, uint32_t count);

#endif
