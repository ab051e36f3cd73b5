/* Shrinking goes from what is small by construction, the schedules of small periods, over changes of the schedule that
 * was found, to schedules with one preemption less than the best has; and begins anew with each that is better, until
 * nothing better is found or the budget is used up. */
#include "explore/shrink.h"

#include "explore/best.h"
#include "explore/campaign.h"
#include "explore/search.h"

#define ENUMERATED_MAX 150

/* True: in a run. */
static bool enumerate(void)
{
    lg__enumerate_again();
    for (uint32_t i = 0; i < ENUMERATED_MAX && lg__best.outcome.preemptions > 1; i++) {
        lg__best_plan(LG__STRATEGY_PERIODS, 0);
        if (lg__best_is_enough() || !lg__enumerate())
            return false;
        if (lg__best_try(false))
            return true;
        lg__enumerate_learn();
    }
    return false;
}

static bool shrink(void)
{
    if (enumerate())
        return true;
    uint32_t had;
    do {
        had = lg__best.outcome.preemptions;
        if (lg__rearrange() || lg__exhaust())
            return true;
    } while (lg__best.outcome.preemptions < had);
    return false;
}

bool lg__shrink(void)
{
    if (lg__campaign->outcome.has_lost_switches || !lg__best_begin())
        return false;
    if (shrink())
        return true;
    lg__best_end();
    return false;
}
