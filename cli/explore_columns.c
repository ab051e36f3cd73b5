/* The story as text: a column for each thread, one line for each row, what the thread does in its column, the
 * line of the program on the right, an arrow where another thread goes on. */
#include "explore.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LANES_MAX    8
#define GUTTER       4
#define ARROW        5 /* the shortest, with a blank on each side */
#define STRIDE_MIN   8
#define STRIDE_MAX   28
#define STRIDE_USUAL 16 /* has room for an arrow with a word */
#define SOURCE_MIN   24
#define WIDTH        100 /* where there is no terminal */
#define WIDTH_MIN    80
#define WIDTH_MAX    160

struct layout {
    size_t width, stride, source_at;
    struct explore_choice choice;
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

/* The file that all of them are in, as far as they have a source. */
static const char *find_file(const struct explore_rows *rows, const struct layout *layout)
{
    const char *file = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        if (!layout->choice.is_shown[i] || !*rows->rows[i].source)
            continue;
        if (file && strcmp(file, rows->rows[i].file))
            return NULL;
        file = rows->rows[i].file;
    }
    return file;
}

/* ---- Where things stand ------------------------------------------------------------------------------ */

static size_t column_of(const struct layout *layout, size_t lane)
{
    return GUTTER + explore_choice_place(&layout->choice, lane) * layout->stride;
}

/* Wide enough for what the columns before the last one say, as far as that is short: what is long may reach over
 * the columns on its right.  Narrow enough for all of what is said on the right to be there. */
static size_t stride_of(const struct explore_rows *rows, const struct layout *layout)
{
    size_t wanted = STRIDE_USUAL, room = layout->width - GUTTER - SOURCE_MIN, most = room;
    for (size_t i = 0; i < rows->count; i++) {
        size_t length = strlen(rows->rows[i].action) + 2;
        size_t place = explore_choice_place(&layout->choice, rows->rows[i].lane);
        bool has_arrow = *rows->rows[i].turn && strcmp(rows->rows[i].turn, "over");
        size_t wide = length + (has_arrow ? ARROW - 2 : 0);
        if (!layout->choice.is_shown[i])
            continue;
        if (place + 1 < layout->choice.lane_count && wide <= STRIDE_MAX && wide > wanted)
            wanted = wide;
        if (place && length < room && (room - length) / place < most)
            most = (room - length) / place;
    }
    if (most < STRIDE_MIN)
        most = STRIDE_MIN;
    if (most > room / layout->choice.lane_count)
        most = room / layout->choice.lane_count;
    return wanted < most ? wanted : most;
}

static void lay_out(const struct explore_rows *rows, struct layout *layout)
{
    layout->stride = stride_of(rows, layout);
    size_t end = GUTTER + (layout->choice.lane_count - 1) * layout->stride + STRIDE_USUAL;
    for (size_t i = 0; i < rows->count; i++) {
        size_t reach = column_of(layout, rows->rows[i].lane) + strlen(rows->rows[i].action);
        if (layout->choice.is_shown[i] && reach > end)
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
    for (size_t i = 0; has_guides && i < layout->choice.lane_count; i++)
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

static void print_heads(FILE *out, const struct explore_result *result,
                        const struct explore_rows *rows, const struct layout *layout)
{
    char line[LINE_SIZE], head[160];
    clear(layout, line, false);
    for (size_t i = 0; i < layout->choice.lane_count; i++) {
        const char *name = rows->lanes[layout->choice.lanes[i]];
        const char *label = explore_lane_label(result, name);
        size_t at = GUTTER + i * layout->stride;
        size_t end =
            i + 1 < layout->choice.lane_count ? at + layout->stride - 1 : layout->source_at - 1;
        snprintf(head, sizeof head, "%s%s%s", name, *label ? " " : "", label);
        put(line, at, end, head);
    }
    size_t hidden = explore_choice_hidden(rows, &layout->choice);
    size_t used = (size_t)snprintf(head, sizeof head, "%.100s",
                                   layout->file ? explore_base_name(layout->file) : "");
    if (hidden)
        snprintf(head + used, sizeof head - used, "%s(%zu more threads)", used ? " " : "", hidden);
    print_line(out, layout, line, head, "");
}

static void put_arrow(const struct explore_rows *rows, const struct layout *layout, size_t before,
                      size_t row, char *line)
{
    size_t from = column_of(layout, rows->rows[before].lane);
    size_t to = column_of(layout, rows->rows[row].lane);
    const char *label = explore_turn_after(rows, before, row);
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
    if (before < rows->count && explore_has_gap(rows, before, place))
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
    if (layout->choice.has_holds[place])
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
    size_t used = explore_choose(&rows, most - 1, LANES_MAX, &layout.choice);
    if (!used)
        return 0;
    layout.file = find_file(&rows, &layout);
    lay_out(&rows, &layout);
    print_heads(out, result, &rows, &layout);
    size_t before = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        if (!layout.choice.is_shown[i])
            continue;
        print_row(out, &rows, &layout, before, i);
        before = i;
    }
    return used + 1;
}
