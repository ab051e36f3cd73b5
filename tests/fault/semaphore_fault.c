/* Semaphores when system calls fail: futexes that come back for no reason, places that cannot be read, writes
 * that go nowhere.  No unit is lost or had twice, and nothing is allocated. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/semaphores.h"

#include "plat/clock.h"

#include <string.h>

#define MASK (FAULT_BIT(FUTEX_WAIT) | FAULT_BIT(PEEK) | FAULT_BIT(WRITE))
#define MOST 120 /* a sleeper that is sent away for ever passes without end */

static struct crew_worker *A, *B;
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 2);

static bool is_quiet(void)
{
    return s.word == 0 && faults_has_let_go(A) && faults_has_let_go(B);
}

/* Each scenario in all of its course under one fault.  main only watches. */
static void try_scenario(support_step *scenario, uint32_t mask)
{
    A = crew_hire("A");
    B = crew_hire("B");
    assert_true(faults_loop(mask, SUPPORT_ROUNDS(MOST), scenario, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, scenario, NULL), 0);
}

static int post_to_two(void *arg)
{
    (void)arg;
    crew_run(A, step_wait_for_unit, &s);
    faults_wait_at_futex(A);
    crew_run(B, step_wait_for_unit, &s);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(A) && !crew_is_idle(B));
    SUPPORT_CHECK(lg_semaphore_post(&s, 1) == LG_OK);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    SUPPORT_CHECK(!crew_is_idle(B));
    SUPPORT_CHECK(lg_semaphore_post(&s, 2) == LG_OK);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(lg_semaphore_post(&s, 2) == LG_EOVERRELEASE);
    SUPPORT_CHECK(take_all_units(&s) == 1);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_post(void **state)
{
    (void)state;
    try_scenario(post_to_two, FAULT_BIT(FUTEX_WAIT));
}

static int time_out(void *arg)
{
    static struct lg_report report;
    struct semaphore_until soon = {&s, lg__now_ns() + 100000, "soon.c:1"};
    (void)arg;
    SUPPORT_CHECK(crew_do(A, step_wait_for_unit_until, &soon) == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg__now_ns() >= soon.deadline);
    (void)crew_do(A, step_copy_report, &report);
    SUPPORT_CHECK(report.kind == LG_REPORT_TIMEOUT);
    SUPPORT_CHECK(report.member_count == 1);
    SUPPORT_CHECK(strcmp(report.name, "s") == 0);
    SUPPORT_CHECK(strcmp(report.place, "soon.c:1") == 0 || report.place[0] == 0);
    SUPPORT_CHECK(crew_do(B, step_try_wait, &s) == LG_EBUSY);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_time_out(void **state)
{
    (void)state;
    try_scenario(time_out, MASK);
}

/* Whoever stands in front gives up: the unit is for the one behind. */
static int give_up_in_front(void *arg)
{
    struct semaphore_until soon = {&s, lg__now_ns() + 100000, "soon.c:1"};
    (void)arg;
    crew_run(A, step_wait_for_unit_until, &soon);
    crew_run(B, step_wait_for_unit, &s);
    SUPPORT_CHECK(crew_wait(A) == LG_ETIMEDOUT);
    faults_wait_at_futex(B);
    SUPPORT_CHECK(!crew_is_idle(B));
    SUPPORT_CHECK(crew_do(A, step_post, &s) == LG_OK);
    SUPPORT_CHECK(crew_wait(B) == LG_OK);
    SUPPORT_CHECK(is_quiet());
    return 0;
}

static void test_give_up(void **state)
{
    (void)state;
    try_scenario(give_up_in_front, MASK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_post),
        SUPPORT_TEST(test_time_out),
        SUPPORT_TEST(test_give_up),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
