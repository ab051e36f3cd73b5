/* The story as rows: what each step says, in words. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 96

/* ---- Values ------------------------------------------------------------------------------------------ */

static bool is_printable(const unsigned char *bytes, uint64_t count)
{
    uint64_t length = 0;
    while (length < count && bytes[length] >= 32 && bytes[length] < 127)
        length++;
    return length && (length == count || !bytes[length]);
}

/* "&sets" where a pointer points to something with a name, "node:30" where that is a block of the heap. */
static bool write_pointer(const struct explore_result *result, uint64_t site, uint64_t number,
                          char *out, size_t room)
{
    const struct explore_story *story = &result->story;
    const char *name = number ? explore_datum(result, site, number, EXPLORE_WHOLE) : "0";
    if (strncmp(name, "0", 1)) {
        snprintf(out, room, "&%s", name);
        return true;
    }
    for (size_t i = 0; number && i < story->step_count; i++) {
        if (story->steps[i].block != number)
            continue;
        explore_block_name(result, &story->steps[i], site, out, room);
        return true;
    }
    return false;
}

/* Small ones as signed numbers, large ones are addresses, patterns of bits or the like. */
static void write_number(const struct explore_result *result, const struct explore_step *step,
                         const unsigned char *bytes, char *out, size_t room)
{
    uint64_t number = 0, size = step->size;
    memcpy(&number, bytes, size);
    unsigned unused = 64 - 8 * (unsigned)size;
    int64_t value = (int64_t)(number << unused) >> unused;
    bool is_large = value > 1000000000000 || value < -1000000000000;
    if (size == 8 && is_large && write_pointer(result, step->site, number, out, room))
        return;
    if (size == 8 && is_large)
        snprintf(out, room, "0x%lx", (unsigned long)number);
    else if (size == 1 && is_printable(bytes, 1))
        snprintf(out, room, "%ld '%c'", (long)value, bytes[0]);
    else
        snprintf(out, room, "%ld", (long)value);
}

bool explore_value(const struct explore_result *result, const struct explore_step *step,
                   bool is_after, char *out, size_t room)
{
    const unsigned char *bytes = is_after ? step->after : step->before;
    uint64_t size = step->size, count = size < EXPLORE_VALUE_MAX ? size : EXPLORE_VALUE_MAX;
    bool is_number = size == 1 || size == 2 || size == 4 || size == 8;
    bool is_text = !strcmp(step->object, "bytes") && is_printable(bytes, count);
    *out = 0;
    if (!count || !(is_after ? step->has_after : step->has_before) || (!is_number && !is_text))
        return false;
    if (!is_text && explore_debug_value(result, step, bytes, out, room))
        return true;
    if (!is_text) {
        write_number(result, step, bytes, out, room);
        return true;
    }
    int length = (int)strnlen((const char *)bytes, count);
    bool is_cut = length == EXPLORE_VALUE_MAX && size > EXPLORE_VALUE_MAX;
    snprintf(out, room, "\"%.*s\"%s", length, (const char *)bytes, is_cut ? ".." : "");
    return true;
}

/* ---- What a step says -------------------------------------------------------------------------------- */

static bool is(const struct explore_step *step, const char *event)
{
    return !strcmp(step->event, event);
}

static bool is_read(const struct explore_step *step)
{
    return is(step, "read") || is(step, "atomic-read");
}

static bool is_write(const struct explore_step *step)
{
    return is(step, "write") || is(step, "atomic-write");
}

static bool has_state(const struct explore_step *step, const char *state)
{
    return !strcmp(step->state, state);
}

static const char *verb_of(const struct explore_step *step)
{
    bool is_semaphore = !strcmp(step->object, "semaphore");
    if (is_read(step))
        return "reads";
    if (is_write(step))
        return "writes";
    if (is(step, "lock"))
        return is_semaphore ? "takes" : "locks";
    if (is(step, "unlock"))
        return is_semaphore ? "posts" : "unlocks";
    if (is(step, "wait"))
        return "waits for";
    if (is(step, "signal"))
        return "signals";
    return is(step, "free") ? "frees" : "does";
}

void explore_step_deed(const struct explore_result *result, const struct explore_step *step,
                       char *out, size_t size)
{
    char datum[NAME_SIZE];
    explore_step_datum(result, step, datum, sizeof datum);
    if (step->address)
        snprintf(out, size, "%s %s %s", step->thread, verb_of(step), datum);
    else
        snprintf(out, size, is(step, "exit") ? "%s returns from main" : "%s's %s", step->thread,
                 step->event);
}

static void say_access(const struct explore_result *result, const struct explore_step *step,
                       const char *datum, char *out, size_t size)
{
    char before[64], after[64];
    bool has_before = explore_value(result, step, false, before, sizeof before);
    bool has_after = explore_value(result, step, true, after, sizeof after);
    if (is_write(step) && has_before && has_after)
        snprintf(out, size, "%.90s: %.60s -> %.60s", datum, before, after);
    else if (is_read(step) && has_before)
        snprintf(out, size, "reads %.90s: %.60s", datum, before);
    else if (step->size && *datum)
        snprintf(out, size, "%s %s", verb_of(step), datum);
}

static void say_wait(const struct explore_step *step, const char *datum, char *out, size_t size)
{
    char other[80] = "";
    if (*step->other)
        snprintf(other, sizeof other, " (%.40s has it)", step->other);
    if (is(step, "join"))
        snprintf(out, size, "waits for the end of %.40s", step->other);
    else if (is_read(step) || is_write(step))
        snprintf(out, size, "goes round until %s changes", datum);
    else if (is(step, "sleep") || is(step, "input"))
        snprintf(out, size, is(step, "sleep") ? "sleeps" : "waits for input");
    else
        snprintf(out, size, "waits for %.90s%.60s", datum, other);
}

static void say_pending(const struct explore_step *step, const char *datum, char *out, size_t size)
{
    if (is(step, "begin"))
        snprintf(out, size, "has not begun");
    else if (is(step, "lock") && *step->other)
        snprintf(out, size, "wants %.90s (%.40s has it)", datum, step->other);
    else if (step->address)
        snprintf(out, size, "next: %s %s", verb_of(step), datum);
    else
        snprintf(out, size, "next: %s", step->event);
}

static void say_failure(const struct explore_result *result, const struct explore_step *step,
                        const char *datum, char *out, size_t size)
{
    if (!step->size && !step->address)
        snprintf(out, size, "FAILS: %s", result->found);
    else if (!strcmp(result->found, "double-free"))
        snprintf(out, size, "frees %s AGAIN", datum);
    else if (!strcmp(result->found, "use-after-free"))
        snprintf(out, size, "%s %s: FREED", verb_of(step), datum);
    else
        say_access(result, step, datum, out, size);
}

static void say_done(const struct explore_result *result, const struct explore_step *step,
                     const char *datum, char *out, size_t size)
{
    if (is_read(step) || is_write(step))
        say_access(result, step, datum, out, size);
    else if (is(step, "create"))
        snprintf(out, size, "starts %s", step->other);
    else if (is(step, "join"))
        snprintf(out, size, "has joined %s", step->other);
    else if (is(step, "end") || is(step, "exit"))
        snprintf(out, size, is(step, "end") ? "ends" : "exits");
    else if (is(step, "wait"))
        snprintf(out, size, "comes to %s", datum);
    else if (step->address)
        snprintf(out, size, "%s %s", verb_of(step), datum);
    else
        snprintf(out, size, "%ss", step->event);
}

static void say_action(const struct explore_result *result, const struct explore_step *step,
                       char *out, size_t size)
{
    char datum[NAME_SIZE];
    explore_step_datum(result, step, datum, sizeof datum);
    *out = 0;
    if (has_state(step, "blocked"))
        say_wait(step, datum, out, size);
    else if (has_state(step, "pending"))
        say_pending(step, datum, out, size);
    else if (has_state(step, "failed"))
        say_failure(result, step, datum, out, size);
    else if (has_state(step, "timed-out"))
        snprintf(out, size, step->address ? "gives up %s: time is out" : "goes on: time is out",
                 datum);
    else
        say_done(result, step, datum, out, size);
    if (has_state(step, "missing")) {
        char action[256];
        snprintf(action, sizeof action, "only later: %.200s", out);
        snprintf(out, size, "%s", action);
    }
}

static void say_holds(const struct explore_result *result, const struct explore_step *step,
                      char *out, size_t size)
{
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < step->lock_count && used < size; i++) {
        const char *file, *function;
        char place[128];
        unsigned line;
        if (explore_place_parts(step->locks[i].site, &file, &line, &function))
            snprintf(place, sizeof place, "line %u", line);
        else
            explore_place_short(result, step->locks[i].site, place, sizeof place);
        used += (size_t)snprintf(out + used, size - used, "%s%s (%s)", i ? ", " : "",
                                 explore_name(result, step->locks[i].address, 0), place);
    }
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

const struct explore_step *explore_step_marked(const struct explore_result *result, unsigned mark)
{
    for (size_t i = 0; i < result->story.step_count; i++)
        if (result->story.steps[i].mark == mark)
            return &result->story.steps[i];
    return NULL;
}

/* "main" comes first, T10 behind T2. */
static int compare_lanes(const void *a, const void *b)
{
    const char *first = a, *second = b;
    bool is_first_main = !strcmp(first, "main"), is_second_main = !strcmp(second, "main");
    if (is_first_main || is_second_main)
        return is_second_main - is_first_main;
    return strverscmp(first, second);
}

static void find_lanes(const struct explore_story *story, struct explore_rows *rows)
{
    for (size_t i = 0; i < story->step_count; i++) {
        size_t lane = 0;
        while (lane < rows->lane_count && strcmp(rows->lanes[lane], story->steps[i].thread))
            lane++;
        if (lane == rows->lane_count && lane < EXPLORE_LANES_MAX)
            strcpy(rows->lanes[rows->lane_count++], story->steps[i].thread);
    }
    qsort(rows->lanes, rows->lane_count, sizeof *rows->lanes, compare_lanes);
}

static size_t lane_of(const struct explore_rows *rows, const char *thread)
{
    size_t lane = 0;
    while (lane + 1 < rows->lane_count && strcmp(rows->lanes[lane], thread))
        lane++;
    return lane;
}

/* Whether the second step goes on with what the first began: a wait that has come to its object, or the write
 * of what the same line has read. */
static bool is_one_row(const struct explore_step *first, const struct explore_step *second)
{
    const char *file, *function, *other_file;
    unsigned line, other_line;
    if (strcmp(first->thread, second->thread) || first->address != second->address ||
        *second->turn || !has_state(first, "done"))
        return false;
    if (is(first, "wait") && is(second, "wait"))
        return has_state(second, "blocked");
    bool is_same_line = explore_place_parts(first->site, &file, &line, &function) &&
                        explore_place_parts(second->site, &other_file, &other_line, &function) &&
                        line == other_line && !strcmp(file, other_file);
    return is_same_line && is_read(first) && is_write(second) && has_state(second, "done") &&
           first->size == second->size;
}

static void take_step(const struct explore_result *result, const struct explore_step *step,
                      struct explore_rows *rows)
{
    struct explore_row *row = &rows->rows[rows->count++];
    *row = (struct explore_row){.step = step, .rank = step->rank, .mark = step->mark};
    row->lane = lane_of(rows, step->thread);
    strcpy(row->turn, step->turn);
    say_action(result, step, row->action, sizeof row->action);
    say_holds(result, step, row->holds, sizeof row->holds);
    if (explore_place_parts(step->site, &row->file, &row->line, &row->function))
        snprintf(row->source, sizeof row->source, "%s", explore_source_line(row->file, row->line));
}

static void join_step(const struct explore_result *result, const struct explore_step *step,
                      struct explore_row *row)
{
    row->step = step;
    row->rank = row->rank < step->rank ? row->rank : step->rank;
    row->mark = step->mark ? step->mark : row->mark;
    say_action(result, step, row->action, sizeof row->action);
}

/* A loop that does the same again and again is one row. */
static void count_repeats(struct explore_rows *rows)
{
    size_t kept = 0;
    unsigned times = 1;
    for (size_t i = 0; i < rows->count; i++) {
        struct explore_row *row = &rows->rows[i], *last = kept ? &rows->rows[kept - 1] : NULL;
        bool is_repeat = last && last->lane == row->lane && last->line == row->line && row->line &&
                         !*row->turn && !row->mark && !last->mark &&
                         !strcmp(last->step->event, row->step->event) && is_read(row->step) &&
                         !strncmp(last->action, row->action, strlen(row->action));
        times = is_repeat ? times + 1 : 1;
        if (!is_repeat) {
            rows->rows[kept++] = *row;
            continue;
        }
        size_t length = strlen(row->action);
        last->rank = last->rank < row->rank ? last->rank : row->rank;
        snprintf(last->action + length, sizeof last->action - length, ", %u times", times);
    }
    rows->count = kept;
}

static bool is_failure(const struct explore_row *row)
{
    return has_state(row->step, "failed") && row->line;
}

/* What the line that fails has looked at belongs to the failure. */
static void raise_failing_line(struct explore_rows *rows)
{
    size_t failure = 0;
    while (failure < rows->count && !is_failure(&rows->rows[failure]))
        failure++;
    if (failure == rows->count)
        return;
    const struct explore_row *last = &rows->rows[failure];
    for (size_t i = failure; i-- > 0;) {
        struct explore_row *row = &rows->rows[i];
        if (row->lane != last->lane)
            continue;
        if (row->line != last->line || strcmp(row->file, last->file))
            return;
        row->rank = row->rank > 1 ? 1 : row->rank;
    }
}

static void find_file(struct explore_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const char *file = rows->rows[i].file;
        if (!*rows->rows[i].source)
            continue;
        if (rows->file && strcmp(rows->file, file)) {
            rows->file = NULL;
            return;
        }
        rows->file = file;
    }
}

void explore_rows_make(const struct explore_result *result, struct explore_rows *rows)
{
    const struct explore_story *story = &result->story;
    *rows = (struct explore_rows){.count = 0};
    find_lanes(story, rows);
    for (size_t i = 0; i < story->step_count; i++) {
        if (i && is_one_row(&story->steps[i - 1], &story->steps[i]))
            join_step(result, &story->steps[i], &rows->rows[rows->count - 1]);
        else
            take_step(result, &story->steps[i], rows);
    }
    count_repeats(rows);
    raise_failing_line(rows);
    find_file(rows);
}

/* ---- What decides ------------------------------------------------------------------------------------ */

void explore_decision(const struct explore_result *result, char *out, size_t size)
{
    const struct explore_story *story = &result->story;
    if (!strcmp(story->decides, "order"))
        snprintf(out, size, "with (2) before (1) the program ends well (tried)");
    else if (!strcmp(story->decides, "absent"))
        snprintf(out, size,
                 "when it failed (2) had not come; with (2) before (1) the program ends well "
                 "(tried)");
    else if (!strcmp(story->decides, "race"))
        snprintf(out, size, "nothing orders the two: either may come first");
    else
        snprintf(out, size,
                 "no two accesses were found whose order decides (%u other orders were tried)",
                 story->tried);
}

/* The runtime knows more of what it has seen than of what it was about to do. */
static void complete(const struct explore_story *story, struct explore_step *step)
{
    for (size_t i = 0; step->address && i < story->step_count; i++) {
        const struct explore_step *known = &story->steps[i];
        if (known->address != step->address)
            continue;
        strcpy(step->object, known->object);
        step->block = known->block;
        step->block_size = known->block_size;
        step->block_site = known->block_site;
        step->size = known->size;
        if (known->told_site != step->site)
            continue;
        step->site = known->site;
        return;
    }
}

void explore_preemption_text(const struct explore_result *result,
                             const struct explore_preemption *preemption, char *out, size_t size)
{
    struct explore_step step = {.site = preemption->site, .address = preemption->address};
    char deed[160], place[160] = "";
    memcpy(step.thread, preemption->thread, sizeof step.thread);
    memcpy(step.event, preemption->event, sizeof step.event);
    complete(&result->story, &step);
    explore_step_deed(result, &step, deed, sizeof deed);
    if (step.site)
        explore_place_short(result, step.site, place, sizeof place);
    bool is_create = !strcmp(preemption->event, "create");
    if (is_create)
        snprintf(deed, sizeof deed, "%s has started a thread", preemption->thread);
    snprintf(out, size, "%s %s%s%s", is_create ? "after" : "before", deed, *place ? " at " : "",
             place);
}
