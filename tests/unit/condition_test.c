/* The condition: who is moved, who is woken, what is held afterwards. */
#include "support/thing.h"
#include "support/waiters.h"

#include "plat/clock.h"
#include "plat/memory.h"
#include "sync/mutex.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Signals --------------------------------------------------------------------------------- */

static void test_null(void **state)
{
    (void)state;
    struct wait_until no_condition = {NULL, &m, LG_FOREVER, NULL}, no_mutex = {&c, NULL, 1, NULL};
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(step_wait(&no_condition), LG_EINVAL);
    assert_int_equal(step_wait(&no_mutex), LG_EINVAL);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    step_unlock(&m);
}

static void test_a_signal_to_nobody_is_lost(void **state)
{
    (void)state;
    struct wait_until soon = {&c, &m, 1, "soon.c:1"};
    lg_condition_signal(&c);
    lg_condition_broadcast(&c);
    assert_int_equal(step_lock(&m), LG_OK);
    lg_condition_signal(&c);
    lg_condition_broadcast(&c);
    assert_int_equal(step_wait(&soon), LG_ETIMEDOUT);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    step_unlock(&m);
    expect_all_quiet();
}

/* main holds m and signals: A is moved to the queue of m when signal returns, and has not run. */
static void test_a_signal_by_the_holder_moves(void **state)
{
    (void)state;
    struct crew_worker *a = hire_waiter("A");
    assert_int_equal(step_lock(&m), LG_OK);
    lg_condition_signal(&c);
    assert_true(relocks(a));
    assert_int_equal(lg__load_acquire(&c.waiters), 0);
    crew_wait_blocked_on(a, &m);
    step_unlock(&m);
    expect_and_unlock(a, LG_OK);
    expect_all_quiet();
}

/* main does not hold m, B does: A is woken, and waits for m by itself. */
static void test_a_signal_by_another_wakes(void **state)
{
    (void)state;
    struct crew_worker *a = hire_waiter("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    uint64_t epoch = crew_context(a)->wait.word >> LG__WAIT_STATE_BITS;
    lg_condition_signal(&c);
    assert_int_not_equal(state_of(a), LG__WAIT_OUTSIDE);
    crew_wait_blocked_on(a, &m);
    assert_true(relocks(a));
    assert_true(crew_context(a)->wait.word >> LG__WAIT_STATE_BITS == epoch + 1);
    (void)crew_do(b, step_unlock, &m);
    expect_and_unlock(a, LG_OK);
    a = hire_waiter("A");
    lg_condition_signal(&c); /* and when m is free */
    expect_and_unlock(a, LG_OK);
    expect_all_quiet();
}

static void test_signals_go_to_who_has_waited_longest(void **state)
{
    (void)state;
    struct crew_worker *waiters[4];
    for (unsigned i = 0; i < 4; i++)
        waiters[i] = hire_waiter("waiter");
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2)
            assert_int_equal(step_lock(&m), LG_OK);
        lg_condition_signal(&c);
        if (i % 2)
            step_unlock(&m);
        expect_and_unlock(waiters[i], LG_OK);
        for (unsigned j = i + 1; j < 4; j++)
            assert_int_equal(state_of(waiters[j]), LG__WAIT_OUTSIDE);
    }
    expect_all_quiet();
}

/* ---- Broadcasts ------------------------------------------------------------------------------ */

#define HERD 20

static unsigned count_states(struct crew_worker *const herd[], enum lg__wait_state wanted)
{
    unsigned count = 0;
    for (unsigned i = 0; i < HERD; i++)
        count += state_of(herd[i]) == wanted;
    return count;
}

static unsigned count_relocking(struct crew_worker *const herd[])
{
    unsigned count = 0;
    for (unsigned i = 0; i < HERD; i++)
        count += relocks(herd[i]);
    return count;
}

/* The holder broadcasts: all are moved, nobody is woken; they get m one after the other, in the
 * order in which they came. */
static void test_a_broadcast_by_the_holder_wakes_nobody(void **state)
{
    (void)state;
    struct crew_worker *herd[HERD];
    for (unsigned i = 0; i < HERD; i++)
        herd[i] = hire_waiter("herd");
    assert_int_equal(step_lock(&m), LG_OK);
    lg_condition_broadcast(&c);
    assert_int_equal(count_relocking(herd), HERD);
    assert_int_equal(lg__load_acquire(&c.waiters), 0);
    step_unlock(&m);
    for (unsigned i = 0; i < HERD; i++) {
        assert_int_equal(crew_wait(herd[i]), LG_OK);
        assert_int_equal(count_relocking(herd), HERD - 1 - i);
        (void)crew_do(herd[i], step_unlock, &m);
    }
    expect_all_quiet();
}

/* Somebody else broadcasts while B holds m: one is woken, and waits for m; the others sleep on.
 * When that one has m, it moves the others, so again nobody fights. */
static void test_a_broadcast_by_another_wakes_one(void **state)
{
    (void)state;
    struct crew_worker *herd[HERD], *b = crew_hire("B");
    for (unsigned i = 0; i < HERD; i++)
        herd[i] = hire_waiter("herd");
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    lg_condition_broadcast(&c);
    assert_int_equal(count_states(herd, LG__WAIT_OUTSIDE), HERD - 1);
    crew_wait_blocked_on(herd[0], &m);
    assert_int_equal(lg__load_acquire(&c.waiters), HERD - 1);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_wait(herd[0]), LG_OK);
    assert_int_equal(count_relocking(herd), HERD - 1);
    assert_int_equal(lg__load_acquire(&c.waiters), 0);
    (void)crew_do(herd[0], step_unlock, &m);
    for (unsigned i = 1; i < HERD; i++)
        expect_and_unlock(herd[i], LG_OK);
    expect_all_quiet();
}

/* As before, but B, who holds m, ends: the woken one cannot take m, and wakes the next instead, who
 * cannot either: all hear of it, nobody is forgotten. */
static void test_a_broadcast_reaches_all_when_the_holder_ends(void **state)
{
    (void)state;
    struct crew_worker *herd[HERD], *b = crew_hire("B");
    support_log_begin(LG_LOG_ERROR);
    for (unsigned i = 0; i < HERD; i++)
        herd[i] = hire_waiter("herd");
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    lg_condition_broadcast(&c);
    crew_leave(b);
    for (unsigned i = 0; i < HERD; i++) {
        assert_int_equal(crew_wait(herd[i]), LG_EOWNERDEAD);
        assert_int_equal(crew_do(herd[i], step_is_held, &m), 0);
    }
    assert_int_equal(step_recover(&m), LG_OK);
    step_unlock(&m);
    expect_all_quiet();
}

/* ---- Timeouts -------------------------------------------------------------------------------- */

static void test_a_timeout_is_not_early_and_holds_the_mutex(void **state)
{
    (void)state;
    struct wait_until soon = {&c, &m, 0, "soon.c:1"};
    lg_deadline deadlines[] = {LG_TRY, 1, lg_after_ms(0), 0};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(step_lock(&m), LG_OK);
        soon.deadline = i == 3 ? lg_after_ms(3) : deadlines[i];
        assert_int_equal(step_wait(&soon), LG_ETIMEDOUT);
        assert_true(lg__now_ns() >= soon.deadline);
        assert_int_equal(lg_mutex_is_held(&m), 1);
        assert_int_equal(lg__load_acquire(&c.waiters), 0);
        step_unlock(&m);
    }
    expect_all_quiet();
}

/* LG_ETIMEDOUT has its report here as everywhere, and not an older one. */
static void test_a_timeout_fills_the_report(void **state)
{
    (void)state;
    struct wait_until soon = {&c, &m, lg_after_ms(2), "soon.c:1"};
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(step_lock(&m), LG_EDEADLK);
    assert_int_equal(step_wait(&soon), LG_ETIMEDOUT);
    const struct lg_report *last = lg_report_last();
    assert_int_equal(last->kind, LG_REPORT_TIMEOUT);
    assert_string_equal(last->noun, "condition");
    assert_string_equal(last->name, "c");
    assert_string_equal(last->closer, "main");
    assert_string_equal(last->place, "soon.c:1");
    assert_true(last->waited_ms >= 1);
    assert_int_equal(last->cause, LG_EXHAUSTION_NONE);
    assert_int_equal(last->member_count, 1);
    assert_string_equal(last->members[0].waits_name, "c");
    step_unlock(&m);
}

/* The deadline limits the wait for the signal; the way back waits as long as B holds m. */
static void test_the_way_back_has_no_deadline(void **state)
{
    (void)state;
    struct wait_until soon = {&c, &m, 0, "soon.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    soon.deadline = lg_after_ms(900000);
    crew_run(a, step_wait, &soon);
    crew_wait_blocked_on(a, &c);
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    assert_true(thing_time_out(crew_context(a)));
    crew_wait_blocked_on(a, &m);
    assert_true(relocks(a));
    assert_int_equal(lg__load_acquire(&c.waiters), 0);
    (void)crew_do(b, step_unlock, &m);
    expect_and_unlock(a, LG_ETIMEDOUT);
    expect_all_quiet();
}

/* A is moved a moment before its deadline, which does not count any more. */
static void test_who_was_moved_does_not_time_out(void **state)
{
    (void)state;
    struct wait_until soon = {&c, &m, 0, "soon.c:1"};
    struct crew_worker *a = crew_hire("A");
    for (;;) { /* until the signal was faster than the deadline */
        assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
        soon.deadline = lg_after_ms(20);
        crew_run(a, step_wait, &soon);
        assert_int_equal(step_lock(&m), LG_OK); /* A has released it, so it waits */
        lg_condition_signal(&c);
        bool is_moved = relocks(a);
        while (is_moved && !lg__deadline_has_passed(soon.deadline))
            sched_yield();
        if (is_moved)
            crew_wait_blocked_on(a, &m);
        step_unlock(&m);
        int status = crew_wait(a);
        (void)crew_do(a, step_unlock, &m);
        if (is_moved) {
            assert_int_equal(status, LG_OK);
            break;
        }
    }
    expect_all_quiet();
}

/* ---- Who cannot run -------------------------------------------------------------------------- */

/* A's wait has timed out, but A has not run and is still first in the queue: the signal is for
 * B. */
static void test_a_signal_passes_by_who_gave_up(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no handler runs inside a futex call");
    for (int by_holder = 0; by_holder < 2; by_holder++) {
        struct crew_worker *a = hire_waiter("A"), *b = hire_waiter("B");
        crew_stall(a);
        assert_true(thing_time_out(crew_context(a)));
        if (by_holder)
            assert_int_equal(step_lock(&m), LG_OK);
        lg_condition_signal(&c);
        if (by_holder)
            step_unlock(&m);
        expect_and_unlock(b, LG_OK);
        crew_go_on();
        expect_and_unlock(a, LG_ETIMEDOUT);
        expect_all_quiet();
    }
}

/* A and B wait; somebody who does not hold m broadcasts: A is woken, but does not run yet; B is
 * told and still queued.  Then H waits too, and there is one signal more.  A and B have theirs; it
 * is for H, who would else sleep for ever. */
static void test_a_signal_is_not_spent_on_who_was_told(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no handler runs inside a futex call");
    for (int by_holder = 0; by_holder < 2; by_holder++) {
        struct crew_worker *a = hire_waiter("A"), *b = hire_waiter("B");
        crew_stall(a);
        lg_condition_broadcast(&c);
        assert_int_equal(state_of(a), LG__WAIT_WOKEN);
        assert_int_equal(state_of(b), LG__WAIT_OUTSIDE);
        struct crew_worker *h = hire_waiter("H");
        if (by_holder)
            assert_int_equal(step_lock(&m), LG_OK);
        lg_condition_signal(&c);
        if (by_holder)
            step_unlock(&m);
        expect_and_unlock(h, LG_OK);
        expect_and_unlock(b, LG_OK); /* moved by H, who saw that it was told */
        crew_go_on();
        expect_and_unlock(a, LG_OK);
        expect_all_quiet();
    }
}

/* ---- Recursive ------------------------------------------------------------------------------- */

static void test_all_levels_are_released_and_restored(void **state)
{
    (void)state;
    struct lg_mutex r = LG_MUTEX_RECURSIVE_INIT("r");
    struct wait_until wait = {&c, &r, LG_FOREVER, "wait.c:1"};
    for (int how = 0; how < 3; how++) {
        struct crew_worker *a = crew_hire("A");
        for (int i = 0; i < 3; i++)
            assert_int_equal(crew_do(a, step_lock, &r), LG_OK);
        crew_run(a, step_wait, &wait);
        crew_wait_blocked_on(a, &c);
        assert_int_equal(step_lock(&r), LG_OK);
        assert_int_equal(step_lock(&r), LG_OK);
        if (how == 0)
            lg_condition_signal(&c);
        else if (how == 1)
            lg_condition_broadcast(&c);
        else
            assert_true(thing_time_out(crew_context(a)));
        step_unlock(&r);
        step_unlock(&r);
        assert_int_equal(crew_wait(a), how == 2 ? LG_ETIMEDOUT : LG_OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(crew_do(a, step_is_held, &r), 1);
            (void)crew_do(a, step_unlock, &r);
        }
        assert_int_equal(crew_do(a, step_is_held, &r), 0);
    }
    assert_int_equal(r.word, 0);
}

/* ---- Panics, memory -------------------------------------------------------------------------- */

static int destroy(void *condition)
{
    lg_condition_destroy(condition);
    return 0;
}

static void test_panics(void **state)
{
    (void)state;
    static struct lg_condition unnamed;
    static struct wait_until no_name = {&unnamed, &m, LG_FOREVER, NULL};
    struct support_panic panic = support_panic_of(step_wait, &for_ever);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a condition was waited for without holding the mutex");
    assert_string_equal(panic.object, "c");
    panic = support_panic_of(step_wait, &no_name);
    assert_string_equal(panic.object, "(unnamed condition)");
    struct crew_worker *a = hire_waiter("A");
    panic = support_panic_of(step_wait, &for_ever); /* free, but not mine */
    assert_true(panic.has_happened);
    panic = support_panic_of(destroy, &c);
    assert_string_equal(panic.rule, "a condition was destroyed while waited for");
    assert_string_equal(panic.object, "c");
    lg_condition_signal(&c);
    expect_and_unlock(a, LG_OK);
    assert_false(support_panic_of(destroy, &c).has_happened);
    expect_all_quiet();
}

/* Once all have been moved nobody waits at the condition, so it may go, before any of them has
 * run. */
static void test_memory_may_go_right_after_broadcast(void **state)
{
    (void)state;
    struct crew_worker *workers[3];
    for (unsigned i = 0; i < 3; i++)
        workers[i] = crew_hire_numbered("A", i);
    for (int round = 0; round < 50; round++) {
        struct lg_condition *gone = calloc(1, sizeof *gone);
        struct wait_until wait = {gone, &m, LG_FOREVER, "gone.c:1"};
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(crew_do(workers[i], step_lock, &m), LG_OK);
            crew_run(workers[i], step_wait, &wait);
            crew_wait_blocked_on(workers[i], gone);
        }
        assert_int_equal(step_lock(&m), LG_OK);
        lg_condition_broadcast(gone);
        lg_condition_destroy(gone);
        free(gone);
        step_unlock(&m);
        for (unsigned i = 0; i < 3; i++)
            expect_and_unlock(workers[i], LG_OK);
    }
    expect_all_quiet();
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

static void test_signals_of_the_system_do_not_end_a_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = do_nothing};
    sigaction(SIGUSR1, &action, NULL);
    struct crew_worker *a = hire_waiter("A");
    for (int i = 0; i < 200; i++)
        assert_int_equal(pthread_kill(crew_thread(a), SIGUSR1), 0);
    crew_wait_blocked_on(a, &c);
    assert_int_equal(lg__load_acquire(&c.waiters), 1);
    lg_condition_signal(&c);
    expect_and_unlock(a, LG_OK);
    expect_all_quiet();
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct crew_worker *a = hire_waiter("A");
    struct wait_until soon = {&c, &m, 1, "soon.c:1"};
    uint64_t before = lg__alloc_count();
    lg_condition_signal(&c);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_wait, &soon), LG_ETIMEDOUT);
    crew_run(a, step_wait, &for_ever);
    crew_wait_blocked_on(a, &c);
    assert_int_equal(step_lock(&m), LG_OK);
    lg_condition_broadcast(&c);
    step_unlock(&m);
    expect_and_unlock(a, LG_OK);
    assert_true(lg__alloc_count() == before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_null),
        SUPPORT_TEST(test_a_signal_to_nobody_is_lost),
        SUPPORT_TEST(test_a_signal_by_the_holder_moves),
        SUPPORT_TEST(test_a_signal_by_another_wakes),
        SUPPORT_TEST(test_signals_go_to_who_has_waited_longest),
        SUPPORT_TEST(test_a_broadcast_by_the_holder_wakes_nobody),
        SUPPORT_TEST(test_a_broadcast_by_another_wakes_one),
        SUPPORT_TEST(test_a_broadcast_reaches_all_when_the_holder_ends),
        SUPPORT_TEST(test_a_timeout_is_not_early_and_holds_the_mutex),
        SUPPORT_TEST(test_a_timeout_fills_the_report),
        SUPPORT_TEST(test_the_way_back_has_no_deadline),
        SUPPORT_TEST(test_who_was_moved_does_not_time_out),
        SUPPORT_TEST(test_a_signal_passes_by_who_gave_up),
        SUPPORT_TEST(test_a_signal_is_not_spent_on_who_was_told),
        SUPPORT_TEST(test_all_levels_are_released_and_restored),
        SUPPORT_TEST(test_panics),
        SUPPORT_TEST(test_memory_may_go_right_after_broadcast),
        SUPPORT_TEST(test_signals_of_the_system_do_not_end_a_wait),
        SUPPORT_TEST(test_nothing_is_allocated),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
