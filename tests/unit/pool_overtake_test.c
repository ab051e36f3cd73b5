/* overtaking_us: newcomers may pass a waiter, but not for longer than that, and nobody is forgotten. */
#include "graph/context.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define AGE_US 1000ull

static struct lg_pool *overtaking_pool(struct null_driver *driver, uint32_t capacity, uint64_t us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.overtaking_us = us;
    return null_pool(driver, &options);
}

static void it_has_a_bound(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool *pool;
    options.overtaking_us = UINT64_MAX;
    assert_status(lg_pool_create(&driver->table, driver, &options, &pool), LG_EINVAL);
    null_free(driver);
}

/* For an hour the waiter is only woken to look, and may find that a newcomer was faster. */
static void a_newcomer_may_be_first(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = overtaking_pool(driver, 1, 3600ull * 1000 * 1000);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    uint32_t overtaken = 0, rounds = 0;
    for (; rounds < 20 || overtaken == 0; rounds++) {
        mine.deadline = LG_FOREVER;
        assert_status(loan_checkout(&mine), LG_OK);
        crew_run(waiter, loan_checkout, &its);
        crew_wait_blocked_on(waiter, pool);
        uint64_t since_ns = crew_context(waiter)->wait.since_ns;
        assert_status(loan_checkin(&mine), LG_OK);
        mine.deadline = LG_TRY;
        if (loan_checkout(&mine) == LG_OK) { /* or the waiter was quick */
            overtaken++;
            crew_wait_blocked_on(waiter, pool);
            assert_int_equal(crew_context(waiter)->wait.since_ns, since_ns); /* one wait */
            assert_status(loan_checkin(&mine), LG_OK);
        }
        assert_status(crew_wait(waiter), LG_OK);
        assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    }
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.waited, 1 + rounds); /* once each, however often it looked */
    null_end(driver, pool);
}

/* Once it has waited that long what comes back is its, and nobody can take it away. */
static void not_for_ever(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = overtaking_pool(driver, 1, AGE_US);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine, thief = mine;
    thief.deadline = LG_TRY;
    for (int i = 0; i < 5; i++) {
        assert_status(loan_checkout(&mine), LG_OK);
        crew_run(waiter, loan_checkout, &its);
        crew_wait_blocked_on(waiter, pool);
        null_grow_old();
        assert_status(loan_checkin(&mine), LG_OK);
        assert_status(loan_checkout(&thief), LG_EBUSY);
        assert_status(crew_wait(waiter), LG_OK);
        assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    }
    null_end(driver, pool);
}

/* Several come back and one is woken: it wakes the next, and so on. */
static void all_who_can_be_served_are(void **state)
{
    (void)state;
    enum { N = 6 };
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = overtaking_pool(driver, N, 3600ull * 1000 * 1000);
    struct crew_worker *workers[N];
    struct loan mine[N], its[N];
    for (unsigned i = 0; i < N; i++)
        workers[i] = crew_hire_numbered("waiter-", i);
    for (int round = 0; round < SUPPORT_ROUNDS(100); round++) {
        for (unsigned i = 0; i < N; i++) {
            mine[i] = its[i] = loan_of(driver, pool, LG_FOREVER);
            assert_status(loan_checkout(&mine[i]), LG_OK);
        }
        for (unsigned i = 0; i < N; i++) {
            crew_run(workers[i], loan_checkout, &its[i]);
            crew_wait_blocked_on(workers[i], pool);
        }
        for (unsigned i = 0; i < N; i++)
            assert_status(loan_checkin(&mine[i]), LG_OK);
        for (unsigned i = 0; i < N; i++)
            assert_status(crew_wait(workers[i]), LG_OK);
        for (unsigned i = 0; i < N; i++)
            assert_status(crew_do(workers[i], loan_checkin, &its[i]), LG_OK);
    }
    null_end(driver, pool);
}

static void a_deadlock_is_still_one(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = overtaking_pool(driver, 2, AGE_US);
    struct crew_worker *worker = crew_hire("other");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), second = mine, its = mine, more = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(worker, loan_checkout, &its), LG_OK);
    crew_run(worker, loan_checkout, &more);
    crew_wait_blocked_on(worker, pool);
    assert_status(loan_checkout(&second), LG_EDEADLK);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &more), LG_OK);
    null_end(driver, pool);
}

static void a_deadline_holds_however_often_it_is_woken(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = overtaking_pool(driver, 1, 3600ull * 1000 * 1000);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    mine.deadline = LG_FOREVER;
    assert_status(loan_checkout(&mine), LG_OK);
    its.deadline = lg_after_ms(20);
    crew_run(waiter, loan_checkout, &its);
    mine.deadline = LG_TRY;
    bool is_mine = true;
    while (!crew_is_idle(waiter)) {
        if (is_mine)
            assert_status(loan_checkin(&mine), LG_OK);
        is_mine = loan_checkout(&mine) == LG_OK;
    }
    int status = crew_wait(waiter);
    if (is_mine)
        assert_status(loan_checkin(&mine), LG_OK);
    if (status == LG_OK)
        assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    else
        assert_status(status, LG_ETIMEDOUT);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(it_has_a_bound),
        SUPPORT_TEST(a_newcomer_may_be_first),
        SUPPORT_TEST(not_for_ever),
        SUPPORT_TEST(all_who_can_be_served_are),
        SUPPORT_TEST(a_deadlock_is_still_one),
        SUPPORT_TEST(a_deadline_holds_however_often_it_is_woken),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
