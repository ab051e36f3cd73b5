/* The picture of the story in a page: a grid, a lane for each thread, time downward.  In a lane: its line with a bar
 * for each lock that the thread holds, and what it does.  An arrow joins the two whose order decides. */
#include "explore.h"
#include "terminal.h"

#include <string.h>

#define COLOURS   6 /* of bars; the style has as many */
#define LOCKS_MAX 32

struct picture {
    const struct explore_result *result;
    const struct explore_rows *rows;
    const struct explore_choice *choice;
    FILE *out;
    unsigned between[EXPLORE_STEPS_MAX]; /* the grid's row above that of the story's, 0: none */
    unsigned at[EXPLORE_STEPS_MAX];      /* the grid's row; 0: not shown */
    unsigned end;                        /* the row below the last */
    uint64_t locks[LOCKS_MAX];           /* in the order of their colours */
    size_t lock_count;
};

static void text(const struct picture *picture, const char *string)
{
    terminal_print_html(picture->out, string);
}

/* ---- The grid: a number, for each lane a gap, its line and what it does, then a gap and the source -------- */

static unsigned gap_column(size_t place)
{
    return 3 * (unsigned)place + 2;
}

static unsigned line_column(size_t place)
{
    return gap_column(place) + 1;
}

static unsigned deed_column(size_t place)
{
    return gap_column(place) + 2;
}

static size_t place_of(const struct picture *picture, size_t row)
{
    return explore_choice_place(picture->choice, picture->rows->rows[row].lane);
}

/* A part of the grid, up to a row and a column that it does not have. */
static void open_area(const struct picture *picture, const char *class, unsigned row,
                      unsigned column, unsigned row_end, unsigned column_end)
{
    fprintf(picture->out, "<div class=\"%s\" style=\"grid-area:%u/%u/%u/%u\">", class, row, column,
            row_end, column_end);
}

static void write_area(const struct picture *picture, const char *class, unsigned row,
                       unsigned column, unsigned row_end, unsigned column_end)
{
    open_area(picture, class, row, column, row_end, column_end);
    fputs("</div>\n", picture->out);
}

static bool is_turn(const char *turn)
{
    return *turn && strcmp(turn, "over") != 0;
}

/* Each row of the story has two in the grid: in a narrow window its source is below it. */
static void lay_out(struct picture *picture)
{
    const struct explore_rows *rows = picture->rows;
    size_t before = rows->count;
    picture->end = 2;
    for (size_t i = 0; i < rows->count; i++) {
        if (!picture->choice->is_shown[i])
            continue;
        bool is_other = before < rows->count && rows->rows[before].lane != rows->rows[i].lane &&
                        is_turn(explore_turn_after(rows, before, i));
        if (is_other || (before < rows->count && explore_has_gap(rows, before, i)))
            picture->between[i] = picture->end++;
        picture->at[i] = picture->end;
        picture->end += 2;
        before = i;
    }
}

/* ---- Locks ------------------------------------------------------------------------------------------- */

/* A lock that a lane has. */
struct bar {
    uint64_t lock; /* 0: none */
    size_t since;
};

static size_t colour_of(struct picture *picture, uint64_t lock)
{
    size_t i = 0;
    while (i < picture->lock_count && picture->locks[i] != lock)
        i++;
    if (i == picture->lock_count && i < LOCKS_MAX)
        picture->locks[picture->lock_count++] = lock;
    return i % COLOURS;
}

/* The first row from this one on that is shown. */
static unsigned first_at(const struct picture *picture, size_t row)
{
    while (row < picture->rows->count && !picture->at[row])
        row++;
    return row < picture->rows->count ? picture->at[row] : picture->end;
}

static void write_bar(struct picture *picture, size_t place, size_t slot, const struct bar *bar,
                      size_t until)
{
    char class[32];
    unsigned begin = first_at(picture, bar->since), end = first_at(picture, until);
    if (begin >= end)
        return;
    snprintf(class, sizeof class, "bar slot%zu lock%zu", slot, colour_of(picture, bar->lock));
    fprintf(picture->out, "<div class=\"%s\" style=\"grid-area:%u/%u/%u/%u\" title=\"holds ", class,
            begin, line_column(place), end, line_column(place) + 1);
    text(picture, explore_name(picture->result, bar->lock, 0));
    fputs("\"></div>\n", picture->out);
}

static bool has_lock(const struct explore_step *step, uint64_t lock)
{
    for (size_t i = 0; i < step->lock_count; i++)
        if (step->locks[i].address == lock)
            return true;
    return false;
}

/* What a row has is what the thread had before it: so a lock was taken in the lane's row before the first that has
 * it, `before`, and given back in the last that has it. */
static void begin_bars(const struct explore_step *step, size_t before, struct bar *bars)
{
    for (size_t i = step->lock_count; i-- > 0;) {
        uint64_t lock = step->locks[i].address;
        size_t known = 0, slot = 0;
        while (known < EXPLORE_LOCKS_MAX && bars[known].lock != lock)
            known++;
        while (slot < EXPLORE_LOCKS_MAX && bars[slot].lock)
            slot++;
        if (known == EXPLORE_LOCKS_MAX && slot < EXPLORE_LOCKS_MAX)
            bars[slot] = (struct bar){lock, before};
    }
}

/* `until` is behind the last row that may have them. */
static void end_bars(struct picture *picture, size_t place, const struct explore_step *step,
                     size_t until, struct bar *bars)
{
    for (size_t slot = 0; slot < EXPLORE_LOCKS_MAX; slot++) {
        if (!bars[slot].lock || (step && has_lock(step, bars[slot].lock)))
            continue;
        write_bar(picture, place, slot, &bars[slot], until);
        bars[slot].lock = 0;
    }
}

static void write_bars(struct picture *picture, size_t lane, size_t place)
{
    const struct explore_rows *rows = picture->rows;
    struct bar bars[EXPLORE_LOCKS_MAX] = {{0}};
    size_t before = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].lane != lane)
            continue;
        end_bars(picture, place, rows->rows[i].step, before + 1, bars);
        begin_bars(rows->rows[i].step, before < rows->count ? before : i, bars);
        before = i;
    }
    end_bars(picture, place, NULL, rows->count, bars);
}

static void write_legend(const struct picture *picture)
{
    if (!picture->lock_count)
        return;
    fputs("<p class=\"legend\">Bars are locks held:", picture->out);
    for (size_t i = 0; i < picture->lock_count; i++) {
        fprintf(picture->out, " <span><b class=\"lock%zu\"></b>", i % COLOURS);
        text(picture, explore_name(picture->result, picture->locks[i], 0));
        fputs("</span>", picture->out);
    }
    fputs("</p>\n", picture->out);
}

/* ---- The two that decide ----------------------------------------------------------------------------- */

static size_t find_mark(const struct picture *picture, unsigned mark)
{
    size_t i = 0;
    while (i < picture->rows->count && !(picture->at[i] && picture->rows->rows[i].mark == mark))
        i++;
    return i;
}

/* Across to the gap beside the other's lane, down in it, and in.  In the row where it goes across nobody else does
 * anything. */
static void write_join(const struct picture *picture)
{
    size_t first = find_mark(picture, 1), second = find_mark(picture, 2);
    if (first == picture->rows->count || second == picture->rows->count)
        return;
    size_t from = first < second ? first : second, to = first < second ? second : first;
    size_t source = place_of(picture, from), target = place_of(picture, to);
    unsigned begin = picture->at[from], end = picture->at[to];
    if (source == target)
        return;
    bool is_right = source < target;
    unsigned gap = gap_column(is_right ? target : target + 1);
    if (is_right)
        write_area(picture, "join across right", begin, gap_column(source + 1), begin + 1, gap + 1);
    else
        write_area(picture, "join across left", begin, gap, begin + 1, gap_column(source) + 1);
    write_area(picture, "join down", begin, gap, end, gap + 1);
    write_area(picture, is_right ? "join into right" : "join into left", end, gap, end + 1,
               gap + 1);
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

/* From the lane that has stopped to the one that goes on. */
static void write_turn(const struct picture *picture, size_t before, size_t row)
{
    const char *how = explore_turn_after(picture->rows, before, row);
    size_t from = place_of(picture, before), to = place_of(picture, row);
    unsigned at = picture->between[row];
    if (explore_has_gap(picture->rows, before, row)) {
        open_area(picture, "number", at, 1, at + 1, 2);
        fputs("&#8942;</div>\n", picture->out);
    }
    if (from == to || !is_turn(how))
        return;
    if (from < to)
        open_area(picture, "turn right", at, line_column(from), at + 1, line_column(to));
    else
        open_area(picture, "turn left", at, deed_column(to), at + 1, line_column(from) + 1);
    text(picture, how);
    fputs(from < to ? "<b>&#9654;</b></div>\n" : "<b>&#9664;</b></div>\n", picture->out);
}

static bool is_bad(const struct explore_row *row)
{
    return !strcmp(row->step->state, "failed") ||
           (row->rank == 0 && !strcmp(row->step->state, "blocked"));
}

static void write_deed(const struct picture *picture, size_t place)
{
    const struct explore_row *row = &picture->rows->rows[place];
    unsigned at = picture->at[place], column = deed_column(place_of(picture, place));
    char class[32];
    snprintf(class, sizeof class, "deed%s%s", is_bad(row) ? " bad" : "", row->mark ? " mark" : "");
    open_area(picture, class, at, column, at + 1, column + 1);
    if (row->mark)
        fprintf(picture->out, "<span class=\"badge\">%u</span>", row->mark);
    text(picture, row->action);
    if (picture->choice->has_holds[place]) {
        fputs("<small>holds ", picture->out);
        text(picture, row->holds);
        fputs("</small>", picture->out);
    }
    fputs("</div>\n", picture->out);
}

static int write_place(const struct picture *picture, const struct explore_row *row, char *out,
                       size_t size)
{
    bool is_named = !picture->rows->file || strcmp(picture->rows->file, row->file);
    *out = 0;
    if (!row->line)
        return 0;
    return snprintf(out, size, "%.60s%s%u", is_named ? explore_base_name(row->file) : "",
                    is_named ? ":" : "", row->line);
}

static void write_row(const struct picture *picture, size_t place)
{
    const struct explore_row *row = &picture->rows->rows[place];
    char where[80];
    unsigned at = picture->at[place];
    open_area(picture, "number", at, 1, at + 1, 2);
    fprintf(picture->out, "%zu</div>\n", place + 1);
    write_deed(picture, place);
    if (!write_place(picture, row, where, sizeof where))
        return;
    fprintf(picture->out, "<div class=\"source\" style=\"--row:%u\" title=\"", at);
    text(picture, row->function ? row->function : "");
    fputs("\"><span>", picture->out);
    text(picture, where);
    fputs("</span><code>", picture->out);
    text(picture, row->source);
    fputs("</code></div>\n", picture->out);
}

static void write_heads(const struct picture *picture)
{
    for (size_t i = 0; i < picture->choice->lane_count; i++) {
        const char *thread = picture->rows->lanes[picture->choice->lanes[i]];
        const char *label = explore_lane_label(picture->result, thread);
        open_area(picture, "head", 1, line_column(i), 2, gap_column(i + 1));
        text(picture, thread);
        if (*label) {
            fputs(" <small>", picture->out);
            text(picture, label);
            fputs("</small>", picture->out);
        }
        fputs("</div>\n", picture->out);
        write_area(picture, "line", 2, line_column(i), picture->end, line_column(i) + 1);
    }
    fputs("<div class=\"head source\" style=\"--row:1\">", picture->out);
    text(picture, picture->rows->file ? explore_base_name(picture->rows->file) : "source");
    fputs("</div>\n", picture->out);
}

static void open_grid(const struct picture *picture)
{
    int width = 3, length;
    for (size_t i = 0; i < picture->rows->count; i++) {
        char where[80];
        length = write_place(picture, &picture->rows->rows[i], where, sizeof where);
        if (picture->at[i] && length > width)
            width = length;
    }
    fprintf(picture->out,
            "<div class=\"scroll\">\n<div class=\"grid\" style=\"--lanes:%zu;--where:%dch\">\n",
            picture->choice->lane_count, width);
}

void explore_write_picture(const struct explore_result *result, const struct explore_rows *rows,
                           const struct explore_choice *choice, FILE *out)
{
    static struct picture picture;
    picture = (struct picture){.result = result, .rows = rows, .choice = choice, .out = out};
    lay_out(&picture);
    open_grid(&picture);
    write_heads(&picture);
    for (size_t i = 0; i < choice->lane_count; i++)
        write_bars(&picture, choice->lanes[i], i);
    size_t before = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        if (!choice->is_shown[i])
            continue;
        if (picture.between[i])
            write_turn(&picture, before, i);
        write_row(&picture, i);
        before = i;
    }
    write_join(&picture);
    fputs("</div>\n</div>\n", out);
    write_legend(&picture);
}
