/* Reads-from: what a read gets is wished for, over POS.
 *
 * One or two pairs of a place that writes and one that reads are drawn for the schedule.  To avoid a pair, the
 * write is put off and the read preferred from the start, until the write was made; then the read is put off
 * until somebody else has written.  To have it, the read is put off until the write was made, and comes next.
 * A wish that cannot be met costs nothing: who is put off runs when nobody else can.
 * Source: the idea is Wolff, Shi, Duck, Mathur and Roychoudhury's, "Greybox Fuzzing for Concurrency Testing",
 * 2024; the automaton is ours. */
#include "explore/strategy.h"
#include "explore/together.h"

enum { PUT_OFF = -1, NORMAL = 0, PREFERRED = 1 };

LG__TOGETHER static struct {
    bool was_written; /* the write of the pair was the last to the variable */
    bool is_met;      /* a wanted pair: has been read */
} states[LG__PAIRS_MAX];

static bool is_write(const struct lg__thread *thread)
{
    enum lg__event_kind kind = thread->pending;
    return kind == LG__EVENT_WRITE || kind == LG__EVENT_ATOMIC_WRITE || kind == LG__EVENT_UNLOCK ||
           kind == LG__EVENT_FREE;
}

/* Reads are also what reads and writes at once, and the taking of a lock. */
static bool is_read(const struct lg__thread *thread)
{
    return !is_write(thread) || thread->pending == LG__EVENT_ATOMIC_WRITE;
}

static bool is_at(const struct lg__thread *thread, uint64_t site)
{
    return thread->pending != LG__EVENT_NONE && thread->pending_site == site;
}

static int band_to_avoid(const struct lg__thread *thread, const struct lg__pair *pair,
                         bool was_written)
{
    if (!was_written) {
        if (is_at(thread, pair->write_site) && is_write(thread))
            return PUT_OFF;
        return is_at(thread, pair->read_site) && is_read(thread) ? PREFERRED : NORMAL;
    }
    if (is_at(thread, pair->read_site) && is_read(thread))
        return PUT_OFF;
    return is_write(thread) && thread->pending_var == pair->var ? PREFERRED : NORMAL;
}

static int band_to_have(const struct lg__thread *thread, const struct lg__pair *pair,
                        bool was_written)
{
    if (!was_written) {
        if (is_at(thread, pair->read_site) && is_read(thread))
            return PUT_OFF;
        return is_at(thread, pair->write_site) && is_write(thread) ? PREFERRED : NORMAL;
    }
    if (is_at(thread, pair->read_site) && is_read(thread))
        return PREFERRED;
    return is_write(thread) && thread->pending_var == pair->var ? PUT_OFF : NORMAL;
}

static int band_of(const struct lg__thread *thread)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    int band = thread->is_yielding ? PUT_OFF : NORMAL;
    for (uint32_t i = 0; i < plan->pair_count; i++) {
        const struct lg__pair *pair = &plan->pairs[i];
        if (states[i].is_met)
            continue;
        band += pair->is_wanted ? band_to_have(thread, pair, states[i].was_written)
                                : band_to_avoid(thread, pair, states[i].was_written);
    }
    return band;
}

static void note(const struct lg__thread *next)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    for (uint32_t i = 0; i < plan->pair_count; i++) {
        const struct lg__pair *pair = &plan->pairs[i];
        if (next->pending_var != pair->var)
            continue;
        if (pair->is_wanted && states[i].was_written && is_at(next, pair->read_site))
            states[i].is_met = true;
        if (is_write(next))
            states[i].was_written = is_at(next, pair->write_site);
    }
}

/* Those of the highest band, moved to the front. */
static uint32_t keep_best(struct lg__thread **candidates, uint32_t count)
{
    int best = -2 * LG__PAIRS_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        int band = band_of(candidates[i]);
        if (band > best) {
            best = band;
            kept = 0;
        }
        if (band < best)
            continue;
        struct lg__thread *thread = candidates[i];
        candidates[i] = candidates[kept];
        candidates[kept++] = thread;
    }
    return kept;
}

struct lg__thread *lg__reads_pick(struct lg__thread *self, struct lg__thread **candidates,
                                  uint32_t count)
{
    if (self->is_yielding)
        self->priority = 0;
    struct lg__thread *next = lg__strategy_highest(candidates, keep_best(candidates, count));
    for (uint32_t i = 0; i < count; i++)
        if (candidates[i] != next && lg__strategy_are_racing(candidates[i], next))
            candidates[i]->priority = 0;
    next->priority = 0;
    note(next);
    return next;
}
