/* Waits for all of several things: all are had, or nothing, and nothing is held meanwhile. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/semaphores.h"
#include "support/several.h"

#include "graph/context.h"

#include <sched.h>
#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0), t = LG_SEMAPHORE_INIT("t", 0, 0);
static struct several_step its, other;
static struct crew_worker *A, *B;

static void expect_free(struct lg_mutex *mutex)
{
    assert_int_equal(step_try(mutex), LG_OK);
    step_unlock(mutex);
    assert_true(mutex->word == 0);
}

static void expect_all_quiet(void)
{
    assert_true(s.word == 0 && t.word == 0);
    expect_free(&m);
    expect_free(&n);
    assert_null(lg_context_self()->wait.group);
}

/* Let go of m and n, as the worker. */
static void unlock_both(struct crew_worker *worker)
{
    (void)crew_do(worker, step_unlock, &m);
    (void)crew_do(worker, step_unlock, &n);
}

static void test_all_are_there(void **state)
{
    (void)state;
    its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), lg_waitable_mutex(&n));
    post_one(&s);
    post_one(&s);
    assert_int_equal(step_wait_all(&its), LG_OK);
    assert_true(step_is_held(&m) && step_is_held(&n));
    assert_int_equal(lg_semaphore_value(&s), 1);
    assert_int_equal(lg__held_count(lg_context_self()), 2);
    step_unlock(&m);
    step_unlock(&n);
    assert_int_equal(lg_semaphore_try_wait(&s), LG_OK);
    expect_all_quiet();
}

static void test_one_is_not(void **state)
{
    (void)state;
    its = several_of(lg_waitable_mutex(&m), lg_waitable_mutex(&n), lg_waitable_semaphore(&s));
    its.deadline = LG_TRY;
    assert_int_equal(step_wait_all(&its), LG_EBUSY);
    its.deadline = 1;
    assert_int_equal(step_wait_all(&its), LG_ETIMEDOUT);
    its.deadline = lg_after_ms(1);
    assert_int_equal(step_wait_all(&its), LG_ETIMEDOUT);
    assert_string_equal(its.report.noun, "all of");
    assert_string_equal(its.report.name, "m, n, s");
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_all_quiet();
}

/* While A sleeps for s, others have m and n; when s comes, A waits for what is missing then. */
static void test_nothing_is_held_meanwhile(void **state)
{
    (void)state;
    A = crew_hire("A");
    its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), lg_waitable_mutex(&n));
    crew_run_blocked(A, step_wait_all, &its);
    expect_free(&m);
    assert_int_equal(step_lock(&n), LG_OK);
    post_one(&s);
    /* A finds s there and n not, and sleeps for n; s is nobody's meanwhile. */
    while (lg_semaphore_try_wait(&s) != LG_OK)
        sched_yield();
    step_unlock(&n);
    assert_false(crew_is_idle(A));
    post_one(&s);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(lg_semaphore_value(&s), 0);
    unlock_both(A);
    expect_all_quiet();
}

static void test_two_in_opposite_orders(void **state)
{
    (void)state;
    A = crew_hire("A");
    B = crew_hire("B");
    its = several_of(lg_waitable_mutex(&m), lg_waitable_mutex(&n), several_none);
    other = several_of(lg_waitable_mutex(&n), lg_waitable_mutex(&m), several_none);
    for (int i = 0; i < SUPPORT_ROUNDS(300); i++) {
        crew_run(A, step_wait_all, &its);
        crew_run(A, step_unlock, &m);
        crew_run(A, step_unlock, &n);
        crew_run(B, step_wait_all, &other);
        crew_run(B, step_unlock, &n);
        crew_run(B, step_unlock, &m);
        (void)crew_wait(A);
        (void)crew_wait(B);
    }
    expect_all_quiet();
}

static void *end_at_once(void *arg)
{
    return arg;
}

static void test_ends_of_threads_and_contexts(void **state)
{
    (void)state;
    static struct lg_thread threads[2];
    A = crew_hire("A");
    B = crew_hire("B");
    for (int i = 0; i < 2; i++)
        assert_int_equal(lg_thread_start(&threads[i], "T", end_at_once, &threads[i]), LG_OK);
    its = several_of(lg_waitable_thread(&threads[0]), lg_waitable_thread(&threads[1]),
                     lg_waitable_context(lg_context_id(crew_context(B))));
    crew_run_blocked(A, step_wait_all, &its);
    crew_leave(B);
    assert_int_equal(crew_wait(A), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(lg_thread_join(&threads[i], LG_TRY, NULL), LG_OK);
}

static void test_it_is_cancelled_with_nothing(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    A = hire_in(&scope, token, "A");
    its = several_of(lg_waitable_mutex(&m), lg_waitable_mutex(&n), lg_waitable_semaphore(&s));
    crew_run_blocked(A, step_wait_all, &its);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    assert_int_equal(lg__held_count(crew_context(A)), 0);
    (void)crew_do(A, step_leave, &scope);
    lg_cancel_destroy(token);
    expect_all_quiet();
}

static void test_a_holder_ends(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 2; i++) { /* while A sleeps, or before */
        A = crew_hire("A");
        B = crew_hire("B");
        assert_int_equal(crew_do(B, step_lock, &n), LG_OK);
        its = several_of(lg_waitable_mutex(&m), lg_waitable_mutex(&n), several_none);
        if (i == 0)
            crew_run_blocked(A, step_wait_all, &its);
        crew_leave(B);
        int status = i == 0 ? crew_wait(A) : crew_do(A, step_wait_all, &its);
        assert_int_equal(status, LG_EOWNERDEAD);
        assert_int_equal(its.index, 1);
        assert_int_equal(lg__held_count(crew_context(A)), 0);
        assert_int_equal(step_recover(&n), LG_OK);
        step_unlock(&n);
        expect_all_quiet();
    }
}

/* A holds m and wants n and s; B holds n and wants m.  That anybody may post s does not help. */
static void test_one_of_them_is_out_of_reach(void **state)
{
    (void)state;
    static char text[8192];
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &n), LG_OK);
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_mutex(&n), several_none);
    assert_int_equal(crew_do(A, step_wait_all, &its), LG_EDEADLK);
    lg_report_write(&its.report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "waits for all of: 1 of s, 1 of n (all.c:1)"));
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_unlock, &n);
    expect_all_quiet();
}

/* The same, closed by B: A, whose deadline comes first, is told, though it sleeps in the queue of s. */
static void test_another_closes_it(void **state)
{
    (void)state;
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &n), LG_OK);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_mutex(&n), several_none);
    its.deadline = lg_after_ms(1000000);
    crew_run_blocked(A, step_wait_all, &its);
    crew_run(B, step_lock, &m);
    assert_int_equal(crew_wait(A), LG_EDEADLK);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_unlock, &n);
    expect_all_quiet();
}

/* It wants what it holds. */
static void test_its_own(void **state)
{
    (void)state;
    its = several_of(lg_waitable_mutex(&n), lg_waitable_mutex(&m), several_none);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(step_wait_all(&its), LG_EDEADLK);
    assert_int_equal(step_is_held(&n), 0);
    step_unlock(&m);
    expect_all_quiet();
}

static int check_child(void *arg)
{
    (void)arg;
    its.deadline = lg_after_ms(1); /* A holds nothing, and is not here */
    SUPPORT_CHECK(step_wait_all(&its) == LG_ETIMEDOUT);
    SUPPORT_CHECK(m.word == 0);
    SUPPORT_CHECK(lg_semaphore_post(&s, 1) == LG_OK);
    SUPPORT_CHECK(step_wait_all(&its) == LG_OK && step_is_held(&m));
    step_unlock(&m);
    SUPPORT_CHECK(m.word == 0 && s.word == 0);
    return 0;
}

static void test_in_a_child(void **state)
{
    (void)state;
    A = crew_hire("A");
    its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
    other = its;
    crew_run_blocked(A, step_wait_all, &other);
    assert_int_equal(support_fork(check_child, NULL), 0);
    post_one(&s);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    expect_all_quiet();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_are_there),
        SUPPORT_TEST(test_one_is_not),
        SUPPORT_TEST(test_nothing_is_held_meanwhile),
        SUPPORT_TEST(test_two_in_opposite_orders),
        SUPPORT_TEST(test_ends_of_threads_and_contexts),
        SUPPORT_TEST(test_it_is_cancelled_with_nothing),
        SUPPORT_TEST(test_a_holder_ends),
        SUPPORT_TEST(test_one_of_them_is_out_of_reach),
        SUPPORT_TEST(test_another_closes_it),
        SUPPORT_TEST(test_its_own),
        SUPPORT_TEST(test_in_a_child),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
