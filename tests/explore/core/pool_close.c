/* A pool is closed while it is used: who waits is told, what is lent is closed when it is back, and the close
 * returns when nothing is out. */
#include "core.h"

static struct lg_pool *pool;

static void *work(void *arg)
{
    struct lg_lease lease;
    int status = lg_pool_checkout(pool, LG_FOREVER, &lease);
    assert(status == LG_OK || status == LG_ECLOSED);
    if (status == LG_OK) {
        use(&lease);
        OK(lg_pool_checkin(pool, &lease));
    }
    return arg;
}

static void *end(void *arg)
{
    size_t count = 1;
    OK(lg_pool_close(pool, LG_FOREVER, NULL, 0, &count));
    assert(count == 0);
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    run_three(work, end, work);
    lg_pool_destroy(pool);
    return 0;
}
