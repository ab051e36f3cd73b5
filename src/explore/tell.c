/* The story on the wire: of its entries those that matter most, in order. */
#include "explore/campaign.h"
#include "explore/story.h"
#include "explore/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX    200 /* entries that are said */
#define ROUTINE_RANK 6

static const char *const states[LG__ENTRY_STATES] = {
    [LG__ENTRY_DONE] = "done",           [LG__ENTRY_BLOCKED] = "blocked",
    [LG__ENTRY_TIMED_OUT] = "timed-out", [LG__ENTRY_PENDING] = "pending",
    [LG__ENTRY_FAILED] = "failed",       [LG__ENTRY_MISSING] = "missing",
};

/* ---- One step ---------------------------------------------------------------------------------------- */

static void write_value(bool is_known, const uint8_t *value, uint64_t size, char *out)
{
    uint64_t count = size < LG__ENTRY_VALUE ? size : LG__ENTRY_VALUE;
    strcpy(out, "-");
    for (uint64_t i = 0; is_known && i < count; i++)
        snprintf(out + 2 * i, 3, "%02x", value[i]);
}

static const char *object_of(const struct lg__entry *entry)
{
    static const char *const names[] = {[LG__OBJECT_NONE] = "-",
                                        [LG__OBJECT_MUTEX] = "mutex",
                                        [LG__OBJECT_SPIN] = "spin-lock",
                                        [LG__OBJECT_RWLOCK] = "rwlock",
                                        [LG__OBJECT_CONDITION] = "condition",
                                        [LG__OBJECT_SEMAPHORE] = "semaphore",
                                        [LG__OBJECT_BARRIER] = "barrier",
                                        [LG__OBJECT_ONCE] = "once",
                                        [LG__OBJECT_WORD] = "futex",
                                        [LG__OBJECT_STREAM] = "stream"};
    if (entry->is_range)
        return "bytes";
    bool is_known = entry->object < sizeof names / sizeof *names && names[entry->object];
    return is_known ? names[entry->object] : "object";
}

/* How the turn ended in which the thread of an entry was: what it stood before, or how it waits. */
static const char *end_of_turn(const struct lg__story *story, const struct lg__entry *entry)
{
    uint32_t turn = entry->turn;
    while (turn < story->switch_count && story->switches[turn].kind == LG__SWITCH_CHOICE)
        turn++;
    if (turn >= story->switch_count)
        return "over";
    if (story->switches[turn].kind == LG__SWITCH_PREEMPT)
        return "preempted";
    return story->switches[turn].event == LG__EVENT_END ? "ended" : "waits";
}

static const char *mark_of(const struct lg__story *story, uint32_t place)
{
    return place == story->pair[0] ? "1" : place == story->pair[1] ? "2" : "0";
}

static void say_step(const struct lg__story *story, uint32_t place, unsigned rank,
                     const struct lg__entry *previous)
{
    const struct lg__entry *entry = &story->entries[place];
    char name[64], other[64] = "-", before[2 * LG__ENTRY_VALUE + 1], after[2 * LG__ENTRY_VALUE + 1],
                   locks[LG__ENTRY_HELD * 48 + LG__ENTRY_CALLS * 24 + 1] = "";
    size_t used = 0;
    lg__name_write(entry->thread, name, sizeof name);
    if (entry->other)
        lg__name_write(entry->other - 1, other, sizeof other);
    write_value(entry->has_before, entry->before, entry->size, before);
    write_value(entry->has_after, entry->after, entry->size, after);
    for (uint32_t i = 0; i < LG__ENTRY_CALLS; i++)
        used += (size_t)snprintf(locks + used, sizeof locks - used, " %" PRIx64, entry->calls[i]);
    for (uint32_t i = 0; i < entry->held_count; i++)
        used += (size_t)snprintf(locks + used, sizeof locks - used, " %" PRIx64 " %" PRIx64,
                                 entry->held[i].address, entry->held[i].site);
    bool is_turn = previous && previous->thread != entry->thread;
    lg__wire_say("step %s %s %s %u %s %s %" PRIx64 " %" PRIx64 " %" PRIu64 " %s %s %s %s %" PRIx64
                 " %" PRIu64 " %" PRIx64 "%s",
                 name, lg__event_name((enum lg__event_kind)entry->event), states[entry->state],
                 rank, mark_of(story, place), is_turn ? end_of_turn(story, previous) : "-",
                 entry->site, entry->address, entry->size, before, after, object_of(entry), other,
                 entry->block, entry->block_size, entry->block_site, locks);
}

/* The highest rank of which all entries can be said. */
static uint8_t rank_limit(const struct lg__story *story, const uint8_t *ranks)
{
    uint32_t counts[ROUTINE_RANK + 1] = {0}, total = 0;
    uint8_t rank = 0;
    for (uint32_t i = 0; i < story->count; i++)
        counts[ranks[i] <= ROUTINE_RANK ? ranks[i] : ROUTINE_RANK]++;
    while (rank <= ROUTINE_RANK && (total += counts[rank]) <= STEPS_MAX)
        rank++;
    return rank;
}

/* Of a rank that is too many those that are nearest to what decides. */
static uint32_t distance_limit(const struct lg__story *story, const uint8_t *ranks, uint8_t limit)
{
    uint32_t said = 0, centre = story->pair[1] < story->count ? story->pair[1] : story->count - 1;
    for (uint32_t i = 0; i < story->count; i++)
        said += ranks[i] < limit;
    uint32_t distance = 0;
    for (; distance < story->count && said < STEPS_MAX; distance++) {
        uint32_t after = centre + distance, before = centre - distance;
        said += after < story->count && ranks[after] == limit;
        said += distance && distance <= centre && ranks[before] == limit;
    }
    return distance;
}

static void say_steps(const struct lg__story *story, const uint8_t *ranks)
{
    uint8_t limit = rank_limit(story, ranks);
    uint32_t distance = distance_limit(story, ranks, limit);
    uint32_t centre = story->pair[1] < story->count ? story->pair[1] : story->count - 1;
    const struct lg__entry *previous = NULL;
    for (uint32_t i = 0; i < story->count; i++) {
        uint32_t far = i < centre ? centre - i : i - centre;
        if (ranks[i] > limit || (ranks[i] == limit && far >= distance))
            continue;
        say_step(story, i, ranks[i], previous);
        previous = &story->entries[i];
    }
}

/* The functions that threads began with, as far as their creation is in the journal. */
static void say_lanes(const struct lg__story *story)
{
    for (uint32_t i = 0; i < story->count; i++) {
        const struct lg__entry *entry = &story->entries[i];
        char name[64];
        if (entry->event != LG__EVENT_CREATE || entry->state != LG__ENTRY_DONE || !entry->other)
            continue;
        lg__name_write(entry->other - 1, name, sizeof name);
        lg__wire_say("lane %s %" PRIx64, name, entry->address);
    }
}

/* What the program calls its threads, in hexadecimal: it may be anything. */
static void say_names(const struct lg__story *story)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < story->count; i++)
        last = story->entries[i].thread > last ? story->entries[i].thread : last;
    for (uint32_t thread = 0; thread <= last; thread++) {
        const char *label = lg__journal_name_of(thread);
        char name[64], text[64] = "";
        if (!*label)
            continue;
        lg__name_write(thread, name, sizeof name);
        for (size_t i = 0; label[i]; i++)
            snprintf(text + 2 * i, 3, "%02x", (unsigned char)label[i]);
        lg__wire_say("named %s %s", name, text);
    }
}

static void say_preemptions(const struct lg__story *story)
{
    for (uint32_t i = 0; i < story->switch_count && i < 64; i++) {
        const struct lg__switch *record = &story->switches[i];
        char name[64];
        if (record->kind != LG__SWITCH_PREEMPT)
            continue;
        lg__name_write(record->from, name, sizeof name);
        lg__wire_say("preempt %s %s %" PRIx64 " %" PRIx64, name,
                     lg__event_name((enum lg__event_kind)record->event), record->site,
                     record->address);
    }
}

void lg__story_say(const struct lg__story *story)
{
    static const char *const kinds[] = {[LG__PAIR_NONE] = "none",
                                        [LG__PAIR_ORDER] = "order",
                                        [LG__PAIR_ABSENT] = "absent",
                                        [LG__PAIR_RACE] = "race"};
    uint8_t *ranks = story->count ? calloc(story->count, 1) : NULL;
    if (!ranks)
        return;
    lg__story_weigh(story, ranks);
    lg__wire_say("decides %s %u", kinds[story->kind], story->tried);
    say_lanes(story);
    say_names(story);
    say_preemptions(story);
    say_steps(story, ranks);
    free(ranks);
}
