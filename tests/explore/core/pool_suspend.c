/* A pool is suspended and resumed while it is used: who waits for the resume is served. */
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

static void *suspend(void *arg)
{
    OK(lg_pool_suspend(pool));
    OK(lg_pool_resume(pool));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    run_three(work, suspend, work);
    lg_pool_destroy(pool);
    return 0;
}
