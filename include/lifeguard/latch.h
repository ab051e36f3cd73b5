/* Latch: wait until so many things have been done; then it is open for good.
 *
 * A latch is a value with a count.  Whoever has done one of the things counts it down; at 0 all who wait
 * pass, and so does everybody after them.  It is not counted up again: for that there is the barrier.
 *
 *     struct lg_latch loaded = LG_LATCH_INIT("loaded", 3);
 *
 *     load(part);                                          // each of three threads
 *     status = lg_latch_count_down(&loaded, 1);
 *
 *     status = lg_latch_wait(&loaded, lg_after_ms(5000));  // LG_OK: all three have
 *
 * Anyone may count down, so a wait is never part of a deadlock, unless *parties are declared*: contexts that
 * will count down so much each.  Then a wait that needs a party which waits for the waiter, through any
 * chain, fails with LG_EDEADLK; and if a party ends, or withdraws, before it has counted down what it said,
 * all waits fail with LG_EBROKEN, until a new party is declared in its place, or others have counted to 0.
 * Who counts down more than there is without the parties' share works, is logged once, and shows that
 * anybody may count down all the same: it is as if no party had ever been declared.
 *
 * Whoever comes back from a wait may free the latch at once, if nobody else waits: the count-down that
 * opened it does not touch it any more.  A latch with declared parties is to be destroyed first.
 *
 * In a forked child the parties that were left behind in the parent have ended.  Illegal, and a panic with
 * the latch's name: destroy while it is waited for.  Not for signal handlers.  Not shared between
 * processes. */
#ifndef LIFEGUARD_LATCH_H
#define LIFEGUARD_LATCH_H

#include <lifeguard/event.h>

/* The fields belong to the library; their size is frozen.  All bytes zero is a latch that is open. */
struct lg_latch {
    struct lg_event event;
    uint64_t total;
};

/* The most that a latch counts: what looks like a negative count is refused. */
#define LG_LATCH_MAX 0x7fffffffu

/* count at most LG_LATCH_MAX. */
#define LG_LATCH_INIT(name_, count_)                                                               \
    {                                                                                              \
        {(uint64_t)(uint32_t)(count_) << 32, 0, (name_), 0, 0, 0}, (uint32_t)(count_)              \
    }

LG_BEGIN_DECLS

/* Give a latch a name and a count at run time; a static one needs LG_LATCH_INIT only.
 * Shape:   name is constant text that outlives the latch, or NULL; count 0 is a latch that is open.
 * Returns: LG_OK; LG_EINVAL (NULL latch, more than LG_LATCH_MAX).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_latch_init(struct lg_latch *latch, const char *name, uint32_t count);

/* End the use of a latch; its parties are no longer declared.  Panics if it is waited for.
 * Threads: nobody else uses it any more. */
LG_API void lg_latch_destroy(struct lg_latch *latch);

/* Count down.  What was written before is seen by whoever passes.
 * Shape:   count 0 changes nothing.
 * Returns: LG_OK; LG_EINVAL (NULL, or more than is left: nothing has changed).
 * Threads: any; never blocks; not signal-safe. */
LG_API LG_MUST_CHECK int lg_latch_count_down(struct lg_latch *latch, uint32_t count);

/* Wait until the count is 0, or the deadline.
 * Shape:   latch not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK; LG_ETIMEDOUT; LG_ECANCELED (<lifeguard/cancel.h>); LG_EINVAL (NULL); LG_ENOMEM (no
 *          context for this thread).  With declared parties also LG_EDEADLK and LG_EBROKEN (with a report).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT, and fills no report.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  CountDownLatch of Java, std::latch; DESIGN.md, "Event and latch". */
#define lg_latch_wait(latch, deadline) lg_latch_wait_at((latch), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_latch_wait_at(struct lg_latch *latch, lg_deadline deadline,
                                          const char *place);

/* Count down by one and wait for the others.  What was counted stays counted, however the wait ends.
 * Returns: as lg_latch_count_down, then as lg_latch_wait.
 * Threads: as lg_latch_wait. */
#define lg_latch_arrive_and_wait(latch, deadline)                                                  \
    lg_latch_arrive_and_wait_at((latch), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_latch_arrive_and_wait_at(struct lg_latch *latch, lg_deadline deadline,
                                                     const char *place);

/* How much is left to be counted down at this moment.
 * Returns: the count; 0: it is open; 0 for NULL.
 * Threads: any; signal-safe; one acquire load. */
LG_API uint32_t lg_latch_count(const struct lg_latch *latch);

/* Declare that a context will count down so much.
 * Shape:   context NULL is the calling one; count at least 1.
 * Returns: LG_OK; LG_EBUSY (it is declared already); LG_EINVAL (NULL latch, count 0, the context has ended,
 *          or all parties together would have more than is left); LG_ENOMEM.  On an error nothing has
 *          changed.
 * Threads: any; never blocks; allocates as lg_event_add_setter does.
 * Source:  as lg_event_add_setter. */
#define lg_latch_add_party(latch, context, count)                                                  \
    lg_latch_add_party_at((latch), (context), (count), LG_HERE)
LG_API LG_MUST_CHECK int lg_latch_add_party_at(struct lg_latch *latch, struct lg_context *context,
                                               uint32_t count, const char *place);

/* Say that a party will not count down what it has not yet.
 * Shape:   context NULL is the calling one.
 * Returns: LG_OK; LG_EINVAL (NULL latch, or the context is no party of it, or has counted all).
 * Threads: any; never blocks. */
LG_API LG_MUST_CHECK int lg_latch_withdraw_party(struct lg_latch *latch,
                                                 struct lg_context *context);

/* Put one party in the place of another, with what is left of its share.
 * Shape:   from NULL is the calling context; to must not be NULL.
 * Returns: LG_OK; LG_EBUSY (to is a party already); LG_EINVAL (NULL, from is no party, or to has ended).
 *          On an error nothing has changed.
 * Threads: any; never blocks. */
#define lg_latch_transfer_party(latch, from, to)                                                   \
    lg_latch_transfer_party_at((latch), (from), (to), LG_HERE)
LG_API LG_MUST_CHECK int lg_latch_transfer_party_at(struct lg_latch *latch, struct lg_context *from,
                                                    struct lg_context *to, const char *place);

LG_END_DECLS

#endif
