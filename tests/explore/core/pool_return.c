/* Two return copies of one lease at the same moment, that of a biased slot: one of them has returned it. */
#include "core.h"
#include "pool/pool.h"

static struct lg_pool *pool;
static struct lg_lease copy;
static uint32_t returned;

static void give_back(struct lg_lease *lease)
{
    int status = lg_pool_checkin(pool, lease);
    assert(status == LG_OK || status == LG_ESTALE);
    if (status == LG_OK)
        count_up(&returned);
}

static void *give_back_copy(void *arg)
{
    give_back(&copy);
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    pool->bias_after = 1; /* the second loan in a row */
    lend(pool, 3);
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    copy = lease;
    pthread_t other;
    assert(!pthread_create(&other, NULL, give_back_copy, NULL));
    give_back(&lease);
    assert(!pthread_join(other, NULL));
    assert(returned == 1);
    lg_pool_destroy(pool);
    return 0;
}
