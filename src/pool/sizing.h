/* Sizing: how large a pool must be that nested checkouts cannot drain it.
 *
 * A context that holds d - 1 leases and waits for one more is stuck if the pool is drained by others
 * like it.  If the deepest nesting of each context i is d_i, all of them together can hold the sum of
 * (d_i - 1) leases while all of them want one more; with one lease more than that somebody gets his,
 * finishes and gives back all he has.  So the exact minimum is 1 + sum (d_i - 1); for n threads that
 * all do the same it is n x (d - 1) + 1.
 *
 * What is observed.  Each context keeps the deepest nesting of the pools that it uses (a checkout
 * that would not wait does not count: it is stuck nowhere).  It looks when a checkout leaves its fast
 * path.  Nothing is missed by that: what a fast path lends is the slot that the context turned to
 * last, and whatever it holds beside it was taken while that slot was out, so on the slow path, one
 * deeper than now.  Only leases that others gave it, or that it adopted, may hide in between.
 *
 * The sum is not kept: it would have to be changed when contexts end, from floors that know no pool.
 * A pool keeps a bound of it instead, which only grows; when that is above the capacity, whoever made
 * it so goes over the living contexts, and brings it down to what is true.
 *   Invariant: bound >= sum over the living contexts, but for those who have written their entry and
 *   not yet added to it.  They add under the pool's lock, after having written: who is about to count
 *   sees them, or they find that somebody counts, who looks at the bound once more when he is done. */
#ifndef LG_POOL_SIZING_H
#define LG_POOL_SIZING_H

#include "graph/context.h"

#include <lifeguard/stats.h>

enum lg__sizing_state {
    LG__SIZING_FITS,
    LG__SIZING_TOO_SMALL, /* and nobody has said so */
    LG__SIZING_SAID
};

/* Who nests how deep, and what follows. */
struct lg__verdict {
    uint32_t minimum;
    uint32_t deepest;
    uint32_t contexts; /* that nest: seen, or declared to */
    uint32_t capacity; /* when the pool was found too small */
    bool is_declared;
};

struct lg__sizing {
    uint32_t declared_threads;  /* r/o */
    uint32_t state;             /* atomic relaxed; enum lg__sizing_state; upwards, until a resize */
    uint32_t deepest;           /* under the pool's lock; of any context, ever */
    bool is_counting;           /* under the pool's lock; somebody goes over the contexts */
    uint64_t bound;             /* under the pool's lock */
    struct lg__verdict verdict; /* under the pool's lock; as of when it was found too small */
};

/* The caller is about to ask for one lease more, and to wait for it if need be. */
void lg__sizing_observe(struct lg_pool *pool, struct lg_context *self);

/* The size below which nested checkouts can deadlock, and why, by all that is known: what was observed, what
 * the program has declared, and `contexts` that the caller knows to nest `deepest` deep (1 and 1: none).
 * Without the lock. */
struct lg__verdict lg__sizing_judge(struct lg_pool *pool, uint32_t contexts, uint32_t deepest);

/* Somebody has told the program already. */
void lg__sizing_set_said(struct lg_pool *pool);

/* Tell the program, once, if it must be told.  Without the lock. */
void lg__sizing_warn(struct lg_pool *pool);

/* The capacity is another: judge anew, and forget what has been said.  Without the lock. */
void lg__sizing_note_resize(struct lg_pool *pool);

/* For fork's handlers. */
void lg__sizing_forget(struct lg_pool *pool);

#endif
