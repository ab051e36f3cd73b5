/* What the runtime says, line by line: a word and its value. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>

static void keep_line(char **lines, size_t *count, const char *text)
{
    if (*count < EXPLORE_LINES_MAX && (lines[*count] = strdup(text)))
        ++*count;
}

static void read_module(const char *value, struct explore_result *result)
{
    struct explore_module *module = &result->modules[result->module_count];
    int path = 0;
    if (result->module_count == EXPLORE_MODULES_MAX ||
        sscanf(value, "%lx %lx %n", &module->begin, &module->end, &path) != 2 || !path)
        return;
    module->path = strdup(value + path);
    if (module->path)
        result->module_count++;
}

static void read_race(const char *value, struct explore_result *result)
{
    struct explore_race *race = &result->races[result->race_count];
    struct explore_access *first = &race->accesses[0], *second = &race->accesses[1];
    if (result->race_count == EXPLORE_RACES_MAX ||
        sscanf(value, "%lx %u %lu %63s %d %d %lx %63s %d %d %lx", &race->address, &race->size,
               &race->schedule, first->thread, &first->is_write, &first->is_atomic, &first->site,
               second->thread, &second->is_write, &second->is_atomic, &second->site) != 11)
        return;
    result->race_count++;
}

static bool read_number(const char *word, const char *value, struct explore_result *result)
{
    const struct {
        const char *word;
        uint64_t *out;
        int base;
    } numbers[] = {{"schedule", &result->schedule, 10},
                   {"preemptions", &result->preemptions, 10},
                   {"where", &result->where, 16},
                   {"schedules", &result->schedules, 10},
                   {"nanoseconds", &result->nanoseconds, 10},
                   {"steps", &result->steps, 10},
                   {"events", &result->events, 10},
                   {"threads", &result->threads, 10},
                   {"processes", &result->processes, 10},
                   {"endless", &result->endless, 10},
                   {"digest", &result->digest, 16},
                   {"races-lost", &result->races_lost, 10}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(numbers[i].word, word))
            continue;
        *numbers[i].out = strtoull(value, NULL, numbers[i].base);
        return true;
    }
    return false;
}

static void read_text(const char *word, const char *value, struct explore_result *result)
{
    if (!strcmp(word, "text") || !strcmp(word, "cannot") || !strcmp(word, "diverged"))
        keep_line(result->text, &result->text_count, value);
    if (!strcmp(word, "turn"))
        keep_line(result->turns, &result->turn_count, value);
    if (!strcmp(word, "note"))
        keep_line(result->notes, &result->note_count, value);
    result->is_impossible |= !strcmp(word, "cannot");
    result->has_diverged |= !strcmp(word, "diverged");
    if (!strcmp(word, "found"))
        snprintf(result->found, sizeof result->found, "%s", value);
    if (!strcmp(word, "strategy"))
        snprintf(result->strategy, sizeof result->strategy, "%s", value);
    if (!strcmp(word, "replay"))
        snprintf(result->replay, sizeof result->replay, "%s", value);
}

static void read_line(char *line, struct explore_result *result)
{
    char *value = strchr(line, ' ');
    if (!value)
        return;
    *value++ = 0;
    if (!strcmp(line, "hello"))
        result->has_begun = true;
    else if (!strcmp(line, "module"))
        read_module(value, result);
    else if (!strcmp(line, "race"))
        read_race(value, result);
    else if (!strcmp(line, "done")) {
        result->is_over = true;
        result->status = atoi(value);
    } else if (!explore_story_read(line, value, &result->story) &&
               !read_number(line, value, result))
        read_text(line, value, result);
}

/* Up to the last word, or until the other side closes: the program's own children may have the pipe, too. */
void explore_result_read(FILE *in, struct explore_result *result)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t length; !result->is_over && (length = getline(&line, &room, in)) > 0;) {
        if (line[length - 1] == '\n')
            line[length - 1] = 0;
        read_line(line, result);
    }
    free(line);
}

void explore_result_free(struct explore_result *result)
{
    for (size_t i = 0; i < result->text_count; i++)
        free(result->text[i]);
    for (size_t i = 0; i < result->turn_count; i++)
        free(result->turns[i]);
    for (size_t i = 0; i < result->note_count; i++)
        free(result->notes[i]);
    for (size_t i = 0; i < result->module_count; i++)
        free(result->modules[i].path);
}
