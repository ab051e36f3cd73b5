/* Robust mutexes: a pair of lock and unlock, alone and contended. */
#include "alone.h"

enum { PTHREAD, LG, PEERS };

static const struct mutex_peer *const peers[PEERS] = {&peer_pthread_robust, &peer_lg_robust};

/* The library's is the C library's with a name and a holder that is known, so its pair costs more: no goal. */
static const struct bench_goal contended_goal = {LG, PTHREAD, BENCH_AT_LEAST, 1.0};

#define THREADS 2

struct contest {
    struct bench_crew *crew;
    void *cells[PEERS];
    double totals[PEERS][BENCH_CREW_MAX];
};

static double sample(void *arg, size_t variant)
{
    struct contest *contest = arg;
    struct bench_phase phase = {.loop = peers[variant]->loop,
                                .self = contest->cells[variant],
                                .ms = bench_phase_ms(20),
                                .outside_ns = 100,
                                .thread_totals = contest->totals[variant]};
    return bench_crew_run(contest->crew, &phase) / 1e6;
}

static void run_contended(void)
{
    static struct contest contest;
    static const size_t subject = LG;
    struct bench_goal goal = contended_goal;
    struct bench_variant variants[PEERS] = {{0}};
    struct bench_trial trial = {.bench = "robust",
                                .group = "robust: 2 threads on 2 cores, 100 ns outside",
                                .unit = "M/s",
                                .rounds = 41,
                                .variants = variants,
                                .variant_count = PEERS,
                                .goals = &goal,
                                .goal_count = 1,
                                .sample = sample,
                                .arg = &contest};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].is_baseline = i == PTHREAD;
        contest.cells[i] = peers[i]->create();
    }
    contest.crew = bench_crew_start(THREADS, THREADS <= bench_core_count());
    bench_trial_run(&trial);
    trial.fair_share = bench_crew_fair_share(contest.crew, bench_phase_ms(20), trial.rounds);
    bench_crew_end(contest.crew);
    for (size_t i = 0; i < PEERS; i++)
        trial.shares[i] = bench_share(contest.totals[i], THREADS);
    bench_goals_keep_fair(&trial, &goal);
    bench_trial_report(&trial);
    bench_report_shares(&trial, &subject, 1);
    bench_trial_free(&trial);
}

void bench_robust(void)
{
    static const struct alone_row row = {.bench = "robust",
                                         .group = "robust: lock + unlock, one thread pinned",
                                         .peers = peers,
                                         .peer_count = PEERS,
                                         .pairs = 1024,
                                         .rounds = 1000};
    alone_run(&row);
    run_contended();
}
