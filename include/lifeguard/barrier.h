/* Barrier: so many threads wait for each other, then all go on; again and again.
 *
 * A barrier is a value with a number of parties.  Whoever arrives waits until that many have; then all pass,
 * and the barrier is ready for the next round.
 *
 *     static struct lg_barrier step = LG_BARRIER_INIT("step", 4);
 *
 *     for (;;) {                                          // each of four threads
 *         compute(mine);                                  // reads what all wrote in the step before
 *         if (lg_barrier_wait(&step, deadline, NULL) != LG_OK)
 *             break;                                      // somebody is late or gone, and all of us know
 *     }
 *
 * All or none: if one of those who wait gives up, because of its deadline, a cancel, or lg_barrier_abort, the
 * barrier is *broken*: all who wait get LG_EBROKEN, and so does everybody after them until lg_barrier_reset.
 * lg_report_last() says who broke it.  But a waiter that is chosen as the victim of a deadlock takes its
 * arrival back, and breaks nothing: it may let go of what the others need and arrive again.
 *
 * An *action* is run once a round, by the last to arrive, when all are there and none has passed.  If it
 * returns anything but LG_OK, the barrier is broken.
 *
 * Anyone may arrive, so a wait is never part of a deadlock, unless *parties are registered*: contexts that
 * have their own place at the barrier.  Then a wait that misses a party which waits for one of those at the
 * barrier, through any chain, fails with LG_EDEADLK, and a party that ends without having arrived breaks it.
 * Others may arrive only for the places that are left.
 *
 * Once a wait has returned LG_OK the barrier may be freed, if nobody is going to use it again: of those who
 * pass with it, none touches it any more.  After another status, it may be freed when all have returned.  A
 * barrier with registered parties is to be destroyed first.
 *
 * In a forked child those who waited, and the parties left behind in the parent, are gone.  Illegal, and a
 * panic with the barrier's name: destroy while it is waited for.  Not for signal handlers.  Not shared
 * between processes. */
#ifndef LIFEGUARD_BARRIER_H
#define LIFEGUARD_BARRIER_H

#include <lifeguard/context.h>
#include <lifeguard/status.h>

/* Called by the last to arrive, without a lock.  It must not wait for its own barrier. */
typedef int lg_barrier_action(void *arg);

/* The fields belong to the library; their size is frozen. */
struct lg_barrier {
    const char *name;
    lg_barrier_action *action;
    void *arg;
    uint64_t round;
    uint64_t serial;
    uint64_t breaker;
    uint64_t spin;
    uint32_t parties;
    uint32_t arrived;
    uint32_t unnamed;
    uint32_t registered;
    uint32_t state;
    uint32_t cause;
    uint32_t era;
    uint32_t spare;
};

/* The most parties: what looks like a negative count is refused. */
#define LG_BARRIER_MAX 0x7fffffffu

/* parties 1 to LG_BARRIER_MAX; without an action. */
#define LG_BARRIER_INIT(name_, parties_)                                                           \
    {                                                                                              \
        (name_), 0, 0, 0, 0, 0, 0, (parties_), 0, 0, 0, 0, 0, 0, 0                                 \
    }

LG_BEGIN_DECLS

/* Give a barrier its name, parties and action at run time; a static one needs LG_BARRIER_INIT only.
 * Shape:   name is constant text that outlives the barrier, or NULL; parties 1 to LG_BARRIER_MAX; action may be NULL.
 * Returns: LG_OK; LG_EINVAL (NULL barrier, no parties or too many).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_barrier_init(struct lg_barrier *barrier, const char *name,
                                         uint32_t parties, lg_barrier_action *action, void *arg);

/* End the use of a barrier; its parties are no longer registered.  Panics if somebody waits at it.
 * Threads: nobody else uses it any more. */
LG_API void lg_barrier_destroy(struct lg_barrier *barrier);

/* Arrive, and wait for the others until the deadline.
 * Shape:   index may be NULL; it gets the place in which the caller arrived, 0 the first, parties - 1 the
 *          last, who has run the action: to choose one of them.
 * Units:   deadline absolute, see lg_after_ms; LG_FOREVER waits.  LG_TRY, and a deadline that has passed,
 *          arrive only if the caller is the last; else nothing has changed.
 * Returns: LG_OK (all have arrived); LG_ETIMEDOUT and LG_ECANCELED (<lifeguard/cancel.h>), and the barrier
 *          is broken; LG_EBROKEN (with a report); what the action returned, to who ran it; LG_EINVAL (NULL,
 *          no parties, from the action itself, or no place is left for one who is not registered); LG_ENOMEM
 *          (no context for this thread).  With registered parties also LG_EDEADLK (with a report; the
 *          caller has not arrived).  LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  Barrier of Python's threading, CyclicBarrier of Java; DESIGN.md, "Barrier". */
#define lg_barrier_wait(barrier, deadline, index)                                                  \
    lg_barrier_wait_at((barrier), (deadline), LG_HERE, (index))
LG_API LG_MUST_CHECK int lg_barrier_wait_at(struct lg_barrier *barrier, lg_deadline deadline,
                                            const char *place, uint32_t *index);

/* Break a barrier: all who wait, and all who come, get LG_EBROKEN.
 * Threads: any; never blocks. */
LG_API void lg_barrier_abort(struct lg_barrier *barrier);

/* Make a barrier whole again, with nobody there.  Whoever waits gets LG_EBROKEN.  The place of a registered
 * party that has ended is nobody's.
 * Threads: any; never blocks. */
LG_API void lg_barrier_reset(struct lg_barrier *barrier);

/* Whether a barrier is broken at this moment.
 * Returns: 1 or 0; 0 for NULL.
 * Threads: any; never blocks. */
LG_API int lg_barrier_is_broken(const struct lg_barrier *barrier);

/* How many have arrived, and wait.
 * Returns: the number; 0 for NULL.
 * Threads: any; never blocks. */
LG_API uint32_t lg_barrier_waiting(const struct lg_barrier *barrier);

/* How many it takes.
 * Returns: the number; 0 for NULL.
 * Threads: any; never blocks. */
LG_API uint32_t lg_barrier_parties(const struct lg_barrier *barrier);

/* Register a context as a party: it gets one of the places that nobody is registered for, or, if there is
 * none, one that is added.
 * Shape:   context NULL is the calling one.
 * Returns: LG_OK; LG_EBUSY (it is registered already); LG_EINVAL (NULL barrier, or the context has ended);
 *          LG_ENOMEM.  On an error nothing has changed.
 * Threads: any; never blocks; the only call here that allocates: about a hundred bytes, until the party
 *          is unregistered or ends or the barrier is destroyed.
 * Source:  Cogumbreiro et al., "Dynamic Deadlock Verification for Barriers" (Armus), PPoPP 2015. */
#define lg_barrier_register(barrier, context) lg_barrier_register_at((barrier), (context), LG_HERE)
LG_API LG_MUST_CHECK int lg_barrier_register_at(struct lg_barrier *barrier,
                                                struct lg_context *context, const char *place);

/* Take a registered party away with its place: from now on it takes one fewer.  If all the others wait, they
 * pass; who calls this then runs the action.
 * Shape:   context NULL is the calling one.
 * Returns: LG_OK; LG_EBUSY (the party waits at the barrier); LG_EINVAL (NULL barrier, or it is no party);
 *          what the action returned.
 * Threads: any; never blocks but in the action. */
LG_API LG_MUST_CHECK int lg_barrier_unregister(struct lg_barrier *barrier,
                                               struct lg_context *context);

LG_END_DECLS

#endif
