/* A resource is evicted while it is being opened, lent or returned: when that was granted, nobody gets it any
 * more. */
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

static void *evict(void *arg)
{
    struct lg_lease lease;
    int status = lg_pool_evict(pool, 1, 0);
    assert(status == LG_OK || status == LG_ESTALE);
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    assert(status != LG_OK || lg_lease_id(&lease) != 1);
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
    run_two(work, evict);
    lg_pool_destroy(pool);
    return 0;
}
