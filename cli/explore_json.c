/* The story for programs: what the columns say, and all of it. */
#include "explore.h"
#include "terminal.h"

#include <string.h>

static void member(FILE *out, const char *name, const char *value)
{
    fprintf(out, "\"%s\": ", name);
    terminal_print_json(out, value);
}

static void print_place(FILE *out, const struct explore_result *result, uint64_t address)
{
    const char *file, *function;
    char text[160];
    unsigned line;
    explore_place_parts(address, &file, &line, &function);
    if (!*file)
        explore_place_short(result, address, text, sizeof text);
    fprintf(out, "{");
    member(out, "file", *file ? file : address ? text : "");
    fprintf(out, ", \"line\": %u, ", line);
    member(out, "function", function);
    fprintf(out, "}");
}

static void print_value(FILE *out, const struct explore_result *result,
                        const struct explore_step *step, bool is_after)
{
    char text[128];
    if (explore_value(result, step, is_after, text, sizeof text))
        terminal_print_json(out, text);
    else
        fprintf(out, "null");
}

static void print_locks(FILE *out, const struct explore_result *result,
                        const struct explore_step *step)
{
    fprintf(out, "[");
    for (size_t i = 0; i < step->lock_count; i++) {
        fprintf(out, i ? ", {" : "{");
        member(out, "lock", explore_name(result, step->locks[i].address, 0));
        fprintf(out, ", \"where\": ");
        print_place(out, result, step->locks[i].site);
        fprintf(out, "}");
    }
    fprintf(out, "]");
}

static void print_step(FILE *out, const struct explore_result *result,
                       const struct explore_row *row)
{
    const struct explore_step *step = row->step;
    char datum[128] = "";
    if (step->address && strcmp(step->event, "create"))
        explore_step_datum(result, step, datum, sizeof datum);
    fprintf(out, "{");
    member(out, "thread", step->thread);
    fprintf(out, ", ");
    member(out, "event", step->event);
    fprintf(out, ", ");
    member(out, "state", step->state);
    fprintf(out, ", ");
    member(out, "action", row->action);
    fprintf(out, ", ");
    member(out, "variable", datum);
    fprintf(out, ", \"before\": ");
    print_value(out, result, step, false);
    fprintf(out, ", \"after\": ");
    print_value(out, result, step, true);
    fprintf(out, ", \"where\": ");
    print_place(out, result, step->site);
    fprintf(out, ", ");
    member(out, "source", row->source);
    fprintf(out, ", \"holds\": ");
    print_locks(out, result, step);
    fprintf(out, ", \"mark\": %u, ", row->mark);
    member(out, "turn", row->turn);
    fprintf(out, "}");
}

static void print_pair(FILE *out, const struct explore_result *result)
{
    bool is_first = true;
    fprintf(out, "[");
    for (unsigned mark = 1; mark <= 2; mark++) {
        const struct explore_step *step = explore_step_marked(result, mark);
        char datum[128], deed[200];
        if (!step)
            continue;
        explore_step_datum(result, step, datum, sizeof datum);
        explore_step_deed(result, step, deed, sizeof deed);
        fprintf(out, is_first ? "{" : ", {");
        is_first = false;
        member(out, "thread", step->thread);
        fprintf(out, ", ");
        member(out, "text", deed);
        fprintf(out, ", ");
        member(out, "variable", datum);
        fprintf(out, ", \"where\": ");
        print_place(out, result, step->site);
        fprintf(out, "}");
    }
    fprintf(out, "]");
}

static void print_threads(FILE *out, const struct explore_result *result,
                          const struct explore_rows *rows)
{
    fprintf(out, "[");
    for (size_t i = 0; i < rows->lane_count; i++) {
        fprintf(out, i ? ", {" : "{");
        member(out, "name", rows->lanes[i]);
        fprintf(out, ", ");
        member(out, "function", explore_lane_function(result, rows->lanes[i]));
        fprintf(out, ", ");
        member(out, "label", explore_lane_label(result, rows->lanes[i]));
        fprintf(out, "}");
    }
    fprintf(out, "]");
}

static void print_preempted(FILE *out, const struct explore_result *result)
{
    char text[400];
    fprintf(out, "[");
    for (size_t i = 0; i < result->story.preemption_count; i++) {
        explore_preemption_text(result, &result->story.preemptions[i], text, sizeof text);
        fprintf(out, i ? ", " : "");
        terminal_print_json(out, text);
    }
    fprintf(out, "]");
}

static void print_blocks(FILE *out, const struct explore_result *result)
{
    const struct explore_step *blocks[EXPLORE_BLOCKS_MAX];
    size_t count = explore_blocks(result, blocks, EXPLORE_BLOCKS_MAX);
    fprintf(out, "[");
    for (size_t i = 0; i < count; i++) {
        char name[96], type[96] = "", path[16];
        explore_block_name(result, blocks[i], blocks[i]->block_site, name, sizeof name);
        explore_debug_block(result, blocks[i], type, sizeof type, path, sizeof path);
        fprintf(out, i ? ", {" : "{");
        member(out, "name", name);
        fprintf(out, ", ");
        member(out, "type", type);
        fprintf(out, ", \"bytes\": %lu, \"where\": ", (unsigned long)blocks[i]->block_size);
        print_place(out, result, blocks[i]->block_site);
        fprintf(out, "}");
    }
    fprintf(out, "]");
}

void explore_print_story_json(const struct explore_result *result, FILE *out)
{
    static struct explore_rows rows;
    char decision[200];
    if (!*result->story.decides || !result->story.step_count) {
        fprintf(out, "null");
        return;
    }
    explore_rows_make(result, &rows);
    explore_decision(result, decision, sizeof decision);
    fprintf(out, "{\"decides\": {");
    member(out, "kind", result->story.decides);
    fprintf(out, ", \"tried\": %u, ", result->story.tried);
    member(out, "text", decision);
    fprintf(out, ", \"accesses\": ");
    print_pair(out, result);
    fprintf(out, "}, \"preempted\": ");
    print_preempted(out, result);
    fprintf(out, ", \"threads\": ");
    print_threads(out, result, &rows);
    fprintf(out, ", \"blocks\": ");
    print_blocks(out, result);
    fprintf(out, ", \"steps\": [");
    for (size_t i = 0; i < rows.count; i++) {
        fprintf(out, i ? ", " : "");
        print_step(out, result, &rows.rows[i]);
    }
    fprintf(out, "]}");
}
