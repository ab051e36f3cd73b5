/* Bounded: at most so many preemptions.  Who goes on when a thread cannot is free, and so is who is signalled.
 *
 * Either all is drawn, the places of the preemptions uniformly; or the first decisions are what a list says, and
 * the rest are option 0.  All of them are then written to the list, for whoever wants to go through all
 * (search by depth: the last decision that has another option takes it). */
#include "explore/strategy.h"
#include "explore/together.h"

#define BOUND_MAX 16

LG__TOGETHER static struct {
    uint32_t left;  /* preemptions */
    uint32_t turns; /* decisions at which there might have been one */
    uint64_t places[BOUND_MAX];
} state;

void lg__bounded_begin(void)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    state.left = plan->bound;
    for (uint32_t i = 0; plan->is_drawn && i < plan->bound && i < BOUND_MAX; i++)
        state.places[i] = 1 + lg__run_random() % (plan->length ? plan->length : 1);
}

/* Several places may be the same, and one may be where nobody can be preempted: the next that can be then is. */
static bool is_due(void)
{
    uint32_t due = 0;
    for (uint32_t i = 0; i < lg__campaign->plan.bound && i < BOUND_MAX; i++)
        due += state.places[i] <= state.turns;
    return due > lg__campaign->plan.bound - state.left;
}

static uint32_t draw(uint32_t options, bool is_preemption)
{
    lg__campaign->outcome.decisions = state.turns;
    if (!is_preemption)
        return lg__campaign->plan.is_in_order ? 0 : (uint32_t)(lg__run_random() % options);
    return is_due() ? 1 + (uint32_t)(lg__run_random() % (options - 1)) : 0;
}

/* From the list, or option 0; and into the list. */
static uint32_t follow(uint32_t options, bool is_preemption)
{
    uint32_t number = lg__campaign->outcome.decisions++;
    if (number >= LG__DECISIONS_MAX)
        return 0;
    struct lg__decision *decision = &lg__campaign->decisions[number];
    uint32_t chosen =
        number < lg__campaign->plan.prefix && decision->chosen < options ? decision->chosen : 0;
    *decision = (struct lg__decision){chosen, (uint16_t)options, is_preemption};
    return chosen;
}

static uint32_t choose(uint32_t options, bool is_preemption)
{
    return lg__campaign->plan.is_drawn ? draw(options, is_preemption)
                                       : follow(options, is_preemption);
}

uint32_t lg__bounded_choose(uint32_t count)
{
    return count > 1 ? choose(count, false) : 0;
}

/* The thread itself, if it can go on, moved to the front. */
static bool bring_forward(const struct lg__thread *self, struct lg__thread **candidates,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i] != self)
            continue;
        for (; i; i--)
            candidates[i] = candidates[i - 1];
        candidates[0] = (struct lg__thread *)(uintptr_t)self;
        return true;
    }
    return false;
}

struct lg__thread *lg__bounded_pick(struct lg__thread *self, struct lg__thread **candidates,
                                    uint32_t count)
{
    bool can_stay = !self->is_yielding && bring_forward(self, candidates, count);
    if (can_stay && (!state.left || !lg__strategy_may_depart(self)))
        return candidates[0];
    state.turns += can_stay;
    uint32_t chosen = choose(count, can_stay);
    state.left -= can_stay && chosen;
    return candidates[chosen];
}
