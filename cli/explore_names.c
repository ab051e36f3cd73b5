/* What the things that a story is about are called: variables, blocks of the heap, places, threads. */
#include "explore.h"

#include <string.h>

#define NAME_SIZE 96
#define TYPE_MAX  20 /* a longer name of a type leaves no room for what is in it */

void explore_place_short(const struct explore_result *result, uint64_t address, char *out,
                         size_t size)
{
    const char *file, *function;
    unsigned line;
    if (explore_place_parts(address, &file, &line, &function))
        snprintf(out, size, "%.100s:%u", explore_base_name(file), line);
    else
        snprintf(out, size, "%.100s", explore_place(result, address));
}

/* Blocks of the heap are called by the line that has allocated them, and are numbered if there are more. */
static unsigned number_of_block(const struct explore_result *result, uint64_t block, uint64_t site)
{
    const struct explore_story *story = &result->story;
    uint64_t seen[8];
    unsigned count = 0;
    char place[160], other[160];
    explore_place_short(result, site, place, sizeof place);
    for (size_t i = 0; i < story->step_count && count < 8; i++) {
        const struct explore_step *step = &story->steps[i];
        unsigned known = 0;
        while (known < count && seen[known] != step->block)
            known++;
        if (!step->block || known < count)
            continue;
        /* An inlined function is at several addresses. */
        explore_place_short(result, step->block_site, other, sizeof other);
        if (strcmp(place, other) != 0)
            continue;
        seen[count++] = step->block;
        if (step->block == block)
            break;
    }
    return count;
}

/* "block:30", or "node:30" if its type is known, and what is in it. */
static void name_in_block(const struct explore_result *result, const struct explore_step *step,
                          const char *place, char *out, size_t size)
{
    char type[48] = "", path[80];
    uint64_t offset = step->address - step->block;
    bool is_typed = explore_debug_block(result, step, type, sizeof type, path, sizeof path);
    bool is_short = *type && strlen(type) <= TYPE_MAX;
    size_t length = (size_t)snprintf(out, size, "%s:%s", is_short ? type : "block", place);
    unsigned number = number_of_block(result, step->block, step->block_site);
    if (number > 1 && length < size)
        length += (size_t)snprintf(out + length, size - length, "#%u", number);
    if (is_typed && length < size)
        snprintf(out + length, size - length, "%s", path);
    else if (offset && length < size)
        snprintf(out + length, size - length, "+%lu", (unsigned long)offset);
}

/* As it is called at the place of the step. */
void explore_step_datum(const struct explore_result *result, const struct explore_step *step,
                        char *out, size_t size)
{
    const char *file, *function, *own;
    unsigned line, own_line;
    char place[64];
    if (!strcmp(step->event, "free") && step->size != EXPLORE_WHOLE) {
        explore_block_name(result, step, step->site, out, size);
        return;
    }
    if (!step->block || !explore_place_parts(step->block_site, &file, &line, &function)) {
        snprintf(out, size, "%.80s", explore_datum(result, step->site, step->address, step->size));
        return;
    }
    explore_place_parts(step->site, &own, &own_line, &function);
    bool is_other_file = *own && strcmp(own, file);
    snprintf(place, sizeof place, "%.40s%s%u", is_other_file ? explore_base_name(file) : "",
             is_other_file ? ":" : "", line);
    name_in_block(result, step, place, out, size);
}

void explore_block_name(const struct explore_result *result, const struct explore_step *step,
                        uint64_t site, char *out, size_t size)
{
    struct explore_step whole = *step;
    whole.site = site;
    whole.address = step->block;
    whole.size = EXPLORE_WHOLE;
    explore_step_datum(result, &whole, out, size);
}

size_t explore_blocks(const struct explore_result *result, const struct explore_step **out,
                      size_t most)
{
    const struct explore_story *story = &result->story;
    const char *file, *function;
    size_t count = 0, known;
    unsigned line;
    for (size_t i = 0; i < story->step_count && count < most; i++) {
        const struct explore_step *step = &story->steps[i];
        for (known = 0; known < count && out[known]->block != step->block; known++)
            ;
        if (known == count && step->block && step->block_size &&
            explore_place_parts(step->block_site, &file, &line, &function))
            out[count++] = step;
    }
    return count;
}

const char *explore_name(const struct explore_result *result, uint64_t address, uint64_t size)
{
    static char text[NAME_SIZE];
    const struct explore_story *story = &result->story;
    size_t i = 0;
    while (i < story->step_count && story->steps[i].address != address)
        i++;
    if (i == story->step_count || (!story->steps[i].block && story->steps[i].size != size))
        return explore_datum(result, i < story->step_count ? story->steps[i].site : 0, address,
                             size);
    explore_step_datum(result, &story->steps[i], text, sizeof text);
    return text;
}

/* What begins in the runtime, or in a library without debugging information, is no function of the program's. */
const char *explore_lane_function(const struct explore_result *result, const char *thread)
{
    const struct explore_story *story = &result->story;
    for (size_t i = 0; i < story->lane_count; i++) {
        const char *file, *function;
        unsigned line;
        if (!strcmp(story->lanes[i].thread, thread) &&
            explore_place_parts(story->lanes[i].start + 1, &file, &line, &function) &&
            !explore_is_runtime(result, story->lanes[i].start))
            return function;
    }
    return "";
}

const char *explore_lane_label(const struct explore_result *result, const char *thread)
{
    const struct explore_story *story = &result->story;
    for (size_t i = 0; i < story->lane_count; i++)
        if (!strcmp(story->lanes[i].thread, thread) && *story->lanes[i].label)
            return story->lanes[i].label;
    return explore_lane_function(result, thread);
}
