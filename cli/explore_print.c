/* The result of an exploration, for people and for programs. */
#include "explore.h"
#include "terminal.h"

#include <string.h>

#define RACES_SHOWN       8 /* where nothing failed */
#define TEXT_MIN          2 /* lines about a failure */
#define TEXT_MAX          7
#define ROWS_MIN          6 /* lines of columns */
#define ROWS_MAX          12
#define PAIR_LINES        3
#define PREEMPTIONS_SHOWN 3

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

static void print_race(const struct explore_result *result, const struct explore_race *race)
{
    const struct explore_access *first = &race->accesses[0], *second = &race->accesses[1];
    printf("  %s: %s %s it at %s", explore_name(result, race->address, race->size), first->thread,
           verb_of(first), explore_place(result, first->site));
    printf(", %s %s it at %s, and nothing orders the two\n", second->thread, verb_of(second),
           explore_place(result, second->site));
}

static void print_race_briefly(const struct explore_result *result, const struct explore_race *race)
{
    char places[2][160];
    for (int i = 0; i < 2; i++)
        explore_place_short(result, race->accesses[i].site, places[i], sizeof places[i]);
    printf("  %s: %s %s it at %s, %s %s it at %s\n",
           explore_name(result, race->address, race->size), race->accesses[0].thread,
           verb_of(&race->accesses[0]), places[0], race->accesses[1].thread,
           verb_of(&race->accesses[1]), places[1]);
}

static void print_races(const struct explore_result *result, size_t most, bool is_brief)
{
    size_t shown = result->race_count < most ? result->race_count : most;
    if (!result->race_count)
        return;
    printf("data races: %zu", result->race_count);
    printf(shown < result->race_count ? " (--json lists them all)\n" : "\n");
    for (size_t i = 0; i < shown; i++)
        (is_brief ? print_race_briefly : print_race)(result, &result->races[i]);
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

static void print_notes(const struct explore_result *result)
{
    char line[1024];
    for (size_t i = 0; i < result->note_count; i++) {
        explore_places_expand(result, result->notes[i], line, sizeof line);
        printf("note: %s\n", line);
    }
}

static void print_replay(const struct explore_result *result)
{
    if (*result->replay)
        printf("replay: lifeguard explore --replay %s\n", result->replay);
}

/* ---- A failure, in LINES lines ------------------------------------------------------------------------- */

#define LINES 20
#define BY    "    by "

/* The row of the failure says so too. */
static bool is_said(const char *line)
{
    return !strncmp(line, BY, strlen(BY));
}

/* All of what the finding says, or, where that is more than so many lines, only its sentences without the lists
 * below them. */
static size_t print_finding(const struct explore_result *result, size_t most)
{
    size_t count = 0, used = 0;
    for (size_t i = 0; i < result->text_count; i++)
        count += !is_said(result->text[i]);
    for (size_t i = 0; i < result->text_count; i++) {
        const char *line = result->text[i];
        if (is_said(line) || (count > most && *line == ' '))
            continue;
        print_lines(result, &result->text[i], 1);
        used++;
    }
    return used;
}

static size_t print_pair(const struct explore_result *result)
{
    const struct explore_step *steps[] = {explore_step_marked(result, 1),
                                          explore_step_marked(result, 2)};
    bool is_race = !strcmp(result->story.decides, "race");
    const char *const words[] = {"decides:", is_race ? "     and" : "  before"};
    char deed[200], place[160], decision[200];
    explore_decision(result, decision, sizeof decision);
    if (!steps[0] || !steps[1]) {
        printf("decides: %s\n", decision);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        const char *file, *function;
        unsigned line;
        explore_step_deed(result, steps[i], deed, sizeof deed);
        explore_place_short(result, steps[i]->site, place, sizeof place);
        explore_place_parts(steps[i]->site, &file, &line, &function);
        printf("%s (%d) %s at %s%s%s\n", words[i], i + 1, deed, place, *function ? " in " : "",
               function);
    }
    printf("         %s\n", decision);
    return 3;
}

/* One in words, several by their places. */
static size_t print_preemptions(const struct explore_result *result)
{
    const struct explore_story *story = &result->story;
    size_t count = story->preemption_count;
    char text[400];
    if (!count)
        return 0;
    printf("needs %zu preemption%s:", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < PREEMPTIONS_SHOWN; i++) {
        const struct explore_preemption *preemption = &story->preemptions[i];
        if (count == 1) {
            explore_preemption_text(result, preemption, text, sizeof text);
            printf(" %s", text);
            continue;
        }
        strcpy(text, "its end");
        if (preemption->site)
            explore_place_short(result, preemption->site, text, sizeof text);
        printf("%s %s at %s", i ? "," : "", preemption->thread, text);
    }
    printf(count > PREEMPTIONS_SHOWN ? ", ...\n" : "\n");
    return 1;
}

/* The story comes first; what the finding says has the lines that are left, and at least two.  A replay leaves
 * the line out that names it, and is told as the search was. */
static void print_story(const struct explore_result *result)
{
    size_t after = PAIR_LINES + (result->story.preemption_count > 0) + (result->race_count > 0) +
                   result->note_count + 1;
    size_t rows = explore_columns_wanted(result, ROWS_MAX);
    size_t texts = LINES > 1 + after + rows + TEXT_MIN ? LINES - 1 - after - rows : TEXT_MIN;
    size_t used = 1 + print_finding(result, texts < TEXT_MAX ? texts : TEXT_MAX);
    size_t room = LINES > used + after + ROWS_MIN ? LINES - used - after : ROWS_MIN;
    used += explore_print_columns(result, room, stdout);
    used += print_pair(result);
    used += print_preemptions(result);
    used += result->note_count + 2;
    print_races(result, LINES > used ? LINES - used : 0, true);
}

static void print_turns(const struct explore_result *result)
{
    print_lines(result, result->text, result->text_count);
    if (result->turn_count)
        printf("interleaving: who runs until what\n");
    print_lines(result, result->turns, result->turn_count);
    print_races(result, RACES_SHOWN, false);
}

void explore_print_text(const struct explore_result *result)
{
    print_summary(result);
    if (*result->story.decides && result->story.step_count)
        print_story(result);
    else
        print_turns(result);
    print_notes(result);
    print_replay(result);
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

static void print_race_json(const struct explore_result *result, const struct explore_race *race)
{
    printf("{\"variable\": ");
    print_string(explore_name(result, race->address, race->size));
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
    printf(", \"explanation\": ");
    explore_print_story_json(result, stdout);
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
        print_race_json(result, &result->races[i]);
    }
    printf("], \"steps\": %lu, \"threads\": %lu, \"endless\": %lu, \"processes\": %lu, \"digest\": "
           "\"%016lx\"}\n",
           result->steps, result->threads, result->endless, result->processes, result->digest);
}
