/* Prediction: what each context holds, and which of it has been looked at before.
 *
 * What a context holds is in its held table, and its leases are in a list of its own.  Each prefix of the
 * table has a key: a hash of the leases and of the objects in their order.  A taking whose key is known from
 * the same time is nothing new (order.h says what time is): it costs a few loads of the context's own lines
 * and no lock.  Two orders may share a key by chance, one in 2^64: then one is missed.
 *
 * What is not known well makes it silent, because anything may be a gate: while a context holds what it took
 * before prediction began, or more than there is room for, or leases of which others have taken some over
 * (lease_lost), its orders are not looked at. */
#include "observe/order.h"
#include "observe/serial.h"
#include "plat/log.h"
#include "plat/memory.h"

#include <string.h>

#define LEASES_MAX 16
#define KNOWN      512u
#define MIX        0x9e3779b97f4a7c15ull

/* The owner's.  `keys` has as many as the context says (keyed). */
struct own {
    uint64_t context;
    uint64_t start;      /* of prediction, since when it is true */
    uint64_t lease_key;  /* 0: not made yet */
    uint32_t lease_lost; /* of the context, when it was looked at last */
    uint32_t lease_count;
    uint32_t hidden; /* leases that may be held, and are not in the list */
    uint64_t keys[LG__HELD_MAX];
    uint64_t known[KNOWN];
    struct lg__thing leases[LEASES_MAX];
    struct lg__thing things[LEASES_MAX + LG__HELD_MAX]; /* all of them, while they are looked at */
};

static uint64_t start_count; /* atomic */

static void begin_own(struct lg_context *self, struct own *own)
{
    own->context = lg__load_relaxed(&self->id);
    own->start = lg__load_acquire(&start_count);
    own->lease_lost = lg__load_acquire(&self->lease_lost);
    own->lease_count = 0;
    own->hidden = lg__lease_count(self);
    own->lease_key = 0;
    self->keyed = 0;
}

static __attribute__((noinline)) struct own *make_own(struct lg_context *self)
{
    struct own *own = lg__map(sizeof *own);
    self->observations[LG__OBSERVER_PREDICT] = own;
    if (own)
        begin_own(self, own);
    return own;
}

/* NULL: there is no memory, and so nothing is known of it. */
static inline struct own *own_of(struct lg_context *self)
{
    struct own *own = self->observations[LG__OBSERVER_PREDICT];
    if (lg__unlikely(!own))
        return make_own(self);
    if (lg__unlikely(own->context != lg__load_relaxed(&self->id) ||
                     own->start != lg__load_relaxed(&start_count)))
        begin_own(self, own);
    return own;
}

/* ---- Things --------------------------------------------------------------------------------------- */

/* What the graph wants to know of a thing that is held just now. */
static void learn(struct lg__thing *thing, const struct lg__resource_class *class,
                  const void *object, uint32_t units, const char *place)
{
    thing->object = object;
    thing->class = class;
    thing->place = place;
    thing->units = units;
    thing->serial = lg__serial_make(class, object);
    thing->capacity = class->capacity(object);
    class->copy_name(object, thing->name);
}

static void remove_lease(struct lg_context *self, struct own *own, uint32_t index)
{
    own->lease_count--;
    for (uint32_t i = index; i < own->lease_count; i++)
        own->leases[i] = own->leases[i + 1];
    own->lease_key = 0;
    self->keyed = 0;
}

/* Some lease has become another's without a word to its holder: it may be any but the one just taken. */
static void hide_wandered(struct lg_context *self, struct own *own, bool is_lease)
{
    uint32_t lost = lg__load_acquire(&self->lease_lost);
    if (lost == own->lease_lost)
        return;
    own->lease_lost = lost;
    for (uint32_t i = own->lease_count - is_lease; i > 0; i--, own->hidden++)
        remove_lease(self, own, i - 1);
}

/* Whether it may hold a lease that is not in the list. */
static bool has_hidden(struct lg_context *self, struct own *own)
{
    if (own->hidden > 0 && lg__lease_count(self) <= own->lease_count)
        own->hidden = 0;
    return own->hidden > 0;
}

/* ---- Keys ----------------------------------------------------------------------------------------- */

/* A serial is of one object alone, unless somebody has copied it as a whole: hence the address. */
static inline uint64_t key_after(uint64_t key, const void *object, uint32_t serial, uint32_t units)
{
    uint64_t mixed = (key ^ (uintptr_t)object) * MIX;
    return (mixed ^ mixed >> 29) + ((uint64_t)serial << 32 | units);
}

static uint64_t make_lease_key(struct own *own)
{
    uint64_t key = MIX;
    for (uint32_t i = 0; i < own->lease_count; i++)
        key = key_after(key, own->leases[i].object, own->leases[i].serial, 1);
    return own->lease_key = key | 1;
}

/* The key of the leases and the first `count` entries; 0: one has no serial yet, or is not known. */
static inline uint64_t key_of(struct lg_context *self, struct own *own, uint32_t count)
{
    uint32_t i = self->keyed < count ? self->keyed : count;
    uint64_t key = i > 0                 ? own->keys[i - 1]
                   : own->lease_key != 0 ? own->lease_key
                                         : make_lease_key(own);
    uint32_t session = lg__load_relaxed(&lg__observe_session);
    for (; i < count; i++) {
        const struct lg__held *entry = &self->held[i];
        uint32_t serial =
            entry->session == session ? lg__serial_of(entry->class, entry->object) : 0;
        if (lg__unlikely(serial == 0))
            return 0;
        key = key_after(key, entry->object, serial, entry->units);
        own->keys[i] = key;
        self->keyed = i + 1;
    }
    return key;
}

/* Where a key is kept with the time at which it was looked at. */
static inline uint64_t *place_of(struct own *own, uint64_t key)
{
    return &own->known[(key * MIX) >> 55];
}

/* ---- Looking -------------------------------------------------------------------------------------- */

static void log_warning(uint32_t index)
{
    struct lg_prediction prediction;
    char text[2048];
    if (!lg__log_is_wanted(LG_LOG_WARN) || !lg__order_get(index, &prediction))
        return;
    (void)lg_prediction_write(&prediction, text, sizeof text);
    const struct lg_prediction_step *step = &prediction.steps[0];
    struct lg_log_field fields[] = {{"held", step->held_name},
                                    {"held_place", step->held_place},
                                    {"taken", step->taken_name},
                                    {"taken_place", step->taken_place}};
    lg__log(LG_LOG_WARN, prediction.kind == LG_PREDICTION_RANK ? "rank" : "lock-order", fields, 4,
            text);
}

static __attribute__((noinline)) void tell(const struct lg__order_news *news)
{
    for (uint32_t i = 0; i < news->count; i++)
        log_warning(news->first + i);
    if (news->is_full)
        lg__log(LG_LOG_WARN, "lock-order-full", NULL, 0,
                "prediction has seen more names and orders than it has room for; orders of new "
                "ones are not watched");
}

/* All that is held, what was taken last at the end.  Returns how many; 0: there is more. */
static uint32_t gather(struct lg_context *self, struct own *own, bool is_lease)
{
    uint32_t session = lg__load_relaxed(&lg__observe_session);
    uint32_t held = lg__held_locks(self);
    uint32_t count = own->lease_count - is_lease;
    memcpy(own->things, own->leases, count * sizeof own->things[0]);
    for (uint32_t i = 0; i < held && i < LG__HELD_MAX; i++) {
        const struct lg__held *entry = &self->held[i];
        if (entry->session != session)
            return 0;
        learn(&own->things[count++], entry->class, entry->object, entry->units, entry->place);
    }
    if (is_lease)
        own->things[count++] = own->leases[own->lease_count - 1];
    return count;
}

/* Something was taken last, while something else was held, in a way that is not known. */
static __attribute__((noinline)) void look(struct lg_context *self, struct own *own, bool is_lease,
                                           uint64_t time)
{
    hide_wandered(self, own, is_lease);
    if (has_hidden(self, own))
        return;
    uint32_t count = gather(self, own, is_lease);
    if (count < 2)
        return;
    struct lg__taker taker = {own->context, self->birth};
    struct lg__order_news news = lg__order_take(&taker, own->things, count - 1);
    uint64_t key = key_of(self, own, lg__held_locks(self));
    if (key != 0)
        *place_of(own, key + is_lease) = (key + is_lease) ^ time * MIX;
    if (news.count > 0 || news.is_full)
        tell(&news);
}

/* The key of all up to this entry, if that is the only one without: the usual case, at once. */
static inline uint64_t key_of_next(struct lg_context *self, struct own *own, uint32_t entry)
{
    const struct lg__held *held = &self->held[entry];
    uint32_t serial =
        lg__serial_of(held->class, held->object); /* just made, so it is of this session */
    if (lg__unlikely(entry == 0 || self->keyed != entry || serial == 0))
        return key_of(self, own, entry + 1);
    self->keyed = entry + 1;
    return own->keys[entry] = key_after(own->keys[entry - 1], held->object, serial, held->units);
}

static inline void look_if_new(struct lg_context *self, struct own *own, uint64_t key,
                               bool is_lease)
{
    uint64_t time = lg__load_relaxed(&lg__observe_time);
    uint64_t whole = key + is_lease;
    if (lg__unlikely(key == 0 || *place_of(own, whole) != (whole ^ time * MIX)))
        look(self, own, is_lease, time);
}

static void hear_nested(struct lg_context *self, uint32_t entry)
{
    struct own *own = own_of(self);
    if (lg__likely(own != NULL))
        look_if_new(self, own, key_of_next(self, own, entry), false);
}

static void hear_lease(struct lg_context *self, const struct lg__taking *taking)
{
    struct own *own = own_of(self);
    if (!own)
        return;
    if (own->lease_count == LEASES_MAX) {
        own->hidden++;
        return;
    }
    struct lg__thing *lease = &own->leases[own->lease_count++];
    learn(lease, taking->class, taking->object, taking->units, taking->place);
    own->lease_key = 0;
    self->keyed = 0;
    uint32_t held = lg__held_locks(self);
    if ((held > 0 || own->lease_count > 1) && held <= LG__HELD_MAX && taking->deadline != LG_TRY)
        look_if_new(self, own, key_of(self, own, held), true);
}

static void hear_lease_end(struct lg_context *self, const void *pool)
{
    struct own *own = own_of(self);
    uint32_t i = own ? own->lease_count : 0;
    while (i > 0 && own->leases[i - 1].object != pool)
        i--;
    if (i > 0)
        remove_lease(self, own, i - 1);
    else if (own && own->hidden > 0)
        own->hidden--;
}

static void hear_waited(struct lg_context *self, const struct lg__wait *wait)
{
    if (wait->want.class->is_meeting)
        self->birth = lg__observe_tick();
}

/* ---- For users ------------------------------------------------------------------------------------ */

static const struct lg__observer observer = {
    .nested = hear_nested, .lease = hear_lease, .lease_end = hear_lease_end, .waited = hear_waited};

/* A start while it is on makes contexts forget their leases, which does no harm. */
int lg_predict_start(void)
{
    if (!lg__order_get_ready())
        return LG_ENOMEM;
    (void)lg__add_full(&start_count, (uint64_t)1);
    lg__observe_start(LG__OBSERVER_PREDICT, &observer);
    return LG_OK;
}

void lg_predict_stop(void)
{
    lg__observe_stop(LG__OBSERVER_PREDICT);
}

void lg_predict_reset(void)
{
    lg__order_reset();
}

uint32_t lg_predict_count(void)
{
    return lg__order_counts().found;
}

int lg_predict_get(uint32_t index, struct lg_prediction *out)
{
    return out && lg__order_get(index, out) ? LG_OK : LG_EINVAL;
}
