/* The keeper: what is kept open, what is closed in the background, and after failures. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/null_driver.h"

#include <sys/wait.h>
#include <unistd.h>

static struct lg_pool_options options_of(uint32_t capacity, uint32_t min_size)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.min_size = min_size;
    return options;
}

static bool has_keeper(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool has_one = pool->has_keeper;
    lg__raw_unlock(&pool->lock);
    return has_one;
}

static void min_size_is_opened_ahead(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(5, 3);
    struct lg_pool *pool = null_pool(driver, &options);
    null_wait_idle(pool, 3);
    null_wait_no_openers(pool);
    assert_int_equal(null_get(driver, opens_begun), 3);
    assert_true(null_get(driver, opening_most) <= 2);
    null_end(driver, pool);
}

static void nothing_is_opened_ahead_while_paused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = options_of(2, 2);
    options.start_paused = 1;
    options.period_ms = 1;
    options.opening_max = 1;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    assert_false(has_keeper(pool));
    assert_status(lg_pool_ready(pool), LG_OK);
    listener_expect(listener, "pool created", "pool ready", "resource created #1",
                    "resource ready #1", "resource created #2", "resource ready #2", NULL);
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    null_wait_closed(driver, 2);
    listener_wait(listener, LG_EVENT_RESOURCE_CLOSED, 2);
    null_grow_old(); /* several periods */
    assert_int_equal(null_get(driver, opens_begun), 2);
    assert_status(lg_pool_ready(pool), LG_OK);
    null_wait_idle(pool, 2);
    null_end(driver, pool);
    listener_end(listener);
}

static void what_is_missing_is_opened_again(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(3, 2);
    options.period_ms = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    null_wait_idle(pool, 2);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_discard(pool, &lease), LG_OK);
    null_wait_idle(pool, 2);
    assert_int_equal(null_get(driver, opened), 3);
    null_end(driver, pool);
}

/* Who asks while opens for min_size are in flight gets what arrives first. */
static void a_waiter_gets_what_is_opened_ahead(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(2, 2);
    struct crew_worker *worker = crew_hire("asker");
    null_hold(&driver->opens);
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_wait_at(&driver->opens, 2);
    crew_run(worker, loan_checkout, &loan);
    crew_wait_blocked_on(worker, pool);
    null_let(&driver->opens, 1);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(null_get(driver, opened), 1);
    null_let_all(&driver->opens);
    null_wait_idle(pool, 1);
    assert_int_equal(null_get(driver, opens_begun), 2);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void what_is_idle_for_too_long_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = options_of(3, 0);
    options.idle_timeout_ms = NULL_CHECK_MS;
    options.check_after_ms = 10 * NULL_CHECK_MS;
    options.period_ms = 1;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease a = null_take(pool), b = null_take(pool);
    assert_status(lg_pool_checkin(pool, &a), LG_OK);
    null_grow_old();
    assert_int_equal(null_get(driver, closed), 0);
    null_age(pool);
    null_wait_closed(driver, 1);
    assert_status(lg_pool_checkin(pool, &b), LG_OK); /* lent for long is not idle for long */
    null_grow_old();
    assert_int_equal(null_get(driver, closed), 1);
    listener_catch_up(listener, pool);
    assert_int_equal(listener_last(listener, LG_EVENT_RESOURCE_CLOSED).reason, LG_REASON_IDLE);
    null_end(driver, pool);
    listener_end(listener);
}

/* Without passes a checkout finds out. */
static void a_checkout_does_not_take_what_is_idle_for_too_long(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = options_of(1, 1);
    options.idle_timeout_ms = NULL_CHECK_MS;
    options.period_ms = LG_PERIOD_NEVER;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_age(pool);
    lease = null_take(pool);
    assert_int_equal(lg_lease_id(&lease), 2);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    lease = null_take(pool);
    listener_expect(listener, "pool created", "pool ready", "checkout started",
                    "resource created #1", "resource ready #1", "checked out #1", "checked in #1",
                    "checkout started", "resource closed #1 (idle)", "resource created #2",
                    "resource ready #2", "checked out #2", "checked in #2", "pool cleared",
                    "checkout started", "resource closed #2 (stale)", "resource created #3",
                    "resource ready #3", "checked out #3", NULL);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_false(has_keeper(pool));
    null_end(driver, pool);
    listener_end(listener);
}

/* What is handed to a waiter was never idle, however late the waiter comes to run: its way out of the
 * queue may take longer than idle_timeout_ms, each time. */
static void what_a_waiter_is_given_is_not_idle(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("this sanitizer runs no handler inside a wait");
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(1, 0);
    options.idle_timeout_ms = NULL_CHECK_MS;
    options.period_ms = LG_PERIOD_NEVER;
    options.overtaking_us = 0; /* given, and not woken to look */
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease = null_take(pool);
    null_wait_no_openers(pool);
    crew_run(waiter, loan_checkout, &its);
    crew_wait_blocked_on(waiter, pool);
    crew_stall(waiter);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_age(pool);
    crew_go_on();
    assert_status(crew_wait(waiter), LG_OK);
    assert_int_equal(lg_lease_id(&its.lease), 1);
    assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void a_keeper_with_nothing_to_do_leaves(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_wait_closed(driver, 1);
    NULL_WAIT_UNTIL(!has_keeper(pool));
    null_end(driver, pool);
}

/* ---- Failures ---------------------------------------------------------------------------------- */

static void a_failed_open_ahead_is_tried_again(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(2, 2);
    null_set(driver, fail_opens, 3);
    struct lg_pool *pool = null_pool(driver, &options);
    null_wait_idle(pool, 2);
    assert_int_equal(null_get(driver, open_failures), 3);
    null_end(driver, pool);
}

static void failures_double_the_wait(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(1, 0);
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease lease;
    null_set(driver, fail_opens, 20);
    uint64_t most_ns = 10 * 1000000;
    for (int i = 0; i < 20; i++) {
        uint64_t before_ns = lg_after_ms(0);
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_EOPEN);
        lg__raw_lock(&pool->lock);
        uint64_t retry_ns = pool->retry_ns;
        lg__raw_unlock(&pool->lock);
        assert_true(retry_ns >= before_ns + most_ns * 3 / 4);
        assert_true(retry_ns <= lg_after_ms(0) + most_ns);
        most_ns = most_ns < 2500 * 1000000ull ? most_ns * 2 : 5000 * 1000000ull;
    }
    lease = null_take(pool);
    assert_int_equal(pool->retry_ns, 0);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

/* While the pool backs off, whoever asks has an open made for it at once. */
static void backing_off_refuses_nobody_unheard(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(3, 1);
    null_set(driver, fail_opens, 8);
    struct lg_pool *pool = null_pool(driver, &options);
    NULL_WAIT_UNTIL(null_get(driver, open_failures) >= 6); /* the next but one is 320 ms away */
    uint32_t before = null_get(driver, opens_begun);
    null_set(driver, fail_opens, 0);
    struct lg_lease lease = null_take(pool);
    assert_true(null_get(driver, opens_begun) > before);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void while_opens_fail_they_are_made_one_at_a_time(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(4, 0);
    options.opening_max = 4;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *workers[4];
    struct loan loans[4];
    struct lg_lease lease;
    null_set(driver, fail_opens, 1);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_EOPEN);
    null_wait_no_openers(pool);
    null_hold(&driver->opens);
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("asker-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    null_wait_at(&driver->opens, 1);
    lg__raw_lock(&pool->lock);
    uint32_t opener_count = pool->opener_count;
    lg__raw_unlock(&pool->lock);
    assert_int_equal(opener_count, 1);
    null_let(&driver->opens, 1);
    null_wait_at(&driver->opens, 3); /* it has worked: several at a time again */
    null_let_all(&driver->opens);
    for (uint32_t i = 0; i < 4; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    null_end(driver, pool);
}

static void a_failed_open_ahead_may_clear_the_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = options_of(2, 1);
    options.clear_on_open_failure = 1;
    options.period_ms = 1;
    listener_attach(listener, &options);
    null_set(driver, fail_opens, 1);
    struct lg_pool *pool = null_pool(driver, &options);
    listener_expect(listener, "pool created", "pool ready", "resource created #1", "pool cleared",
                    "resource closed #1 (error)", NULL);
    assert_int_equal(lg_pool_state(pool), LG_POOL_PAUSED);
    assert_status(lg_pool_ready(pool), LG_OK);
    listener_expect(listener, "pool ready", "resource created #2", "resource ready #2", NULL);
    null_end(driver, pool);
    listener_end(listener);
}

/* ---- Ends -------------------------------------------------------------------------------------- */

static void a_pool_ends_with_its_keeper(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SUPPORT_ROUNDS(200); i++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = options_of(3, 3);
        options.period_ms = i % 3 == 0 ? 1 : 0;
        struct lg_pool *pool = null_pool(driver, &options);
        if (i % 2 == 0)
            null_wait_opened(driver, 1 + i % 3);
        lg_pool_destroy(pool);
        NULL_WAIT_UNTIL(null_get(driver, destroyed) > 0);
        null_free(driver);
    }
}

static void closing_waits_for_what_the_keeper_closes(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    size_t count = 9;
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_hold(&driver->closes);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_wait_at(&driver->closes, 1); /* not by us: we are here */
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, &count), LG_ETIMEDOUT);
    assert_int_equal(count, 0);
    null_let_all(&driver->closes);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, &count), LG_OK);
    null_end(driver, pool);
}

static void a_child_starts_its_own(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("this sanitizer does not let a forked child start threads");
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = options_of(3, 3);
    options.period_ms = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    null_wait_idle(pool, 3);
    null_wait_no_openers(pool);
    pid_t child = fork();
    if (child == 0) {
        struct lg_pool_stats stats = LG_POOL_STATS_INIT;
        struct lg_lease lease;
        bool is_good = !has_keeper(pool) && lg_pool_checkout(pool, LG_FOREVER, &lease) == LG_OK;
        do {
            null_yield();
            lg_pool_stats(pool, &stats);
        } while (stats.idle != 2);
        is_good = is_good && has_keeper(pool) && lg_pool_checkin(pool, &lease) == LG_OK;
        _exit(is_good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    null_end(driver, pool);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool;
    struct lg_pool_options options[6];
    for (int i = 0; i < 6; i++)
        options[i] = options_of(4, 0);
    options[0].min_size = 5;
    options[1].start_paused = 2;
    options[2].clear_on_open_failure = 2;
    options[3].event_room = (1u << 20) + 1;
    options[4].period_ms = UINT64_MAX - 1;
    options[5].idle_timeout_ms = UINT64_MAX;
    for (int i = 0; i < 6; i++)
        assert_status(lg_pool_create(&driver->table, driver, &options[i], &pool), LG_EINVAL);
    options[0] = options_of(0, 11); /* the default capacity is 10 */
    assert_status(lg_pool_create(&driver->table, driver, &options[0], &pool), LG_EINVAL);
    options[0] = options_of(0, 10);
    options[0].start_paused = 1;
    pool = null_pool(driver, &options[0]);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(min_size_is_opened_ahead),
        SUPPORT_TEST(nothing_is_opened_ahead_while_paused),
        SUPPORT_TEST(what_is_missing_is_opened_again),
        SUPPORT_TEST(a_waiter_gets_what_is_opened_ahead),
        SUPPORT_TEST(what_is_idle_for_too_long_is_closed),
        SUPPORT_TEST(a_checkout_does_not_take_what_is_idle_for_too_long),
        SUPPORT_TEST(what_a_waiter_is_given_is_not_idle),
        SUPPORT_TEST(a_keeper_with_nothing_to_do_leaves),
        SUPPORT_TEST(a_failed_open_ahead_is_tried_again),
        SUPPORT_TEST(failures_double_the_wait),
        SUPPORT_TEST(backing_off_refuses_nobody_unheard),
        SUPPORT_TEST(while_opens_fail_they_are_made_one_at_a_time),
        SUPPORT_TEST(a_failed_open_ahead_may_clear_the_pool),
        SUPPORT_TEST(a_pool_ends_with_its_keeper),
        SUPPORT_TEST(closing_waits_for_what_the_keeper_closes),
        SUPPORT_TEST(a_child_starts_its_own),
        SUPPORT_TEST(bad_options_are_refused),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
