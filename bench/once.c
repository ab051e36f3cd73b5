/* Once: a call of what is done. */
#include "alone.h"

enum { PTHREAD, LG, ABSL, GLIB, PEERS, GO = PEERS };

static const struct mutex_peer *const peers[PEERS] = {
    &peer_pthread_once,
    &peer_lg_once,
    &peer_absl_once,
    &peer_gonce,
};

void bench_once(void)
{
    static const struct bench_goal goals[] = {{LG, PTHREAD, BENCH_AT_MOST, 1.0},
                                              {LG, ABSL, BENCH_AT_MOST, 1.0},
                                              {LG, GLIB, BENCH_AT_MOST, 1.0},
                                              {LG, GO, BENCH_AT_MOST, 1.0}};
    static const struct alone_row row = {.bench = "once",
                                         .group = "a call of what is done, one thread pinned",
                                         .peers = peers,
                                         .peer_count = PEERS,
                                         .has_outsider = true,
                                         .outsider = OUTSIDER_GO_ONCE,
                                         .goals = goals,
                                         .goal_count = sizeof(goals) / sizeof(goals[0]),
                                         .pairs = 4096,
                                         .rounds = 2000};
    alone_run(&row);
}
