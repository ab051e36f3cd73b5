/* The story as one page, for looking at: a lane for each thread, all that was recorded and not only what fits
 * twenty lines.  Nothing is fetched, and nothing runs. */
#include "explore.h"
#include "terminal.h"

#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--ground:#fff;--ink:#1c1e21;--dim:#5c6370;--rule:#d4d8de;"
    "--lane:#aab4c0;--soft:#f1f3f6;--bad:#b3261e;--bad-soft:#fdecea;--one:#0b57d0;"
    "--one-soft:#e4edfd;--lock0:#c77700;--lock1:#00897b;--lock2:#8e44ad;--lock3:#c2185b;"
    "--lock4:#5d7c15;--lock5:#5c6bc0}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#e6e8eb;--dim:#a2abb6;"
    "--rule:#333940;--lane:#5a6470;--soft:#22262d;--bad:#ff8a80;--bad-soft:#3a1d1b;"
    "--one:#8ab4f8;--one-soft:#1b2a41;--lock0:#ffb74d;--lock1:#4db6ac;--lock2:#ce93d8;"
    "--lock3:#f48fb1;--lock4:#aed581;--lock5:#9fa8da}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1.5rem;max-width:110rem;"
    "background:var(--ground);color:var(--ink);font:15px/1.45 system-ui,sans-serif;"
    "overflow-wrap:anywhere}\n"
    "h1{font-size:1.3rem;margin:0 0 .3rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}\n"
    "p{margin:.3rem 0}ul{margin:.3rem 0;padding-left:1.3rem}.dim{color:var(--dim)}\n"
    "code,pre,.grid,.legend{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}\n"
    "pre{margin:.3rem 0;padding:.5rem .8rem;background:var(--soft);white-space:pre-wrap}\n"
    "summary{cursor:pointer;margin:1.2rem 0 .4rem}\n"
    ".decides{border-left:4px solid var(--one);padding:.2rem .8rem;background:var(--one-soft)}\n"
    ".badge{display:inline-block;margin-right:.4rem;padding:0 .45rem;border-radius:.7rem;"
    "background:var(--one);color:var(--ground);font-weight:bold}\n"
    ".scroll{overflow:auto;max-height:100vh}\n"
    ".grid{display:grid;grid-template-columns:max-content repeat(var(--lanes),"
    "1.8rem max-content minmax(9rem,max-content)) 1.8rem minmax(16rem,1fr);min-width:min-content}\n"
    ".head{position:sticky;top:0;z-index:2;padding:.3rem 0;background:var(--ground);"
    "border-bottom:2px solid var(--rule);font-weight:bold}\n"
    ".head small{color:var(--dim);font-weight:normal}\n"
    ".number{white-space:nowrap;color:var(--dim);text-align:right;padding:.1rem 0}\n"
    ".line{margin-left:3px;border-left:2px solid var(--lane);min-width:10px}\n"
    ".bar{width:8px;border-radius:3px}.slot1{margin-left:10px}.slot2{margin-left:20px}"
    ".slot3{margin-left:30px}\n"
    ".lock0{background:var(--lock0)}.lock1{background:var(--lock1)}.lock2{background:"
    "var(--lock2)}\n"
    ".lock3{background:var(--lock3)}.lock4{background:var(--lock4)}.lock5{background:"
    "var(--lock5)}\n"
    ".legend{color:var(--dim)}.legend span{margin-left:.8rem}"
    ".legend b{display:inline-block;width:8px;height:1em;margin-right:.4rem;border-radius:3px;"
    "vertical-align:-.15em}\n"
    ".deed{align-self:start;margin:1px 0 1px 5px;padding:.1rem "
    ".5rem;border-radius:3px;background:var(--soft)}\n"
    ".deed small{display:block;color:var(--dim);font-weight:normal}\n"
    ".deed.mark{background:var(--one-soft);outline:2px solid var(--one);outline-offset:-1px;"
    "font-weight:bold}\n"
    ".deed.bad{background:var(--bad-soft);color:var(--bad);font-weight:bold}\n"
    ".source{grid-area:var(--row)/-2/auto/-1;display:flex;padding:.1rem 0}\n"
    ".source span{flex:none;min-width:var(--where);margin-right:.8rem;text-align:right;"
    "color:var(--dim)}\n"
    ".turn{display:flex;align-items:center;gap:.4rem;font-size:11px;line-height:1.2;"
    "color:var(--dim)}\n"
    ".turn::before,.turn::after{content:\"\";flex:1;border-top:1px solid var(--lane)}\n"
    ".turn b{order:1;font-weight:normal}.turn.left b{order:-1}\n"
    ".join{border:0 solid var(--one);z-index:1;pointer-events:none}\n"
    ".across{height:calc(.95rem + 1px);border-bottom-width:2px}.across.right{margin-right:1rem}"
    ".across.left{margin-left:calc(.8rem - 2px)}\n"
    ".down{margin:.95rem 0 0 calc(.8rem - 2px);border-left-width:2px}\n"
    ".into{height:.95rem;margin-left:calc(.8rem - 2px);border-left-width:2px;"
    "border-bottom-width:2px;position:relative}\n"
    ".into.left{margin:0 1rem 0 0;border-width:0 2px 2px 0}\n"
    ".into::after{content:\"\";position:absolute;bottom:-6px;border:5px solid transparent}\n"
    ".into.right::after{right:-2px;border-left-color:var(--one);border-right-width:0}\n"
    ".into.left::after{left:0;border-right-color:var(--one);border-left-width:0}\n"
    "@media(max-width:64rem){body{padding:.8rem}.grid{grid-template-columns:max-content "
    "repeat(var(--lanes),1.8rem max-content minmax(6.5rem,max-content)) 0 0;font-size:12px}\n"
    ".source{grid-area:calc(var(--row) + 1)/1/auto/-1;position:sticky;left:0;z-index:1;width:0;"
    "padding:0}.source span,.source code{flex:none;margin:0;padding:0 .6rem .4rem 0;"
    "background:var(--ground);color:var(--dim);font-size:11px}\n"
    ".source span{min-width:2rem}.source code{width:calc(100vw - 4rem)}"
    ".head.source{display:none}}\n";

static void text(FILE *out, const char *string)
{
    terminal_print_html(out, string);
}

static void write_line(const struct explore_result *result, size_t place, FILE *out)
{
    char line[1024];
    explore_places_expand(result, result->text[place], line, sizeof line);
    text(out, line);
}

static void write_head(const struct explore_result *result, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    text(out, result->found);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>Found: ", style);
    text(out, result->found);
    fputs("</h1>\n", out);
    if (result->text_count) {
        fputs("<p>", out);
        write_line(result, 0, out);
        fputs("</p>\n", out);
    }
    fprintf(out, "<p class=\"dim\">In schedule %lu of strategy ", (unsigned long)result->schedule);
    text(out, result->strategy);
    fprintf(out, "; it needs %lu preemption%s.</p>\n", (unsigned long)result->preemptions,
            result->preemptions == 1 ? "" : "s");
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
    char line[400];
    fputs("<h2>What decides</h2>\n<div class=\"decides\">\n", out);
    write_accesses(result, out);
    explore_decision(result, line, sizeof line);
    fputs("<p>", out);
    text(out, line);
    fputs("</p>\n</div>\n", out);
}

/* ---- What happened ----------------------------------------------------------------------------------- */

#define ROWS_MAX  30 /* of the picture that is there at once */
#define LANES_MAX 6

/* What is about the failure; the rest is there when it is asked for. */
static void write_pictures(const struct explore_result *result, FILE *out)
{
    static struct explore_rows rows;
    static struct explore_choice some, all;
    size_t shown = 0, total = 0;
    explore_rows_make(result, &rows);
    explore_choose(&rows, ROWS_MAX, LANES_MAX, &some);
    explore_choose_all(&rows, &all);
    for (size_t i = 0; i < rows.count; i++) {
        shown += some.is_shown[i];
        total += all.is_shown[i];
    }
    fputs("<h2>What happened</h2>\n", out);
    explore_write_picture(result, &rows, &some, out);
    if (shown == total)
        return;
    fprintf(out, "<details>\n<summary>All %zu steps of %zu threads</summary>\n", total,
            rows.lane_count);
    explore_write_picture(result, &rows, &all, out);
    fputs("</details>\n", out);
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
        text(out, explore_name(result, race->address, race->size));
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

static void write_preempted(const struct explore_result *result, FILE *out)
{
    const struct explore_story *story = &result->story;
    char line[400];
    if (!story->preemption_count)
        return;
    fputs("<h2>Threads are preempted</h2>\n<ul>\n", out);
    for (size_t i = 0; i < story->preemption_count; i++) {
        explore_preemption_text(result, &story->preemptions[i], line, sizeof line);
        fputs("<li>", out);
        text(out, line);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void write_blocks(const struct explore_result *result, FILE *out)
{
    const struct explore_step *blocks[EXPLORE_BLOCKS_MAX];
    size_t count = explore_blocks(result, blocks, EXPLORE_BLOCKS_MAX);
    if (!count)
        return;
    fputs("<h2>Blocks of the heap</h2>\n<ul>\n", out);
    for (size_t i = 0; i < count; i++) {
        char name[96];
        explore_block_name(result, blocks[i], blocks[i]->block_site, name, sizeof name);
        fputs("<li><code>", out);
        text(out, name);
        fprintf(out, "</code>: %lu byte%s, allocated at ", (unsigned long)blocks[i]->block_size,
                blocks[i]->block_size == 1 ? "" : "s");
        text(out, explore_place(result, blocks[i]->block_site));
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void write_finding(const struct explore_result *result, FILE *out)
{
    if (result->text_count < 2)
        return;
    fputs("<h2>The finding</h2>\n<pre>", out);
    for (size_t i = 0; i < result->text_count; i++) {
        write_line(result, i, out);
        fputc('\n', out);
    }
    fputs("</pre>\n", out);
}

bool explore_write_html(const struct explore_result *result, FILE *out)
{
    write_head(result, out);
    if (*result->story.decides && result->story.step_count) {
        write_decision(result, out);
        write_pictures(result, out);
        write_preempted(result, out);
        write_blocks(result, out);
    }
    write_finding(result, out);
    write_races(result, out);
    if (*result->replay) {
        fputs("<h2>Again</h2>\n<pre>lifeguard explore --replay ", out);
        text(out, result->replay);
        fputs("</pre>\n", out);
    }
    fputs("</body>\n</html>\n", out);
    return !ferror(out) && !fflush(out);
}
