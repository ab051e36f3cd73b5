/* The table of what a context holds: the slow ways in and out, and the survey by the tables.
 *
 * A survey reads the tables of others while they change.  Two facts make it good enough for the detector
 * (search.c), which believes only what it has read twice:
 *   H1  A context that is blocked does not write its table.  What it noted before its wait began is seen
 *       by whoever has seen the begin (W1): hence the load of the word before those of the table.
 *   H2  The loads of the table come before the next load of the word (acquire): had the context run in
 *       between, its word would be another. */
#include "graph/context.h"

#include "plat/log.h"
#include "plat/text.h"

static uint32_t find_entry(const struct lg_context *self, const void *object)
{
    uint32_t i = lg__held_known(self);
    while (i > 0 && self->held[i - 1].object != object)
        i--;
    return i; /* index + 1; 0: none */
}

static inline void set_locks(struct lg_context *self, uint32_t count)
{
    lg__store_relaxed(&self->held_end, count * LG__HELD_SIZE);
}

static void set_entry(struct lg__held *entry, const struct lg__held *from)
{
    lg__store_relaxed(&entry->object, from->object);
    lg__store_relaxed(&entry->place, from->place);
    lg__store_relaxed(&entry->units, from->units);
    entry->class = from->class;
    entry->session = from->session;
}

struct lg__held *lg__held_find(struct lg_context *self, const void *object)
{
    uint32_t found = find_entry(self, object);
    return found > 0 ? &self->held[found - 1] : NULL;
}

/* Inline here, because all pushes come this way while somebody observes. */
static inline void enter(struct lg_context *self, const struct lg__resource_class *class,
                         const void *object, const char *place, uint32_t units)
{
    bool is_observed = lg__load_acquire(&self->held_limit) == 0; /* before the session */
    uint32_t n = lg__held_locks(self);
    if (n < LG__HELD_MAX) {
        struct lg__held *entry = &self->held[n];
        lg__store_relaxed(&entry->object, object);
        lg__store_relaxed(&entry->place, place);
        lg__store_relaxed(&entry->units, units);
        entry->class = class;
        entry->session = is_observed ? lg__load_relaxed(&lg__observe_session) : 0;
    }
    if (self->keyed > n)
        self->keyed = n; /* of what was there before */
    set_locks(self, n + 1);
}

void lg__held_enter(struct lg_context *self, const struct lg__resource_class *class,
                    const void *object, const char *place, uint32_t units)
{
    enter(self, class, object, place, units);
}

/* What was taken last, if something else is held. */
static inline void tell_nested(struct lg_context *self, lg_deadline deadline)
{
    uint32_t n = lg__held_locks(self) - 1;
    if ((lg__load_relaxed(&self->watch) & LG__WATCH_NESTED) &&
        (n > 0 || lg__load_relaxed(&self->lease_count) != 0) && n < LG__HELD_MAX &&
        deadline != LG_TRY)
        lg__load_relaxed (&lg__observe_nested)(self, n);
}

static __attribute__((noinline)) void tell_all(struct lg_context *self,
                                               const struct lg__resource_class *class,
                                               const void *object, uint32_t units,
                                               lg_deadline deadline, const char *place)
{
    lg__observe_taken(self, class, object, units, deadline, place);
    tell_nested(self, deadline);
}

static inline void tell(struct lg_context *self, const struct lg__resource_class *class,
                        const void *object, uint32_t units, lg_deadline deadline, const char *place)
{
    if (lg__unlikely(lg__load_relaxed(&self->watch) & LG__WATCH_ALL))
        tell_all(self, class, object, units, deadline, place);
    else
        tell_nested(self, deadline);
}

void lg__held_tell_slow(struct lg_context *self, const struct lg__resource_class *class,
                        const void *object, uint32_t units, lg_deadline deadline, const char *place)
{
    tell(self, class, object, units, deadline, place);
}

/* A full table, or an observer. */
void lg__held_push_slow(struct lg_context *self, const struct lg__resource_class *class,
                        const void *object, uint32_t units, lg_deadline deadline, const char *place)
{
    enter(self, class, object, place, units);
    if (lg__load_relaxed(&self->held_limit) == 0)
        tell(self, class, object, units, deadline, place);
}

/* Out of order, or a full table.  What did not fit is counted, and stands in the table as an entry
 * without an object once there is room again. */
static void remove_entry(struct lg_context *self, const void *object)
{
    static const struct lg__held unknown = {0};
    uint32_t n = lg__held_locks(self);
    uint32_t found = find_entry(self, object);
    if (found == 0)
        found = find_entry(self, NULL);
    uint32_t known = lg__held_known(self);
    if (found > 0 && self->keyed >= found)
        self->keyed = found - 1;
    for (uint32_t i = found; found > 0 && i < known; i++)
        set_entry(&self->held[i - 1], &self->held[i]);
    if (found > 0 && n > LG__HELD_MAX)
        set_entry(&self->held[known - 1], &unknown);
    set_locks(self, n - 1);
}

void lg__held_pop_slow(struct lg_context *self, const void *object)
{
    uint32_t n = lg__held_locks(self);
    lg__store_relaxed(&self->has_been_told, 0u);
    if (lg__unlikely(lg__load_relaxed(&self->watch) & LG__WATCH_ALL))
        lg__observe_released(self, object);
    if (n - 1 < LG__HELD_MAX && self->held[n - 1].object == object)
        set_locks(self, n - 1);
    else
        remove_entry(self, object);
}

struct held_visit {
    const void *object;
    lg__visit *visit;
    void *arg;
    bool is_stopped;
};

static void visit_held(void *arg, struct lg_context *context)
{
    struct held_visit *look = arg;
    if (look->is_stopped)
        return;
    struct lg__holding holding = {
        .holder = lg__load_full(&context->id),
        .unit = LG_NO_UNIT,
    };
    (void)lg__load_full(&context->wait.word); /* H1 */
    uint64_t count = lg__load_acquire(&context->held_end) / LG__HELD_SIZE;
    for (uint32_t i = 0; i < count && i < LG__HELD_MAX && !look->is_stopped; i++) {
        const struct lg__held *entry = &context->held[i];
        if (lg__load_acquire(&entry->object) != look->object) /* H2 */
            continue;
        holding.units = lg__load_acquire(&entry->units); /* H2 */
        holding.place = lg__load_acquire(&entry->place);
        look->is_stopped = !look->visit(look->arg, &holding);
    }
}

void lg__held_visit(const void *object, lg__visit *visit, void *arg)
{
    struct held_visit look = {object, visit, arg, false};
    lg__context_each(visit_held, &look);
}

static uint32_t (*count_biased)(const struct lg_context *context); /* r/o after the constructors */

/* A bias that is taken back moves a lease from one count to the other: then count again. */
uint32_t lg__lease_count(const struct lg_context *context)
{
    uint32_t lost, biased;
    do {
        lost = lg__load_acquire(&context->lease_lost);
        biased = count_biased ? count_biased(context) : 0;
    } while (lg__load_acquire(&context->lease_lost) != lost);
    uint32_t count = lg__load_relaxed(&context->lease_count) - lost;
    return (int32_t)count > 0 ? count + biased : biased;
}

void lg__lease_counter_set(uint32_t (*counter)(const struct lg_context *context))
{
    count_biased = counter;
}

uint32_t lg__held_count(const struct lg_context *context)
{
    return lg__held_locks(context) + lg__lease_count(context);
}

static void add_held_places(struct lg__text *line, const struct lg_context *context)
{
    char place[LG_PLACE_SIZE];
    uint32_t locks = lg__held_locks(context);
    lg__text_addf(line, " %u lock%s, taken at", locks, locks == 1 ? "" : "s");
    for (uint32_t i = 0; i < locks && i < LG__HELD_MAX; i++) {
        lg__copy_place(place, sizeof place, context->held[i].place);
        lg__text_addf(line, "%s %s", i ? "," : "", place[0] ? place : "(unknown)");
    }
}

static void log_left(const struct lg_context *context)
{
    char name[LG_NAME_SIZE];
    char text[512];
    struct lg__text line;
    uint32_t leases = lg__lease_count(context);
    lg__context_copy_name(context->id, name);
    lg__text_begin(&line, text, sizeof text);
    lg__text_addf(&line, "%s ended holding", name);
    if (lg__held_locks(context) > 0)
        add_held_places(&line, context);
    if (leases > 0)
        lg__text_addf(&line, " %u lease%s: lg_pool_holders says of which and from where", leases,
                      leases == 1 ? "" : "s");
    struct lg_log_field field = {"context", name};
    lg__log(LG_LOG_WARN, "ended-holding", &field, 1, text);
}

static lg__leave_hook *leaver; /* r/o after the constructors */

void lg__leaver_set(lg__leave_hook *hook)
{
    leaver = hook;
}

void lg__held_leave(const struct lg_context *context)
{
    log_left(context);
    if (leaver)
        leaver(context);
}
