/* Two threads hold one of two resources each and want one more: exactly one is told, and the other gets it. */
#include "core.h"

static struct lg_pool *pool;
static uint32_t victims, served;

static void *work(void *arg)
{
    struct lg_lease first, second;
    OK(lg_pool_checkout(pool, LG_FOREVER, &first));
    int status = lg_pool_checkout(pool, LG_FOREVER, &second);
    assert(status == LG_OK || status == LG_EDEADLK);
    count_up(status == LG_OK ? &served : &victims);
    if (status == LG_OK) {
        use(&second);
        OK(lg_pool_checkin(pool, &second));
    }
    OK(lg_pool_checkin(pool, &first));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    pool = make_pool(&options);
    run_two(work, work);
    assert(victims <= 1 && victims + served == 2);
    lg_pool_destroy(pool);
    return 0;
}
