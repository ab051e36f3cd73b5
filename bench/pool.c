/* Pool: a pair of checkout and checkin on a pool of 8, alone and contended. */
#include "harness.h"
#include "peers.h"

#include <string.h>

static const struct pool_peer *const peers[] = {&peer_lifo, &peer_lg_pool, &peer_apr, &peer_fifo,
                                                &peer_gasync};

#define PEERS (sizeof(peers) / sizeof(peers[0]))
enum { LIFO, LG, APR };

static void *pools[PEERS];

/* -- the bare limits -------------------------------------------------------------------------- */

static uint64_t words[2] __attribute__((aligned(BENCH_LINE)));

/* The least that a pair with atomic operations can cost. */
static void exchange_and_store(uint64_t count)
{
    for (; count > 0; count--) {
        (void)__atomic_exchange_n(&words[0], count, __ATOMIC_ACQUIRE);
        __atomic_store_n(&words[0], 0, __ATOMIC_RELEASE);
    }
}

/* The least for a lock-free stack, its tags left out. */
static void two_compare_exchanges(uint64_t count)
{
    uint64_t seen = 0;
    words[1] = 0;
    for (; count > 0; count--) {
        (void)__atomic_compare_exchange_n(&words[1], &seen, count, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED);
        seen = count;
        (void)__atomic_compare_exchange_n(&words[1], &seen, 0, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED);
        seen = 0;
    }
}

static void (*const limits[])(uint64_t) = {exchange_and_store, two_compare_exchanges};
static const char *const limit_names[] = {"limit: exchange + release store",
                                          "limit: two compare-exchanges"};

#define LIMITS (sizeof(limits) / sizeof(limits[0]))

/* -- alone ------------------------------------------------------------------------------------ */

#define PAIRS 2048 /* some 50 us */

static double sample_alone(void *arg, size_t variant)
{
    (void)arg;
    uint64_t start = bench_now();
    if (variant < PEERS)
        peers[variant]->pairs(pools[variant], PAIRS);
    else
        limits[variant - PEERS](PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static void fill_variants(struct bench_variant *variants)
{
    memset(variants, 0, PEERS * sizeof(*variants));
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        if (pools[i] == NULL && peers[i]->package == NULL)
            pools[i] = peers[i]->create(8);
    }
    variants[LIFO].is_baseline = true;
}

static void run_alone(void)
{
    static const struct bench_goal goals[] = {{LG, LIFO, BENCH_AT_MOST, 0.6},
                                              {LG, APR, BENCH_AT_MOST, 0.5}};
    struct bench_variant variants[PEERS + LIMITS] = {0};
    struct bench_trial trial = {.bench = "pool",
                                .group =
                                    "checkout + checkin uncontended, pool of 8, one thread pinned",
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = PEERS + LIMITS,
                                .goals = goals,
                                .goal_count = 2,
                                .sample = sample_alone};
    fill_variants(variants);
    variants[APR].is_baseline = true;
    for (size_t i = 0; i < LIMITS; i++)
        variants[PEERS + i].name = limit_names[i];
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

/* -- contended -------------------------------------------------------------------------------- */

struct column {
    const char *group;
    unsigned threads;
    unsigned hold_ns;
    unsigned ms;
    unsigned rounds;
    struct bench_crew *crew;
    double totals[PEERS][BENCH_CREW_MAX];
    struct bench_histogram waits[PEERS];
};

static double sample_contended(void *arg, size_t variant)
{
    struct column *column = arg;
    struct bench_phase phase = {.loop = peers[variant]->loop,
                                .self = pools[variant],
                                .ms = bench_phase_ms(column->ms),
                                .hold_ns = column->hold_ns,
                                .thread_totals = column->totals[variant],
                                .waits = &column->waits[variant]};
    return bench_crew_run(column->crew, &phase) / 1e6;
}

static void format_ns(char *text, size_t size, double ns)
{
    if (ns < 1000)
        snprintf(text, size, "%.0f ns", ns);
    else if (ns < 1e6)
        snprintf(text, size, "%.1f us", ns / 1e3);
    else
        snprintf(text, size, "%.1f ms", ns / 1e6);
}

static void record_json(const struct column *column, const char *peer, const char *what,
                        const char *unit, double value)
{
    char metric[96];
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    snprintf(metric, sizeof(metric), "%s, %s", peer, what);
    figure.bench = "pool";
    figure.group = column->group;
    figure.metric = metric;
    figure.unit = unit;
    figure.value = value;
    figure.is_json_only = true;
    bench_record(&figure);
}

/* In the table these stand in the row of the throughput; here they are figures of their own. */
static void report_waits(const struct column *column, const struct bench_trial *trial)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (peers[i]->package != NULL)
            continue;
        record_json(column, peers[i]->name, "share", "min/max", trial->shares[i]);
        record_json(column, peers[i]->name, "wait p50", "ns",
                    bench_histogram_ns(&column->waits[i], 0.5));
        record_json(column, peers[i]->name, "wait p99", "ns",
                    bench_histogram_ns(&column->waits[i], 0.99));
    }
}

static void note_waits(struct bench_trial *trial, const struct column *column, size_t peer)
{
    char p50[16];
    char p99[16];
    format_ns(p50, sizeof(p50), bench_histogram_ns(&column->waits[peer], 0.5));
    format_ns(p99, sizeof(p99), bench_histogram_ns(&column->waits[peer], 0.99));
    snprintf(trial->notes[peer], sizeof(trial->notes[peer]), "wait p50 %s, p99 %s", p50, p99);
    trial->shares[peer] = bench_share(column->totals[peer], column->threads);
}

static void run_column(struct column *column)
{
    struct bench_variant variants[PEERS];
    struct bench_trial trial = {.bench = "pool",
                                .group = column->group,
                                .unit = "M/s",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = PEERS,
                                .sample = sample_contended,
                                .arg = column};
    fill_variants(variants);
    column->crew = bench_crew_start(column->threads, column->threads <= bench_core_count());
    bench_trial_run(&trial);
    bench_crew_end(column->crew);
    for (size_t i = 0; i < PEERS; i++)
        if (peers[i]->package == NULL)
            note_waits(&trial, column, i);
    bench_trial_report(&trial);
    report_waits(column, &trial);
    bench_trial_free(&trial);
}

void bench_pool(void)
{
    static struct column columns[] = {
        {.group = "pool of 8, 2 threads on 2 cores, hold 0", .threads = 2, .ms = 20, .rounds = 20},
        {.group = "pool of 8, 8 threads, hold 0", .threads = 8, .ms = 60, .rounds = 10},
        {.group = "pool of 8, 40 threads, hold 0", .threads = 40, .ms = 150, .rounds = 6},
        {.group = "pool of 8, 2 threads on 2 cores, hold 1 us",
         .threads = 2,
         .hold_ns = 1000,
         .ms = 20,
         .rounds = 20},
        {.group = "pool of 8, 8 threads, hold 1 us",
         .threads = 8,
         .hold_ns = 1000,
         .ms = 60,
         .rounds = 10},
        {.group = "pool of 8, 40 threads, hold 1 us",
         .threads = 40,
         .hold_ns = 1000,
         .ms = 150,
         .rounds = 6},
    };
    run_alone();
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i]);
}
