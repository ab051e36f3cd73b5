/* Semaphore: a count that anybody raises, and that waiters take from, with a deadline and a name.
 *
 * Its units have no holders: who waits may never post, and who posts need not have waited.  That makes it
 * the tool for signals (one thread counts events, another waits for them), and leaves the detector
 * nothing to know: a wait here is a wait for the environment, never part of a deadlock and never an alarm.
 * For units that come back from who took them use <lifeguard/permits.h>.
 *
 * A semaphore is a value.  All bytes zero is a valid one: unnamed, at 0, without a maximum.
 *
 *     static struct lg_semaphore arrived = LG_SEMAPHORE_INIT("arrived", 0, 0);
 *
 *     enqueue(item);                                  // one thread
 *     if (lg_semaphore_post(&arrived, 1) != LG_OK) ...
 *
 *     if (lg_semaphore_wait(&arrived, deadline) == LG_OK)
 *         item = dequeue();                           // another: as many items as units taken
 *
 * What was written before a post is seen after the wait that takes its unit.
 *
 * With a maximum, a post past it is an error (LG_EOVERRELEASE) and changes nothing: a semaphore that
 * begins at its maximum tells of units that come back more often than they were taken.
 *
 * A unit goes to whoever is there first; a waiter that has been passed for half a millisecond goes before
 * newcomers.  The semaphore may be freed as soon as its last wait has returned, also while the post that
 * ended this wait has not.
 *
 * Illegal, and a panic with the semaphore's name: destroy while waited for.  Not for signal handlers.
 * Not shared between processes. */
#ifndef LIFEGUARD_SEMAPHORE_H
#define LIFEGUARD_SEMAPHORE_H

#include <lifeguard/status.h>

#define LG_SEMAPHORE_MAX 0x7fffffffu

/* The fields belong to the library; their size is frozen. */
struct lg_semaphore {
    uint64_t word;
    const char *name;
    uint32_t maximum;
    uint32_t reserved;
};

/* value_ at most maximum_; maximum_ 0: LG_SEMAPHORE_MAX. */
#define LG_SEMAPHORE_INIT(name_, value_, maximum_)                                                 \
    {                                                                                              \
        (uint64_t)(value_) << 2, (name_), (maximum_), 0                                            \
    }

LG_BEGIN_DECLS

/* Give a semaphore a name, a value and a maximum at run time; a static one needs LG_SEMAPHORE_INIT only.
 * Shape:   name is constant text that outlives the semaphore, or NULL; value at most maximum; maximum 0
 *          stands for LG_SEMAPHORE_MAX, the most there is.
 * Returns: LG_OK; LG_EINVAL (NULL semaphore, a number that is not allowed; a negative one is not).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_semaphore_init(struct lg_semaphore *semaphore, const char *name,
                                           uint32_t value, uint32_t maximum);

/* End the use of a semaphore.  Panics if somebody waits for it.
 * Threads: nobody else uses it any more. */
LG_API void lg_semaphore_destroy(struct lg_semaphore *semaphore);

/* Take one unit, waiting until the deadline.
 * Shape:   semaphore not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK (one unit is taken); LG_ETIMEDOUT; LG_ECANCELED (<lifeguard/cancel.h>); LG_EINVAL (NULL);
 *          LG_ENOMEM (no context for this thread).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT, and fills no report; also if there is a unit
 *          and it is for one who has waited for too long.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  barging with a queue, in which who starves goes first; DESIGN.md, "Semaphore". */
#define lg_semaphore_wait(semaphore, deadline)                                                     \
    lg_semaphore_wait_at((semaphore), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_semaphore_wait_at(struct lg_semaphore *semaphore, lg_deadline deadline,
                                              const char *place);

/* Take one unit now or not at all: lg_semaphore_wait with LG_TRY.
 * Returns: LG_OK (one unit is taken); LG_EBUSY; LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks. */
#define lg_semaphore_try_wait(semaphore) lg_semaphore_wait_at((semaphore), LG_TRY, LG_HERE)

/* Add units; as many waiters as that are woken, if there are so many.
 * Shape:   semaphore not NULL; 1 <= count <= LG_SEMAPHORE_MAX.
 * Returns: LG_OK; LG_EOVERRELEASE (the value would pass the maximum: nothing has changed); LG_EINVAL.
 * Threads: any; never blocks; not signal-safe.  Does not look at the semaphore once a wait may have been
 *          ended by it, so who waited may free it. */
LG_API LG_MUST_CHECK int lg_semaphore_post(struct lg_semaphore *semaphore, uint32_t count);

/* How many units there are just now; out of date by the time it is looked at.
 * Returns: the value; 0 for NULL.
 * Threads: any. */
LG_API uint32_t lg_semaphore_value(const struct lg_semaphore *semaphore);

LG_END_DECLS

#endif
