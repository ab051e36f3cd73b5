/* Permits among several things: so many units at once are had, or none, by their places; deadlocks through
 * them are found, and nobody is held up who could go on. */
#include "support/locks.h"
#include "support/permits.h"
#include "support/scope.h"
#include "support/several.h"

#include "graph/context.h"

#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);
static struct lg_permits p = LG_PERMITS_INIT("p", 3), q = LG_PERMITS_INIT("q", 1);
static struct units one_p = {.permits = &p, .count = 1}, two_p = {.permits = &p, .count = 2},
                    three_p = {.permits = &p, .count = 3}, one_q = {.permits = &q, .count = 1};
static struct several_step its, other;
static struct crew_worker *A, *B, *C;

static void expect_all_quiet(void)
{
    expect_permits_quiet(&p, 3);
    expect_permits_quiet(&q, 1);
    assert_true(p.many == 0 && q.many == 0);
    assert_true(m.word == 0 && n.word == 0 && s.word == 0);
}

static void give(struct crew_worker *worker, struct units *units)
{
    assert_int_equal(crew_do(worker, step_release, units), LG_OK);
}

static void have(struct crew_worker *worker, struct units *units)
{
    assert_int_equal(crew_do(worker, step_acquire, units), LG_OK);
}

/* ---- Any --------------------------------------------------------------------------------------- */

static void test_so_many_at_once(void **state)
{
    (void)state;
    its = several_of(lg_waitable_permits(&p, 2), lg_waitable_permits(&q, 1), several_none);
    its.deadline = LG_TRY;
    assert_int_equal(step_wait_any(&its), LG_OK);
    assert_true(its.index == 0 && lg_permits_held(&p) == 2);
    assert_int_equal(step_wait_any(&its), LG_OK); /* one of p is in, which is not enough */
    assert_true(its.index == 1 && lg_permits_held(&q) == 1);
    assert_int_equal(step_wait_any(&its), LG_EBUSY);
    assert_int_equal(lg_permits_available(&p), 1);
    assert_int_equal(step_release(&two_p), LG_OK);
    assert_int_equal(step_release(&one_q), LG_OK);
    expect_all_quiet();
}

static void test_what_never_can_be(void **state)
{
    (void)state;
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_permits(&p, 4), several_none);
    assert_int_equal(step_wait_any(&its), LG_EINVAL);
    assert_int_equal(its.index, 1);
    its.things[0] = lg_waitable_mutex(&m);
    assert_int_equal(step_wait_all(&its), LG_EINVAL);
    assert_true(its.index == 1 && m.word == 0);
    its.things[1] = lg_waitable_permits(&p, 0);
    assert_int_equal(step_wait_any(&its), LG_EINVAL);
    its.things[1] = lg_waitable_permits(NULL, 1);
    assert_int_equal(step_wait_any(&its), LG_EINVAL);
    its = several_of(lg_waitable_permits(&p, 1), lg_waitable_permits(&p, 2), several_none);
    assert_int_equal(step_wait_any(&its), LG_EINVAL); /* the same twice */
    assert_int_equal(step_wait_all(&its), LG_EINVAL);
    expect_all_quiet();
}

/* By a release of just enough, or by the other thing; and nothing of the one that was not had. */
static void test_each_ends_the_wait(void **state)
{
    (void)state;
    A = crew_hire("A");
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++) {
        assert_int_equal(step_acquire(&three_p), LG_OK);
        its = several_of(lg_waitable_permits(&p, 2), lg_waitable_semaphore(&s), several_none);
        crew_run_blocked(A, step_wait_any, &its);
        assert_int_equal(step_release(&one_p), LG_OK);
        if (i % 2 == 0)
            assert_int_equal(step_release(&two_p), LG_OK);
        else
            assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(its.index, i % 2);
        assert_int_equal(crew_do(A, step_count_held, &p), i % 2 ? 0 : 2);
        if (i % 2 == 0)
            give(A, &two_p);
        else
            assert_int_equal(step_release(&two_p), LG_OK);
        expect_all_quiet();
    }
}

/* A, woken for units, finds another thing first: B, who is behind it, gets them. */
static void test_units_are_passed_on(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no stalls under the thread sanitizer");
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(step_acquire(&three_p), LG_OK);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_permits(&p, 3), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    wait_for_units(B, &two_p);
    crew_stall(A);
    assert_int_equal(step_release(&three_p), LG_OK);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    crew_go_on();
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(its.index, 0);
    assert_int_equal(crew_wait(B), LG_OK);
    give(B, &two_p);
    expect_all_quiet();
}

static void test_a_deadline_and_a_cancel(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    A = hire_in(&scope, token, "A");
    assert_int_equal(step_acquire(&two_p), LG_OK);
    assert_int_equal(step_lock(&m), LG_OK);
    its = several_of(lg_waitable_permits(&p, 2), lg_waitable_mutex(&m), several_none);
    for (int is_all = 0; is_all < 2; is_all++) {
        its.deadline = lg_after_ms(1);
        assert_int_equal(crew_do(A, is_all ? step_wait_all : step_wait_any, &its), LG_ETIMEDOUT);
        assert_string_equal(its.report.name, "p, m");
    }
    its.deadline = LG_FOREVER;
    crew_run_blocked(A, step_wait_any, &its);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    assert_int_equal(crew_do(A, step_count_held, &p), 0);
    step_unlock(&m);
    assert_int_equal(step_release(&two_p), LG_OK);
    (void)crew_do(A, step_leave, &scope);
    lg_cancel_destroy(token);
    expect_all_quiet();
}

static void test_a_resize(void **state)
{
    (void)state;
    A = crew_hire("A");
    assert_int_equal(step_acquire(&two_p), LG_OK);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_permits(&p, 2), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    assert_int_equal(lg_permits_resize(&p, 1), LG_OK);
    assert_int_equal(crew_wait(A), LG_EINVAL);
    assert_int_equal(its.index, 1);
    assert_int_equal(lg_permits_resize(&p, 3), LG_OK);
    crew_run_blocked(A, step_wait_any, &its);
    assert_int_equal(lg_permits_resize(&p, 4), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    give(A, &two_p);
    assert_int_equal(step_release(&two_p), LG_OK);
    assert_int_equal(lg_permits_resize(&p, 3), LG_OK);
    expect_all_quiet();
}

/* ---- All --------------------------------------------------------------------------------------- */

static void test_all_or_nothing(void **state)
{
    (void)state;
    A = crew_hire("A");
    its = several_of(lg_waitable_permits(&p, 2), lg_waitable_mutex(&m), lg_waitable_permits(&q, 1));
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++) {
        struct units *missing = i % 2 ? &two_p : &one_q;
        assert_int_equal(step_acquire(missing), LG_OK);
        crew_run_blocked(A, step_wait_all, &its);
        assert_int_equal(lg_permits_available(&p), i % 2 ? 1 : 3); /* it holds nothing */
        assert_int_equal(step_try(&m), LG_OK);
        step_unlock(&m);
        assert_int_equal(step_release(missing), LG_OK);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(crew_do(A, step_count_held, &p), 2);
        assert_int_equal(crew_do(A, step_count_held, &q), 1);
        give(A, &two_p);
        give(A, &one_q);
        (void)crew_do(A, step_unlock, &m);
        assert_int_equal(step_try(&m), LG_OK);
        step_unlock(&m);
        expect_all_quiet();
    }
}

/* ---- Deadlocks --------------------------------------------------------------------------------- */

/* A holds m; B holds two of p and q, and waits for m.  A wants two of p or q; or all of two of p and s. */
static void test_all_ways_are_closed(void **state)
{
    (void)state;
    static char text[8192];
    for (int is_all = 0; is_all < 2; is_all++) {
        A = crew_hire("A");
        B = crew_hire("B");
        assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
        have(B, &two_p);
        have(B, &one_q);
        crew_run(B, step_lock, &m);
        crew_wait_blocked_on(B, &m);
        its = several_of(is_all ? lg_waitable_semaphore(&s) : lg_waitable_permits(&q, 1),
                         lg_waitable_permits(&p, 2), several_none);
        assert_int_equal(crew_do(A, is_all ? step_wait_all : step_wait_any, &its), LG_EDEADLK);
        lg_report_write(&its.report, LG_REPORT_TEXT, text, sizeof text);
        assert_non_null(strstr(text, is_all ? "waits for all of: 1 of s, 2 of p (all.c:1)"
                                            : "waits for any of: 1 of q, 2 of p (any.c:1)"));
        (void)crew_do(A, step_unlock, &m);
        assert_int_equal(crew_wait(B), LG_OK);
        (void)crew_do(B, step_unlock, &m);
        give(B, &two_p);
        give(B, &one_q);
        crew_leave(A);
        crew_leave(B);
        expect_all_quiet();
    }
}

/* The same, but q is held by one who runs; and again with so many in that A has enough. */
static void test_what_is_none_is_not_told(void **state)
{
    (void)state;
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(step_acquire(&one_q), LG_OK);
    have(B, &two_p);
    its = several_of(lg_waitable_permits(&q, 1), lg_waitable_permits(&p, 2), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m);
    assert_int_equal(step_release(&one_q), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(its.index, 0);
    give(A, &one_q);
    its.things[1] = lg_waitable_permits(&p, 1);
    assert_int_equal(crew_do(A, step_wait_all, &its), LG_OK);
    give(A, &one_p);
    give(A, &one_q);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    give(B, &two_p);
    expect_all_quiet();
}

/* A is the first and wants two of p; B wants one and holds m, which C wants, who holds two.  Then one comes
 * back.  Whichever waits for several things, B gets past A. */
static void pass(crew_step *wait_of_a, void *for_a, crew_step *wait_of_b, void *for_b)
{
    A = crew_hire("A");
    B = crew_hire("B");
    C = crew_hire("C");
    assert_int_equal(step_acquire(&one_p), LG_OK);
    have(C, &two_p);
    assert_int_equal(crew_do(B, step_lock, &m), LG_OK);
    crew_run(A, wait_of_a, for_a);
    crew_wait_blocked(A);
    crew_run(B, wait_of_b, for_b);
    crew_wait_blocked(B);
    crew_run(C, step_lock, &m);
    crew_wait_blocked_on(C, &m);
    assert_int_equal(step_release(&one_p), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    give(B, &one_p);
    (void)crew_do(B, step_unlock, &m);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_unlock, &m);
    give(C, &two_p);
    assert_int_equal(crew_wait(A), LG_OK);
    give(A, &two_p);
    crew_leave(A);
    crew_leave(B);
    crew_leave(C);
    expect_all_quiet();
}

static void test_nobody_is_stuck_for_his_place(void **state)
{
    (void)state;
    struct units first = {.permits = &p, .count = 2};
    struct units second = {.permits = &p, .count = 1};
    its = several_of(lg_waitable_permits(&p, 2), several_none, several_none);
    other = several_of(lg_waitable_permits(&p, 1), several_none, several_none);
    pass(step_acquire, &first, step_wait_any, &other);
    pass(step_acquire, &first, step_wait_all, &other);
    pass(step_wait_any, &its, step_acquire, &second);
    pass(step_wait_all, &its, step_wait_any, &other);
}

/* Of A's wait the graph knows nothing, because anybody may post s. */
static void test_nobody_is_held_up_by_what_is_unknown(void **state)
{
    (void)state;
    struct units second = {.permits = &p, .count = 1};
    its = several_of(lg_waitable_permits(&p, 2), lg_waitable_semaphore(&s), several_none);
    other = several_of(lg_waitable_permits(&p, 1), lg_waitable_semaphore(&s), several_none);
    pass(step_wait_any, &its, step_acquire, &second);
    pass(step_wait_any, &its, step_wait_any, &other);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_so_many_at_once),
        SUPPORT_TEST(test_what_never_can_be),
        SUPPORT_TEST(test_each_ends_the_wait),
        SUPPORT_TEST(test_units_are_passed_on),
        SUPPORT_TEST(test_a_deadline_and_a_cancel),
        SUPPORT_TEST(test_a_resize),
        SUPPORT_TEST(test_all_or_nothing),
        SUPPORT_TEST(test_all_ways_are_closed),
        SUPPORT_TEST(test_what_is_none_is_not_told),
        SUPPORT_TEST(test_nobody_is_stuck_for_his_place),
        SUPPORT_TEST(test_nobody_is_held_up_by_what_is_unknown),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
