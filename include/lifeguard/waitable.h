/* Waitable: wait for any, or for all, of several things in one call.
 *
 *     struct lg_waitable things[] = {
 *         lg_waitable_semaphore(&arrived),
 *         lg_waitable_thread(&loader),
 *     };
 *     uint32_t index;
 *     int status = lg_wait_any(things, 2, lg_after_ms(1000), &index);
 *     if (status == LG_OK && index == 0)
 *         ...                                    // one unit is taken; the loader goes on
 *
 *     struct lg_waitable both[] = {lg_waitable_mutex(&from->lock), lg_waitable_mutex(&to->lock)};
 *     status = lg_wait_all(both, 2, lg_after_ms(1000), NULL);   // both are held, or none
 *
 * What it is to have a thing:
 *     mutex      it is locked by the caller, as by lg_mutex_lock
 *     semaphore  one unit is taken, as by lg_semaphore_wait
 *     permits    so many units at once are the caller's, as by lg_permits_acquire
 *     event      it is set; one of the automatic kind is reset by that
 *     latch      it is open
 *     thread     it has ended: lg_thread_join returns at once, now and whenever it is asked
 *     context    it has ended
 *
 * Any: exactly one thing is had, the first in the order of the array of those that could be; nothing of the
 * others is taken.  All: everything is had at the same time, or nothing; while it waits nothing is held, so
 * two who want the same things in different orders do not block each other.  It is not served in order:
 * who wants one of the things alone may get it in between, again and again.
 *
 * The wait is one row of the graph.  One for any is deadlocked if all of its things are out of reach, one for
 * all if a single one is; a thing that anybody may give, as a semaphore, never is.  Reports list the things.
 *
 * Permits are served in order, to a wait for several things as to others; but one for any that has a thing
 * that anybody may give holds nobody up there: whoever is behind it and wants less may go first.
 *
 * The things live until the call returns.  Clang's thread-safety analysis does not see what is locked here:
 * the caller's function says LG_NO_THREAD_SAFETY_ANALYSIS. */
#ifndef LIFEGUARD_WAITABLE_H
#define LIFEGUARD_WAITABLE_H

#include <lifeguard/latch.h>
#include <lifeguard/mutex.h>
#include <lifeguard/permits.h>
#include <lifeguard/semaphore.h>
#include <lifeguard/thread.h>

#define LG_WAITABLES_MAX 64

enum lg_waitable_kind {
    LG_WAITABLE_NONE,
    LG_WAITABLE_MUTEX,
    LG_WAITABLE_SEMAPHORE,
    LG_WAITABLE_THREAD,
    LG_WAITABLE_CONTEXT,
    LG_WAITABLE_EVENT,
    LG_WAITABLE_LATCH,
    LG_WAITABLE_PERMITS
};

/* One thing; made by the functions below. */
struct lg_waitable {
    uint32_t kind;
    uint32_t need;
    void *object;
    uint64_t id;
};

static inline struct lg_waitable lg_waitable_mutex(struct lg_mutex *mutex)
{
    struct lg_waitable thing = {LG_WAITABLE_MUTEX, 1, mutex, 0};
    return thing;
}

static inline struct lg_waitable lg_waitable_semaphore(struct lg_semaphore *semaphore)
{
    struct lg_waitable thing = {LG_WAITABLE_SEMAPHORE, 1, semaphore, 0};
    return thing;
}

/* All of the units, or none. */
static inline struct lg_waitable lg_waitable_permits(struct lg_permits *permits, uint32_t units)
{
    struct lg_waitable thing = {LG_WAITABLE_PERMITS, units, permits, 0};
    return thing;
}

static inline struct lg_waitable lg_waitable_thread(struct lg_thread *thread)
{
    struct lg_waitable thing = {LG_WAITABLE_THREAD, 1, thread, 0};
    return thing;
}

/* By its id (lg_context_id). */
static inline struct lg_waitable lg_waitable_context(uint64_t id)
{
    struct lg_waitable thing = {LG_WAITABLE_CONTEXT, 1, NULL, id};
    return thing;
}

static inline struct lg_waitable lg_waitable_event(struct lg_event *event)
{
    struct lg_waitable thing = {LG_WAITABLE_EVENT, 1, event, 0};
    return thing;
}

static inline struct lg_waitable lg_waitable_latch(struct lg_latch *latch)
{
    struct lg_waitable thing = {LG_WAITABLE_LATCH, 1, latch, 0};
    return thing;
}

LG_BEGIN_DECLS

/* Wait until one of several things can be had, and have it.
 * Shape:   things[count], 1 <= count <= LG_WAITABLES_MAX; the same one may be there twice, but for permits;
 *          index may be NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait.
 * Returns: LG_OK, with *index; LG_ETIMEDOUT (LG_TRY: LG_EBUSY, without a report); LG_EDEADLK (with a
 *          report); LG_ECANCELED; LG_EINVAL (also: what is no waitable); LG_ENOMEM; or, with *index, what
 *          the call for that thing alone would return: LG_EOWNERDEAD of a mutex, LG_EBROKEN of an event, LG_EFORK of
 *          a thread, LG_EINVAL of permits of which there are not so many at all, be it since a resize.
 *          Unless LG_OK nothing was taken.
 * Threads: any; blocks; allocates at a context's first wait for several things, and never again.
 * Source:  nsync_wait_n (Google); select of Go; DESIGN.md, "Several things at once". */
#define lg_wait_any(things, count, deadline, index)                                                \
    lg_wait_any_at((things), (count), (deadline), LG_HERE, (index))
LG_API LG_MUST_CHECK int lg_wait_any_at(const struct lg_waitable *things, uint32_t count,
                                        lg_deadline deadline, const char *place, uint32_t *index);

/* Wait until all of several things can be had at the same time, and have them.
 * Shape:   as lg_wait_any, but no thing twice.
 * Units:   as lg_wait_any.
 * Returns: as lg_wait_any; *index is of use only with the status of a single thing.
 * Threads: as lg_wait_any.
 * Source:  std::lock of C++: hold nothing while waiting. */
#define lg_wait_all(things, count, deadline, index)                                                \
    lg_wait_all_at((things), (count), (deadline), LG_HERE, (index))
LG_API LG_MUST_CHECK int lg_wait_all_at(const struct lg_waitable *things, uint32_t count,
                                        lg_deadline deadline, const char *place, uint32_t *index);

LG_END_DECLS

#endif
