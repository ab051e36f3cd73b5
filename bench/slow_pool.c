#include "slow_pool.h"

#include <stdlib.h>

struct slow_pool {
    struct lg_pool *pool;
    unsigned opened; /* this and the next: atomic relaxed, they only count */
    unsigned closed;
};

static void must(int status, const char *what)
{
    if (status != LG_OK)
        bench_fail("slow pool: %s: %s", what, lg_status_name(status));
}

static int open_slowly(void *arg, const struct lg_open *open, void **resource)
{
    struct slow_pool *slow = arg;
    (void)open;
    bench_sleep_us(SLOW_POOL_OPEN_MS * 1000);
    __atomic_add_fetch(&slow->opened, 1, __ATOMIC_RELAXED);
    *resource = slow;
    return LG_OK;
}

static void close_counted(void *arg, void *resource)
{
    struct slow_pool *slow = arg;
    (void)resource;
    __atomic_add_fetch(&slow->closed, 1, __ATOMIC_RELAXED);
}

struct lg_pool_options slow_pool_options(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "slow";
    options.capacity = SLOW_POOL_CAPACITY;
    options.min_size = SLOW_POOL_IDLE;
    return options;
}

static void wait_until_idle(struct slow_pool *slow)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    do {
        bench_sleep_us(1000);
        must(lg_pool_stats(slow->pool, &stats), "stats");
    } while (stats.idle < SLOW_POOL_IDLE);
}

/* The pool opens its minimum in the background, and so learns how long an open takes. */
struct slow_pool *slow_pool_start(const struct lg_pool_options *options)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("slow", open_slowly, close_counted);
    struct slow_pool *slow = bench_alloc(sizeof(*slow));
    must(lg_pool_create(&driver, slow, options, &slow->pool), "create");
    wait_until_idle(slow);
    return slow;
}

void slow_pool_end(struct slow_pool *slow)
{
    must(lg_pool_close(slow->pool, LG_FOREVER, NULL, 0, NULL), "close");
    lg_pool_destroy(slow->pool);
    free(slow);
}

void slow_pool_take(struct slow_pool *slow, struct lg_lease *lease)
{
    must(lg_pool_checkout(slow->pool, LG_FOREVER, lease), "checkout");
}

void slow_pool_give(struct slow_pool *slow, struct lg_lease *lease)
{
    must(lg_pool_checkin(slow->pool, lease), "checkin");
}

unsigned slow_pool_open(const struct slow_pool *slow)
{
    return __atomic_load_n(&slow->opened, __ATOMIC_RELAXED) -
           __atomic_load_n(&slow->closed, __ATOMIC_RELAXED);
}

unsigned slow_pool_opened(const struct slow_pool *slow)
{
    return __atomic_load_n(&slow->opened, __ATOMIC_RELAXED) - SLOW_POOL_IDLE;
}
