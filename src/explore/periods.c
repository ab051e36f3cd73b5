/* Small periods: the first thread for so many points, then another to its end, and so on; nobody is preempted
 * otherwise.  Most errors need one or two departures from an order, and where there are few kinds of threads
 * there are few such schedules, however many threads there are.
 * Source: the idea of period enumeration is Wen and others', "Controlled Concurrency Testing via Periodical
 * Scheduling", 2022; representatives of kinds of threads and the exact points are ours. */
#include "explore/strategy.h"
#include "explore/together.h"

/* Of a loop, the first rounds are points. */
#define ROUNDS 4
#define VISITS 1024

LG__TOGETHER static struct {
    uint32_t step;   /* of the plan */
    uint32_t passed; /* points in this step */
} state;

static struct {
    uint64_t key;
    uint32_t count;
} visits[VISITS]; /* of places by threads */

/* Whether this is one of the thread's first visits to the place. */
static bool is_counted(const struct lg__thread *self)
{
    uint64_t key = self->pending_site * 0x9e3779b97f4a7c15u + self->index + 1;
    for (uint32_t i = key >> 54, tries = 0; tries < 32; i = (i + 1) % VISITS, tries++) {
        if (!visits[i].key)
            visits[i].key = key;
        if (visits[i].key == key)
            return ++visits[i].count <= ROUNDS;
    }
    return true;
}

static struct lg__thread *find(struct lg__thread **candidates, uint32_t count, uint32_t index)
{
    for (uint32_t i = 0; i < count; i++)
        if (candidates[i]->index == index)
            return candidates[i];
    return NULL;
}

static bool is_born(uint32_t index)
{
    return lg__run.threads[index].tag != 0;
}

/* Whether it is worth while to give way here.  Who waits for a lock gains nothing just before it is let go, and
 * what others can do before a thread ends they can do after. */
bool lg__strategy_may_depart(const struct lg__thread *self)
{
    return self->pending != LG__EVENT_UNLOCK && self->pending != LG__EVENT_END;
}

static bool is_over(const struct lg__thread *self, const struct lg__period *period)
{
    return state.passed >= period->points && lg__strategy_may_depart(self);
}

/* The thread that the plan wants now; NULL: none.  A step is over when its thread has passed its points, has
 * blocked, or has ended. */
static struct lg__thread *planned(const struct lg__thread *self, struct lg__thread **candidates,
                                  uint32_t count)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    for (; state.step < plan->period_count; state.step++, state.passed = 0) {
        const struct lg__period *period = &plan->periods[state.step];
        struct lg__thread *wanted = find(candidates, count, period->thread);
        if (!wanted && !is_born(period->thread))
            return NULL;
        if (!wanted || (wanted == self && (is_over(self, period) || self->is_yielding)))
            continue;
        state.passed += wanted == self && lg__strategy_may_depart(self) && is_counted(self);
        lg__campaign->outcome.passed[state.step] = state.passed;
        return wanted;
    }
    return NULL;
}

struct lg__thread *lg__periods_pick(struct lg__thread *self, struct lg__thread **candidates,
                                    uint32_t count)
{
    struct lg__thread *wanted = planned(self, candidates, count);
    if (wanted)
        return wanted;
    struct lg__thread *same = find(candidates, count, self->index);
    return same && !self->is_yielding ? same : candidates[0];
}
