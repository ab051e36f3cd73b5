/* Reports, composed under the detector lock from a search.
 *
 * A row is one context of the report.  What a row holds is read from the resources once more, each
 * kept alive by the pin of somebody who waits for it; a resource whose waiters have all gone is
 * left out. */
#include "graph/compose.h"

#include "plat/clock.h"
#include "plat/text.h"

#include <string.h>

struct rows {
    struct lg_report *report;
    const struct lg__search *search;
    uint64_t now_ns;
    uint64_t victim;                /* its context; 0: there is none */
    uint64_t id[LG_REPORT_MEMBERS]; /* of the context in report->members[i] */
};

static uint64_t ms_since(uint64_t now_ns, uint64_t since_ns)
{
    return since_ns != 0 && now_ns > since_ns ? (now_ns - since_ns) / 1000000 : 0;
}

static void add_row(struct rows *rows, uint64_t id)
{
    uint32_t index = rows->report->member_count++;
    if (index >= LG_REPORT_MEMBERS)
        return;
    rows->id[index] = id; /* the name comes later: it takes a pin, and one may be held here */
}

static bool has_row(const struct rows *rows, uint64_t id)
{
    uint32_t n = rows->report->member_count;
    for (uint32_t i = 0; i < n && i < LG_REPORT_MEMBERS; i++)
        if (rows->id[i] == id)
            return true;
    return false;
}

/* The things of a wait for several. */
static void fill_several(struct lg_report_member *out, const struct lg__group *group)
{
    if (!group)
        return;
    out->want_count = group->count;
    out->must_have_all = group->is_all;
    for (uint32_t i = 0; i < group->count && i < LG_REPORT_WANTS; i++) {
        const struct lg__want *want = &group->branches[i].want;
        lg__copy_name(out->wants[i].noun, sizeof out->wants[i].noun, want->class->noun);
        want->class->copy_name(want->object, out->wants[i].name);
        out->wants[i].need = want->need;
    }
}

static uint32_t count_of(const struct lg__resource_class *class, uint32_t units)
{
    return class->has_modes ? 1 : units;
}

/* What the row's context waits for, from its own record. */
static void fill_wait(struct rows *rows, uint32_t row, const struct lg__member *member)
{
    struct lg_report_member *out = &rows->report->members[row];
    struct lg__wait *wait = &member->context->wait;
    if (!lg__wait_pin(wait, member->word))
        return;
    const struct lg__want *want = &wait->want;
    out->need = count_of(want->class, want->need);
    fill_several(out, wait->group);
    out->waited_ms = ms_since(rows->now_ns, wait->since_ns);
    lg__copy_name(out->waits_noun, sizeof out->waits_noun, want->class->noun);
    want->class->copy_name(want->object, out->waits_name);
    lg__copy_place(out->waits_place, sizeof out->waits_place, want->place);
    lg__wait_unpin(wait);
}

struct hold_visit {
    struct rows *rows;
    uint32_t row;
    const struct lg__resource_class *class;
    const char *name;
};

static bool add_hold(void *arg, const struct lg__holding *holding)
{
    struct hold_visit *visit = arg;
    struct lg_report_member *out = &visit->rows->report->members[visit->row];
    if (holding->holder != visit->rows->id[visit->row])
        return true;
    uint32_t index = out->hold_count++;
    if (index >= LG_REPORT_HOLDS)
        return true;
    struct lg_report_hold *hold = &out->holds[index];
    lg__copy_name(hold->name, sizeof hold->name, visit->name);
    lg__copy_place(hold->place, sizeof hold->place, holding->place);
    hold->unit = holding->unit;
    hold->units = count_of(visit->class, holding->units);
    hold->age_ms = holding->age_ms;
    return true;
}

/* With a waiter of the resource pinned: how the victim, if that is the row's context, gives back what it
 * holds of it.  What says so comes first: the other things are given back as ever. */
static void copy_advice(struct rows *rows, uint32_t row, const struct lg__resource *resource)
{
    bool is_victim = rows->victim != 0 && rows->id[row] == rows->victim;
    if (is_victim && resource->class->copy_advice && rows->report->advice[0] == '\0')
        resource->class->copy_advice(resource->object, rows->report->advice);
}

/* What the row's context holds of one resource. */
static void fill_holds_of(struct rows *rows, uint32_t row, const struct lg__resource *resource)
{
    char name[LG_NAME_SIZE];
    for (uint32_t i = resource->waiters; i != LG__NONE; i = rows->search->terms[i].next) {
        const struct lg__member *waiter = &rows->search->members[rows->search->terms[i].member];
        if (!lg__wait_pin(&waiter->context->wait, waiter->word))
            continue;
        resource->class->copy_name(resource->object, name);
        struct hold_visit visit = {rows, row, resource->class, name};
        uint32_t before = rows->report->members[row].hold_count;
        resource->class->survey(resource->object, add_hold, &visit);
        if (rows->report->members[row].hold_count > before)
            copy_advice(rows, row, resource);
        lg__wait_unpin(&waiter->context->wait);
        return;
    }
}

static bool is_repeated(const struct lg__search *search, uint32_t first, uint32_t edge)
{
    for (uint32_t e = first; e != edge; e = search->edges[e].next_hold)
        if (search->edges[e].resource == search->edges[edge].resource)
            return true;
    return false;
}

static void fill_member(struct rows *rows, uint32_t row, const struct lg__member *member)
{
    const struct lg__search *search = rows->search;
    fill_wait(rows, row, member);
    for (uint32_t e = member->first_hold; e != LG__NONE; e = search->edges[e].next_hold)
        if (!is_repeated(search, member->first_hold, e))
            fill_holds_of(rows, row, &search->resources[search->edges[e].resource]);
}

/* What the row's context holds of what the root waits for. */
static void fill_holds_of_root(struct rows *rows, uint32_t row)
{
    const struct lg__search *search = rows->search;
    const struct lg__member *root = &search->members[0];
    const struct lg__term *terms = &search->terms[root->first_term];
    for (uint32_t i = 0; i < root->term_count; i++) {
        uint32_t earlier = 0;
        while (terms[earlier].resource != terms[i].resource)
            earlier++;
        if (earlier == i)
            fill_holds_of(rows, row, &search->resources[terms[i].resource]);
    }
}

/* Fill the listed rows: members of the search in full, running holders with what they hold of the
 * root's resource. */
static void fill_rows(struct rows *rows)
{
    const struct lg__search *search = rows->search;
    uint32_t listed = rows->report->member_count;
    for (uint32_t row = 0; row < listed && row < LG_REPORT_MEMBERS; row++) {
        lg__context_copy_name(rows->id[row], rows->report->members[row].context);
        const struct lg_context *context = lg__context_find(rows->id[row]);
        uint32_t index = context ? lg__search_find(search, context) : LG__NONE;
        if (index != LG__NONE)
            fill_member(rows, row, &search->members[index]);
        else
            fill_holds_of_root(rows, row);
    }
}

struct held_count {
    const struct lg__resource_class *class;
    uint32_t held;
};

static bool count_held(void *arg, const struct lg__holding *holding)
{
    struct held_count *count = arg;
    count->held += count_of(count->class, holding->units);
    return true;
}

static void begin(struct rows *rows, struct lg_report *report, const struct lg__search *search,
                  enum lg_report_kind kind)
{
    const struct lg__member *root = &search->members[0];
    struct lg__wait *wait = &root->context->wait;
    memset(report, 0, sizeof *report);
    report->kind = kind;
    *rows = (struct rows){.report = report, .search = search, .now_ns = lg__now_ns()};
    lg__context_copy_name(root->id, report->closer);
    if (!lg__wait_pin(wait, root->word))
        return;
    const struct lg__want *want = &wait->want;
    lg__copy_name(report->noun, sizeof report->noun, want->class->noun);
    want->class->copy_name(want->object, report->name);
    lg__copy_place(report->place, sizeof report->place, want->place);
    struct held_count count = {want->class, 0};
    want->class->survey(want->object, count_held, &count);
    report->capacity = count_of(want->class, want->class->capacity(want->object));
    report->held = count.held;
    report->waited_ms = ms_since(rows->now_ns, wait->since_ns);
    report->found_ns = rows->now_ns - wait->begun_ns;
    lg__wait_unpin(wait);
}

void lg__compose_deadlock(struct lg_report *report, const struct lg__search *search,
                          uint32_t victim)
{
    struct rows rows;
    begin(&rows, report, search, LG_REPORT_DEADLOCK);
    for (uint32_t i = 0; i < search->member_count; i++)
        if (!search->members[i].has_progressed)
            add_row(&rows, search->members[i].id);
    if (victim != LG__NONE) {
        rows.victim = search->members[victim].id;
        lg__context_copy_name(rows.victim, report->victim);
    }
    fill_rows(&rows);
}

/* Whether a holder without a row is counted in another way: as a member of the search, later, or
 * because it was met before.  Marks it as met; members keep their marks. */
static bool is_counted(const struct rows *rows, uint64_t holder)
{
    struct lg_context *context = lg__context_find(holder);
    if (!context || context->mark_serial == rows->search->serial)
        return context != NULL;
    context->mark_serial = rows->search->serial;
    context->mark_index = LG__NONE;
    return false;
}

/* A row for each holder, however many units it has; those that do not fit are only counted. */
static bool add_holder_row(void *arg, const struct lg__holding *holding)
{
    struct rows *rows = arg;
    bool is_full = rows->report->member_count >= LG_REPORT_MEMBERS;
    if (!has_row(rows, holding->holder) && !(is_full && is_counted(rows, holding->holder)))
        add_row(rows, holding->holder);
    return true;
}

void lg__compose_timeout(struct lg_report *report, const struct lg__search *search)
{
    struct rows rows;
    const struct lg__member *root = &search->members[0];
    begin(&rows, report, search, LG_REPORT_TIMEOUT);
    add_row(&rows, root->id);
    if (lg__wait_pin(&root->context->wait, root->word)) {
        const struct lg__wait *wait = &root->context->wait;
        const struct lg__group *group = wait->group;
        if (!group)
            wait->want.class->survey(wait->want.object, add_holder_row, &rows);
        for (uint32_t i = 0; group && i < group->count; i++) {
            const struct lg__want *want = &group->branches[i].want;
            want->class->survey(want->object, add_holder_row, &rows);
        }
        lg__wait_unpin(&root->context->wait);
    }
    for (uint32_t i = 1; i < search->member_count; i++)
        if (!has_row(&rows, search->members[i].id))
            add_row(&rows, search->members[i].id);
    fill_rows(&rows);
}
