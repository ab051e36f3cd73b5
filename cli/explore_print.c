/* The result of an exploration, for people and for programs. */
#include "explore.h"
#include "terminal.h"

#define RACES_SHOWN 8

static double seconds_of(const struct explore_result *result)
{
    return (double)result->nanoseconds / 1e9;
}

static double rate_of(const struct explore_result *result)
{
    return result->nanoseconds ? (double)result->schedules / seconds_of(result) : 0;
}

static const char *verb_of(const struct explore_access *access)
{
    if (access->is_atomic)
        return access->is_write ? "atomically writes" : "atomically reads";
    return access->is_write ? "writes" : "reads";
}

static void print_lines(const struct explore_result *result, char *const *lines, size_t count)
{
    char line[1024];
    for (size_t i = 0; i < count; i++) {
        explore_places_expand(result, lines[i], line, sizeof line);
        printf("  %s\n", line);
    }
}

static void print_races(const struct explore_result *result)
{
    if (!result->race_count)
        return;
    printf("data races: %zu\n", result->race_count);
    for (size_t i = 0; i < result->race_count && i < RACES_SHOWN; i++) {
        const struct explore_race *race = &result->races[i];
        const struct explore_access *first = &race->accesses[0], *second = &race->accesses[1];
        printf("  %s: %s %s it at %s", explore_datum(result, race->address), first->thread,
               verb_of(first), explore_place(result, first->site));
        printf(", %s %s it at %s, and nothing orders the two\n", second->thread, verb_of(second),
               explore_place(result, second->site));
    }
    if (result->race_count > RACES_SHOWN)
        printf("  ... and %zu more (--json lists them)\n", result->race_count - RACES_SHOWN);
}

static void print_summary(const struct explore_result *result)
{
    if (*result->found)
        printf("found: %s, in schedule %lu (%s, %lu preemption%s), after %.3f s\n", result->found,
               result->schedule, result->strategy, result->preemptions,
               result->preemptions == 1 ? "" : "s", seconds_of(result));
    else
        printf(
            "nothing found: %lu schedules in %.2f s (%.0f a second), %lu threads, %lu decisions in "
            "the last\n",
            result->schedules, seconds_of(result), rate_of(result), result->threads, result->steps);
}

void explore_print_text(const struct explore_result *result)
{
    char line[1024];
    print_summary(result);
    print_lines(result, result->text, result->text_count);
    if (result->turn_count)
        printf("interleaving: who runs until what\n");
    print_lines(result, result->turns, result->turn_count);
    print_races(result);
    for (size_t i = 0; i < result->note_count; i++) {
        explore_places_expand(result, result->notes[i], line, sizeof line);
        printf("note: %s\n", line);
    }
    if (*result->replay)
        printf("replay: lifeguard explore --replay %s\n", result->replay);
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static void print_string(const char *text)
{
    terminal_print_json(stdout, text);
}

static void print_access(const struct explore_result *result, const struct explore_access *access)
{
    printf("{\"thread\": ");
    print_string(access->thread);
    printf(", \"is_write\": %s, \"is_atomic\": %s, \"where\": ",
           access->is_write ? "true" : "false", access->is_atomic ? "true" : "false");
    print_string(explore_place(result, access->site));
    putchar('}');
}

static void print_race(const struct explore_result *result, const struct explore_race *race)
{
    printf("{\"variable\": ");
    print_string(explore_datum(result, race->address));
    printf(", \"size\": %u, \"schedule\": %lu, \"accesses\": [", race->size, race->schedule);
    print_access(result, &race->accesses[0]);
    printf(", ");
    print_access(result, &race->accesses[1]);
    printf("]}");
}

static void print_array(const struct explore_result *result, char *const *lines, size_t count)
{
    char line[1024];
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        explore_places_expand(result, lines[i], line, sizeof line);
        printf(i ? ", " : "");
        print_string(line);
    }
    putchar(']');
}

static void print_found(const struct explore_result *result)
{
    if (!*result->found) {
        printf("null");
        return;
    }
    printf("{\"kind\": ");
    print_string(result->found);
    printf(", \"schedule\": %lu, \"where\": ", result->schedule);
    print_string(result->where ? explore_place(result, result->where) : "");
    printf(", \"preemptions\": %lu, \"strategy\": ", result->preemptions);
    print_string(result->strategy);
    printf(", \"replay_file\": ");
    print_string(result->replay);
    printf(", \"text\": ");
    print_array(result, result->text, result->text_count);
    printf(", \"interleaving\": ");
    print_array(result, result->turns, result->turn_count);
    putchar('}');
}

void explore_print_json(const struct explore_result *result)
{
    printf("{\"schedules\": %lu, \"seconds\": %.6f, \"schedules_per_second\": %.1f, \"found\": ",
           result->schedules, seconds_of(result), rate_of(result));
    print_found(result);
    printf(", \"races\": [");
    for (size_t i = 0; i < result->race_count; i++) {
        printf(i ? ", " : "");
        print_race(result, &result->races[i]);
    }
    printf("], \"steps\": %lu, \"threads\": %lu}\n", result->steps, result->threads);
}
