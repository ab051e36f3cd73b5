/* Rwlock: what the graph sees of it, and the paths that do not wait.
 *
 * Lock is one addition (read) or compare-and-swap (write), unlock one subtraction.  A reader counts itself
 * first and looks then at what was there: no flag and no writer, and it reads.  One that reads by bias
 * does not even that: rwlock_bias.h.  For everything else see rwlock_wait.c; for the ends of contexts
 * rwlock_end.c.
 *
 * A reader writes its entry before it counts itself, and takes it back before it is counted out: if its
 * thread is left behind by a fork, whatever it counts for is in its table (rwlock_end.c). */
#include "sync/rwlock.h"

#include "plat/panic.h"
#include "plat/text.h"
#include "sync/rwlock_bias.h"

static uint32_t get_capacity(const void *object)
{
    (void)object;
    return LG__RWLOCK_UNITS;
}

/* Of the tables' entries only the readers': who writes, or may come to, is named in the word. */
struct reader_visit {
    lg__visit *visit;
    void *arg;
};

static bool visit_reader(void *arg, const struct lg__holding *holding)
{
    const struct reader_visit *readers = arg;
    struct lg__holding reader = *holding;
    reader.units &= ~LG__RWLOCK_BY_BIAS;
    return reader.units != LG__RWLOCK_READ_UNITS || readers->visit(readers->arg, &reader);
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_rwlock *rwlock = lg__rwlock_of(object);
    uint64_t word = lg__load_full(&rwlock->word); /* W1: after the begin */
    bool is_written = word & LG__RWLOCK_WRITER;
    struct lg__holding holding = {
        .holder = lg__context_of_key((uint32_t)(word >> 32)),
        .units = is_written ? LG__RWLOCK_UNITS : LG__RWLOCK_UPGRADABLE_UNITS,
        .unit = LG_NO_UNIT,
        .place = lg__load_relaxed(&rwlock->place),
    };
    if (holding.holder != 0 && !visit(arg, &holding))
        return;
    struct reader_visit readers = {visit, arg};
    if (!is_written && (word & (LG__RWLOCK_READERS | LG__RWLOCK_BIASED)))
        lg__held_visit(object, visit_reader, &readers);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, lg__rwlock_of(object)->name);
}

static void let_pass(const void *object, struct lg__wait *wait, uint64_t word)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    bool is_there =
        lg__load_relaxed(&wait->queue) == object && lg__load_acquire(&wait->word) == word;
    if (is_there) {
        lg__park_remove(bucket, wait);
        lg__park_push(bucket, wait, object, true);
        if (!wait->companion)
            lg__rwlock_put_holders_first(lg__rwlock_of(object), bucket, wait);
    }
    lg__park_unlock(bucket);
    if (is_there)
        lg__rwlock_serve(lg__rwlock_of(object)); /* the pin keeps the waiter, and so the lock */
}

const struct lg__resource_class lg__rwlock_class = {
    .noun = "rwlock",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .is_robust = true,
    .has_modes = true,
    .tag_offset = offsetof(struct lg_rwlock, tag) - LG__PARK_RWLOCK,
    .visit_ahead = lg__park_visit_ahead,
    .let_pass = let_pass,
};

static const char *name_of(const struct lg_rwlock *rwlock)
{
    return rwlock->name ? rwlock->name : "(unnamed rwlock)";
}

static __attribute__((noinline, cold)) void panic(const char *rule, const struct lg_rwlock *rwlock)
{
    lg__panic(rule, name_of(rwlock));
}

int lg_rwlock_init(struct lg_rwlock *rwlock, const char *name)
{
    if (!rwlock)
        return LG_EINVAL;
    *rwlock = (struct lg_rwlock)LG_RWLOCK_INIT(name);
    return LG_OK;
}

void lg_rwlock_destroy(struct lg_rwlock *rwlock)
{
    if (!rwlock)
        return;
    struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(rwlock));
    bool is_waited_for = lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock)) != NULL;
    lg__park_unlock(bucket);
    if (is_waited_for)
        panic("a rwlock was destroyed while waited for", rwlock);
    uint64_t word = lg__load_relaxed(&rwlock->word);
    if ((word & ~(LG__RWLOCK_FLAGS | LG__RWLOCK_BIASED)) ||
        ((word & LG__RWLOCK_BIASED) && lg__rwlock_has_readings(rwlock)))
        panic("a rwlock was destroyed while held", rwlock);
}

/* ---- What the caller holds ------------------------------------------------------------------- */

/* The caller's entry with so many units, or NULL. */
static struct lg__held *find_own(struct lg_context *self, const struct lg_rwlock *rwlock,
                                 uint32_t units)
{
    for (uint32_t i = lg__held_known(self); i > 0; i--) {
        struct lg__held *entry = &self->held[i - 1];
        if (entry->object == lg__rwlock_tagged(rwlock) && entry->units == units)
            return entry;
    }
    return NULL;
}

uint32_t lg__rwlock_count_own(const struct lg_context *self, const struct lg_rwlock *rwlock,
                              uint32_t units)
{
    uint32_t n = lg__held_known(self);
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += self->held[i].object == lg__rwlock_tagged(rwlock) &&
                 (self->held[i].units & ~LG__RWLOCK_BY_BIAS) == units;
    return count;
}

/* What found no room stands in the table as an entry without an object, once there is room. */
bool lg__rwlock_has_unknown(struct lg_context *self)
{
    return lg__held_is_full(self) || lg__held_find(self, NULL);
}

/* The latest entry is not counted, if there was room for it. */
bool lg__rwlock_holds_besides(struct lg_context *self, const struct lg_rwlock *rwlock)
{
    return lg__rwlock_count_own(self, rwlock, LG__RWLOCK_READ_UNITS) > 1 ||
           lg__rwlock_count_own(self, rwlock, LG__RWLOCK_UPGRADABLE_UNITS) > 0 ||
           lg__rwlock_has_unknown(self);
}

bool lg__rwlock_may_be_held(struct lg_context *self, const struct lg_rwlock *rwlock)
{
    return lg__held_find(self, lg__rwlock_tagged(rwlock)) || lg__rwlock_has_unknown(self);
}

/* The units of what the caller took last of the lock; 0: nothing.  Where the table had no room, the word
 * decides, as far as it can. */
static __attribute__((noinline)) uint32_t look_for_units(struct lg_context *self,
                                                         const struct lg_rwlock *rwlock)
{
    const struct lg__held *entry = lg__held_find(self, lg__rwlock_tagged(rwlock));
    uint64_t word = lg__load_relaxed(&rwlock->word);
    if (entry)
        return entry->units;
    if (!lg__rwlock_has_unknown(self))
        return 0;
    if ((word & LG__RWLOCK_KEY) == lg__rwlock_key(self->id))
        return word & LG__RWLOCK_WRITER ? LG__RWLOCK_UNITS : LG__RWLOCK_UPGRADABLE_UNITS;
    return word & LG__RWLOCK_READERS ? LG__RWLOCK_READ_UNITS : 0;
}

int lg_rwlock_is_held(const struct lg_rwlock *rwlock)
{
    struct lg_context *self = lg__self;
    if (!rwlock || !self)
        return LG_RWLOCK_NOT_HELD;
    uint64_t word = lg__load_relaxed(&rwlock->word);
    if ((word & LG__RWLOCK_KEY) == lg__rwlock_key(self->id))
        return word & LG__RWLOCK_WRITER ? LG_RWLOCK_WRITE : LG_RWLOCK_UPGRADABLE;
    return look_for_units(self, rwlock) ? LG_RWLOCK_READ : LG_RWLOCK_NOT_HELD;
}

static uint32_t units_of(enum lg__rwlock_want mode)
{
    static const uint32_t units[] = {LG__RWLOCK_READ_UNITS, LG__RWLOCK_UPGRADABLE_UNITS,
                                     LG__RWLOCK_UNITS, LG__RWLOCK_UNITS};
    return units[mode];
}

void lg__rwlock_note(struct lg_context *self, struct lg_rwlock *rwlock, enum lg__rwlock_want mode,
                     const char *place)
{
    struct lg__held *entry;
    if (mode != LG__RWLOCK_WANT_READ)
        lg__store_relaxed(&rwlock->place, place);
    if (mode != LG__RWLOCK_WANT_UPGRADE)
        lg__held_enter(self, &lg__rwlock_class, lg__rwlock_tagged(rwlock), place, units_of(mode));
    else if ((entry = find_own(self, rwlock, LG__RWLOCK_UPGRADABLE_UNITS)) != NULL)
        lg__store_relaxed(&entry->units, LG__RWLOCK_UNITS);
}

void lg__rwlock_tell(struct lg_context *self, const struct lg_rwlock *rwlock,
                     enum lg__rwlock_want mode, lg_deadline deadline, const char *place)
{
    if (mode != LG__RWLOCK_WANT_UPGRADE)
        lg__held_tell(self, &lg__rwlock_class, lg__rwlock_tagged(rwlock), deadline, place,
                      units_of(mode));
}

/* ---- Lock ------------------------------------------------------------------------------------ */

/* Where there is no context yet, or its table has no room, or an observer is to be told. */
static __attribute__((noinline)) int read_otherwise(struct lg_rwlock *rwlock, lg_deadline deadline,
                                                    const char *place)
{
    if (!rwlock)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    lg__rwlock_note(self, rwlock, LG__RWLOCK_WANT_READ, place);
    uint64_t old = lg__add_acquire(&rwlock->word, LG__RWLOCK_READER); /* R1, R2 */
    if (old & (LG__RWLOCK_QUEUED | LG__RWLOCK_WRITER))
        return lg__rwlock_wait_to_read(self, rwlock, old, deadline, place);
    lg__rwlock_tell(self, rwlock, LG__RWLOCK_WANT_READ, deadline, place);
    return LG_OK;
}

/* Others are there, or were, or it is biased. */
static __attribute__((noinline)) int read_beside(struct lg_context *self, struct lg_rwlock *rwlock,
                                                 uint64_t old, lg_deadline deadline,
                                                 const char *place)
{
    if (old & (LG__RWLOCK_QUEUED | LG__RWLOCK_WRITER))
        return lg__rwlock_wait_to_read(self, rwlock, old, deadline, place);
    lg__reading_learn(self, rwlock, old);
    return LG_OK;
}

/* Its bias is gone. */
static __attribute__((noinline)) int read_after_all(struct lg_context *self,
                                                    struct lg_rwlock *rwlock, lg_deadline deadline,
                                                    const char *place)
{
    if (!lg__reading_retreat(self, rwlock))
        return LG_OK;
    uint64_t old = lg__add_acquire(&rwlock->word, LG__RWLOCK_READER); /* R1, R2 */
    return read_beside(self, rwlock, old, deadline, place);
}

int lg_rwlock_read_at(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self_or_nobody;
    struct lg__held *entry =
        rwlock ? lg__held_try_enter(self, lg__rwlock_tagged(rwlock), place, LG__RWLOCK_READ_UNITS)
               : NULL;
    if (lg__unlikely(!entry))
        return read_otherwise(rwlock, deadline, place);
    if (lg__reading_is_due(self, rwlock))
        return lg__likely(lg__reading_begin(self, rwlock, entry))
                   ? LG_OK
                   : read_after_all(self, rwlock, deadline, place);
    uint64_t old = lg__add_acquire(&rwlock->word, LG__RWLOCK_READER); /* R1, R2 */
    if (lg__unlikely(old & (uint32_t)~LG__RWLOCK_STARVED))
        return read_beside(self, rwlock, old, deadline, place);
    return LG_OK;
}

static inline bool take_free(struct lg_context *self, struct lg_rwlock *rwlock)
{
    uint64_t free = 0;
    return lg__cas_acquire(&rwlock->word, &free, self->writer_word); /* R1 */
}

/* Where it is not free, or as read_otherwise. */
static __attribute__((noinline)) int write_otherwise(struct lg_rwlock *rwlock, lg_deadline deadline,
                                                     const char *place)
{
    if (!rwlock)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    if (!take_free(self, rwlock))
        return lg__rwlock_wait(self, rwlock, LG__RWLOCK_WANT_WRITE, deadline, place);
    lg__rwlock_note(self, rwlock, LG__RWLOCK_WANT_WRITE, place);
    lg__rwlock_tell(self, rwlock, LG__RWLOCK_WANT_WRITE, deadline, place);
    return LG_OK;
}

int lg_rwlock_write_at(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self_or_nobody;
    uint64_t end = self->held_end;
    if (lg__unlikely(!rwlock || end >= lg__load_relaxed(&self->held_limit) ||
                     !take_free(self, rwlock)))
        return write_otherwise(rwlock, deadline, place);
    lg__held_enter_at(self, end, lg__rwlock_tagged(rwlock), place, LG__RWLOCK_UNITS);
    lg__store_relaxed(&rwlock->place, place);
    return LG_OK;
}

int lg_rwlock_upgradable_at(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!rwlock)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    return self ? lg__rwlock_wait(self, rwlock, LG__RWLOCK_WANT_UPGRADABLE, deadline, place)
                : LG_ENOMEM;
}

int lg_rwlock_upgrade_at(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (lg_rwlock_is_held(rwlock) != LG_RWLOCK_UPGRADABLE)
        return LG_EINVAL;
    return lg__rwlock_wait(lg__self, rwlock, LG__RWLOCK_WANT_UPGRADE, deadline, place);
}

int lg_rwlock_read_into(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place,
                        int *status) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return *status = lg_rwlock_read_at(rwlock, deadline, place);
}

int lg_rwlock_write_into(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place,
                         int *status) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return *status = lg_rwlock_write_at(rwlock, deadline, place);
}

/* ---- Unlock and downgrade -------------------------------------------------------------------- */

static const char not_held[] = "a rwlock was unlocked by a context that does not hold it";

/* What is left must have no key any more, or it was not the caller's.  The lock may be gone by now. */
static __attribute__((noinline)) void look_what_is_left(struct lg_rwlock *rwlock, uint64_t left)
{
    if (left & (LG__RWLOCK_KEY | LG__RWLOCK_WRITER))
        panic(not_held, rwlock);
    if (left & LG__RWLOCK_QUEUED)
        lg__rwlock_serve(rwlock);
}

static inline void give_up_key(struct lg_rwlock *rwlock, uint64_t mine)
{
    uint64_t word = lg__sub_release(&rwlock->word, mine); /* R1, R3 */
    if (lg__unlikely(word != mine))
        look_what_is_left(rwlock, word - mine);
}

/* What the word has of a context that writes, or is upgradable. */
static inline uint64_t key_part(const struct lg_rwlock *rwlock)
{
    return lg__load_relaxed(&rwlock->word) & (LG__RWLOCK_KEY | LG__RWLOCK_WRITER);
}

/* Where it was not taken last, or is upgradable, or an observer is to be told, or it is not held. */
static __attribute__((noinline)) void unlock_otherwise(struct lg_rwlock *rwlock)
{
    struct lg_context *self = lg__self;
    uint32_t units = self ? look_for_units(self, rwlock) : 0;
    uint64_t mine = self ? lg__rwlock_key(self->id) : 0;
    bool is_read = (units & ~LG__RWLOCK_BY_BIAS) == LG__RWLOCK_READ_UNITS;
    if (units == LG__RWLOCK_UNITS)
        mine |= LG__RWLOCK_WRITER;
    if (units == 0 || (!is_read && key_part(rwlock) != mine))
        panic(not_held, rwlock);
    lg__held_pop(self, lg__rwlock_tagged(rwlock));
    if (is_read)
        lg__rwlock_unread(self, rwlock, units);
    else
        give_up_key(rwlock, mine);
}

void lg_rwlock_unlock(struct lg_rwlock *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self_or_nobody;
    const struct lg__held *top = lg__held_top(self, lg__rwlock_tagged(rwlock));
    uint32_t units = top ? top->units : 0;
    if (lg__likely(units == LG__RWLOCK_READ_UNITS)) {
        lg__held_drop(self, top);
        lg__rwlock_uncount(rwlock);
        return;
    }
    if (units == LG__RWLOCK_UNITS) {
        lg__held_drop(self, top);
        give_up_key(rwlock, self->writer_word);
        return;
    }
    if (lg__unlikely(!(units & LG__RWLOCK_BY_BIAS))) {
        unlock_otherwise(rwlock);
        return;
    }
    lg__held_drop(self, top);
    lg__rwlock_unread(self, rwlock, units);
}

/* From the mode of so many units to another, in one step; what is exchanged in the word has no borrow and
 * no carry, because what goes is there. */
static void weaken(struct lg_rwlock *rwlock, uint32_t from, uint64_t goes, uint32_t to,
                   uint64_t comes)
{
    struct lg_context *self = lg__self;
    struct lg__held *entry = find_own(self, rwlock, from);
    if (entry)
        lg__store_relaxed(&entry->units, to);
    lg__store_relaxed(&self->has_been_told, 0u);
    if (lg__sub_release(&rwlock->word, goes - comes) & LG__RWLOCK_QUEUED) /* R1, R3 */
        lg__rwlock_serve(rwlock);
}

void lg_rwlock_downgrade(struct lg_rwlock *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS
{
    int mode = lg_rwlock_is_held(rwlock);
    if (mode != LG_RWLOCK_WRITE && mode != LG_RWLOCK_UPGRADABLE)
        panic("a rwlock was downgraded by a context that does not write it", rwlock);
    bool is_written = mode == LG_RWLOCK_WRITE;
    weaken(rwlock, is_written ? LG__RWLOCK_UNITS : LG__RWLOCK_UPGRADABLE_UNITS,
           lg__rwlock_key(lg__self->id) | (is_written ? LG__RWLOCK_WRITER : 0),
           LG__RWLOCK_READ_UNITS, LG__RWLOCK_READER);
}

void lg_rwlock_downgrade_to_upgradable(struct lg_rwlock *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (lg_rwlock_is_held(rwlock) != LG_RWLOCK_WRITE)
        panic("a rwlock was downgraded by a context that does not write it", rwlock);
    weaken(rwlock, LG__RWLOCK_UNITS, LG__RWLOCK_WRITER, LG__RWLOCK_UPGRADABLE_UNITS, 0);
}
