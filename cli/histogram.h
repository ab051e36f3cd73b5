/* Histogram of times in nanoseconds: 32 buckets for each power of two, so that a quantile is right
 * within about 3 %; the maximum is exact.  A value; all bytes zero is an empty one.  One thread
 * writes it; histogram_add joins finished ones. */
#ifndef LG_CLI_HISTOGRAM_H
#define LG_CLI_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_FINE    32
#define HISTOGRAM_BUCKETS (HISTOGRAM_FINE * 60)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *histogram, const struct histogram *other);

/* The value below or at which `fraction` (0 to 1) of all lie; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);

#endif
