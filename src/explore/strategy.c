/* The strategies that need no more than random numbers.
 *
 * A priority of 0 is "not drawn yet".  Sources: PCT is Burckhardt, Kothari, Musuvathi and Nagarakatte, "A
 * Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010; POS is Yuan, Yang and Gu,
 * "Partial Order Aware Concurrency Sampling", 2018. */
#include "explore/strategy.h"
#include "explore/together.h"

#define CHANGES_MAX 8 /* of priority, in PCT */
#define LEAPS_IN    8 /* decisions, one lets an alarm come early */

/* The state of the strategy, in its run. */
LG__TOGETHER static struct {
    uint64_t step; /* decisions with a choice */
    uint64_t
        changes[CHANGES_MAX]; /* PCT: steps at which the running thread falls behind all others */
    uint32_t change_count;
    uint64_t lowest; /* PCT: the next priority below all */
} state;

static uint64_t draw_priority(void)
{
    return lg__run_random() | (uint64_t)1 << 63;
}

struct lg__thread *lg__strategy_highest(struct lg__thread **candidates, uint32_t count)
{
    struct lg__thread *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!candidates[i]->priority)
            candidates[i]->priority = draw_priority();
        if (!best || candidates[i]->priority > best->priority)
            best = candidates[i];
    }
    return best;
}

static bool is_among(const struct lg__thread *thread, struct lg__thread **candidates,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (candidates[i] == thread)
            return true;
    return false;
}

/* ---- Random walk --------------------------------------------------------------------------------- */

static struct lg__thread *pick_random(struct lg__thread **candidates, uint32_t count)
{
    return candidates[lg__run_random() % count];
}

/* ---- PCT: fixed priorities, a few changes ---------------------------------------------------------- */

static void begin_pct(const struct lg__plan *plan)
{
    state.lowest = CHANGES_MAX + 1;
    state.change_count = plan->depth > 1 ? plan->depth - 1 : 0;
    if (state.change_count > CHANGES_MAX)
        state.change_count = CHANGES_MAX;
    for (uint32_t i = 0; i < state.change_count; i++)
        state.changes[i] = 1 + lg__run_random() % (plan->length ? plan->length : 1);
}

/* Below all that have fallen before: the numbers under 2^63 are for those, counted down. */
static uint64_t fall(void)
{
    return ((uint64_t)1 << 62) - ++state.lowest;
}

static struct lg__thread *pick_pct(struct lg__thread *self, struct lg__thread **candidates,
                                   uint32_t count)
{
    if (self->is_yielding)
        self->priority = fall();
    struct lg__thread *next = lg__strategy_highest(candidates, count);
    for (uint32_t i = 0; i < state.change_count; i++) {
        if (state.changes[i] != state.step)
            continue;
        next->priority = fall();
        next = lg__strategy_highest(candidates, count);
    }
    return next;
}

/* ---- POS: a number for each event, drawn again when a rival has gone first ------------------------- */

static bool is_write(enum lg__event_kind kind)
{
    return kind != LG__EVENT_READ && kind != LG__EVENT_ATOMIC_READ;
}

bool lg__strategy_are_racing(const struct lg__thread *a, const struct lg__thread *b)
{
    return a->pending_var && a->pending_var == b->pending_var &&
           (is_write(a->pending) || is_write(b->pending));
}

static struct lg__thread *pick_pos(struct lg__thread *self, struct lg__thread **candidates,
                                   uint32_t count)
{
    if (self->is_yielding)
        self->priority = 0;
    struct lg__thread *next = lg__strategy_highest(candidates, count);
    for (uint32_t i = 0; i < count; i++)
        if (candidates[i] != next && lg__strategy_are_racing(candidates[i], next))
            candidates[i]->priority = 0;
    next->priority = 0;
    return next;
}

/* ---- In order: nobody is preempted ----------------------------------------------------------------- */

static struct lg__thread *pick_in_order(struct lg__thread *self, struct lg__thread **candidates,
                                        uint32_t count)
{
    if (is_among(self, candidates, count))
        return self;
    return candidates[lg__campaign->plan.is_reversed ? count - 1 : 0];
}

/* ---- The choice of a strategy ----------------------------------------------------------------------- */

void lg__strategy_begin(void)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    if (plan->strategy == LG__STRATEGY_PCT)
        begin_pct(plan);
    if (plan->strategy == LG__STRATEGY_SURW)
        lg__surw_begin();
    if (plan->strategy == LG__STRATEGY_REPLAY)
        lg__replay_begin();
    if (plan->strategy == LG__STRATEGY_BOUNDED)
        lg__bounded_begin();
}

void lg__strategy_born(struct lg__thread *thread, struct lg__thread *parent)
{
    thread->priority = 0;
    if (lg__campaign->plan.strategy == LG__STRATEGY_SURW)
        lg__surw_born(thread, parent);
}

struct lg__thread *lg__strategy_pick(struct lg__thread *self, struct lg__thread **candidates,
                                     uint32_t count)
{
    enum lg__strategy strategy = lg__campaign->plan.strategy;
    if (strategy == LG__STRATEGY_REPLAY)
        return lg__replay_pick(self, candidates, count);
    if (count == 1) {
        if (strategy == LG__STRATEGY_SURW)
            lg__surw_pass(candidates[0]);
        return candidates[0];
    }
    state.step++;
    switch (strategy) {
    case LG__STRATEGY_PCT:
        return pick_pct(self, candidates, count);
    case LG__STRATEGY_POS:
        return pick_pos(self, candidates, count);
    case LG__STRATEGY_SURW:
        return lg__surw_pick(self, candidates, count);
    case LG__STRATEGY_RF:
        return lg__reads_pick(self, candidates, count);
    case LG__STRATEGY_PERIODS:
        return lg__periods_pick(self, candidates, count);
    case LG__STRATEGY_BOUNDED:
        return lg__bounded_pick(self, candidates, count);
    case LG__STRATEGY_ORDER:
        return pick_in_order(self, candidates, count);
    default:
        return pick_random(candidates, count);
    }
}

uint64_t lg__strategy_stop(const struct lg__thread *thread, uint64_t fair)
{
    if (lg__campaign->plan.strategy == LG__STRATEGY_REPLAY)
        return lg__replay_stop(thread, fair);
    return fair;
}

uint32_t lg__strategy_choose_waiter(struct lg__thread *self, struct lg__thread **waiters,
                                    uint32_t count)
{
    enum lg__strategy strategy = lg__campaign->plan.strategy;
    if (strategy == LG__STRATEGY_REPLAY)
        return lg__replay_choose_waiter(self, waiters, count);
    if (strategy == LG__STRATEGY_BOUNDED)
        return lg__bounded_choose(count);
    if (strategy == LG__STRATEGY_ORDER || strategy == LG__STRATEGY_PERIODS)
        return lg__campaign->plan.is_reversed ? count - 1 : 0;
    return (uint32_t)(lg__run_random() % count);
}

void lg__strategy_note_choice(const struct lg__thread *self, uint64_t address,
                              const struct lg__thread *chosen)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    if (outcome->switch_count == LG__SWITCHES_MAX) {
        outcome->has_lost_switches = true;
        return;
    }
    lg__campaign->switches[outcome->switch_count++] =
        (struct lg__switch){.ordinal = self->events,
                            .address = address,
                            .from = self->index,
                            .to = chosen->index,
                            .kind = LG__SWITCH_CHOICE,
                            .event = LG__EVENT_SIGNAL};
}

bool lg__strategy_leaps(struct lg__thread *self)
{
    bool is_replay = lg__campaign->plan.strategy == LG__STRATEGY_REPLAY;
    if (is_replay ? !lg__replay_leaps(self) : lg__run_random() % LEAPS_IN != 0)
        return false;
    lg__strategy_note_choice(self, 0, self);
    return true;
}
