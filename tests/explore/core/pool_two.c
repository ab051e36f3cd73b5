/* Two resources come back at nearly the same moment for two who wait and need each other: what comes back while
 * one is on its way wakes the other too. */
#include "core.h"

static struct lg_pool *pool;
static pthread_barrier_t both;

static void *work(void *arg)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    pthread_barrier_wait(&both);
    use(&lease);
    OK(lg_pool_checkin(pool, &lease));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    pool = make_pool(&options);
    struct lg_lease leases[2];
    pthread_t threads[2];
    assert(!pthread_barrier_init(&both, NULL, 2));
    for (int i = 0; i < 2; i++)
        OK(lg_pool_checkout(pool, LG_FOREVER, &leases[i]));
    for (int i = 0; i < 2; i++)
        assert(!pthread_create(&threads[i], NULL, work, NULL));
    for (int i = 0; i < 2; i++)
        OK(lg_pool_checkin(pool, &leases[i]));
    for (int i = 0; i < 2; i++)
        assert(!pthread_join(threads[i], NULL));
    lg_pool_destroy(pool);
    return 0;
}
