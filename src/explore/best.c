#include "explore/best.h"

#include "explore/campaign.h"
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define RUNS_MAX 3000

struct lg__best lg__best;

/* What else the machine does is not to make the result worse, so it is the processor's time that counts; but a program
 * may also wait, and the time of a process that is used again is only known when it has ended. */
#define TIMES_LONGER 5

static uint32_t runs;
static struct {
    double processor, clock; /* seconds */
} began;

static double seconds_of(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double processor_seconds(void)
{
    return seconds_of(RUSAGE_SELF) + seconds_of(RUSAGE_CHILDREN);
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_out_of_time(void)
{
    double most = lg__campaign->options.shrink;
    return processor_seconds() - began.processor >= most ||
           clock_seconds() - began.clock >= most * TIMES_LONGER;
}

static void keep(void)
{
    struct lg__best *best = &lg__best;
    best->plan.is_exit_late = lg__campaign->plan.is_exit_late;
    best->plan.is_time_early = lg__campaign->plan.is_time_early;
    best->outcome = lg__campaign->outcome;
    best->count = best->outcome.switch_count;
    memcpy(best->switches, lg__campaign->switches, best->count * sizeof *best->switches);
}

bool lg__best_begin(void)
{
    lg__best.plan = lg__campaign->plan;
    lg__best.switches = malloc(LG__SWITCHES_MAX * sizeof *lg__best.switches);
    if (!lg__best.switches)
        return false;
    began.processor = processor_seconds();
    began.clock = clock_seconds();
    keep();
    return true;
}

void lg__best_end(void)
{
    const struct lg__best *best = &lg__best;
    lg__campaign->outcome = best->outcome;
    memcpy(lg__campaign->switches, best->switches, best->count * sizeof *best->switches);
    lg__best_plan_replay(best->count);
    free(best->switches);
}

bool lg__best_is_enough(void)
{
    return !lg__best.count || !lg__best.outcome.preemptions || runs >= RUNS_MAX ||
           lg__campaign_was_stopped() || is_out_of_time();
}

void lg__best_plan(enum lg__strategy strategy, uint64_t draw)
{
    const struct lg__best *best = &lg__best;
    lg__plan_make(draw, 0);
    struct lg__plan *plan = &lg__campaign->plan;
    plan->number = best->plan.number;
    plan->strategy = strategy;
    plan->is_exit_late = best->plan.is_exit_late;
    plan->is_time_early = best->plan.is_time_early;
    plan->has_suspects = best->plan.has_suspects;
    plan->steps_max = best->outcome.steps * 10 + 10000;
}

void lg__best_plan_replay(uint32_t count)
{
    lg__best_plan(LG__STRATEGY_REPLAY, 0);
    lg__campaign->plan.replay_count = count;
}

static bool is_better(const struct lg__outcome *outcome, bool may_wander)
{
    const struct lg__outcome *best = &lg__best.outcome;
    if (outcome->state != LG__OUTCOME_FOUND || outcome->finding != best->finding ||
        outcome->signature != best->signature || outcome->has_lost_switches)
        return false;
    return outcome->preemptions < best->preemptions ||
           (outcome->preemptions == best->preemptions &&
            (may_wander || outcome->switch_count < best->switch_count));
}

bool lg__best_try(bool may_wander)
{
    runs++;
    if (lg__campaign_run())
        return true;
    if (is_better(&lg__campaign->outcome, may_wander))
        keep();
    return false;
}
