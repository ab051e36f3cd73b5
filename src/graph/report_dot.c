/* A report as a picture: contexts are ellipses, things are boxes; an edge from a context to a thing
 * waits for it, an edge from a thing to a context is held by it.  A deadlock shows as a ring. */
#include "graph/report_write.h"

#include <string.h>

static void add_thing_id(struct lg__text *text, const char *name)
{
    lg__text_add(text, "\"r:");
    lg__text_add_dot(text, name);
    lg__text_add(text, "\"");
}

/* By its number: contexts may have the same name. */
static void add_context_id(struct lg__text *text, uint32_t index)
{
    lg__text_addf(text, "\"c:%u\"", index);
}

static void add_label(struct lg__text *text, const char *label)
{
    lg__text_add(text, " [label=\"");
    lg__text_add_dot(text, label);
    lg__text_add(text, "\"]");
}

/* Where it waits, and for how many if that is more than one. */
static void add_wait_label(struct lg__text *text, const struct lg_report_member *member,
                           uint32_t need)
{
    lg__text_add(text, " [label=\"");
    if (member->want_count > 0)
        lg__text_add(text, member->must_have_all ? "all: " : "any: ");
    if (need > 1)
        lg__text_addf(text, "%u%s", need, member->waits_place[0] ? " at " : "");
    lg__text_add_dot(text, member->waits_place);
    lg__text_add(text, "\"]");
}

static void add_thing(struct lg__text *text, const char *name)
{
    lg__text_add(text, "  ");
    add_thing_id(text, name);
    lg__text_add(text, " [shape=box, label=\"");
    lg__text_add_dot(text, name[0] ? name : "(unnamed)");
    lg__text_add(text, "\"];\n");
}

static void add_hold(struct lg__text *text, uint32_t index, const struct lg_report_hold *hold)
{
    add_thing(text, hold->name);
    lg__text_add(text, "  ");
    add_thing_id(text, hold->name);
    lg__text_add(text, " -> ");
    add_context_id(text, index);
    add_label(text, hold->place);
    lg__text_add(text, ";\n");
}

static void add_wait(struct lg__text *text, const struct lg_report_member *member, uint32_t index,
                     const char *name, uint32_t need)
{
    add_thing(text, name);
    lg__text_add(text, "  ");
    add_context_id(text, index);
    lg__text_add(text, " -> ");
    add_thing_id(text, name);
    add_wait_label(text, member, need);
    lg__text_add(text, ";\n");
}

static void add_member(struct lg__text *text, const struct lg_report *report, uint32_t index)
{
    const struct lg_report_member *member = &report->members[index];
    bool is_victim = report->victim[0] && strcmp(report->victim, member->context) == 0;
    lg__text_add(text, "  ");
    add_context_id(text, index);
    lg__text_add(text, " [label=\"");
    lg__text_add_dot(text, member->context);
    lg__text_addf(text, "\"%s];\n", is_victim ? ", style=filled, fillcolor=lightpink" : "");
    for (uint32_t i = 0; i < lg__report_listed_holds(member); i++)
        add_hold(text, index, &member->holds[i]);
    if (member->need == 0)
        return;
    if (member->want_count == 0)
        add_wait(text, member, index, member->waits_name, member->need);
    for (uint32_t i = 0; i < lg__report_listed_wants(member); i++)
        add_wait(text, member, index, member->wants[i].name, member->wants[i].need);
}

void lg__report_dot(struct lg__text *text, const struct lg_report *report)
{
    lg__text_add(text, "digraph waits {\n  rankdir=LR;\n");
    for (uint32_t i = 0; i < lg__report_listed(report); i++)
        add_member(text, report, i);
    lg__text_add(text, "}\n");
}
