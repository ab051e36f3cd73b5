/* A pool is cleared while it is used: what was open before is lent no more once the clear has returned. */
#include "core.h"

static struct lg_pool *pool;

static void *work(void *arg)
{
    for (int i = 0; i < 2; i++) {
        struct lg_lease lease;
        OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
        use(&lease);
        OK(lg_pool_checkin(pool, &lease));
    }
    return arg;
}

static void *clear(void *arg)
{
    struct lg_lease lease;
    uint32_t opened = __atomic_load_n(&opened_count, __ATOMIC_RELAXED);
    OK(lg_pool_clear(pool, 0));
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    assert((struct resource *)lease.resource >= resources + opened);
    use(&lease);
    OK(lg_pool_checkin(pool, &lease));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.period_ms = LG_PERIOD_NEVER;
    pool = make_pool(&options);
    lend(pool, 1);
    run_two(work, clear);
    lg_pool_destroy(pool);
    return 0;
}
