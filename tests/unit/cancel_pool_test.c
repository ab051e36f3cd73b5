/* Cancelled checkouts and closes, and the token that an open gets. */
#include "support/null_driver.h"
#include "support/scope.h"

#include "graph/cancel.h"

#include <lifeguard/stats.h>

#include <string.h>

struct fixture {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_cancel *token;
    struct scope its;
    struct crew_worker *a; /* in a scope of the token */
    struct loan mine;      /* main has the pool's only resource */
    struct loan wanted;    /* A's */
};

static void begin(struct fixture *f, uint64_t overtaking_us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.overtaking_us = overtaking_us;
    *f = (struct fixture){.driver = null_begin(), .token = token_below(NULL, LG_FOREVER)};
    f->pool = null_pool(f->driver, &options);
    f->a = hire_in(&f->its, f->token, "A");
    f->mine = f->wanted = loan_of(f->driver, f->pool, LG_FOREVER);
    assert_status(loan_checkout(&f->mine), LG_OK);
}

static void end(struct fixture *f)
{
    (void)crew_do(f->a, step_leave, &f->its);
    assert_int_equal(f->token->references, 1);
    lg_cancel_destroy(f->token);
    null_end(f->driver, f->pool);
}

static uint32_t count_waiting(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(pool, &stats), LG_OK);
    return stats.waiting;
}

static void a_checkout_is_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    begin(&f, 0);
    crew_run(f.a, loan_checkout, &f.wanted);
    crew_wait_blocked_on(f.a, f.pool);
    lg_cancel_request(f.token);
    assert_status(crew_wait(f.a), LG_ECANCELED);
    assert_null(f.wanted.lease.resource);
    assert_int_equal(f.wanted.report.kind, LG_REPORT_NONE);
    assert_int_equal(f.wanted.report.cause, LG_EXHAUSTION_NONE);
    assert_status(lg_pool_stats(f.pool, &stats), LG_OK);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.waited, 2); /* main for the open, and A */
    assert_int_equal(stats.cancelled, 1);
    assert_int_equal(stats.timeouts, 0);
    assert_status(loan_checkin(&f.mine), LG_OK);
    end(&f);
}

static void only_a_wait_looks(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    lg_cancel_request(f.token);
    assert_status(crew_do(f.a, loan_checkout, &f.wanted), LG_ECANCELED);
    f.wanted.deadline = LG_TRY;
    assert_status(crew_do(f.a, loan_checkout, &f.wanted), LG_EBUSY);
    f.wanted.deadline = LG_FOREVER;
    assert_status(loan_checkin(&f.mine), LG_OK);
    assert_status(crew_do(f.a, loan_checkout, &f.wanted), LG_OK);
    assert_status(crew_do(f.a, loan_checkin, &f.wanted), LG_OK);
    end(&f);
}

static void a_tokens_deadline_is_a_timeout(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    struct scope inner = {.token = token_below(f.token, lg_after_ms(5))};
    assert_int_equal(crew_do(f.a, step_enter, &inner), LG_OK);
    assert_status(crew_do(f.a, loan_checkout, &f.wanted), LG_ETIMEDOUT);
    assert_int_equal(f.wanted.report.kind, LG_REPORT_TIMEOUT);
    assert_int_not_equal(f.wanted.report.cause, LG_EXHAUSTION_NONE);
    (void)crew_do(f.a, step_leave, &inner);
    lg_cancel_destroy(inner.token);
    assert_status(loan_checkin(&f.mine), LG_OK);
    end(&f);
}

/* A is first in the queue, B behind it: B gets what comes back, with overtaking or without. */
static void the_next_in_the_queue_is_served(void **state)
{
    (void)state;
    for (uint64_t overtaking_us = 0; overtaking_us < 2000000000; overtaking_us += 1000000000) {
        struct fixture f;
        begin(&f, overtaking_us);
        struct crew_worker *b = crew_hire("B");
        struct loan its = f.wanted;
        crew_run(f.a, loan_checkout, &f.wanted);
        crew_wait_blocked_on(f.a, f.pool);
        crew_run(b, loan_checkout, &its);
        crew_wait_blocked_on(b, f.pool);
        lg_cancel_request(f.token);
        assert_status(crew_wait(f.a), LG_ECANCELED);
        assert_int_equal(count_waiting(f.pool), 1);
        assert_status(loan_checkin(&f.mine), LG_OK);
        assert_status(crew_wait(b), LG_OK);
        assert_status(crew_do(b, loan_checkin, &its), LG_OK);
        crew_leave(b);
        end(&f);
        crew_leave(f.a);
    }
}

/* What was asked for lands in the pool, asker or not. */
static void the_open_of_a_cancelled_asker_is_no_loss(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    assert_status(loan_discard(&f.mine), LG_OK);
    null_hold(&f.driver->opens);
    crew_run(f.a, loan_checkout, &f.wanted);
    null_wait_at(&f.driver->opens, 1);
    crew_wait_blocked_on(f.a, f.pool);
    lg_cancel_request(f.token);
    assert_status(crew_wait(f.a), LG_ECANCELED);
    const struct lg_cancel *cancel = __atomic_load_n(&f.driver->cancel, __ATOMIC_SEQ_CST);
    assert_int_equal(lg_cancel_is_requested(cancel), 0); /* the open is nobody's in particular */
    null_let_all(&f.driver->opens);
    null_wait_idle(f.pool, 1);
    end(&f);
}

struct closing {
    struct lg_pool *pool;
    struct lg_lease_info infos[2];
    size_t count;
};

static int step_close(void *arg)
{
    struct closing *closing = arg;
    return lg_pool_close(closing->pool, LG_FOREVER, closing->infos, 2, &closing->count);
}

static void a_close_is_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    struct closing closing = {.pool = f.pool, .count = 99};
    crew_run(f.a, step_close, &closing);
    crew_wait_blocked_on(f.a, f.pool);
    lg_cancel_request(f.token);
    assert_status(crew_wait(f.a), LG_ECANCELED);
    assert_int_equal(closing.count, 1);
    assert_string_equal(closing.infos[0].holder, "main");
    closing.count = 99;
    assert_status(crew_do(f.a, step_close, &closing), LG_ECANCELED); /* at once */
    assert_int_equal(closing.count, 1);
    assert_status(crew_do(f.a, loan_checkout, &f.wanted), LG_ECLOSED);
    assert_status(loan_checkin(&f.mine), LG_OK);
    assert_status(crew_do(f.a, step_close, &closing), LG_OK); /* nothing to wait for */
    assert_int_equal(closing.count, 0);
    end(&f);
}

static void an_opens_token_is_the_pools(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    null_leave_open(driver, pool);
    const struct lg_cancel *cancel = __atomic_load_n(&driver->cancel, __ATOMIC_SEQ_CST);
    assert_int_equal(lg_cancel_is_requested(cancel), 0);
    assert_true(lg_cancel_deadline(cancel) ==
                __atomic_load_n(&driver->open_deadline, __ATOMIC_SEQ_CST));
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_ETIMEDOUT);
    assert_int_equal(lg_cancel_is_requested(cancel), 1);
    null_let_all(&driver->opens);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_checkout_is_cancelled),
        SUPPORT_TEST(only_a_wait_looks),
        SUPPORT_TEST(a_tokens_deadline_is_a_timeout),
        SUPPORT_TEST(the_next_in_the_queue_is_served),
        SUPPORT_TEST(the_open_of_a_cancelled_asker_is_no_loss),
        SUPPORT_TEST(a_close_is_cancelled),
        SUPPORT_TEST(an_opens_token_is_the_pools),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
