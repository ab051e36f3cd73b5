/* Pool: a bounded set of resources, each lent to one holder at a time.
 *
 *     struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
 *     options.name = "db";
 *     options.capacity = 4;
 *     struct lg_pool *pool;
 *     if (lg_pool_create(&driver, NULL, &options, &pool) != LG_OK) ...
 *
 *     struct lg_lease lease;
 *     if (lg_pool_checkout(pool, lg_after_ms(5000), &lease) == LG_OK) {
 *         use(lease.resource);                 // nobody else has it
 *         (void)!lg_pool_checkin(pool, &lease);
 *     }
 *
 * Waiters are served first come, first served.  A newcomer may pass one that has waited for less than
 * overtaking_us (1 ms); after that, what is returned is handed to the one that has waited longest.
 * A checkout that could never be served, because everything out is held by contexts that themselves
 * wait for the caller or for each other, fails with LG_EDEADLK when its wait begins.
 * Resources that are not open yet are opened by background threads; while an open is possible the
 * pool counts as able to progress, so an open that is slow delays detection: by open_timeout_ms at most
 * if the driver heeds its deadline.  One that does not, and never returns, keeps its slot for ever, as nobody
 * can know that it will not return: whoever waits has its own deadline, and the error's cause is
 * LG_EXHAUSTION_OPENS_HANG.
 *
 * After an open has failed, those in the background wait: 10 ms, then twice that each time, up to 5 s,
 * until one has worked, or lg_pool_ready or _clear.  Checkouts that find nothing still have opens made
 * for them, one at a time, so that LG_EOPEN always tells of an attempt made while its caller waited; the
 * first in the queue gets it.
 *
 * Each pool starts one background thread when something needs it (min_size, idle_timeout_ms,
 * lifetime_ms, keepalive_ms, leak_after_ms, a clear with something idle); it ends with the pool or when
 * nothing does.
 *
 * A lease is a value: resource, slot and tag.  Copies are copies of one lease.  A second checkin,
 * a checkin in the wrong pool, a checkin of a made-up lease return a status and change nothing.
 *
 * A resource that one thread borrows again and again costs it no atomic operation (unbiased = 1 forbids
 * that).  No call here may be made by a signal handler: it might interrupt another one.
 *
 * Who holds it: the context that checked it out, until lg_lease_detach, _give or _adopt.  A checkin
 * by another context without these works, is logged once, and makes the detector silent about this
 * pool from then on: it no longer knows who holds what.
 *
 * A lease of a context that has ended is an orphan: the exhaustion error names it, anyone may check it
 * in, and it counts as out.  With reclaim_orphans the pool takes it back when its holder's thread or
 * context ends: on that thread, late in its exit, the driver's reset runs and the resource goes to the
 * first waiter.  A driver without a reset cannot make good what was left in the middle, so then the
 * resource is closed.  Each is logged ("orphan-reclaimed"); copies of the lease are stale from there on.
 * Illegal with this option: another thread goes on using a lease whose holder has ended.  Hand it on by
 * lg_lease_give, _adopt or _detach; once a checkin has shown that a lease was handed on without these,
 * the pool reclaims nothing any more.
 *
 * An event loop asks without blocking by lg_pool_request (<lifeguard/request.h>).
 *
 * A lease that is out for longer than leak_after_ms is said once in the log, with the code "leak": who
 * holds it, where it was taken, and what its holder does now, as "waits for mutex "m" at f.c:12 since
 * 3 s".  Fields: pool, resource, slot, holder, taken, held_ms, state (waits, with waits_noun, waits_name,
 * waits_place, waited_ms; runs, with thread; parked: detached from its thread; ended; detached: the lease
 * is nobody's; unknown: leases wander without a word).  When it is back, that is said with the level info
 * and the code "leak-returned".  At most 16 leases are named at a time, the others ("leak-more", with
 * their count) by the passes that follow.  The background thread says all this, once a period, so ages
 * are right up to a period; it is there for that if leak_after_ms was set; else a pool reports that was
 * created with an option that keeps this thread anyway.  With LG_PERIOD_NEVER nothing is said.
 *
 * All calls may run at the same time, but for lg_pool_destroy: nobody else uses the pool then. */
#ifndef LIFEGUARD_POOL_H
#define LIFEGUARD_POOL_H

#include <lifeguard/context.h>
#include <lifeguard/driver.h>
#include <lifeguard/pool_event.h>

struct lg_pool;

#define LG_POOL_CAPACITY_MAX 10000

/* What a second checkout by a context that already holds a lease of the pool means. */
enum lg_nested {
    LG_NESTED_DETECT, /* an ordinary checkout; a deadlock is detected */
    LG_NESTED_FORBID, /* LG_ENESTED at once: the mistake shows in the first test run */
    LG_NESTED_SHARE /* the same resource again, under a tag of its own; reset at the last checkin */
};

/* Which of the idle resources is lent next. */
enum lg_order {
    LG_ORDER_AFFINE, /* the one that the context had last, else any: the fastest */
    LG_ORDER_LIFO,   /* the one that was returned last: few stay warm, the others age and go */
    LG_ORDER_FIFO    /* the one that was returned first: all are used alike */
};

/* When to open one more. */
enum lg_growth {
    LG_GROWTH_EAGER, /* when a checkout finds nothing idle */
    LG_GROWTH_PATIENT /* when it has waited for as long as an open takes: a burst of short work shares
                         what is open.  At once while every holder is blocked, gone or the asker. */
};

/* What a pool is asked to be.  Begin with LG_POOL_OPTIONS_INIT, in C and in C++, and set what differs.
 * Zero means the default, but for overtaking_us.  What is 0 or 1 is a yes or no.  Fields are only added at
 * the end. */
struct lg_pool_options {
    uint32_t size; /* sizeof(struct lg_pool_options) */

    /* The pool. */
    uint32_t capacity;     /* most resources at once; default 10, at most LG_POOL_CAPACITY_MAX */
    const char *name;      /* copied; default "pool" */
    uint32_t min_size;     /* so many are kept open in the background; <= capacity; default 0 */
    uint32_t start_paused; /* 1: begins as after a clear with LG_CLEAR_PAUSE; default 0 */

    /* Checkouts and leases. */
    enum lg_nested nested;    /* a second checkout by a holder; default LG_NESTED_DETECT */
    enum lg_order order;      /* which idle one is lent next; default LG_ORDER_AFFINE */
    enum lg_growth growth;    /* when to open one more; default LG_GROWTH_EAGER */
    uint32_t unbiased;        /* 1: no slot is biased to one thread; default 0 */
    uint64_t overtaking_us;   /* a newcomer may pass a waiter for so long, which saves switches of
                                 threads; 0: never.  LG_POOL_OPTIONS_INIT sets 1,000 */
    uint32_t detached;        /* 1: leases belong to nobody (event loops); default 0 */
    uint32_t reclaim_orphans; /* 1: what a context holds when it ends comes back; default 0 */

    /* Opens. */
    uint64_t open_timeout_ms;       /* for one open; default 10,000 */
    uint32_t opening_max;           /* opens at the same time; default 2 */
    uint32_t clear_on_open_failure; /* 1: an open that fails in the background does what a clear
                                       with LG_CLEAR_PAUSE does; default 0 */

    /* Checks and ages. */
    uint64_t check_after_ms; /* a checkout checks what was idle longer; default 500 */
    uint64_t keepalive_ms;   /* so does the background; default 0: never */
    /* What is idle longer is closed, by the next background pass or the one after it; default 0: never.
     * Below 16 periods of these passes each checkin notes the time, and no slot is biased. */
    uint64_t idle_timeout_ms;
    uint64_t lifetime_ms;             /* what is older is closed, at its checkin if it is lent;
                                         default 0: never */
    uint32_t lifetime_jitter_percent; /* each lives up to so much less, by lot; default 10 */
    uint32_t closes_per_pass;         /* most that one background pass closes; default 16 */
    uint64_t period_ms;               /* of these passes; default 1,000; or LG_PERIOD_NEVER */

    /* What it tells. */
    uint64_t leak_after_ms;       /* a lease held longer is called a likely leak; default 60,000 */
    uint32_t declared_threads;    /* so many threads will nest as deep as any does, for the warning
                                     "pool-too-small"; default 0: those that are seen */
    uint32_t event_room;          /* most events that wait for the listener; default 1,024, at most
                                     1,048,576 */
    lg_pool_event_sink *on_event; /* the listener; NULL: nobody listens */
    void *on_event_arg;           /* handed to it */
    /* For reports of deadlocks, of a pool whose leases its users do not see: how a holder gives one back,
     * as "end the transaction".  They say that and advise no larger pool.  Copied, cut to
     * LG_REPORT_ADVICE - 1 bytes; NULL: by a checkin. */
    const char *advice;
};

/* No background pass at all: nothing is opened ahead, and what is stale or idle for too long stays
 * open until a checkout meets it. */
#define LG_PERIOD_NEVER UINT64_MAX

#define LG_POOL_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct lg_pool_options), 0, NULL, 0, 0, LG_NESTED_DETECT, LG_ORDER_AFFINE,          \
            LG_GROWTH_EAGER, 0, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL,     \
            NULL                                                                                   \
    }

enum lg_pool_state {
    LG_POOL_PAUSED, /* checkouts are refused with LG_EPAUSED, nothing is opened */
    LG_POOL_READY,
    LG_POOL_CLOSED,   /* for good */
    LG_POOL_SUSPENDED /* checkouts wait; what is lent may be returned */
};

/* How to evict. */
#define LG_EVICT_FORCE 1u /* and interrupt who uses it, or ask its open to give up */

/* How to clear. */
#define LG_CLEAR_PAUSE     1u /* and pause, until lg_pool_ready */
#define LG_CLEAR_INTERRUPT 2u /* and pause, and interrupt what is in use or being opened */

/* The fields other than resource belong to the library. */
struct lg_lease {
    void *resource;
    struct lg_pool *pool;
    uint32_t slot;
    uint32_t tag;
};

/* One lease that is out: for lists of holders. */
struct lg_lease_info {
    char holder[LG_NAME_SIZE]; /* a context's name; "(detached)"; "NAME (ended)" */
    char place[80];            /* file:line of the checkout */
    uint32_t slot;
    uint64_t age_ms;
    uint64_t id; /* of the resource: 1, 2, 3 in the order in which they were opened */
};

LG_BEGIN_DECLS

/* Create a pool.  Nothing is opened until the first checkout, unless min_size says so.
 * Shape:   driver is copied, with open and close; arg is handed to every driver call; options may
 *          be NULL; out not NULL.
 * Returns: LG_OK; LG_EINVAL (also: a number out of its range, min_size above capacity, a struct whose
 *          size is not set); LG_EVERSION (a longer option or driver struct with something set that this
 *          library does not know); LG_ENOMEM.  *out is NULL unless LG_OK.  What is wrong, the log says: one
 *          "bad-option" for each, with the fields pool, option, value and right (what would be).
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_pool_create(const struct lg_driver *driver, void *arg,
                                        const struct lg_pool_options *options,
                                        struct lg_pool **out);

/* Borrow a resource, waiting until the deadline, which covers queue, open and check together.
 * Shape:   pool and lease not NULL; lease->resource is NULL unless LG_OK.
 * Units:   deadline absolute; LG_TRY does not wait (and opens nothing): LG_EBUSY.
 * Returns: LG_OK; with a report: LG_ETIMEDOUT (the cause, and who holds what), LG_EDEADLK, LG_EOPEN (an
 *          open failed meanwhile: the driver's words); without: LG_EBUSY (LG_TRY only), LG_ENESTED,
 *          LG_EPAUSED, LG_ECLOSED, LG_ECANCELED, LG_EFORK, LG_EINVAL, LG_ENOMEM.
 * Threads: any; blocks; allocates nothing itself; not signal-safe.
 * Source:  FIFO with hand-off of ownership; DESIGN.md, "Pool". */
#define lg_pool_checkout(pool, deadline, lease)                                                    \
    lg_pool_checkout_at((pool), (deadline), (lease), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_checkout_at(struct lg_pool *pool, lg_deadline deadline,
                                             struct lg_lease *lease, const char *place);

/* Borrow a resource if one is idle now.
 * Returns: LG_OK; LG_EBUSY; as lg_pool_checkout otherwise.
 * Threads: any; never waits. */
#define lg_pool_try_checkout(pool, lease) lg_pool_checkout_at((pool), LG_TRY, (lease), LG_HERE)

/* Borrow several resources at once, all or none: who waits for them holds none of them yet.  Two threads
 * that each need two and take them one by one can deadlock; with this they cannot.
 *     struct lg_lease pair[2];
 *     if (lg_pool_checkout_many(pool, 2, lg_after_ms(5000), pair) == LG_OK) {
 *         copy(pair[0].resource, pair[1].resource);
 *         (void)!lg_pool_checkin_many(pool, 2, pair);
 *     }
 * While the first in the queue wants more than is idle, what is idle is kept for it and newcomers
 * queue (where overtaking_us allows it, only once it has waited that long).  Only if that order would
 * be a deadlock is somebody else let pass.  For nested = forbid it is one checkout.
 * Shape:   leases has room for count; count from 1 to the pool's capacity, 1 only where nested = share;
 *          all leases are empty unless LG_OK.
 * Units:   as lg_pool_checkout.
 * Returns: as lg_pool_checkout; LG_EINVAL also for a count out of that range, be it that a resize has made
 *          it so.
 * Threads: any; blocks; allocates nothing itself; not signal-safe.
 * Source:  FIFO with a reservation for the head, as a multi-unit semaphore; DESIGN.md, "Pool". */
#define lg_pool_checkout_many(pool, count, deadline, leases)                                       \
    lg_pool_checkout_many_at((pool), (count), (deadline), (leases), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_checkout_many_at(struct lg_pool *pool, uint32_t count,
                                                  lg_deadline deadline, struct lg_lease *leases,
                                                  const char *place);

/* Give a resource back.  On LG_OK the lease is emptied.
 * Of several who return copies of one lease at the same moment one gets LG_OK, the others LG_ESTALE; the
 * lease of a holder who comes too late may be empty then.
 * Returns: LG_OK; LG_ESTALE (returned already, or emptied); LG_EFOREIGN (of another pool);
 *          LG_EFORK (taken before fork, by the parent); LG_EINVAL; LG_ENOMEM (no context for this
 *          thread).  On an error nothing changes in the pool.
 * Threads: any; runs the driver's reset; never waits for another thread; after close too; not
 *          signal-safe. */
#define lg_pool_checkin(pool, lease) lg_pool_checkin_at((pool), (lease), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_checkin_at(struct lg_pool *pool, struct lg_lease *lease,
                                            const char *place);

/* Give several back, one after the other, in any order and any number of those borrowed together.
 * Shape:   leases may be NULL if count is 0.
 * Returns: LG_OK; else the first lease's status that was not.  All the others are given back all the
 *          same; those that are not are not emptied.
 * Threads: as lg_pool_checkin. */
#define lg_pool_checkin_many(pool, count, leases)                                                  \
    lg_pool_checkin_many_at((pool), (count), (leases), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_checkin_many_at(struct lg_pool *pool, uint32_t count,
                                                 struct lg_lease *leases, const char *place);

/* Give a resource back and have it closed instead of lent again: the user saw it broken.
 * Returns: as lg_pool_checkin.
 * Threads: any. */
#define lg_pool_discard(pool, lease) lg_pool_discard_at((pool), (lease), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_discard_at(struct lg_pool *pool, struct lg_lease *lease,
                                            const char *place);

/* Make a lease nobody's: an event loop or a handover will return it.  The detector then counts on
 * its return.
 * Returns: LG_OK; LG_ESTALE; LG_EFORK (the parent's); LG_EINVAL.
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_lease_detach(const struct lg_lease *lease);

/* Make a lease the calling context's: what it waits for from now on counts.
 * Returns: LG_OK; LG_ESTALE; LG_EFORK (the parent's); LG_EINVAL; LG_ENOMEM.
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_lease_adopt(const struct lg_lease *lease);

/* Make a lease another context's.  If that context is blocked and the gift closes a deadlock, a
 * victim is chosen now.
 * Shape:   context alive; should it end at the same time, the lease is its orphan.
 * Returns: LG_OK; LG_ESTALE; LG_EFORK (the parent's); LG_EINVAL (also: context has ended).
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_lease_give(const struct lg_lease *lease, struct lg_context *context);

/* The number of a lease's resource: 1, 2, 3 in the order in which the pool began to open them.
 * Returns: the number; 0 if the lease is stale or empty.
 * Threads: any. */
LG_API uint32_t lg_lease_id(const struct lg_lease *lease);

/* Start a new generation: everything open now is closed, the idle soon (by the background thread), the
 * lent at checkin, what is being opened when it arrives.
 *
 * With how = 0 checkouts go on meanwhile and get fresh resources.  With LG_CLEAR_PAUSE the pool is
 * paused as well: whoever waits gets LG_EPAUSED at once, and nothing is opened until lg_pool_ready.
 * LG_CLEAR_INTERRUPT does that too, asks each open in flight to give up, and calls the driver's
 * interrupt for each resource that is lent.  A paused pool is not cleared again: nothing happens.
 * Returns: LG_OK; LG_ECLOSED; LG_EFORK; LG_EINVAL (also: an unknown bit in how).
 * Threads: any; runs the driver's interrupt, and if no thread can be started, its close. */
LG_API int lg_pool_clear(struct lg_pool *pool, uint32_t how);

/* Have one resource closed: now if it is idle, at its checkin if it is lent, on arrival if it is being
 * opened.  With LG_EVICT_FORCE the driver's interrupt is called for it if it is lent.
 * Shape:   id as of lg_lease_id, lg_lease_info or an event.
 * Returns: LG_OK; LG_ESTALE (no such resource is open); LG_ECLOSED; LG_EFORK; LG_EINVAL (also: id 0, an
 *          unknown bit in how).
 * Threads: any; runs the driver's close or interrupt. */
LG_API int lg_pool_evict(struct lg_pool *pool, uint64_t id, uint32_t how);

/* End a pause.  On a pool that is not paused nothing happens.
 * Returns: LG_OK; LG_ECLOSED; LG_EFORK; LG_EINVAL.
 * Threads: any. */
LG_API int lg_pool_ready(struct lg_pool *pool);

/* Let checkouts wait, whatever is idle, until lg_pool_resume: for a short maintenance that users shall
 * not notice but as a delay.  Checkins go on, and so do deadlines; LG_TRY gives LG_EBUSY.  Until the
 * resume no deadlock is seen through the pool.  On a suspended pool nothing happens.
 *
 * A checkout that begins after this call has returned gets nothing until the resume.  One that was under way
 * then may still get what it had found, as if it had come before the call: it is then listed by
 * lg_pool_holders like any other.  Where nested = share, a holder still gets what it holds once more.
 * Returns: LG_OK; LG_ECLOSED; LG_EFORK; LG_EINVAL.
 * Threads: any. */
LG_API int lg_pool_suspend(struct lg_pool *pool);

/* End a suspension: who waits is served, first come first served; who can never be is told now, with
 * LG_EDEADLK.  On a pool that is not suspended nothing happens.
 * Returns: LG_OK; LG_ECLOSED; LG_EFORK; LG_EINVAL.
 * Threads: any. */
LG_API int lg_pool_resume(struct lg_pool *pool);

/* Let the pool have more resources, or fewer, from now on.
 *
 * More: whoever waits has more opened for it at once.  Fewer: the slots beyond the capacity are surplus;
 * what is idle there is closed soon (by the background thread), what is lent at its checkin, what is being
 * opened on arrival.  Nobody waits for that, and leases of surplus slots are as good as others until then;
 * as new resources may be opened meanwhile in the slots that are left, for a while more than `capacity`
 * may be open.  A checkout of several that wants more than there now are fails with LG_EINVAL, one that
 * can never be served now, because of who holds what is left, with LG_EDEADLK.
 * Shape:   min_size and capacity as in the options, but capacity not 0.
 * Returns: LG_OK; LG_EINVAL (capacity 0 or above LG_POOL_CAPACITY_MAX, min_size above capacity), and nothing
 *          changes; LG_ECLOSED; LG_EFORK.
 * Threads: any; of several at the same time the last one counts; allocates nothing; if no thread can be
 *          started, or period_ms is LG_PERIOD_NEVER, runs the driver's close. */
LG_API LG_MUST_CHECK int lg_pool_resize(struct lg_pool *pool, uint32_t min_size, uint32_t capacity);

/* What the pool does at this moment.  NULL is LG_POOL_CLOSED.
 * Threads: any; a snapshot. */
LG_API enum lg_pool_state lg_pool_state(struct lg_pool *pool);

/* Close: no more checkouts, waiters get LG_ECLOSED, idle resources are closed, lent ones at their
 * checkin.  Then wait for those until the deadline.  May be called again.
 * Shape:   out has room for `room` infos (NULL if 0); *count (may be NULL) gets how many are out.
 * Returns: LG_OK (nothing is out); LG_ETIMEDOUT (count are out, listed in out; 0 if only an open or a
 *          reset is under way); LG_ECANCELED (as LG_ETIMEDOUT: the pool is closed all the same);
 *          LG_EDEADLK (the caller itself holds a lease, or waits for those who wait for it);
 *          LG_EINVAL; LG_ENOMEM.
 * Threads: any; blocks. */
LG_API int lg_pool_close(struct lg_pool *pool, lg_deadline deadline, struct lg_lease_info *out,
                         size_t room, size_t *count);

/* Close with no wait and free.  NULL is fine.  Panics if a lease is still out or somebody waits.  A
 * checkin that is on its way out is waited for, and so is the listener.  An open or close in flight in
 * the background is not: the last to leave calls the driver's destroy, and arg (and the listener's) must
 * live until then.
 * Threads: nobody else uses the pool any more. */
LG_API void lg_pool_destroy(struct lg_pool *pool);

/* Who holds what now.
 * Shape:   out has room for `room` infos (NULL if 0).
 * Returns: how many are out, which may be more than room.
 * Threads: any; a snapshot that other threads may outdate at once. */
LG_API size_t lg_pool_holders(struct lg_pool *pool, struct lg_lease_info *out, size_t room);

LG_END_DECLS

#endif
