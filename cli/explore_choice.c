/* Which rows of the story are shown where there is no room for all, and in which lanes. */
#include "explore.h"

#include <string.h>

#define RANK_OF_OTHERS 5 /* what is not about the failure */
#define FEW_ROWS       6

static bool take_lane(struct explore_choice *choice, size_t lane, size_t most)
{
    for (size_t i = 0; i < choice->lane_count; i++)
        if (choice->lanes[i] == lane)
            return true;
    if (choice->lane_count == most)
        return false;
    size_t place = choice->lane_count++;
    for (; place && choice->lanes[place - 1] > lane; place--)
        choice->lanes[place] = choice->lanes[place - 1];
    choice->lanes[place] = lane;
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
static size_t find_next(const struct explore_rows *rows, const struct explore_choice *choice,
                        unsigned rank, size_t centre)
{
    size_t best = rows->count;
    for (size_t i = 0; i < rows->count; i++)
        if (!choice->is_shown[i] && !choice->is_skipped[i] && rows->rows[i].rank == rank &&
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

/* The locks of the rows that matter most, once for each turn of a thread. */
static size_t choose_holds(const struct explore_rows *rows, size_t room,
                           struct explore_choice *choice)
{
    const struct explore_row *said = NULL; /* the row whose locks were said last */
    size_t used = 0;
    for (size_t i = 0; i < rows->count && used < room; i++) {
        const struct explore_row *row = &rows->rows[i];
        if (!choice->is_shown[i] || !must_show_holds(row))
            continue;
        bool is_known = said && said->lane == row->lane && !strcmp(said->holds, row->holds);
        choice->has_holds[i] = !is_known;
        used += !is_known;
        said = row;
    }
    return used;
}

size_t explore_choose(const struct explore_rows *rows, size_t most, size_t lanes,
                      struct explore_choice *choice)
{
    *choice = (struct explore_choice){.lane_count = 0};
    size_t used = 0, centre = centre_of(rows);
    for (unsigned rank = 0; rank <= RANK_OF_OTHERS; rank++) {
        size_t room = rank < RANK_OF_OTHERS || most < FEW_ROWS ? most : FEW_ROWS;
        for (size_t i; used < room && (i = find_next(rows, choice, rank, centre)) < rows->count;) {
            choice->is_shown[i] = take_lane(choice, rows->rows[i].lane, lanes);
            choice->is_skipped[i] = !choice->is_shown[i];
            used += choice->is_shown[i];
        }
    }
    return used + choose_holds(rows, most - used, choice);
}

void explore_choose_all(const struct explore_rows *rows, struct explore_choice *choice)
{
    *choice = (struct explore_choice){.lane_count = rows->lane_count};
    for (size_t i = 0; i < rows->lane_count; i++)
        choice->lanes[i] = i;
    for (size_t i = 0; i < rows->count; i++)
        choice->is_shown[i] = *rows->rows[i].action != 0;
    choose_holds(rows, rows->count, choice);
}

size_t explore_choice_place(const struct explore_choice *choice, size_t lane)
{
    size_t place = 0;
    while (place + 1 < choice->lane_count && choice->lanes[place] != lane)
        place++;
    return place;
}

size_t explore_choice_hidden(const struct explore_rows *rows, const struct explore_choice *choice)
{
    size_t count = 0;
    for (size_t lane = 0; lane < rows->lane_count; lane++) {
        bool is_hidden = false;
        for (size_t i = 0; i < rows->count && !is_hidden; i++)
            is_hidden = choice->is_skipped[i] && rows->rows[i].lane == lane;
        count += is_hidden;
    }
    return count;
}

const char *explore_turn_after(const struct explore_rows *rows, size_t before, size_t row)
{
    for (size_t i = before + 1; i <= row; i++)
        if (*rows->rows[i].turn)
            return rows->rows[i].turn;
    return "";
}

bool explore_has_gap(const struct explore_rows *rows, size_t before, size_t row)
{
    for (size_t i = before + 1; i < row; i++)
        if (rows->rows[i].rank <= RANK_OF_OTHERS)
            return true;
    return false;
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
