/* Replay: go by a list of switches.
 *
 * A record is known by its thread and that thread's own event number, so the lists of the threads are
 * followed independently.  Where the list says nothing, a thread goes on; if it cannot, the first one that
 * can in the order of creation does.  A strict replay (the user's) ends at the first event that is not
 * what the record says; a lax one (the shrinker's) passes over records that do not fit.
 *
 * A plan may want two events the other way round (struct lg__flip): the one thread stands before its event, and
 * is no candidate, until the other has done its own; if that one cannot get there without it, it goes on. */
#include "explore/strategy.h"
#include "explore/together.h"
#include "explore/verdict.h"

/* By thread index: its next record, as index + 1; 0: none.  `next_of` links the records of a thread. */
LG__TOGETHER static uint32_t *next_record;
LG__TOGETHER static uint32_t *next_of;

void lg__replay_begin(void)
{
    uint32_t count = lg__campaign->plan.replay_count;
    next_record = lg__run_allocate(LG__NAMES_MAX * sizeof *next_record);
    next_of = lg__run_allocate(((size_t)count + 1) * sizeof *next_of);
    for (uint32_t i = count; i-- > 0;) {
        uint32_t from = lg__campaign->replay[i].from;
        next_of[i] = next_record[from];
        next_record[from] = i + 1;
    }
}

static struct lg__switch *record_of(const struct lg__thread *thread)
{
    uint32_t place = next_record[thread->index];
    return place ? &lg__campaign->replay[place - 1] : NULL;
}

static void advance(const struct lg__thread *thread)
{
    next_record[thread->index] = next_of[next_record[thread->index] - 1];
}

/* The thread's record for this event; records of events that are gone are dropped. */
static struct lg__switch *record_here(const struct lg__thread *thread, bool is_choice)
{
    struct lg__switch *record = record_of(thread);
    while (record && record->ordinal < thread->events) {
        if (lg__campaign->plan.is_strict)
            lg__verdict_diverged(thread, record, "it passed that event without a decision");
        advance(thread);
        record = record_of(thread);
    }
    if (!record || record->ordinal != thread->events)
        return NULL;
    if ((record->kind == LG__SWITCH_CHOICE) != is_choice)
        return NULL;
    return record;
}

static void check(const struct lg__thread *thread, const struct lg__switch *record)
{
    if (!lg__campaign->plan.is_strict)
        return;
    if (record->event != thread->pending)
        lg__verdict_diverged(thread, record, "it is about to do something else");
    if (record->site && record->site != thread->pending_site)
        lg__verdict_diverged(thread, record, "it is at another place in the program");
    if (record->address && record->address != thread->pending_address)
        lg__verdict_diverged(thread, record, "it is about to touch another address");
}

static struct lg__thread *find(struct lg__thread **threads, uint32_t count, uint32_t index)
{
    for (uint32_t i = 0; i < count; i++)
        if (threads[i]->index == index)
            return threads[i];
    return NULL;
}

/* A wait with a deadline may be recorded as timed out early; and what counts as a change depends on what was
 * learned of memory, which may be less here. */
static struct lg__thread *find_waiting(uint32_t index)
{
    struct lg__thread *thread = find(lg__run.live, lg__run.live_count, index);
    bool may_go_on =
        thread && (thread->wait.deadline != LG__NEVER || thread->wait.kind == LG__WAIT_CHANGE);
    return may_go_on ? thread : NULL;
}

/* ---- Two events the other way round ------------------------------------------------------------------ */

/* Who waits on a condition, a barrier or a futex has done what it was to do: it waits. */
static bool has_come(const struct lg__thread *thread, uint64_t ordinal)
{
    enum lg__wait_kind kind = thread->wait.kind;
    if (thread->events != ordinal)
        return thread->events > ordinal || thread->state == LG__THREAD_ENDED;
    return thread->state == LG__THREAD_BLOCKED &&
           (kind == LG__WAIT_SIGNAL || kind == LG__WAIT_TURN || kind == LG__WAIT_WORD);
}

static bool must_hold(const struct lg__thread *thread)
{
    const struct lg__flip *flip = &lg__campaign->plan.flip;
    return flip->is_wanted && thread->index == flip->held && thread->events >= flip->held_at &&
           !has_come(&lg__run.threads[flip->first], flip->first_at);
}

/* Take who stands back out of the candidates.  Returns how many are left. */
static uint32_t hold_back(struct lg__thread **candidates, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!must_hold(candidates[i]))
            candidates[kept++] = candidates[i];
    if (kept)
        return kept;
    lg__campaign->plan.flip.is_wanted = false;
    return count;
}

/* Who goes on now that the event is done, if that is to be so. */
static struct lg__thread *pick_held(const struct lg__thread *self, struct lg__thread **candidates,
                                    uint32_t count)
{
    struct lg__flip *flip = &lg__campaign->plan.flip;
    if (!flip->is_wanted || !flip->is_tight || self->index != flip->first ||
        !has_come(self, flip->first_at))
        return NULL;
    flip->is_wanted = false;
    struct lg__thread *held = find(candidates, count, flip->held);
    return held && held->events >= flip->held_at ? held : NULL;
}

struct lg__thread *lg__replay_pick(struct lg__thread *self, struct lg__thread **candidates,
                                   uint32_t count)
{
    struct lg__thread *held = pick_held(self, candidates, count);
    if (held)
        return held;
    uint32_t kept = hold_back(candidates, count);
    struct lg__thread *first = find(candidates, kept, lg__campaign->plan.flip.first);
    if (kept < count && first)
        return first;
    count = kept;
    struct lg__switch *record = record_here(self, false);
    if (record) {
        check(self, record);
        struct lg__thread *next = find(candidates, count, record->to);
        if (!next)
            next = find_waiting(record->to);
        if (!next && lg__campaign->plan.is_strict)
            lg__verdict_diverged(self, record, "the thread that comes next cannot go on");
        advance(self);
        record->was_used = next != NULL;
        if (next)
            return next;
    }
    struct lg__thread *same = find(candidates, count, self->index);
    return same ? same : candidates[0];
}

/* Whether the record is of a thread that went round in a loop and then waited for a change.  The wait is an
 * event of its own, behind the read. */
static bool is_spin(const struct lg__switch *record)
{
    return record->kind == LG__SWITCH_FREE && record->event == LG__EVENT_READ;
}

bool lg__replay_knows(const struct lg__thread *self)
{
    return lg__campaign->plan.strategy == LG__STRATEGY_REPLAY && lg__campaign->plan.is_strict &&
           record_of(self);
}

bool lg__replay_spins(const struct lg__thread *self)
{
    const struct lg__switch *record = record_of(self);
    return is_spin(record) && record->ordinal == self->events + 1;
}

uint64_t lg__replay_stop(const struct lg__thread *thread, uint64_t fair)
{
    const struct lg__switch *record = record_of(thread);
    const struct lg__flip *flip = &lg__campaign->plan.flip;
    if (record && record->ordinal > thread->events) {
        uint64_t stop = record->ordinal - (is_spin(record) && record->ordinal - 1 > thread->events);
        fair = stop < fair ? stop : fair;
    }
    if (flip->is_wanted && thread->index == flip->held && flip->held_at > thread->events &&
        flip->held_at < fair)
        fair = flip->held_at;
    if (flip->is_wanted && flip->is_tight && thread->index == flip->first &&
        flip->first_at >= thread->events && flip->first_at < fair)
        fair = flip->first_at + 1;
    return fair;
}

uint32_t lg__replay_choose_waiter(struct lg__thread *self, struct lg__thread **waiters,
                                  uint32_t count)
{
    struct lg__switch *record = record_here(self, true);
    if (!record)
        return 0;
    advance(self);
    for (uint32_t i = 0; i < count; i++) {
        if (waiters[i]->index == record->to) {
            record->was_used = true;
            return i;
        }
    }
    return 0;
}

bool lg__replay_leaps(struct lg__thread *self)
{
    struct lg__switch *record = record_here(self, true);
    if (!record)
        return false;
    advance(self);
    record->was_used = true;
    return true;
}
