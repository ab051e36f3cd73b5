/* The condition on the way back to the mutex: its owner ends, or a ring closes.
 *
 * "A -> m" is A waiting for m. */
#include "support/thing.h"
#include "support/waiters.h"

#include "graph/detector.h"

static struct lg_report report;

/* ---- Owner death ----------------------------------------------------------------------------- */

/* B ends holding m while A is on its way back: moved (0), woken (1) or timed out (2). */
static void test_the_owner_ends_on_the_way_back(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    for (int how = 0; how < 3; how++) {
        struct crew_worker *a = hire_waiter("A"), *b = crew_hire("B");
        assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
        if (how == 0)
            (void)crew_do(b, step_signal, &c);
        else if (how == 1)
            lg_condition_signal(&c);
        else
            assert_true(thing_time_out(crew_context(a)));
        crew_wait_blocked_on(a, &m);
        crew_leave(b);
        assert_int_equal(crew_wait(a), LG_EOWNERDEAD);
        assert_int_equal(crew_do(a, step_is_held, &m), 0);
        assert_int_equal(lg__held_count(crew_context(a)), 0);
        assert_int_equal(crew_do(a, step_recover, &m), LG_OK);
        (void)crew_do(a, step_unlock, &m);
        expect_all_quiet();
    }
}

/* ---- Deadlocks ------------------------------------------------------------------------------- */

/* A holds x and waits at c with m.  B takes m, signals (A is moved: A -> m), and B -> x closes it.
 * A could only be failed without its mutex, so it is B. */
static void test_a_relock_is_not_failed_if_another_will_do(void **state)
{
    (void)state;
    struct lg_mutex x = LG_MUTEX_INIT("x");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &x), LG_OK);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_run(a, step_wait, &for_ever);
    crew_wait_blocked_on(a, &c);
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    (void)crew_do(b, step_signal, &c);
    crew_wait_blocked_on(a, &m);
    assert_int_equal(crew_do(b, step_lock, &x), LG_EDEADLK);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.members[1].context, "A");
    assert_string_equal(report.members[1].waits_name, "m");
    assert_string_equal(report.members[1].waits_place, "wait.c:1");
    assert_true(relocks(a));
    (void)crew_do(b, step_unlock, &m);
    expect_and_unlock(a, LG_OK);
    (void)crew_do(a, step_unlock, &x);
    expect_all_quiet();
}

/* The same, but B waits first, while anybody may still signal A.  Then A's wait ends, by a signal
 * of main's or by its deadline, and A closes the ring on its way back; still it is B who is
 * told. */
static void test_a_relock_that_closes_a_ring(void **state)
{
    (void)state;
    for (int times_out = 0; times_out < 2; times_out++) {
        struct lg_mutex x = LG_MUTEX_INIT("x");
        struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
        assert_int_equal(crew_do(a, step_lock, &x), LG_OK);
        assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
        crew_run(a, step_wait, &for_ever);
        crew_wait_blocked_on(a, &c);
        assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
        crew_run(b, step_lock, &x);
        crew_wait_blocked_on(b, &x);
        if (times_out)
            assert_true(thing_time_out(crew_context(a)));
        else
            lg_condition_signal(&c);
        assert_int_equal(crew_wait(b), LG_EDEADLK);
        crew_wait_blocked_on(a, &m);
        (void)crew_do(b, step_unlock, &m);
        expect_and_unlock(a, times_out ? LG_ETIMEDOUT : LG_OK);
        (void)crew_do(a, step_unlock, &x);
        expect_all_quiet();
    }
}

/* Nobody else will do: B, who holds m, waits for x as another condition's re-lock.  With mutexes
 * alone this cannot come about, so x is a thing.  The wait at the condition ends with LG_EDEADLK,
 * and the mutex is not held: woken (0) or moved (1). */
static void test_a_relock_as_the_last_resort(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_INFO);
    for (int is_moved = 0; is_moved < 2; is_moved++) {
        struct thing x = {.name = "x", .capacity = 1};
        struct lg__want want = thing_want(&x, 1);
        struct crew_worker *a = hire_waiter("A"), *b = crew_hire("B");
        want.is_relock = true;
        thing_hold(&x, crew_context(a), 1);
        assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
        if (is_moved)
            (void)crew_do(b, step_signal, &c);
        crew_run(b, step_want_quietly, &want);
        crew_wait_blocked_on(b, &x);
        if (is_moved)
            lg__detector_look(crew_context(a));
        else
            lg_condition_signal(&c);
        assert_int_equal(crew_wait(a), LG_EDEADLK);
        assert_int_equal(crew_do(a, step_is_held, &m), 0);
        assert_int_equal(lg__held_count(crew_context(a)), 0);
        assert_int_equal(support_log_count("deadlock"), (unsigned)is_moved + 1);
        (void)crew_do(a, step_copy_report, &report);
        assert_string_equal(report.victim, "A");
        assert_string_equal(report.name, "m");
        thing_let_go(&x, crew_context(a));
        assert_true(thing_wake(crew_context(b)));
        assert_int_equal(crew_wait(b), LG_OK + (int)LG__WAIT_WOKEN);
        (void)crew_do(b, step_unlock, &m);
        expect_all_quiet();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_owner_ends_on_the_way_back),
        SUPPORT_TEST(test_a_relock_is_not_failed_if_another_will_do),
        SUPPORT_TEST(test_a_relock_that_closes_a_ring),
        SUPPORT_TEST(test_a_relock_as_the_last_resort),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
