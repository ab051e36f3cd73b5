/* Two threads, one resource that is not open yet: it is opened once, for the first, and lent to both. */
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

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    run_two(work, work);
    assert(opened_count == 1);
    lg_pool_destroy(pool);
    return 0;
}
