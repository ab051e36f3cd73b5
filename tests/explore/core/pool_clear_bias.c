/* A pool is cleared while a thread earns a bias on its resource: what was open before the clear is lent no more
 * once that has returned, by plain stores either. */
#include "core.h"
#include "pool/pool.h"

static struct lg_pool *pool;
static uint32_t is_cleared;

static void *clear(void *arg)
{
    OK(lg_pool_clear(pool, 0));
    __atomic_store_n(&is_cleared, 1, __ATOMIC_RELEASE);
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.period_ms = LG_PERIOD_NEVER;
    pool = make_pool(&options);
    pool->bias_after = 1; /* the second loan in a row */
    lend(pool, 1);
    pthread_t other;
    assert(!pthread_create(&other, NULL, clear, NULL));
    for (int i = 0; i < 3; i++) {
        struct lg_lease lease;
        uint32_t was_cleared = __atomic_load_n(&is_cleared, __ATOMIC_ACQUIRE);
        OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
        assert(!was_cleared || lease.resource != &resources[0]);
        use(&lease);
        OK(lg_pool_checkin(pool, &lease));
    }
    assert(!pthread_join(other, NULL));
    lg_pool_destroy(pool);
    return 0;
}
