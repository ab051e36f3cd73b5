/* The story as one page, for looking at: a lane for each thread, all that was recorded and not only what fits
 * twenty lines.  Nothing is fetched, and nothing runs. */
#include "explore.h"
#include "terminal.h"

#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--ground:#fff;--ink:#1c1e21;--dim:#667;--line:#d4d8de;"
    "--lane:#aab4c0;--soft:#f4f6f8;--bad:#b3261e;--bad-soft:#fdecea;--one:#0b57d0;"
    "--one-soft:#e8f0fe}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#e6e8eb;--dim:#9aa3ad;"
    "--line:#333940;--lane:#5a6470;--soft:#1f2329;--bad:#ff8a80;--bad-soft:#3a1d1b;"
    "--one:#8ab4f8;--one-soft:#1b2a41}}\n"
    "body{margin:0 auto;padding:1.5rem;max-width:110rem;background:var(--ground);"
    "color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:1.3rem;margin:0 0 .3rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}\n"
    "p{margin:.3rem 0}ul{margin:.3rem 0;padding-left:1.3rem}\n"
    "code,pre,.story{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}\n"
    "pre{margin:.3rem 0;padding:.5rem .8rem;background:var(--soft);overflow-x:auto}\n"
    ".decides{border-left:4px solid var(--one);padding:.2rem .8rem;background:var(--one-soft)}\n"
    ".scroll{overflow-x:auto}.story{border-collapse:collapse;width:100%}\n"
    ".story th{position:sticky;top:0;background:var(--ground);text-align:left;"
    "padding:.3rem .6rem;border-bottom:2px solid var(--line)}\n"
    ".story th small{color:var(--dim);font-weight:normal}\n"
    ".story td{padding:.1rem .6rem;vertical-align:top;white-space:nowrap}\n"
    ".story td.lane{border-left:2px solid var(--lane);min-width:9rem}\n"
    ".story td.act{border-left:4px solid var(--ink);background:var(--soft);border-radius:3px}\n"
    ".story td.mark1,.story td.mark2{border-left-color:var(--one);background:var(--one-soft);"
    "font-weight:bold}\n"
    ".story td.bad{border-left-color:var(--bad);background:var(--bad-soft);color:var(--bad);"
    "font-weight:bold}\n"
    ".story td.number,.story td.place{color:var(--dim);text-align:right}\n"
    ".story tr.turn td{line-height:1.1;color:var(--dim)}\n"
    ".story tr.turn td.arrow{border-left:2px solid var(--lane);font-size:11px}\n"
    ".arrow span{display:flex;align-items:center;gap:.4rem}\n"
    ".arrow span::before,.arrow span::after{content:\"\";flex:1;border-top:1px solid "
    "var(--lane)}\n"
    ".arrow b{order:1;font-weight:normal}.arrow.left b{order:-1}\n"
    ".chip{display:inline-block;margin-right:.3rem;padding:0 .4rem;border:1px solid var(--line);"
    "border-radius:.7rem;font-weight:normal;font-size:11px;color:var(--dim)}\n"
    ".badge{display:inline-block;margin-right:.4rem;padding:0 .4rem;border-radius:.7rem;"
    "background:var(--one);color:var(--ground)}\n";

static void text(FILE *out, const char *string)
{
    terminal_print_html(out, string);
}

static void write_head(const struct explore_result *result, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    text(out, result->found);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>Found: ", style);
    text(out, result->found);
    fprintf(out, "</h1>\n<p>In schedule %lu of strategy ", (unsigned long)result->schedule);
    text(out, result->strategy);
    fprintf(out, "; it needs %lu preemption%s.</p>\n<pre>", (unsigned long)result->preemptions,
            result->preemptions == 1 ? "" : "s");
    for (size_t i = 0; i < result->text_count; i++) {
        char line[1024];
        explore_places_expand(result, result->text[i], line, sizeof line);
        text(out, line);
        fputc('\n', out);
    }
    fputs("</pre>\n", out);
}

/* ---- What decides ------------------------------------------------------------------------------------ */

static void write_accesses(const struct explore_result *result, FILE *out)
{
    for (unsigned mark = 1; mark <= 2; mark++) {
        const struct explore_step *step = explore_step_marked(result, mark);
        const char *file, *function;
        char deed[200], place[160];
        unsigned line;
        if (!step)
            continue;
        explore_step_deed(result, step, deed, sizeof deed);
        explore_place_short(result, step->site, place, sizeof place);
        explore_place_parts(step->site, &file, &line, &function);
        fprintf(out, "<p><span class=\"badge\">%u</span>", mark);
        text(out, deed);
        fputs(" at ", out);
        text(out, place);
        fputs(*function ? " in <code>" : "<code>", out);
        text(out, function);
        fputs("</code>: <code>", out);
        text(out, explore_source_line(file, line));
        fputs("</code></p>\n", out);
    }
}

static void write_decision(const struct explore_result *result, FILE *out)
{
    const struct explore_story *story = &result->story;
    char line[400];
    fputs("<h2>What decides</h2>\n<div class=\"decides\">\n", out);
    write_accesses(result, out);
    explore_decision(result, line, sizeof line);
    fputs("<p>", out);
    text(out, line);
    fputs("</p>\n</div>\n", out);
    if (!story->preemption_count)
        return;
    fputs("<p>Threads are preempted</p>\n<ul>\n", out);
    for (size_t i = 0; i < story->preemption_count; i++) {
        explore_preemption_text(result, &story->preemptions[i], line, sizeof line);
        fputs("<li>", out);
        text(out, line);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

/* ---- The lanes --------------------------------------------------------------------------------------- */

static void write_lane_heads(const struct explore_result *result, const struct explore_rows *rows,
                             FILE *out)
{
    fputs("<h2>What happened</h2>\n<div class=\"scroll\">\n<table class=\"story\">\n<thead><tr>"
          "<th></th>",
          out);
    for (size_t i = 0; i < rows->lane_count; i++) {
        fputs("<th>", out);
        text(out, rows->lanes[i]);
        fputs(" <small>", out);
        text(out, explore_lane_label(result, rows->lanes[i]));
        fputs("</small></th>", out);
    }
    fputs("<th>line</th><th>", out);
    text(out, rows->file ? explore_base_name(rows->file) : "source");
    fputs("</th></tr></thead>\n<tbody>\n", out);
}

/* From the lane that has stopped to the one that goes on. */
static void write_turn(const struct explore_rows *rows, size_t from, size_t to, const char *how,
                       FILE *out)
{
    size_t first = from < to ? from : to, last = from < to ? to : from;
    fputs("<tr class=\"turn\"><td></td>", out);
    for (size_t i = 0; i < rows->lane_count; i++) {
        if (i != first) {
            fputs("<td class=\"lane\"></td>", out);
            continue;
        }
        fprintf(out, "<td class=\"arrow %s\" colspan=\"%zu\"><span>", from < to ? "right" : "left",
                last - first);
        text(out, how);
        fputs(from < to ? "<b>&#9654;</b></span></td>" : "<b>&#9664;</b></span></td>", out);
        i = last - 1;
    }
    fputs("<td></td><td></td></tr>\n", out);
}

static bool is_bad(const struct explore_row *row)
{
    return !strcmp(row->step->state, "failed") ||
           (row->rank == 0 && !strcmp(row->step->state, "blocked"));
}

static void write_action(const struct explore_row *row, FILE *out)
{
    fprintf(out, "<td class=\"lane act%s%s\">", is_bad(row) ? " bad" : "",
            row->mark == 1   ? " mark1"
            : row->mark == 2 ? " mark2"
                             : "");
    if (row->mark)
        fprintf(out, "<span class=\"badge\">%u</span>", row->mark);
    text(out, row->action);
    if (*row->holds) {
        fputs("<br><span class=\"chip\">holds ", out);
        text(out, row->holds);
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void write_row(const struct explore_rows *rows, size_t place, FILE *out)
{
    const struct explore_row *row = &rows->rows[place];
    fprintf(out, "<tr><td class=\"number\">%zu</td>", place + 1);
    for (size_t i = 0; i < rows->lane_count; i++) {
        if (i == row->lane)
            write_action(row, out);
        else
            fputs("<td class=\"lane\"></td>", out);
    }
    fputs("<td class=\"place\">", out);
    bool is_named = row->line && (!rows->file || strcmp(rows->file, row->file));
    if (is_named)
        text(out, explore_base_name(row->file));
    if (row->line)
        fprintf(out, "%s%u", is_named ? ":" : "", row->line);
    fputs("</td><td title=\"", out);
    text(out, row->function ? row->function : "");
    fputs("\"><code>", out);
    text(out, row->source);
    fputs("</code></td></tr>\n", out);
}

static void write_lanes(const struct explore_result *result, const struct explore_rows *rows,
                        FILE *out)
{
    write_lane_heads(result, rows, out);
    for (size_t i = 0; i < rows->count; i++) {
        const struct explore_row *row = &rows->rows[i];
        if (i && *row->turn && row->lane != rows->rows[i - 1].lane)
            write_turn(rows, rows->rows[i - 1].lane, row->lane, row->turn, out);
        write_row(rows, i, out);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

/* ---- The rest ---------------------------------------------------------------------------------------- */

static void write_races(const struct explore_result *result, FILE *out)
{
    char place[160];
    if (!result->race_count)
        return;
    fputs("<h2>Data races</h2>\n<ul>\n", out);
    for (size_t i = 0; i < result->race_count; i++) {
        const struct explore_race *race = &result->races[i];
        fputs("<li><code>", out);
        text(out, explore_name(result, race->address));
        fputs("</code>:", out);
        for (int k = 0; k < 2; k++) {
            explore_place_short(result, race->accesses[k].site, place, sizeof place);
            fputs(k ? ", " : " ", out);
            text(out, race->accesses[k].thread);
            fputs(race->accesses[k].is_write ? " writes it at " : " reads it at ", out);
            text(out, place);
        }
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

bool explore_write_html(const struct explore_result *result, FILE *out)
{
    static struct explore_rows rows;
    write_head(result, out);
    if (*result->story.decides && result->story.step_count) {
        explore_rows_make(result, &rows);
        write_decision(result, out);
        write_lanes(result, &rows, out);
    }
    write_races(result, out);
    if (*result->replay) {
        fputs("<h2>Again</h2>\n<pre>lifeguard explore --replay ", out);
        text(out, result->replay);
        fputs("</pre>\n", out);
    }
    fputs("</body>\n</html>\n", out);
    return !ferror(out) && !fflush(out);
}
