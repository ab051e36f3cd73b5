/* First the schedules of small periods are tried, the least departures first: one that finds the same is as
 * small as it can be.  Where none does, shrinking is deletion: pieces of the list of switches are left out, large ones first and from the end, and
 * what still finds the same with fewer preemptions is kept.  Records are keyed by their own thread's events, so
 * the rest keep their meaning; those that no longer fit are passed over. */
#include "explore/shrink.h"

#include "explore/campaign.h"
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX       300
#define ENUMERATED_MAX 150

static struct {
    struct lg__switch *best; /* the switches of the best run */
    uint32_t count;
    struct lg__outcome outcome; /* its outcome */
    struct lg__plan plan;
    uint32_t runs;
} state;

static void keep(void)
{
    state.outcome = lg__campaign->outcome;
    state.count = state.outcome.switch_count;
    memcpy(state.best, lg__campaign->switches, state.count * sizeof *state.best);
}

static bool is_same(const struct lg__outcome *outcome)
{
    return outcome->state == LG__OUTCOME_FOUND && outcome->finding == state.outcome.finding &&
           outcome->signature == state.outcome.signature;
}

static void plan_replay(uint32_t count)
{
    uint64_t number = state.plan.number;
    lg__plan_make(0, 0);
    lg__campaign->plan.number = number;
    lg__campaign->plan.strategy = LG__STRATEGY_REPLAY;
    lg__campaign->plan.replay_count = count;
    lg__campaign->plan.is_exit_late = state.plan.is_exit_late;
    lg__campaign->plan.is_time_early = state.plan.is_time_early;
    lg__campaign->plan.steps_max = state.outcome.steps * 10 + 10000;
}

/* Without the records [from, from + length).  True: in a run. */
static bool try_without(uint32_t from, uint32_t length, bool *is_better)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < state.count; i++)
        if (i < from || i >= from + length)
            lg__campaign->replay[count++] = state.best[i];
    plan_replay(count);
    state.runs++;
    if (lg__campaign_run())
        return true;
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    *is_better = is_same(outcome) && (outcome->preemptions < state.outcome.preemptions ||
                                      (outcome->preemptions == state.outcome.preemptions &&
                                       outcome->switch_count < state.count));
    if (*is_better)
        keep();
    return false;
}

static bool is_enough(void)
{
    return !state.count || !state.outcome.preemptions || state.runs >= RUNS_MAX ||
           lg__campaign_was_stopped();
}

/* One pass with pieces of this length.  True: in a run. */
static bool pass(uint32_t length, bool *has_gained)
{
    uint32_t end = state.count;
    while (end && !is_enough()) {
        bool is_better = false;
        uint32_t from = end > length ? end - length : 0;
        if (try_without(from, end - from, &is_better))
            return true;
        *has_gained = *has_gained || is_better;
        end = is_better && state.count < from ? state.count : from;
    }
    return false;
}

static bool delete_pieces(void)
{
    uint32_t length = state.count;
    while (length && !is_enough()) {
        bool has_gained = false;
        if (pass(length, &has_gained))
            return true;
        if (!has_gained || length > state.count)
            length = length > state.count ? state.count : length / 2;
        else if (length > 1)
            length = (length + 1) / 2;
    }
    return false;
}

/* True: in a run. */
static bool enumerate(void)
{
    lg__enumerate_again();
    for (uint32_t i = 0; i < ENUMERATED_MAX && state.outcome.preemptions > 1; i++) {
        uint64_t number = state.plan.number;
        lg__plan_make(0, 0);
        lg__campaign->plan.number = number;
        lg__campaign->plan.strategy = LG__STRATEGY_PERIODS;
        if (lg__campaign_was_stopped() || !lg__enumerate())
            return false;
        if (lg__campaign_run())
            return true;
        if (is_same(&lg__campaign->outcome) &&
            lg__campaign->outcome.preemptions < state.outcome.preemptions) {
            keep();
            state.plan = lg__campaign->plan;
            return false;
        }
        lg__enumerate_learn();
    }
    return false;
}

bool lg__shrink(void)
{
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    state.plan = lg__campaign->plan;
    state.best = malloc(LG__SWITCHES_MAX * sizeof *state.best);
    if (!state.best || outcome->has_lost_switches)
        return false;
    keep();
    if (enumerate() || (state.outcome.preemptions > 1 && delete_pieces()))
        return true;
    lg__campaign->outcome = state.outcome;
    memcpy(lg__campaign->switches, state.best, state.count * sizeof *state.best);
    plan_replay(state.count);
    free(state.best);
    return false;
}
