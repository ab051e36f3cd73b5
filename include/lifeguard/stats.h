/* Statistics of a pool: one call, one snapshot.
 *
 *     struct lg_pool_stats stats = LG_POOL_STATS_INIT;
 *     lg_pool_stats(db, &stats);
 *     printf("%u of %u lent, %u wait, p99 of waits %llu us\n", stats.lent_now, stats.capacity,
 *            stats.waiting, stats.wait_ns.p99 / 1000);
 *
 * Nothing is counted on an uncontended path: what was lent is read off the slots, each of which
 * numbers its loans, and what is counted elsewhere is counted by callers who wait, fail or open.
 *
 * Exact, once the pool is quiet: all counts; wait_ns, every checkout that had to queue, however it
 * ended; open_ns, every open that worked.  Sampled: hold_ns, one loan in LG_HOLD_SAMPLE of a slot,
 * if the context that took it gave it back.  At any time: lent - returned is what is out, and counts
 * never go back; a call that is on its way may be in one count and not yet in another.
 * docs/statistics.md has the table of all of it.
 *
 * The call has the struct's name: write "struct lg_pool_stats" in C++ too. */
#ifndef LIFEGUARD_STATS_H
#define LIFEGUARD_STATS_H

#include <lifeguard/histogram.h>
#include <lifeguard/pool.h>

#define LG_HOLD_SAMPLE 64

/* Fields are only added at the end. */
struct lg_pool_stats {
    uint32_t size; /* sizeof(struct lg_pool_stats) */
    uint32_t capacity;
    uint32_t idle;
    uint32_t lent_now;
    uint32_t opening;
    uint32_t waiting;
    uint64_t generation; /* clears */
    uint64_t opened;
    uint64_t closed;
    uint64_t open_failures;
    uint64_t lent;           /* checkouts that succeeded */
    uint64_t returned;       /* checkins that succeeded */
    uint64_t waited;         /* checkouts that had to queue */
    uint64_t timeouts;       /* checkouts that got LG_ETIMEDOUT */
    uint64_t deadlocks;      /* LG_EDEADLK */
    uint64_t refused_busy;   /* LG_EBUSY: nothing idle for one that would not wait */
    uint64_t refused_nested; /* LG_ENESTED */
    uint64_t refused_closed; /* LG_ECLOSED */
    uint64_t refused_open;   /* LG_EOPEN: the open that it waited for failed */
    uint64_t cancelled;      /* LG_ECANCELED */
    uint64_t oldest_wait_ns; /* how long the first of those who wait has waited; 0: nobody waits */
    uint32_t lent_most;      /* most ever out at once: seen when a checkout queues, when it has
                                queued, and at each snapshot */
    uint32_t waiting_most;   /* most ever waiting at once */
    struct lg_histogram_summary wait_ns;
    struct lg_histogram_summary hold_ns;
    struct lg_histogram_summary open_ns;
    uint64_t refused_paused;  /* LG_EPAUSED */
    uint64_t closed_stale;    /* of those closed, or about to be: of an old generation */
    uint64_t closed_idle;     /* not used for idle_timeout_ms */
    uint64_t closed_error;    /* discarded, or their check or reset failed */
    uint64_t closed_at_end;   /* because the pool is closed */
    uint64_t closed_lifetime; /* open for longer than lifetime_ms */
    uint64_t closed_evicted;  /* by lg_pool_evict */
    uint64_t closed_surplus;  /* because the pool was made smaller */
    uint64_t leaking_now;     /* of those lent now: for longer than leak_after_ms */
    uint64_t leaks_reported;  /* leases that the log has named as leaks, whether back or not */
};

#define LG_ADVICE_SIZE 200

/* How large a pool should be, from what was seen of it.  Fields are only added at the end. */
struct lg_pool_advice {
    uint32_t size; /* sizeof(struct lg_pool_advice) */
    uint32_t capacity;
    uint32_t declared_threads;
    uint32_t contexts;     /* living ones that have asked for a lease */
    uint32_t nesting;      /* of them, those that asked for one while they held one */
    uint32_t deepest;      /* most that one context ever held and asked for at once */
    uint32_t minimum;      /* with fewer, nested checkouts can deadlock; 1: none are nested */
    uint32_t lent_most;    /* as in the statistics */
    uint32_t waiting_most; /* as in the statistics */
    uint32_t short_most;   /* most waiting at once while no more could be opened, since the last
                            resize */
    uint32_t suggested;
    char reason[LG_ADVICE_SIZE]; /* of the suggestion: one sentence, no full stop */
};

#define LG_POOL_ADVICE_INIT                                                                        \
    {                                                                                              \
        sizeof(struct lg_pool_advice), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ""                            \
    }

/* clang-format off */
#define LG_POOL_STATS_INIT                                                                         \
    {                                                                                              \
        sizeof(struct lg_pool_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0, 0, {0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, 0, 0, 0, 0, \
            0, 0, 0, 0, 0, 0                                                                       \
    }
/* clang-format on */

LG_BEGIN_DECLS

/* Counts, percentiles and what is going on now.
 * Shape:   out begins with its size, from LG_POOL_STATS_INIT; what it has beyond what this library
 *          knows becomes 0.
 * Units:   fields say theirs; the rest are counts.
 * Returns: LG_OK; LG_EINVAL (also: a size that cannot be), and nothing is written.
 * Threads: any; allocates nothing; looks at each slot once under the pool's lock. */
LG_API int lg_pool_stats(struct lg_pool *pool, struct lg_pool_stats *out);

/* How large the pool should be.
 *
 * The minimum against deadlock is exact for what the living contexts have done so far: 1 and for each
 * of them its deepest nesting less 1; or, if the program has declared its threads, threads x
 * (deepest - 1) + 1.  When it grows above the capacity, that is said once in the log, with the code
 * "pool-too-small", and once more after each resize that leaves it so.  Only leases count that a context
 * itself holds, not detached ones; a context remembers its nesting for the 8 pools that it used last.
 * Shape:   as lg_pool_stats, with LG_POOL_ADVICE_INIT.
 * Returns: LG_OK; LG_EINVAL (also: a size that cannot be).
 * Threads: any; allocates nothing; goes over all living contexts.
 * Source:  the known formula threads x (nesting - 1) + 1, summed for each context; DESIGN.md,
 *          "Statistics". */
LG_API int lg_pool_advice(struct lg_pool *pool, struct lg_pool_advice *out);

/* Write a pool's statistics as OpenMetrics text, which Prometheus and others read.
 *
 *     size_t length = lg_pool_metrics(db, NULL, 0);
 *     char *text = malloc(length + 1000);   // it may have grown by the next call
 *     length = lg_pool_metrics(db, text, length + 1000);
 * Shape:   out has room for `room` bytes (NULL if 0); always ended by 0 when room > 0.  pool NULL: the text of
 *          no pool, its last line alone.
 * Returns: the length of the whole text without the final 0, as snprintf does: what does not fit is
 *          cut, and a cut text lacks its last line, "# EOF".
 * Threads: any; allocates nothing.
 * Source:  OpenMetrics 1.0; docs/statistics.md names each metric. */
LG_API size_t lg_pool_metrics(struct lg_pool *pool, char *out, size_t room);

/* Write the statistics of all pools of the process as one OpenMetrics text: the body of an answer with
 * the type "application/openmetrics-text; version=1.0.0; charset=utf-8".
 *
 * Pools are told apart by their names; those that share one get a second label, number.
 * Shape:   as lg_pool_metrics.
 * Returns: as lg_pool_metrics; 0 when memory is out.
 * Threads: any; allocates, and stops the making and ending of pools while it reads them. */
LG_API size_t lg_metrics_write(char *out, size_t room);

LG_END_DECLS

#endif
