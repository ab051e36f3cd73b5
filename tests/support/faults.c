/* The fault loop. */
#include "support/faults.h"
#include "support/locks.h"

#include "graph/context.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LG_FAULTS

#define VARIABLE    "LIFEGUARD_TEST_FAULT"
#define STATUS_FAIL 1
#define STATUS_MET  10 /* the failure happened, and nothing was wrong */

unsigned faults_loop(uint32_t mask, unsigned most, support_step *scenario, void *arg)
{
    unsigned failures = 0;
    for (int is_persistent = 0; is_persistent < 2; is_persistent++) {
        for (unsigned n = 1; n <= most; n++) {
            lg__seam_arm(n, mask, is_persistent);
            int wrong = scenario(arg);
            bool has_failed = lg__seam_disarm();
            if (wrong != 0)
                fail_msg("passage %u of mask %#x failed%s: %d", n, mask,
                         is_persistent ? " and all after it" : "", wrong);
            if (!has_failed)
                break;
            failures++;
        }
    }
    return failures;
}

unsigned faults_loop_fresh(uint32_t mask, unsigned most, const char *case_name)
{
    static char output[16384];
    char setting[64];
    unsigned failures = 0;
    for (int is_persistent = 0; is_persistent < 2; is_persistent++) {
        for (unsigned n = 1; n <= most; n++) {
            snprintf(setting, sizeof setting, VARIABLE "=%u,%u,%d", n, mask, is_persistent);
            int status = support_spawn(case_name, setting, output, sizeof output);
            if (status != 0 && status != STATUS_MET)
                fail_msg("%s: status %d, it says: %s", setting, status, output);
            if (status == 0)
                break;
            failures++;
        }
    }
    return failures;
}

void faults_begin(void)
{
    unsigned n = 0, mask = 0, is_persistent = 0;
    const char *setting = getenv(VARIABLE);
    if (setting && sscanf(setting, "%u,%u,%u", &n, &mask, &is_persistent) == 3)
        lg__seam_arm(n, mask, is_persistent != 0);
}

int faults_end(int wrong)
{
    bool has_failed = lg__seam_disarm();
    return wrong ? STATUS_FAIL : has_failed ? STATUS_MET : 0;
}

void faults_wait_at_futex(struct crew_worker *worker)
{
    const struct lg_context *context;
    while (!crew_is_idle(worker) &&
           (!(context = crew_context(worker)) || !lg__load_full(&context->wait.is_asleep)))
        sched_yield();
}

int faults_check_timeout(struct crew_worker *waiter, const char *holder)
{
    static struct lg_report report;
    (void)crew_do(waiter, step_copy_report, &report);
    SUPPORT_CHECK(report.kind == LG_REPORT_TIMEOUT);
    SUPPORT_CHECK(report.member_count == 2);
    SUPPORT_CHECK(strcmp(report.members[1].context, holder) == 0);
    SUPPORT_CHECK(strcmp(report.place, "soon.c:1") == 0 || report.place[0] == 0);
    return 0;
}

static int check_victim(struct crew_worker *victim, struct crew_worker *other)
{
    SUPPORT_CHECK(crew_wait(victim) == LG_EDEADLK);
    SUPPORT_CHECK(!crew_is_idle(other));
    return 0;
}

struct crew_worker *faults_wait_for_victim(struct crew_worker *a, struct crew_worker *b)
{
    while (!crew_is_idle(a) && !crew_is_idle(b))
        sched_yield();
    bool is_a = crew_is_idle(a);
    struct crew_worker *victim = is_a ? a : b;
    return check_victim(victim, is_a ? b : a) == 0 ? victim : NULL;
}

bool faults_has_let_go(struct crew_worker *worker)
{
    const struct lg_context *context = crew_context(worker);
    uint64_t word = lg__load_acquire(&context->wait.word);
    return lg__held_count(context) == 0 && LG__WAIT_STATE(word) == LG__WAIT_IDLE;
}

#else
typedef int faults_are_elsewhere; /* ISO C forbids an empty translation unit */
#endif
