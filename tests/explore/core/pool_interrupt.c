/* A clear that interrupts opens, while the detector looks at one who waits for such an open and holds a mutex that
 * another wants. */
#include "core.h"

static struct lg_pool *pool;
static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");

static void *lend_locked(void *arg)
{
    struct lg_lease lease;
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    int status = lg_pool_checkout(pool, LG_FOREVER, &lease);
    assert(status == LG_OK || status == LG_EPAUSED);
    if (status == LG_OK)
        OK(lg_pool_checkin(pool, &lease));
    lg_mutex_unlock(&mutex);
    return arg;
}

static void *want_mutex(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    lg_mutex_unlock(&mutex);
    return arg;
}

static void *interrupt(void *arg)
{
    OK(lg_pool_clear(pool, LG_CLEAR_INTERRUPT));
    OK(lg_pool_ready(pool));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.period_ms = LG_PERIOD_NEVER;
    pool = make_pool(&options);
    run_three(lend_locked, want_mutex, interrupt);
    lg_pool_destroy(pool);
    return 0;
}
