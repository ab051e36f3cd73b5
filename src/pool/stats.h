/* Statistics, inside: what a pool counts, and who counts it.
 *
 * No uncontended path writes here.  Loans are read off the slots' words; the rest is counted by
 * callers who have queued, failed or opened something, and by one loan in LG_HOLD_SAMPLE. */
#ifndef LG_POOL_STATS_H
#define LG_POOL_STATS_H

#include "graph/context.h"

#include <lifeguard/pool_event.h>
#include <lifeguard/stats.h>

struct lg__stats {
    struct lg_histogram waits; /* ns; checkouts that queued, from then to their end */
    struct lg_histogram holds; /* ns; sampled */
    struct lg_histogram opens; /* ns; the driver's opens that worked */
    /* Atomic relaxed: checkouts that failed, by status. */
    uint64_t timeouts, deadlocks, refused_busy, refused_nested, refused_closed, refused_open,
        cancelled, refused_paused;
    uint64_t leaks_reported;                /* atomic relaxed; the keeper */
    uint64_t closes[LG_REASON_SURPLUS + 1]; /* under the pool's lock; by reason */
    uint32_t lent_most;                     /* under the pool's lock */
    uint32_t waiting_most;                  /* under the pool's lock */
    uint32_t short_most; /* under the pool's lock; who waited for more than an open */
};

/* A checkout that joined the queue at `since_ns` has ended.  Takes the lock. */
void lg__stats_end_wait(struct lg_pool *pool, uint64_t since_ns);

/* A checkout has failed with this status. */
void lg__stats_count_failure(struct lg_pool *pool, int status);

/* With the lock: somebody has queued, because nothing is idle but what is reserved. */
void lg__stats_note_peak(struct lg_pool *pool);

/* Whether the loan with this tag is one whose holding time is taken. */
static inline bool lg__stats_is_sampled(uint32_t tag)
{
    return tag % LG_HOLD_SAMPLE == 0;
}

/* The two ends of a sampled loan, for the callers who found its tag sampled: at checkout, once the
 * lease is the caller's; at checkin, once it was given back.  A context has one sample under way; a
 * second one takes its place, and what another context gives back is not recorded. */
void lg__stats_begin_hold(struct lg_pool *pool, struct lg_context *self, uint32_t slot,
                          uint32_t tag);
void lg__stats_end_hold(struct lg_pool *pool, struct lg_context *self, uint32_t slot, uint32_t tag);

/* As begin_hold of the caller's, for the tail of a fast path.  LG_OK. */
int lg__stats_sample(struct lg_pool *pool, uint32_t slot, uint32_t tag);

/* All of it, in the size that this library knows. */
void lg__stats_read(struct lg_pool *pool, struct lg_pool_stats *out);

/* Give the caller a struct that begins with its size, in the size that he has: LG_EINVAL, and nothing
 * is written, if that is less than `minimum` or more than there will ever be. */
int lg__stats_copy_out(void *out, size_t minimum, void *known, size_t known_size);

/* With the lock: a resource is to be closed. */
void lg__stats_count_close(struct lg_pool *pool, enum lg_event_reason reason);

/* For fork's handlers: the child counts what it does itself. */
void lg__stats_forget(struct lg_pool *pool);

#endif
