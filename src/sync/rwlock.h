/* Rwlock, as its parts need it.
 *
 * The word:
 *
 *     bits 63..32 key of the writer's or the upgradable holder's context, 0: there is none; DEAD: of a writer
 *                 that has ended
 *     bits 31..4  readers that are counted, and those who have counted themselves and not looked yet
 *     bit  3      BIASED   there may be readers that are not counted (rwlock_bias.h)
 *     bit  2      WRITER   the key's context writes; with key 0: it is being handed over
 *     bit  1      STARVED  the next who lets go hands the lock to the first in the queue
 *     bit  0      QUEUED   somebody may be queued: newcomers queue, and who lets go serves the queue
 *
 * Readers are counted here and named in their contexts' held tables.  In the graph the lock goes by an
 * address inside it, so that entries of other kinds are not taken for its own.
 *
 * The flags and all that makes a lock's owner out of a waiter are changed only under the bucket's lock.
 * Without it, a reader counts itself and looks at what was there; and a free word, or one without flags,
 * is taken by compare-and-swap.  The order pairs and invariants are in rwlock_wait.c. */
#ifndef LG_SYNC_RWLOCK_H
#define LG_SYNC_RWLOCK_H

#include "sync/park.h"

#include <lifeguard/rwlock.h>

#define LG__RWLOCK_QUEUED  1ull
#define LG__RWLOCK_STARVED 2ull
#define LG__RWLOCK_FLAGS   3ull
#define LG__RWLOCK_WRITER  4ull
#define LG__RWLOCK_BIASED  8ull
#define LG__RWLOCK_READER  16ull
#define LG__RWLOCK_READERS 0xfffffff0ull
#define LG__RWLOCK_KEY     0xffffffff00000000ull
#define LG__RWLOCK_KEY_SHIFT                                                                       \
    30 /* of an id, whose bits 1..0 are zero: lg__context_key, moved to bit 32 */
#define LG__RWLOCK_DEAD (1ull << 48) /* as a key, that of no context: its slot is none */

/* The model: a reader has one unit, a writer all; an upgradable holder so many that there is no room for
 * two, and room for all readers. */
#define LG__RWLOCK_UNITS            (1u << 22)
#define LG__RWLOCK_READ_UNITS       1u
#define LG__RWLOCK_UPGRADABLE_UNITS (LG__RWLOCK_UNITS / 2 + 1)

/* In an entry beside LG__RWLOCK_READ_UNITS: it was meant to be read by bias; its end has to look whether it is, and
 * that of others need not. */
#define LG__RWLOCK_BY_BIAS (1u << 31)
_Static_assert((uint64_t)LG_CONTEXTS_MAX *LG__HELD_MAX < LG__RWLOCK_UNITS / 2,
               "there is room for all readers beside an upgradable holder");

enum lg__rwlock_want {
    LG__RWLOCK_WANT_READ,
    LG__RWLOCK_WANT_UPGRADABLE,
    LG__RWLOCK_WANT_WRITE,
    LG__RWLOCK_WANT_UPGRADE
};

extern const struct lg__resource_class lg__rwlock_class;

/* What the graph calls it: in held tables, as what is waited for, and in the buckets. */
static inline const void *lg__rwlock_tagged(const struct lg_rwlock *rwlock)
{
    return lg__park_tagged(rwlock, LG__PARK_RWLOCK);
}

/* The rwlock that an entry of a held table is about; NULL: it is about something else. */
static inline struct lg_rwlock *lg__rwlock_of(const void *tagged)
{
    return lg__park_untagged(tagged, LG__PARK_RWLOCK);
}

/* A context's key where the word has it. */
static inline uint64_t lg__rwlock_key(uint64_t id)
{
    return id << LG__RWLOCK_KEY_SHIFT;
}

_Static_assert(LG__WRITER_WORD(4ull) == (4ull << LG__RWLOCK_KEY_SHIFT | LG__RWLOCK_WRITER),
               "a context has its key and the flag ready");

/* Whether the lock is held by a writer that has ended. */
bool lg__rwlock_is_writer_dead(const struct lg_rwlock *rwlock);

/* Everything but the first atomic operation.  A reader comes noted in its table and counted in the word,
 * which was `old` before. */
int lg__rwlock_wait(struct lg_context *self, struct lg_rwlock *rwlock, enum lg__rwlock_want mode,
                    lg_deadline deadline, const char *place);
int lg__rwlock_wait_to_read(struct lg_context *self, struct lg_rwlock *rwlock, uint64_t old,
                            lg_deadline deadline, const char *place);

/* Write down in what mode the caller has it now; and tell observers of it, when no lock is held. */
void lg__rwlock_note(struct lg_context *self, struct lg_rwlock *rwlock, enum lg__rwlock_want mode,
                     const char *place);
void lg__rwlock_tell(struct lg_context *self, const struct lg_rwlock *rwlock,
                     enum lg__rwlock_want mode, lg_deadline deadline, const char *place);

/* After a release, or a change to a weaker mode, that found QUEUED: wake who can go on.  The lock may be
 * gone by then: only its address is used, unless somebody is queued. */
void lg__rwlock_serve(struct lg_rwlock *rwlock);

/* A counted reader goes.  The lock may be gone after the subtraction: only its address is used. */
static inline void lg__rwlock_uncount(struct lg_rwlock *rwlock)
{
    uint64_t old = lg__sub_release(&rwlock->word, LG__RWLOCK_READER); /* R1, R3 */
    if (lg__unlikely(old & LG__RWLOCK_QUEUED) && (old & LG__RWLOCK_READERS) == LG__RWLOCK_READER)
        lg__rwlock_serve(rwlock);
}

/* Under the bucket's lock: whoever is queued behind `first`, and holds the lock in some mode, goes before
 * all others, for they wait for him.  (Somebody who holds it has his wait's `companion` set.) */
void lg__rwlock_put_holders_first(const struct lg_rwlock *rwlock, struct lg__bucket *bucket,
                                  const struct lg__wait *first);

/* Whether the context holds something that its table had no room for. */
bool lg__rwlock_has_unknown(struct lg_context *self);

/* Whether the context holds it, or may: its table may have had no room. */
bool lg__rwlock_may_be_held(struct lg_context *self, const struct lg_rwlock *rwlock);

/* The same of a reader that has noted itself already: besides that. */
bool lg__rwlock_holds_besides(struct lg_context *self, const struct lg_rwlock *rwlock);

/* How many entries of the caller's table are about the lock, with so many units. */
uint32_t lg__rwlock_count_own(const struct lg_context *self, const struct lg_rwlock *rwlock,
                              uint32_t units);

#endif
