/* Clear: a new generation.  What is idle goes at once, what is lent at its checkin, what is being
 * opened when it arrives. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <pthread.h>

static uint64_t generation(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats.generation;
}

static void what_is_idle_is_closed_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    for (int i = 0; i < 3; i++)
        leases[i] = null_take(pool);
    for (int i = 0; i < 3; i++)
        assert_status(lg_pool_checkin(pool, &leases[i]), LG_OK);
    uint64_t before = generation(pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    assert_int_equal(generation(pool), before + 1);
    null_wait_closed(driver, 3);
    null_assert_counts(driver, pool, 0);
    leases[0] = null_take(pool);
    assert_int_equal(null_get(driver, opened), 4);
    assert_status(lg_pool_checkin(pool, &leases[0]), LG_OK);
    null_end(driver, pool);
}

static void (*close_by_null)(void *arg, void *resource);
static pthread_t clearing;
static uint32_t closes_by_clearer; /* atomic */

static void close_and_note_where(void *arg, void *resource)
{
    if (pthread_equal(pthread_self(), clearing))
        __atomic_add_fetch(&closes_by_clearer, 1, __ATOMIC_SEQ_CST);
    close_by_null(arg, resource);
}

/* A close may take long: whoever clears does not wait for it. */
static void what_is_idle_is_not_closed_by_who_clears(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    close_by_null = driver->table.close;
    driver->table.close = close_and_note_where;
    clearing = pthread_self();
    closes_by_clearer = 0;
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    for (int i = 0; i < 3; i++)
        leases[i] = null_take(pool);
    for (int i = 0; i < 3; i++)
        null_give(pool, &leases[i]);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_wait_closed(driver, 3);
    assert_int_equal(closes_by_clearer, 0);
    null_end(driver, pool);
}

static void what_is_lent_is_closed_at_its_checkin(void **state)
{
    (void)state;
    for (int has_reset = 0; has_reset < 2; has_reset++) {
        struct null_driver *driver = null_begin();
        if (!has_reset)
            driver->table.reset = NULL;
        struct lg_pool *pool = null_pool_of(driver, 2);
        struct lg_lease old = null_take(pool);
        assert_status(lg_pool_clear(pool, 0), LG_OK);
        assert_int_equal(null_get(driver, closed), 0);
        struct lg_lease young = null_take(pool);
        assert_int_equal(null_get(driver, opened), 2);
        assert_status(lg_pool_checkin(pool, &old), LG_OK);
        null_wait_closed(driver, 1);
        assert_status(lg_pool_checkin(pool, &young), LG_OK);
        null_wait_closed(driver, 1);
        null_end(driver, pool);
    }
}

static void a_lease_may_be_two_generations_old(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    for (int i = 0; i < 5; i++)
        assert_status(lg_pool_clear(pool, 0), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    NULL_WAIT_UNTIL(null_alive(driver) == 0);
    null_end(driver, pool);
}

/* The waiter is not handed the old one: it gets one of the new generation. */
static void a_waiter_gets_a_fresh_one(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease = null_take(pool);
    void *old = lease.resource;
    crew_run(worker, loan_checkout, &loan);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    assert_true(crew_is_blocked(worker));
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_ptr_not_equal(loan.lease.resource, old);
    null_wait_closed(driver, 1);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* What was begun before the clear is closed when it arrives, and opened anew for the asker. */
static void an_open_of_before_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("asker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_hold(&driver->opens);
    crew_run(worker, loan_checkout, &loan);
    null_wait_at(&driver->opens, 1);
    null_set(driver, era, 1);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_let(&driver->opens, 1);
    null_wait_closed(driver, 1);
    crew_wait_blocked_on(worker, pool);
    null_let_all(&driver->opens);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(((struct null_resource *)loan.lease.resource)->era, 1);
    assert_int_equal(null_get(driver, opened), 2);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void an_open_of_before_without_an_asker_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    null_leave_open(driver, pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_let_all(&driver->opens);
    null_wait_closed(driver, 1);
    null_wait_no_openers(pool);
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

static void a_clear_during_a_reset_is_not_missed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("returner");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    null_hold(&driver->resets);
    crew_run(worker, loan_checkin, &loan);
    null_wait_at(&driver->resets, 1);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_let_all(&driver->resets);
    assert_status(crew_wait(worker), LG_OK);
    NULL_WAIT_UNTIL(null_alive(driver) == 0);
    null_end(driver, pool);
}

static int clear(void *pool)
{
    return lg_pool_clear(pool, 0);
}

/* The returner has seen the generation of before, and stands before the pool's lock, the clearer with
 * it: whoever comes first. */
static void a_clear_at_the_end_of_a_reset_is_not_missed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("returner"), *clearer = crew_hire("clearer");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    null_wait_no_openers(pool);
    lg__raw_lock(&pool->lock);
    crew_run(worker, loan_checkin, &loan);
    NULL_WAIT_UNTIL(lg__load_acquire(&pool->lock.word) == 2);
    crew_run(clearer, clear, pool);
    lg__raw_unlock(&pool->lock);
    assert_status(crew_wait(clearer), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    NULL_WAIT_UNTIL(null_alive(driver) == 0);
    null_end(driver, pool);
}

/* Somebody is handed what is cleared before it runs: that is not what it gets. */
static void a_waiter_is_not_lent_what_was_cleared(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("this sanitizer runs no handler inside a wait");
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease = null_take(pool);
    null_wait_no_openers(pool);
    crew_run(waiter, loan_checkout, &its);
    crew_wait_blocked_on(waiter, pool);
    crew_stall(waiter);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_set(driver, era, 1);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    crew_go_on();
    assert_status(crew_wait(waiter), LG_OK);
    assert_int_equal(((struct null_resource *)its.lease.resource)->era, 1);
    null_wait_closed(driver, 1);
    assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void a_closed_pool_is_not_cleared(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    assert_status(lg_pool_clear(NULL, 0), LG_EINVAL);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_ECLOSED);
    null_end(driver, pool);
}

/* ---- A return ends at the very moment of a clear: afterwards nothing old is idle. ---------------- */

struct race {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    pthread_barrier_t barrier;
    struct support_random random; /* the clearer's */
};

static void *clear_each_round(void *arg)
{
    struct race *race = arg;
    for (uint32_t i = 0; i < race->rounds; i++) {
        uint32_t spins = support_below(&race->random, 300);
        pthread_barrier_wait(&race->barrier);
        for (uint32_t j = 0; j < spins; j++)
            __asm__ volatile("");
        (void)!lg_pool_clear(race->pool, 0);
        pthread_barrier_wait(&race->barrier);
    }
    return NULL;
}

static void run_race(bool has_reset)
{
    struct race race = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(1500)};
    pthread_t thread;
    if (!has_reset)
        race.driver->table.reset = NULL;
    race.pool = null_pool_of(race.driver, 1);
    support_random_begin(&race.random, has_reset);
    pthread_barrier_init(&race.barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, clear_each_round, &race), 0);
    for (uint32_t i = 0; i < race.rounds; i++) {
        struct lg_lease lease = null_take(race.pool);
        pthread_barrier_wait(&race.barrier);
        assert_status(lg_pool_checkin(race.pool, &lease), LG_OK);
        pthread_barrier_wait(&race.barrier);
        NULL_WAIT_UNTIL(null_alive(race.driver) == 0); /* nobody would close it later */
    }
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&race.barrier);
    null_end(race.driver, race.pool);
}

static void nothing_old_is_idle_after_a_return_and_a_clear(void **state)
{
    (void)state;
    run_race(false);
}

static void nothing_old_is_idle_after_a_reset_and_a_clear(void **state)
{
    (void)state;
    run_race(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_is_idle_is_closed_at_once),
        SUPPORT_TEST(what_is_idle_is_not_closed_by_who_clears),
        SUPPORT_TEST(what_is_lent_is_closed_at_its_checkin),
        SUPPORT_TEST(a_lease_may_be_two_generations_old),
        SUPPORT_TEST(a_waiter_gets_a_fresh_one),
        SUPPORT_TEST(an_open_of_before_is_closed),
        SUPPORT_TEST(an_open_of_before_without_an_asker_is_closed),
        SUPPORT_TEST(a_clear_during_a_reset_is_not_missed),
        SUPPORT_TEST(a_clear_at_the_end_of_a_reset_is_not_missed),
        SUPPORT_TEST(a_waiter_is_not_lent_what_was_cleared),
        SUPPORT_TEST(a_closed_pool_is_not_cleared),
        SUPPORT_TEST(nothing_old_is_idle_after_a_return_and_a_clear),
        SUPPORT_TEST(nothing_old_is_idle_after_a_reset_and_a_clear),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
