/* A thread ends with a lease: the pool takes it back, once, and who waits for it gets it. */
#include "core.h"

static struct lg_pool *pool;

static void *leave(void *arg)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    use(&lease);
    return arg;
}

static void *take(void *arg)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    use(&lease);
    OK(lg_pool_checkin(pool, &lease));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.reclaim_orphans = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    run_two(leave, take);
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    OK(lg_pool_checkin(pool, &lease));
    lg_pool_destroy(pool);
    return 0;
}
