/* Exhaust: whether one preemption less would do.
 *
 * All schedules of so few preemptions are gone through one after the other, the latest decision first; a small
 * program has been through them soon, and then it is known that the bug needs what the best has.  Where there are too
 * many, some are drawn. */
#include "explore/best.h"
#include "explore/campaign.h"

#define EXHAUSTED_MAX 600 /* schedules that find nothing, */
#define DRAWN_MAX     300 /* and then so many more */

static void plan(uint64_t draw)
{
    lg__best_plan(LG__STRATEGY_BOUNDED, draw);
    lg__campaign->plan.bound = lg__best.outcome.preemptions - 1;
}

/* The last decision that has another option takes it, and what comes after begins anew.  False: there is none. */
static bool advance(uint32_t *decisions)
{
    for (uint32_t i = *decisions; i-- > 0;) {
        struct lg__decision *decision = &lg__campaign->decisions[i];
        if (++decision->chosen < decision->options) {
            *decisions = i + 1;
            return true;
        }
    }
    return false;
}

/* A run that was ended from outside has not said its decisions. */
static bool has_decisions(const struct lg__outcome *outcome)
{
    return outcome->state != LG__OUTCOME_TOO_LONG && outcome->decisions <= LG__DECISIONS_MAX;
}

/* Until there is a preemption less, or all were tried.  True: in a run. */
static bool try_all(uint32_t had, bool *are_all)
{
    uint32_t decisions = 0;
    for (uint32_t i = 0; i < EXHAUSTED_MAX && !lg__best_is_enough(); i++) {
        plan(0);
        lg__campaign->plan.prefix = decisions;
        if (lg__best_try(false))
            return true;
        decisions = lg__campaign->outcome.decisions;
        if (lg__best.outcome.preemptions < had || !has_decisions(&lg__campaign->outcome))
            return false;
        *are_all = !advance(&decisions);
        if (*are_all)
            return false;
    }
    return false;
}

static bool try_some(uint32_t had)
{
    uint64_t length = lg__best.outcome.choices;
    for (uint32_t i = 0; i < DRAWN_MAX && !lg__best_is_enough(); i++) {
        plan(i);
        lg__campaign->plan.is_drawn = true;
        lg__campaign->plan.is_in_order = i % 4 == 0;
        lg__campaign->plan.length = length;
        if (lg__best_try(false))
            return true;
        if (lg__best.outcome.preemptions < had)
            return false;
        length = (length + lg__campaign->outcome.decisions) / 2 + 1;
    }
    return false;
}

bool lg__exhaust(void)
{
    uint32_t had = lg__best.outcome.preemptions;
    bool are_all = false;
    if (lg__best_is_enough())
        return false;
    if (try_all(had, &are_all))
        return true;
    return !are_all && lg__best.outcome.preemptions == had && try_some(had);
}
