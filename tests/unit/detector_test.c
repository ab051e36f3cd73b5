/* The detector and threads that lock: rings, the victim, and what is no deadlock.
 *
 * Each scenario says its edges in prose: "A -> b" is A waiting for b.  Capital letters are
 * contexts, small ones mutexes. */
#include "support/ring.h"
#include "support/thing.h"

#include "plat/memory.h"

#include <string.h>

static struct lg_report report;

/* ---- Rings ----------------------------------------------------------------------------------- */

static void test_two_in_a_ring(void **state)
{
    (void)state;
    ring_try(2);
}

static void test_three_in_a_ring(void **state)
{
    (void)state;
    ring_try(3);
}

static void test_as_many_as_the_small_search_has_room_for(void **state)
{
    (void)state;
    ring_try(64);
}

static void test_a_hundred_in_a_ring(void **state)
{
    (void)state;
    ring_try(100);
}

static void test_a_thousand_in_a_ring(void **state)
{
    (void)state;
    ring_try(SUPPORT_TSAN ? 200 : RING_MAX);
}

/* The holder itself. */
static void test_a_lock_taken_again_by_its_holder(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    struct lg_mutex m = LG_MUTEX_INIT("m");
    assert_int_equal(step_lock(&m), LG_OK);
    uint64_t word = m.word;
    struct lock_until again = {&m, LG_FOREVER, "again.c:7"};
    assert_int_equal(step_lock_until(&again), LG_EDEADLK);
    again.deadline = lg_after_ms(60000);
    assert_int_equal(step_lock_until(&again), LG_EDEADLK);
    assert_int_equal(step_try(&m), LG_EBUSY);
    const struct lg_report *last = lg_report_last();
    assert_int_equal(last->kind, LG_REPORT_DEADLOCK);
    assert_int_equal(last->member_count, 1);
    assert_string_equal(last->members[0].context, "main");
    assert_string_equal(last->members[0].holds[0].name, "m");
    assert_string_equal(last->members[0].waits_name, "m");
    assert_string_equal(last->members[0].waits_place, "again.c:7");
    assert_string_equal(last->victim, "main");
    assert_true(m.word == word);
    step_unlock(&m);
    assert_int_equal(m.word, 0);
}

/* ---- The victim ------------------------------------------------------------------------------ */

/* Until the earliest deadline nothing in the ring can move: failing that member early changes
 * nothing but the time. */
static void test_the_earliest_deadline_is_the_victim(void **state)
{
    (void)state;
    ring_open(4);
    ring_waits[0].deadline = lg_after_ms(900000);
    ring_waits[1].deadline = lg_after_ms(600000);
    ring_waits[2].deadline = lg_after_ms(700000);
    assert_int_equal(ring_close(4), 1);
    (void)crew_do(ring[1], step_copy_report, &report);
    assert_string_equal(report.victim, "T1");
    assert_string_equal(report.closer, "T3");
    assert_string_equal(report.members[0].context, "T3");
    assert_int_equal(report.member_count, 4);
    crew_wait_blocked(ring[3]);
    ring_unwind(4, 1);
}

static void test_the_closer_is_first_among_equals(void **state)
{
    (void)state;
    lg_deadline same = lg_after_ms(900000);
    ring_open(4);
    for (unsigned i = 0; i < 4; i++)
        ring_waits[i].deadline = same;
    assert_int_equal(ring_close(4), 3);
    ring_unwind(4, 3);
}

static void test_else_the_youngest_is(void **state)
{
    (void)state;
    lg_deadline same = lg_after_ms(900000);
    ring_open(4);
    for (unsigned i = 0; i < 3; i++)
        ring_waits[i].deadline = same;
    assert_int_equal(ring_close(4), 2);
    crew_wait_blocked(ring[3]);
    ring_unwind(4, 2);
}

/* A -> b, B -> a; C -> a, holds nothing, and has the earliest deadline.  To fail C would leave the
 * ring for ever. */
static void test_who_waits_behind_the_ring_is_no_victim(void **state)
{
    (void)state;
    struct crew_worker *c = crew_hire("C");
    ring_open(2);
    ring_let_wait(0);
    struct lock_until behind = {&ring_locks[0], lg_after_ms(600000), "behind.c:1"};
    crew_run(c, step_lock_until, &behind);
    crew_wait_blocked_on(c, &ring_locks[0]);
    assert_int_equal(crew_do(ring[1], step_lock_until, &ring_waits[1]), LG_EDEADLK);
    assert_true(crew_is_blocked(c));
    assert_true(crew_is_blocked(ring[0]));
    (void)crew_do(ring[1], step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    ring_unwind(2, 1);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &ring_locks[0]);
}

/* A -> b, B -> a: A is told.  A lets go of nothing and wants b again: B, who has not been told, is
 * taken.  B lets go of nothing either and wants a: both were told, so B, who closes it, is told
 * again, which is said once in the log; the third time is not said. */
static void test_told_again_without_a_release(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(B, step_lock, &a);
    crew_wait_blocked_on(B, &a);
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    crew_run(A, step_lock, &b);
    assert_int_equal(crew_wait(B), LG_EDEADLK);
    crew_wait_blocked_on(A, &b);
    assert_int_equal(support_log_count(NULL), 0);
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    assert_int_equal(support_log_count("deadlock-again"), 1);
    assert_non_null(strstr(support_log_text("deadlock-again"), "B got LG_EDEADLK twice"));
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    assert_int_equal(support_log_count(NULL), 1);
    (void)crew_do(B, step_unlock, &b);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &b);
    (void)crew_do(A, step_unlock, &a);
}

/* After a release the count begins anew: the second time is a first time. */
static void test_a_release_in_between_counts(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b"), c = LG_MUTEX_INIT("c");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &c), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(B, step_lock, &a);
    crew_wait_blocked_on(B, &a);
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    (void)crew_do(A, step_unlock, &c); /* does not help, but it is a release */
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    assert_int_equal(support_log_count(NULL), 0);
    (void)crew_do(A, step_unlock, &a);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &a);
    (void)crew_do(B, step_unlock, &b);
}

/* ---- What is no deadlock --------------------------------------------------------------------- */

/* A holds a and waits at a condition, which anybody may signal; B holds b and waits for a.  When
 * the mutex of the condition is b, A's way on leads through B, and still main may signal. */
static void test_who_waits_for_a_signal_is_not_stuck(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct lg_condition c = LG_CONDITION_INIT("c");
    struct wait_until wait = {&c, &b, LG_FOREVER, "wait.c:1"};
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    struct lock_until timed = {&a, 0, "timed.c:1"};
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &b), LG_OK);
    crew_run(A, step_wait, &wait);
    crew_wait_blocked_on(A, &c);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    timed.deadline = lg_after_ms(2);
    assert_int_equal(crew_do(B, step_lock_until, &timed), LG_ETIMEDOUT);
    (void)crew_do(B, step_unlock, &b);
    lg_condition_signal(&c);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &a);
    (void)crew_do(A, step_unlock, &b);
}

/* A -> b, B -> a: B is told and lets go of b only.  A second ring through what B still holds:
 * C holds d and waits for c (B's); B -> d closes it, and is told as if nothing had been. */
static void test_a_second_ring_after_the_first_was_broken(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct lg_mutex c = LG_MUTEX_INIT("c"), d = LG_MUTEX_INIT("d");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B"), *C = crew_hire("C");
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &c), LG_OK);
    assert_int_equal(crew_do(C, step_lock, &d), LG_OK);
    crew_run(A, step_lock, &b);
    crew_wait_blocked_on(A, &b);
    crew_run(C, step_lock, &c);
    crew_wait_blocked_on(C, &c);
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    (void)crew_do(B, step_unlock, &b);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &d), LG_EDEADLK);
    (void)crew_do(B, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.members[1].context, "C");
    (void)crew_do(B, step_unlock, &c);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_unlock, &c);
    (void)crew_do(C, step_unlock, &d);
    (void)crew_do(A, step_unlock, &b);
    (void)crew_do(A, step_unlock, &a);
}

/* ---- It costs no memory ---------------------------------------------------------------------- */

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct lock_until late = {&ring_locks[0], 1, "late.c:1"};
    struct crew_worker *c = crew_hire("C");
    support_log_begin(LG_LOG_ERROR);
    ring_open(100);
    uint64_t before = lg__alloc_count();
    for (unsigned i = 0; i < 99; i++)
        ring_let_wait(i);
    assert_int_equal(crew_do(c, step_lock_until, &late), LG_ETIMEDOUT);
    late.deadline = lg_after_ms(1);
    assert_int_equal(crew_do(c, step_lock_until, &late), LG_ETIMEDOUT);
    assert_int_equal(crew_do(ring[99], step_lock_until, &ring_waits[99]), LG_EDEADLK);
    assert_int_equal(crew_do(ring[99], step_lock, &ring_locks[99]), LG_EDEADLK);
    ring_unwind(100, 99);
    assert_true(lg__alloc_count() == before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_two_in_a_ring),
        SUPPORT_TEST(test_three_in_a_ring),
        SUPPORT_TEST(test_as_many_as_the_small_search_has_room_for),
        SUPPORT_TEST(test_a_hundred_in_a_ring),
        SUPPORT_TEST(test_a_thousand_in_a_ring),
        SUPPORT_TEST(test_a_lock_taken_again_by_its_holder),
        SUPPORT_TEST(test_the_earliest_deadline_is_the_victim),
        SUPPORT_TEST(test_the_closer_is_first_among_equals),
        SUPPORT_TEST(test_else_the_youngest_is),
        SUPPORT_TEST(test_who_waits_behind_the_ring_is_no_victim),
        SUPPORT_TEST(test_told_again_without_a_release),
        SUPPORT_TEST(test_a_release_in_between_counts),
        SUPPORT_TEST(test_who_waits_for_a_signal_is_not_stuck),
        SUPPORT_TEST(test_a_second_ring_after_the_first_was_broken),
        SUPPORT_TEST(test_nothing_is_allocated),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
