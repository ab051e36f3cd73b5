/* Requests: what is asked for without waiting, and how its outcome is told. */
#include "pool/request.h"
#include "support/crew.h"
#include "support/outcome.h"

#include <lifeguard/cancel.h>

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- Granted ------------------------------------------------------------------------------------- */

static void poll_has_the_outcome_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    struct lg_lease lease, again;
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_non_null(lease.resource);
    assert_status(lg_request_poll(request, &again), LG_ESTALE);
    assert_null(again.resource);
    assert_status(lg_request_cancel(request), LG_ESTALE);
    lg_request_end(request);
    null_give(pool, &lease);
    null_end(driver, pool);
}

static void a_grant_is_nobodys_until_it_is_adopted(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    struct lg_lease lease;
    struct lg_lease_info info;
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "(detached)");
    assert_non_null(strstr(info.place, "outcome.c:"));
    assert_status(lg_lease_adopt(&lease), LG_OK);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    lg_request_end(request);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &(struct lg_lease){0}), LG_EDEADLK);
    null_give(pool, &lease);
    null_end(driver, pool);
}

static void a_callback_is_called_by_the_courier(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct outcome outcome = {.must_end = true};
    assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, &outcome, -1, &outcome.request),
                  LG_OK);
    outcome_wait(&outcome, 1);
    assert_status(outcome.status, LG_OK);
    assert_false(pthread_equal(outcome.thread, pthread_self()));
    assert_true(outcome.has_all_signals_blocked);
    null_give(pool, &outcome.lease);
    null_end(driver, pool);
}

/* Nothing that the caller or a returner does waits for the driver. */
static void what_is_idle_is_checked_by_the_courier(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.check_after_ms = NULL_CHECK_MS;
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease lease = null_take(pool);
    null_give(pool, &lease);
    null_age(pool);
    null_hold(&driver->checks);
    null_set(driver, fail_checks, 1);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    null_wait_at(&driver->checks, 1);
    assert_status(lg_request_poll(request, &lease), LG_EBUSY);
    null_let_all(&driver->checks);
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_int_equal(null_get(driver, opened), 2); /* it was not fit */
    lg_request_end(request);
    null_give(pool, &lease);
    null_end(driver, pool);
}

static void it_queues_like_everybody(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *before = crew_hire("before"), *after = crew_hire("after");
    struct loan its = loan_of(driver, pool, LG_FOREVER), other = its;
    struct lg_lease mine = null_take(pool), lease;
    crew_run(before, loan_checkout, &its);
    crew_wait_blocked_on(before, pool);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    outcome_wait_queued(pool, 2);
    crew_run(after, loan_checkout, &other);
    crew_wait_blocked_on(after, pool);
    null_give(pool, &mine);
    assert_status(crew_wait(before), LG_OK);
    assert_status(lg_request_poll(request, &lease), LG_EBUSY);
    assert_status(crew_do(before, loan_checkin, &its), LG_OK);
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_true(crew_is_blocked(after));
    lg_request_end(request);
    null_give(pool, &lease);
    assert_status(crew_wait(after), LG_OK);
    assert_status(crew_do(after, loan_checkin, &other), LG_OK);
    null_end(driver, pool);
}

/* What was handed to it was not fit: it comes first again. */
static void it_keeps_its_place(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *other = crew_hire("other");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct outcome blocker = {.is_held = 1, .must_return = true, .must_end = true};
    struct lg_lease lease;
    /* A callback keeps the courier busy, so that a clear comes between the grant and the loan. */
    assert_status(lg_pool_request(pool, LG_TRY, outcome_note, &blocker, -1, &blocker.request),
                  LG_OK);
    NULL_WAIT_UNTIL(__atomic_load_n(&blocker.is_inside, __ATOMIC_SEQ_CST));
    assert_status(blocker.status, LG_ETIMEDOUT); /* nothing is open yet */
    struct lg_lease mine = null_take(pool);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    crew_run(other, loan_checkout, &its);
    crew_wait_blocked_on(other, pool);
    null_give(pool, &mine);
    outcome_wait_queued(pool, 1);
    null_hold(&driver->opens);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    __atomic_store_n(&blocker.is_held, 0, __ATOMIC_SEQ_CST);
    outcome_wait_queued(pool, 2);
    null_let_all(&driver->opens);
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_int_equal(lg_lease_id(&lease), 2);
    assert_true(crew_is_blocked(other));
    lg_request_end(request);
    null_give(pool, &lease);
    assert_status(crew_wait(other), LG_OK);
    assert_status(crew_do(other, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void one_fd_tells_of_many(void **state)
{
    (void)state;
    enum { N = 5 };
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, N);
    struct lg_request *requests[N];
    struct lg_lease lease;
    uint64_t told = 0, count;
    int done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (int i = 0; i < N; i++)
        assert_status(lg_pool_request(pool, LG_FOREVER, NULL, NULL, done, &requests[i]), LG_OK);
    while (told < N) {
        struct pollfd wanted = {.fd = done, .events = POLLIN};
        assert_int_equal(poll(&wanted, 1, -1), 1);
        assert_int_equal(read(done, &count, sizeof count), sizeof count);
        told += count;
    }
    assert_int_equal(told, N);
    for (int i = 0; i < N; i++) {
        assert_status(lg_request_poll(requests[i], &lease), LG_OK);
        lg_request_end(requests[i]);
        null_give(pool, &lease);
    }
    close(done);
    null_end(driver, pool);
}

static void a_bad_fd_is_logged_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 2; i++) {
        struct lg_request *request;
        struct lg_lease lease;
        assert_status(lg_pool_request(pool, LG_FOREVER, NULL, NULL, ends[0], &request), LG_OK);
        assert_status(outcome_poll(request, &lease), LG_OK);
        lg_request_end(request); /* after this nothing is written any more */
        null_give(pool, &lease);
    }
    assert_int_equal(support_log_count("request-fd"), 1);
    close(ends[0]);
    close(ends[1]);
    null_end(driver, pool);
}

/* ---- Refused ------------------------------------------------------------------------------------- */

static void its_deadline_holds(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct outcome outcome = {0};
    struct lg_request *late = outcome_ask(pool, lg_after_ms(3600 * 1000));
    struct lg_request *request = outcome_ask(pool, lg_after_ms(5));
    assert_status(
        lg_pool_request(pool, lg_after_ms(1), outcome_note, &outcome, -1, &outcome.request), LG_OK);
    outcome_wait(&outcome, 1);
    assert_status(outcome.status, LG_ETIMEDOUT);
    assert_int_equal(outcome.report.kind, LG_REPORT_TIMEOUT);
    assert_status(outcome_poll(request, &lease), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->kind, LG_REPORT_TIMEOUT);
    assert_string_equal(lg_report_last()->members[0].context, "request");
    assert_status(lg_request_poll(late, &lease), LG_EBUSY);
    lg_request_end(outcome.request);
    lg_request_end(request);
    null_give(pool, &mine);
    assert_status(outcome_poll(late, &lease), LG_OK);
    lg_request_end(late);
    null_give(pool, &lease);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.timeouts, 2);
    null_end(driver, pool);
}

static void try_does_not_wait(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_TRY);
    assert_status(outcome_poll(request, &lease), LG_ETIMEDOUT);
    lg_request_end(request);
    null_give(pool, &mine);
    null_end(driver, pool);
}

static int ask_now(struct lg_pool *pool)
{
    struct outcome outcome = {0};
    assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, &outcome, -1, &outcome.request),
                  LG_OK);
    outcome_wait(&outcome, 1);
    lg_request_end(outcome.request);
    assert_null(outcome.lease.resource);
    return outcome.status;
}

static void a_pause_refuses_it(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_status(outcome_poll(request, &lease), LG_EPAUSED);
    lg_request_end(request);
    assert_status(ask_now(pool), LG_EPAUSED);
    assert_status(lg_pool_ready(pool), LG_OK);
    null_give(pool, &mine);
    null_end(driver, pool);
}

static void a_close_refuses_it(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    struct outcome outcome = {0};
    assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, &outcome, -1, &outcome.request),
                  LG_OK);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_EDEADLK);
    assert_status(outcome_poll(request, &lease), LG_ECLOSED);
    assert_status(ask_now(pool), LG_ECLOSED);
    null_give(pool, &mine);
    null_end(driver, pool);
    assert_int_equal(outcome_calls(&outcome), 1); /* destroy has waited for it */
    assert_status(outcome.status, LG_ECLOSED);
    lg_request_end(outcome.request); /* after the pool's end */
    lg_request_end(request);
}

static void a_failed_open_refuses_it(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease;
    null_set(driver, fail_opens, 1);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    assert_status(outcome_poll(request, &lease), LG_EOPEN);
    assert_int_equal(lg_report_last()->kind, LG_REPORT_OPEN);
    assert_string_equal(lg_report_last()->detail, NULL_WORDS);
    lg_request_end(request);
    null_end(driver, pool);
}

static void a_scope_ends_it(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_cancel *token;
    struct lg_cancel_scope scope;
    assert_status(lg_cancel_create(NULL, LG_FOREVER, &token), LG_OK);
    assert_status(lg_cancel_enter(token, &scope), LG_OK);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    lg_cancel_leave(&scope);
    struct lg_request *outside = outcome_ask(pool, LG_FOREVER);
    assert_status(lg_request_poll(request, &lease), LG_EBUSY);
    lg_cancel_request(token);
    assert_status(outcome_poll(request, &lease), LG_ECANCELED);
    lg_request_end(request);
    assert_status(lg_cancel_enter(token, &scope), LG_OK); /* it was requested already */
    request = outcome_ask(pool, LG_FOREVER);
    lg_cancel_leave(&scope);
    lg_cancel_destroy(token);
    assert_status(outcome_poll(request, &lease), LG_ECANCELED);
    lg_request_end(request);
    assert_status(lg_request_poll(outside, &lease), LG_EBUSY);
    lg_request_end(outside);
    null_give(pool, &mine);
    null_end(driver, pool);
}

static void arguments_must_fit(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_request *request = (void *)driver;
    struct lg_lease lease;
    assert_status(lg_pool_request(pool, LG_TRY, NULL, NULL, -1, NULL), LG_EINVAL);
    assert_status(lg_pool_request(NULL, LG_TRY, NULL, NULL, -1, &request), LG_EINVAL);
    assert_null(request);
    request = (void *)driver;
    assert_status(lg_pool_request(pool, LG_TRY, NULL, NULL, -2, &request), LG_EINVAL);
    assert_null(request);
    assert_status(lg_request_poll(NULL, &lease), LG_EINVAL);
    assert_status(lg_request_cancel(NULL), LG_EINVAL);
    lg_request_end(NULL);
    request = outcome_ask(pool, LG_FOREVER);
    assert_status(lg_request_poll(request, NULL), LG_EINVAL);
    assert_status(outcome_poll(request, &lease), LG_OK);
    lg_request_end(request);
    null_give(pool, &lease);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(poll_has_the_outcome_once),
        SUPPORT_TEST(a_grant_is_nobodys_until_it_is_adopted),
        SUPPORT_TEST(a_callback_is_called_by_the_courier),
        SUPPORT_TEST(what_is_idle_is_checked_by_the_courier),
        SUPPORT_TEST(it_queues_like_everybody),
        SUPPORT_TEST(it_keeps_its_place),
        SUPPORT_TEST(one_fd_tells_of_many),
        SUPPORT_TEST(a_bad_fd_is_logged_once),
        SUPPORT_TEST(its_deadline_holds),
        SUPPORT_TEST(try_does_not_wait),
        SUPPORT_TEST(a_pause_refuses_it),
        SUPPORT_TEST(a_close_refuses_it),
        SUPPORT_TEST(a_failed_open_refuses_it),
        SUPPORT_TEST(a_scope_ends_it),
        SUPPORT_TEST(arguments_must_fit),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
