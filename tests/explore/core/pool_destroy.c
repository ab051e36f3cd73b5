/* A pool is closed and destroyed as soon as nothing is out, while who returned the last lease may not be back
 * from its checkin. */
#include "core.h"

static struct lg_pool *pool;
static struct lg_lease lease;

static void *borrow(void *arg)
{
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
    OK(lg_pool_checkin(pool, &lease));
    return arg;
}

int main(void)
{
    static uint32_t is_out;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    pthread_t other;
    assert(!pthread_create(&other, NULL, borrow, &is_out));
    while (!__atomic_load_n(&is_out, __ATOMIC_ACQUIRE))
        continue;
    OK(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL));
    lg_pool_destroy(pool);
    assert(!pthread_join(other, NULL));
    return 0;
}
