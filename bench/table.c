/* Figures: a row of the table for people, a line of JSON for machines. */
#include "harness.h"

#include <string.h>

static FILE *json;
static char group_now[128];
static unsigned goals_met;
static unsigned goals_missed;
static unsigned goals_skipped;
static unsigned figures;

void bench_table_json(FILE *file)
{
    json = file;
}

/* NAN: there is nothing to judge.  Else 1 or 0. */
static double judge(const struct bench_figure *figure)
{
    double judged = figure->baseline != NULL ? figure->ratio : figure->value;
    if (figure->sense == BENCH_INFO || figure->package != NULL || isnan(judged))
        return NAN;
    if (figure->sense == BENCH_AT_MOST)
        return judged <= figure->goal * figure->allowance;
    return judged >= figure->goal / figure->allowance;
}

/* -- for people ------------------------------------------------------------------------------- */

static void format_number(char *text, size_t size, double number)
{
    if (isnan(number))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.*f", fabs(number) >= 100 ? 0 : fabs(number) >= 10 ? 1 : 2, number);
}

static void print_heading(const struct bench_figure *figure)
{
    if (strcmp(group_now, figure->group) == 0)
        return;
    snprintf(group_now, sizeof(group_now), "%s", figure->group);
    printf("\n%s: %s\n", figure->bench, figure->group);
    printf("  %-42s %9s %-8s %6s  %-20s %6s %8s %4s %6s\n", "what", "value", "unit", "spread",
           "baseline", "ratio", "goal", "met", "share");
}

static const char *met_text(const struct bench_figure *figure)
{
    double met = judge(figure);
    if (isnan(met))
        return "-";
    return met != 0 ? "yes" : "NO";
}

static void print_row(const struct bench_figure *figure)
{
    char value[24], spread[24] = "-", ratio[24] = "-", goal[24] = "-", share[24];
    format_number(value, sizeof(value), figure->value);
    format_number(share, sizeof(share), figure->share);
    if (!isnan(figure->spread))
        snprintf(spread, sizeof(spread), "%.1f%%", figure->spread * 100);
    if (!isnan(figure->ratio))
        snprintf(ratio, sizeof(ratio), "%.3f", figure->ratio);
    if (figure->sense != BENCH_INFO)
        snprintf(goal, sizeof(goal), "%s %.*f",
                 figure->sense == BENCH_AT_MOST ? "<=" : ">=", figure->goal >= 100 ? 0 : 2,
                 figure->goal);
    printf("  %-42s %9s %-8s %6s  %-20s %6s %8s %4s %6s", figure->metric, value, figure->unit,
           spread, figure->baseline != NULL ? figure->baseline : "-", ratio, goal, met_text(figure),
           share);
    if (figure->package != NULL)
        printf("  skipped: needs %s", figure->package);
    if (figure->note != NULL)
        printf("  %s", figure->note);
    putchar('\n');
    fflush(stdout);
}

/* -- for machines ----------------------------------------------------------------------------- */

static void put_text(const char *key, const char *text)
{
    fprintf(json, "\"%s\": ", key);
    if (text == NULL) {
        fputs("null", json);
        return;
    }
    fputc('"', json);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', json);
        fputc(*text, json);
    }
    fputc('"', json);
}

static void put_number(const char *key, double number)
{
    if (isfinite(number))
        fprintf(json, ", \"%s\": %.6g", key, number);
    else
        fprintf(json, ", \"%s\": null", key);
}

static void put_met(const struct bench_figure *figure)
{
    double met = judge(figure);
    if (figure->package != NULL)
        fprintf(json, ", \"met\": \"skipped\", ");
    else if (isnan(met))
        fprintf(json, ", \"met\": null, ");
    else
        fprintf(json, ", \"met\": %s, ", met != 0 ? "true" : "false");
}

static void print_json(const struct bench_figure *figure)
{
    char metric[192];
    snprintf(metric, sizeof(metric), "%s: %s", figure->group, figure->metric);
    fputc('{', json);
    put_text("bench", figure->bench);
    fputs(", ", json);
    put_text("metric", metric);
    fputs(", ", json);
    put_text("unit", figure->unit);
    put_number("value", figure->value);
    put_number("spread", figure->spread);
    fputs(", ", json);
    put_text("baseline", figure->baseline);
    put_number("baseline_value", figure->baseline_value);
    put_number("ratio", figure->ratio);
    put_number("goal", figure->sense == BENCH_INFO ? NAN : figure->goal);
    put_met(figure);
    put_text("goal_is", figure->sense == BENCH_INFO      ? NULL
                        : figure->sense == BENCH_AT_MOST ? "at most"
                                                         : "at least");
    put_number("allowance", figure->allowance);
    fputs(", ", json);
    put_text("package", figure->package);
    fputs("}\n", json);
    fflush(json);
}

void bench_record(const struct bench_figure *figure)
{
    double met = judge(figure);
    figures++;
    if (figure->sense != BENCH_INFO) {
        goals_met += met == 1;
        goals_missed += met == 0;
        goals_skipped += isnan(met);
    }
    if (!figure->is_json_only) {
        print_heading(figure);
        print_row(figure);
    }
    if (json != NULL)
        print_json(figure);
}

void bench_table_version(const char *peer, const char *version)
{
    if (json == NULL)
        return;
    fputc('{', json);
    put_text("peer", peer);
    fputs(", ", json);
    put_text("version", version);
    fputs("}\n", json);
}

void bench_table_raw(const char *bench, const char *metric, const char *key, const char *value)
{
    if (json == NULL)
        return;
    fputc('{', json);
    put_text("bench", bench);
    fputs(", ", json);
    put_text("metric", metric);
    fprintf(json, ", \"%s\": %s}\n", key, value);
}

unsigned bench_table_end(void)
{
    printf("\ngoals: %u met, %u missed, %u skipped\n", goals_met, goals_missed, goals_skipped);
    if (bench_is_quick)
        printf("This was a quick run: it shows that the benches work; its figures are noise.\n");
    return figures;
}
