/* A context whose bias is being taken back turns to another slot, and earns a bias on that: whoever takes the
 * first back must not take what is said of the second for the verdict. */
#include "core.h"
#include "pool/pool.h"

static struct lg_pool *pool;
static struct lg_lease stale;

/* A copy of a lease that is in already: told so, after all biases have been taken back. */
static void *return_stale(void *arg)
{
    assert(lg_pool_checkin(pool, &stale) == LG_ESTALE);
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    pool = make_pool(&options);
    struct lg_lease leases[2];
    OK(lg_pool_checkout_many(pool, 2, LG_FOREVER, leases)); /* both are open */
    stale = leases[0];
    OK(lg_pool_checkin_many(pool, 2, leases));
    pool->bias_after = 1; /* the second loan in a row */
    lend(pool, 3);
    assert(pool->biased_count == 1);
    stale.slot =
        (uint32_t)((struct lg__slot *)lg__hint_of(pool, lg_context_self())->slot - pool->slots);
    pthread_t other;
    assert(!pthread_create(&other, NULL, return_stale, NULL));
    lend(pool, 1);
    OK(lg_pool_checkout(pool, LG_FOREVER, &leases[0])); /* it may earn the other by that, */
    assert(!pthread_join(other, NULL));
    OK(lg_pool_checkout(pool, LG_TRY, &leases[1])); /* and has not lost the first */
    OK(lg_pool_checkin_many(pool, 2, leases));
    lg_pool_destroy(pool);
    return 0;
}
