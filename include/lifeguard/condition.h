/* Condition: sleep until the data that a mutex protects has changed.
 *
 * A condition is a value; all bytes zero is valid.  Always wait in a loop: a wake-up means "look
 * again", not "it is true".
 *
 *     if (lg_mutex_lock(&m, deadline) == LG_OK) {
 *         int status = LG_OK;
 *         while (queue_is_empty() && status == LG_OK)
 *             status = lg_condition_wait(&not_empty, &m, deadline);
 *         if (status == LG_OK || status == LG_ETIMEDOUT || status == LG_ECANCELED) {
 *             ...                                        // the mutex is held
 *             lg_mutex_unlock(&m);
 *         }
 *     }
 *
 * THE ONE EXCEPTION TO REMEMBER: after LG_OK, LG_ETIMEDOUT and LG_ECANCELED the mutex is held again;
 * after LG_EDEADLK and LG_EOWNERDEAD THE MUTEX IS NOT HELD, because taking it back would have waited
 * for ever.  A re-lock is failed so only if no other member of the deadlock will do.
 *
 * Anyone may signal, so the wait for the signal itself is never part of a deadlock; the wait to
 * get the mutex back is.  A signal by the holder of the mutex moves the sleeper to the mutex's
 * queue, and a broadcast never wakes more than one thread to fight for it. */
#ifndef LIFEGUARD_CONDITION_H
#define LIFEGUARD_CONDITION_H

#include <lifeguard/mutex.h>

/* The fields belong to the library; their size is frozen. */
struct lg_condition {
    uint64_t waiters;
    uint64_t broadcasts;
    const char *name;
};

#define LG_CONDITION_INIT(name_)                                                                   \
    {                                                                                              \
        0, 0, (name_)                                                                              \
    }

LG_BEGIN_DECLS

/* Release the mutex, wait for a signal, take the mutex back.  A recursive mutex is released and
 * restored at all its levels.
 * Shape:   the caller holds mutex; all who wait at one condition use the same mutex.
 * Units:   deadline absolute; it limits the wait for the signal, not the taking back.  The same is
 *          true of a cancel token.  With one in the past, LG_TRY too, the mutex is released and taken back
 *          all the same, and it is LG_ETIMEDOUT.
 * Returns: LG_OK, LG_ETIMEDOUT or LG_ECANCELED (mutex held; of a token that was requested before, it
 *          was not even released); LG_EDEADLK or LG_EOWNERDEAD (mutex NOT held); LG_EINVAL (NULL; the
 *          mutex is as it was).  Panics if the caller does not hold mutex.
 * Threads: any; blocks; allocates nothing; not signal-safe.
 * Source:  hand-over of waiters to the mutex's queue as in nsync; DESIGN.md, "Condition". */
#define lg_condition_wait(condition, mutex, deadline)                                              \
    lg_condition_wait_at((condition), (mutex), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_condition_wait_at(struct lg_condition *condition,
                                              struct lg_mutex *mutex, lg_deadline deadline,
                                              const char *place) LG_REQUIRES(mutex);

/* What a wait is for; called with the mutex held.  Not 0: it is so. */
typedef int lg_predicate(void *arg);

/* Wait until something is so: the loop around lg_condition_wait that everybody has to write.
 *
 *     static int has_items(void *queue) { return ((struct queue *)queue)->count > 0; }
 *     ...
 *     status = lg_condition_wait_for(&not_empty, &m, has_items, queue, lg_after_ms(100));
 * Shape:   the caller holds mutex; predicate not NULL, it neither waits nor takes the mutex.
 * Units:   deadline absolute, as lg_condition_wait; LG_TRY asks once, and does not let go of the mutex.
 * Returns: LG_OK (mutex held, and it is so: also if that was only seen when the deadline had passed);
 *          LG_ETIMEDOUT, LG_ECANCELED or, with LG_TRY, LG_EBUSY (mutex held, it is not so);
 *          LG_EDEADLK or LG_EOWNERDEAD (mutex NOT held); LG_EINVAL (NULL; the mutex is as it was).
 *          Panics if the caller does not hold mutex.
 * Threads: any; blocks; allocates nothing; not signal-safe. */
#define lg_condition_wait_for(condition, mutex, predicate, arg, deadline)                          \
    lg_condition_wait_for_at((condition), (mutex), (predicate), (arg), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_condition_wait_for_at(struct lg_condition *condition,
                                                  struct lg_mutex *mutex, lg_predicate *predicate,
                                                  void *arg, lg_deadline deadline,
                                                  const char *place) LG_REQUIRES(mutex);

/* Wake one waiter, if any: the one that has waited longest.
 * Threads: any, best while holding the mutex; never blocks. */
LG_API void lg_condition_signal(struct lg_condition *condition);

/* Wake all waiters; they get the mutex one after the other.
 * Threads: any, best while holding the mutex; never blocks. */
LG_API void lg_condition_broadcast(struct lg_condition *condition);

/* End the use of a condition.  Panics if somebody waits at it.
 * Threads: nobody else uses it any more. */
LG_API void lg_condition_destroy(struct lg_condition *condition);

LG_END_DECLS

#endif
