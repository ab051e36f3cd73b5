/* Clear: a thousand idle resources are cleared while another thread checks out without pause.
 *
 * It checks out with LG_TRY, which neither waits for a resource nor for an open: what is left of
 * its time is the path itself and whatever clear makes it wait for inside the pool. */
#include "harness.h"

#include <pthread.h>
#include <stdlib.h>

#include <lifeguard/lifeguard.h>

#define CAPACITY 1000
#define GOAL_US  10.0

struct clearing {
    struct lg_pool *pool;
    unsigned open_count;       /* atomic; the driver's */
    bool is_watching;          /* atomic; the prober is to probe */
    bool is_clearing;          /* atomic; what it sees now counts */
    bool is_over;              /* atomic */
    uint64_t probes;           /* atomic; made since is_watching */
    struct lg_histogram waits; /* the prober's until it is joined, and the next four too */
    struct lg_histogram spins; /* of the control */
    uint64_t ticks;            /* of all waits, */
    uint64_t wait_count;       /* how many they are, */
    uint64_t spin_count;       /* and how often has been spun */
    uint64_t longest;          /* ticks, of this clear; read between two of them */
    pthread_t prober;
};

static void must(int status, const char *what)
{
    if (status != LG_OK)
        bench_fail("clear: %s: %s", what, lg_status_name(status));
}

static int open_counted(void *arg, const struct lg_open *open, void **resource)
{
    struct clearing *clearing = arg;
    (void)open;
    __atomic_add_fetch(&clearing->open_count, 1,
                       __ATOMIC_RELEASE); /* pairs with wait_until_empty */
    *resource = clearing;
    return LG_OK;
}

static void close_counted(void *arg, void *resource)
{
    struct clearing *clearing = arg;
    (void)resource;
    __atomic_sub_fetch(&clearing->open_count, 1,
                       __ATOMIC_RELEASE); /* pairs with wait_until_empty */
}

/* -- the other thread ------------------------------------------------------------------------- */

/* From the call of clear until the last resource is closed. */
static bool is_under_way(const struct clearing *clearing)
{
    return __atomic_load_n(&clearing->is_clearing, __ATOMIC_ACQUIRE) &&
           __atomic_load_n(&clearing->open_count, __ATOMIC_ACQUIRE) > 0;
}

static void probe(struct clearing *clearing)
{
    struct lg_lease lease;
    bool counts = is_under_way(clearing);
    uint64_t start = bench_tick();
    int status = lg_pool_try_checkout(clearing->pool, &lease);
    uint64_t ticks = bench_tick() - start;
    if (status == LG_OK)
        must(lg_pool_checkin(clearing->pool, &lease), "checkin");
    else if (status != LG_EBUSY)
        must(status, "checkout");
    __atomic_add_fetch(&clearing->probes, 1, __ATOMIC_RELEASE); /* pairs with wait_for_probes */
    if (!counts && !is_under_way(clearing))
        return;
    lg_histogram_record(&clearing->waits, ticks);
    clearing->ticks += ticks;
    clearing->wait_count++;
    if (ticks > clearing->longest)
        clearing->longest = ticks;
}

/* The control: as many turns as there were probes, of their mean length, in no pool.  What is long there
 * is long because somebody else had the core. */
static void spin_as_often(struct clearing *clearing)
{
    for (; clearing->spin_count < clearing->wait_count; clearing->spin_count++) {
        uint64_t start = bench_tick();
        uint64_t now = start;
        while (now - start < clearing->ticks / clearing->wait_count)
            now = bench_tick();
        lg_histogram_record(&clearing->spins, now - start);
    }
}

static void *run_prober(void *arg)
{
    struct clearing *clearing = arg;
    bench_pin(bench_core(1));
    while (!__atomic_load_n(&clearing->is_over, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&clearing->is_watching, __ATOMIC_ACQUIRE))
            probe(clearing);
        else
            bench_sleep_us(50);
        if (!__atomic_load_n(&clearing->is_watching, __ATOMIC_ACQUIRE))
            spin_as_often(clearing);
    }
    return NULL;
}

/* -- one clear -------------------------------------------------------------------------------- */

static void fill(struct clearing *clearing)
{
    static struct lg_lease leases[CAPACITY];
    for (unsigned i = 0; i < CAPACITY; i++)
        must(lg_pool_checkout(clearing->pool, LG_FOREVER, &leases[i]), "checkout");
    for (unsigned i = 0; i < CAPACITY; i++)
        must(lg_pool_checkin(clearing->pool, &leases[i]), "checkin");
}

static void wait_for_probes(struct clearing *clearing, uint64_t count)
{
    uint64_t end = __atomic_load_n(&clearing->probes, __ATOMIC_ACQUIRE) + count;
    while (__atomic_load_n(&clearing->probes, __ATOMIC_ACQUIRE) < end)
        ;
}

/* Whoever closes them, and whenever.  Asleep, so that whoever closes has this core and need not take the
 * prober's; and for long: who wakes up takes the core from whoever closes, perhaps inside the pool. */
static void wait_until_empty(struct clearing *clearing)
{
    while (__atomic_load_n(&clearing->open_count, __ATOMIC_ACQUIRE) > 0)
        bench_sleep_us(1000);
}

enum { CALL, LONGEST, FIGURES };

static void clear_once(struct clearing *clearing, double *figures)
{
    fill(clearing);
    clearing->longest = 0;
    __atomic_store_n(&clearing->is_watching, true, __ATOMIC_RELEASE);
    wait_for_probes(clearing, 100);
    __atomic_store_n(&clearing->is_clearing, true, __ATOMIC_RELEASE);
    uint64_t start = bench_now();
    must(lg_pool_clear(clearing->pool, 0), "clear");
    figures[CALL] = (double)(bench_now() - start) / 1e3;
    wait_until_empty(clearing);
    __atomic_store_n(&clearing->is_clearing, false, __ATOMIC_RELEASE);
    wait_for_probes(clearing, 2); /* the one that was under way has been counted */
    __atomic_store_n(&clearing->is_watching, false, __ATOMIC_RELEASE);
    figures[LONGEST] = (double)clearing->longest * bench_tick_ns() / 1e3;
}

/* -- the report ------------------------------------------------------------------------------- */

static const char group[] = "1000 resources cleared, another thread checks out meanwhile";

static void record(const char *metric, struct bench_quartiles values, double goal)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "clear";
    figure.group = group;
    figure.metric = metric;
    figure.unit = "us";
    figure.value = values.median;
    figure.spread = values.high > values.low ? bench_spread(values) : NAN;
    figure.sense = isnan(goal) ? BENCH_INFO : BENCH_AT_MOST;
    figure.goal = goal;
    bench_record(&figure);
}

static void report(const struct clearing *clearing, const double *samples, unsigned rounds)
{
    double *values = bench_alloc(rounds * sizeof(*values));
    double p999 = bench_quantile_ns(&clearing->waits, 0.999) / 1e3;
    double p50 = bench_quantile_ns(&clearing->waits, 0.5) / 1e3;
    double spun = bench_quantile_ns(&clearing->spins, 0.999) / 1e3;
    record("a checkout meanwhile, p99.9", (struct bench_quartiles){p999, p999, p999}, GOAL_US);
    record("as often as long in no pool, p99.9 (control)",
           (struct bench_quartiles){spun, spun, spun}, NAN);
    record("a checkout meanwhile, p50", (struct bench_quartiles){p50, p50, p50}, NAN);
    for (unsigned i = 0; i < rounds; i++)
        values[i] = samples[i * FIGURES + LONGEST];
    record("the longest of each clear", bench_quartiles(values, rounds), NAN);
    for (unsigned i = 0; i < rounds; i++)
        values[i] = samples[i * FIGURES + CALL];
    record("the call of lg_pool_clear", bench_quartiles(values, rounds), NAN);
    free(values);
}

void bench_clear(void)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("counted", open_counted, close_counted);
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    unsigned rounds = bench_rounds(100);
    if (!bench_is_wanted(group) || bench_core_count() < 2)
        return;
    struct clearing *clearing = bench_alloc(sizeof(*clearing));
    double *samples = bench_alloc(rounds * FIGURES * sizeof(*samples));
    options.name = "bench, clear";
    options.capacity = CAPACITY;
    must(lg_pool_create(&driver, clearing, &options, &clearing->pool), "create");
    if (pthread_create(&clearing->prober, NULL, run_prober, clearing) != 0)
        bench_fail("cannot start a thread");
    bench_pin(bench_core(0));
    for (unsigned i = 0; i < rounds; i++)
        clear_once(clearing, &samples[i * FIGURES]);
    bench_unpin();
    __atomic_store_n(&clearing->is_over, true, __ATOMIC_RELEASE);
    pthread_join(clearing->prober, NULL);
    report(clearing, samples, rounds);
    must(lg_pool_close(clearing->pool, LG_FOREVER, NULL, 0, NULL), "close");
    lg_pool_destroy(clearing->pool);
    free(samples);
    free(clearing);
}
