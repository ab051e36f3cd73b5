/* Permits: what the graph sees of them, and the paths that do not wait.
 *
 * To take is one compare-and-swap and a note in the caller's own table; to give back the note out of the
 * table, and one compare-and-swap.  Units between the two belong to nobody known, so to the environment: the
 * detector is silent about them.  For everything else see permits_wait.c; for gifts and the ends of contexts
 * permits_end.c. */
#include "sync/permits.h"

#include "plat/log.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/ledger.h"

#include <stdio.h>

uint32_t lg__permits_era;

/* In a want the object goes by its tag, as in the tables: observers compare the two. */
static const struct lg_permits *permits_of(const void *object)
{
    return lg__permits_of(object);
}

static uint32_t get_capacity(const void *object)
{
    return lg__load_relaxed(&permits_of(object)->capacity);
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    bool has_lines = lg__ledger_is_used(); /* L2: before the tables */
    lg__held_visit(object, visit, arg);
    if (has_lines)
        lg__ledger_visit(object, visit, arg);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, permits_of(object)->name);
}

/* Without the lock where nobody wants more than one.  Who is ahead of a waiter was there before its wait
 * began, under the lock; so whoever has seen that begin (W1) sees `many` count it. */
static void visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                        void *arg)
{
    if (lg__load_relaxed(&permits_of(object)->many) > 0)
        lg__park_visit_ahead(object, wait, visit, arg);
}

const struct lg__resource_class lg__permits_class = {
    .noun = "permits",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .may_exceed = true,
    .tag_offset = offsetof(struct lg_permits, reserved) - LG__PARK_PERMITS,
    .visit_ahead = visit_ahead,
    .let_pass = lg__permits_let_pass,
};

static const char *name_of(const struct lg_permits *permits)
{
    return permits->name ? permits->name : "(unnamed permits)";
}

/* ---- Life ------------------------------------------------------------------------------------ */

int lg_permits_init(struct lg_permits *permits, const char *name, uint32_t capacity)
{
    if (!permits || capacity > LG_PERMITS_MAX)
        return LG_EINVAL;
    *permits = (struct lg_permits){
        .word = capacity * LG__PERMITS_UNIT | lg__permits_era,
        .name = name,
        .capacity = capacity,
    };
    return LG_OK;
}

/* How many are in: of permits of another era, all are. */
static int32_t count_in(const struct lg_permits *permits)
{
    uint64_t word = lg__load_relaxed(&permits->word);
    return lg__permits_is_of_era(word) ? lg__permits_in(word)
                                       : (int32_t)lg__load_relaxed(&permits->capacity);
}

void lg_permits_destroy(struct lg_permits *permits)
{
    if (!permits)
        return;
    struct lg__bucket *bucket = lg__park_lock(lg__permits_tagged(permits));
    bool is_waited_for = lg__park_next(bucket, NULL, lg__permits_tagged(permits)) != NULL;
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic("permits were destroyed while waited for", name_of(permits));
    if (count_in(permits) != (int32_t)permits->capacity)
        lg__panic("permits were destroyed while held", name_of(permits));
}

uint32_t lg_permits_available(const struct lg_permits *permits)
{
    int32_t in = permits ? count_in(permits) : 0;
    return in > 0 ? (uint32_t)in : 0;
}

uint32_t lg_permits_capacity(const struct lg_permits *permits)
{
    return permits ? lg__load_relaxed(&permits->capacity) : 0;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

uint32_t lg__permits_noted(const struct lg_context *self, const struct lg_permits *permits)
{
    const void *tagged = lg__permits_tagged(permits);
    uint32_t units = 0;
    for (uint32_t i = 0; i < lg__held_known(self); i++)
        if (self->held[i].object == tagged)
            units += self->held[i].units;
    return units + lg__ledger_count(tagged, self->id);
}

uint32_t lg_permits_held(const struct lg_permits *permits)
{
    return permits && lg__self ? lg__permits_noted(lg__self, permits) : 0;
}

/* No room, or an observer.  False: no room anywhere. */
static __attribute__((noinline)) bool note_slow(struct lg_context *self,
                                                const struct lg_permits *permits, uint32_t units,
                                                lg_deadline deadline, const char *place)
{
    const void *tagged = lg__permits_tagged(permits);
    struct lg__held *entry = lg__held_find(self, tagged);
    if (self->held_end < LG__HELD_ROOM) {
        lg__held_push_units(self, &lg__permits_class, tagged, deadline, place, units);
        return true;
    }
    if (entry) {
        lg__store_relaxed(&entry->units, entry->units + units);
        return true;
    }
    struct lg__line line = {tagged, self->id, place, units, 0};
    return lg__ledger_add(&line) == LG__LEDGER_ADDED;
}

/* With room for a new entry at the table's end.  Units that were taken at one place one after the other
 * share an entry. */
static inline void note_in_room(struct lg_context *self, const void *tagged, uint64_t end,
                                uint32_t units, const char *place)
{
    struct lg__held *last = end > 0 ? lg__held_at(self, end - LG__HELD_SIZE) : NULL;
    if (last && last->object == tagged && last->place == place)
        lg__store_relaxed(&last->units, last->units + units);
    else
        lg__held_enter_at(self, end, tagged, place, units);
}

bool lg__permits_note(struct lg_context *self, const struct lg_permits *permits, uint32_t units,
                      lg_deadline deadline, const char *place)
{
    uint64_t end = self->held_end;
    if (lg__unlikely(end >= lg__load_relaxed(&self->held_limit)))
        return note_slow(self, permits, units, deadline, place);
    note_in_room(self, lg__permits_tagged(permits), end, units, place);
    return true;
}

void lg__permits_unnote(struct lg_context *self, struct lg_permits *permits, uint32_t units)
{
    const void *tagged = lg__permits_tagged(permits);
    struct lg__held *entry;
    while (units > 0 && (entry = lg__held_find(self, tagged)) != NULL) {
        if (entry->units > units) {
            lg__store_relaxed(&entry->units, entry->units - units);
            lg__store_relaxed(&self->has_been_told, 0u);
            return;
        }
        units -= entry->units;
        lg__held_pop(self, tagged);
    }
    if (units > 0)
        (void)lg__ledger_take(tagged, self->id, units);
    lg__store_relaxed(&self->has_been_told, 0u);
}

/* ---- Acquire and release --------------------------------------------------------------------- */

static inline bool take(struct lg_permits *permits, uint32_t units)
{
    uint64_t word = lg__load_relaxed(&permits->word);
    do
        if (lg__unlikely(lg__permits_in(word) < (int32_t)units ||
                         ((uint32_t)word & ~(uint32_t)LG__PERMITS_WAITERS) != lg__permits_era))
            return false;
    while (lg__unlikely(
        !lg__cas_acquire(&permits->word, &word, word - units * LG__PERMITS_UNIT))); /* P1 */
    return true;
}

static __attribute__((noinline)) int acquire_slow(struct lg_permits *permits, uint32_t units,
                                                  lg_deadline deadline, const char *place)
{
    if (!permits || units == 0 || units > lg__load_relaxed(&permits->capacity))
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    if (!take(permits, units)) {
        int status = lg__permits_wait(self, permits, units, deadline, place);
        if (status != LG_OK)
            return status;
    }
    if (lg__permits_note(self, permits, units, deadline, place))
        return LG_OK;
    lg__permits_put(permits, units);
    return LG_ENOMEM;
}

/* The fast path: a leaf, which saves no registers.  With room the note cannot fail. */
int lg_permits_acquire_at(struct lg_permits *permits, uint32_t units, lg_deadline deadline,
                          const char *place)
{
    struct lg_context *self = lg__self_or_nobody; /* who has no room */
    uint64_t end = self->held_end;
    if (lg__unlikely(!permits || units - 1 >= lg__load_relaxed(&permits->capacity) ||
                     end >= lg__load_relaxed(&self->held_limit) || !take(permits, units)))
        return acquire_slow(permits, units, deadline, place);
    note_in_room(self, lg__permits_tagged(permits), end, units, place);
    return LG_OK;
}

int lg__permits_refuse(struct lg_permits *permits, uint32_t units, uint32_t held)
{
    char context[LG_NAME_SIZE] = "a thread without a context";
    char text[256];
    if (lg__or_relaxed(&permits->flags, LG__PERMITS_WAS_WARNED) & LG__PERMITS_WAS_WARNED)
        return LG_EOVERRELEASE;
    if (lg__self)
        lg__context_copy_name(lg__self->id, context);
    snprintf(text, sizeof text, "%s gave back %u of %.*s and holds %u: nothing was changed",
             context, units, LG_NAME_SIZE, name_of(permits), held);
    struct lg_log_field fields[] = {{"permits", name_of(permits)}, {"context", context}};
    lg__log(LG_LOG_WARN, "over-release", fields, 2, text);
    return LG_EOVERRELEASE;
}

static __attribute__((noinline)) int put_slow(struct lg_permits *permits, uint32_t units)
{
    lg__permits_put_slow(permits, units);
    return LG_OK;
}

static __attribute__((noinline)) int release_slow(struct lg_permits *permits, uint32_t units)
{
    if (!permits || units == 0)
        return LG_EINVAL;
    struct lg_context *self = lg__self;
    uint32_t held = self ? lg__permits_noted(self, permits) : 0;
    if (held < units)
        return lg__permits_refuse(permits, units, held);
    lg__permits_unnote(self, permits, units);
    lg__permits_put(permits, units);
    return LG_OK;
}

/* The fast path: a leaf, as acquire's. */
int lg_permits_release(struct lg_permits *permits, uint32_t units)
{
    struct lg_context *self = lg__self_or_nobody; /* who holds nothing */
    const struct lg__held *top = permits ? lg__held_top(self, lg__permits_tagged(permits)) : NULL;
    if (lg__unlikely(!top || units == 0 || top->units != units))
        return release_slow(permits, units);
    lg__held_drop(self, top);
    return lg__likely(lg__permits_try_put(permits, units)) ? LG_OK : put_slow(permits, units);
}
