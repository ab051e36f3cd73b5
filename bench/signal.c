/* Signals: two threads that wake each other by turns, so that each round is two wakes and two sleeps; and what
 * it costs a sleeper to wait for any of two. */
#include "company.h"

static const struct round_peer *const peers[] = {
    &peer_cond_turns,     &peer_lg_event_turns,  &peer_lg_any_turns, &peer_nsync_note_turns,
    &peer_nsync_note_any, &peer_glib_cond_turns, &peer_sem_turns,
};

enum { COND, LG_EVENT, LG_ANY, NSYNC_NOTE, NSYNC_ANY, GLIB, SEM };

static const struct bench_goal goals[] = {
    {LG_EVENT, COND, BENCH_AT_MOST, 1.0},    {LG_EVENT, NSYNC_NOTE, BENCH_AT_MOST, 1.0},
    {LG_EVENT, GLIB, BENCH_AT_MOST, 1.0},    {LG_EVENT, SEM, BENCH_AT_MOST, 1.0},
    {LG_ANY, NSYNC_ANY, BENCH_AT_MOST, 1.0},
};

void bench_signal(void)
{
    static const struct company_row row = {.bench = "signal",
                                           .group = "to and fro between 2 threads on 2 cores",
                                           .peers = peers,
                                           .peer_count = sizeof(peers) / sizeof(peers[0]),
                                           .goals = goals,
                                           .goal_count = sizeof(goals) / sizeof(goals[0]),
                                           .threads = 2,
                                           .rounds_a_batch = 200,
                                           .rounds = 60};
    if (bench_core_count() >= 2)
        company_run(&row);
}
