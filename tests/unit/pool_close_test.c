/* Close and destroy: who is told, who is waited for, and what panics. */
#include "support/crew.h"
#include "support/locks.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <string.h>

/* A close as a step: its arguments and results. */
struct closing {
    struct lg_pool *pool;
    lg_deadline deadline;
    struct lg_lease_info infos[4];
    size_t room;
    size_t count;
    struct lg_mutex *mutex; /* locked first, unlocked after */
    struct lg_report report;
};

static int step_close(void *arg)
{
    struct closing *closing = arg;
    int status = lg_pool_close(closing->pool, closing->deadline, closing->infos, closing->room,
                               &closing->count);
    if (status != LG_OK)
        closing->report = *lg_report_last();
    return status;
}

static struct closing closing_of(struct lg_pool *pool, lg_deadline deadline)
{
    return (struct closing){.pool = pool, .deadline = deadline, .room = 4, .count = 99};
}

static void an_unused_pool_closes_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct closing closing = closing_of(pool, LG_TRY);
    for (int i = 0; i < 3; i++) {
        assert_status(step_close(&closing), LG_OK);
        assert_int_equal(closing.count, 0);
    }
    null_end(driver, pool);
}

static void what_is_idle_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease a = null_take(pool), b = null_take(pool);
    assert_status(lg_pool_checkin(pool, &a), LG_OK);
    assert_status(lg_pool_checkin(pool, &b), LG_OK);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    assert_int_equal(null_get(driver, closed), 2);
    null_end(driver, pool);
}

static void a_closed_pool_lends_nothing(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_ECLOSED);
    assert_null(lease.resource);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_ECLOSED);
    assert_int_equal(null_get(driver, opens_begun), 1);
    null_end(driver, pool);
}

/* Nor one more share of what is out already. */
static void a_closed_pool_shares_nothing(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.nested = LG_NESTED_SHARE;
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease outer = null_take(pool), inner = null_take(pool), more;
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_EDEADLK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &more), LG_ECLOSED);
    assert_status(lg_pool_checkin(pool, &inner), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &more), LG_ECLOSED);
    assert_status(lg_pool_checkin(pool, &outer), LG_OK);
    assert_int_equal(null_alive(driver), 0);
    null_end(driver, pool);
}

static void arguments_must_fit(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_close(NULL, LG_TRY, NULL, 0, NULL), LG_EINVAL);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 1, NULL), LG_EINVAL);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK); /* it was not closed */
    lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void waiters_are_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *workers[3], *holder = crew_hire("holder");
    struct loan held = loan_of(driver, pool, LG_FOREVER), loans[3];
    struct closing closing = closing_of(pool, LG_TRY);
    assert_status(crew_do(holder, loan_checkout, &held), LG_OK);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    assert_status(step_close(&closing), LG_ETIMEDOUT);
    for (unsigned i = 0; i < 3; i++)
        assert_status(crew_wait(workers[i]), LG_ECLOSED);
    assert_status(crew_do(holder, loan_checkin, &held), LG_OK);
    assert_int_equal(null_alive(driver), 0);
    null_end(driver, pool);
}

static void a_deadline_lists_who_is_out(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 4);
    struct crew_worker *workers[3];
    struct loan loans[3];
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("holder-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(crew_do(workers[i], loan_checkout, &loans[i]), LG_OK);
    }
    assert_status(crew_do(workers[2], loan_detach, &loans[2]), LG_OK);
    struct closing closing = closing_of(pool, lg_after_ms(12));
    closing.room = 2;
    assert_status(step_close(&closing), LG_ETIMEDOUT);
    assert_int_equal(closing.count, 3);
    assert_string_equal(closing.infos[2].holder, "");
    closing.room = 4;
    closing.deadline = LG_TRY;
    null_age(pool); /* as if they had been out for days */
    assert_status(step_close(&closing), LG_ETIMEDOUT);
    assert_int_equal(closing.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct lg_lease_info *info = &closing.infos[i];
        unsigned who = info->slot == loans[0].lease.slot   ? 0
                       : info->slot == loans[1].lease.slot ? 1
                                                           : 2;
        char expected[LG_NAME_SIZE] = "holder-0";
        expected[7] = (char)('0' + who);
        assert_string_equal(info->holder, who == 2 ? "(detached)" : expected);
        assert_non_null(strstr(info->place, "null_driver.c:"));
        assert_true(info->age_ms >= 900000000);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    null_end(driver, pool);
}

static void it_waits_for_the_last_checkin(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct crew_worker *closer = crew_hire("closer"), *other = crew_hire("other");
    struct closing closing = closing_of(pool, LG_FOREVER), second = closing;
    struct lg_lease a = null_take(pool), b = null_take(pool);
    crew_run(closer, step_close, &closing);
    crew_run(other, step_close, &second);
    crew_wait_blocked_on(closer, pool);
    crew_wait_blocked_on(other, pool);
    assert_status(lg_pool_checkin(pool, &a), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    assert_true(crew_is_blocked(closer));
    assert_status(lg_pool_checkin(pool, &b), LG_OK);
    assert_status(crew_wait(closer), LG_OK);
    assert_status(crew_wait(other), LG_OK);
    assert_int_equal(closing.count, 0);
    assert_int_equal(second.count, 0);
    null_end(driver, pool);
}

/* Not idle and not lent: in its reset.  Close waits for that too. */
static void it_waits_for_a_reset(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *closer = crew_hire("closer"), *returner = crew_hire("returner");
    struct closing closing = closing_of(pool, LG_FOREVER);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(returner, loan_checkout, &loan), LG_OK);
    null_hold(&driver->resets);
    crew_run(returner, loan_checkin, &loan);
    null_wait_at(&driver->resets, 1);
    crew_run(closer, step_close, &closing);
    crew_wait_blocked_on(closer, pool);
    null_let_all(&driver->resets);
    assert_status(crew_wait(closer), LG_OK);
    assert_status(crew_wait(returner), LG_OK);
    assert_int_equal(null_alive(driver), 0);
    null_end(driver, pool);
}

static void a_holder_that_closes_would_wait_for_itself(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "mine";
    options.capacity = 2;
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease lease = null_take(pool);
    struct closing closing = closing_of(pool, LG_FOREVER);
    assert_status(step_close(&closing), LG_EDEADLK);
    assert_int_equal(closing.count, 1);
    assert_string_equal(closing.infos[0].holder, "main");
    assert_int_equal(closing.report.kind, LG_REPORT_DEADLOCK);
    assert_string_equal(closing.report.name, "mine");
    assert_string_equal(closing.report.victim, "main");
    assert_int_equal(closing.report.member_count, 1);
    char text[1000];
    lg_report_write(&closing.report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "check in what you hold before you wait for the pool"));
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_status(step_close(&closing), LG_OK);
    null_end(driver, pool);
}

/* The closer holds what a holder of a lease waits for. */
static void a_closer_may_be_waited_for_by_those_it_waits_for(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_mutex mutex = LG_MUTEX_INIT("state");
    struct crew_worker *closer = crew_hire("closer"), *holder = crew_hire("holder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct closing closing = closing_of(pool, LG_FOREVER);
    assert_status(crew_do(closer, step_lock, &mutex), LG_OK);
    assert_status(crew_do(holder, loan_checkout, &loan), LG_OK);
    crew_run(holder, step_lock, &mutex);
    crew_wait_blocked_on(holder, &mutex);
    assert_status(crew_do(closer, step_close, &closing), LG_EDEADLK);
    assert_int_equal(closing.count, 1);
    assert_string_equal(closing.report.closer, "closer");
    assert_int_equal(closing.report.member_count, 2);
    assert_status(crew_do(closer, step_unlock, &mutex), LG_OK);
    assert_status(crew_wait(holder), LG_OK);
    assert_status(crew_do(holder, step_unlock, &mutex), LG_OK);
    crew_run(closer, step_close, &closing);
    crew_wait_blocked_on(closer, pool);
    assert_status(crew_do(holder, loan_checkin, &loan), LG_OK);
    assert_status(crew_wait(closer), LG_OK);
    null_end(driver, pool);
    lg_mutex_destroy(&mutex);
}

static void an_open_in_flight_is_cancelled_and_waited_for(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *asker = crew_hire("asker"), *closer = crew_hire("closer");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct closing closing = closing_of(pool, LG_TRY);
    null_hold(&driver->opens);
    crew_run(asker, loan_checkout, &loan);
    null_wait_at(&driver->opens, 1);
    const struct lg_cancel *cancel = __atomic_load_n(&driver->cancel, __ATOMIC_SEQ_CST);
    assert_non_null(cancel);
    assert_int_equal(lg_cancel_is_requested(cancel), 0);
    assert_status(step_close(&closing), LG_ETIMEDOUT);
    assert_int_equal(closing.count, 0); /* nobody is out */
    assert_status(crew_wait(asker), LG_ECLOSED);
    assert_int_equal(lg_cancel_is_requested(cancel), 1);
    closing.deadline = LG_FOREVER;
    crew_run(closer, step_close, &closing);
    crew_wait_blocked_on(closer, pool);
    null_let_all(&driver->opens);
    assert_status(crew_wait(closer), LG_OK);
    assert_int_equal(null_get(driver, opened), 1);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

static void an_open_that_fails_after_close_ends_it_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *closer = crew_hire("closer");
    struct closing closing = closing_of(pool, LG_FOREVER);
    null_set(driver, fail_opens, 1);
    null_leave_open(driver, pool);
    crew_run(closer, step_close, &closing);
    crew_wait_blocked_on(closer, pool);
    null_let_all(&driver->opens);
    assert_status(crew_wait(closer), LG_OK);
    null_end(driver, pool);
}

static void what_is_lent_may_come_back_after_close(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct crew_worker *holder = crew_hire("holder");
    struct loan a = loan_of(driver, pool, LG_FOREVER), b = a;
    assert_status(crew_do(holder, loan_checkout, &a), LG_OK);
    assert_status(crew_do(holder, loan_checkout, &b), LG_OK);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_ETIMEDOUT);
    assert_status(crew_do(holder, loan_checkin, &a), LG_OK);
    assert_status(crew_do(holder, loan_discard, &b), LG_OK);
    assert_int_equal(null_alive(driver), 0);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    null_end(driver, pool);
}

/* ---- Destroy ------------------------------------------------------------------------------------ */

static int step_destroy(void *pool)
{
    lg_pool_destroy(pool);
    return LG_OK;
}

static struct lg_pool *named_pool(struct null_driver *driver, const char *name)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = name;
    options.capacity = 1;
    return null_pool(driver, &options);
}

static void destroy_with_a_lease_out_panics(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = named_pool(driver, "lent");
    struct crew_worker *holder = crew_hire("holder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(holder, loan_checkout, &loan), LG_OK);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "lent");
    assert_non_null(strstr(panic.rule, "lease"));
    assert_int_equal(null_get(driver, destroyed), 0);
    assert_status(crew_do(holder, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void destroy_with_ones_own_lease_out_panics(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = named_pool(driver, "mine");
    struct lg_lease lease = null_take(pool);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "mine");
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

/* Nothing is out, but an asker waits for an open: it still uses the pool. */
static void destroy_while_waited_for_panics(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = named_pool(driver, "wanted");
    struct crew_worker *asker = crew_hire("asker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_hold(&driver->opens);
    crew_run(asker, loan_checkout, &loan);
    crew_wait_blocked_on(asker, pool);
    null_wait_at(&driver->opens, 1);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    null_let_all(&driver->opens);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "wanted");
    assert_non_null(strstr(panic.rule, "waited for"));
    if (crew_wait(asker) == LG_OK)
        assert_status(crew_do(asker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void destroy_while_somebody_closes_panics(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = named_pool(driver, "closing");
    struct crew_worker *closer = crew_hire("closer");
    struct closing closing = closing_of(pool, LG_FOREVER);
    null_leave_open(driver, pool);
    crew_run(closer, step_close, &closing);
    crew_wait_blocked_on(closer, pool);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    null_let_all(&driver->opens);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "closing");
    assert_status(crew_wait(closer), LG_OK);
    null_end(driver, pool);
}

/* The last opener takes the pool with it. */
static void destroy_with_an_open_in_flight_is_fine(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = named_pool(driver, "opening");
    null_leave_open(driver, pool);
    lg_pool_destroy(pool);
    assert_int_equal(null_get(driver, destroyed), 0);
    null_let_all(&driver->opens);
    NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
    assert_int_equal(null_get(driver, closed), 1);
    null_free(driver);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(an_unused_pool_closes_at_once),
        SUPPORT_TEST(what_is_idle_is_closed),
        SUPPORT_TEST(a_closed_pool_lends_nothing),
        SUPPORT_TEST(a_closed_pool_shares_nothing),
        SUPPORT_TEST(arguments_must_fit),
        SUPPORT_TEST(waiters_are_told),
        SUPPORT_TEST(a_deadline_lists_who_is_out),
        SUPPORT_TEST(it_waits_for_the_last_checkin),
        SUPPORT_TEST(it_waits_for_a_reset),
        SUPPORT_TEST(a_holder_that_closes_would_wait_for_itself),
        SUPPORT_TEST(a_closer_may_be_waited_for_by_those_it_waits_for),
        SUPPORT_TEST(an_open_in_flight_is_cancelled_and_waited_for),
        SUPPORT_TEST(an_open_that_fails_after_close_ends_it_too),
        SUPPORT_TEST(what_is_lent_may_come_back_after_close),
        SUPPORT_TEST(destroy_with_a_lease_out_panics),
        SUPPORT_TEST(destroy_with_ones_own_lease_out_panics),
        SUPPORT_TEST(destroy_while_waited_for_panics),
        SUPPORT_TEST(destroy_while_somebody_closes_panics),
        SUPPORT_TEST(destroy_with_an_open_in_flight_is_fine),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
