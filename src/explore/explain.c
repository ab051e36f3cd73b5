/* A schedule that fails is told by what its threads do to what they share.  Which of that decides is found by
 * trying: two events that conflict are put the other way round, all else as recorded, and where the program then
 * ends well, their order is what the failure needs.  Where no such pair is, the failing thread is kept back until
 * another has ended: what that then does to the same bytes is what came too late. */
#include "explore/explain.h"

#include "explore/campaign.h"
#include "explore/search.h"
#include "explore/story.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RIVALS_MAX  4096 /* pairs that are looked at */
#define TRIES_MAX   200  /* pairs that are tried */
#define READS_MAX   6    /* of the failing thread, that may have come too soon */
#define PATIENCE_NS 2000000000u

static struct lg__story story;
static struct {
    struct lg__outcome outcome;
    struct lg__plan plan;
    uint64_t began_ns;
} kept;

/* ---- The recorded run -------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void make_plan(bool is_strict)
{
    struct lg__plan *plan = &lg__campaign->plan;
    lg__plan_make(0, 0);
    plan->strategy = LG__STRATEGY_REPLAY;
    plan->is_exit_late = kept.plan.is_exit_late;
    plan->is_time_early = kept.plan.is_time_early;
    plan->must_check_races = kept.plan.must_fail_on_race;
    plan->must_fail_on_race = is_strict && kept.plan.must_fail_on_race;
    plan->is_strict = is_strict;
    plan->must_journal = true;
    plan->must_keep_values = is_strict;
    plan->steps_max = kept.outcome.steps * 10 + 10000;
    plan->replay_count = story.switch_count;
    memcpy(lg__campaign->replay, story.switches, story.switch_count * sizeof *story.switches);
}

static bool keep(void)
{
    uint32_t count = lg__campaign->outcome.switch_count;
    kept.outcome = lg__campaign->outcome;
    kept.plan = lg__campaign->plan;
    kept.began_ns = now_ns();
    story = (struct lg__story){.finding = kept.outcome.finding,
                               .switch_count = count,
                               .pair = {LG__NO_ENTRY, LG__NO_ENTRY},
                               .switches = malloc((count + 1) * sizeof *story.switches)};
    if (story.switches)
        memcpy(story.switches, lg__campaign->switches, count * sizeof *story.switches);
    return story.switches != NULL;
}

static void give_back(void)
{
    lg__campaign->outcome = kept.outcome;
    lg__campaign->plan = kept.plan;
    memcpy(lg__campaign->switches, story.switches, story.switch_count * sizeof *story.switches);
}

static bool is_same(void)
{
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    return outcome->state == LG__OUTCOME_FOUND && outcome->finding == kept.outcome.finding &&
           outcome->signature == kept.outcome.signature;
}

/* ---- Another order ----------------------------------------------------------------------------------- */

static bool is_entry(const struct lg__entry *entry, const struct lg__entry *of)
{
    return entry->thread == of->thread && entry->ordinal == of->ordinal &&
           entry->site == of->site && entry->address == of->address &&
           (entry->state == LG__ENTRY_DONE || entry->event == LG__EVENT_WAIT);
}

/* In the run that was just made: whether b was done, and a not before it. */
static bool is_flipped(const struct lg__entry *a, const struct lg__entry *b)
{
    uint32_t count = lg__journal_count();
    for (uint32_t i = 0; i < count; i++) {
        const struct lg__entry *entry = lg__journal_at(i);
        if (is_entry(entry, a))
            return false;
        if (is_entry(entry, b))
            return true;
    }
    return false;
}

static bool is_well(void)
{
    return lg__campaign->outcome.state == LG__OUTCOME_EXITED;
}

/* Whether the lock that the one holds is one that the other had or wants. */
static bool is_lock_of(const struct lg__entry *entry, const struct lg__entry_lock *lock)
{
    for (uint32_t i = 0; i < entry->held_count; i++)
        if (entry->held[i].address == lock->address)
            return true;
    return false;
}

/* Who is to stand back must do so before the locks that the other needs to get there. */
static uint64_t place_to_hold(const struct lg__entry *a, const struct lg__entry *b)
{
    uint64_t ordinal = a->ordinal;
    for (uint32_t i = 0; i < a->held_count; i++)
        if (is_lock_of(b, &a->held[i]) && a->held[i].ordinal < ordinal)
            ordinal = a->held[i].ordinal;
    return ordinal;
}

/* Before all locks that it holds by then. */
static uint64_t place_before_locks(const struct lg__entry *entry)
{
    uint64_t ordinal = entry->ordinal;
    for (uint32_t i = 0; i < entry->held_count; i++)
        if (entry->held[i].ordinal < ordinal)
            ordinal = entry->held[i].ordinal;
    return ordinal;
}

/* With a's thread held at one of its events until b is done.  True: in a run. */
static bool try_holding(const struct lg__entry *a, const struct lg__entry *b, uint64_t held_at,
                        bool is_tight, bool *is_possible)
{
    make_plan(false);
    lg__campaign->plan.flip = (struct lg__flip){.is_wanted = true,
                                                .is_tight = is_tight,
                                                .held = a->thread,
                                                .held_at = held_at,
                                                .first = b->thread,
                                                .first_at = b->ordinal};
    story.tried++;
    if (lg__campaign_run())
        return true;
    *is_possible = is_flipped(a, b);
    return false;
}

/* True: in a run. */
static bool try_other_order(const struct lg__rivals *rivals, bool is_tight, bool *does_decide)
{
    const struct lg__entry *a = &story.entries[rivals->first], *b = &story.entries[rivals->second];
    uint64_t held_at = place_to_hold(a, b), before_locks = place_before_locks(a);
    bool is_possible = false;
    if (try_holding(a, b, held_at, is_tight, &is_possible))
        return true;
    /* The other may need a lock on its way, which it no longer has when it is there. */
    if (!is_possible && before_locks < held_at &&
        try_holding(a, b, before_locks, is_tight, &is_possible))
        return true;
    *does_decide = is_possible && is_well();
    return false;
}

static bool is_out_of_patience(void)
{
    return lg__campaign_was_stopped() || now_ns() - kept.began_ns > PATIENCE_NS;
}

/* Loosely, the thread that comes first goes on after its event as far as it can: so only for what is the failure
 * itself, and for all if nothing else was found.  True: in a run. */
static bool try_each(const struct lg__rivals *rivals, uint32_t count, bool is_loose)
{
    for (uint32_t i = 0; i < count && i < TRIES_MAX && !is_out_of_patience(); i++) {
        bool does_decide = false, is_failure = lg__story_is_about_failure(&rivals[i]);
        if (is_loose && is_failure)
            continue;
        if (try_other_order(&rivals[i], !is_loose && !is_failure, &does_decide))
            return true;
        if (!does_decide)
            continue;
        story.pair[0] = rivals[i].first;
        story.pair[1] = rivals[i].second;
        story.kind = LG__PAIR_ORDER;
        return false;
    }
    return false;
}

static bool try_rivals(void)
{
    struct lg__rivals *rivals = malloc(RIVALS_MAX * sizeof *rivals);
    uint32_t count = rivals ? lg__story_find_rivals(&story, rivals, RIVALS_MAX) : 0;
    if (try_each(rivals, count, false))
        return true;
    if (story.kind == LG__PAIR_NONE && try_each(rivals, count, true))
        return true;
    free(rivals);
    return false;
}

/* ---- What came too late ------------------------------------------------------------------------------ */

/* What another thread then did to the bytes that the failing one had looked at too soon. */
static void take_missing(uint32_t place, uint32_t thread)
{
    const struct lg__entry *soon = &story.entries[place];
    uint32_t count = lg__journal_count();
    for (uint32_t i = 0; i < count; i++) {
        const struct lg__entry *entry = lg__journal_at(i);
        if (is_entry(entry, soon))
            return;
        if (entry->thread != thread || entry->state != LG__ENTRY_DONE ||
            !lg__story_are_rivals(entry, soon))
            continue;
        story.entries[story.count] = *entry;
        story.entries[story.count].state = LG__ENTRY_MISSING;
        story.pair[0] = place;
        story.pair[1] = story.count++;
        story.kind = LG__PAIR_ABSENT;
        return;
    }
}

/* True: in a run. */
static bool try_later(uint32_t place, uint32_t thread)
{
    const struct lg__entry *soon = &story.entries[place];
    make_plan(false);
    lg__campaign->plan.must_keep_values = true;
    lg__campaign->plan.flip = (struct lg__flip){.is_wanted = true,
                                                .held = soon->thread,
                                                .held_at = place_to_hold(soon, soon),
                                                .first = thread,
                                                .first_at = UINT64_MAX};
    story.tried++;
    if (lg__campaign_run())
        return true;
    if (is_well())
        take_missing(place, thread);
    return false;
}

static bool try_others_first(uint32_t place)
{
    uint32_t self = story.entries[place].thread;
    for (uint32_t thread = 0; thread < kept.outcome.threads && thread < 8; thread++)
        if (thread != self && story.kind == LG__PAIR_NONE && !is_out_of_patience() &&
            try_later(place, thread))
            return true;
    return false;
}

/* The thread that has failed may have looked before others had done their part. */
static bool try_missing(void)
{
    uint32_t failing = LG__NO_ENTRY, reads = 0;
    for (uint32_t i = story.count; i-- > 0 && reads < READS_MAX && story.kind == LG__PAIR_NONE;) {
        const struct lg__entry *entry = &story.entries[i];
        if (entry->state == LG__ENTRY_FAILED)
            failing = entry->thread;
        if (entry->thread != failing || entry->state != LG__ENTRY_DONE || !entry->size)
            continue;
        reads++;
        if (try_others_first(i))
            return true;
    }
    return false;
}

/* ---- Data races: both orders are wrong --------------------------------------------------------------- */

static void take_race(void)
{
    for (uint32_t b = story.count; b-- > 0;) {
        if (story.entries[b].state != LG__ENTRY_FAILED)
            continue;
        for (uint32_t a = b; a-- > 0;) {
            const struct lg__entry *entry = &story.entries[a];
            if (entry->site != kept.outcome.rival_site ||
                !lg__story_are_rivals(entry, &story.entries[b]))
                continue;
            story.pair[0] = a;
            story.pair[1] = b;
            story.kind = LG__PAIR_RACE;
            return;
        }
    }
}

static bool find_pair(void)
{
    if (story.finding == LG__FINDING_RACE) {
        take_race();
        return false;
    }
    return try_rivals() || (story.kind == LG__PAIR_NONE && try_missing());
}

bool lg__explain(void)
{
    story.count = 0;
    if (lg__campaign->outcome.has_lost_switches || !keep())
        return false;
    make_plan(true);
    if (lg__campaign_run())
        return true;
    if (is_same()) {
        lg__story_select(&story);
        if (find_pair())
            return true;
    }
    give_back();
    return false;
}

void lg__explain_say(void)
{
    lg__story_say(&story);
}
