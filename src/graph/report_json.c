/* A report for machines: one JSON object on one line.  Keys are stable. */
#include "graph/report_write.h"

static const char *kind_name(enum lg_report_kind kind)
{
    static const char *const names[] = {"none", "deadlock", "timeout", "open", "broken"};
    return names[kind];
}

static const char *cause_name(enum lg_exhaustion cause)
{
    static const char *const names[] = {"none",         "deadlock", "opens-fail", "leak",
                                        "slow-holders", "backlog",  "suspended",  "opens-hang"};
    return names[cause];
}

static void add_hold(struct lg__text *text, const struct lg_report_hold *hold)
{
    lg__text_add(text, "{");
    lg__json_string(text, "name", hold->name);
    if (hold->unit != LG_NO_UNIT)
        lg__json_number(text, "unit", hold->unit);
    lg__json_number(text, "units", hold->units);
    lg__json_string(text, "place", hold->place);
    lg__json_number(text, "age_ms", hold->age_ms);
    lg__text_add(text, "}");
}

static void add_wants(struct lg__text *text, const struct lg_report_member *member)
{
    lg__json_number(text, "want_count", member->want_count);
    lg__json_key(text, member->must_have_all ? "all_of" : "any_of");
    lg__text_add(text, "[");
    for (uint32_t i = 0; i < lg__report_listed_wants(member); i++) {
        lg__text_add(text, i ? ",{" : "{");
        lg__json_string(text, "noun", member->wants[i].noun);
        lg__json_string(text, "name", member->wants[i].name);
        lg__json_number(text, "need", member->wants[i].need);
        lg__text_add(text, "}");
    }
    lg__text_add(text, "]");
}

static void add_waits(struct lg__text *text, const struct lg_report_member *member)
{
    lg__json_key(text, "waits_for");
    if (member->need == 0) {
        lg__text_add(text, "null");
        return;
    }
    lg__text_add(text, "{");
    lg__json_string(text, "noun", member->waits_noun);
    lg__json_string(text, "name", member->waits_name);
    lg__json_number(text, "need", member->need);
    lg__json_string(text, "place", member->waits_place);
    lg__json_number(text, "waited_ms", member->waited_ms);
    if (member->want_count > 0)
        add_wants(text, member);
    lg__text_add(text, "}");
}

static void add_member(struct lg__text *text, const struct lg_report_member *member)
{
    lg__text_add(text, "{");
    lg__json_string(text, "context", member->context);
    lg__json_number(text, "hold_count", member->hold_count);
    lg__json_key(text, "holds");
    lg__text_add(text, "[");
    for (uint32_t i = 0; i < lg__report_listed_holds(member); i++) {
        lg__text_add(text, i ? "," : "");
        add_hold(text, &member->holds[i]);
    }
    lg__text_add(text, "]");
    add_waits(text, member);
    lg__text_add(text, "}");
}

void lg__report_json(struct lg__text *text, const struct lg_report *report)
{
    lg__text_add(text, "{");
    lg__json_string(text, "kind", kind_name(report->kind));
    lg__json_string(text, "noun", report->noun);
    lg__json_string(text, "name", report->name);
    lg__json_number(text, "capacity", report->capacity);
    lg__json_number(text, "held", report->held);
    lg__json_string(text, "closer", report->closer);
    lg__json_string(text, "place", report->place);
    lg__json_string(text, "victim", report->victim);
    lg__json_number(text, "found_ns", report->found_ns);
    lg__json_number(text, "waited_ms", report->waited_ms);
    lg__json_number(text, "minimum", report->minimum);
    lg__json_number(text, "users", report->users);
    lg__json_number(text, "declared", report->declared);
    lg__json_number(text, "waiting", report->waiting);
    lg__json_number(text, "oldest_ms", report->oldest_ms);
    lg__json_string(text, "cause", cause_name(report->cause));
    lg__json_string(text, "detail", report->detail);
    lg__json_string(text, "advice", report->advice);
    lg__json_number(text, "member_count", report->member_count);
    lg__json_key(text, "members");
    lg__text_add(text, "[");
    for (uint32_t i = 0; i < lg__report_listed(report); i++) {
        lg__text_add(text, i ? "," : "");
        add_member(text, &report->members[i]);
    }
    lg__text_add(text, "]}\n");
}
