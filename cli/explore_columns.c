/* The story as text: a column for each thread, one line for each row, what the thread does in its column, the
 * line of the program on the right, an arrow where another thread goes on. */
#include "explore.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LANES_MAX      8
#define GUTTER         4
#define ARROW          5 /* the shortest, with a blank on each side */
#define STRIDE_MIN     8
#define STRIDE_MAX     28
#define STRIDE_USUAL   16 /* has room for an arrow with a word */
#define SOURCE_MIN     24
#define WIDTH          100 /* where there is no terminal */
#define WIDTH_MIN      80
#define WIDTH_MAX      160
#define RANK_OF_OTHERS 5 /* what is not about the failure */
#define FEW_ROWS       6

struct layout {
    size_t width, stride, source_at;
    size_t lanes[LANES_MAX]; /* lanes of the rows, in order */
    size_t lane_count;
    bool is_shown[EXPLORE_STEPS_MAX];
    bool is_skipped[EXPLORE_STEPS_MAX]; /* for lack of a column */
    bool has_holds[EXPLORE_STEPS_MAX];  /* a line of its own for the locks */
    const char *file; /* of all rows that have a source; NULL: there are several */
};

static size_t width_of_terminal(FILE *out)
{
    struct winsize size;
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) || !size.ws_col)
        return WIDTH;
    if (size.ws_col < WIDTH_MIN)
        return WIDTH_MIN;
    return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

/* ---- Which rows -------------------------------------------------------------------------------------- */

static bool take_lane(struct layout *layout, size_t lane)
{
    for (size_t i = 0; i < layout->lane_count; i++)
        if (layout->lanes[i] == lane)
            return true;
    if (layout->lane_count == LANES_MAX)
        return false;
    size_t place = layout->lane_count++;
    for (; place && layout->lanes[place - 1] > lane; place--)
        layout->lanes[place] = layout->lanes[place - 1];
    layout->lanes[place] = lane;
    return true;
}

static size_t centre_of(const struct explore_rows *rows)
{
    for (size_t i = rows->count; i-- > 0;)
        if (rows->rows[i].mark)
            return i;
    return rows->count - 1;
}

static size_t distance(size_t a, size_t b)
{
    return a < b ? b - a : a - b;
}

/* The row of a rank that is not shown yet and nearest to what decides; rows->count: none. */
static size_t find_next(const struct explore_rows *rows, const struct layout *layout, unsigned rank,
                        size_t centre)
{
    size_t best = rows->count;
    for (size_t i = 0; i < rows->count; i++)
        if (!layout->is_shown[i] && !layout->is_skipped[i] && rows->rows[i].rank == rank &&
            *rows->rows[i].action &&
            (best == rows->count || distance(i, centre) < distance(best, centre)))
            best = i;
    return best;
}

static bool must_show_holds(const struct explore_row *row)
{
    bool is_had = !strcmp(row->step->event, "lock") && !strcmp(row->step->state, "done");
    return *row->holds && row->rank == 0 && !is_had;
}

/* The rows that matter most, as many as there is room for; of what is not about the failure only so many that
 * there are a few at all. */
static size_t choose_rows(const struct explore_rows *rows, struct layout *layout, size_t most)
{
    size_t used = 0, centre = centre_of(rows);
    for (unsigned rank = 0; rank <= RANK_OF_OTHERS; rank++) {
        size_t room = rank < RANK_OF_OTHERS || most < FEW_ROWS ? most : FEW_ROWS;
        for (size_t i; used < room && (i = find_next(rows, layout, rank, centre)) < rows->count;) {
            layout->is_shown[i] = take_lane(layout, rows->rows[i].lane);
            layout->is_skipped[i] = !layout->is_shown[i];
            used += layout->is_shown[i];
        }
    }
    const struct explore_row *said = NULL; /* the row whose locks were said last */
    for (size_t i = 0; i < rows->count && used < most; i++) {
        const struct explore_row *row = &rows->rows[i];
        if (!layout->is_shown[i] || !must_show_holds(row))
            continue;
        bool is_known = said && said->lane == row->lane && !strcmp(said->holds, row->holds);
        layout->has_holds[i] = !is_known;
        used += !is_known;
        said = row;
    }
    return used;
}

/* The file that all of them are in, as far as they have a source. */
static const char *find_file(const struct explore_rows *rows, const struct layout *layout)
{
    const char *file = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        if (!layout->is_shown[i] || !*rows->rows[i].source)
            continue;
        if (file && strcmp(file, rows->rows[i].file))
            return NULL;
        file = rows->rows[i].file;
    }
    return file;
}

/* ---- Where things stand ------------------------------------------------------------------------------ */

static size_t place_of(const struct layout *layout, size_t lane)
{
    size_t place = 0;
    while (place + 1 < layout->lane_count && layout->lanes[place] != lane)
        place++;
    return place;
}

static size_t column_of(const struct layout *layout, size_t lane)
{
    return GUTTER + place_of(layout, lane) * layout->stride;
}

/* Wide enough for what the columns before the last one say, as far as that is short: what is long may reach over
 * the columns on its right.  Narrow enough for all of what is said on the right to be there. */
static size_t stride_of(const struct explore_rows *rows, const struct layout *layout)
{
    size_t wanted = STRIDE_USUAL, room = layout->width - GUTTER - SOURCE_MIN, most = room;
    for (size_t i = 0; i < rows->count; i++) {
        size_t length = strlen(rows->rows[i].action) + 2;
        size_t place = place_of(layout, rows->rows[i].lane);
        bool has_arrow = *rows->rows[i].turn && strcmp(rows->rows[i].turn, "over");
        size_t wide = length + (has_arrow ? ARROW - 2 : 0);
        if (!layout->is_shown[i])
            continue;
        if (place + 1 < layout->lane_count && wide <= STRIDE_MAX && wide > wanted)
            wanted = wide;
        if (place && length < room && (room - length) / place < most)
            most = (room - length) / place;
    }
    if (most < STRIDE_MIN)
        most = STRIDE_MIN;
    if (most > room / layout->lane_count)
        most = room / layout->lane_count;
    return wanted < most ? wanted : most;
}

static void lay_out(const struct explore_rows *rows, struct layout *layout)
{
    layout->stride = stride_of(rows, layout);
    size_t end = GUTTER + (layout->lane_count - 1) * layout->stride + STRIDE_USUAL;
    for (size_t i = 0; i < rows->count; i++) {
        size_t reach = column_of(layout, rows->rows[i].lane) + strlen(rows->rows[i].action);
        if (layout->is_shown[i] && reach > end)
            end = reach;
    }
    layout->source_at = end + 2 < layout->width - SOURCE_MIN ? end + 2 : layout->width - SOURCE_MIN;
}

/* ---- Lines ------------------------------------------------------------------------------------------- */

#define LINE_SIZE 512

/* What a terminal would obey is no part of a line. */
static void put(char *line, size_t at, size_t end, const char *text)
{
    for (; *text && at < end; text++)
        line[at++] = (unsigned char)*text < ' ' || *text == 127 ? '?' : *text;
}

static void clear(const struct layout *layout, char *line, bool has_guides)
{
    memset(line, ' ', LINE_SIZE);
    for (size_t i = 0; has_guides && i < layout->lane_count; i++)
        line[GUTTER + i * layout->stride] = '|';
}

/* From the column where a thread has stopped to that of the one that goes on. */
static void put_arrow_right(char *line, size_t from, size_t to, const char *label)
{
    size_t length = strlen(label);
    memset(line + from, '-', to - from);
    line[from] = '\'';
    line[to - 2] = '>';
    line[to - 1] = ' ';
    if (length + 6 <= to - from)
        memcpy(line + from + (to - from - length) / 2 - 1, label, length);
}

static void put_arrow_left(char *line, size_t from, size_t to, const char *label)
{
    size_t length = strlen(label);
    if (to + 3 > from) {
        memcpy(line + to + 1, "<-", 2);
        return;
    }
    memset(line + to + 1, '-', from - to - 1);
    line[to + 1] = '<';
    line[from] = '\'';
    if (length + 5 <= from - to)
        memcpy(line + to + 1 + (from - to - length) / 2, label, length);
}

/* As much of a text as so many columns hold, without half a character. */
static int cut(const char *text, size_t columns)
{
    size_t length = 0, used = 0;
    while (text[length] && (used < columns || ((unsigned char)text[length] & 0xc0) == 0x80)) {
        used += ((unsigned char)text[length] & 0xc0) != 0x80;
        length++;
    }
    return (int)length;
}

static void print_line(FILE *out, const struct layout *layout, char *line, const char *source,
                       const char *colour)
{
    size_t end = layout->source_at;
    const char *off = *colour ? terminal_colour(out, COLOUR_OFF) : "";
    while (end && line[end - 1] == ' ')
        end--;
    fprintf(out, "%s%.*s%s", colour, (int)end, line, off);
    if (*source)
        fprintf(out, "%*s%s%.*s%s", (int)(layout->source_at - end), "",
                terminal_colour(out, COLOUR_DIM), cut(source, layout->width - layout->source_at),
                source, terminal_colour(out, COLOUR_OFF));
    fputc('\n', out);
}

/* Threads that have something to say and no column. */
static size_t count_hidden(const struct explore_rows *rows, const struct layout *layout)
{
    size_t count = 0;
    for (size_t lane = 0; lane < rows->lane_count; lane++) {
        bool is_hidden = false;
        for (size_t i = 0; i < rows->count && !is_hidden; i++)
            is_hidden = layout->is_skipped[i] && rows->rows[i].lane == lane;
        count += is_hidden;
    }
    return count;
}

static void print_heads(FILE *out, const struct explore_result *result,
                        const struct explore_rows *rows, const struct layout *layout)
{
    char line[LINE_SIZE], head[160];
    clear(layout, line, false);
    for (size_t i = 0; i < layout->lane_count; i++) {
        const char *name = rows->lanes[layout->lanes[i]];
        const char *label = explore_lane_label(result, name);
        size_t at = GUTTER + i * layout->stride;
        size_t end = i + 1 < layout->lane_count ? at + layout->stride - 1 : layout->source_at - 1;
        snprintf(head, sizeof head, "%s%s%s", name, *label ? " " : "", label);
        put(line, at, end, head);
    }
    size_t hidden = count_hidden(rows, layout);
    size_t used = (size_t)snprintf(head, sizeof head, "%.100s",
                                   layout->file ? explore_base_name(layout->file) : "");
    if (hidden)
        snprintf(head + used, sizeof head - used, "%s(%zu more threads)", used ? " " : "", hidden);
    print_line(out, layout, line, head, "");
}

/* How the turn of the row before ended. */
static const char *turn_after(const struct explore_rows *rows, size_t before, size_t row)
{
    for (size_t i = before + 1; i <= row; i++)
        if (*rows->rows[i].turn)
            return rows->rows[i].turn;
    return "";
}

static bool is_gap(const struct explore_rows *rows, size_t before, size_t row)
{
    for (size_t i = before + 1; i < row; i++)
        if (rows->rows[i].rank <= RANK_OF_OTHERS)
            return true;
    return false;
}

static void put_arrow(const struct explore_rows *rows, const struct layout *layout, size_t before,
                      size_t row, char *line)
{
    size_t from = column_of(layout, rows->rows[before].lane);
    size_t to = column_of(layout, rows->rows[row].lane);
    const char *label = turn_after(rows, before, row);
    if (!*label || !strcmp(label, "over"))
        return;
    if (from < to)
        put_arrow_right(line, from, to, label);
    else if (from > to)
        put_arrow_left(line, from, to + strlen(rows->rows[row].action), label);
}

static void write_source(const struct layout *layout, const struct explore_row *row, char *out,
                         size_t size)
{
    if (!row->line)
        *out = 0;
    else if (layout->file && !strcmp(layout->file, row->file))
        snprintf(out, size, "%4u  %s", row->line, row->source);
    else
        snprintf(out, size, "%.40s:%u%s%s", explore_base_name(row->file), row->line,
                 *row->source ? "  " : "", row->source);
}

static const char *colour_of(FILE *out, const struct explore_row *row)
{
    bool is_bad = row->mark || !strcmp(row->step->state, "failed") ||
                  (row->rank == 0 && !strcmp(row->step->state, "blocked"));
    return is_bad ? terminal_colour(out, COLOUR_BAD) : "";
}

static void print_holds(FILE *out, const struct layout *layout, const struct explore_row *row,
                        size_t at)
{
    char line[LINE_SIZE], holds[300];
    snprintf(holds, sizeof holds, "  holds %s", row->holds);
    clear(layout, line, true);
    line[at] = ' ';
    put(line, at, layout->width - 1, holds);
    if (at + strlen(holds) < layout->source_at)
        print_line(out, layout, line, "", "");
    else
        fprintf(out, "%.*s\n",
                (int)(at + strlen(holds) < layout->width ? at + strlen(holds) : layout->width),
                line);
}

/* `before` is the row that was printed last; rows->count: none. */
static void print_row(FILE *out, const struct explore_rows *rows, const struct layout *layout,
                      size_t before, size_t place)
{
    const struct explore_row *row = &rows->rows[place];
    char line[LINE_SIZE], source[300];
    size_t at = column_of(layout, row->lane);
    clear(layout, line, true);
    line[at] = ' ';
    if (before < rows->count)
        put_arrow(rows, layout, before, place, line);
    if (before < rows->count && is_gap(rows, before, place))
        put(line, 0, GUTTER, "...");
    if (row->mark)
        put(line, 0, GUTTER, row->mark == 1 ? "(1)" : "(2)");
    put(line, at, layout->source_at - 1, row->action);
    /* A guide that touches the text would be read as part of it. */
    size_t end = at + strlen(row->action);
    if (end < LINE_SIZE && line[end] == '|')
        line[end] = ' ';
    write_source(layout, row, source, sizeof source);
    print_line(out, layout, line, source, colour_of(out, row));
    if (layout->has_holds[place])
        print_holds(out, layout, row, at);
}

size_t explore_print_columns(const struct explore_result *result, size_t most, FILE *out)
{
    static struct explore_rows rows;
    static struct layout layout;
    explore_rows_make(result, &rows);
    layout = (struct layout){.width = width_of_terminal(out)};
    if (!rows.count || most < 2)
        return 0;
    size_t used = choose_rows(&rows, &layout, most - 1);
    if (!used)
        return 0;
    layout.file = find_file(&rows, &layout);
    lay_out(&rows, &layout);
    print_heads(out, result, &rows, &layout);
    size_t before = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        if (!layout.is_shown[i])
            continue;
        print_row(out, &rows, &layout, before, i);
        before = i;
    }
    return used + 1;
}

size_t explore_columns_wanted(const struct explore_result *result, size_t most)
{
    static struct explore_rows rows;
    size_t count = 1;
    explore_rows_make(result, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        bool is_wanted = rows.rows[i].rank < RANK_OF_OTHERS && *rows.rows[i].action;
        count += is_wanted + (is_wanted && must_show_holds(&rows.rows[i]));
    }
    return count < most ? count : most;
}
