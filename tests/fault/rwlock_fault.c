/* Rwlocks when system calls fail, as mutex_fault.c has it for mutexes: futexes that come back for no reason,
 * places that cannot be read, writes that go nowhere.  No status, holder or count changes, and nothing is
 * allocated. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/rwlocks.h"

#include "graph/context.h"
#include "plat/clock.h"

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct crew_worker *A, *B;
static struct lg_rwlock r = LG_RWLOCK_INIT("r"), s = LG_RWLOCK_INIT("s");

/* Free for whoever comes, and nobody has anything of it. */
static bool is_free(struct lg_rwlock *rwlock)
{
    return step_try_write(rwlock) == LG_OK && step_let_go(rwlock) == LG_OK;
}

static bool is_quiet(void)
{
    return is_free(&r) && is_free(&s) && faults_has_let_go(A) && faults_has_let_go(B);
}

/* Each scenario in all of its course under one fault.  main only watches. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
}

/* A has r as `held` says; B comes as `wanted` says, waits, and gets it when A has let go. */
static int hand_over(support_step *held, support_step *wanted, int mode)
{
    SUPPORT_CHECK(crew_do(A, held, &r) == LG_OK);
    crew_run(B, wanted, &r);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(B));
    (void)crew_do(A, step_let_go, &r);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_mode, &r) == mode);
    (void)crew_do(B, step_let_go, &r);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static int hand_over_in_all_modes(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(hand_over(step_write, step_read, LG_RWLOCK_READ) == 0);
    SUPPORT_CHECK(hand_over(step_write, step_write, LG_RWLOCK_WRITE) == 0);
    SUPPORT_CHECK(hand_over(step_read, step_write, LG_RWLOCK_WRITE) == 0);
    SUPPORT_CHECK(hand_over(step_upgradable, step_upgradable, LG_RWLOCK_UPGRADABLE) == 0);
    return 0;
}

static void test_hand_over(void **state)
{
    (void)state;
    try_scenario(hand_over_in_all_modes, FAULT_BIT(FUTEX_WAIT));
}

static int upgrade(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_upgradable, &r) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_read, &r) == LG_OK);
    crew_run(A, step_upgrade, &r);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    (void)crew_do(B, step_let_go, &r);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_mode, &r) == LG_RWLOCK_WRITE);
    crew_run(B, step_read, &r);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(B));
    (void)crew_do(A, step_downgrade, &r);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(crew_do(A, step_mode, &r) == LG_RWLOCK_READ);
    (void)crew_do(A, step_let_go, &r);
    (void)crew_do(B, step_let_go, &r);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_upgrade(void **state)
{
    (void)state;
    try_scenario(upgrade, FAULT_BIT(FUTEX_WAIT));
}

static int time_out(void *arg)
{
    static support_step *const wants[] = {step_read_until, step_write_until, step_upgradable_until};
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_write, &r) == LG_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct rwlock_until soon = {&r, lg__now_ns() + 100000, "soon.c:1"};
        SUPPORT_CHECK(crew_do(B, wants[i], &soon) == LG_ETIMEDOUT);
        SUPPORT_CHECK(lg__now_ns() >= soon.deadline);
        SUPPORT_CHECK(faults_check_timeout(B, "A") == 0);
    }
    (void)crew_do(A, step_let_go, &r);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

/* A reads r and wants to write s, B reads s and wants to write r: which of them closes the ring is open, that
 * one of them is told is not. */
static int deadlock(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_read, &r) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_read, &s) == LG_OK);
    crew_run(A, step_write, &s);
    faults_wait_at_futex(A);
    crew_run(B, step_write, &r);
    struct crew_worker *victim = faults_wait_for_victim(A, B);
    SUPPORT_CHECK(victim != NULL);
    bool is_a = victim == A;
    struct crew_worker *other = is_a ? B : A;
    (void)crew_do(victim, step_let_go, is_a ? &r : &s);
    SUPPORT_CHECK(crew_wait(other) == LG_OK);
    (void)crew_do(other, step_let_go, &r);
    (void)crew_do(other, step_let_go, &s);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_deadlock(void **state)
{
    (void)state;
    try_scenario(deadlock, MASK);
}

/* The context ends with what it holds; the thread goes on with another. */
static int leave_open(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_write(&r) == LG_OK);
    SUPPORT_CHECK(step_read(&s) == LG_OK);
    int status = lg_context_end(lg_context_detach());
    return lg_context_self() ? status : LG_ENOMEM;
}

/* The writer's is told of and recovered; the reader's has come back by itself. */
static int holder_ends(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(crew_do(A, leave_open, NULL) == LG_OK);
    SUPPORT_CHECK(crew_do(B, step_write, &s) == LG_OK);
    (void)crew_do(B, step_let_go, &s);
    SUPPORT_CHECK(crew_do(B, step_read, &r) == LG_EOWNERDEAD);
    SUPPORT_CHECK(crew_do(B, step_rwlock_recover, &r) == LG_OK);
    crew_run(A, step_read, &r);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    (void)crew_do(B, step_let_go, &r);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    (void)crew_do(A, step_let_go, &r);
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
        SUPPORT_TEST(test_hand_over), SUPPORT_TEST(test_upgrade),     SUPPORT_TEST(test_time_out),
        SUPPORT_TEST(test_deadlock),  SUPPORT_TEST(test_holder_ends),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
