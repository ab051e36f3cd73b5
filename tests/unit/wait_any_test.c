/* Waits for any of several things: one is had, and nothing of the others; who leaves a queue without what
 * he was woken for passes that on. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/semaphores.h"
#include "support/several.h"

#include "graph/context.h"
#include "plat/memory.h"
#include "sync/mutex.h"

#include <sched.h>
#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0), t = LG_SEMAPHORE_INIT("t", 0, 0);
static struct lg_thread thread;
static uint32_t gate; /* atomic */
static struct several_step its, other;
static struct crew_worker *A, *B;

static void *wait_at_gate(void *arg)
{
    while (!lg__load_acquire(&gate))
        sched_yield();
    return arg;
}

static void start_thread(void)
{
    lg__store_release(&gate, 0u);
    assert_int_equal(lg_thread_start(&thread, "T", wait_at_gate, &thread), LG_OK);
}

static void end_thread(void)
{
    lg__store_release(&gate, 1u);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, NULL), LG_OK);
}

/* Nobody queues anywhere, nothing is held. */
static void expect_all_quiet(void)
{
    (void)take_all_units(&s);
    (void)take_all_units(&t);
    assert_true(s.word == 0 && t.word == 0);
    assert_int_equal(step_try(&m), LG_OK);
    step_unlock(&m);
    assert_true(m.word == 0);
    assert_null(lg_context_self()->wait.group);
    lg_semaphore_destroy(&s);
    lg_semaphore_destroy(&t);
}

/* ---- Statuses ---------------------------------------------------------------------------------- */

static void test_the_first_that_is_there_is_had(void **state)
{
    (void)state;
    uint32_t index = 77;
    struct lg_waitable things[] = {lg_waitable_semaphore(&s), lg_waitable_semaphore(&t),
                                   lg_waitable_mutex(&m)};
    post_one(&t);
    post_one(&t);
    assert_int_equal(lg_wait_any(things, 3, LG_FOREVER, &index), LG_OK);
    assert_int_equal(index, 1);
    assert_int_equal(lg_semaphore_value(&t), 1);
    assert_int_equal(step_is_held(&m), 0);
    assert_int_equal(lg_wait_any(things, 3, LG_TRY, NULL), LG_OK);
    assert_int_equal(lg_wait_any(things, 3, LG_TRY, &index), LG_OK);
    assert_int_equal(index, 2);
    assert_int_equal(step_is_held(&m), 1);
    assert_int_equal(lg_wait_any(things, 3, LG_TRY, &index), LG_EBUSY); /* its own mutex too */
    step_unlock(&m);
    assert_int_equal(lg_wait_any(things, 2, LG_TRY, &index), LG_EBUSY);
    expect_all_quiet();
}

static void test_what_is_no_waitable_is_refused(void **state)
{
    (void)state;
    uint32_t index;
    struct lg_waitable many[LG_WAITABLES_MAX + 1], bad[4];
    for (uint32_t i = 0; i <= LG_WAITABLES_MAX; i++)
        many[i] = lg_waitable_semaphore(&s);
    assert_int_equal(lg_wait_any(NULL, 1, LG_TRY, &index), LG_EINVAL);
    assert_int_equal(lg_wait_any(many, 0, LG_TRY, &index), LG_EINVAL);
    assert_int_equal(lg_wait_any(many, LG_WAITABLES_MAX + 1, LG_TRY, &index), LG_EINVAL);
    assert_int_equal(lg_wait_any(many, LG_WAITABLES_MAX, LG_TRY, &index), LG_EBUSY);
    assert_int_equal(lg_wait_all(NULL, 1, LG_TRY, &index), LG_EINVAL);
    assert_int_equal(lg_wait_all(many, 2, LG_TRY, &index), LG_EINVAL); /* one twice */
    bad[0] = (struct lg_waitable){0};
    bad[1] = lg_waitable_mutex(NULL);
    bad[2] = lg_waitable_context(0);
    bad[3] = (struct lg_waitable){99, 1, &s, 0};
    for (int i = 0; i < 4; i++) {
        many[1] = bad[i];
        assert_int_equal(lg_wait_any(many, 2, LG_FOREVER, &index), LG_EINVAL);
        assert_int_equal(lg_wait_all(many, 2, LG_FOREVER, &index), LG_EINVAL);
    }
    struct lg_thread none = {0};
    struct lg_waitable with_none[] = {lg_waitable_semaphore(&s), lg_waitable_thread(&none)};
    assert_int_equal(lg_wait_any(with_none, 2, LG_FOREVER, &index), LG_EINVAL);
    assert_int_equal(index, 1);
}

static void test_a_timeout_names_them_all(void **state)
{
    (void)state;
    static char text[8192];
    A = crew_hire("A");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    start_thread();
    its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), lg_waitable_thread(&thread));
    for (int i = 0; i < 2; i++) {
        its.deadline = i == 0 ? 1 : lg_after_ms(1);
        assert_int_equal(step_wait_any(&its), LG_ETIMEDOUT);
        assert_int_equal(its.report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(its.report.noun, "any of");
        assert_string_equal(its.report.name, "m, s, T");
        assert_string_equal(its.report.place, "any.c:1");
        assert_int_equal(its.report.member_count, 3); /* A and T hold two of them */
        lg_report_write(&its.report, LG_REPORT_TEXT, text, sizeof text);
        assert_non_null(strstr(text, "waits for any of: 1 of m, 1 of s, 1 of T (any.c:1)\n"));
        assert_non_null(strstr(text, "holds m (tests"));
    }
    end_thread();
    (void)crew_do(A, step_unlock, &m);
    expect_all_quiet();
}

/* ---- Each kind, at each place ------------------------------------------------------------------ */

static void test_each_kind_ends_the_wait(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 4; kind++) {
        A = crew_hire("A");
        B = crew_hire("B");
        assert_int_equal(step_lock(&m), LG_OK);
        start_thread();
        its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s),
                         lg_waitable_thread(&thread));
        its.things[its.count++] = lg_waitable_context(lg_context_id(crew_context(B)));
        crew_run_blocked(A, step_wait_any, &its);
        if (kind == 0)
            step_unlock(&m);
        else if (kind == 1)
            post_one(&s);
        else if (kind == 2)
            lg__store_release(&gate, 1u);
        else
            crew_leave(B);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(its.index, kind);
        assert_int_equal(crew_do(A, step_is_held, &m), kind == 0);
        if (kind == 0)
            (void)crew_do(A, step_unlock, &m);
        else
            step_unlock(&m);
        assert_int_equal(lg_semaphore_value(&s), 0);
        end_thread();
        expect_all_quiet();
    }
}

/* Both come while it sleeps: one is had, the other stays. */
static void test_the_others_stay(void **state)
{
    (void)state;
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++) {
        A = crew_hire("A");
        its = several_of(lg_waitable_semaphore(&s), lg_waitable_semaphore(&t), several_none);
        crew_run_blocked(A, step_wait_any, &its);
        post_one(i % 2 ? &s : &t);
        post_one(i % 2 ? &t : &s);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(lg_semaphore_value(&s), its.index == 1);
        assert_int_equal(lg_semaphore_value(&t), its.index == 0);
        crew_leave(A);
        expect_all_quiet();
    }
}

static void test_the_same_thing_twice(void **state)
{
    (void)state;
    A = crew_hire("A");
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_semaphore(&s), lg_waitable_mutex(&m));
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run_blocked(A, step_wait_any, &its);
    post_one(&s);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(lg_semaphore_value(&s), 0);
    step_unlock(&m);
    expect_all_quiet();
}

/* A mutex that is handed over ends the wait with it. */
static void test_a_mutex_is_handed_over(void **state)
{
    (void)state;
    A = crew_hire("A");
    assert_int_equal(step_lock(&m), LG_OK);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_mutex(&m), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    lg__or_relaxed(&m.word, LG__MUTEX_STARVED);
    step_unlock(&m);
    post_one(&s); /* too late */
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(its.index, 1);
    assert_int_equal(crew_do(A, step_is_held, &m), 1);
    assert_int_equal(lg_semaphore_value(&s), 1);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(lg__held_count(crew_context(A)), 0);
    expect_all_quiet();
}

static void test_nothing_is_allocated_but_once(void **state)
{
    (void)state;
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_semaphore(&t), several_none);
    its.deadline = 1;
    assert_int_equal(step_wait_any(&its), LG_ETIMEDOUT);
    uint64_t before = lg__alloc_count();
    for (int i = 0; i < 5; i++)
        assert_int_equal(step_wait_any(&its), LG_ETIMEDOUT);
    assert_true(lg__alloc_count() == before);
}

/* ---- Passed on --------------------------------------------------------------------------------- */

static int step_join(void *arg)
{
    return lg_thread_join((struct lg_thread *)arg, LG_FOREVER, NULL);
}

/* A waits for t or for `second`. */
static void begin_two(struct lg_waitable second)
{
    A = crew_hire("A");
    B = crew_hire("B");
    its = several_of(lg_waitable_semaphore(&t), second, several_none);
    crew_run_blocked(A, step_wait_any, &its);
}

/* A, who is held up and has been woken for something else, gets t, which it looks at first. */
static void expect_t(void)
{
    post_one(&t);
    crew_go_on();
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(its.index, 0);
}

/* To one who waits for s alone, and to one who waits for it among others. */
static void test_a_unit_is_passed_on(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no stalls under the thread sanitizer");
    assert_int_equal(step_lock(&m), LG_OK);
    for (int i = 0; i < 2; i++) {
        begin_two(lg_waitable_semaphore(&s));
        other = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
        crew_step *step = i == 0 ? step_wait_for_unit : step_wait_any;
        crew_run_blocked(B, step, i == 0 ? (void *)&s : (void *)&other);
        crew_stall(A);
        post_one(&s);
        expect_t();
        assert_int_equal(crew_wait(B), LG_OK);
    }
    step_unlock(&m);
    expect_all_quiet();
}

static void test_a_mutex_is_passed_on(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no stalls under the thread sanitizer");
    assert_int_equal(step_lock(&m), LG_OK);
    begin_two(lg_waitable_mutex(&m));
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m);
    crew_stall(A);
    step_unlock(&m);
    expect_t();
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    expect_all_quiet();
}

/* It may have been A's to reap the thread. */
static void test_a_thread_is_passed_on(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no stalls under the thread sanitizer");
    start_thread();
    uint64_t context = lg_thread_context(&thread);
    begin_two(lg_waitable_thread(&thread));
    crew_run(B, step_join, &thread);
    crew_wait_blocked_on(B, &thread);
    crew_stall(A);
    lg__store_release(&gate, 1u);
    while (lg_thread_is_running(&thread) || lg__context_find(context))
        sched_yield();
    expect_t();
    assert_int_equal(crew_wait(B), LG_OK);
    expect_all_quiet();
}

/* A gets the mutex, by whatever way; B, who stood behind, gets it from A. */
static void test_who_stands_behind_is_not_forgotten(void **state)
{
    (void)state;
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++) {
        assert_int_equal(step_lock(&m), LG_OK);
        begin_two(lg_waitable_mutex(&m));
        crew_run(B, step_lock, &m);
        crew_wait_blocked_on(B, &m);
        step_unlock(&m);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(its.index, 1);
        (void)crew_do(A, step_unlock, &m);
        assert_int_equal(crew_wait(B), LG_OK);
        (void)crew_do(B, step_unlock, &m);
        crew_leave(A);
        crew_leave(B);
    }
    expect_all_quiet();
}

/* Two who wait for any of the same two: each post ends the wait of one. */
static void test_two_who_wait_for_the_same(void **state)
{
    (void)state;
    A = crew_hire("A");
    B = crew_hire("B");
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_semaphore(&t), several_none);
    other = several_of(lg_waitable_semaphore(&t), lg_waitable_semaphore(&s), several_none);
    for (int i = 0; i < SUPPORT_ROUNDS(300); i++) {
        crew_run(A, step_wait_any, &its);
        crew_run(B, step_wait_any, &other);
        post_one(i % 2 ? &s : &t);
        post_one(i % 3 ? &s : &t);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(crew_wait(B), LG_OK);
        assert_int_equal(lg_semaphore_value(&s) + lg_semaphore_value(&t), 0);
    }
    expect_all_quiet();
}

/* ---- Ends of another kind ---------------------------------------------------------------------- */

static void test_it_is_cancelled(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    A = hire_in(&scope, token, "A");
    assert_int_equal(step_lock(&m), LG_OK);
    its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_ECANCELED); /* at once */
    post_one(&s);
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_OK); /* it does not wait */
    step_unlock(&m);
    (void)crew_do(A, step_leave, &scope);
    lg_cancel_destroy(token);
    expect_all_quiet();
}

static void test_a_holder_ends(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(B, step_lock, &m), LG_OK);
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_mutex(&m), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    crew_leave(B);
    assert_int_equal(crew_wait(A), LG_EOWNERDEAD);
    assert_int_equal(its.index, 1);
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_EOWNERDEAD);
    assert_int_equal(crew_do(A, step_recover, &m), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    expect_all_quiet();
}

/* ---- Deadlocks --------------------------------------------------------------------------------- */

/* A holds m, B holds n and waits for m; A wants n or a thread that B is. */
static void test_all_ways_are_closed(void **state)
{
    (void)state;
    static char text[8192];
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &n), LG_OK);
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m);
    its = several_of(lg_waitable_mutex(&n), lg_waitable_context(lg_context_id(crew_context(B))),
                     several_none);
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_EDEADLK);
    lg_report_write(&its.report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "A  holds m"));
    assert_non_null(strstr(text, "waits for any of: 1 of n, 1 of B (any.c:1)"));
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_unlock, &n);
    expect_all_quiet();
}

/* The same with a semaphore as well: anybody may post it. */
static void test_one_way_is_open(void **state)
{
    (void)state;
    A = crew_hire("A");
    B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &n), LG_OK);
    its = several_of(lg_waitable_mutex(&n), lg_waitable_semaphore(&s), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m);
    post_one(&s);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(its.index, 1);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_unlock, &n);
    expect_all_quiet();
}

/* ---- Fork -------------------------------------------------------------------------------------- */

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_semaphore_post(&s, 1) == LG_OK); /* A is not here */
    its.deadline = LG_TRY;
    SUPPORT_CHECK(step_wait_any(&its) == LG_OK && its.index == 0);
    SUPPORT_CHECK(step_wait_any(&its) == LG_EFORK && its.index == 2);
    its.count = 2;
    its.deadline = lg_after_ms(1);
    SUPPORT_CHECK(step_wait_any(&its) == LG_ETIMEDOUT);
    SUPPORT_CHECK(s.word == 0);
    return 0;
}

static void test_in_a_child(void **state)
{
    (void)state;
    A = crew_hire("A");
    start_thread();
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_mutex(&m), lg_waitable_thread(&thread));
    other = its;
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run_blocked(A, step_wait_any, &other);
    assert_int_equal(support_fork(check_child, NULL), 0);
    end_thread();
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(other.index, 2);
    step_unlock(&m);
    expect_all_quiet();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_first_that_is_there_is_had),
        SUPPORT_TEST(test_what_is_no_waitable_is_refused),
        SUPPORT_TEST(test_a_timeout_names_them_all),
        SUPPORT_TEST(test_each_kind_ends_the_wait),
        SUPPORT_TEST(test_the_others_stay),
        SUPPORT_TEST(test_the_same_thing_twice),
        SUPPORT_TEST(test_a_mutex_is_handed_over),
        SUPPORT_TEST(test_nothing_is_allocated_but_once),
        SUPPORT_TEST(test_a_unit_is_passed_on),
        SUPPORT_TEST(test_a_mutex_is_passed_on),
        SUPPORT_TEST(test_a_thread_is_passed_on),
        SUPPORT_TEST(test_who_stands_behind_is_not_forgotten),
        SUPPORT_TEST(test_two_who_wait_for_the_same),
        SUPPORT_TEST(test_it_is_cancelled),
        SUPPORT_TEST(test_a_holder_ends),
        SUPPORT_TEST(test_all_ways_are_closed),
        SUPPORT_TEST(test_one_way_is_open),
        SUPPORT_TEST(test_in_a_child),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
