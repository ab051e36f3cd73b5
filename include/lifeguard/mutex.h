/* Mutex: one context at a time, with a deadline, a name and an owner.
 *
 * A mutex is a value.  All bytes zero is a valid, unlocked, unnamed, plain mutex.  LG_OK means
 * exactly "held by the caller"; every other status means "not held".
 *
 *     static struct lg_mutex accounts = LG_MUTEX_INIT("accounts");
 *     static long a, b;              // accounts protects: a + b == 100
 *
 *     LG_WITH_MUTEX(&accounts, lg_after_ms(1000), status) {
 *         a -= 10; b += 10;          // runs only when status is LG_OK
 *     }
 *     if (status == LG_EDEADLK) ...  // release what else you hold, then lg_retry
 *
 * A wait that could never end fails with LG_EDEADLK when it begins: the mutex is locked by the
 * caller (and not recursive), or its holder waits, through any chain of mutexes and pools, for
 * something that the caller holds.  A plain timeout carries the chain in lg_report_last().
 *
 * If the holder's thread ends, or fork() leaves it behind in the parent, every taker gets
 * LG_EOWNERDEAD until one of them calls lg_mutex_recover().
 *
 * Illegal, and a panic with the mutex's name: unlock by a context that does not hold it, destroy
 * while it is held or waited for.  Not for signal handlers.  Not shared between processes. */
#ifndef LIFEGUARD_MUTEX_H
#define LIFEGUARD_MUTEX_H

#include <lifeguard/status.h>

#define LG_MUTEX_RECURSIVE 1u

/* The fields belong to the library; their size is frozen. */
struct LG_CAPABILITY("mutex") lg_mutex {
    uint64_t word;
    const char *name;
    const char *place;
    uint32_t flags;
    uint32_t depth;
};

#define LG_MUTEX_INIT(name_)                                                                       \
    {                                                                                              \
        0, (name_), 0, 0, 0                                                                        \
    }
#define LG_MUTEX_RECURSIVE_INIT(name_)                                                             \
    {                                                                                              \
        0, (name_), 0, LG_MUTEX_RECURSIVE, 0                                                       \
    }

LG_BEGIN_DECLS

/* Give a mutex a name and flags at run time; a static one needs LG_MUTEX_INIT only.
 * Shape:   name is constant text that outlives the mutex, or NULL; flags 0 or LG_MUTEX_RECURSIVE.
 * Returns: LG_OK; LG_EINVAL (NULL mutex, unknown flag).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_mutex_init(struct lg_mutex *mutex, const char *name, uint32_t flags);

/* End the use of a mutex.  Panics if it is held or waited for.
 * Threads: nobody else uses it any more. */
LG_API void lg_mutex_destroy(struct lg_mutex *mutex);

/* Lock, waiting until the deadline.  A recursive mutex may be locked again by its holder and must
 * be unlocked as often.
 * Shape:   mutex not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK (held); LG_ETIMEDOUT; LG_EDEADLK (with a report); LG_EOWNERDEAD (its holder ended:
 *          lg_mutex_recover); LG_ECANCELED (<lifeguard/cancel.h>); LG_EINVAL (NULL); LG_ENOMEM (no
 *          context for this thread).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT, and fills no report.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  barging lock with a queue and an eventual hand-off; DESIGN.md, "Mutex". */
#define lg_mutex_lock(mutex, deadline) lg_mutex_lock_at((mutex), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_mutex_lock_at(struct lg_mutex *mutex, lg_deadline deadline,
                                          const char *place) LG_ACQUIRES_IF_OK(mutex);

/* Lock now or not at all: lg_mutex_lock with LG_TRY.
 * Returns: LG_OK (held); LG_EBUSY; LG_EDEADLK never; LG_EOWNERDEAD; LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks. */
#define lg_mutex_try_lock(mutex) lg_mutex_lock_at((mutex), LG_TRY, LG_HERE)

/* Unlock.  Panics if the caller does not hold it.
 * Threads: the holder; never blocks; not signal-safe. */
LG_API void lg_mutex_unlock(struct lg_mutex *mutex) LG_RELEASES(mutex);

/* Take over a mutex whose holder has ended, after LG_EOWNERDEAD.  The data it protects may be half
 * changed: repair it while you hold the mutex.
 * Returns: LG_OK (held by the caller now); LG_EBUSY (its holder is alive, or it is free: somebody
 *          else recovered it); LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks.
 * Source:  robust mutexes of POSIX, with the state made explicit. */
#define lg_mutex_recover(mutex) lg_mutex_recover_at((mutex), LG_HERE)
LG_API LG_MUST_CHECK int lg_mutex_recover_at(struct lg_mutex *mutex, const char *place)
    LG_ACQUIRES_IF_OK(mutex);

/* Whether the calling context holds the mutex; for assertions.
 * Returns: 1 or 0.
 * Threads: any. */
LG_API int lg_mutex_is_held(const struct lg_mutex *mutex);

/* lg_mutex_lock_at that also stores its status: what the block form needs, because clang 14's
 * analysis follows a call in a condition but no assignment there.
 * Returns: as lg_mutex_lock, and *status.
 * Threads: as lg_mutex_lock. */
LG_API LG_MUST_CHECK int lg_mutex_lock_into(struct lg_mutex *mutex, lg_deadline deadline,
                                            const char *place, int *status)
    LG_ACQUIRES_IF_OK(mutex);

/* The block form: declares an int called status_, locks, and runs the block only on LG_OK, with
 * the unlock at its end.  Do not leave the block by return, goto or break: the mutex would stay
 * locked.  (A loop that locks in its condition, because the analysis wants the same locks held each
 * time at a loop's head.) */
#define LG_WITH_MUTEX(mutex, deadline, status_)                                                    \
    int status_ = LG_EINVAL;                                                                       \
    for (int lg_once_##status_ = 1;                                                                \
         lg_once_##status_-- &&                                                                    \
         lg_mutex_lock_into((mutex), (deadline), LG_HERE, &status_) == LG_OK;                      \
         lg_mutex_unlock(mutex))

LG_END_DECLS

#endif
