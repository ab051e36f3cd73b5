#include "explore/tally.h"

#include "explore/shared.h"

struct lg__tally *lg__tally;

#define COUNTS (1u << LG__COUNTS_BITS)
#define PLACES (1u << LG__PLACES_BITS)

bool lg__tally_reserve(void)
{
    lg__tally = lg__shared_allocate(sizeof *lg__tally);
    return lg__tally != NULL;
}

static uint32_t hash(uint64_t value, uint32_t bits)
{
    return (uint32_t)(value * 0x9e3779b97f4a7c15u >> (64 - bits));
}

/* NULL: there is none, and no room for one more, or it is not to be made. */
static struct lg__count *find_count(uint32_t var, uint32_t thread, bool must_make)
{
    struct lg__tally *tally = lg__tally;
    uint32_t at = hash((uint64_t)var << 32 | thread, LG__COUNTS_BITS);
    for (; tally->count_table[at]; at = (at + 1) % COUNTS) {
        struct lg__count *count = &tally->counts[tally->count_table[at] - 1];
        if (count->thread == thread && count->var == var)
            return count;
    }
    if (!must_make || tally->count_used == LG__COUNTS_MAX)
        return NULL;
    struct lg__count *made = &tally->counts[tally->count_used++];
    *made = (struct lg__count){.var = var, .thread = thread};
    tally->count_table[at] = tally->count_used;
    return made;
}

/* The count for a run, from none.  NULL: there is no room. */
static struct lg__count *begin_count(uint32_t var, uint32_t thread)
{
    struct lg__count *count = find_count(var, thread, true);
    if (count && count->run != lg__campaign->plan.number) {
        count->run = lg__campaign->plan.number;
        count->now = 0;
    }
    return count;
}

static void add_one(struct lg__count *count)
{
    if (count && ++count->now > count->most)
        count->most = count->now;
}

static void note_place(const struct lg__thread *thread, uint64_t key, bool is_write)
{
    struct lg__tally *tally = lg__tally;
    uint64_t site = thread->pending_site;
    uint32_t var = thread->pending_var;
    uint32_t at = hash(key, LG__PLACES_BITS);
    for (; tally->place_table[at]; at = (at + 1) % PLACES) {
        struct lg__place *place = &tally->places[tally->place_table[at] - 1];
        if (place->site != site || place->var != var || place->is_write != is_write)
            continue;
        place->has_many |= place->thread != thread->index;
        return;
    }
    if (tally->place_used == LG__PLACES_MAX || !site)
        return;
    tally->places[tally->place_used++] =
        (struct lg__place){.site = site, .var = var, .thread = thread->index, .is_write = is_write};
    tally->place_table[at] = tally->place_used;
}

/* A thread notes a place once, as long as it remembers that it has. */
static void pass_place(struct lg__thread *thread, bool is_write)
{
    uint64_t key =
        thread->pending_site ^ (uint64_t)thread->pending_var << 40 ^ (uint64_t)is_write << 63;
    uint64_t *seen =
        &thread->places_seen[(thread->pending_site >> 2 ^ thread->pending_var) % LG__PLACES_SEEN];
    if (*seen == key)
        return;
    *seen = key;
    note_place(thread, key, is_write);
}

void lg__tally_event(struct lg__thread *thread)
{
    enum lg__event_kind kind = thread->pending;
    uint32_t var = thread->pending_var;
    if (!thread->count)
        thread->count = begin_count(0, thread->index);
    add_one(thread->count);
    if (!var)
        return;
    if (thread->counted_var != var) {
        thread->counted_var = var;
        thread->count_at = begin_count(var, thread->index);
    }
    add_one(thread->count_at);
    bool is_write = kind == LG__EVENT_WRITE || kind == LG__EVENT_ATOMIC_WRITE ||
                    kind == LG__EVENT_UNLOCK || kind == LG__EVENT_FREE;
    pass_place(thread, is_write);
    if (kind == LG__EVENT_ATOMIC_WRITE)
        pass_place(thread, false);
}

uint32_t lg__tally_of_thread(uint32_t thread)
{
    const struct lg__count *count = find_count(0, thread, false);
    return count ? count->most : 0;
}
