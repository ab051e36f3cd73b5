/* Semaphore and permits: what a pair costs alone, and contended where one unit is all there is. */
#include "harness.h"
#include "peers.h"

#include <string.h>

#define PAIRS 4096 /* some 30 us: shorter than the time between two preemptions */

enum { SEM, LG, LG_PERMITS, SEM_PEERS };
static const struct mutex_peer *const sem_peers[SEM_PEERS] = {
    &peer_sem_pair,
    &peer_lg_semaphore,
    &peer_lg_permits,
};

struct row {
    const struct mutex_peer *const *peers;
    size_t count;
    void *cells[4];
    struct bench_crew *crew;
    unsigned ms;
    unsigned outside_ns;
    double totals[4][BENCH_CREW_MAX];
};

static struct row semaphores = {
    .peers = sem_peers, .count = SEM_PEERS, .ms = 20, .outside_ns = 100};

static void fill_variants(struct row *row, struct bench_variant *variants)
{
    memset(variants, 0, row->count * sizeof(*variants));
    for (size_t i = 0; i < row->count; i++) {
        variants[i].name = row->peers[i]->name;
        variants[i].package = row->peers[i]->package;
        if (row->cells[i] == NULL && row->peers[i]->package == NULL)
            row->cells[i] = row->peers[i]->create();
    }
    variants[0].is_baseline = true;
}

static double sample_alone(void *arg, size_t variant)
{
    const struct row *row = arg;
    uint64_t start = bench_now();
    row->peers[variant]->pairs(row->cells[variant], PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static double sample_contended(void *arg, size_t variant)
{
    struct row *row = arg;
    struct bench_phase phase = {.loop = row->peers[variant]->loop,
                                .self = row->cells[variant],
                                .ms = bench_phase_ms(row->ms),
                                .outside_ns = row->outside_ns,
                                .thread_totals = row->totals[variant]};
    return bench_crew_run(row->crew, &phase) / 1e6;
}

static void run_alone(const char *bench, const char *group, struct row *row,
                      const struct bench_goal *goals, size_t goal_count,
                      struct bench_variant *variants)
{
    struct bench_trial trial = {.bench = bench,
                                .group = group,
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = row->count,
                                .goals = goals,
                                .goal_count = goal_count,
                                .sample = sample_alone,
                                .arg = row};
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

static void run_contended(const char *group, unsigned threads)
{
    static const size_t subjects[] = {LG, LG_PERMITS};
    struct bench_goal goals[] = {{LG, SEM, BENCH_AT_LEAST, 1.0},
                                 {LG_PERMITS, SEM, BENCH_AT_LEAST, 1.0}};
    struct bench_variant variants[SEM_PEERS];
    if (!bench_is_wanted(group))
        return;
    memset(semaphores.totals, 0, sizeof(semaphores.totals));
    fill_variants(&semaphores, variants);
    struct bench_trial trial = {.bench = "semaphore",
                                .group = group,
                                .unit = "M/s",
                                .rounds = 41,
                                .variants = variants,
                                .variant_count = SEM_PEERS,
                                .goals = goals,
                                .goal_count = 2,
                                .sample = sample_contended,
                                .arg = &semaphores};
    semaphores.crew = bench_crew_start(threads, threads <= bench_core_count());
    bench_trial_run(&trial);
    trial.fair_share =
        bench_crew_fair_share(semaphores.crew, bench_phase_ms(semaphores.ms), trial.rounds);
    bench_crew_end(semaphores.crew);
    for (size_t i = 0; i < SEM_PEERS; i++)
        trial.shares[i] = bench_share(semaphores.totals[i], threads);
    bench_goals_keep_fair(&trial, goals);
    bench_trial_report(&trial);
    bench_report_shares(&trial, subjects, 2);
    bench_trial_free(&trial);
}

void bench_semaphore(void)
{
    static const struct bench_goal goals[] = {{LG, SEM, BENCH_AT_MOST, 1.0},
                                              {LG_PERMITS, SEM, BENCH_AT_MOST, 1.0}};
    static const char alone[] = "take + give back uncontended, one thread pinned";
    struct bench_variant variants[SEM_PEERS];
    if (bench_is_wanted(alone)) {
        fill_variants(&semaphores, variants);
        run_alone("semaphore", alone, &semaphores, goals, 2, variants);
    }
    run_contended("one unit, 2 threads on 2 cores, 100 ns outside", 2);
    run_contended("one unit, 8 threads, 100 ns outside", 8);
}
