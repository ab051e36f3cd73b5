/* A pool of two becomes one of one and of two again while both are lent, or one is waited for. */
#include "core.h"

static struct lg_pool *pool;

static void *work(void *arg)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    use(&lease);
    OK(lg_pool_checkin(pool, &lease));
    return arg;
}

static void *resize(void *arg)
{
    OK(lg_pool_resize(pool, 0, 1));
    OK(lg_pool_resize(pool, 0, 2));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.period_ms = LG_PERIOD_NEVER;
    pool = make_pool(&options);
    run_three(work, resize, work);
    lg_pool_destroy(pool);
    return 0;
}
