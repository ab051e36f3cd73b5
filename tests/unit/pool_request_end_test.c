/* The end of requests: cancelled, ended, with the pool, in a child; and what they are to others. */
#include "pool/request.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define set_full(word, value) __atomic_store_n((word), (value), __ATOMIC_SEQ_CST)
#define get_full(word)        __atomic_load_n((word), __ATOMIC_SEQ_CST)

static struct lg_request *ask_by(struct lg_pool *pool, struct outcome *outcome)
{
    assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, outcome, -1, &outcome->request),
                  LG_OK);
    return outcome->request;
}

static void wait_granted(struct lg_request *request)
{
    NULL_WAIT_UNTIL((get_full(&request->state) & (LG__REQUEST_STATES | LG__REQUEST_TELLING)) ==
                    LG__REQUEST_DONE);
}

/* ---- Cancel -------------------------------------------------------------------------------------- */

static void what_waits_is_cancelled(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    struct outcome outcome = {.must_end = true};
    struct lg_request *told = ask_by(pool, &outcome);
    assert_status(lg_request_cancel(request), LG_OK);
    assert_status(lg_request_cancel(told), LG_OK);
    assert_status(outcome_poll(request, &lease), LG_ECANCELED);
    assert_status(lg_request_poll(request, &lease), LG_ESTALE);
    outcome_wait(&outcome, 1);
    assert_status(outcome.status, LG_ECANCELED);
    lg_request_end(request);
    null_give(pool, &mine);
    null_end(driver, pool);
    assert_int_equal(outcome_calls(&outcome), 1);
}

static void a_grant_that_nobody_took_goes_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    wait_granted(request);
    crew_run(worker, loan_checkout, &its);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_request_cancel(request), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(lg_request_poll(request, &lease), LG_ECANCELED);
    assert_null(lease.resource);
    assert_status(lg_request_cancel(request), LG_ESTALE);
    lg_request_end(request);
    assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
    request = outcome_ask(pool, LG_FOREVER);
    wait_granted(request);
    lg_request_end(request); /* the same without anybody asking for the outcome */
    null_assert_counts(driver, pool, 0);
    null_end(driver, pool);
}

static void a_failure_stands(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_TRY);
    wait_granted(request);
    assert_status(lg_request_cancel(request), LG_ESTALE);
    assert_status(lg_request_poll(request, &lease), LG_ETIMEDOUT);
    lg_request_end(request);
    null_give(pool, &mine);
    null_end(driver, pool);
}

/* It was granted, and the courier has not got to it. */
static void a_grant_on_its_way_goes_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct outcome blocker = {.is_held = 1}, outcome = {.must_end = true}, ended = {0};
    struct lg_lease mine = null_take(pool);
    assert_status(lg_pool_request(pool, LG_TRY, outcome_note, &blocker, -1, &blocker.request),
                  LG_OK);
    NULL_WAIT_UNTIL(get_full(&blocker.is_inside));
    struct lg_request *request = ask_by(pool, &outcome);
    null_give(pool, &mine);
    outcome_wait_queued(pool, 0);
    assert_status(lg_request_cancel(request), LG_OK);
    lg_request_end(ask_by(pool, &ended)); /* behind it */
    set_full(&blocker.is_held, 0);
    outcome_wait(&outcome, 1);
    assert_status(outcome.status, LG_ECANCELED);
    mine = null_take(pool);
    null_give(pool, &mine);
    lg_request_end(blocker.request);
    null_end(driver, pool);
    assert_int_equal(outcome_calls(&ended), 0);
}

/* ---- End ----------------------------------------------------------------------------------------- */

static void what_has_ended_is_told_no_more(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool);
    struct outcome outcome = {0};
    lg_request_end(ask_by(pool, &outcome));
    lg_request_end(outcome_ask(pool, LG_FOREVER));
    null_give(pool, &mine);
    null_end(driver, pool);
    assert_int_equal(outcome_calls(&outcome), 0);
}

static int step_end(void *request)
{
    lg_request_end(request);
    return 0;
}

static void end_waits_for_the_callback(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("ender");
    struct outcome outcome = {.is_held = 1};
    struct lg_request *request = ask_by(pool, &outcome);
    NULL_WAIT_UNTIL(get_full(&outcome.is_inside));
    crew_run(worker, step_end, request);
    NULL_WAIT_UNTIL(get_full(&request->state) & LG__REQUEST_AWAITED);
    assert_false(crew_is_idle(worker));
    set_full(&outcome.is_held, 0);
    (void)crew_wait(worker);
    assert_int_equal(outcome_calls(&outcome), 1);
    null_give(pool, &outcome.lease);
    null_end(driver, pool);
}

/* Each callback gives back and asks for the next. */
struct chain {
    struct lg_pool *pool;
    struct lg_request *request;
    uint32_t left; /* atomic */
    uint32_t wrong;
};

static void ask_again(void *arg, int status, struct lg_lease *lease)
{
    struct chain *chain = arg;
    struct lg_request *own = chain->request;
    chain->wrong += status != LG_OK;
    if (get_full(&chain->left) > 1 &&
        lg_pool_request(chain->pool, LG_FOREVER, ask_again, chain, -1, &chain->request) != LG_OK)
        chain->wrong++;
    chain->wrong += lg_pool_checkin(chain->pool, lease) != LG_OK;
    lg_request_end(own);
    __atomic_sub_fetch(&chain->left, 1, __ATOMIC_SEQ_CST);
}

static void a_callback_may_call_the_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct chain chain = {.pool = pool, .left = 1000};
    assert_status(lg_pool_request(pool, LG_FOREVER, ask_again, &chain, -1, &chain.request), LG_OK);
    NULL_WAIT_UNTIL(get_full(&chain.left) == 0);
    assert_int_equal(chain.wrong, 0);
    null_end(driver, pool);
}

/* ---- The pool's end ------------------------------------------------------------------------------ */

static int step_destroy(void *pool)
{
    lg_pool_destroy(pool);
    return 0;
}

static void a_pool_that_is_waited_for_is_not_destroyed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease mine = null_take(pool);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a pool was destroyed while waited for");
    lg_request_end(request);
    null_give(pool, &mine);
    null_end(driver, pool);
}

static void nor_one_with_a_grant_that_nobody_took(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    wait_granted(request);
    struct support_panic panic = support_panic_of(step_destroy, pool);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a pool was destroyed while a lease of it was out");
    lg_request_end(request);
    null_end(driver, pool);
}

static void destroy_in_callback(void *pool, int status, struct lg_lease *lease)
{
    (void)status, (void)lease;
    lg_pool_destroy(pool);
}

static int run_destroyer(void)
{
    struct null_driver *driver = null_begin();
    struct lg_pool *pool;
    struct lg_request *request;
    if (lg_pool_create(&driver->table, driver, NULL, &pool) != LG_OK ||
        lg_pool_request(pool, LG_TRY, destroy_in_callback, pool, -1, &request) != LG_OK)
        return 1;
    for (;;)
        null_yield();
}

static void nor_by_its_own_callback(void **state)
{
    (void)state;
    char output[4096];
    int result = support_spawn("destroyer", NULL, output, sizeof output);
    assert_int_equal(result, 1006);
    assert_non_null(strstr(output, "by a callback of its own request"));
}

/* ---- Fork ---------------------------------------------------------------------------------------- */

struct family {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_request *pending, *granted;
    struct outcome told;
};

static int be_child(void *arg)
{
    struct family *family = arg;
    struct lg_lease lease;
    struct lg_request *fresh;
    struct lg_request *parents[] = {family->pending, family->granted, family->told.request};
    for (int i = 0; i < 3; i++) {
        SUPPORT_CHECK(lg_request_poll(parents[i], &lease) == LG_EFORK);
        SUPPORT_CHECK(lease.resource == NULL);
        SUPPORT_CHECK(lg_request_cancel(parents[i]) == LG_EFORK);
        lg_request_end(parents[i]);
    }
    SUPPORT_CHECK(lg_pool_request(family->pool, LG_FOREVER, NULL, NULL, -1, &fresh) == LG_OK);
    SUPPORT_CHECK(outcome_poll(fresh, &lease) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(family->pool, &lease) == LG_OK);
    lg_request_end(fresh);
    SUPPORT_CHECK(outcome_calls(&family->told) == 0);
    lg_pool_destroy(family->pool);
    return 0;
}

static void a_child_has_none_of_the_parents(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the thread sanitizer's runtime does not survive a fork with threads");
    struct family family = {.driver = null_begin()};
    struct lg_lease lease;
    family.pool = null_pool_of(family.driver, 1);
    family.granted = outcome_ask(family.pool, LG_FOREVER);
    wait_granted(family.granted);
    family.pending = outcome_ask(family.pool, LG_FOREVER);
    (void)ask_by(family.pool, &family.told);
    null_wait_threads(4); /* main, watchdog, ticker, courier */
    assert_int_equal(support_fork(be_child, &family), 0);
    assert_status(lg_request_poll(family.granted, &lease), LG_OK);
    lg_request_end(family.granted);
    null_give(family.pool, &lease);
    assert_status(outcome_poll(family.pending, &lease), LG_OK);
    lg_request_end(family.pending);
    null_give(family.pool, &lease);
    outcome_wait(&family.told, 1);
    lg_request_end(family.told.request);
    null_give(family.pool, &family.told.lease);
    null_end(family.driver, family.pool);
}

/* ---- To others ----------------------------------------------------------------------------------- */

/* It has the earliest deadline and comes first in the queue, and is no victim all the same. */
static void it_is_part_of_no_deadlock(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct crew_worker *other = crew_hire("other");
    struct lg_lease mine = null_take(pool), lease, pair[2];
    struct loan its = loan_of(driver, pool, LG_FOREVER), more = its;
    assert_status(crew_do(other, loan_checkout, &its), LG_OK);
    struct lg_request *request = outcome_ask(pool, lg_after_ms(3600 * 1000));
    crew_run(other, loan_checkout, &more);
    crew_wait_blocked_on(other, pool);
    assert_status(lg_pool_checkout_many(pool, 2, LG_FOREVER, pair), LG_EDEADLK);
    assert_status(lg_request_poll(request, &lease), LG_EBUSY);
    for (uint32_t i = 0; i < lg_report_last()->member_count; i++)
        assert_string_not_equal(lg_report_last()->members[i].context, "request");
    null_give(pool, &mine);
    assert_status(outcome_poll(request, &lease), LG_OK);
    lg_request_end(request);
    null_give(pool, &lease);
    assert_status(crew_wait(other), LG_OK);
    assert_status(crew_do(other, loan_checkin, &its), LG_OK);
    assert_status(crew_do(other, loan_checkin, &more), LG_OK);
    null_end(driver, pool);
}

/* What comes back while newcomers may overtake goes to all who wait, though the courier is busy. */
static void a_busy_courier_keeps_nobody_waiting(void **state)
{
    (void)state;
    enum { N = 4 };
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2 * N;
    options.overtaking_us = 3600ull * 1000 * 1000;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *workers[N];
    struct lg_request *requests[N];
    struct lg_lease mine[2 * N], lease;
    struct loan its[N];
    for (unsigned i = 0; i < N; i++)
        workers[i] = crew_hire_numbered("waiter-", i);
    for (int round = 0; round < SUPPORT_ROUNDS(50); round++) {
        struct outcome blocker = {.is_held = 1};
        for (unsigned i = 0; i < 2 * N; i++)
            mine[i] = null_take(pool);
        assert_status(lg_pool_request(pool, LG_TRY, outcome_note, &blocker, -1, &blocker.request),
                      LG_OK);
        NULL_WAIT_UNTIL(get_full(&blocker.is_inside));
        for (unsigned i = 0; i < N; i++) {
            its[i] = loan_of(driver, pool, LG_FOREVER);
            if (round % 2)
                requests[i] = outcome_ask(pool, LG_FOREVER);
            crew_run(workers[i], loan_checkout, &its[i]);
            crew_wait_blocked_on(workers[i], pool);
            if (round % 2 == 0)
                requests[i] = outcome_ask(pool, LG_FOREVER);
        }
        for (unsigned i = 0; i < 2 * N; i++)
            null_give(pool, &mine[i]);
        for (unsigned i = 0; i < N; i++)
            assert_status(crew_wait(workers[i]), LG_OK);
        set_full(&blocker.is_held, 0);
        for (unsigned i = 0; i < N; i++) {
            assert_status(outcome_poll(requests[i], &lease), LG_OK);
            null_give(pool, &lease);
            lg_request_end(requests[i]);
            assert_status(crew_do(workers[i], loan_checkin, &its[i]), LG_OK);
        }
        lg_request_end(blocker.request);
    }
    null_end(driver, pool);
}

/* As a waiter that sleeps: no open is asked for while patience lasts, and then one is. */
static void patience_comes_to_its_end(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.growth = LG_GROWTH_PATIENT;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *holder = crew_hire("holder");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease;
    assert_status(crew_do(holder, loan_checkout, &its), LG_OK);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_int_equal(null_get(driver, opened), 2);
    lg_request_end(request);
    null_give(pool, &lease);
    assert_status(crew_do(holder, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void it_waits_for_a_resume(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *other = crew_hire("other");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease;
    assert_status(lg_pool_suspend(pool), LG_OK);
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    crew_run(other, loan_checkout, &its);
    crew_wait_blocked_on(other, pool);
    assert_status(lg_request_poll(request, &lease), LG_EBUSY);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(outcome_poll(request, &lease), LG_OK);
    lg_request_end(request);
    null_give(pool, &lease);
    assert_status(crew_wait(other), LG_OK);
    assert_status(crew_do(other, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void it_keeps_its_place_through_a_resize(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *other = crew_hire("other");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease mine = null_take(pool), lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    crew_run(other, loan_checkout, &its);
    crew_wait_blocked_on(other, pool);
    assert_status(lg_pool_resize(pool, 0, 3), LG_OK);
    assert_status(outcome_poll(request, &lease), LG_OK);
    assert_status(crew_wait(other), LG_OK);
    lg_request_end(request);
    null_give(pool, &lease);
    null_give(pool, &mine);
    assert_status(crew_do(other, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void events_are_told_as_of_a_checkout(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease lease, other;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER);
    assert_status(outcome_poll(request, &lease), LG_OK);
    lg_request_end(request);
    request = outcome_ask(pool, LG_TRY);
    assert_status(outcome_poll(request, &other), LG_ETIMEDOUT);
    lg_request_end(request);
    null_give(pool, &lease);
    listener_expect(listener, "pool created", "pool ready", "checkout started",
                    "resource created #1", "resource ready #1", "checked out #1",
                    "checkout started", "checkout failed (timeout)", "checked in #1", NULL);
    null_end(driver, pool);
    listener_end(listener);
}

static void a_sharing_pool_takes_back_what_nobody_took(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.nested = LG_NESTED_SHARE;
    options.capacity = 2;
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease outer = null_take(pool), inner, lease;
    struct lg_request *request = outcome_ask(pool, LG_FOREVER), *second;
    wait_granted(request);
    inner = null_take(pool); /* of its own, not of the request's */
    assert_int_equal(lg_lease_id(&inner), lg_lease_id(&outer));
    second = outcome_ask(pool, LG_FOREVER);
    lg_request_end(request);
    assert_status(outcome_poll(second, &lease), LG_OK);
    assert_int_not_equal(lg_lease_id(&lease), lg_lease_id(&outer));
    lg_request_end(second);
    null_give(pool, &lease);
    null_give(pool, &inner);
    null_give(pool, &outer);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_waits_is_cancelled),
        SUPPORT_TEST(a_grant_that_nobody_took_goes_back),
        SUPPORT_TEST(a_failure_stands),
        SUPPORT_TEST(a_grant_on_its_way_goes_back),
        SUPPORT_TEST(what_has_ended_is_told_no_more),
        SUPPORT_TEST(end_waits_for_the_callback),
        SUPPORT_TEST(a_callback_may_call_the_pool),
        SUPPORT_TEST(a_pool_that_is_waited_for_is_not_destroyed),
        SUPPORT_TEST(nor_one_with_a_grant_that_nobody_took),
        SUPPORT_TEST(nor_by_its_own_callback),
        SUPPORT_TEST(a_child_has_none_of_the_parents),
        SUPPORT_TEST(it_is_part_of_no_deadlock),
        SUPPORT_TEST(a_busy_courier_keeps_nobody_waiting),
        SUPPORT_TEST(patience_comes_to_its_end),
        SUPPORT_TEST(it_waits_for_a_resume),
        SUPPORT_TEST(it_keeps_its_place_through_a_resize),
        SUPPORT_TEST(events_are_told_as_of_a_checkout),
        SUPPORT_TEST(a_sharing_pool_takes_back_what_nobody_took),
    };
    const struct support_case cases[] = {{"destroyer", run_destroyer}, {NULL, NULL}};
    return SUPPORT_RUN(argc, argv, tests, cases);
}
