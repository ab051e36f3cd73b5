/* Seeds/000: forty threads that each query, reset the pool, and query again.  Nobody may get a
 * resource that another has, that is closed, or that was opened before its own reset. */
#include "support/crew.h"
#include "support/null_driver.h"

#include <sched.h>

#define THREADS 40

struct user {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    uint64_t stream;
};

static int query(struct user *user, uint32_t oldest_era)
{
    struct loan loan = loan_of(user->driver, user->pool, LG_FOREVER);
    SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
    const struct null_resource *resource = loan.lease.resource;
    SUPPORT_CHECK(__atomic_load_n(&resource->era, __ATOMIC_SEQ_CST) >= oldest_era);
    SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    return 0;
}

static int query_reset_query(void *arg)
{
    struct user *user = arg;
    for (uint32_t i = 0; i < user->rounds; i++) {
        if (query(user, 0))
            return 1;
        uint32_t era = __atomic_add_fetch(&user->driver->script.era, 1, __ATOMIC_SEQ_CST);
        SUPPORT_CHECK(lg_pool_clear(user->pool, 0) == LG_OK);
        if (query(user, era))
            return 1;
    }
    return 0;
}

static void run(uint32_t capacity, bool has_reset, uint32_t rounds)
{
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct crew_worker *workers[THREADS];
    struct user users[THREADS];
    if (!has_reset)
        driver->table.reset = NULL;
    options.capacity = capacity;
    options.opening_max = 4;
    struct lg_pool *pool = null_pool(driver, &options);
    for (uint32_t i = 0; i < THREADS; i++) {
        users[i] = (struct user){driver, pool, rounds, i};
        workers[i] = crew_hire_numbered("user-", i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], query_reset_query, &users[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    do { /* an open whose asker was served by another is still to land */
        sched_yield();
        lg_pool_stats(pool, &stats);
    } while (stats.opening > 0);
    assert_int_equal(stats.lent, (uint64_t)THREADS * rounds * 2);
    assert_int_equal(stats.generation, (uint64_t)THREADS * rounds);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    NULL_WAIT_UNTIL(null_alive(driver) == 0);
    null_end(driver, pool);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
}

static void forty_threads_query_reset_query(void **state)
{
    (void)state;
    run(THREADS, true, SUPPORT_ROUNDS(50));
}

static void forty_threads_and_ten_resources(void **state)
{
    (void)state;
    run(10, false, SUPPORT_ROUNDS(50));
}

static void forty_threads_and_one_resource(void **state)
{
    (void)state;
    run(1, true, SUPPORT_ROUNDS(20));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(forty_threads_query_reset_query),
        SUPPORT_TEST(forty_threads_and_ten_resources),
        SUPPORT_TEST(forty_threads_and_one_resource),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
