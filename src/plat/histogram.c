/* Histogram: which bucket a value is in, and back.  Values below LG_HISTOGRAM_FINE have a bucket
 * each; from there on the bits after the leading one choose among the buckets of its power of two.
 *
 * Buckets and the maximum are atomic and relaxed: they are counters, nothing is published by them.
 * Whoever wants numbers that agree with each other copies the buckets first and then computes. */
#include "plat/histogram.h"

#include "plat/atomic.h"

#define FINE_BITS 4

_Static_assert(1 << FINE_BITS == LG_HISTOGRAM_FINE, "one bucket for each value of the bits");

static uint32_t bucket_of(uint64_t value)
{
    if (value < LG_HISTOGRAM_FINE)
        return (uint32_t)value;
    if (value >= LG_HISTOGRAM_TOP)
        return LG_HISTOGRAM_BUCKETS - 1;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - FINE_BITS;
    return (shift + 1) * LG_HISTOGRAM_FINE + (uint32_t)((value >> shift) % LG_HISTOGRAM_FINE);
}

/* The value in the middle of a bucket. */
static uint64_t middle_of(uint32_t bucket)
{
    if (bucket < LG_HISTOGRAM_FINE)
        return bucket;
    uint32_t shift = bucket / LG_HISTOGRAM_FINE - 1;
    uint64_t first = (uint64_t)(LG_HISTOGRAM_FINE + bucket % LG_HISTOGRAM_FINE) << shift;
    return first + ((uint64_t)1 << shift) / 2;
}

static void raise_max(struct lg_histogram *histogram, uint64_t value)
{
    uint64_t max = lg__load_relaxed(&histogram->max);
    while (value > max && !lg__cas_relaxed(&histogram->max, &max, value))
        continue;
}

void lg_histogram_record(struct lg_histogram *histogram, uint64_t value)
{
    raise_max(histogram, value);
    lg__add_relaxed(&histogram->buckets[bucket_of(value)], (uint64_t)1);
}

void lg_histogram_add(struct lg_histogram *histogram, const struct lg_histogram *other)
{
    raise_max(histogram, lg__load_relaxed(&other->max));
    for (uint32_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = lg__load_relaxed(&other->buckets[i]);
        if (count > 0)
            lg__add_relaxed(&histogram->buckets[i], count);
    }
}

/* What stands still while it is computed with. */
struct snapshot {
    uint64_t count;
    struct lg_histogram histogram;
};

static void take_snapshot(const struct lg_histogram *histogram, struct snapshot *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        out->histogram.buckets[i] = lg__load_relaxed(&histogram->buckets[i]);
        out->count += out->histogram.buckets[i];
    }
    out->histogram.max = lg__load_relaxed(&histogram->max);
}

/* What a value of this bucket counts as: never more than there was. */
static uint64_t value_of(const struct snapshot *snapshot, uint32_t bucket)
{
    uint64_t max = snapshot->histogram.max;
    uint64_t middle = middle_of(bucket);
    return middle > max || bucket == LG_HISTOGRAM_BUCKETS - 1 ? max : middle;
}

static uint64_t quantile(const struct snapshot *snapshot, double fraction)
{
    double exact = fraction * (double)snapshot->count;
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0;
    uint64_t seen = 0;
    rank += (double)rank < exact || rank == 0;
    if (rank >= snapshot->count) /* the largest is known exactly */
        return snapshot->histogram.max;
    for (uint32_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        seen += snapshot->histogram.buckets[i];
        if (seen >= rank)
            return value_of(snapshot, i);
    }
    return snapshot->histogram.max;
}

uint64_t lg_histogram_quantile(const struct lg_histogram *histogram, double fraction)
{
    struct snapshot snapshot;
    if (!histogram)
        return 0;
    take_snapshot(histogram, &snapshot);
    return snapshot.count > 0 ? quantile(&snapshot, fraction) : 0;
}

void lg_histogram_summarize(const struct lg_histogram *histogram, struct lg_histogram_summary *out)
{
    struct snapshot snapshot;
    *out = (struct lg_histogram_summary){0};
    take_snapshot(histogram, &snapshot);
    if (snapshot.count == 0)
        return;
    out->count = snapshot.count;
    out->max = snapshot.histogram.max;
    for (uint32_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++)
        out->sum += snapshot.histogram.buckets[i] * value_of(&snapshot, i);
    out->p50 = quantile(&snapshot, 0.5);
    out->p90 = quantile(&snapshot, 0.9);
    out->p99 = quantile(&snapshot, 0.99);
    out->p999 = quantile(&snapshot, 0.999);
}

void lg__histogram_count_below(const struct lg_histogram *histogram, uint32_t first, uint32_t count,
                               uint64_t *below)
{
    uint64_t seen = 0;
    uint32_t bucket = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t end = bucket_of((uint64_t)1 << (first + i));
        for (; bucket < end; bucket++)
            seen += lg__load_relaxed(&histogram->buckets[bucket]);
        below[i] = seen;
    }
}
