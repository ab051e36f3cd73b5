/* Clearing: the pool, the thread that checks out, and the one that clears. */
#include "clearing.h"

#include <pthread.h>
#include <stdlib.h>

#include <lifeguard/lifeguard.h>

#define CAPACITY 1000

struct clearing {
    struct lg_pool *pool;
    uint64_t (*clock)(void);
    struct clearing_figures
        *figures;        /* checkouts: the prober's until it is joined, as longest is */
    uint64_t longest;    /* ticks, of this clear; read between two of them */
    unsigned open_count; /* atomic; the driver's */
    bool is_watching;    /* atomic; the prober is to probe */
    bool is_clearing;    /* atomic; what it sees now counts */
    bool is_over;        /* atomic */
    uint64_t probes;     /* atomic; made since is_watching */
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
    uint64_t start = clearing->clock();
    int status = lg_pool_try_checkout(clearing->pool, &lease);
    uint64_t ticks = clearing->clock() - start;
    if (status == LG_OK)
        must(lg_pool_checkin(clearing->pool, &lease), "checkin");
    else if (status != LG_EBUSY)
        must(status, "checkout");
    __atomic_add_fetch(&clearing->probes, 1, __ATOMIC_RELEASE); /* pairs with wait_for_probes */
    if (!counts && !is_under_way(clearing))
        return;
    lg_histogram_record(&clearing->figures->checkouts, ticks);
    if (ticks > clearing->longest)
        clearing->longest = ticks;
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

static void clear_once(struct clearing *clearing, unsigned round)
{
    fill(clearing);
    clearing->longest = 0;
    __atomic_store_n(&clearing->is_watching, true, __ATOMIC_RELEASE);
    wait_for_probes(clearing, 100);
    __atomic_store_n(&clearing->is_clearing, true, __ATOMIC_RELEASE);
    uint64_t start = bench_now();
    must(lg_pool_clear(clearing->pool, 0), "clear");
    clearing->figures->calls_us[round] = (double)(bench_now() - start) / 1e3;
    wait_until_empty(clearing);
    __atomic_store_n(&clearing->is_clearing, false, __ATOMIC_RELEASE);
    wait_for_probes(clearing, 2); /* the one that was under way has been counted */
    __atomic_store_n(&clearing->is_watching, false, __ATOMIC_RELEASE);
    clearing->figures->longest_us[round] = (double)clearing->longest * bench_tick_ns() / 1e3;
}

void clearing_run(unsigned rounds, uint64_t (*clock)(void), struct clearing_figures *figures)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("counted", open_counted, close_counted);
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct clearing *clearing = bench_alloc(sizeof(*clearing));
    clearing->clock = clock;
    clearing->figures = figures;
    options.name = "bench, clear";
    options.capacity = CAPACITY;
    must(lg_pool_create(&driver, clearing, &options, &clearing->pool), "create");
    if (pthread_create(&clearing->prober, NULL, run_prober, clearing) != 0)
        bench_fail("cannot start a thread");
    bench_pin(bench_core(0));
    for (unsigned i = 0; i < rounds; i++)
        clear_once(clearing, i);
    bench_unpin();
    __atomic_store_n(&clearing->is_over, true, __ATOMIC_RELEASE);
    pthread_join(clearing->prober, NULL);
    must(lg_pool_close(clearing->pool, LG_FOREVER, NULL, 0, NULL), "close");
    lg_pool_destroy(clearing->pool);
    free(clearing);
}
