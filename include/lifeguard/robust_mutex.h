/* Robust mutex: a mutex that the kernel knows, so that it outlives its holder's death, may be shared
 * between processes, and may lend its holder the priority of who waits.
 *
 * Use <lifeguard/mutex.h> unless you need one of these three: it is faster, and its waits end at once.
 *
 *     struct shared {                              // in memory that several processes have mapped
 *         struct lg_robust_mutex mutex;            // one of them: lg_robust_mutex_init(..., LG_ROBUST_SHARED)
 *         long a, b;                               // mutex protects: a + b == 100
 *     };
 *
 *     int status = lg_robust_mutex_lock(&shared->mutex, lg_after_ms(1000));
 *     if (status == LG_EOWNERDEAD && lg_robust_mutex_recover(&shared->mutex) == LG_OK) {
 *         shared->b = 100 - shared->a;             // its holder was killed in between: repair, then go on
 *         status = LG_OK;
 *     }
 *
 * LG_OK means exactly "held by the caller"; every other status means "not held", LG_EOWNERDEAD too.  It
 * comes when the holder's thread has ended, or its process was killed, in whatever way, and goes on
 * coming to all who ask until one of them has called lg_robust_mutex_recover.  A recoverer that dies at it
 * is a holder that died.
 *
 * The kernel knows threads, not contexts: a robust mutex is unlocked on the thread that has locked it, and
 * stays locked until that thread ends if its context ends before (lg_context_end).
 *
 * Deadlocks are found as those of any mutex are, when a wait begins, among the threads of one process.  A
 * holder in another process is unknown, and so never part of one: use a deadline.  Who waits sleeps in the
 * kernel, where neither a verdict of another's look nor a request of a token can wake it: it looks up
 * every 1 to 16 ms, so these reach it that late.  What it waits for reaches it at once.
 *
 * In a forked child a shared one is what it was: whoever held it in the parent still does.  Of the others the
 * child has its own copies: the thread that called fork holds what it held (up to 32 of them), and what
 * others held is LG_EOWNERDEAD.
 *
 * Illegal, and a panic with the mutex's name: unlock by a context or on a thread that does not hold it,
 * destroy while it is held or waited for.  Not for signal handlers, nor for conditions. */
#ifndef LIFEGUARD_ROBUST_MUTEX_H
#define LIFEGUARD_ROBUST_MUTEX_H

#include <lifeguard/status.h>

#define LG_ROBUST_SHARED  1u /* it lies in memory that processes share */
#define LG_ROBUST_INHERIT 2u /* its holder runs with the highest priority of those who wait */

/* The fields belong to the library; their size is frozen.  All bytes zero is none: lg_robust_mutex_init.
 * What a hand-over writes are the first 64 bytes: one cache line, where it is aligned so. */
struct LG_CAPABILITY("mutex") lg_robust_mutex {
    uint64_t kernel[6];
    uint64_t owner;
    int32_t thread;
    uint32_t state;
    const char *place;
    uint64_t forks;
    uint32_t flags;
    uint32_t reserved;
    char name[LG_NAME_SIZE];
};

LG_BEGIN_DECLS

/* Make a robust mutex, unlocked.
 * Shape:   name is copied, cut to LG_NAME_SIZE - 1 bytes, because other processes read it; NULL: unnamed.
 *          flags 0, or LG_ROBUST_SHARED and LG_ROBUST_INHERIT as wanted.
 * Returns: LG_OK; LG_EINVAL (NULL mutex, unknown flag); LG_ESYS (this system has no such mutex).
 * Threads: nobody else uses it yet.
 * Source:  pthread_mutexattr_setrobust(3), pthread_mutexattr_setpshared(3), PTHREAD_PRIO_INHERIT. */
LG_API LG_MUST_CHECK int lg_robust_mutex_init(struct lg_robust_mutex *mutex, const char *name,
                                              uint32_t flags);

/* End the use of a robust mutex.  Panics if it is held, by whomever, or a context of this process waits
 * for it.  What a dead holder has left is no hold.
 * Threads: nobody else uses it any more, in no process. */
LG_API void lg_robust_mutex_destroy(struct lg_robust_mutex *mutex);

/* Lock, waiting until the deadline.
 * Shape:   mutex was made by lg_robust_mutex_init.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK (held); LG_ETIMEDOUT; LG_EDEADLK (with a report; also if the calling thread holds it);
 *          LG_EOWNERDEAD (its holder died: lg_robust_mutex_recover); LG_ECANCELED; LG_EINVAL (NULL, or none
 *          was made there); LG_ENOMEM (no context for this thread); LG_ESYS (the system refused, and
 *          the log says so: somebody used the bytes of it in another way).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT and LG_EDEADLK, and fills no report.
 * Threads: any, of any process if it is shared; blocks; allocates nothing after the thread's first use.
 * Source:  DESIGN.md, "Robust mutex". */
#define lg_robust_mutex_lock(mutex, deadline) lg_robust_mutex_lock_at((mutex), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_robust_mutex_lock_at(struct lg_robust_mutex *mutex,
                                                 lg_deadline deadline, const char *place)
    LG_ACQUIRES_IF_OK(mutex);

/* Lock now or not at all: lg_robust_mutex_lock with LG_TRY.
 * Returns: LG_OK (held); LG_EBUSY; LG_EOWNERDEAD; LG_EINVAL; LG_ENOMEM; LG_ESYS.
 * Threads: any; never blocks. */
#define lg_robust_mutex_try_lock(mutex) lg_robust_mutex_lock_at((mutex), LG_TRY, LG_HERE)

/* Unlock.  Panics if the caller does not hold it, or holds it on another thread.
 * Threads: the holder; never blocks. */
LG_API void lg_robust_mutex_unlock(struct lg_robust_mutex *mutex) LG_RELEASES(mutex);

/* Take over a robust mutex whose holder has died, after LG_EOWNERDEAD.  The data it protects may be half
 * changed: repair it while you hold the mutex.
 * Returns: LG_OK (held by the caller now); LG_EBUSY (its holder is alive, or it is free: somebody else
 *          recovered it); LG_EINVAL; LG_ENOMEM; LG_ESYS.
 * Threads: any; waits for a few instructions of others at most. */
#define lg_robust_mutex_recover(mutex) lg_robust_mutex_recover_at((mutex), LG_HERE)
LG_API LG_MUST_CHECK int lg_robust_mutex_recover_at(struct lg_robust_mutex *mutex,
                                                    const char *place) LG_ACQUIRES_IF_OK(mutex);

/* Whether the calling context holds the mutex, on this thread; for assertions.
 * Returns: 1 or 0.
 * Threads: any. */
LG_API int lg_robust_mutex_is_held(const struct lg_robust_mutex *mutex);

/* lg_robust_mutex_lock_at that also stores its status, for the block form.
 * Returns: as lg_robust_mutex_lock, and *status.
 * Threads: as lg_robust_mutex_lock. */
LG_API LG_MUST_CHECK int lg_robust_mutex_lock_into(struct lg_robust_mutex *mutex,
                                                   lg_deadline deadline, const char *place,
                                                   int *status) LG_ACQUIRES_IF_OK(mutex);

/* The block form, as LG_WITH_MUTEX: declares an int called status_, locks, and runs the block only on
 * LG_OK, with the unlock at its end.  Do not leave the block by return, goto or break. */
#define LG_WITH_ROBUST_MUTEX(mutex, deadline, status_)                                             \
    int status_ = LG_EINVAL;                                                                       \
    for (int lg_once_##status_ = 1;                                                                \
         lg_once_##status_-- &&                                                                    \
         lg_robust_mutex_lock_into((mutex), (deadline), LG_HERE, &status_) == LG_OK;               \
         lg_robust_mutex_unlock(mutex))

LG_END_DECLS

#endif
