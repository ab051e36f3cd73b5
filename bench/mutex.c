/* Mutex: a pair of lock and unlock, alone and contended. */
#include "harness.h"
#include "outsider.h"
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
enum {
    PTHREAD,
    LG,
    LG_RECURSIVE,
    PTHREAD_RECURSIVE,
    PTHREAD_ERRORCHECK,
    NSYNC,
    GLIB,
    ABSL_OFF,
    ABSL_ON,
    GO,
    VARIANTS
};

static void *cells[PEERS];

/* Baselines are those that do no more than block: what else one checks is not what ours is compared with. */
static void fill_variants(struct bench_variant *variants)
{
    outsiders_start();
    memset(variants, 0, VARIANTS * sizeof(*variants));
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        variants[i].is_baseline = i == PTHREAD || i == NSYNC || i == GLIB || i == ABSL_OFF;
        if (cells[i] == NULL && peers[i]->package == NULL)
            cells[i] = peers[i]->create();
    }
    variants[GO].name = outsider_title(outsider_of(OUTSIDER_GO_MUTEX));
    variants[GO].package = outsider_lacks(outsider_of(OUTSIDER_GO_MUTEX));
}

/* -- alone ------------------------------------------------------------------------------------ */

#define PAIRS 4096 /* some 50 us: shorter than the time between two preemptions */

static double sample_alone(void *arg, size_t variant)
{
    (void)arg;
    if (variant == GO)
        return answer_number(outsider_ask(outsider_of(OUTSIDER_GO_MUTEX), "alone 5"), "ns_a_pair");
    if (peers[variant]->enter != NULL)
        peers[variant]->enter();
    uint64_t start = bench_now();
    peers[variant]->pairs(cells[variant], PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static void run_alone(void)
{
    struct bench_variant variants[VARIANTS];
    struct bench_goal goals[VARIANTS];
    struct bench_trial trial = {.bench = "mutex",
                                .group = "lock + unlock uncontended, one thread pinned",
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .sample = sample_alone};
    if (!bench_is_wanted(trial.group))
        return;
    fill_variants(variants);
    variants[GO].is_baseline = true;
    variants[GO].every = 100; /* a turn of it is long */
    trial.goal_count = bench_goals_fill(goals, LG, variants, VARIANTS, BENCH_AT_MOST);
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
    double go_share; /* of all its turns so far */
};

static double ask_go(struct column *column)
{
    char question[64];
    snprintf(question, sizeof(question), "pool %u %u %u", column->threads, column->outside_ns,
             bench_phase_ms(column->ms));
    const char *answer = outsider_ask(outsider_of(OUTSIDER_GO_MUTEX), question);
    column->go_share = answer_number(answer, "share");
    return answer_number(answer, "throughput") / 1e6;
}

static double sample_contended(void *arg, size_t variant)
{
    struct column *column = arg;
    if (variant == GO)
        return ask_go(column);
    struct bench_phase phase = {.loop = peers[variant]->loop,
                                .self = cells[variant],
                                .ms = bench_phase_ms(column->ms),
                                .outside_ns = column->outside_ns,
                                .thread_totals = column->totals[variant]};
    if (peers[variant]->enter != NULL)
        peers[variant]->enter();
    return bench_crew_run(column->crew, &phase) / 1e6;
}

static void report(struct column *column, struct bench_trial *trial, struct bench_goal *goals)
{
    static const size_t subject = LG;
    for (size_t i = 0; i < PEERS; i++)
        trial->shares[i] =
            peers[i]->package == NULL ? bench_share(column->totals[i], column->threads) : NAN;
    trial->shares[GO] = column->go_share;
    bench_goals_keep_fair(trial, goals);
    bench_trial_report(trial);
    bench_report_shares(trial, &subject, 1);
}

static void run_column(struct column *column)
{
    struct bench_variant variants[VARIANTS];
    struct bench_goal goals[VARIANTS];
    struct bench_trial trial = {.bench = "mutex",
                                .group = column->group,
                                .unit = "M/s",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .sample = sample_contended,
                                .arg = column};
    if (!bench_is_wanted(trial.group))
        return;
    fill_variants(variants);
    for (size_t i = 0; i < VARIANTS; i++)
        variants[i].every = variants[i].is_baseline || i == LG ? 1 : 3;
    trial.goal_count = bench_goals_fill(goals, LG, variants, VARIANTS, BENCH_AT_LEAST);
    column->go_share = NAN;
    column->crew = bench_crew_start(column->threads, column->threads <= bench_core_count());
    bench_trial_run(&trial);
    trial.fair_share =
        bench_crew_fair_share(column->crew, bench_phase_ms(column->ms), trial.rounds);
    bench_crew_end(column->crew);
    report(column, &trial, goals);
    bench_trial_free(&trial);
}

void bench_mutex(void)
{
    static struct column columns[] = {
        {.group = "2 threads on 2 cores, nothing outside", .threads = 2, .ms = 20, .rounds = 40},
        {.group = "8 threads, nothing outside", .threads = 8, .ms = 80, .rounds = 15},
        {.group = "2 threads on 2 cores, 100 ns outside",
         .threads = 2,
         .outside_ns = 100,
         .ms = 20,
         .rounds = 40},
        {.group = "8 threads, 100 ns outside",
         .threads = 8,
         .outside_ns = 100,
         .ms = 80,
         .rounds = 15},
    };
    run_alone();
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i]);
}
