/* Two threads and one resource: it is lent to one at a time, and each gets its turn. */
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

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    run_two(work, work);
    lg_pool_destroy(pool);
    return 0;
}
