/* Onces when system calls fail: futexes that come back for no reason, places that cannot be read, writes that go
 * nowhere.  The function runs as often as it must, one at a time, and nothing is allocated. */
#include "support/faults.h"
#include "support/locks.h"

#include "plat/clock.h"

#include <lifeguard/once.h>

#include <sched.h>

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct crew_worker *A, *B;
static struct lg_once once;
static struct lg_mutex gate = LG_MUTEX_INIT("gate"); /* main's: the function waits for it */
static int outcome;                                  /* of the function, while main lets it go on */
static unsigned runs;                                /* one at a time */

static int pass_gate(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)arg;
    runs++;
    int status = lg_mutex_lock(&gate, LG_FOREVER);
    int result = outcome;
    if (status == LG_OK)
        lg_mutex_unlock(&gate);
    return status == LG_OK ? result : status;
}

static int step_call(void *deadline)
{
    return lg_once_call_at(&once, pass_gate, NULL, *(lg_deadline *)deadline, "call.c:1");
}

static lg_deadline for_ever = LG_FOREVER;

static void begin(int result)
{
    once = (struct lg_once)LG_ONCE_INIT;
    outcome = result;
    runs = 0;
    (void)step_lock(&gate);
    crew_run(A, step_call, &for_ever);
    faults_wait_at_futex(A);
}

static bool is_quiet(void)
{
    return (gate.word & ~3ull) == 0 && faults_has_let_go(A) && faults_has_let_go(B);
}

/* Each scenario in all of its course under one fault. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
}

static int wait_for_it(void *arg)
{
    (void)arg;
    begin(LG_OK);
    crew_run(B, step_call, &for_ever);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(A) && !crew_is_idle(B));
    step_unlock(&gate);
    SUPPORT_CHECK(crew_wait(A) == LG_OK && crew_wait(B) == LG_OK);
    SUPPORT_CHECK(runs == 1 && lg_once_is_done(&once));
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_wait(void **state)
{
    (void)state;
    try_scenario(wait_for_it, FAULT_BIT(FUTEX_WAIT));
}

/* It fails for A, and then for B, who has waited. */
static int fail_for_both(void *arg)
{
    (void)arg;
    begin(LG_EBROKEN);
    crew_run(B, step_call, &for_ever);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(A) && !crew_is_idle(B));
    step_unlock(&gate);
    SUPPORT_CHECK(crew_wait(A) == LG_EBROKEN && crew_wait(B) == LG_EBROKEN);
    SUPPORT_CHECK(runs == 2 && !lg_once_is_done(&once));
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_failure(void **state)
{
    (void)state;
    try_scenario(fail_for_both, MASK);
}

static int time_out(void *arg)
{
    static struct lg_report report;
    (void)arg;
    begin(LG_OK);
    lg_deadline soon = lg__now_ns() + 100000;
    SUPPORT_CHECK(crew_do(B, step_call, &soon) == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg__now_ns() >= soon);
    (void)crew_do(B, step_copy_report, &report);
    SUPPORT_CHECK(report.kind == LG_REPORT_TIMEOUT);
    step_unlock(&gate);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(runs == 1 && is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_wait),
        SUPPORT_TEST(test_failure),
        SUPPORT_TEST(test_time_out),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
