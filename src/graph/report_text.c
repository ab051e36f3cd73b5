/* A report for people: a headline, one line a context, and what to do.  Names and the driver's words are
 * of others: whatever is in them, they stay within their line. */
#include "graph/report_write.h"

#include <string.h>

static bool is_pool(const struct lg_report *report)
{
    return strcmp(report->noun, "pool") == 0;
}

static bool is_join(const char *noun)
{
    return strcmp(noun, "thread") == 0 || strcmp(noun, "context") == 0;
}

/* Something that is not taken, but waited for. */
static bool is_signal(const struct lg_report *report)
{
    return strcmp(report->noun, "event") == 0 || strcmp(report->noun, "latch") == 0 ||
           strcmp(report->noun, "barrier") == 0 || is_join(report->noun);
}

static bool is_permits(const struct lg_report *report)
{
    return strcmp(report->noun, "permits") == 0;
}

static void add_name(struct lg__text *text, const char *name, uint32_t unit)
{
    lg__text_add_plain(text, name[0] ? name : "(unnamed)");
    if (unit != LG_NO_UNIT)
        lg__text_addf(text, "#%u", unit);
}

static void add_hold(struct lg__text *text, const struct lg_report_hold *hold)
{
    if (hold->units > 1)
        lg__text_addf(text, "%u of ", hold->units);
    add_name(text, hold->name, hold->unit);
    if (!hold->place[0])
        return;
    lg__text_add(text, " (");
    lg__text_add_plain(text, hold->place);
    if (hold->unit != LG_NO_UNIT)
        lg__text_addf(text, ", %llu ms", (unsigned long long)hold->age_ms);
    lg__text_add(text, ")");
}

/* Not the place of an ended context or of nobody: "NAME (ended)", "(ended)", "(detached)". */
static bool is_alive(const struct lg_report_member *member)
{
    static const char ended[] = "(ended)";
    size_t length = strlen(member->context), tail = sizeof ended - 1;
    bool has_ended = length >= tail && strcmp(member->context + length - tail, ended) == 0;
    return !has_ended && strcmp(member->context, "(detached)") != 0;
}

static void add_wants(struct lg__text *text, const struct lg_report_member *member)
{
    uint32_t listed = lg__report_listed_wants(member);
    if (member->want_count == 0) {
        lg__text_addf(text, "%u of ", member->need);
        add_name(text, member->waits_name, LG_NO_UNIT);
        return;
    }
    lg__text_add(text, member->must_have_all ? "all of: " : "any of: ");
    for (uint32_t i = 0; i < listed; i++) {
        lg__text_addf(text, "%s%u of ", i ? ", " : "", member->wants[i].need);
        add_name(text, member->wants[i].name, LG_NO_UNIT);
    }
    if (member->want_count > listed)
        lg__text_addf(text, " and %u more", member->want_count - listed);
}

static void add_member(struct lg__text *text, const struct lg_report_member *member, int width)
{
    uint32_t listed = lg__report_listed_holds(member);
    lg__text_add(text, "  ");
    lg__text_add_plain(text, member->context);
    lg__text_addf(text, "%*s", width - (int)strlen(member->context), "");
    if (listed > 0)
        lg__text_add(text, "  holds ");
    for (uint32_t i = 0; i < listed; i++) {
        lg__text_add(text, i ? ", " : "");
        add_hold(text, &member->holds[i]);
    }
    if (member->hold_count > listed)
        lg__text_addf(text, " and %u more", member->hold_count - listed);
    if (member->need > 0) {
        lg__text_add(text, "  waits for ");
        add_wants(text, member);
        if (member->waits_place[0]) {
            lg__text_add(text, " (");
            lg__text_add_plain(text, member->waits_place);
            lg__text_add(text, ")");
        }
    } else if (is_alive(member)) {
        lg__text_add(text, "  runs");
    }
    lg__text_add(text, "\n");
}

static void add_members(struct lg__text *text, const struct lg_report *report)
{
    uint32_t listed = lg__report_listed(report);
    int width = 0;
    for (uint32_t i = 0; i < listed; i++) {
        int length = (int)strlen(report->members[i].context);
        width = length > width ? length : width;
    }
    for (uint32_t i = 0; i < listed; i++)
        add_member(text, &report->members[i], width);
    if (report->member_count > listed)
        lg__text_addf(text, "  ... and %u more\n", report->member_count - listed);
}

static void add_thing(struct lg__text *text, const struct lg_report *report)
{
    const char *quote = report->name[0] ? "\"" : "";
    lg__text_add_plain(text, report->noun);
    lg__text_add(text, " ");
    lg__text_add(text, quote);
    add_name(text, report->name, LG_NO_UNIT);
    lg__text_add(text, quote);
    if (is_pool(report) || is_permits(report))
        lg__text_addf(text, " (%u of %u out)", report->held, report->capacity);
}

static const struct lg_report_member *find_victim(const struct lg_report *report)
{
    for (uint32_t i = 0; i < lg__report_listed(report); i++)
        if (strcmp(report->members[i].context, report->victim) == 0)
            return &report->members[i];
    return NULL;
}

/* Whether somebody wants several leases at once: to those `share` is closed. */
static bool wants_several(const struct lg_report *report)
{
    for (uint32_t i = 0; i < lg__report_listed(report); i++)
        if (report->members[i].need > 1 && strcmp(report->members[i].waits_noun, "pool") == 0)
            return true;
    return false;
}

static void add_minimum(struct lg__text *text, const struct lg_report *report)
{
    lg__text_addf(text, "a pool of %u (%s: %u)%s.\n", report->minimum,
                  report->declared > 0 ? "threads declared" : "contexts seen",
                  report->declared > 0 ? report->declared : report->users,
                  wants_several(report) ? "" : ", or nested = share");
}

/* What would have made the deadlock impossible. */
static void add_cure(struct lg__text *text, const struct lg_report *report)
{
    lg__text_add(text, " To make it impossible: ");
    if (report->minimum > 0)
        add_minimum(text, report);
    else if (is_permits(report))
        lg__text_add(text, "acquire at once what you need together.\n");
    else if (report->member_count == 1 && is_join(report->noun))
        lg__text_add(text, "have another thread wait for its end.\n");
    else if (report->member_count == 1 && strcmp(report->noun, "once") == 0)
        lg__text_add(text, "have its function not call itself.\n");
    else if (is_signal(report))
        lg__text_add(text, "let go of what the others need before you wait for them.\n");
    else if (report->member_count == 1 && report->advice[0])
        lg__text_add(text, "have one at a time.\n");
    else if (report->member_count == 1 && is_pool(report))
        lg__text_add(text, "check in what you hold before you wait for the pool.\n");
    else if (report->member_count == 1 && strcmp(report->noun, "rwlock") == 0)
        lg__text_add(text, "take it once, in the strongest mode that you will need.\n");
    else if (report->member_count == 1 && strcmp(report->noun, "mutex") == 0)
        lg__text_add(text, "take it once, or make it recursive.\n");
    else if (report->member_count == 1)
        lg__text_add(text, "take it once.\n");
    else
        lg__text_add(text, "take them in one order everywhere.\n");
}

/* Whether it is what a join waits for: the holder's own end, which nobody gives back. */
static bool is_end(const struct lg_report *report, const struct lg_report_hold *hold)
{
    for (uint32_t i = 0; i < lg__report_listed(report); i++)
        if (is_join(report->members[i].waits_noun) &&
            strcmp(report->members[i].waits_name, hold->name) == 0)
            return true;
    return false;
}

/* The first thing that a victim can give back, or its end if that is all. */
static void add_release(struct lg__text *text, const struct lg_report *report,
                        const struct lg_report_member *victim)
{
    uint32_t listed = lg__report_listed_holds(victim), i = 0;
    while (i < listed && is_end(report, &victim->holds[i]))
        i++;
    if (i == listed) {
        lg__text_add(text, "give up and return, for its end is waited for.");
        return;
    }
    lg__text_addf(text, "%s ", victim->holds[i].unit != LG_NO_UNIT ? "check in" : "release");
    add_name(text, victim->holds[i].name, victim->holds[i].unit);
    lg__text_add(text, ", then try again.");
}

static void add_advice(struct lg__text *text, const struct lg_report *report)
{
    const struct lg_report_member *victim = find_victim(report);
    if (!report->victim[0])
        return;
    lg__text_add_plain(text, report->victim);
    lg__text_add(text, " got LG_EDEADLK: ");
    if (report->advice[0]) {
        lg__text_add_plain(text, report->advice);
        lg__text_add(text, ", then try again.");
    } else if (victim && victim->hold_count > 0) {
        add_release(text, report, victim);
    } else {
        lg__text_add(text, "release what it holds, then try again.");
    }
    add_cure(text, report);
}

static void add_place(struct lg__text *text, const struct lg_report *report)
{
    if (!report->place[0])
        return;
    lg__text_add(text, " at ");
    lg__text_add_plain(text, report->place);
}

static void add_deadlock(struct lg__text *text, const struct lg_report *report)
{
    lg__text_add(text, "deadlock on ");
    add_thing(text, report);
    lg__text_add(text, ", closed by ");
    lg__text_add_plain(text, report->closer);
    add_place(text, report);
    lg__text_addf(text, ", found in %llu us\n", (unsigned long long)(report->found_ns / 1000));
    add_members(text, report);
    add_advice(text, report);
}

static const char *failure_of(const struct lg_report *report)
{
    switch (report->kind) {
    case LG_REPORT_OPEN:
        return ": the open failed";
    case LG_REPORT_BROKEN:
        return ": it is broken";
    default:
        return ": timed out";
    }
}

static void add_timeout(struct lg__text *text, const struct lg_report *report)
{
    lg__text_add_plain(text, report->closer);
    lg__text_addf(text, " waited %llu ms for ", (unsigned long long)report->waited_ms);
    add_thing(text, report);
    add_place(text, report);
    lg__text_add(text, failure_of(report));
    lg__text_add(text, "\n");
    if (report->kind == LG_REPORT_BROKEN) {
        lg__text_add(text, "  cause: ");
        lg__text_add_plain(text, report->detail);
        lg__text_add(text, "\n");
    }
    if (report->cause != LG_EXHAUSTION_NONE && report->kind != LG_REPORT_BROKEN) {
        lg__text_addf(text, "  cause: %s%s", lg_exhaustion_text(report->cause),
                      report->detail[0] ? ": " : "");
        lg__text_add_plain(text, report->detail);
        lg__text_add(text, "\n");
    }
    if (report->waiting > 0)
        lg__text_addf(text, "  %u still wait, the first for %llu ms\n", report->waiting,
                      (unsigned long long)report->oldest_ms);
    add_members(text, report);
}

void lg__report_text(struct lg__text *text, const struct lg_report *report)
{
    switch (report->kind) {
    case LG_REPORT_NONE:
        lg__text_add(text, "no failed wait to report\n");
        break;
    case LG_REPORT_DEADLOCK:
        add_deadlock(text, report);
        break;
    case LG_REPORT_TIMEOUT:
    case LG_REPORT_OPEN:
    case LG_REPORT_BROKEN:
        add_timeout(text, report);
        break;
    }
}
