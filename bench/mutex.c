/* Mutex: a pair of lock and unlock, alone and contended. */
#include "harness.h"
#include "peers.h"

#include <string.h>

static const struct mutex_peer *const peers[] = {
    &peer_pthread,
    &peer_lg_mutex,
    &peer_lg_mutex_recursive,
    &peer_pthread_recursive,
    &peer_pthread_errorcheck,
    &peer_nsync,
    &peer_gmutex,
    &peer_absl_off,
    &peer_absl_on,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))
enum { PTHREAD, LG, LG_RECURSIVE, PTHREAD_RECURSIVE };

static void *cells[PEERS];

static void fill_variants(struct bench_variant *variants)
{
    memset(variants, 0, PEERS * sizeof(*variants));
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        variants[i].is_baseline = i == PTHREAD;
        if (cells[i] == NULL && peers[i]->package == NULL)
            cells[i] = peers[i]->create();
    }
}

/* -- alone ------------------------------------------------------------------------------------ */

#define PAIRS 4096 /* some 50 us: shorter than the time between two preemptions */

static double sample_alone(void *arg, size_t variant)
{
    (void)arg;
    if (peers[variant]->enter != NULL)
        peers[variant]->enter();
    uint64_t start = bench_now();
    peers[variant]->pairs(cells[variant], PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static void run_alone(void)
{
    static const struct bench_goal goals[] = {{LG, PTHREAD, BENCH_AT_MOST, 1.0}};
    struct bench_variant variants[PEERS];
    struct bench_trial trial = {.bench = "mutex",
                                .group = "lock + unlock uncontended, one thread pinned",
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = PEERS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample_alone};
    if (!bench_is_wanted(trial.group))
        return;
    fill_variants(variants);
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

/* -- contended -------------------------------------------------------------------------------- */

/* One column: a number of threads and what they do between two locks. */
struct column {
    const char *group;
    unsigned threads;
    unsigned outside_ns;
    unsigned ms;
    unsigned rounds;
    struct bench_crew *crew;
    double totals[PEERS][BENCH_CREW_MAX];
};

static double sample_contended(void *arg, size_t variant)
{
    struct column *column = arg;
    struct bench_phase phase = {.loop = peers[variant]->loop,
                                .self = cells[variant],
                                .ms = bench_phase_ms(column->ms),
                                .outside_ns = column->outside_ns,
                                .thread_totals = column->totals[variant]};
    if (peers[variant]->enter != NULL)
        peers[variant]->enter();
    return bench_crew_run(column->crew, &phase) / 1e6;
}

/* Shares are figures of their own, and a column in the table. */
static void report_shares(const struct column *column, const struct bench_trial *trial)
{
    for (size_t i = 0; i < PEERS; i++) {
        char name[96];
        char note[64];
        struct bench_figure figure = {BENCH_FIGURE_INIT};
        snprintf(name, sizeof(name), "%s, share", peers[i]->name);
        snprintf(note, sizeof(note), "%s has %.2f", peers[PTHREAD]->name, trial->shares[PTHREAD]);
        figure.bench = "mutex";
        figure.group = column->group;
        figure.metric = name;
        figure.unit = "min/max";
        figure.value = trial->shares[i];
        figure.package = peers[i]->package;
        figure.is_json_only = i != LG;
        if (i == LG) {
            figure.sense = BENCH_AT_LEAST;
            figure.goal = 0.5;
            figure.note = note;
        }
        bench_record(&figure);
    }
}

static void run_column(struct column *column)
{
    static const struct bench_goal goals[] = {{LG, PTHREAD, BENCH_AT_LEAST, 1.0}};
    struct bench_variant variants[PEERS];
    struct bench_trial trial = {.bench = "mutex",
                                .group = column->group,
                                .unit = "M/s",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = PEERS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample_contended,
                                .arg = column};
    if (!bench_is_wanted(trial.group))
        return;
    fill_variants(variants);
    for (size_t i = 0; i < PEERS; i++)
        variants[i].every = i == PTHREAD || i == LG ? 1 : 3;
    column->crew = bench_crew_start(column->threads, column->threads <= bench_core_count());
    bench_trial_run(&trial);
    bench_crew_end(column->crew);
    for (size_t i = 0; i < PEERS; i++)
        trial.shares[i] = bench_share(column->totals[i], column->threads);
    bench_trial_report(&trial);
    report_shares(column, &trial);
    bench_trial_free(&trial);
}

void bench_mutex(void)
{
    static struct column columns[] = {
        {.group = "2 threads on 2 cores, nothing outside", .threads = 2, .ms = 20, .rounds = 60},
        {.group = "8 threads, nothing outside", .threads = 8, .ms = 80, .rounds = 21},
        {.group = "2 threads on 2 cores, 100 ns outside",
         .threads = 2,
         .outside_ns = 100,
         .ms = 20,
         .rounds = 60},
        {.group = "8 threads, 100 ns outside",
         .threads = 8,
         .outside_ns = 100,
         .ms = 80,
         .rounds = 21},
    };
    run_alone();
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i]);
}
