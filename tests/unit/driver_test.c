/* What the functions of a driver may do with the pool that calls them: driver.h says it. */
#include "support/crew.h"
#include "support/null_driver.h"

static struct scene {
    struct null_driver *driver;
    struct lg_driver table; /* the driver's own functions */
    struct lg_pool *pool;
    struct lg_lease copy;     /* of the lease that is being returned */
    uint32_t calls;           /* atomic */
    int taken, back, resized; /* statuses; atomic */
} scene;

static void keep(int *where, int status)
{
    __atomic_store_n(where, status, __ATOMIC_SEQ_CST);
}

/* All for which nobody else has to do something. */
static void use_the_pool(void)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_lease lease, copy = scene.copy;
    keep(&scene.taken, lg_pool_checkout(scene.pool, LG_TRY, &lease));
    keep(&scene.back, lg_pool_checkin(scene.pool, &copy));
    keep(&scene.resized, lg_pool_resize(scene.pool, 0, 1));
    (void)!lg_pool_stats(scene.pool, &stats);
    (void)lg_pool_holders(scene.pool, NULL, 0);
    __atomic_add_fetch(&scene.calls, 1, __ATOMIC_SEQ_CST);
}

static int open_and_use(void *arg, const struct lg_open *open, void **resource)
{
    int status = scene.table.open(arg, open, resource); /* first: it has to be on a fresh thread */
    use_the_pool();
    return status;
}

static void close_and_use(void *arg, void *resource)
{
    use_the_pool();
    scene.table.close(arg, resource);
}

static int check_and_use(void *arg, void *resource)
{
    use_the_pool();
    return scene.table.check(arg, resource);
}

static int reset_and_use(void *arg, void *resource)
{
    use_the_pool();
    return scene.table.reset(arg, resource);
}

static void interrupt_and_use(void *arg, void *resource)
{
    use_the_pool();
    scene.table.interrupt(arg, resource);
}

/* A pool of one, all of whose calls use it: set up in main's thread before any open. */
static void begin_scene(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    scene = (struct scene){.driver = null_begin()};
    scene.table = scene.driver->table;
    scene.driver->table.open = open_and_use;
    scene.driver->table.close = close_and_use;
    scene.driver->table.check = check_and_use;
    scene.driver->table.reset = reset_and_use;
    scene.driver->table.interrupt = interrupt_and_use;
    options.capacity = 1;
    options.check_after_ms = NULL_CHECK_MS;
    scene.pool = null_pool(scene.driver, &options);
}

/* So many calls have been made until now; what the last one was told. */
static void assert_used(uint32_t calls, int taken, int back)
{
    assert_int_equal(__atomic_load_n(&scene.calls, __ATOMIC_SEQ_CST), calls);
    assert_status(__atomic_load_n(&scene.taken, __ATOMIC_SEQ_CST), taken);
    assert_status(__atomic_load_n(&scene.back, __ATOMIC_SEQ_CST), back);
    assert_status(__atomic_load_n(&scene.resized, __ATOMIC_SEQ_CST), LG_OK);
}

static void each_function_may_use_its_pool(void **state)
{
    (void)state;
    begin_scene();
    struct lg_lease lease;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &lease), LG_OK);
    assert_used(1, LG_EBUSY, LG_ESTALE); /* open: its slot is taken, and nothing is lent */
    scene.copy = lease;
    assert_status(lg_pool_checkin(scene.pool, &lease), LG_OK);
    assert_used(2, LG_EBUSY, LG_ESTALE); /* reset: that lease is over */
    null_age(scene.pool);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &lease), LG_OK);
    assert_used(3, LG_EBUSY, LG_ESTALE); /* check */
    assert_status(lg_pool_clear(scene.pool, LG_CLEAR_INTERRUPT), LG_OK);
    assert_used(4, LG_EPAUSED, LG_ESTALE); /* interrupt */
    scene.copy = lease;
    assert_status(lg_pool_checkin(scene.pool, &lease), LG_OK);
    null_wait_closed(scene.driver, 1);
    assert_used(5, LG_EPAUSED, LG_ESTALE); /* close */
    null_end(scene.driver, scene.pool);
}

static int close_pool(void *arg, void *resource)
{
    (void)arg, (void)resource;
    keep(&scene.taken, lg_pool_close(scene.pool, lg_after_ms(1), NULL, 0, NULL));
    return LG_OK;
}

/* What it would wait for is the resource that it is called about. */
static void a_reset_may_close_the_pool_and_does_not_wait_for_itself(void **state)
{
    (void)state;
    scene = (struct scene){.driver = null_begin()};
    scene.driver->table.reset = close_pool;
    scene.pool = null_pool_of(scene.driver, 1);
    struct lg_lease lease = null_take(scene.pool);
    assert_status(lg_pool_checkin(scene.pool, &lease), LG_OK);
    assert_status(__atomic_load_n(&scene.taken, __ATOMIC_SEQ_CST), LG_ETIMEDOUT);
    assert_status(lg_pool_close(scene.pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    null_end(scene.driver, scene.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(each_function_may_use_its_pool),
        SUPPORT_TEST(a_reset_may_close_the_pool_and_does_not_wait_for_itself),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
