/* The table, the totals, and the same as JSON: one object a line, with the keys of the other benches. */
#include "explore.h"

#include <math.h>
#include <string.h>

static const double limits[] = {5, 10, 20, 50, 100, 1000};
#define LIMITS (sizeof limits / sizeof *limits)

/* ---- JSON ------------------------------------------------------------------------------------------------- */

static void write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 32)
            fprintf(out, "\\u%04x", byte);
        else
            fprintf(out, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
    }
    fputc('"', out);
}

struct line {
    const char *program, *what, *unit;
    double value;
    const char *baseline; /* NULL: none */
    double baseline_value;
    double goal; /* below 0: none */
    const char *goal_is;
    bool is_met;
};

static void write_line(FILE *out, const struct line *line)
{
    if (!out)
        return;
    fputs("{\"bench\": \"explore\", \"metric\": ", out);
    char metric[160];
    snprintf(metric, sizeof metric, "%s: %s", line->program, line->what);
    write_text(out, metric);
    fprintf(out, ", \"unit\": \"%s\", \"value\": %g, \"spread\": null, ", line->unit, line->value);
    if (line->baseline)
        fprintf(out, "\"baseline\": \"%s\", \"baseline_value\": %g, \"ratio\": %g, ",
                line->baseline, line->baseline_value, line->value / line->baseline_value);
    else
        fputs("\"baseline\": null, \"baseline_value\": null, \"ratio\": null, ", out);
    if (line->goal >= 0)
        fprintf(out, "\"goal\": %g, \"goal_is\": \"%s\", \"met\": %s}\n", line->goal, line->goal_is,
                line->is_met ? "true" : "false");
    else
        fputs("\"goal\": null, \"goal_is\": null, \"met\": null}\n", out);
}

static void write_result(FILE *out, const struct result *result)
{
    const char *name = result->program->name;
    const struct published *published = &result->published;
    if (result->complaint[0]) {
        if (!out)
            return;
        fputs("{\"bench\": \"explore\", \"program\": ", out);
        write_text(out, name);
        fputs(", \"error\": ", out);
        write_text(out, result->complaint);
        fputs("}\n", out);
        return;
    }
    bool has_lowest = published->lowest.median > 0;
    bool has_goal = published->goal_found > 0;
    if (result->found) {
        write_line(out, &(struct line){name, "schedules to the first failure", "schedules",
                                       result->schedules, has_lowest ? published->of : NULL,
                                       published->lowest.median, -1, NULL, false});
        write_line(out, &(struct line){name, "time to the first failure", "s", result->seconds,
                                       NULL, 0, has_goal ? published->goal_seconds : -1, "at most",
                                       result->seconds <= published->goal_seconds});
    }
    double wanted = has_goal ? published->goal_found * result->count / 20.0 : -1;
    write_line(out, &(struct line){name, "trials that failed", "trials", result->found, NULL, 0,
                                   wanted, "at least", result->found >= wanted});
    if (result->found && result->program->has_needs)
        write_line(out, &(struct line){name, "most preemptions after shrinking", "preemptions",
                                       result->preemptions, NULL, 0, result->program->needs,
                                       "at most", result->smallest == result->found});
    write_line(out, &(struct line){name, "schedules a second", "1/s", result->rate, NULL, 0, -1,
                                   NULL, false});
}

/* ---- Rows ------------------------------------------------------------------------------------------------- */

static void write_figure(const struct figure *figure, char *out, size_t size)
{
    if (figure->median < 0)
        snprintf(out, size, "-");
    else if (!figure->found)
        snprintf(out, size, "never");
    else if (figure->found == 20)
        snprintf(out, size, "%g", figure->median);
    else
        snprintf(out, size, "%g(%u)", figure->median, figure->found);
}

/* Each of so many of its trials fails within the seconds. */
static bool is_goal_met(const struct result *result)
{
    const struct published *published = &result->published;
    uint32_t within = 0;
    for (uint32_t i = 0; i < result->count; i++)
        within +=
            result->trials[i].is_found && result->trials[i].seconds <= published->goal_seconds;
    return result->count && within * 20 >= published->goal_found * result->count;
}

/* The most preemptions that a trial was left with, and how many are needed where that is known. */
static void write_preemptions(const struct result *result, char *out, size_t size)
{
    if (!result->found)
        snprintf(out, size, "-");
    else if (result->program->has_needs)
        snprintf(out, size, "%u of %u", result->preemptions, result->program->needs);
    else
        snprintf(out, size, "%u", result->preemptions);
}

void report_begin(const struct options *options)
{
    char seconds[64];
    if (options->seconds > 0)
        snprintf(seconds, sizeof seconds, "%g s", options->seconds);
    else
        snprintf(seconds, sizeof seconds, "%d s, or what its goal allows", TRIAL_SECONDS);
    printf("%u trials a program, with seeds from 1, each for at most %s; medians of those that "
           "failed\n",
           options->trials, seconds);
    printf("%-24s %9s %10s %9s %8s %9s  %10s %-8s %s\n", "program", "found", "schedules", "seconds",
           "per s", "preempt.", "published", "by", "goal met");
    fflush(stdout);
}

void report_row(const struct result *result, const struct options *options)
{
    const struct published *published = &result->published;
    char lowest[32], preemptions[32];
    write_result(options->json, result);
    printf("%-24s ", result->program->name);
    if (result->complaint[0]) {
        printf("%s\n", result->complaint);
        fflush(stdout);
        return;
    }
    printf("%5u/%-3u ", result->found, result->count);
    if (result->found)
        printf("%10g %9.4f ", result->schedules, result->seconds);
    else
        printf("%10s %9s ", "-", "-");
    write_figure(&published->lowest, lowest, sizeof lowest);
    write_preemptions(result, preemptions, sizeof preemptions);
    const char *met = !published->goal_found ? "" : is_goal_met(result) ? "yes" : "NO";
    printf("%8.0f %9s  %10s %-*s%s", result->rate, preemptions, lowest, *met ? 9 : 0,
           published->of[0] ? published->of : "-", met);
    putchar('\n');
    fflush(stdout);
}

/* ---- Totals ----------------------------------------------------------------------------------------------- */

/* A program's median of all trials; those that did not fail count as later than any limit. */
static bool is_within(const struct result *result, double limit)
{
    uint32_t within = 0;
    for (uint32_t i = 0; i < result->count; i++)
        within += result->trials[i].is_found && result->trials[i].schedules <= limit;
    return result->count && within * 20 >= SETTLED * result->count;
}

static bool was_within(const struct figure *figure, double limit)
{
    return figure->median > 0 && figure->found >= SETTLED && figure->median <= limit;
}

static const struct figure *figure_of(const struct result *result, bool is_surw)
{
    return is_surw ? &result->published.surw : &result->published.rff;
}

/* Two lines: ours and theirs, over the programs that they were measured on.  Returns whether ours is nowhere
 * less. */
static bool report_beside(const struct result *results, uint32_t count, bool is_surw, FILE *json)
{
    const char *tool = is_surw ? "SURW" : "RFF";
    uint32_t ours[LIMITS] = {0}, theirs[LIMITS] = {0}, both = 0;
    bool is_met = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct figure *figure = figure_of(&results[i], is_surw);
        if (figure->median < 0 || results[i].complaint[0])
            continue;
        both++;
        for (size_t l = 0; l < LIMITS; l++) {
            ours[l] += is_within(&results[i], limits[l]);
            theirs[l] += was_within(figure, limits[l]);
        }
    }
    if (!both)
        return true;
    printf("the %3u that %-4s was tried on, ours ", both, tool);
    for (size_t l = 0; l < LIMITS; l++)
        printf(" %5u", ours[l]);
    printf("\n%33s ", tool);
    for (size_t l = 0; l < LIMITS; l++) {
        char what[64];
        printf(" %5u", theirs[l]);
        is_met = is_met && ours[l] >= theirs[l];
        snprintf(what, sizeof what, "found within %g schedules, of %u", limits[l], both);
        write_line(json, &(struct line){tool, what, "programs", ours[l], NULL, 0, theirs[l],
                                        "at least", ours[l] >= theirs[l]});
    }
    printf("  goal (at or above everywhere) met: %s\n", is_met ? "yes" : "NO");
    return is_met;
}

/* Programs whose schedules have all been shrunk to what they need: 9 of 10 are to be. */
static bool report_needs(const struct result *results, uint32_t count, FILE *json)
{
    uint32_t known = 0, smallest = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_known = results[i].found && results[i].program->has_needs;
        known += is_known;
        smallest += is_known && results[i].smallest == results[i].found;
    }
    if (!known)
        return true;
    bool is_met = smallest * 10 >= known * 9;
    printf(
        "programs that no trial has left with more preemptions than they need: %u of %u  goal (9 "
        "of 10) met: %s\n",
        smallest, known, is_met ? "yes" : "NO");
    write_line(json,
               &(struct line){"all", "programs shrunk to the preemptions they need", "programs",
                              smallest, NULL, 0, ceil(known * 0.9), "at least", is_met});
    return is_met;
}

bool report_totals(const struct result *results, uint32_t count, const struct options *options)
{
    uint32_t measured = 0, goals = 0, met = 0;
    printf("\nprograms that at least half of the trials found within so many schedules\n%33s ", "");
    for (size_t l = 0; l < LIMITS; l++)
        printf(" %5g", limits[l]);
    for (uint32_t i = 0; i < count; i++) {
        measured += !results[i].complaint[0];
        goals += results[i].published.goal_found > 0;
        met += results[i].published.goal_found > 0 && is_goal_met(&results[i]);
    }
    printf("\nall %29u ", measured);
    for (size_t l = 0; l < LIMITS; l++) {
        uint32_t within = 0;
        for (uint32_t i = 0; i < count; i++)
            within += is_within(&results[i], limits[l]);
        printf(" %5u", within);
    }
    putchar('\n');
    bool is_met = report_beside(results, count, true, options->json);
    is_met = report_beside(results, count, false, options->json) && is_met;
    is_met = report_needs(results, count, options->json) && is_met;
    if (goals)
        printf("goals of programs met: %u of %u\n", met, goals);
    return is_met && met == goals;
}
