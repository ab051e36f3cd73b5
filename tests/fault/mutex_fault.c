/* Locks when system calls fail: futexes that come back for no reason, places that cannot be read,
 * writes that go nowhere.  None of it changes a status, a holder or a count. */
#include "support/faults.h"
#include "support/locks.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <sched.h>

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct crew_worker *A, *B;
static struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
static struct lg_condition c = LG_CONDITION_INIT("c");

static bool is_quiet(void)
{
    return (a.word & ~3ull) == 0 && (b.word & ~3ull) == 0 && c.waiters == 0 &&
           faults_has_let_go(A) && faults_has_let_go(B);
}

/* Each scenario in all of its course under one fault.  main only watches. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
}

static int hand_over(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_lock, &a) == LG_OK);
    crew_run(B, step_lock, &a);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(B));
    (void)crew_do(A, step_unlock, &a);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_is_held, &a) == 1);
    (void)crew_do(B, step_unlock, &a);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_hand_over(void **state)
{
    (void)state;
    try_scenario(hand_over, FAULT_BIT(FUTEX_WAIT));
}

static int time_out(void *arg)
{
    struct lock_until soon = {&a, 0, "soon.c:1"};
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_lock, &a) == LG_OK);
    soon.deadline = lg__now_ns() + 100000;
    SUPPORT_CHECK(crew_do(B, step_lock_until, &soon) == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg__now_ns() >= soon.deadline);
    SUPPORT_CHECK(faults_check_timeout(B, "A") == 0);
    (void)crew_do(A, step_unlock, &a);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

/* A -> b, B -> a: which of them closes the ring is open, that one of them is told is not. */
static int deadlock(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_lock, &a) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_lock, &b) == LG_OK);
    crew_run(A, step_lock, &b);
    faults_wait_at_futex(A);
    crew_run(B, step_lock, &a);
    struct crew_worker *victim = faults_wait_for_victim(A, B);
    SUPPORT_CHECK(victim != NULL);
    bool is_a = victim == A;
    struct crew_worker *other = is_a ? B : A;
    (void)crew_do(victim, step_unlock, is_a ? &a : &b);
    SUPPORT_CHECK(crew_wait(other) == LG_OK);
    (void)crew_do(other, step_unlock, &a);
    (void)crew_do(other, step_unlock, &b);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_deadlock(void **state)
{
    (void)state;
    try_scenario(deadlock, MASK);
}

static int signal_it(void *arg)
{
    struct wait_until for_ever = {&c, &a, LG_FOREVER, "wait.c:1"};
    struct wait_until soon = {&c, &a, 0, "soon.c:1"};
    (void)arg;
    for (int by_holder = 0; by_holder < 2; by_holder++) {
        SUPPORT_CHECK(crew_do(B, step_lock, &a) == LG_OK);
        crew_run(B, step_wait, &for_ever);
        faults_wait_at_futex(B);
        SUPPORT_CHECK(crew_do(A, step_lock, &a) == LG_OK);
        if (by_holder)
            (void)crew_do(A, step_signal, &c);
        (void)crew_do(A, step_unlock, &a);
        if (!by_holder)
            (void)crew_do(A, step_broadcast, &c);
        SUPPORT_CHECK(crew_wait(B) == LG_OK);
        SUPPORT_CHECK(crew_do(B, step_is_held, &a) == 1);
        soon.deadline = lg__now_ns() + 100000;
        SUPPORT_CHECK(crew_do(B, step_wait, &soon) == LG_ETIMEDOUT);
        SUPPORT_CHECK(crew_do(B, step_is_held, &a) == 1);
        (void)crew_do(B, step_unlock, &a);
    }
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_condition(void **state)
{
    (void)state;
    try_scenario(signal_it, MASK);
}

static int leave_open(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_lock(&a) == LG_OK);
    return lg_context_end(lg_context_detach());
}

static int owner_ends(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, leave_open, NULL) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_lock, &a) == LG_EOWNERDEAD);
    SUPPORT_CHECK(crew_do(B, step_recover, &a) == LG_OK);
    crew_run(A, step_lock, &a); /* with a new context */
    while (!crew_is_idle(A) && !crew_is_blocked(A) && !(lg__load_acquire(&a.word) & 1))
        sched_yield();
    (void)crew_do(B, step_unlock, &a);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    (void)crew_do(A, step_unlock, &a);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_owner_ends(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(MASK, SUPPORT_ROUNDS(MOST), owner_ends, NULL) > 0);
}

static int back_off(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 4; i++)
        SUPPORT_CHECK(lg_retry(i, LG_FOREVER) == 1);
    return 0;
}

static void test_retry(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(FUTEX_WAIT), 20, back_off, NULL) > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_hand_over), SUPPORT_TEST(test_time_out),   SUPPORT_TEST(test_deadlock),
        SUPPORT_TEST(test_condition), SUPPORT_TEST(test_owner_ends), SUPPORT_TEST(test_retry),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
