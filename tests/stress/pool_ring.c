/* Deadlocks as they come, resolved by release and lg_retry: everybody always finishes.  And rings that
 * look like deadlocks and are none: nobody is ever told. */
#include "support/crew.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <pthread.h>

#define THREADS 6

/* ---- Two pools, taken in one order by some and in the other by the rest ------------------------- */

struct traveller {
    struct null_driver *drivers[2];
    struct lg_pool *pools[2];
    uint32_t first; /* which pool it takes first */
    uint32_t rounds;
    struct support_random random;
};

/* Both, or nothing. */
static int take_both(struct traveller *traveller)
{
    uint32_t a = traveller->first, b = 1 - a;
    struct loan one = loan_of(traveller->drivers[a], traveller->pools[a], LG_FOREVER);
    struct loan two = loan_of(traveller->drivers[b], traveller->pools[b], LG_FOREVER);
    int status = loan_checkout(&one);
    if (status != LG_OK)
        return LG_EINVAL; /* it holds nothing: it cannot be a deadlock */
    support_spin(&traveller->random, 3000);
    status = loan_checkout(&two);
    if (status == LG_OK && loan_checkin(&two) != LG_OK)
        return LG_EINVAL;
    return loan_checkin(&one) == LG_OK ? status : LG_EINVAL;
}

static int travel(void *arg)
{
    struct traveller *traveller = arg;
    for (uint32_t i = 0; i < traveller->rounds; i++) {
        int status = LG_EDEADLK;
        for (unsigned attempt = 0; status == LG_EDEADLK; attempt++) {
            status = take_both(traveller);
            if (status == LG_EDEADLK)
                SUPPORT_CHECK(lg_retry(attempt, LG_FOREVER));
        }
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

static void run_travellers(uint32_t capacity, bool is_one_pool, uint32_t rounds)
{
    struct traveller travellers[THREADS];
    struct crew_worker *workers[THREADS];
    struct null_driver *drivers[2] = {null_begin(), null_begin()};
    struct lg_pool *pools[2] = {null_pool_of(drivers[0], capacity),
                                null_pool_of(drivers[1], capacity)};
    for (uint32_t i = 0; i < THREADS; i++) {
        uint32_t other = is_one_pool ? 0 : 1;
        travellers[i] = (struct traveller){.drivers = {drivers[0], drivers[other]},
                                           .pools = {pools[0], pools[other]},
                                           .first = i % 2,
                                           .rounds = rounds};
        support_random_begin(&travellers[i].random, capacity * 10 + i);
        workers[i] = crew_hire_numbered("traveller-", i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], travel, &travellers[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    for (int i = 0; i < 2; i++)
        null_end(drivers[i], pools[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
}

static void two_pools_in_opposite_order(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 3; capacity++)
        run_travellers(capacity, false, SUPPORT_ROUNDS(300));
}

/* Seeds/004: the pool is drained by its holders, who all want one more. */
static void nested_in_one_pool(void **state)
{
    (void)state;
    for (uint32_t capacity = 2; capacity <= 4; capacity++)
        run_travellers(capacity, true, SUPPORT_ROUNDS(300));
}

/* ---- Rule 2's scenario, thousands of times: W holds m and waits for the pool; H returns a unit; at
 * that moment V, who holds the other unit, locks m.  Never a deadlock. ---------------------------- */

struct grant {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_mutex mutex;
    uint32_t rounds;
    pthread_barrier_t barrier;
};

struct part {
    struct grant *grant;
    struct support_random random;
};

static int play_w(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct part *part = arg;
    struct grant *grant = part->grant;
    for (uint32_t i = 0; i < grant->rounds; i++) {
        struct loan loan = loan_of(grant->driver, grant->pool, LG_FOREVER);
        int locked = lg_mutex_lock(&grant->mutex, LG_FOREVER);
        pthread_barrier_wait(&grant->barrier);
        support_spin(&part->random, 2000);
        int status = loan_checkout(&loan);
        if (locked == LG_OK)
            lg_mutex_unlock(&grant->mutex);
        if (status == LG_OK)
            status = loan_checkin(&loan);
        pthread_barrier_wait(&grant->barrier);
        SUPPORT_CHECK(locked == LG_OK);
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

static int play_v(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct part *part = arg;
    struct grant *grant = part->grant;
    for (uint32_t i = 0; i < grant->rounds; i++) {
        struct loan loan = loan_of(grant->driver, grant->pool, LG_FOREVER);
        int status = loan_checkout(&loan);
        pthread_barrier_wait(&grant->barrier);
        support_spin(&part->random, 2000);
        int locked = lg_mutex_lock(&grant->mutex, LG_FOREVER);
        if (locked == LG_OK)
            lg_mutex_unlock(&grant->mutex);
        if (status == LG_OK)
            status = loan_checkin(&loan);
        pthread_barrier_wait(&grant->barrier);
        SUPPORT_CHECK(locked == LG_OK);
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

static int play_h(void *arg)
{
    struct part *part = arg;
    struct grant *grant = part->grant;
    for (uint32_t i = 0; i < grant->rounds; i++) {
        struct loan loan = loan_of(grant->driver, grant->pool, LG_FOREVER);
        int status = loan_checkout(&loan);
        pthread_barrier_wait(&grant->barrier);
        support_spin(&part->random, 4000);
        if (status == LG_OK)
            status = loan_checkin(&loan);
        pthread_barrier_wait(&grant->barrier);
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

static void a_grant_in_flight_is_never_a_deadlock(void **state)
{
    (void)state;
    crew_step *const parts[3] = {play_w, play_v, play_h};
    struct part players[3];
    struct crew_worker *workers[3];
    for (uint64_t us = 0; us <= 1000; us += 1000) { /* handed over, and woken to look */
        struct grant grant = {
            .driver = null_begin(), .mutex = LG_MUTEX_INIT("m"), .rounds = SUPPORT_ROUNDS(5000)};
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 2;
        options.overtaking_us = us;
        grant.driver->table.reset = NULL;
        grant.pool = null_pool(grant.driver, &options);
        pthread_barrier_init(&grant.barrier, NULL, 3);
        for (uint32_t i = 0; i < 3; i++) {
            players[i].grant = &grant;
            support_random_begin(&players[i].random, us + i);
            workers[i] = crew_hire_numbered("player-", i);
        }
        for (uint32_t i = 0; i < 3; i++)
            crew_run(workers[i], parts[i], &players[i]);
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(crew_wait(workers[i]), 0);
        struct lg_pool_stats stats = LG_POOL_STATS_INIT;
        lg_pool_stats(grant.pool, &stats);
        assert_int_equal(stats.deadlocks, 0);
        pthread_barrier_destroy(&grant.barrier);
        null_end(grant.driver, grant.pool);
        lg_mutex_destroy(&grant.mutex);
        for (uint32_t i = 0; i < 3; i++)
            crew_leave(workers[i]);
    }
}

/* ---- Two who hold one of two each and want one more at the same moment: exactly one is told. ----- */

static int want_one_more(void *arg)
{
    struct part *part = arg;
    struct grant *grant = part->grant;
    for (uint32_t i = 0; i < grant->rounds; i++) {
        struct loan one = loan_of(grant->driver, grant->pool, LG_FOREVER), two = one;
        int status = loan_checkout(&one);
        pthread_barrier_wait(&grant->barrier);
        support_spin(&part->random, 1000);
        int second = loan_checkout(&two);
        bool is_told = second == LG_EDEADLK;
        if (second == LG_OK)
            second = loan_checkin(&two);
        if (status == LG_OK)
            status = loan_checkin(&one);
        pthread_barrier_wait(&grant->barrier);
        SUPPORT_CHECK(status == LG_OK);
        SUPPORT_CHECK(is_told || second == LG_OK);
    }
    return 0;
}

static void two_that_close_a_ring_at_once_have_one_victim(void **state)
{
    (void)state;
    struct part players[2];
    struct crew_worker *workers[2];
    struct grant grant = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(5000)};
    grant.pool = null_pool_of(grant.driver, 2);
    pthread_barrier_init(&grant.barrier, NULL, 2);
    for (uint32_t i = 0; i < 2; i++) {
        players[i].grant = &grant;
        support_random_begin(&players[i].random, i);
        workers[i] = crew_hire_numbered("player-", i);
    }
    for (uint32_t i = 0; i < 2; i++)
        crew_run(workers[i], want_one_more, &players[i]);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(grant.pool, &stats);
    assert_int_equal(stats.deadlocks, grant.rounds);
    pthread_barrier_destroy(&grant.barrier);
    null_end(grant.driver, grant.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(two_pools_in_opposite_order),
        SUPPORT_TEST(nested_in_one_pool),
        SUPPORT_TEST(a_grant_in_flight_is_never_a_deadlock),
        SUPPORT_TEST(two_that_close_a_ring_at_once_have_one_victim),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
