/* Permits when system calls fail: futexes that come back for no reason, places that cannot be read, writes
 * that go nowhere.  No status, holder or count changes, and nothing is allocated. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/permits.h"

#include "graph/context.h"
#include "plat/clock.h"

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct crew_worker *A, *B;
static struct lg_permits p = LG_PERMITS_INIT("p", 3);
static struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2},
                    three = {.permits = &p, .count = 3};

static bool is_quiet(void)
{
    return lg_permits_available(&p) == 3 && faults_has_let_go(A) && faults_has_let_go(B);
}

/* Each scenario in all of its course under one fault.  main only watches. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
    expect_permits_quiet(&p, 3);
}

static int hand_over(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_acquire, &two) == LG_OK);
    crew_run(B, step_acquire, &three);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(B));
    SUPPORT_CHECK(crew_do(A, step_release, &one) == LG_OK);
    SUPPORT_CHECK(!crew_is_idle(B));
    SUPPORT_CHECK(crew_do(A, step_release, &one) == LG_OK);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_count_held, &p) == 3);
    SUPPORT_CHECK(crew_do(B, step_release, &three) == LG_OK);
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
    struct units soon = {.permits = &p, .count = 2, .place = "soon.c:1"};
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_acquire, &two) == LG_OK);
    soon.deadline = lg__now_ns() + 100000;
    SUPPORT_CHECK(crew_do(B, step_acquire, &soon) == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg__now_ns() >= soon.deadline);
    SUPPORT_CHECK(faults_check_timeout(B, "A") == 0);
    SUPPORT_CHECK(crew_do(A, step_release, &two) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

/* A has 2, B has 1, and each wants one more: which of them closes it is open, that one of them is told is
 * not. */
static int deadlock(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_acquire, &two) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_acquire, &one) == LG_OK);
    crew_run(A, step_acquire, &one);
    faults_wait_at_futex(A);
    crew_run(B, step_acquire, &one);
    struct crew_worker *victim = faults_wait_for_victim(A, B);
    SUPPORT_CHECK(victim != NULL);
    bool is_a = victim == A;
    struct crew_worker *other = is_a ? B : A;
    SUPPORT_CHECK(crew_do(victim, step_release, is_a ? &two : &one) == LG_OK);
    SUPPORT_CHECK(crew_wait(other) == LG_OK);
    SUPPORT_CHECK(crew_do(other, step_release, is_a ? &two : &three) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_deadlock(void **state)
{
    (void)state;
    try_scenario(deadlock, MASK);
}

/* What was given to B counts as B's, and comes back from there. */
static int give(void *arg)
{
    struct units gift = {.permits = &p, .count = 2, .context = crew_context(B)};
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_acquire, &three) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_give, &gift) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_count_held, &p) == 2);
    crew_run(A, step_acquire, &one);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    SUPPORT_CHECK(crew_do(B, step_release, &two) == LG_OK);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_release, &two) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_give(void **state)
{
    (void)state;
    try_scenario(give, MASK);
}

/* The context ends with what it holds; the thread goes on with another. */
static int leave_open(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_acquire(&three) == LG_OK);
    int status = lg_context_end(lg_context_detach());
    return lg_context_self() ? status : LG_ENOMEM;
}

/* What an ended context held has come back by itself; and more of them come by a resize. */
static int holder_ends(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, leave_open, NULL) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_acquire, &three) == LG_OK);
    crew_run(A, step_acquire, &one);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    SUPPORT_CHECK(lg_permits_resize(&p, 4) == LG_OK);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_release, &one) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_release, &three) == LG_OK);
    SUPPORT_CHECK(lg_permits_resize(&p, 3) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_holder_ends(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    try_scenario(holder_ends, MASK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_hand_over), SUPPORT_TEST(test_time_out),    SUPPORT_TEST(test_deadlock),
        SUPPORT_TEST(test_give),      SUPPORT_TEST(test_holder_ends),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
