/* Limits: what no pair of take and give back can be cheaper than, as long as it has an atomic
 * operation.  Each is a bare loop over one word of a cache line of its own. */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stdint.h>

enum limit_name {
    LIMIT_PAIR,  /* as a lock does it: an exchange takes the word, a release store gives it back */
    LIMIT_CHAIN, /* the same, and each pair must know what the one before has stored */
    LIMIT_TWO,   /* two compare-exchanges: a lock-free stack, its tags left out */
    LIMITS
};

const char *limit_title(enum limit_name limit);

/* So many pairs. */
void limit_pairs(enum limit_name limit, uint64_t count);

#endif
