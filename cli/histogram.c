/* Histogram (histogram.h).  Values below HISTOGRAM_FINE have a bucket each; from there on the five
 * bits after the leading one choose among the 32 buckets of its power of two. */
#include "histogram.h"

#define FINE_BITS 5

_Static_assert(1 << FINE_BITS == HISTOGRAM_FINE, "one bucket for each value of the bits");

static uint32_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_FINE)
        return (uint32_t)value;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - FINE_BITS;
    return (shift + 1) * HISTOGRAM_FINE + (uint32_t)((value >> shift) & (HISTOGRAM_FINE - 1));
}

/* The largest value of a bucket. */
static uint64_t top_of(uint32_t bucket)
{
    if (bucket < HISTOGRAM_FINE)
        return bucket;
    uint32_t shift = bucket / HISTOGRAM_FINE - 1;
    uint64_t first = (uint64_t)(HISTOGRAM_FINE + bucket % HISTOGRAM_FINE) << shift;
    return first + ((uint64_t)1 << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
    histogram->count += other->count;
    if (other->max > histogram->max)
        histogram->max = other->max;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += other->buckets[i];
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    uint64_t wanted = (uint64_t)(fraction * (double)histogram->count);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted)
            return top_of(i) < histogram->max ? top_of(i) : histogram->max;
    }
    return histogram->max;
}
