/* SURW: the accesses to one variable, drawn for the schedule, come in an order that is drawn uniformly from
 * all; everything else goes by random priorities that are drawn again after each event.
 *
 * At each access to the target, a thread is intended with a probability in proportion to the accesses that it
 * and its unborn children still have; the others that stand before the target are held until it has made its
 * own.  Source: Zhao, Wolff, Mathur and Roychoudhury, "Selectively Uniform Concurrency Testing", 2025. */
#include "explore/strategy.h"
#include "explore/together.h"

LG__TOGETHER static struct lg__thread *intended;

static uint32_t weight_of(const struct lg__thread *thread)
{
    return thread->remaining ? thread->remaining : 1;
}

static bool is_at_target(const struct lg__thread *thread)
{
    return thread->pending_var == lg__campaign->plan.target && thread->pending != LG__EVENT_NONE &&
           thread->pending_var;
}

void lg__surw_begin(void)
{
    lg__run.current->remaining = lg__campaign->names[0].weight;
}

void lg__surw_born(struct lg__thread *thread, struct lg__thread *parent)
{
    uint32_t weight = lg__campaign->names[thread->index].weight;
    thread->remaining = weight;
    if (intended == parent && weight && lg__run_random() % weight_of(parent) < weight)
        intended = thread;
    parent->remaining -= weight < parent->remaining ? weight : parent->remaining;
}

void lg__surw_pass(struct lg__thread *thread)
{
    if (is_at_target(thread) && thread->remaining)
        thread->remaining--;
}

static struct lg__thread *intend(struct lg__thread **candidates, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weight_of(candidates[i]);
    uint64_t drawn = lg__run_random() % sum;
    for (uint32_t i = 0; i < count; i++) {
        if (drawn < weight_of(candidates[i]))
            return candidates[i];
        drawn -= weight_of(candidates[i]);
    }
    return candidates[0];
}

static void release_all(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        lg__run.live[i]->is_held = false;
    intended = NULL;
}

/* Those that are not held, moved to the front; all of them if there are none. */
static uint32_t drop_held(struct lg__thread **candidates, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct lg__thread *thread = candidates[i];
        if (thread->is_held)
            continue;
        candidates[i] = candidates[kept];
        candidates[kept++] = thread;
    }
    if (kept)
        return kept;
    release_all();
    return count;
}

struct lg__thread *lg__surw_pick(struct lg__thread *self, struct lg__thread **candidates,
                                 uint32_t count)
{
    if (self->is_yielding) {
        self->priority = 0;
        release_all();
    }
    for (;;) {
        uint32_t free = drop_held(candidates, count);
        struct lg__thread *next = lg__strategy_highest(candidates, free);
        if (!is_at_target(next)) {
            next->priority = 0;
            return next;
        }
        if (!intended)
            intended = intend(candidates, free);
        if (next == intended) {
            lg__surw_pass(next);
            release_all();
            return next;
        }
        next->is_held = true;
    }
}
