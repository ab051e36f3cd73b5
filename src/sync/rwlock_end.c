/* Rwlock: what is left when a context ends, by itself or because fork() left it in the parent.
 *
 * A writer may have left the data half changed: its key stays in the word, as that of nobody who lives, every
 * taker is told, and one of them recovers.  (Some day a living context has the same key.  So it is exchanged for
 * DEAD while the lock is the writer's yet: afterwards it may be recovered and gone at any moment.)  A reader or upgradable holder has changed nothing, so its hold is given back for it, as
 * its table says.  That table is complete, because a reader notes itself before it is counted:
 *   - at the end of a context, which is in no call then, it names exactly what the context holds (but for
 *     what it had no room for);
 *   - in a forked child the others may have been anywhere.  But all who were counted are dead there, save
 *     for the calling context, and what that one holds is in its table: so the count is set, not reduced.
 *     Who was handed the lock and has not noted it yet is found by its wait; who was taking a bias back, and
 *     is counted for it, by its context.  (Not found is one that was between the two instructions of an
 *     unlock, or had just become upgradable: it holds in the child.)
 * The lock exists: it is held, or its holder is in a call on it. */
#include "sync/rwlock_bias.h"

/* A context has ended with this entry in its table. */
static void give_back(struct lg_context *context, struct lg_rwlock *rwlock, uint64_t id,
                      uint32_t units)
{
    if (units == LG__RWLOCK_UPGRADABLE_UNITS) {
        if (lg__sub_release(&rwlock->word, lg__rwlock_key(id)) & LG__RWLOCK_QUEUED)
            lg__rwlock_serve(rwlock);
    } else if (units != LG__RWLOCK_UNITS) {
        lg__rwlock_unread(context, rwlock, units);
    }
}

/* A context is about to end with this entry.  Its key is changed by others only once it has ended. */
static void leave_dead(struct lg_rwlock *rwlock, uint64_t id)
{
    const uint64_t own = lg__rwlock_key(id) | LG__RWLOCK_WRITER;
    uint64_t word = lg__load_relaxed(&rwlock->word);
    while ((word & (LG__RWLOCK_KEY | LG__RWLOCK_WRITER)) == own &&
           !lg__cas_full(&rwlock->word, &word, (word & ~LG__RWLOCK_KEY) | LG__RWLOCK_DEAD))
        continue;
}

static void leave_all_dead(const struct lg_context *context)
{
    uint64_t id = lg__load_relaxed(&context->id);
    uint32_t count = lg__held_known(context);
    for (uint32_t i = 0; i < count; i++) {
        struct lg_rwlock *rwlock = lg__rwlock_of(context->held[i].object);
        if (rwlock && context->held[i].units == LG__RWLOCK_UNITS)
            leave_dead(rwlock, id);
    }
}

static void give_all_back(struct lg_context *context, uint64_t id)
{
    uint32_t count = lg__held_known(context);
    for (uint32_t i = 0; i < count; i++) {
        struct lg_rwlock *rwlock = lg__rwlock_of(context->held[i].object);
        if (rwlock)
            give_back(context, rwlock, id, context->held[i].units);
    }
}

/* In a child: what its only context reads by bias is counted like the rest. */
static void count_own_reading(struct lg_context *self, const struct lg_rwlock *rwlock)
{
    uint64_t *reading = lg__reading_of(self, rwlock);
    if (lg__load_relaxed(reading) == lg__reading_held(rwlock))
        lg__store_release(reading, lg__reading_held(rwlock) | LG__READING_COUNTED);
}

/* In a child: leave what its only context holds, and a dead writer.  Nobody is queued any more. */
static void disown(struct lg_rwlock *rwlock)
{
    struct lg_context *self = lg__self;
    uint64_t own_key = self ? lg__rwlock_key(self->id) : 0;
    uint64_t own = 0;
    uint64_t word = rwlock->word;
    if (self && lg__rwlock_has_unknown(self))
        return; /* it may be among the readers */
    if (self) {
        own = lg__rwlock_count_own(self, rwlock, LG__RWLOCK_READ_UNITS) * LG__RWLOCK_READER;
        count_own_reading(self, rwlock);
    }
    if ((word & LG__RWLOCK_KEY) != own_key)
        word = (word & ~LG__RWLOCK_KEY) | (word & LG__RWLOCK_WRITER ? LG__RWLOCK_DEAD : 0);
    rwlock->word = (word & ~(LG__RWLOCK_READERS | LG__RWLOCK_FLAGS)) | own;
}

static void disown_all(const struct lg_context *dead)
{
    const struct lg__wait *wait = &dead->wait;
    for (uint32_t i = 0; i < lg__held_known(dead); i++) {
        struct lg_rwlock *rwlock = lg__rwlock_of(dead->held[i].object);
        if (rwlock)
            disown(rwlock);
    }
    if (LG__WAIT_STATE(wait->word) == LG__WAIT_GRANTED && wait->want.class == &lg__rwlock_class)
        disown(lg__rwlock_of(wait->want.object));
    if (dead->revoking)
        disown(dead->revoking);
}

static __attribute__((constructor)) void add_hooks(void)
{
    lg__leaver_set(leave_all_dead);
    lg__bury_add(disown_all);
    lg__end_add(give_all_back);
}

/* Whose key it is with WRITER, in a word; 0: nobody writes. */
static uint32_t writer_of(uint64_t word)
{
    return word & LG__RWLOCK_WRITER ? (uint32_t)(word >> 32) : 0;
}

int lg_rwlock_recover_at(struct lg_rwlock *rwlock, const char *place) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!rwlock)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    uint64_t word = lg__load_full(&rwlock->word);
    do
        if (writer_of(word) == 0 || lg__context_key_is_alive(writer_of(word)))
            return LG_EBUSY;
    while (!lg__cas_acquire(&rwlock->word, &word,
                            lg__rwlock_key(self->id) | (word & ~LG__RWLOCK_KEY)));
    lg__rwlock_note(self, rwlock, LG__RWLOCK_WANT_WRITE, place);
    lg__rwlock_tell(self, rwlock, LG__RWLOCK_WANT_WRITE, LG_TRY, place);
    return LG_OK;
}
