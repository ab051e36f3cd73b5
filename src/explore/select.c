/* From the journal to the story.  A long journal is mostly about other things: what is kept is at the bytes that the
 * failure or a preemption is about, or near one of them, and then the end, as much as there is room for. */
#include "explore/story.h"

#include <stdlib.h>

#define FACTS_MAX       64
#define PREEMPTIONS_MAX 16
#define NEAR            24 /* entries of a thread before it is preempted, or fails */
#define ABOUT           6  /* of them those whose bytes matter */

struct facts {
    uint32_t count;
    uint64_t begins[FACTS_MAX];
    uint64_t ends[FACTS_MAX];
};

static void add_fact(struct facts *facts, uint64_t address, uint64_t size)
{
    if (!address || facts->count == FACTS_MAX)
        return;
    facts->begins[facts->count] = address;
    facts->ends[facts->count++] = address + (size ? size : 1);
}

static bool is_about(const struct facts *facts, const struct lg__entry *entry)
{
    uint64_t end = entry->address + (entry->size ? entry->size : 1);
    for (uint32_t i = 0; i < facts->count; i++)
        if (entry->address < facts->ends[i] && facts->begins[i] < end)
            return true;
    return false;
}

/* The last entries of a thread up to a place: they are kept, and the very last are what it is about. */
static void take_last(uint32_t thread, uint32_t place, struct facts *facts, uint8_t *is_kept)
{
    uint32_t seen = 0;
    for (uint32_t i = place + 1; i-- > 0 && seen < NEAR;) {
        const struct lg__entry *entry = lg__journal_at(i);
        if (entry->thread != thread)
            continue;
        is_kept[i] = 1;
        if (seen++ < ABOUT && entry->event != LG__EVENT_CREATE)
            add_fact(facts, entry->address, entry->size);
    }
}

/* The last entry before a switch; the count of entries: none. */
static uint32_t find_before(uint32_t turn, uint32_t count)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lg__journal_at(middle)->turn <= turn)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : count;
}

static void take_preemptions(const struct lg__story *story, uint32_t count, struct facts *facts,
                             uint8_t *is_kept)
{
    uint32_t taken = 0;
    for (uint32_t turn = story->switch_count; turn-- > 0 && taken < PREEMPTIONS_MAX;) {
        const struct lg__switch *record = &story->switches[turn];
        if (record->kind != LG__SWITCH_PREEMPT)
            continue;
        taken++;
        add_fact(facts, record->address, 1);
        uint32_t place = find_before(turn, count);
        if (place < count)
            take_last(record->from, place, facts, is_kept);
    }
}

static void take_ends(uint32_t count, struct facts *facts, uint8_t *is_kept)
{
    for (uint32_t i = count; i-- > 0 && i + NEAR > count;) {
        const struct lg__entry *entry = lg__journal_at(i);
        if (entry->state == LG__ENTRY_FAILED || entry->state == LG__ENTRY_PENDING ||
            entry->state == LG__ENTRY_BLOCKED)
            take_last(entry->thread, i, facts, is_kept);
    }
}

/* Marks what is kept, at most so many, the later ones first. */
static void choose(const struct lg__story *story, uint32_t count, uint8_t *is_kept, uint32_t most)
{
    struct facts facts = {0};
    uint32_t kept = 0;
    take_preemptions(story, count, &facts, is_kept);
    take_ends(count, &facts, is_kept);
    for (uint32_t i = count; i-- > 0;) {
        is_kept[i] = kept < most && (is_kept[i] || is_about(&facts, lg__journal_at(i)));
        kept += is_kept[i];
    }
    for (uint32_t i = count; i-- > 0 && kept < most;) {
        kept += !is_kept[i];
        is_kept[i] = 1;
    }
}

void lg__story_select(struct lg__story *story)
{
    uint32_t count = lg__journal_count();
    uint8_t *is_kept = calloc((size_t)count + 1, 1);
    story->entries = malloc((LG__STORY_MAX + 1) * sizeof *story->entries);
    if (!is_kept || !story->entries) {
        free(is_kept);
        return;
    }
    choose(story, count, is_kept, LG__STORY_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (is_kept[i])
            story->entries[story->count++] = *lg__journal_at(i);
    free(is_kept);
}
