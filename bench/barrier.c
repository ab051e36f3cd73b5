/* Barrier: all threads wait for each other, round after round. */
#include "company.h"

static const struct round_peer *const peers[] = {
    &peer_pthread_barrier, &peer_lg_barrier,    &peer_lg_barrier_registered, &peer_lg_latch,
    &peer_cond_barrier,    &peer_nsync_counter, &peer_absl_barrier,
};

enum { PTHREAD, LG, LG_REGISTERED, LG_LATCH, COND, NSYNC, ABSL };

/* For two threads: to be no worse than any of the peers; with more than processors it is the kernel's switches that count. */
#define AGAINST_ALL(subject)                                                                       \
    {subject, PTHREAD, BENCH_AT_MOST, 1.0}, {subject, COND, BENCH_AT_MOST, 1.0},                   \
        {subject, NSYNC, BENCH_AT_MOST, 1.0},                                                      \
    {                                                                                              \
        subject, ABSL, BENCH_AT_MOST, 1.0                                                          \
    }

static const struct bench_goal goals[] = {AGAINST_ALL(LG), AGAINST_ALL(LG_REGISTERED),
                                          AGAINST_ALL(LG_LATCH)};

void bench_barrier(void)
{
    static const struct company_row two = {.bench = "barrier",
                                           .group = "a round of 2 threads on 2 cores",
                                           .peers = peers,
                                           .peer_count = sizeof(peers) / sizeof(peers[0]),
                                           .goals = goals,
                                           .goal_count = sizeof(goals) / sizeof(goals[0]),
                                           .threads = 2,
                                           .rounds_a_batch = 200,
                                           .rounds = 60};
    static const struct company_row eight = {.bench = "barrier",
                                             .group = "a round of 8 threads",
                                             .peers = peers,
                                             .peer_count = sizeof(peers) / sizeof(peers[0]),
                                             .threads = 8,
                                             .rounds_a_batch = 40,
                                             .rounds = 40};
    if (bench_core_count() >= 2)
        company_run(&two);
    company_run(&eight);
}
