/* What matters in a story: the two that decide and the failure, then what was preempted and what the stuck hold,
 * then the other accesses to the same bytes, then the rest. */
#include "explore/story.h"

#include <stdlib.h>

/* ---- Who is whose rival ------------------------------------------------------------------------------ */

static bool is_only_reading(const struct lg__entry *entry)
{
    return entry->event == LG__EVENT_READ || entry->event == LG__EVENT_ATOMIC_READ;
}

/* Giving a lock back is ordered after taking it; a semaphore's unit may come from anyone. */
static bool is_comparable(const struct lg__entry *entry)
{
    switch ((enum lg__event_kind)entry->event) {
    case LG__EVENT_READ:
    case LG__EVENT_WRITE:
    case LG__EVENT_ATOMIC_READ:
    case LG__EVENT_ATOMIC_WRITE:
    case LG__EVENT_LOCK:
    case LG__EVENT_WAIT:
    case LG__EVENT_SIGNAL:
    case LG__EVENT_FREE:
        return entry->address != 0;
    case LG__EVENT_UNLOCK:
        return entry->object == LG__OBJECT_SEMAPHORE;
    default:
        return false;
    }
}

bool lg__story_are_rivals(const struct lg__entry *a, const struct lg__entry *b)
{
    uint64_t a_size = a->size ? a->size : 1, b_size = b->size ? b->size : 1;
    return a->thread != b->thread && is_comparable(a) && is_comparable(b) &&
           a->address < b->address + b_size && b->address < a->address + a_size &&
           !(is_only_reading(a) && is_only_reading(b));
}

static bool is_done(const struct lg__entry *entry)
{
    return entry->state == LG__ENTRY_DONE ||
           (entry->state == LG__ENTRY_BLOCKED && entry->event == LG__EVENT_WAIT);
}

bool lg__story_is_last(const struct lg__story *story, uint32_t place)
{
    const struct lg__entry *entry = &story->entries[place];
    if (entry->state == LG__ENTRY_PENDING)
        return true;
    if (entry->state != LG__ENTRY_BLOCKED)
        return false;
    for (uint32_t i = place + 1; i < story->count; i++)
        if (story->entries[i].thread == entry->thread &&
            story->entries[i].state != LG__ENTRY_MISSING)
            return false;
    return true;
}

/* ---- Preemptions ------------------------------------------------------------------------------------- */

static bool is_preemption(const struct lg__story *story, uint32_t turn)
{
    return story->switches[turn].kind == LG__SWITCH_PREEMPT;
}

/* The entry of what the thread of a switch was about to do: it comes later, if at all. */
static uint32_t find_put_off(const struct lg__story *story, uint32_t turn)
{
    const struct lg__switch *record = &story->switches[turn];
    for (uint32_t i = 0; i < story->count; i++) {
        const struct lg__entry *entry = &story->entries[i];
        if (entry->turn > turn && entry->thread == record->from &&
            entry->ordinal >= record->ordinal)
            return i;
    }
    return LG__NO_ENTRY;
}

/* Whether a comes before the preemption of its thread, and b while that thread is put off; or a while b's
 * thread is put off, and b is what that was about to do.  0: no; else the sooner tried, the smaller. */
static uint32_t crosses(const struct lg__story *story, uint32_t a, uint32_t b, uint32_t turn,
                        uint32_t put_off)
{
    const struct lg__entry *first = &story->entries[a], *second = &story->entries[b];
    uint32_t from = story->switches[turn].from;
    if (first->thread == from && first->turn <= turn && second->turn > turn && b < put_off)
        return 1;
    if (second->thread == from && first->turn > turn && a < put_off && b >= put_off)
        return b == put_off ? 1 : 2;
    return 0;
}

/* ---- Rivals, ranked ---------------------------------------------------------------------------------- */

/* The places where threads were put off: the preemptions of a story, the last first. */
#define PREEMPTIONS_MAX 16

struct preemptions {
    uint32_t count;
    uint32_t turns[PREEMPTIONS_MAX];
    uint32_t put_off[PREEMPTIONS_MAX];
};

static void find_preemptions(const struct lg__story *story, struct preemptions *out)
{
    out->count = 0;
    for (uint32_t turn = story->switch_count; turn-- > 0 && out->count < PREEMPTIONS_MAX;) {
        if (!is_preemption(story, turn))
            continue;
        out->turns[out->count] = turn;
        out->put_off[out->count++] = find_put_off(story, turn);
    }
}

#define TIER_SHIFT 28

static bool is_data(const struct lg__entry *entry)
{
    return entry->size != 0;
}

static bool is_at(const struct lg__entry *entry, uint64_t address)
{
    return address >= entry->address && address - entry->address < (entry->size ? entry->size : 1);
}

/* 0: the second is the failure itself; then what crosses a preemption; 3: the rest. */
static uint32_t tier_of(const struct lg__story *story, const struct preemptions *preemptions,
                        uint32_t a, uint32_t b, bool *is_other)
{
    const struct lg__entry *second = &story->entries[b];
    bool is_stuck = story->finding == LG__FINDING_DEADLOCK ||
                    story->finding == LG__FINDING_LOST_WAKEUP ||
                    story->finding == LG__FINDING_LIVELOCK;
    *is_other = true;
    if (second->state == LG__ENTRY_FAILED || (is_stuck && lg__story_is_last(story, b)))
        return 0;
    for (uint32_t i = 0; i < preemptions->count; i++) {
        uint32_t cross = crosses(story, a, b, preemptions->turns[i], preemptions->put_off[i]);
        if (!cross)
            continue;
        *is_other = !is_at(&story->entries[a], story->switches[preemptions->turns[i]].address);
        return cross;
    }
    return 3;
}

/* By what is known: the failure itself; data before locks; what crosses a preemption; what the thread was
 * preempted before; then those that are nearest to each other, or else to the end. */
static uint32_t rank_of(const struct lg__story *story, const struct preemptions *preemptions,
                        uint32_t a, uint32_t b)
{
    bool is_other;
    uint32_t tier = tier_of(story, preemptions, a, b, &is_other);
    uint32_t distance = tier == 1 || tier == 2 ? b - a : story->count - b;
    bool has_data = is_data(&story->entries[a]) && is_data(&story->entries[b]);
    if (tier && !has_data)
        tier += 3;
    return tier << TIER_SHIFT | (uint32_t)is_other << 27 | distance;
}

bool lg__story_is_about_failure(const struct lg__rivals *rivals)
{
    return rivals->rank >> TIER_SHIFT == 0;
}

static int compare(const void *a, const void *b)
{
    uint32_t first = ((const struct lg__rivals *)a)->rank;
    uint32_t second = ((const struct lg__rivals *)b)->rank;
    return first < second ? -1 : first > second;
}

/* The nearest rival of the entry before it, of each thread that has one nearer than all its others. */
static uint32_t add_rivals_of(const struct lg__story *story, const struct preemptions *preemptions,
                              uint32_t place, struct lg__rivals *out, uint32_t count, uint32_t most)
{
    uint32_t seen[8], seen_count = 0;
    for (uint32_t i = place; i-- > 0 && seen_count < 8 && count < most;) {
        const struct lg__entry *entry = &story->entries[i];
        if (!is_done(entry) || !lg__story_are_rivals(entry, &story->entries[place]))
            continue;
        bool was_seen = false;
        for (uint32_t k = 0; k < seen_count; k++)
            was_seen = was_seen || seen[k] == entry->thread;
        if (was_seen)
            continue;
        seen[seen_count++] = entry->thread;
        out[count++] = (struct lg__rivals){i, place, rank_of(story, preemptions, i, place)};
    }
    return count;
}

uint32_t lg__story_find_rivals(const struct lg__story *story, struct lg__rivals *out, uint32_t most)
{
    struct preemptions preemptions;
    uint32_t count = 0;
    find_preemptions(story, &preemptions);
    /* From the end, because that is nearest to the failure if there are too many. */
    for (uint32_t i = story->count; i-- > 0 && count < most;)
        if (is_done(&story->entries[i]) || story->entries[i].state == LG__ENTRY_FAILED ||
            lg__story_is_last(story, i))
            count = add_rivals_of(story, &preemptions, i, out, count, most);
    qsort(out, count, sizeof *out, compare);
    return count;
}

/* ---- Weights ----------------------------------------------------------------------------------------- */

#define FACTS_MAX 32 /* addresses that matter */
#define ROUTINE   6  /* the weight of threads that come and go */

struct facts {
    uint32_t count;
    uint64_t begins[FACTS_MAX];
    uint64_t ends[FACTS_MAX];
};

static void add_fact(struct facts *facts, const struct lg__entry *entry)
{
    if (!entry->address || entry->event == LG__EVENT_CREATE || facts->count == FACTS_MAX)
        return;
    facts->begins[facts->count] = entry->address;
    facts->ends[facts->count++] = entry->address + (entry->size ? entry->size : 1);
}

static bool is_about(const struct facts *facts, const struct lg__entry *entry)
{
    uint64_t end = entry->address + (entry->size ? entry->size : 1);
    for (uint32_t i = 0; i < facts->count; i++)
        if (entry->address < facts->ends[i] && facts->begins[i] < end)
            return true;
    return false;
}

static bool is_held_at_end(const struct lg__story *story, const struct lg__entry *entry)
{
    for (uint32_t i = story->count; i-- > 0;) {
        const struct lg__entry *last = &story->entries[i];
        if (last->thread != entry->thread)
            continue;
        for (uint32_t k = 0; k < last->held_count; k++)
            if (last->held[k].address == entry->address && last->held[k].ordinal == entry->ordinal)
                return true;
        return false;
    }
    return false;
}

static bool is_pair(const struct lg__story *story, uint32_t place)
{
    return place == story->pair[0] || place == story->pair[1];
}

static uint8_t weigh_routine(const struct lg__entry *entry)
{
    switch ((enum lg__event_kind)entry->event) {
    case LG__EVENT_CREATE:
    case LG__EVENT_BEGIN:
    case LG__EVENT_JOIN:
    case LG__EVENT_END:
    case LG__EVENT_YIELD:
    case LG__EVENT_EXIT:
        return ROUTINE;
    default:
        return 5;
    }
}

static void weigh_one(const struct lg__story *story, const struct facts *facts, uint32_t place,
                      uint8_t *out)
{
    const struct lg__entry *entry = &story->entries[place];
    /* Who waits for a thread's end is stuck because of others, unless it has what they want. */
    bool is_stuck_last = entry->state == LG__ENTRY_BLOCKED && lg__story_is_last(story, place) &&
                         (entry->event != LG__EVENT_JOIN || entry->held_count);
    if (is_pair(story, place) || entry->state == LG__ENTRY_FAILED || is_stuck_last)
        *out = 0;
    else if (entry->event == LG__EVENT_LOCK && is_held_at_end(story, entry))
        *out = 1;
    else if (is_comparable(entry) && is_about(facts, entry))
        *out = is_only_reading(entry) ? 3 : 2;
    else
        *out = weigh_routine(entry);
}

void lg__story_weigh(const struct lg__story *story, uint8_t *out)
{
    struct facts facts = {0};
    struct preemptions preemptions;
    find_preemptions(story, &preemptions);
    for (uint32_t i = 0; i < 2; i++)
        if (story->pair[i] != LG__NO_ENTRY)
            add_fact(&facts, &story->entries[story->pair[i]]);
    for (uint32_t i = 0; i < preemptions.count; i++)
        if (preemptions.put_off[i] != LG__NO_ENTRY)
            add_fact(&facts, &story->entries[preemptions.put_off[i]]);
    for (uint32_t i = 0; i < story->count; i++)
        weigh_one(story, &facts, i, &out[i]);
    for (uint32_t i = 0; i < preemptions.count; i++)
        if (preemptions.put_off[i] != LG__NO_ENTRY && out[preemptions.put_off[i]] > 1 &&
            out[preemptions.put_off[i]] < ROUTINE)
            out[preemptions.put_off[i]] = 1;
}
