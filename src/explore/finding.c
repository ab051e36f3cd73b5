#include "explore/finding.h"

#include "explore/campaign.h"
#include "explore/explain.h"
#include "explore/recording.h"
#include "explore/run.h"
#include "explore/search.h"
#include "explore/shrink.h"
#include "explore/verdict.h"
#include "explore/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- Findings ------------------------------------------------------------------------------------------------ */

static uint64_t hash_of_program(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = 0;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, by words */
    FILE *in = fopen("/proc/self/exe", "r");
    uint64_t words[512];
    for (size_t count; in && (count = fread(words, sizeof *words, 512, in)) > 0;)
        for (size_t i = 0; i < count; i++)
            hash = (hash ^ words[i]) * 0x100000001b3u;
    if (in)
        fclose(in);
    return hash;
}

static void write_recording(const struct lg__outcome *outcome)
{
    const struct lg__campaign *campaign = lg__campaign;
    struct lg__recording recording = {.finding = outcome->finding,
                                      .is_exit_late = campaign->plan.is_exit_late,
                                      .is_time_early = campaign->plan.is_time_early,
                                      .arguments = lg__campaign_arguments,
                                      .name_count = campaign->name_count,
                                      .count = outcome->switch_count,
                                      .switches = campaign->switches};
    recording.image = hash_of_program(recording.program, sizeof recording.program);
    FILE *out = fopen(campaign->options.output, "w");
    bool is_written =
        out && lg__recording_write(out, &lg__campaign_image, lg__name_write, &recording);
    if (out && fclose(out))
        is_written = false;
    if (is_written)
        lg__wire_say("replay %s", campaign->options.output);
    else
        lg__wire_say("note the replay file %s cannot be written: %s", campaign->options.output,
                     strerror(errno));
}

/* ---- The interleaving, in words --------------------------------------------------------------------- */

#define TURNS_MAX 18

static const char *doing(enum lg__event_kind kind)
{
    switch (kind) {
    case LG__EVENT_READ:
    case LG__EVENT_ATOMIC_READ:
        return "read";
    case LG__EVENT_WRITE:
    case LG__EVENT_ATOMIC_WRITE:
        return "write";
    case LG__EVENT_LOCK:
        return "take";
    case LG__EVENT_UNLOCK:
        return "release";
    case LG__EVENT_WAIT:
        return "wait for";
    case LG__EVENT_SIGNAL:
        return "signal";
    case LG__EVENT_FREE:
        return "free";
    default:
        return NULL;
    }
}

/* What a thread has come to when another goes on. */
static void write_stop(const struct lg__switch *record, char *out, size_t size)
{
    enum lg__event_kind kind = (enum lg__event_kind)record->event;
    bool is_preempted = record->kind == LG__SWITCH_PREEMPT;
    const char *verb = doing(kind);
    if (kind == LG__EVENT_END)
        snprintf(out, size, "its end");
    else if (verb && record->address)
        snprintf(out, size,
                 is_preempted ? "it is about to %s " LG__PLACE_DATA
                              : "it cannot %s " LG__PLACE_DATA,
                 verb, (unsigned long)record->address);
    else if (kind == LG__EVENT_CREATE)
        snprintf(out, size, "it has started a thread");
    else if (kind == LG__EVENT_JOIN)
        snprintf(out, size, "it waits for the end of a thread");
    else
        snprintf(out, size, "%s", lg__event_name(kind));
}

/* Each switch is the end of a turn; the last turn ends with the failure. */
static void say_turns(const struct lg__outcome *outcome)
{
    uint32_t last = 0, said = 0;
    for (uint32_t i = 0; i < outcome->switch_count; i++) {
        const struct lg__switch *record = &lg__campaign->switches[i];
        char name[64], stop[128], place[64] = "";
        if (record->kind == LG__SWITCH_CHOICE)
            continue;
        last = record->to;
        if (said++ >= TURNS_MAX)
            continue;
        lg__name_write(record->from, name, sizeof name);
        write_stop(record, stop, sizeof stop);
        if (record->site)
            snprintf(place, sizeof place, ", at " LG__PLACE_CODE, (unsigned long)record->site);
        lg__wire_say("turn %-5s until %s%s%s", name, stop, place,
                     record->kind == LG__SWITCH_PREEMPT ? " [preempted]" : "");
    }
    if (said > TURNS_MAX)
        lg__wire_say("turn ... and %u more turns", said - TURNS_MAX);
    char name[64];
    lg__name_write(last, name, sizeof name);
    lg__wire_say("turn %-5s until the failure", name);
}

static void say_finding(const struct lg__outcome *outcome)
{
    lg__wire_say("found %s", lg__finding_name(outcome->finding));
    lg__wire_say("preemptions %u", outcome->preemptions);
    lg__wire_say("where %lx", (unsigned long)outcome->where);
    lg__wire_text("text", outcome->text);
    if (!outcome->has_lost_switches)
        say_turns(outcome);
    lg__explain_say();
    if (outcome->is_unrepeatable)
        lg__wire_say("note the outside world took part: a replay may go differently");
    if (outcome->has_lost_switches)
        lg__wire_say("note the schedule has more switches than can be recorded: no replay");
}

/* ---- The outcome of a run of the search ------------------------------------------------------------- */

static bool conclude(void)
{
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    uint64_t number = lg__campaign->plan.number;
    enum lg__strategy strategy = lg__campaign->plan.strategy;
    lg__wire_say("schedule %" PRIu64, number);
    lg__wire_say("strategy %s", lg__strategy_name(strategy));
    lg__campaign_count();
    if (lg__shrink() || lg__explain())
        return true;
    say_finding(outcome);
    if (*lg__campaign->options.output && !outcome->has_lost_switches)
        write_recording(outcome);
    lg__campaign_finish(1);
    return false;
}

/* Not for lack of time. */
static bool is_endless(const struct lg__outcome *outcome)
{
    return outcome->state == LG__OUTCOME_TOO_LONG && outcome->steps > lg__campaign->plan.steps_max;
}

/* The first is in order, and as short as any; a later one may have taken a long way. */
static void tell_endless(const struct lg__outcome *outcome)
{
    char text[400];
    uint64_t most = lg__campaign->plan.steps_max;
    lg__campaign_note_endless();
    if (lg__campaign_schedules() > 1)
        return;
    int length =
        snprintf(text, sizeof text,
                 "its first schedule has not ended after %" PRIu64 " steps (--steps), ", most);
    if (outcome->changes)
        snprintf(text + length, sizeof text - (size_t)length,
                 "in the second half of which its threads wrote to what they share, or "
                 "synchronised, %" PRIu64 " times: it is long, or does not end",
                 outcome->changes);
    else
        snprintf(text + length, sizeof text - (size_t)length,
                 "and in the second half of them nothing was written to what its threads share: "
                 "it does not end");
    lg__campaign_give_up(text);
}

bool lg__finding_judge(void)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    if (outcome->state == LG__OUTCOME_FOUND)
        return conclude();
    if (outcome->state == LG__OUTCOME_CANNOT)
        lg__campaign_give_up(outcome->text);
    if (is_endless(outcome))
        tell_endless(outcome);
    return false;
}

/* ---- Replay ---------------------------------------------------------------------------------------------------- */

static void read_recording(struct lg__recording *recording)
{
    char text[600], path[512];
    unsigned line = 0;
    const char *name = lg__campaign->options.replay;
    FILE *in = fopen(name, "r");
    recording->switches = lg__campaign->replay;
    if (!in) {
        snprintf(text, sizeof text, "%s cannot be read: %s", name, strerror(errno));
        lg__campaign_give_up(text);
    }
    const char *complaint =
        lg__recording_read(in, &lg__campaign_image, lg__name_find, recording, &line);
    fclose(in);
    if (complaint) {
        snprintf(text, sizeof text, "%.400s, line %u: it %s", name, line, complaint);
        lg__campaign_give_up(text);
    }
    if (hash_of_program(path, sizeof path) != recording->image)
        lg__wire_say("note the program is not the one that was recorded: it has been built again");
}

static void make_replay_plan(const struct lg__recording *recording)
{
    lg__plan_make(0, 0);
    lg__campaign->plan.strategy = LG__STRATEGY_REPLAY;
    lg__campaign->plan.replay_count = recording->count;
    lg__campaign->plan.is_exit_late = recording->is_exit_late;
    lg__campaign->plan.is_time_early = recording->is_time_early;
    lg__campaign->plan.is_strict = true;
}

/* Races are seen at bytes that are known to be shared: go through it until no more are learned. */
static bool learn_by_replay(const struct lg__recording *recording)
{
    for (uint32_t rounds = 0, learned = UINT32_MAX; rounds < 3 && learned != lg__campaign->learned;
         rounds++) {
        learned = lg__campaign->learned;
        make_replay_plan(recording);
        lg__campaign->plan.must_fail_on_race = false;
        if (lg__campaign_run())
            return true;
    }
    return false;
}

bool lg__follow(void)
{
    struct lg__recording recording = {0};
    struct lg__outcome *outcome = &lg__campaign->outcome;
    read_recording(&recording);
    if (!lg__campaign->options.must_stop && learn_by_replay(&recording))
        return true;
    make_replay_plan(&recording);
    if (recording.finding == LG__FINDING_RACE)
        lg__campaign->plan.must_fail_on_race = true;
    lg__campaign->plan.must_show_output = true;
    lg__campaign->plan.must_stop = lg__campaign->options.must_stop;
    if (lg__campaign_run())
        return true;
    if (outcome->state == LG__OUTCOME_DIVERGED) {
        lg__wire_text("diverged", outcome->text);
        lg__campaign_finish(2);
    }
    if (outcome->state == LG__OUTCOME_FOUND) {
        lg__campaign_count();
        if (!lg__campaign->options.must_stop && lg__explain())
            return true;
        lg__wire_say("schedule 1");
        lg__wire_say("strategy replay");
        say_finding(outcome);
        lg__campaign_finish(1);
    }
    if (outcome->state == LG__OUTCOME_CANNOT)
        lg__campaign_give_up(outcome->text);
    lg__wire_say("note the recorded %s did not come up in the replay",
                 lg__finding_name(recording.finding));
    lg__campaign_finish(0);
    return false;
}
