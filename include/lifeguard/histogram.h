/* Histogram: times in nanoseconds, in fixed memory, recorded by any number of threads.
 *
 *     static struct lg_histogram queries;                       // all bytes zero: empty
 *     lg_histogram_record(&queries, ended_ns - began_ns);
 *     ...
 *     struct lg_histogram_summary times;
 *     lg_histogram_summarize(&queries, &times);
 *     printf("p99 %llu ns of %llu\n", times.p99, times.count);
 *
 * Each power of two is divided into LG_HISTOGRAM_FINE buckets of one width, and a value counts as the
 * middle of its bucket: what comes out is wrong by at most 1 part in 2 * LG_HISTOGRAM_FINE.  The
 * maximum is exact, and so is every value below LG_HISTOGRAM_FINE.  Values of LG_HISTOGRAM_TOP and
 * more (4.9 hours) share the last bucket.  The fields belong to the library. */
#ifndef LIFEGUARD_HISTOGRAM_H
#define LIFEGUARD_HISTOGRAM_H

#include <lifeguard/base.h>

#define LG_HISTOGRAM_FINE    16
#define LG_HISTOGRAM_TOP     ((uint64_t)1 << 44)
#define LG_HISTOGRAM_BUCKETS (LG_HISTOGRAM_FINE * 41)

struct lg_histogram {
    uint64_t max;
    uint64_t buckets[LG_HISTOGRAM_BUCKETS];
};

/* All in the unit of what was recorded; all 0 if nothing was. */
struct lg_histogram_summary {
    uint64_t count;
    uint64_t sum; /* of the buckets' middles */
    uint64_t max;
    uint64_t p50;
    uint64_t p90;
    uint64_t p99;
    uint64_t p999;
};

LG_BEGIN_DECLS

/* Count a value.
 * Shape:   histogram not NULL; any value: nanoseconds, or what you like.
 * Threads: any, also at the same time; one relaxed addition, and a second write for a new maximum;
 *          allocates nothing; signal-safe. */
LG_API void lg_histogram_record(struct lg_histogram *histogram, uint64_t value);

/* Add all that another histogram has counted: to join those of several threads.
 * Threads: any, also while both are recorded to. */
LG_API void lg_histogram_add(struct lg_histogram *histogram, const struct lg_histogram *other);

/* The smallest value that is not exceeded by this fraction of all.
 * Shape:   fraction from 0 to 1.
 * Returns: the value, or 0 if nothing was recorded (NULL: nothing).
 * Threads: any; a snapshot: what is recorded meanwhile counts or does not.
 * Source:  nearest rank. */
LG_API uint64_t lg_histogram_quantile(const struct lg_histogram *histogram, double fraction);

/* Count, sum, maximum and the usual percentiles, all of one snapshot.
 * Threads: any, also while it is recorded to. */
LG_API void lg_histogram_summarize(const struct lg_histogram *histogram,
                                   struct lg_histogram_summary *out);

LG_END_DECLS

#endif
