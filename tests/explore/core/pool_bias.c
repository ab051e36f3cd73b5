/* A slot that is biased to a thread, which lends it to itself by plain stores while another finds nothing idle
 * and takes the bias back. */
#include "core.h"
#include "pool/pool.h"

static struct lg_pool *pool;

static void take(void)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    use(&lease);
    OK(lg_pool_checkin(pool, &lease));
}

static void *take_once(void *arg)
{
    take();
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    pool->bias_after = 1; /* the second loan in a row */
    lend(pool, 3);
    assert(pool->biased_count == 1);
    pthread_t other;
    assert(!pthread_create(&other, NULL, take_once, NULL));
    take();
    assert(!pthread_join(other, NULL));
    lg_pool_destroy(pool);
    return 0;
}
