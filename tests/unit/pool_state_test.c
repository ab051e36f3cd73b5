/* Paused, ready, cleared, interrupted. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/null_driver.h"

#include <string.h>

static struct lg_pool *paused_pool(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.start_paused = 1;
    return null_pool(driver, &options);
}

static void a_paused_pool_refuses_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = paused_pool(driver, 2);
    struct lg_lease lease;
    assert_int_equal(lg_pool_state(pool), LG_POOL_PAUSED);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_EPAUSED);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EPAUSED);
    assert_null(lease.resource);
    assert_int_equal(null_get(driver, opens_begun), 0);
    assert_status(lg_pool_ready(pool), LG_OK);
    assert_int_equal(lg_pool_state(pool), LG_POOL_READY);
    lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void what_is_lent_outlives_a_pause(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease lease = null_take(pool), other;
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_int_equal(null_alive(driver), 1);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &other), LG_EPAUSED);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_wait_closed(driver, 1);
    null_end(driver, pool);
}

static void waiters_are_sent_away(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *workers[3];
    struct loan loans[3];
    struct lg_lease lease = null_take(pool);
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_status(crew_wait(workers[i]), LG_EPAUSED);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

/* What is being opened is not stopped by a pause, and closed when it arrives. */
static void an_open_in_flight_is_closed_when_it_arrives(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("asker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_hold(&driver->opens);
    crew_run(worker, loan_checkout, &loan);
    null_wait_at(&driver->opens, 1);
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_status(crew_wait(worker), LG_EPAUSED);
    assert_int_equal(lg_cancel_is_requested(driver->cancel), 0);
    null_let_all(&driver->opens);
    null_wait_closed(driver, 1);
    null_wait_no_openers(pool);
    assert_int_equal(null_get(driver, opens_begun), 1);
    null_end(driver, pool);
}

static void an_interrupt_asks_opens_to_give_up(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("asker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_hold(&driver->opens);
    crew_run(worker, loan_checkout, &loan);
    null_wait_at(&driver->opens, 1);
    assert_int_equal(lg_cancel_is_requested(driver->cancel), 0);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_OK);
    assert_int_equal(lg_pool_state(pool), LG_POOL_PAUSED);
    assert_int_equal(lg_cancel_is_requested(driver->cancel), 1);
    assert_status(crew_wait(worker), LG_EPAUSED);
    listener_expect(listener, "pool created", "pool ready", "checkout started",
                    "resource created #1", "pool cleared", "resource closed #1 (stale)",
                    "checkout failed (open failed)", NULL);
    assert_int_equal(listener_last(listener, LG_EVENT_POOL_CLEARED).is_interrupting, 1);
    null_let_all(&driver->opens); /* it worked after all: closed, and not told again */
    null_wait_closed(driver, 1);
    null_end(driver, pool);
    listener_end(listener);
}

static void an_interrupt_reaches_who_uses_one(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct loan loans[2] = {loan_of(driver, pool, LG_FOREVER), loan_of(driver, pool, LG_FOREVER)};
    struct lg_lease idle = null_take(pool);
    assert_status(loan_checkout(&loans[0]), LG_OK);
    assert_status(loan_checkout(&loans[1]), LG_OK);
    assert_status(lg_pool_checkin(pool, &idle), LG_OK);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_OK);
    assert_int_equal(null_get(driver, interrupts), 2);
    null_wait_closed(driver, 1);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_OK); /* paused: nothing happens */
    assert_int_equal(null_get(driver, interrupts), 2);
    assert_status(loan_checkin(&loans[0]), LG_OK);
    assert_status(loan_checkin(&loans[1]), LG_OK);
    null_wait_closed(driver, 3);
    null_end(driver, pool);
}

static int interrupt_all(void *pool)
{
    return lg_pool_clear(pool, LG_CLEAR_INTERRUPT);
}

/* Returned while the driver interrupts it: neither reset nor closed before that has ended, and nobody
 * waits. */
static void a_return_during_an_interrupt(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("interrupter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_hold(&driver->interrupts);
    crew_run(worker, interrupt_all, pool);
    null_wait_at(&driver->interrupts, 1);
    assert_status(loan_checkin(&loan), LG_OK);
    assert_int_equal(null_get(driver, closed), 0);
    assert_int_equal(null_get(driver, resets), 0);
    null_let_all(&driver->interrupts);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

static void a_driver_need_not_interrupt(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.interrupt = NULL;
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_wait_closed(driver, 1);
    null_end(driver, pool);
}

static void each_state_is_entered_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.start_paused = 1;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_status(lg_pool_ready(pool), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_status(lg_pool_ready(pool), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_status(lg_pool_clear(pool, 0), LG_OK);
    listener_expect(listener, "pool created", "pool ready", "pool cleared", "pool ready",
                    "pool cleared", "pool cleared", NULL);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    listener_expect(listener, "pool closed", NULL);
    null_end(driver, pool);
    listener_end(listener);
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    assert_status(lg_pool_ready(NULL), LG_EINVAL);
    assert_status(lg_pool_clear(NULL, LG_CLEAR_PAUSE), LG_EINVAL);
    assert_status(lg_pool_clear(pool, 4), LG_EINVAL);
    assert_status(lg_pool_clear(pool, UINT32_MAX), LG_EINVAL);
    assert_int_equal(lg_pool_state(NULL), LG_POOL_CLOSED);
    assert_int_equal(lg_pool_state(pool), LG_POOL_READY);
    assert_int_equal(lg_lease_id(NULL), 0);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_status(lg_pool_ready(pool), LG_ECLOSED);
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_ECLOSED);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_ECLOSED);
    assert_int_equal(lg_pool_state(pool), LG_POOL_CLOSED);
    null_end(driver, pool);
}

/* ---- Suspended --------------------------------------------------------------------------------- */

static void a_suspended_pool_lets_wait(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct crew_worker *workers[3];
    struct loan loans[3];
    struct lg_lease lease = null_take(pool), other;
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_wait_no_openers(pool);
    assert_status(lg_pool_suspend(pool), LG_OK);
    assert_status(lg_pool_suspend(pool), LG_OK);
    assert_int_equal(lg_pool_state(pool), LG_POOL_SUSPENDED);
    assert_status(lg_pool_try_checkout(pool, &other), LG_EBUSY);
    assert_status(lg_pool_checkout(pool, lg_after_ms(1), &other), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->cause, LG_EXHAUSTION_SUSPENDED);
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    assert_int_equal(null_get(driver, opens_begun), 1);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_int_equal(lg_pool_state(pool), LG_POOL_READY);
    for (uint32_t i = 0; i < 3; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    null_end(driver, pool);
}

static void what_is_returned_while_suspended_waits_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease = null_take(pool);
    crew_run(worker, loan_checkout, &loan);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_pool_suspend(pool), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_wait_idle(pool, 1);
    assert_true(crew_is_blocked(worker));
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* Nobody is told of a deadlock while somebody may resume; afterwards at once. */
static void a_deadlock_is_told_at_the_resume(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("nester");
    struct loan first = loan_of(driver, pool, LG_FOREVER), second = first;
    assert_status(crew_do(worker, loan_checkout, &first), LG_OK);
    assert_status(lg_pool_suspend(pool), LG_OK);
    crew_run(worker, loan_checkout, &second);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_wait(worker), LG_EDEADLK);
    assert_status(crew_do(worker, loan_checkin, &first), LG_OK);
    null_end(driver, pool);
}

static void a_suspended_pool_may_be_paused_and_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        assert_status(lg_pool_suspend(pool), LG_OK);
        crew_run(worker, loan_checkout, &loan);
        crew_wait_blocked_on(worker, pool);
        if (is_closed)
            assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
        else
            assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
        assert_status(crew_wait(worker), is_closed ? LG_ECLOSED : LG_EPAUSED);
        if (!is_closed)
            assert_status(lg_pool_ready(pool), LG_OK);
    }
    assert_status(lg_pool_suspend(NULL), LG_EINVAL);
    assert_status(lg_pool_resume(NULL), LG_EINVAL);
    assert_status(lg_pool_suspend(pool), LG_ECLOSED);
    assert_status(lg_pool_resume(pool), LG_ECLOSED);
    null_end(driver, pool);
}

/* ---- All at once: users, clears of each kind and readies, with a listener. --------------------- */

struct user {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct support_random random;
};

#define USERS 4

static int use(void *arg)
{
    struct user *user = arg;
    for (uint32_t i = 0; i < SUPPORT_ROUNDS(400); i++) {
        struct loan loan = loan_of(user->driver, user->pool, lg_after_ms(20));
        int status = loan_checkout(&loan);
        if (status == LG_OK && support_below(&user->random, 4) == 0)
            sched_yield();
        if (status == LG_OK && loan_checkin(&loan) != LG_OK)
            return LG_EINVAL;
        if (status != LG_OK && status != LG_EPAUSED && status != LG_ETIMEDOUT)
            return status;
    }
    return LG_OK;
}

static int turn(void *arg)
{
    struct user *user = arg;
    for (uint32_t i = 0; i < SUPPORT_ROUNDS(200); i++) {
        uint32_t how = support_below(&user->random, 3);
        if (lg_pool_clear(user->pool, how) != LG_OK || lg_pool_ready(user->pool) != LG_OK)
            return LG_EINVAL;
        sched_yield();
    }
    return LG_OK;
}

static void all_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.min_size = 2;
    options.period_ms = 1;
    options.event_room = 1u << 18;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *workers[USERS];
    struct user users[USERS];
    for (uint32_t i = 0; i < USERS; i++) {
        users[i] = (struct user){.driver = driver, .pool = pool};
        support_random_begin(&users[i].random, i);
        workers[i] = crew_hire_numbered("user-", i);
        crew_run(workers[i], i == 0 ? turn : use, &users[i]);
    }
    for (uint32_t i = 0; i < USERS; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    null_end(driver, pool);
    listener_end(listener);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_paused_pool_refuses_at_once),
        SUPPORT_TEST(what_is_lent_outlives_a_pause),
        SUPPORT_TEST(waiters_are_sent_away),
        SUPPORT_TEST(an_open_in_flight_is_closed_when_it_arrives),
        SUPPORT_TEST(an_interrupt_asks_opens_to_give_up),
        SUPPORT_TEST(an_interrupt_reaches_who_uses_one),
        SUPPORT_TEST(a_return_during_an_interrupt),
        SUPPORT_TEST(a_driver_need_not_interrupt),
        SUPPORT_TEST(each_state_is_entered_once),
        SUPPORT_TEST(bad_calls_are_refused),
        SUPPORT_TEST(a_suspended_pool_lets_wait),
        SUPPORT_TEST(what_is_returned_while_suspended_waits_too),
        SUPPORT_TEST(a_deadlock_is_told_at_the_resume),
        SUPPORT_TEST(a_suspended_pool_may_be_paused_and_closed),
        SUPPORT_TEST(all_at_once),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
