/* Rwlock: many contexts read, or one writes, with deadlines, a name and known holders.
 *
 * A rwlock is a value.  All bytes zero is a valid, unlocked, unnamed rwlock.  LG_OK means exactly "held
 * by the caller, in the mode that was asked for"; every other status means that nothing has changed.
 *
 *     static struct lg_rwlock prices = LG_RWLOCK_INIT("prices");
 *     static long bid, ask;              // prices protects: bid <= ask
 *
 *     LG_WITH_READ(&prices, lg_after_ms(100), status) {
 *         spread = ask - bid;            // others may read too
 *     }
 *     LG_WITH_WRITE(&prices, lg_after_ms(100), written) {
 *         bid++; ask++;                  // nobody else is here
 *     }
 *
 * Three modes:
 *   read        beside any number of readers and one upgradable holder;
 *   upgradable  beside readers only: reads, and may become the writer without letting go (upgrade).
 *               There is one such holder at most, so two upgrades never wait for each other;
 *   write       alone.
 *
 * Fair to both sides: who comes while somebody waits queues behind him, readers too; what is let go may
 * be taken by whoever is there first, but for half a millisecond at most.  Two go ahead of the queue,
 * because they would else be the reason why it stands still: a context that reads may read again (and let
 * go as often), and one that fits, if all who are ahead of it wait for it.
 *
 * A rwlock that several read at a time is soon read without a write to it, so that readers do not slow each other
 * down (DESIGN.md, "Reader bias").  The first write after that, a try too, costs some microseconds, and more
 * with hundreds of contexts: it looks at each of them.  Where writes come often that is not done.
 *
 * A wait that could never end fails with LG_EDEADLK: a reader that wants to write without having asked
 * for the upgradable mode, a writer that wants anything again, and every ring through other locks and
 * pools: the graph knows each reader.  (Of more than 32 locks that a context holds at a time, it knows
 * 32; what it does not know never fails a call.)
 *
 * If a writer's thread ends, or fork() leaves it behind in the parent, every taker gets LG_EOWNERDEAD
 * until one of them calls lg_rwlock_recover().  A reader or upgradable holder has changed nothing: what
 * it held is given back at its end.  (Not a reader whom fork() leaves behind between the two steps of its
 * unlock, a few instructions: in the child it reads for ever.  A child that goes on with what other threads
 * of its parent read does well to make those rwlocks anew.)
 *
 * Illegal, and a panic with the rwlock's name: unlock or downgrade by a context that does not hold it so,
 * destroy while it is held or waited for.  Its memory must stay until all have let go, also those whose
 * threads end.  Not for signal handlers.  Not shared between processes. */
#ifndef LIFEGUARD_RWLOCK_H
#define LIFEGUARD_RWLOCK_H

#include <lifeguard/status.h>

/* The fields belong to the library; their size is frozen. */
struct LG_CAPABILITY("rwlock") lg_rwlock {
    uint64_t word;
    const char *name;
    const char *place;
    uint32_t tag;
    uint32_t bias;
};

#define LG_RWLOCK_INIT(name_)                                                                      \
    {                                                                                              \
        0, (name_), 0, 0, 0                                                                        \
    }

/* How a context holds a rwlock. */
enum lg_rwlock_mode { LG_RWLOCK_NOT_HELD, LG_RWLOCK_READ, LG_RWLOCK_UPGRADABLE, LG_RWLOCK_WRITE };

LG_BEGIN_DECLS

/* Give a rwlock a name at run time; a static one needs LG_RWLOCK_INIT only.
 * Shape:   name is constant text that outlives the rwlock, or NULL.
 * Returns: LG_OK; LG_EINVAL (NULL rwlock).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_rwlock_init(struct lg_rwlock *rwlock, const char *name);

/* End the use of a rwlock.  Panics if it is held or waited for.
 * Threads: nobody else uses it any more. */
LG_API void lg_rwlock_destroy(struct lg_rwlock *rwlock);

/* Lock for reading, waiting until the deadline.  A context that holds the rwlock for reading or upgradable
 * gets it again at once, and unlocks as often.
 * Shape:   rwlock not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK (held for reading); LG_ETIMEDOUT; LG_EDEADLK (with a report; also to the writer
 *          itself); LG_EOWNERDEAD (a writer ended: lg_rwlock_recover); LG_ECANCELED
 *          (<lifeguard/cancel.h>); LG_EINVAL (NULL); LG_ENOMEM (no context for this thread).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT and LG_EDEADLK, and fills no report; also when
 *          nobody writes, but somebody waits to.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  readers counted in the word that the writer's name is in; DESIGN.md, "Rwlock" and "Reader bias". */
#define lg_rwlock_read(rwlock, deadline) lg_rwlock_read_at((rwlock), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_rwlock_read_at(struct lg_rwlock *rwlock, lg_deadline deadline,
                                           const char *place) LG_SHARES_IF_OK(rwlock);

/* Lock for reading now or not at all: lg_rwlock_read with LG_TRY.
 * Returns: LG_OK (held); LG_EBUSY; LG_EOWNERDEAD; LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks. */
#define lg_rwlock_try_read(rwlock) lg_rwlock_read_at((rwlock), LG_TRY, LG_HERE)

/* Lock for writing, waiting until the deadline.
 * Shape:   rwlock not NULL.
 * Units:   as lg_rwlock_read.
 * Returns: LG_OK (held, by nobody else); the others as lg_rwlock_read.  LG_EDEADLK also, and at once, to a
 *          context that holds the rwlock in any mode; what it holds, it still holds.
 * Threads: as lg_rwlock_read.
 * Source:  as lg_rwlock_read. */
#define lg_rwlock_write(rwlock, deadline) lg_rwlock_write_at((rwlock), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_rwlock_write_at(struct lg_rwlock *rwlock, lg_deadline deadline,
                                            const char *place) LG_ACQUIRES_IF_OK(rwlock);

/* Lock for writing now or not at all: lg_rwlock_write with LG_TRY.
 * Returns: as lg_rwlock_try_read.
 * Threads: any; never blocks. */
#define lg_rwlock_try_write(rwlock) lg_rwlock_write_at((rwlock), LG_TRY, LG_HERE)

/* Lock in the upgradable mode: read beside other readers, with the right to become the writer.
 * clang's analysis knows no such mode and takes it for write: until the upgrade, only read.
 * Shape:   rwlock not NULL.
 * Units:   as lg_rwlock_read.
 * Returns: LG_OK (held; nobody can write before the caller does); the others as lg_rwlock_read.
 *          LG_EDEADLK also, and at once, to the one who holds it upgradable or for writing.
 * Threads: as lg_rwlock_read.
 * Source:  one upgradable holder, as in parking_lot and folly's upgrade locks. */
#define lg_rwlock_upgradable(rwlock, deadline)                                                     \
    lg_rwlock_upgradable_at((rwlock), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_rwlock_upgradable_at(struct lg_rwlock *rwlock, lg_deadline deadline,
                                                 const char *place) LG_ACQUIRES_IF_OK(rwlock);

/* Lock in the upgradable mode now or not at all: lg_rwlock_upgradable with LG_TRY.
 * Returns: as lg_rwlock_try_read.
 * Threads: any; never blocks. */
#define lg_rwlock_try_upgradable(rwlock) lg_rwlock_upgradable_at((rwlock), LG_TRY, LG_HERE)

/* From upgradable to write: wait until the readers have left; new ones wait meanwhile, and no writer
 * comes in between, so what was read is still true.
 * Shape:   the caller holds rwlock upgradable.
 * Units:   as lg_rwlock_read.
 * Returns: LG_OK (held for writing); LG_EINVAL (NULL, or not held upgradable); the others as
 *          lg_rwlock_read, and then it is still held upgradable.  LG_EDEADLK also, and at once, if the
 *          caller holds it for reading besides.
 * Threads: the upgradable holder; blocks as lg_rwlock_read. */
#define lg_rwlock_upgrade(rwlock, deadline) lg_rwlock_upgrade_at((rwlock), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_rwlock_upgrade_at(struct lg_rwlock *rwlock, lg_deadline deadline,
                                              const char *place) LG_REQUIRES(rwlock);

/* From upgradable to write now or not at all: lg_rwlock_upgrade with LG_TRY.
 * Returns: LG_OK (held for writing); LG_EBUSY (somebody reads; still held upgradable); LG_EINVAL.
 * Threads: the upgradable holder; never blocks. */
#define lg_rwlock_try_upgrade(rwlock) lg_rwlock_upgrade_at((rwlock), LG_TRY, LG_HERE)

/* From write, or upgradable, to read: nobody writes in between.  Panics if the caller holds it in neither
 * way.
 * Threads: the holder; never blocks. */
LG_API void lg_rwlock_downgrade(struct lg_rwlock *rwlock) LG_RELEASES(rwlock) LG_SHARES(rwlock);

/* From write to upgradable.  Panics if the caller does not hold it for writing.
 * Threads: the writer; never blocks. */
LG_API void lg_rwlock_downgrade_to_upgradable(struct lg_rwlock *rwlock) LG_REQUIRES(rwlock);

/* Let go of what was taken last, whichever mode it is in.  Panics if the caller holds nothing of it.
 * Threads: the holder; never blocks; not signal-safe. */
LG_API void lg_rwlock_unlock(struct lg_rwlock *rwlock) LG_RELEASES_ANY(rwlock);

/* Take over a rwlock whose writer has ended, after LG_EOWNERDEAD.  The data it protects may be half
 * changed: repair it while you hold it.
 * Returns: LG_OK (held by the caller for writing now); LG_EBUSY (no writer of it has ended, or somebody
 *          else recovered it); LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks.
 * Source:  robust mutexes of POSIX, with the state made explicit. */
#define lg_rwlock_recover(rwlock) lg_rwlock_recover_at((rwlock), LG_HERE)
LG_API LG_MUST_CHECK int lg_rwlock_recover_at(struct lg_rwlock *rwlock, const char *place)
    LG_ACQUIRES_IF_OK(rwlock);

/* How the calling context holds the rwlock; for assertions.
 * Returns: a lg_rwlock_mode, the strongest; LG_RWLOCK_NOT_HELD is 0.  A context that holds more than 32
 *          locks may be told LG_RWLOCK_READ of one that others read.
 * Threads: any. */
LG_API int lg_rwlock_is_held(const struct lg_rwlock *rwlock);

/* lg_rwlock_read_at that also stores its status: what the block form needs, see lg_mutex_lock_into.
 * Returns: as lg_rwlock_read, and *status.
 * Threads: as lg_rwlock_read. */
LG_API LG_MUST_CHECK int lg_rwlock_read_into(struct lg_rwlock *rwlock, lg_deadline deadline,
                                             const char *place, int *status)
    LG_SHARES_IF_OK(rwlock);

/* The same for lg_rwlock_write_at.
 * Returns: as lg_rwlock_write, and *status.
 * Threads: as lg_rwlock_write. */
LG_API LG_MUST_CHECK int lg_rwlock_write_into(struct lg_rwlock *rwlock, lg_deadline deadline,
                                              const char *place, int *status)
    LG_ACQUIRES_IF_OK(rwlock);

/* The block forms, as LG_WITH_MUTEX: declare an int called status_, lock, and run the block only on
 * LG_OK, with the unlock at its end.  Do not leave the block by return, goto or break. */
#define LG_WITH_READ(rwlock, deadline, status_)                                                    \
    int status_ = LG_EINVAL;                                                                       \
    for (int lg_once_##status_ = 1;                                                                \
         lg_once_##status_-- &&                                                                    \
         lg_rwlock_read_into((rwlock), (deadline), LG_HERE, &status_) == LG_OK;                    \
         lg_rwlock_unlock(rwlock))
#define LG_WITH_WRITE(rwlock, deadline, status_)                                                   \
    int status_ = LG_EINVAL;                                                                       \
    for (int lg_once_##status_ = 1;                                                                \
         lg_once_##status_-- &&                                                                    \
         lg_rwlock_write_into((rwlock), (deadline), LG_HERE, &status_) == LG_OK;                   \
         lg_rwlock_unlock(rwlock))

LG_END_DECLS

#endif
