/* Profile: rows of each context, put together when somebody asks.
 *
 * A context adds to rows of its own, under a lock of its own that nobody else takes but who asks; a lock is
 * taken by a wait, which has taken others.  Tables stay with the slot of the context: whoever has the slot
 * next adds to the same rows.  A reset is a number: who finds that his table is of another empties it. */
#include "observe/profile.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "plat/memory.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 200
#define HEADS    256

struct row {
    const struct lg__resource_class *class; /* NULL: what did not fit */
    const char *place;
    const char *holder_place;
    char name[LG_NAME_SIZE];
    bool is_signal;
    uint8_t next; /* in its bucket; index + 1 */
    uint64_t waits, total_ns, longest_ns;
};

struct table {
    struct table *older; /* r/o */
    struct lg__raw_lock lock;
    uint64_t era; /* under lock, as all that follows */
    uint32_t count;
    uint8_t heads[HEADS]; /* index + 1 */
    struct row rows[ROWS_MAX];
    struct row rest;
    /* The owner's: the wait that sleeps, and who was in the way when it began to. */
    uint64_t epoch;
    const char *holder_place;
};

_Static_assert(ROWS_MAX < UINT8_MAX, "an index + 1 fits");

static struct table *newest; /* atomic; a list that only grows; release pairs with acquire */
static uint64_t era = 1;     /* atomic */

static struct table *make_table(struct lg_context *self)
{
    struct table *table = lg__map(sizeof *table);
    self->observations[LG__OBSERVER_PROFILE] = table;
    if (!table)
        return NULL;
    table->older = lg__load_relaxed(&newest);
    while (!lg__cas_release(&newest, &table->older, table))
        continue;
    return table;
}

static struct table *table_of(struct lg_context *self)
{
    struct table *table = self->observations[LG__OBSERVER_PROFILE];
    return lg__likely(table != NULL) ? table : make_table(self);
}

/* ---- Counting ------------------------------------------------------------------------------------- */

static uint32_t bucket_of(const struct row *row)
{
    uint64_t hash = (uintptr_t)row->place * 31 + (uintptr_t)row->holder_place;
    for (const char *c = row->name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
    return (uint32_t)(hash * 0x9e3779b97f4a7c15ull >> 56);
}

static bool is_same(const struct row *a, const struct row *b)
{
    return a->class == b->class && a->place == b->place && a->holder_place == b->holder_place &&
           a->is_signal == b->is_signal && strcmp(a->name, b->name) == 0;
}

/* Under the table's lock. */
static struct row *find_row(struct table *table, const struct row *like)
{
    uint32_t bucket = bucket_of(like);
    for (uint32_t i = table->heads[bucket]; i != 0; i = table->rows[i - 1].next)
        if (is_same(&table->rows[i - 1], like))
            return &table->rows[i - 1];
    if (table->count == ROWS_MAX)
        return &table->rest;
    struct row *row = &table->rows[table->count++];
    *row = *like;
    row->next = table->heads[bucket];
    table->heads[bucket] = (uint8_t)table->count;
    return row;
}

static void add_wait(struct table *table, const struct row *like, uint64_t ns)
{
    lg__raw_lock(&table->lock);
    uint64_t current = lg__load_relaxed(&era);
    if (table->era != current) {
        memset(table->heads, 0, sizeof table->heads);
        table->rest = (struct row){0};
        table->count = 0;
        table->era = current;
    }
    struct row *row = find_row(table, like);
    row->waits++;
    row->total_ns += ns;
    row->longest_ns = ns > row->longest_ns ? ns : row->longest_ns;
    lg__raw_unlock(&table->lock);
}

static bool note_holder(void *arg, const struct lg__holding *holding)
{
    *(const char **)arg = holding->place;
    return false; /* the first one will do */
}

/* Where somebody has taken what the wait is for; of several things the first one that is had. */
static const char *find_holder_place(const struct lg__wait *wait)
{
    const struct lg__group *group = wait->group;
    const char *place = NULL;
    if (!group)
        wait->want.class->survey(wait->want.object, note_holder, &place);
    for (uint32_t i = 0; group && i < group->count && !place; i++) {
        const struct lg__want *want = &group->branches[i].want;
        want->class->survey(want->object, note_holder, &place);
    }
    return place;
}

static uint64_t epoch_of(const struct lg__wait *wait)
{
    return lg__load_relaxed(&wait->word) >> LG__WAIT_STATE_BITS;
}

/* Who is in the way now. */
static void hear_sleeps(struct lg_context *self, const struct lg__wait *wait)
{
    struct table *table = table_of(self);
    if (!table)
        return;
    table->epoch = epoch_of(wait);
    table->holder_place = wait->is_outside ? NULL : find_holder_place(wait);
}

/* What a signaller has moved waits for a mutex, which is there: it is being taken back. */
static void hear_waited(struct lg_context *self, const struct lg__wait *wait)
{
    struct table *table = table_of(self);
    if (!table)
        return;
    uint64_t begun_ns = wait->begun_ns;
    struct row like = {.class = wait->begun_for, .place = wait->want.place};
    memcpy(like.name, wait->begun_name, sizeof like.name);
    if (wait->moved_ns != 0) {
        like.is_signal = true;
        add_wait(table, &like, wait->moved_ns - begun_ns);
        begun_ns = wait->moved_ns;
        like.class = wait->want.class;
        like.class->copy_name(wait->want.object, like.name);
    } else if (table->epoch == epoch_of(wait)) {
        like.holder_place = table->holder_place;
    }
    like.is_signal = wait->is_outside;
    uint64_t now_ns = lg__now_ns();
    add_wait(table, &like, now_ns > begun_ns ? now_ns - begun_ns : 0);
}

/* It was too short to see who was in the way. */
static void hear_spun(struct lg_context *self, const struct lg__want *want, uint64_t ns)
{
    struct table *table = table_of(self);
    struct row like = {.class = want->class, .place = want->place};
    if (!table)
        return;
    like.class->copy_name(want->object, like.name);
    add_wait(table, &like, ns);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

/* All rows there are, of all contexts, the same ones as one. */
struct sum {
    struct row *rows;
    uint32_t count;
    uint32_t room;
    bool has_failed; /* no memory */
};

static bool make_room(struct sum *sum)
{
    if (sum->count < sum->room)
        return true;
    uint32_t room = sum->room ? 2 * sum->room : ROWS_MAX;
    struct row *rows = lg__alloc(room * sizeof *rows);
    sum->has_failed = !rows;
    if (!rows)
        return false;
    if (sum->count > 0)
        memcpy(rows, sum->rows, sum->count * sizeof *rows);
    lg__free(sum->rows);
    sum->rows = rows;
    sum->room = room;
    return true;
}

static void add_row(struct sum *sum, const struct row *row)
{
    uint32_t i = 0;
    while (i < sum->count && !is_same(&sum->rows[i], row))
        i++;
    if (i == sum->count) {
        if (!make_room(sum))
            return;
        sum->rows[sum->count] = *row;
        sum->rows[sum->count].waits = sum->rows[sum->count].total_ns = 0;
        sum->count++;
    }
    struct row *total = &sum->rows[i];
    total->waits += row->waits;
    total->total_ns += row->total_ns;
    if (row->longest_ns > total->longest_ns)
        total->longest_ns = row->longest_ns;
}

/* A copy, so that nothing is allocated while its owner waits for the lock.  It is as large as all of it:
 * NULL, or freed by the caller. */
static void add_table(struct sum *sum, struct table *table, struct table *copy)
{
    lg__raw_lock(&table->lock);
    bool is_current = table->era == lg__load_relaxed(&era);
    if (is_current) {
        copy->count = table->count;
        memcpy(copy->rows, table->rows, table->count * sizeof table->rows[0]);
        copy->rest = table->rest;
    }
    lg__raw_unlock(&table->lock);
    for (uint32_t i = 0; is_current && i < copy->count; i++)
        add_row(sum, &copy->rows[i]);
    if (is_current && copy->rest.waits > 0)
        add_row(sum, &copy->rest);
}

static int compare_totals(const void *left, const void *right)
{
    uint64_t a = ((const struct row *)left)->total_ns;
    uint64_t b = ((const struct row *)right)->total_ns;
    return a > b ? -1 : a < b;
}

/* Free its rows. */
static struct sum sum_up(void)
{
    struct sum sum = {0};
    struct table *copy = lg__alloc(sizeof *copy);
    sum.has_failed = !copy;
    for (struct table *table = lg__load_acquire(&newest); table && !sum.has_failed;
         table = table->older)
        add_table(&sum, table, copy);
    lg__free(copy);
    if (sum.count > 0)
        qsort(sum.rows, sum.count, sizeof sum.rows[0], compare_totals);
    return sum;
}

static struct lg_profile_row row_of(const struct row *row)
{
    struct lg_profile_row out = {.is_signal = row->is_signal,
                                 .waits = row->waits,
                                 .total_ns = row->total_ns,
                                 .longest_ns = row->longest_ns};
    lg__copy_name(out.noun, sizeof out.noun, row->class ? row->class->noun : "others");
    memcpy(out.name, row->name, sizeof out.name);
    lg__copy_place(out.place, sizeof out.place, row->place);
    lg__copy_place(out.holder_place, sizeof out.holder_place, row->holder_place);
    return out;
}

uint32_t lg_profile_top(struct lg_profile_row *rows, uint32_t room)
{
    struct sum sum = sum_up();
    for (uint32_t i = 0; i < sum.count && i < room && !sum.has_failed; i++)
        rows[i] = row_of(&sum.rows[i]);
    lg__free(sum.rows);
    return sum.has_failed ? 0 : sum.count;
}

/* ---- Writing -------------------------------------------------------------------------------------- */

static void add_text(struct lg__text *text, const struct lg_profile_row *row)
{
    lg__text_addf(text, "%10.3f ms  %8llu x  %10.3f ms at most  ", (double)row->total_ns / 1e6,
                  (unsigned long long)row->waits, (double)row->longest_ns / 1e6);
    lg__text_add_plain(text, row->noun);
    if (row->name[0]) {
        lg__text_add(text, " \"");
        lg__text_add_plain(text, row->name);
        lg__text_add(text, "\"");
    }
    if (row->place[0])
        lg__text_addf(text, " at %s", row->place);
    if (row->holder_place[0])
        lg__text_addf(text, ", held from %s", row->holder_place);
    lg__text_add(text, "\n");
}

static void add_json(struct lg__text *text, const struct lg_profile_row *row)
{
    lg__text_add(text, "{");
    lg__json_string(text, "noun", row->noun);
    lg__json_string(text, "name", row->name);
    lg__json_string(text, "place", row->place);
    lg__json_string(text, "holder_place", row->holder_place);
    lg__json_string(text, "sort", row->is_signal ? "signal" : "contention");
    lg__json_number(text, "waits", row->waits);
    lg__json_number(text, "total_ns", row->total_ns);
    lg__json_number(text, "longest_ns", row->longest_ns);
    lg__text_add(text, "}");
}

/* A frame must not have what divides frames, and a line. */
static void add_frame(struct lg__text *text, const char *frame)
{
    char copy[LG_PLACE_SIZE];
    lg__copy_name(copy, sizeof copy, frame);
    for (char *c = copy; *c; c++)
        *c = *c == ';' ? ',' : *c;
    lg__text_add_plain(text, copy);
}

static void add_folded(struct lg__text *text, const struct lg_profile_row *row)
{
    add_frame(text, row->noun);
    lg__text_add(text, row->name[0] ? " " : "");
    add_frame(text, row->name);
    lg__text_add(text, ";");
    add_frame(text, row->place[0] ? row->place : "(unknown)");
    if (row->holder_place[0]) {
        lg__text_add(text, ";held from ");
        add_frame(text, row->holder_place);
    }
    lg__text_addf(text, " %llu\n", (unsigned long long)row->total_ns);
}

/* The rows of one sort, or, if `sort` is 2, of both. */
static void add_rows(struct lg__text *text, const struct sum *sum, enum lg_profile_format format,
                     uint32_t top, uint32_t sort)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sum->count && (top == 0 || count < top); i++) {
        if (sort != 2 && sum->rows[i].is_signal != (sort == 1))
            continue;
        struct lg_profile_row row = row_of(&sum->rows[i]);
        if (format == LG_PROFILE_JSON && count > 0)
            lg__text_add(text, ",");
        if (format == LG_PROFILE_JSON)
            add_json(text, &row);
        else if (format == LG_PROFILE_FOLDED)
            add_folded(text, &row);
        else
            add_text(text, &row);
        count++;
    }
    if (count == 0 && format == LG_PROFILE_TEXT)
        lg__text_add(text, "  none\n");
}

bool lg__profile_add(struct lg__text *text, enum lg_profile_format format, uint32_t top)
{
    struct sum sum = sum_up();
    if (!sum.has_failed && format == LG_PROFILE_TEXT) {
        lg__text_add(text, "waits for what somebody held\n");
        add_rows(text, &sum, format, top, 0);
        lg__text_add(text, "waits for a signal\n");
        add_rows(text, &sum, format, top, 1);
    } else if (!sum.has_failed && format == LG_PROFILE_JSON) {
        lg__text_add(text, "{");
        lg__json_number(text, "rows_in_all", sum.count);
        lg__json_key(text, "rows");
        lg__text_add(text, "[");
        add_rows(text, &sum, format, top, 2);
        lg__text_add(text, "]}");
    } else if (!sum.has_failed && format == LG_PROFILE_FOLDED) {
        add_rows(text, &sum, format, top, 0);
    }
    lg__free(sum.rows);
    return !sum.has_failed;
}

size_t lg_profile_write(enum lg_profile_format format, uint32_t top, char *buffer, size_t size)
{
    struct lg__text text;
    lg__text_begin(&text, buffer, size);
    return lg__profile_add(&text, format, top) ? text.length : 0;
}

/* ---- For users ------------------------------------------------------------------------------------ */

static const struct lg__observer observer = {
    .sleeps = hear_sleeps, .waited = hear_waited, .spun = hear_spun};

void lg_profile_start(void)
{
    lg__observe_start(LG__OBSERVER_PROFILE, &observer);
}

void lg_profile_stop(void)
{
    lg__observe_stop(LG__OBSERVER_PROFILE);
}

void lg_profile_reset(void)
{
    (void)lg__add_full(&era, (uint64_t)1);
}

/* Fork: the child's waits are its own, and the owners of the locks are gone. */
static void do_nothing(void)
{
}

static void begin_anew(void)
{
    for (struct table *table = newest; table; table = table->older)
        table->lock = (struct lg__raw_lock){0};
    era++;
}

static __attribute__((constructor)) void add_fork_hooks(void)
{
    static const struct lg__fork_hooks hooks = {do_nothing, do_nothing, begin_anew};
    lg__fork_add(&hooks);
}
