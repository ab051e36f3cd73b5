/* Company: threads that meet, round after round, in the way of one peer after the other. */
#ifndef BENCH_COMPANY_H
#define BENCH_COMPANY_H

#include "harness.h"
#include "peers.h"

struct company_row {
    const char *bench;
    const char *group;
    const struct round_peer *const *peers; /* the first is a baseline, as is each of the goals */
    size_t peer_count;
    const struct bench_goal *goals;
    size_t goal_count;
    unsigned threads;
    unsigned rounds_a_batch;
    unsigned rounds;
};

/* Microseconds a round. */
void company_run(const struct company_row *row);

#endif
