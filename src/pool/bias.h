/* Bias: a slot that one context takes again and again is lent by plain stores.
 *
 * The owner of the bias lends the slot to itself and returns it by writing `busy`, in its own hint for the
 * pool; nobody else does.
 * Whoever else wants the slot takes the bias back first: it moves the slot from BIASED to UNBIASING,
 * passes a heavy barrier (plat/barrier.h), and makes the word what busy then says.  That verdict
 * counts, for the owner too:
 *   B1  checkout stores busy = LENT, passes a light barrier, and loads the word again; the revoker
 *       stores UNBIASING, passes the heavy one, and loads busy: one of the two sees the other.  If
 *       the owner sees the word changed, it asks for the verdict under the pool's lock: either the
 *       slot is LENT by that very tag, and the checkout has succeeded, or it has not.  (If it was
 *       seen idle, no loan ever gets that tag: else another's loan, given to the owner just then,
 *       would look like its own.)
 *   B2  checkin stores busy = IDLE (release: the resource is as its user left it), passes a light
 *       barrier, and loads the word again, as above: if the verdict is that the slot is LENT with its
 *       tag, then it is returned in the ordinary way, waiters and all; if it was seen idle, the revoker
 *       has seen to the rest.  Else the verdict was LENT, and somebody else has returned that lease since:
 *       of two who return one lease, one does.  Which it was, the hint says (idle_tag), which is the owner's
 *       for this pool until it has looked.
 *   B4  a slot is marked (UNBIASING) under the pool's lock, and judged under it.  In between the lock may be
 *       free, so that nobody waits for others' barriers: then whoever is to judge looks whether anything was
 *       marked since (bias_marks), which would have passed no barrier.  An owner that finds its slot marked
 *       judges it itself: its stores come before its loads.
 *   B3  the control word changes under the pool's lock, and so it does not change while somebody who
 *       earns a bias reads it and counts the bias, under the same lock.  Whoever changed it looks at
 *       that count afterwards: the bias has been counted, or is not given.
 *   B5  a slot says whose hint it is biased to (owner) before it is BIASED, under the pool's lock; the hint
 *       is turned to another slot, and its context ends, after the owner has seen to it under that lock that
 *       the slot is biased no more.  So with the lock what busy says is of this bias.  Who looks without it
 *       loads word, owner, busy and the word again, each with acquire; owner and busy are written with
 *       release: if one of them is of a later bias, the word is not the same.  Hints are never freed.
 * So there is no retreat that could leave a unit free behind a waiter's back.
 *
 * Books: a lease of a biased slot is not in its holder's lease_count; a verdict of LENT puts it there,
 * through lease_lost, under the pool's lock.
 *   O2  whoever counts a context's leases looks at the biased ones between two looks at lease_lost.
 *       At a context's end its biases are left before anything else is seen to: so by then all that is
 *       out is in its counts.
 *
 * One revocation takes back all biases of a pool, for one barrier.  It is done by whoever finds no idle
 * slot, queues, clears, closes, or moves a lease that is biased.  An owner that turns away from a slot
 * (its hint is needed for another pool, the resource has to be checked) gives up that bias alone, and
 * pays no barrier.
 *   Invariant: while somebody waits for the pool, or it is closed, no slot of it is biased.
 * The detector needs no barrier: it trusts blocked contexts only, whose stores come before they begin
 * to wait.  Nor does anything that only counts.
 *
 * An owner that was stopped between its look at the word and its store may store into busy long after
 * the bias has gone.  It is its own hint's, which no slot refers to by then: nobody reads it.
 *
 * A bias is earned: so many loans of one slot in a row by one context, and twice as many after each
 * loss of all to somebody who found nothing idle or moved a biased lease.  The most is some 16 ms of
 * loans: where there are more threads than slots and processors, a bias is lost as soon as it is given.
 *
 * A checkout that the owner interrupts by a signal handler of its own that checks out too would break
 * B1: the calls are not signal-safe. */
#ifndef LG_POOL_BIAS_H
#define LG_POOL_BIAS_H

#include "pool/pool.h"

/* Loans in a row, first and at most. */
#define LG__BIAS_AFTER     16u
#define LG__BIAS_AFTER_MAX (1u << 20)
#define LG__BIAS_NEVER     UINT32_MAX

/* Loans by one bias, about: the word counts more of them than busy's tag can. */
#define LG__BIAS_LOANS_MAX (1u << 31)

/* Give the caller, who has been lent the slot with this tag, the bias, if all is quiet.  Takes the
 * pool's lock. */
void lg__bias_earn(struct lg_pool *pool, struct lg_context *self, struct lg__hint *hint,
                   uint32_t tag);

/* Take all biases of the pool back.  With the lock held, which then is for the time of a barrier.  `is_loss`:
 * others want the slots. */
void lg__bias_revoke(struct lg_pool *pool, bool is_loss);

/* The same without the lock, which it takes if there is need.  After a change of the control word: B3. */
void lg__bias_revoke_all(struct lg_pool *pool);

/* The same, if the slot is biased.  `is_loss` also if its lease is returned by another. */
void lg__bias_revoke_slot(struct lg_pool *pool, const struct lg__slot *slot, bool is_loss);

/* With the lock: if the bias that the caller's hint tells of is being taken back, the verdict is there now. */
void lg__bias_conclude(struct lg_pool *pool, const struct lg__hint *hint);

/* The caller gives up the bias that its hint tells of, if that is one of this pool.  Takes the lock. */
void lg__bias_leave(struct lg_pool *pool, struct lg__hint *hint);

/* pool.c: the same for a hint of another pool, which may be gone. */
void lg__bias_leave_other(struct lg__hint *hint);

/* One in so many loans by bias, for the tail of a fast path: its holding time is taken, and a bias that
 * has lasted too long ends, with this loan out.  LG_OK. */
int lg__bias_sample(struct lg_pool *pool, uint64_t claim);

/* pool.c: how many leases of biased slots a context has. */
uint32_t lg__bias_count(const struct lg_context *context);

#endif
