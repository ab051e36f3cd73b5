/* Rwlock: pairs of lock and unlock, to read and to write; how reading scales; one write in twenty, and in ten
 * thousand; what the first write takes after many have read. */
#include "harness.h"
#include "outsider.h"
#include "peers.h"

#include <string.h>

static const struct rwlock_peer *const peers[] = {
    &peer_pthread_rwlock, &peer_lg_rwlock,       &peer_nsync_rwlock,
    &peer_grwlock,        &peer_absl_rwlock_off, &peer_absl_rwlock_on,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))
enum { PTHREAD, LG, NSYNC, GLIB, ABSL_OFF, ABSL_ON, GO, VARIANTS };

static void *cells[PEERS];

static void fill_variants(struct bench_variant *variants, enum outsider_name go)
{
    outsiders_start();
    memset(variants, 0, VARIANTS * sizeof(*variants));
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        if (cells[i] == NULL && peers[i]->package == NULL)
            cells[i] = peers[i]->create();
    }
    variants[GO].name = outsider_title(outsider_of(go));
    variants[GO].package = outsider_lacks(outsider_of(go));
    for (size_t i = 0; i < VARIANTS; i++)
        variants[i].is_baseline = i != LG && i != ABSL_ON;
}

/* -- alone ------------------------------------------------------------------------------------ */

#define PAIRS 4096

static double sample_alone(const bool *writes, size_t variant)
{
    if (variant == GO)
        return answer_number(
            outsider_ask(outsider_of(*writes ? OUTSIDER_GO_WRITE : OUTSIDER_GO_READ), "alone 5"),
            "ns_a_pair");
    const struct rwlock_peer *peer = peers[variant];
    if (peer->enter != NULL)
        peer->enter();
    uint64_t start = bench_now();
    (*writes ? peer->write_pairs : peer->read_pairs)(cells[variant], PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static double sample_pairs(void *arg, size_t variant)
{
    return sample_alone(arg, variant);
}

static void run_alone(const char *group, bool writes)
{
    struct bench_variant variants[VARIANTS];
    struct bench_goal goals[VARIANTS];
    if (!bench_is_wanted(group))
        return;
    fill_variants(variants, writes ? OUTSIDER_GO_WRITE : OUTSIDER_GO_READ);
    variants[GO].every = 100;
    struct bench_trial trial = {.bench = "rwlock",
                                .group = group,
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count =
                                    bench_goals_fill(goals, LG, variants, VARIANTS, BENCH_AT_MOST),
                                .sample = sample_pairs,
                                .arg = &writes};
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

/* -- together --------------------------------------------------------------------------------- */

enum mix { READ_ONLY, MIXED, RARELY_WRITTEN };

static bench_loop *loop_of(const struct rwlock_peer *peer, enum mix mix)
{
    bench_loop *const loops[] = {peer->read_loop, peer->mix_loop, peer->rare_loop};
    return loops[mix];
}

static const enum outsider_name go_of[] = {OUTSIDER_GO_READ, OUTSIDER_GO_MIX, OUTSIDER_GO_RARE};

/* One column: a number of threads, how often they write, and what they do between two locks. */
struct column {
    const char *group;
    unsigned threads;
    enum mix mix;
    unsigned outside_ns;
    unsigned ms;
    unsigned rounds;
    struct bench_crew *crew;
    double totals[PEERS][BENCH_CREW_MAX];
    double go_share; /* of all its turns so far */
};

static double ask_go_column(struct column *column)
{
    char question[64];
    snprintf(question, sizeof(question), "pool %u %u %u", column->threads, column->outside_ns,
             bench_phase_ms(column->ms));
    const char *answer = outsider_ask(outsider_of(go_of[column->mix]), question);
    column->go_share = answer_number(answer, "share");
    return answer_number(answer, "throughput") / 1e6;
}

static double sample_column(void *arg, size_t variant)
{
    struct column *column = arg;
    if (variant == GO)
        return ask_go_column(column);
    const struct rwlock_peer *peer = peers[variant];
    struct bench_phase phase = {.loop = loop_of(peer, column->mix),
                                .self = cells[variant],
                                .ms = bench_phase_ms(column->ms),
                                .outside_ns = column->outside_ns,
                                .thread_totals = column->totals[variant]};
    if (peer->enter != NULL)
        peer->enter();
    return bench_crew_run(column->crew, &phase) / 1e6;
}

/* Among readers nobody keeps anybody from the lock, so there the fastest counts, whatever its share. */
static void report(struct column *column, struct bench_trial *trial, struct bench_goal *goals)
{
    static const size_t subject = LG;
    for (size_t i = 0; i < PEERS; i++)
        trial->shares[i] =
            peers[i]->package == NULL ? bench_share(column->totals[i], column->threads) : NAN;
    trial->shares[GO] = column->go_share;
    if (column->mix != READ_ONLY)
        bench_goals_keep_fair(trial, goals);
    bench_trial_report(trial);
    bench_report_shares(trial, &subject, 1);
}

static void run_column(struct column *column)
{
    struct bench_variant variants[VARIANTS];
    struct bench_goal goals[VARIANTS];
    if (!bench_is_wanted(column->group))
        return;
    fill_variants(variants, go_of[column->mix]);
    struct bench_trial trial = {.bench = "rwlock",
                                .group = column->group,
                                .unit = "M/s",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count =
                                    bench_goals_fill(goals, LG, variants, VARIANTS, BENCH_AT_LEAST),
                                .sample = sample_column,
                                .arg = column};
    column->go_share = NAN;
    column->crew = bench_crew_start(column->threads, column->threads <= bench_core_count());
    bench_trial_run(&trial);
    trial.fair_share =
        bench_crew_fair_share(column->crew, bench_phase_ms(column->ms), trial.rounds);
    bench_crew_end(column->crew);
    report(column, &trial, goals);
    bench_trial_free(&trial);
}

/* -- the first write -------------------------------------------------------------------------- */

/* All of the crew read for a while and stop; then one write, in ns.  Whoever made reading cheap pays for it here. */
static double sample_first_write(void *arg, size_t variant)
{
    struct column *column = arg;
    const struct rwlock_peer *peer = peers[variant];
    struct bench_phase phase = {
        .loop = peer->read_loop, .self = cells[variant], .ms = bench_phase_ms(column->ms)};
    if (peer->enter != NULL)
        peer->enter();
    bench_crew_run(column->crew, &phase);
    uint64_t start = bench_now();
    peer->write_pairs(cells[variant], 1);
    return (double)(bench_now() - start);
}

static void run_first_write(struct column *column)
{
    struct bench_variant variants[VARIANTS];
    if (!bench_is_wanted(column->group))
        return;
    fill_variants(variants, OUTSIDER_GO_READ);
    struct bench_trial trial = {.bench = "rwlock",
                                .group = column->group,
                                .unit = "ns",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = GO, /* cannot be asked for a single write */
                                .sample = sample_first_write,
                                .arg = column};
    column->crew = bench_crew_start(column->threads, false);
    bench_trial_run(&trial);
    bench_crew_end(column->crew);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

void bench_rwlock(void)
{
    static struct column columns[] = {
        {.group = "2 threads on 2 cores read", .threads = 2, .ms = 20, .rounds = 15},
        {.group = "8 threads read", .threads = 8, .ms = 40, .rounds = 9},
        {.group = "2 threads on 2 cores, 1 in 10000 writes",
         .threads = 2,
         .mix = RARELY_WRITTEN,
         .ms = 20,
         .rounds = 15},
        {.group = "8 threads, 1 in 10000 writes",
         .threads = 8,
         .mix = RARELY_WRITTEN,
         .ms = 40,
         .rounds = 9},
        {.group = "2 threads on 2 cores, 1 in 20 writes, 100 ns outside",
         .threads = 2,
         .mix = MIXED,
         .outside_ns = 100,
         .ms = 20,
         .rounds = 15},
        {.group = "8 threads, 1 in 20 writes, 100 ns outside",
         .threads = 8,
         .mix = MIXED,
         .outside_ns = 100,
         .ms = 40,
         .rounds = 9},
    };
    run_alone("read lock + unlock uncontended, one thread pinned", false);
    run_alone("write lock + unlock uncontended, one thread pinned", true);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i]);
    struct column first_write = {
        .group = "the first write after 8 threads have read", .threads = 8, .ms = 5, .rounds = 25};
    run_first_write(&first_write);
}
