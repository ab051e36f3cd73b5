/* Permits: a number of units that contexts take, hold and give back, with a deadline and a name.
 *
 * What a counting semaphore is used for when it limits something: so many downloads, connections, megabytes
 * at a time.  But here every unit that is out has a holder, so permits are part of the wait-for graph:
 *
 *     static struct lg_permits downloads = LG_PERMITS_INIT("downloads", 4);
 *
 *     int status = lg_permits_acquire(&downloads, 2, lg_after_ms(1000));   // two at once, or none
 *     if (status == LG_OK) {
 *         fetch(a, b);
 *         status = lg_permits_release(&downloads, 2);
 *     }
 *     if (status == LG_EDEADLK) ...            // release what else you hold, then lg_retry
 *
 * Four threads that hold one each and all want one more would wait for ever: the last of them to ask, or
 * whoever's deadline is nearest, gets LG_EDEADLK with a report that names all four and where they took
 * what they hold.  So does any ring through permits, mutexes, pools and joins.
 *
 * Waiters are served in their order: who wants many is not starved by those who want few.  If it is
 * only this order that keeps everybody waiting, whoever fits is let pass.  Newcomers may be quicker than a
 * woken waiter, for half a millisecond.
 *
 * Units belong to the context that acquired them, until it releases them or gives them to another context.
 * Releasing more than the caller holds is an error (LG_EOVERRELEASE) that changes nothing and is logged once.
 * For units that anybody may give back use <lifeguard/semaphore.h>.
 *
 * If a context ends with units, they come back by themselves, with a warning in the log that names the
 * context and the place where it took them: a permit protects no data that could be half changed.  So they
 * do in a forked child, where all other contexts have ended.
 *
 * Permits are a value.  All bytes zero is valid: unnamed, with no units yet (lg_permits_resize).
 *
 * Illegal, and a panic with the name: destroy while units are out or waited for.  The memory may go as soon
 * as the last call on it has returned.  Not for signal handlers.  Not shared between processes. */
#ifndef LIFEGUARD_PERMITS_H
#define LIFEGUARD_PERMITS_H

#include <lifeguard/context.h>

#define LG_PERMITS_MAX 0x3fffffffu

/* The fields belong to the library; their size is frozen. */
struct lg_permits {
    uint64_t word;
    const char *name;
    uint32_t capacity;
    uint32_t many;
    uint32_t flags;
    uint32_t reserved;
};

/* capacity_ at most LG_PERMITS_MAX. */
#define LG_PERMITS_INIT(name_, capacity_)                                                          \
    {                                                                                              \
        (uint64_t)(capacity_) << 32, (name_), (capacity_), 0, 0, 0                                 \
    }

LG_BEGIN_DECLS

/* Give permits a name and a number of units at run time; static ones need LG_PERMITS_INIT only.
 * Shape:   name is constant text that outlives them, or NULL; capacity 0 to LG_PERMITS_MAX.
 * Returns: LG_OK; LG_EINVAL (NULL permits; too many: a negative number is).
 * Threads: nobody else uses them yet. */
LG_API LG_MUST_CHECK int lg_permits_init(struct lg_permits *permits, const char *name,
                                         uint32_t capacity);

/* End the use of permits.  Panics if units are out or waited for.
 * Threads: nobody else uses them any more. */
LG_API void lg_permits_destroy(struct lg_permits *permits);

/* Take units, all at once or none, waiting until the deadline.  Who holds units may take more: but then
 * think of taking all at once.
 * Shape:   permits not NULL; units at least 1.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK (held); LG_ETIMEDOUT; LG_EDEADLK (with a report); LG_ECANCELED (<lifeguard/cancel.h>);
 *          LG_EINVAL (NULL; 0 units; more than there are at all, be it since a resize: that would never
 *          succeed); LG_ENOMEM (no context for this thread, or no room to write down what it holds: after
 *          1,024 that did not fit the contexts' own tables of 32).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT, and fills no report; also if there is enough and
 *          it is for one who has waited for too long.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  the banker's resources with several units, Holt 1972; DESIGN.md, "Permits". */
#define lg_permits_acquire(permits, units, deadline)                                               \
    lg_permits_acquire_at((permits), (units), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_permits_acquire_at(struct lg_permits *permits, uint32_t units,
                                               lg_deadline deadline, const char *place);

/* Take units now or not at all: lg_permits_acquire with LG_TRY.
 * Returns: LG_OK (held); LG_EBUSY; LG_EINVAL; LG_ENOMEM.
 * Threads: any; never blocks. */
#define lg_permits_try_acquire(permits, units)                                                     \
    lg_permits_acquire_at((permits), (units), LG_TRY, LG_HERE)

/* Give units back, as many as the caller likes of those that it holds.
 * Shape:   permits not NULL; units at least 1.
 * Returns: LG_OK; LG_EOVERRELEASE (the caller holds less than that: nothing has changed); LG_EINVAL.
 * Threads: a holder; never blocks; not signal-safe. */
LG_API LG_MUST_CHECK int lg_permits_release(struct lg_permits *permits, uint32_t units);

/* Make units that the caller holds another context's, which from then on has to release them.  If that
 * context is blocked and the gift closes a deadlock, a victim is chosen now.
 * Shape:   permits not NULL; units at least 1; context alive (lg_context_self on its own thread).
 * Returns: LG_OK; LG_EOVERRELEASE (the caller holds less than that); LG_EINVAL (also: context has ended);
 *          LG_ENOMEM (no room to write it down).  Of an error nothing has changed.
 * Threads: a holder; never blocks; not signal-safe. */
#define lg_permits_give(permits, units, context)                                                   \
    lg_permits_give_at((permits), (units), (context), LG_HERE)
LG_API LG_MUST_CHECK int lg_permits_give_at(struct lg_permits *permits, uint32_t units,
                                            struct lg_context *context, const char *place);

/* Change how many units there are.  More: waiters are served.  Fewer: what is out stays out, and what comes
 * back is not lent again until no more is out than there is; who waits for more than there is at all
 * gets LG_EINVAL, and if the change closes a deadlock a victim is chosen.
 * Shape:   permits not NULL; capacity 0 to LG_PERMITS_MAX.
 * Returns: LG_OK; LG_EINVAL.
 * Threads: any; never blocks. */
LG_API LG_MUST_CHECK int lg_permits_resize(struct lg_permits *permits, uint32_t capacity);

/* How many units the calling context holds.
 * Returns: the number; 0 for NULL.
 * Threads: any; never blocks. */
LG_API uint32_t lg_permits_held(const struct lg_permits *permits);

/* How many units are not out just now; out of date by the time it is looked at.
 * Returns: the number; 0 for NULL, and while more is out than there is.
 * Threads: any. */
LG_API uint32_t lg_permits_available(const struct lg_permits *permits);

/* How many units there are, in and out.
 * Returns: the number; 0 for NULL.
 * Threads: any. */
LG_API uint32_t lg_permits_capacity(const struct lg_permits *permits);

LG_END_DECLS

#endif
