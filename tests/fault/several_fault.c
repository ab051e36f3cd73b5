/* Waits for several things.  When there is no memory for a context's first: it says so, has taken nothing, and
 * the next works; those that need not wait need none.  And when futexes come back for no reason, and places
 * cannot be read: one thing is had, or all, or nothing, and nothing is allocated. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/permits.h"
#include "support/semaphores.h"
#include "support/several.h"

#include "plat/clock.h"

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);

static bool is_expected(int status)
{
    return status == LG_ETIMEDOUT || status == LG_ENOMEM;
}

/* On a thread of its own each time, so that it is the first. */
static int wait_for_both(void *arg)
{
    struct several_step step =
        several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
    (void)arg;
    SUPPORT_CHECK(step_wait_any(&step) == LG_OK && step.index == 0);
    step_unlock(&m);
    step.deadline = lg_after_ms(0);
    SUPPORT_CHECK(is_expected(step_wait_all(&step)));
    SUPPORT_CHECK(step_is_held(&m) == 0);
    step.things[0] = step.things[1];
    SUPPORT_CHECK(is_expected(step_wait_any(&step)));
    return 0;
}

static int on_a_worker(void *arg)
{
    static unsigned number;
    struct crew_worker *worker =
        crew_hire_numbered("W", number++); /* has its context, but no room */
    (void)arg;
    int wrong = crew_do(worker, wait_for_both, NULL);
    crew_leave(worker);
    return wrong;
}

static void test_no_room(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(MAP), 20, on_a_worker, NULL) > 0);
    assert_true(m.word == 0 && s.word == 0);
}

/* ---- Futexes that fail ------------------------------------------------------------------------ */

static struct crew_worker *A, *B;
static struct lg_mutex n = LG_MUTEX_INIT("n");
static struct lg_permits p = LG_PERMITS_INIT("p", 1);
static struct lg_event e = LG_EVENT_AUTO_RESET_INIT("e");
static struct units one = {.permits = &p, .count = 1};
static struct several_step its;

static bool is_quiet(void)
{
    return (m.word & ~3ull) == 0 && (n.word & ~3ull) == 0 && s.word == 0 &&
           lg_permits_available(&p) == 1 && !lg_event_is_set(&e) && faults_has_let_go(A) &&
           faults_has_let_go(B);
}

/* A has waited once before, so it has its room.  main only watches. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    its = several_of(lg_waitable_semaphore(&s), lg_waitable_event(&e), several_none);
    its.deadline = lg_after_ms(0);
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_ETIMEDOUT);
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
    expect_permits_quiet(&p, 1);
}

static void let_A_wait(support_step *wait, struct lg_waitable first, struct lg_waitable second,
                       struct lg_waitable third)
{
    its = several_of(first, second, third);
    crew_run(A, wait, &its);
    faults_wait_at_futex(A);
}

static int any(void *arg)
{
    (void)arg;
    for (uint32_t which = 0; which < 3; which++) {
        SUPPORT_CHECK(crew_do(B, step_lock, &m) == LG_OK);
        SUPPORT_CHECK(crew_do(B, step_acquire, &one) == LG_OK);
        let_A_wait(step_wait_any, lg_waitable_mutex(&m), lg_waitable_permits(&p, 1),
                   lg_waitable_event(&e));
        SUPPORT_CHECK(!crew_is_idle(A));
        if (which == 0)
            (void)crew_do(B, step_unlock, &m);
        else if (which == 1)
            SUPPORT_CHECK(crew_do(B, step_release, &one) == LG_OK);
        else
            lg_event_set(&e);
        SUPPORT_CHECK(crew_wait(A) == LG_OK && its.index == which);
        (void)crew_do(which == 0 ? A : B, step_unlock, &m);
        SUPPORT_CHECK(crew_do(which == 1 ? A : B, step_release, &one) == LG_OK);
        SUPPORT_CHECK(is_quiet());
    }
    return 0;
}

static void test_any(void **state)
{
    (void)state;
    try_scenario(any, MASK);
}

static int all(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(B, step_lock, &m) == LG_OK);
    let_A_wait(step_wait_all, lg_waitable_semaphore(&s), lg_waitable_mutex(&m),
               lg_waitable_permits(&p, 1));
    SUPPORT_CHECK(!crew_is_idle(A));
    SUPPORT_CHECK(lg_semaphore_post(&s, 1) == LG_OK);
    SUPPORT_CHECK(!crew_is_idle(A));
    (void)crew_do(B, step_unlock, &m);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_is_held, &m) == 1 && crew_do(A, step_count_held, &p) == 1);
    (void)crew_do(A, step_unlock, &m);
    SUPPORT_CHECK(crew_do(A, step_release, &one) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_all(void **state)
{
    (void)state;
    try_scenario(all, MASK);
}

static int time_out(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(B, step_lock, &m) == LG_OK);
    for (int is_all = 0; is_all < 2; is_all++) {
        its = several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
        its.deadline = lg__now_ns() + 100000;
        SUPPORT_CHECK(crew_do(A, is_all ? step_wait_all : step_wait_any, &its) == LG_ETIMEDOUT);
        SUPPORT_CHECK(lg__now_ns() >= its.deadline);
        SUPPORT_CHECK(its.report.kind == LG_REPORT_TIMEOUT);
    }
    (void)crew_do(B, step_unlock, &m);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

/* A holds n and waits for m, or for p, which B holds; B wants n: one of them is told. */
static int deadlock(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_lock, &n) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_lock, &m) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_acquire, &one) == LG_OK);
    let_A_wait(step_wait_any, lg_waitable_mutex(&m), lg_waitable_permits(&p, 1), several_none);
    crew_run(B, step_lock, &n);
    struct crew_worker *victim = faults_wait_for_victim(A, B);
    SUPPORT_CHECK(victim != NULL);
    bool is_a = victim == A;
    if (is_a)
        (void)crew_do(A, step_unlock, &n);
    else
        (void)crew_do(B, step_unlock, &m);
    SUPPORT_CHECK(crew_wait(is_a ? B : A) == LG_OK);
    (void)crew_do(is_a ? B : A, step_unlock, &m);
    (void)crew_do(is_a ? B : A, step_unlock, &n);
    SUPPORT_CHECK(crew_do(B, step_release, &one) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_deadlock(void **state)
{
    (void)state;
    try_scenario(deadlock, MASK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_no_room),  SUPPORT_TEST(test_any),      SUPPORT_TEST(test_all),
        SUPPORT_TEST(test_time_out), SUPPORT_TEST(test_deadlock),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
