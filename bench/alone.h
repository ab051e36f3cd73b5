/* Alone: what a pair costs one thread that nobody is in the way of. */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "harness.h"
#include "outsider.h"
#include "peers.h"

#define ALONE_PEERS_MAX 8

struct alone_row {
    const char *bench;
    const char *group;
    const struct mutex_peer *const *peers; /* the first is a baseline, as is each of the goals */
    size_t peer_count;                     /* less than ALONE_PEERS_MAX */
    bool has_outsider;                     /* one more variant, behind the peers */
    enum outsider_name outsider;
    const struct bench_goal *goals;
    size_t goal_count;
    unsigned pairs; /* a batch: some 30 us, shorter than the time between two preemptions */
    unsigned rounds;
};

/* Nanoseconds a pair. */
void alone_run(const struct alone_row *row);

#endif
