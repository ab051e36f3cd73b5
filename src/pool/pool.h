/* Pool, inside: the struct, and what its parts ask of each other.
 *
 * Parts: pool.c creation and counts; options.c what it is asked to be; checkout.c, checkin.c the two fast
 * paths and what surrounds them; ask.c how one gets its slots; request.c, courier.c those who ask and do
 * not wait; queue.c waiters; spin.c a moment before sleep; doze.c the sleep of who was woken in vain;
 * growth.c patience before an open; opener.c opens; keeper.c the background pass; state.c ready and clear;
 * evict.c the end of one resource; resize.c more slots or fewer; close.c how each ends, and the pool;
 * lease.c who holds a lease; bias.c biased slots; orphan.c leases of the ended; leak.c leases that are out
 * for too long; events.c what the pool tells; exhaustion.c the report; stats.c what is counted; sizing.c
 * how many it takes; metrics.c the text.
 *
 * Lock rules:
 *   1. `lock` guards the queue, the counts, the generation and the moves out of EMPTY and to CLOSING.
 *      Lent and idle slots move by CAS without it.
 *   2. No driver call, callback, futex wait, thread creation or look of the detector under it.
 *   3. Under it nothing else of the library is taken: the detector takes it, to look at the queue and
 *      to let somebody pass, below its own lock and below a waiter's pin.  Two pools' locks are taken
 *      together only by fork, in the order of the list of pools.
 *
 *   4. Slots that exist (extent) and slots that may be lent (capacity) differ after a shrink: what looks
 *      for something to lend or counts what there is to wait for goes over the capacity, what ends,
 *      returns, lists or forgets goes over the extent.
 *
 * Invariant (rule 4 of DESIGN.md, "The decided rules"): when `lock` is released and the queue is not
 * empty, the pool is suspended, or fewer slots of the capacity are IDLE than the first waiter wants, but for those that
 * a return has just moved there without the lock; that return sees the flag (S2) and serves the queue.
 * So where all want one, none is.  What is idle is reserved for the first waiter by its place alone: it
 * holds nothing. */
#ifndef LG_POOL_POOL_H
#define LG_POOL_POOL_H

#include "pool/courier.h"
#include "pool/events.h"
#include "pool/leak.h"
#include "pool/sizing.h"
#include "pool/slot.h"
#include "pool/stats.h"

#include <lifeguard/pool.h>

/* The control word: what a fast path must know, in one load.  Flags low, generation above. */
#define LG__POOL_WAITERS   1ull /* the queue is not empty (or was a moment ago) */
#define LG__POOL_CLOSED    2ull
#define LG__POOL_SPECIAL   4ull  /* options that the fast paths do not know */
#define LG__POOL_LEFT      8ull  /* inherited by fork and refused */
#define LG__POOL_RESET     16ull /* a checkin resets, or notes the time: no fast one */
#define LG__POOL_PAUSED    32ull
#define LG__POOL_SUSPENDED 64ull /* nothing is lent, whoever asks waits */
#define LG__POOL_FLAGS     0xffull
/* What refuses every checkout. */
#define LG__POOL_SHUT (LG__POOL_CLOSED | LG__POOL_LEFT | LG__POOL_PAUSED)
/* What keeps a checkout, and a checkin, from its fast path. */
#define LG__POOL_NOT_PLAIN_OUT (LG__POOL_FLAGS & ~LG__POOL_RESET)
#define LG__POOL_NOT_PLAIN_IN  LG__POOL_FLAGS

#define LG__POOL_GENERATION(control) ((uint32_t)((control) >> 8))
#define LG__POOL_GENERATION_ONE      0x100ull
/* Added when a resource is doomed: above the generation, and only ever compared as a whole.  E4 (evict.c). */
#define LG__POOL_DOOMED_ONE (1ull << 40)

struct lg__waiters {
    struct lg__wait *first;
    struct lg__wait *last;
    uint32_t count;
    uint32_t units; /* that they want in all */
    uint32_t many;  /* how many of them want more than one; atomic relaxed */
};

#define LG__SHARES 32

/* The leases of one shared loan. */
struct lg__shares {
    uint32_t out;                /* one bit a lease; 0: only the loan itself */
    uint16_t latest[LG__SHARES]; /* the share that each bit stands for */
};

/* What is known of a slot beside the slot.  An open begins with the first two 0. */
struct lg__note {
    uint32_t
        checked_ms;    /* atomic relaxed; the keeper: when it last checked the resource; 0: never */
    uint32_t doom;     /* atomic relaxed; under lock; why it is of no generation; 0: it is of one */
    uint32_t seen_tag; /* atomic, K2; the keeper: after which loan it saw the slot idle, */
    uint32_t seen_ms;  /* atomic relaxed; and when first; 0: never */
};

/* An open in flight, on the stack of its opener. */
struct lg__opening {
    struct lg__slot *slot;        /* r/o; in OPENING */
    struct lg_cancel cancel;      /* below the pool's; requested by clear with LG_CLEAR_INTERRUPT */
    uint32_t generation;          /* under lock; the pool's when it began, if not doomed since */
    bool is_for_waiter;           /* r/o; else it is for min_size */
    bool is_given_up;             /* under lock; it was told as closed already */
    uint64_t begun_ns;            /* the opener */
    struct lg__opening *next;     /* under lock */
    struct lg__opening *previous; /* as next */
};

/* A driver's interrupt in flight, on the stack of its caller. */
struct lg__interrupt {
    struct lg__slot *slot; /* r/o */
    bool is_left;          /* under lock; the slot is CLOSING, and for the interrupter to close */
    struct lg__interrupt *next; /* under lock */
};

struct lg_pool {
    /* Read by every checkout and checkin; written rarely. */
    uint64_t control;          /* atomic full, S2 */
    uint64_t serial;           /* r/o; no other pool has had it */
    uint64_t hint_offset;      /* r/o; of its hint in a context */
    struct lg__slot *slots;    /* r/o; room for LG_POOL_CAPACITY_MAX */
    struct lg__note *notes;    /* r/o; one a slot */
    struct lg__shares *shares; /* r/o; elements under lock; one a slot if nested = share, or NULL */
    uint32_t capacity;      /* atomic relaxed; under lock; slots that may be lent, the first ones */
    uint32_t extent;        /* as capacity; its greatest so far: no slot beyond has been used */
    uint32_t is_detached;   /* r/o; leases belong to nobody */
    uint32_t is_reclaiming; /* r/o; leases of ended contexts are taken back */
    uint32_t check_after_ms;         /* r/o; what is older is looked at before it is lent */
    uint32_t leak_after_ms;          /* r/o */
    uint32_t driver_check_ms;        /* r/o; what is older is checked by the driver */
    uint32_t idle_timeout_ms;        /* r/o; UINT32_MAX: never */
    uint32_t is_idleness_seen;       /* r/o; by the keeper; else each checkin notes the time */
    uint32_t lifetime_ms;            /* r/o; as idle_timeout_ms */
    uint32_t lifetime_jitter_ms;     /* r/o; at most so much less */
    uint32_t keepalive_ms;           /* r/o; as idle_timeout_ms */
    uint32_t closes_per_pass;        /* r/o */
    struct lg__events *events;       /* r/o; NULL: nobody listens */
    struct lg__leak *leaks;          /* r/o; one a slot; NULL: it reports none */
    struct lg_driver driver;         /* r/o */
    void *arg;                       /* r/o */
    enum lg_nested nested;           /* r/o */
    enum lg_growth growth;           /* r/o */
    enum lg_order order;             /* r/o */
    uint32_t opening_max;            /* r/o */
    uint64_t open_timeout_ns;        /* r/o */
    uint64_t overtaking_ns;          /* r/o; 0: newcomers queue behind all */
    uint64_t period_ns;              /* r/o; UINT64_MAX: never */
    uint32_t min_size;               /* atomic relaxed; under lock */
    uint32_t clears_on_open_failure; /* r/o */
    char name[LG_NAME_SIZE];         /* r/o */
    int32_t inside;                  /* atomic full; calls in a slow path */
    uint32_t biased_count;           /* atomic; changed under lock; slots in BIASED, UNBIASING */
    uint32_t bias_after;  /* atomic relaxed; under lock; loans in a row that earn a bias */
    uint32_t has_spinner; /* atomic; release pairs with the next one's acquire */
    uint32_t spin_vain;   /* the spinner; so many waits go by after the last one */
    uint32_t spin_rest;   /* atomic relaxed; so many yet */
    uint32_t tag;         /* atomic; the observers' */
    uint32_t is_unowned;  /* atomic relaxed; leases wander: the detector does not trust holders */

    /* Read by returns while somebody waits (queue.c). */
    uint64_t last_return_ns __attribute__((aligned(64))); /* atomic relaxed; when one was, about */
    uint64_t pass_until_ns; /* as last_return_ns; under lock; the first may be passed until then */
    uint32_t on_way;    /* atomic full, S4; changed under lock; waiters woken and not back yet */
    uint32_t has_dozer; /* as on_way; a waiter in the queue looks by itself soon */

    struct lg__raw_lock lock __attribute__((aligned(64)));
    struct lg__waiters queue;         /* under lock; wait for some units, all or nothing */
    struct lg__waiters closers;       /* under lock; wait for all units */
    struct lg__waiters called;        /* under lock; wait no more, and are still to be woken */
    uint32_t bias_marks;              /* under lock; how many biases were marked so far: B4 */
    uint32_t opener_count;            /* under lock; threads that run or will */
    uint32_t empty_count;             /* under lock; slots in EMPTY, without surplus ones */
    uint32_t opening_count;           /* under lock; slots in OPENING */
    uint32_t surplus_opens;           /* under lock; of these, surplus ones */
    uint32_t references;              /* under lock; the user, the openers, the keeper */
    uint32_t has_keeper;              /* under lock; a thread that runs or will */
    uint32_t is_filling;              /* under lock; opens for min_size are wanted now */
    uint32_t last_id;                 /* under lock; of the resource whose open began last */
    uint32_t kicks;                   /* atomic; changed under lock; the keeper's futex */
    uint64_t failures_running;        /* under lock; failed opens since the last good one */
    uint64_t retry_ns;                /* under lock; until then no open for min_size begins */
    struct lg__opening *openings;     /* under lock */
    struct lg__interrupt *interrupts; /* under lock */
    uint32_t patient;                 /* under lock; units that waiters with patience wait for */
    uint64_t open_mean_ns;            /* under lock; of the latest opens; 0: none yet */
    uint64_t returns;                 /* under lock; what became idle, in pools with an order */
    uint64_t tickets;       /* under lock; given to waiters in the order in which they came */
    uint64_t front_tickets; /* under lock; the next for one who goes before all who queue */
    uint64_t shared;        /* under lock; leases of shared loans, beside the loans themselves */
    uint64_t unlent;        /* under lock; numbers of loans that there never were */
    uint64_t fork_loans;    /* r/o between forks; the parent's */
    uint64_t opened, closed, open_failures, waited; /* atomic relaxed */
    struct lg__courier courier;
    struct lg__stats stats;
    struct lg__sizing sizing;
    char open_error[160];          /* under lock; of the last failed open */
    char advice[LG_REPORT_ADVICE]; /* r/o; how a lease is given back; "": by a checkin */
    struct lg_cancel cancel;       /* requested by close; above those of opens */
    struct lg_pool *next;          /* under the list's lock */
    struct lg_pool *previous;      /* as next */
};

/* What checkouts wait for: units of the capacity; and what a close waits for: every slot there is. */
extern const struct lg__resource_class lg__pool_class;
extern const struct lg__resource_class lg__pool_closing_class;

static inline uint32_t lg__pool_capacity(const struct lg_pool *pool)
{
    return lg__load_relaxed(&pool->capacity);
}

static inline uint32_t lg__pool_extent(const struct lg_pool *pool)
{
    return lg__load_relaxed(&pool->extent);
}

/* Whether the slot is beyond the capacity: a resource of it goes when it is next met. */
static inline bool lg__pool_is_surplus(const struct lg_pool *pool, const struct lg__slot *slot)
{
    return slot - pool->slots >= lg__pool_capacity(pool);
}

/* With the lock: opens in flight, and resources that are open, without surplus ones. */
static inline uint32_t lg__pool_opens(const struct lg_pool *pool)
{
    return pool->opening_count - pool->surplus_opens;
}

static inline uint32_t lg__pool_open_now(const struct lg_pool *pool)
{
    return pool->capacity - pool->empty_count - lg__pool_opens(pool);
}

/* queue.c; all with the lock held unless said otherwise.  Whoever has a lower ticket goes first; no two
 * have the same.  A waiter's companion is an array of leases, as many as it wants units: where the
 * numbers of the slots go that it is handed. */
uint64_t lg__queue_ticket(struct lg_pool *pool);       /* behind all */
uint64_t lg__queue_front_ticket(struct lg_pool *pool); /* before all */
void lg__queue_push(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait,
                    uint64_t ticket);
void lg__queue_leave(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait);
/* Whether newcomers may take what is idle, although somebody waits. */
bool lg__queue_may_overtake(const struct lg_pool *pool);
/* With the lock: so many more are on their way; UINT32_MAX: one less.  S4. */
static inline void lg__queue_send(struct lg_pool *pool, uint32_t by)
{
    lg__store_full(&pool->on_way, pool->on_way + by);
}
/* Without the lock: whether what comes back may become idle though somebody waits; a hint of before. */
bool lg__queue_may_pass(struct lg_pool *pool);
/* The same, of what has become idle: whether a waiter will find it by itself.  S4. */
static inline bool lg__queue_is_attended(const struct lg_pool *pool)
{
    return lg__load_full(&pool->on_way) > 0 || lg__load_full(&pool->has_dozer) > 0;
}

/* How many slots are idle; it counts no further than `most`. */
uint32_t lg__queue_count_idle(const struct lg_pool *pool, uint32_t most);
/* Take so many idle slots, from the guess on, or none.  They are HANDED then, the caller's, and their
 * numbers are in the leases.  For one slot also without the lock. */
bool lg__queue_claim(struct lg_pool *pool, uint32_t guess, uint32_t need, struct lg_lease *leases);
/* Make slots in HANDED idle again, and serve nobody. */
void lg__queue_unclaim(struct lg_pool *pool, uint32_t count, const struct lg_lease *leases);
/* Give a slot whose state belongs to the caller to the first waiter, or make it IDLE.  Returns the waiter to wake after the lock is released, or NULL. */
struct lg__wait *lg__queue_serve(struct lg_pool *pool, struct lg__slot *slot);
/* A waiter that was woken to look is back, and no longer counted as on its way.  Returns the next to wake,
 * if there is more to look at. */
struct lg__wait *lg__queue_arrive(struct lg_pool *pool);
/* Serve the first waiter from the idle slots.  Returns the waiter to wake, as lg__queue_serve. */
struct lg__wait *lg__queue_serve_next(struct lg_pool *pool);
/* Serve from the idle slots, after S2 has shown waiters, or one left whom some were reserved for.  Takes
 * the lock itself. */
void lg__queue_serve_idle(struct lg_pool *pool);
/* For the detector, as in the class.  They take the lock themselves. */
void lg__queue_visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                           void *arg);
void lg__queue_let_pass(const void *object, struct lg__wait *wait, uint64_t word);
/* End the first waiter's wait with a status.  Returns it, to be woken. */
struct lg__wait *lg__queue_fail_first(struct lg_pool *pool, int status);
/* Wake the first thread behind a place, `last` at the most, to look again, and at the graph; the place
 * is its place then.  False: there is none.  Takes the lock itself. */
bool lg__queue_wake_next(struct lg_pool *pool, uint64_t *place, uint64_t last);
/* End a wait in the queue as woken to look; its thread is awake, or the caller wakes it.  False: it is not
 * there any more, or has ended otherwise. */
bool lg__queue_call(struct lg_pool *pool, struct lg__wait *wait);
/* End the waits of all threads that queue, so that they look again; with the lock.  They are woken by what
 * takes the lock itself, and has to follow. */
void lg__queue_call_all(struct lg_pool *pool);
void lg__queue_wake_called(struct lg_pool *pool);
/* A waiter that was woken is back, and needs no waking.  With the lock. */
void lg__queue_answer(struct lg_pool *pool, struct lg__wait *wait);
/* End all waits up to this ticket with a status and wake them.  Takes the lock itself. */
void lg__queue_fail_until(struct lg_pool *pool, uint64_t ticket, int status);
/* If nothing is out any more, let the closers go. */
void lg__queue_check_closers(struct lg_pool *pool);

/* opener.c: whether the queue wants an open that nobody does yet (with the lock), and starting what
 * is wanted (without). */
bool lg__pool_is_opener_wanted(const struct lg_pool *pool);
void lg__pool_open_wanted(struct lg_pool *pool);
/* Drop a reference; the last one frees.  Without the lock. */
void lg__pool_unref(struct lg_pool *pool);

/* checkin.c: LENT to RETURNING, if the loan has this tag: of all who try, one succeeds. */
bool lg__pool_end_loan(struct lg__slot *slot, uint32_t tag);
/* checkin.c: give back a lease that nobody has used or holds.  The caller is inside. */
void lg__pool_take_back(struct lg_pool *pool, const struct lg_lease *lease);
/* checkin.c: what follows: reset, unless the resource is broken, and then on to the first waiter or the
 * idle, or closed.  The caller is inside. */
void lg__pool_finish_return(struct lg_pool *pool, struct lg__slot *slot, bool is_broken);

/* How many opens should be in flight now: one a waiter, and what is missing to min_size.  With the
 * lock. */
uint32_t lg__pool_wanted_opens(const struct lg_pool *pool);

/* keeper.c: have the keeper make a pass now, starting one if there is none.  Without the lock.  False:
 * there will be no pass, because no thread can be started, or the pool's period is never. */
bool lg__keeper_kick(struct lg_pool *pool);
/* Whether a keeper is needed and not there.  With the lock. */
bool lg__keeper_is_missing(const struct lg_pool *pool);
/* Whether there is something to look after at each pass, so that a keeper stays. */
bool lg__keeper_is_needed(const struct lg_pool *pool);

/* state.c: LG_EINVAL, LG_EFORK, LG_ECLOSED, or LG_OK: it is one to work on. */
int lg__pool_check(const struct lg_pool *pool);
/* state.c: clear, for whoever is in the pool already.  False: it was not open and running. */
bool lg__pool_clear(struct lg_pool *pool, uint32_t how);

/* state.c: call the driver's interrupt, which there must be, if the slot is lent and stale. */
void lg__pool_interrupt(struct lg_pool *pool, struct lg__slot *slot);
/* evict.c: have the resource of a slot that is not biased, or the one that is being opened for it, closed
 * when it is next met.  With the lock. */
void lg__pool_doom(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason);

/* close.c: why the resource of this slot should not be lent again: closed, stale, idle for too long;
 * LG_REASON_NONE: it may. */
enum lg_event_reason lg__pool_unfit(const struct lg_pool *pool, const struct lg__slot *slot,
                                    uint64_t now_ms);
/* The same for one that is about to be lent; `was_granted`: by whoever gave it back or opened it.  May
 * call the driver's check. */
enum lg_event_reason lg__pool_look_at(struct lg_pool *pool, struct lg__slot *slot, uint64_t now_ms,
                                      bool was_granted);
/* Move a slot that belongs to the caller to CLOSING, and tell it.  With the lock.  False: whoever
 * interrupts the resource now closes it afterwards; else the caller does, by lg__pool_close_slot. */
bool lg__pool_retire_own(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason);
/* Retire and close a slot that belongs to the caller; or one that is idle, if its word is still this
 * one.  Without the lock. */
void lg__pool_end_own(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason);
bool lg__pool_end_idle(struct lg_pool *pool, struct lg__slot *slot, uint64_t word,
                       enum lg_event_reason reason);
/* Close the resource of a slot in CLOSING, empty the slot, open anew if wanted.  Without the lock. */
void lg__pool_close_slot(struct lg_pool *pool, struct lg__slot *slot);

/* close.c: close what is idle and has to go: all that is stale, surplus, or of a closed pool, and at most so
 * many of what is only old.  Without the lock. */
void lg__pool_end_all_idle(struct lg_pool *pool, uint32_t old_most);
/* close.c: have idle resources closed that must go: by the keeper; by the caller if the pool is closed
 * or there is no keeper. */
void lg__pool_end_unfit(struct lg_pool *pool);
/* A slot became idle while the control word changed: the same, and serve waiters. */
void lg__pool_after_idle(struct lg_pool *pool);

/* close.c: the first half of close: no more checkouts, no waiters, nothing idle. */
void lg__pool_shut(struct lg_pool *pool);

/* lease.c: another lease of what the caller holds already.  LG_EBUSY: it holds none, or has shared it
 * 32 times; LG_ECLOSED. */
int lg__lease_share(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease);
/* Give back one lease of a pool that shares.  1: others are left, and a broken resource will go when
 * they are back; 0: it was the last, the slot is RETURNING; negative: the lease is stale. */
int lg__lease_unshare(struct lg_pool *pool, const struct lg_lease *lease, bool is_broken);
/* The slot that the caller holds of the pool, or NULL. */
struct lg__slot *lg__lease_held(struct lg_pool *pool, struct lg_context *self);
/* Why a lease is not valid. */
int lg__lease_stale_status(const struct lg_lease *lease);

/* orphan.c: whether the context with this id, which has ended, holds something that is to be taken back;
 * and taking it back, by a caller that is inside. */
bool lg__orphan_is_in(const struct lg_pool *pool, uint64_t id);
void lg__orphan_reclaim(struct lg_pool *pool, uint64_t id);
/* Why a checkout that has ended with this status has failed. */
enum lg_event_reason lg__pool_reason_of(int status);
/* Tell something.  With the lock; a pool without a listener pays the look at one pointer. */
static inline void lg__pool_tell(struct lg_pool *pool, struct lg__event event)
{
    if (lg__unlikely(pool->events != NULL))
        lg__events_add(pool->events, &event);
}

/* Have the listener hear what was told, unless another thread is about it.  Without any lock, when the
 * caller's work is done. */
static inline void lg__pool_deliver(struct lg_pool *pool)
{
    bool must_deliver = pool->events && !lg__events_are_told(pool->events);
    while (lg__unlikely(must_deliver)) {
        lg__raw_lock(&pool->lock);
        must_deliver = lg__events_claim(pool->events);
        lg__raw_unlock(&pool->lock);
        must_deliver = must_deliver && lg__events_deliver(pool->events);
    }
}

/* The same for who has claimed already, under the lock in which it told something. */
static inline void lg__pool_deliver_claimed(struct lg_pool *pool, bool has_claimed)
{
    if (has_claimed && lg__events_deliver(pool->events))
        lg__pool_deliver(pool);
}

/* spin.c: look for a moment whether a wait in the queue ends by itself. */
void lg__pool_spin(struct lg_pool *pool, const struct lg__wait *wait);

/* doze.c: whether a waiter that has come in vain, and is in the queue again, dozes; with the lock. */
bool lg__doze_begin(struct lg_pool *pool);
/* It does: its wait ends as woken after a moment, unless it has ended by then. */
void lg__doze(struct lg_pool *pool, struct lg__wait *wait);

/* growth.c; with the lock: until when a waiter that has just queued would rather wait than have one more
 * opened; 0: it would not.  `until_ns` is what was said when it queued before; 0: it did not. */
uint64_t lg__growth_begin(struct lg_pool *pool, struct lg__wait *wait, uint64_t until_ns);
/* With the lock: it leaves the queue, or its patience is at an end. */
void lg__growth_end(struct lg_pool *pool, struct lg__wait *wait);
/* The time has come: ask for what is wanted now.  Without the lock. */
void lg__growth_lose_patience(struct lg_pool *pool, struct lg__wait *wait);
/* With the lock: an open has worked and took so long. */
void lg__growth_note_open(struct lg_pool *pool, uint64_t took_ns);

/* exhaustion.c: complete the caller's report. */
void lg__exhaustion_explain(struct lg_pool *pool, struct lg_context *self, int status);

/* Destroy waits for whoever is still inside a slow path: once a slot is given back, or a wait ended, a
 * close elsewhere may find everything in and its caller destroy the pool, while that call still looks
 * at it.  Enter is the call's first touch of the pool and exit its last.  A checkin's fast path has no
 * room for a count; it leaves a mark in its context instead:
 *   R1  `returning` is stored before the move that gives the slot back (full); who has seen that move
 *       sees the mark, or the release store that ends it, after which the pool is not touched. */
static inline void lg__pool_enter(struct lg_pool *pool)
{
    lg__add_full(&pool->inside, 1);
}

static inline void lg__pool_exit(struct lg_pool *pool)
{
    lg__sub_full(&pool->inside, 1);
}

/* pool.c: a pool with such an orphan, entered and referenced, or NULL. */
struct lg_pool *lg__pool_find_orphan(uint64_t id);
/* pool.c: call `visit` with every pool, the newest first, under the list's lock. */
void lg__pool_each(void (*visit)(void *arg, struct lg_pool *pool), void *arg);

/* Where a context keeps which slot of the pool it had last; the pool's only if the serials agree. */
static inline struct lg__hint *lg__hint_of(const struct lg_pool *pool, struct lg_context *context)
{
    return (struct lg__hint *)(void *)((char *)context + pool->hint_offset);
}

/* Whether a slot with this word is idle, and for whoever comes.  What is of an old generation is not: it
 * is the keeper's to close, so that no checkout has to, unless the pool has none. */
static inline bool lg__pool_may_take(const struct lg_pool *pool, const struct lg__slot *slot,
                                     uint64_t word)
{
    return lg__slot_state(word) == LG__SLOT_IDLE &&
           (pool->period_ns == LG_PERIOD_NEVER ||
            lg__load_relaxed(&slot->generation) ==
                LG__POOL_GENERATION(lg__load_relaxed(&pool->control)));
}

/* pool.c */
uint64_t lg__pool_set_flag(struct lg_pool *pool, uint64_t flag);
void lg__pool_clear_flag(struct lg_pool *pool, uint64_t flag);

/* A lease's slot: bits 15..0 the slot's number, 31..16 the share: its bit in the slot's shares and,
 * because bits are used again, how often that one was.  Without sharing it is 0. */
#define LG__LEASE_SLOT(lease)  ((lease)->slot & 0xffffu)
#define LG__LEASE_SHARE(lease) ((lease)->slot >> 16)
#define LG__SHARE_BIT(share)   ((share) & (LG__SHARES - 1u))

#endif
