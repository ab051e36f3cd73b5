/* The latch: a count, who passes at 0, and declared parties. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/signals.h"
#include "support/thing.h"

#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static struct lg_latch l;
static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct crew_worker *A, *B, *C;

static void begin(uint32_t count)
{
    assert_int_equal(lg_latch_init(&l, "l", count), LG_OK);
    A = crew_hire("A");
    B = crew_hire("B");
    C = crew_hire("C");
}

static void run_blocked(struct crew_worker *worker, crew_step *step, void *object)
{
    crew_run(worker, step, object);
    crew_wait_blocked_on(worker, object);
}

static int add(struct crew_worker *worker, uint32_t count)
{
    return lg_latch_add_party(&l, crew_context(worker), count);
}

static void unlock_by(struct crew_worker *worker)
{
    (void)crew_do(worker, step_unlock, &m);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    assert_int_equal(lg_latch_init(NULL, "l", 1), LG_EINVAL);
    assert_int_equal(lg_latch_init(&l, "l", (uint32_t)-1), LG_EINVAL);
    assert_int_equal(lg_latch_init(&l, "l", LG_LATCH_MAX), LG_OK);
    assert_int_equal(lg_latch_count_down(NULL, 1), LG_EINVAL);
    assert_int_equal(lg_latch_wait((struct lg_latch *)NULL, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_latch_arrive_and_wait((struct lg_latch *)NULL, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_latch_count(NULL), 0);
    assert_int_equal(lg_latch_add_party((struct lg_latch *)NULL, NULL, 1), LG_EINVAL);
    assert_int_equal(lg_latch_withdraw_party(NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_latch_transfer_party((struct lg_latch *)NULL, NULL, lg_context_self()),
                     LG_EINVAL);
    lg_latch_destroy(NULL);
}

static void test_counting(void **state)
{
    (void)state;
    static struct lg_latch big = LG_LATCH_INIT("big", UINT32_MAX), zero;
    assert_int_equal(lg_latch_count(&big), UINT32_MAX);
    assert_int_equal(lg_latch_wait(&big, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_latch_wait(&big, 1), LG_ETIMEDOUT);
    assert_string_equal(lg_report_last()->noun, "latch");
    assert_int_equal(lg_latch_count_down(&big, UINT32_MAX - 2), LG_OK);
    assert_int_equal(lg_latch_count_down(&big, 3), LG_EINVAL);
    assert_int_equal(lg_latch_count_down(&big, 0), LG_OK);
    assert_int_equal(lg_latch_count(&big), 2);
    assert_int_equal(lg_latch_count_down(&big, 1), LG_OK);
    assert_int_equal(lg_latch_arrive_and_wait(&big, LG_FOREVER), LG_OK);
    assert_int_equal(lg_latch_wait(&big, LG_TRY), LG_OK);
    assert_int_equal(lg_latch_count_down(&big, 1), LG_EINVAL);
    assert_int_equal(lg_latch_arrive_and_wait(&big, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_latch_wait(&zero, LG_FOREVER), LG_OK);
    lg_latch_destroy(&big);
}

static void test_all_pass_at_0(void **state)
{
    (void)state;
    begin(2);
    run_blocked(A, step_latch_wait, &l);
    run_blocked(B, step_latch_wait, &l);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    crew_wait_blocked_on(A, &l);
    assert_int_equal(lg_latch_arrive_and_wait(&l, LG_FOREVER), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(crew_do(C, step_latch_wait, &l), LG_OK);
    lg_latch_destroy(&l);
}

static void test_cancel(void **state)
{
    (void)state;
    struct scope its;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    begin(1);
    struct crew_worker *d = hire_in(&its, token, "D");
    run_blocked(d, step_latch_wait, &l);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(d), LG_ECANCELED);
    assert_int_equal(lg_latch_count(&l), 1);
    (void)crew_do(d, step_leave, &its);
    lg_cancel_destroy(token);
    lg_latch_destroy(&l);
}

static int destroy(void *latch)
{
    lg_latch_destroy(latch);
    return 0;
}

static void test_destroy_while_waited_for(void **state)
{
    (void)state;
    begin(1);
    run_blocked(A, step_latch_wait, &l);
    struct support_panic panic = support_panic_of(destroy, &l);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "l");
    assert_int_equal(lg_latch_count_down(&l, 1), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    lg_latch_destroy(&l);
}

static int wait_and_free(void *latch)
{
    int status = lg_latch_wait((struct lg_latch *)latch, LG_FOREVER);
    memset(latch, 0xa5, sizeof(struct lg_latch));
    free(latch);
    return status;
}

static void test_a_waiter_may_free_it(void **state)
{
    (void)state;
    begin(1);
    for (unsigned i = 0; i < SUPPORT_ROUNDS(2000u); i++) {
        struct lg_latch *latch = malloc(sizeof *latch);
        assert_int_equal(lg_latch_init(latch, "short", 2), LG_OK);
        crew_run(A, wait_and_free, latch);
        if (i % 3 == 0)
            crew_wait_blocked(A);
        crew_run(B, step_latch_count_down, latch);
        assert_int_equal(lg_latch_count_down(latch, 1), LG_OK);
        assert_int_equal(crew_wait(B), LG_OK);
        assert_int_equal(crew_wait(A), LG_OK);
    }
}

/* ---- Parties ----------------------------------------------------------------------------------- */

/* Of two parties one is enough, although the other runs. */
static void test_one_stuck_party_is_a_deadlock(void **state)
{
    (void)state;
    struct lg_report report;
    begin(3);
    assert_int_equal(add(B, 1), LG_OK);
    assert_int_equal(add(C, 2), LG_OK);
    assert_int_equal(add(C, 1), LG_EINVAL); /* there is no more */
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    crew_run(B, step_lock, &m);
    assert_int_equal(crew_wait(B), LG_EDEADLK);
    assert_int_equal(crew_do(B, step_copy_report, &report), LG_OK);
    assert_int_equal(report.member_count, 2);
    assert_int_equal(crew_do(B, step_latch_count_down, &l), LG_OK);
    crew_run(B, step_lock, &m); /* it has done its part: it may wait */
    crew_wait_blocked_on(B, &m);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B);
    lg_latch_destroy(&l);
}

/* What nobody has declared anybody may do. */
static void test_the_rest_is_anybodys(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    begin(2);
    assert_int_equal(add(B, 1), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    assert_int_equal(crew_do(B, step_latch_count_down, &l), LG_OK);
    run_blocked(B, step_lock, &m);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B);
    assert_int_equal(support_log_count(NULL), 0);
    lg_latch_destroy(&l);
}

/* C does B's part: said once, and B is no party any more. */
static void test_a_foreign_count_down(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    begin(2);
    assert_int_equal(add(B, 2), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    assert_int_equal(support_log_count("undeclared"), 1);
    assert_non_null(strstr(support_log_text("undeclared"), "latch \"l\" was counted down"));
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A);
    assert_int_equal(support_log_count("undeclared"), 1);
    lg_latch_destroy(&l);
}

static void test_a_party_ends(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(add(B, 1), LG_OK);
    assert_int_equal(add(C, 1), LG_OK);
    assert_int_equal(crew_do(C, step_latch_count_down, &l), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    crew_leave(C); /* it has done its part */
    crew_wait_blocked_on(A, &l);
    crew_leave(B);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    expect_detail(A, LG_REPORT_BROKEN, "B has ended");
    assert_int_equal(lg_latch_wait(&l, LG_TRY), LG_EBROKEN);
    assert_int_equal(add(A, 1), LG_OK); /* in the place of B */
    assert_int_equal(lg_latch_wait(&l, LG_TRY), LG_EBUSY);
    assert_int_equal(crew_do(A, step_latch_count_down, &l), LG_OK);
    assert_int_equal(lg_latch_wait(&l, LG_FOREVER), LG_OK);
    lg_latch_destroy(&l);
}

static void test_withdraw_and_transfer(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(add(B, 0), LG_EINVAL);
    assert_int_equal(add(B, 2), LG_OK);
    assert_int_equal(add(B, 1), LG_EINVAL);
    assert_int_equal(lg_latch_transfer_party(&l, crew_context(A), crew_context(C)), LG_EINVAL);
    assert_int_equal(lg_latch_transfer_party(&l, crew_context(B), crew_context(C)), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    crew_run(C, step_lock, &m);
    assert_int_equal(crew_wait(C), LG_EDEADLK);
    assert_int_equal(lg_latch_withdraw_party(&l, crew_context(C)), LG_OK);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    expect_detail(A, LG_REPORT_BROKEN, "C has withdrawn");
    unlock_by(A);
    assert_int_equal(lg_latch_withdraw_party(&l, crew_context(C)), LG_EINVAL);
    lg_latch_destroy(&l);
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_latch_wait(&l, LG_FOREVER) == LG_EBROKEN);
    SUPPORT_CHECK(lg_latch_count_down(&l, 1) == LG_OK);
    SUPPORT_CHECK(lg_latch_wait(&l, LG_FOREVER) == LG_OK);
    lg_latch_destroy(&l);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(add(B, 1), LG_OK);
    run_blocked(A, step_latch_wait, &l);
    assert_int_equal(support_fork(check_child, NULL), 0);
    assert_int_equal(crew_do(B, step_latch_count_down, &l), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    lg_latch_destroy(&l);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_bad_arguments),
        SUPPORT_TEST(test_counting),
        SUPPORT_TEST(test_all_pass_at_0),
        SUPPORT_TEST(test_cancel),
        SUPPORT_TEST(test_destroy_while_waited_for),
        SUPPORT_TEST(test_a_waiter_may_free_it),
        SUPPORT_TEST(test_one_stuck_party_is_a_deadlock),
        SUPPORT_TEST(test_the_rest_is_anybodys),
        SUPPORT_TEST(test_a_foreign_count_down),
        SUPPORT_TEST(test_a_party_ends),
        SUPPORT_TEST(test_withdraw_and_transfer),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
