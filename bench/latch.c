/* Latch: one of eight is made, counted down, and waited for, by one thread; barrier.c has them among threads. */
#include "alone.h"

enum { ABSL, LG, NSYNC, PEERS, GO = PEERS };

static const struct mutex_peer *const peers[PEERS] = {
    &peer_absl_latch,
    &peer_lg_latch_alone,
    &peer_nsync_latch,
};

void bench_latch(void)
{
    static const struct bench_goal goals[] = {{LG, ABSL, BENCH_AT_MOST, 1.0},
                                              {LG, NSYNC, BENCH_AT_MOST, 1.0},
                                              {LG, GO, BENCH_AT_MOST, 1.0}};
    static const struct alone_row row = {.bench = "latch",
                                         .group = "a latch of 8, counted down and passed",
                                         .peers = peers,
                                         .peer_count = PEERS,
                                         .has_outsider = true,
                                         .outsider = OUTSIDER_GO_WAITGROUP,
                                         .goals = goals,
                                         .goal_count = sizeof(goals) / sizeof(goals[0]),
                                         .pairs = 400,
                                         .rounds = 1000};
    alone_run(&row);
}
