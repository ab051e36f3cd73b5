/* What a file expects against what comes. */
#include "spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Every schedule -------------------------------------------------------------------------- */

#define KINDS_OF_END_MAX SPEC_LINES_MAX

struct tally {
    char text[SPEC_LINE_SIZE];
    uint32_t count;
};

struct census {
    struct spec *spec;
    struct tally tallies[KINDS_OF_END_MAX];
    uint32_t tally_count;
    uint32_t schedules;
    uint32_t order[SPEC_STEPS_MAX];
    uint32_t taken[SPEC_STEPS_MAX]; /* 1: is in order already */
    bool has_failed;
    struct transcript transcript;
};

/* The steps that did not come to "ok", in the order of the file: "A2 LG_EDEADLK". */
static void sum_up(const struct census *census, char *out)
{
    out[0] = 0;
    for (uint32_t i = 0; i < census->spec->step_count; i++) {
        const char *result = census->transcript.results[i];
        bool is_ok = strncmp(result, "ok", 2) == 0; /* perhaps with what was had */
        if (!result[0] || is_ok || !strcmp(result, "ended"))
            continue;
        int length =
            strncmp(result, "LG_E", 4) == 0 ? (int)strcspn(result, ":") : (int)strlen(result);
        snprintf(out + strlen(out), SPEC_LINE_SIZE - strlen(out), "%s%s %.*s", out[0] ? ", " : "",
                 census->spec->steps[i].name, length, result);
    }
    if (!out[0])
        snprintf(out, SPEC_LINE_SIZE, "all ok");
}

static void count_end(struct census *census)
{
    char text[SPEC_LINE_SIZE];
    uint32_t i = 0;
    sum_up(census, text);
    while (i < census->tally_count && strcmp(census->tallies[i].text, text) != 0)
        i++;
    if (i == KINDS_OF_END_MAX) {
        census->has_failed = true;
        return;
    }
    if (i == census->tally_count)
        memcpy(census->tallies[census->tally_count++].text, text, sizeof text);
    census->tallies[i].count++;
}

/* All orders that keep those of the threads. */
static void try_orders(struct census *census, uint32_t depth)
{
    const struct spec *spec = census->spec;
    if (census->has_failed || census->schedules > SPEC_ALL_MAX)
        return;
    if (depth == spec->step_count) {
        census->schedules++;
        census->has_failed |= !spec_run(census->spec, census->order, depth, &census->transcript);
        count_end(census);
        return;
    }
    for (uint32_t actor = 0; actor < spec->actor_count; actor++)
        for (uint32_t i = 0; i < spec->step_count; i++) {
            if (spec->steps[i].actor != actor || census->taken[i])
                continue;
            census->taken[i] = 1;
            census->order[depth] = i;
            try_orders(census, depth + 1);
            census->taken[i] = 0;
            break; /* the next of this thread */
        }
}

/* Most frequent first. */
static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

static bool run_every(struct spec *spec, struct transcript *out)
{
    struct census *census = calloc(1, sizeof *census);
    if (!census)
        return false;
    census->spec = spec;
    try_orders(census, 0);
    *out = (struct transcript){.line_count = 0};
    qsort(census->tallies, census->tally_count, sizeof census->tallies[0], compare_tallies);
    for (uint32_t i = 0; i < census->tally_count; i++)
        snprintf(out->lines[out->line_count++], SPEC_LINE_SIZE, "%u %.140s",
                 census->tallies[i].count, census->tallies[i].text);
    if (census->schedules > SPEC_ALL_MAX)
        snprintf(out->lines[0], SPEC_LINE_SIZE, "more than %d schedules: name some instead",
                 SPEC_ALL_MAX);
    bool is_done = !census->has_failed;
    free(census);
    return is_done;
}

/* ---- All of a file --------------------------------------------------------------------------- */

static bool is_met(const struct expectation *expects, const struct transcript *came)
{
    if (expects->line_count != came->line_count)
        return false;
    for (uint32_t i = 0; i < came->line_count; i++)
        if (strcmp(expects->lines[i], came->lines[i]) != 0)
            return false;
    return true;
}

static void print_difference(const struct spec *spec, const struct expectation *expects,
                             const struct transcript *came)
{
    printf("FAILED  %s:%u\n", spec->path, expects->line);
    for (uint32_t i = 0; i < expects->line_count || i < came->line_count; i++) {
        const char *wanted = i < expects->line_count ? expects->lines[i] : "";
        const char *got = i < came->line_count ? came->lines[i] : "";
        if (!strcmp(wanted, got))
            printf("    %s\n", got);
        else
            printf("  - %s\n  + %s\n", wanted, got);
    }
}

unsigned spec_check(struct spec *spec, bool must_print)
{
    unsigned failed = 0;
    for (uint32_t i = 0; i < spec->expectation_count; i++) {
        const struct expectation *expects = &spec->expectations[i];
        struct transcript came;
        bool is_done = expects->is_every
                           ? run_every(spec, &came)
                           : spec_run(spec, expects->steps, expects->step_count, &came);
        if (must_print) {
            printf("%s:%u\n", spec->path, expects->line);
            for (uint32_t line = 0; line < came.line_count; line++)
                printf("    %s\n", came.lines[line]);
        } else if (!is_done) {
            printf("FAILED  %s:%u: out of memory or threads\n", spec->path, expects->line);
            failed++;
        } else if (!is_met(expects, &came)) {
            print_difference(spec, expects, &came);
            failed++;
        }
    }
    return failed;
}
