/* Histogram, inside: what the metrics need besides <lifeguard/histogram.h>. */
#ifndef LG_PLAT_HISTOGRAM_H
#define LG_PLAT_HISTOGRAM_H

#include <lifeguard/histogram.h>

/* How many values are below each power of two from 2^first on; `below` has room for `count`.  Exact:
 * a power of two is where a bucket begins.  Two to the power of first >= LG_HISTOGRAM_FINE. */
void lg__histogram_count_below(const struct lg_histogram *histogram, uint32_t first, uint32_t count,
                               uint64_t *below);

#endif
