/* Duty: who has said that it will do something that others wait for: set an event, count a latch down, come
 * to a barrier.  It makes the wait for it a wait for somebody known.
 *
 * Duties live in a table of the library's, by the serial number of the object that they are for.  A number is
 * never used twice and the object's memory is never touched here, so one that was freed with duties left
 * costs the memory of these until their holders end, and nothing else.
 *
 * Invariants, for the detector, which reads capacity and holders one after the other:
 *   D1  All waits for an object are ended (WOKEN) before a duty for it is added, moved or taken away, under
 *       the lock of the bucket under which such waits begin.  A look that has read some of it before the
 *       change and some after has met a word that does not stand any more, and is void; the waiters begin
 *       again, and look for themselves.  So what closes without a wait (a setter that withdraws, or ends,
 *       or is exchanged for one that is blocked) closes with a wait all the same.
 *   D2  Doing a part of a duty, which may happen while others wait, only makes a holder hold less.
 *   D3  A context ends: its id goes first, then its duties are taken away (lg__duty_end).  Whoever adds one
 *       looks at the id afterwards.  One of the two sees the other (store-load on both sides), so the table
 *       never keeps a duty of one that has ended.
 *
 * Lock rank: a park bucket, then a stripe; also a wait's pin, then a stripe. */
#ifndef LG_SYNC_DUTY_H
#define LG_SYNC_DUTY_H

#include "sync/park.h"

struct lg__duty {
    uint64_t serial;       /* r/o; of the object */
    const void *key;       /* r/o; what its waiters queue by; never dereferenced */
    uint64_t holder;       /* under the stripe; a context's id */
    uint32_t units;        /* under the stripe; what is still owed */
    uint64_t done_in;      /* under the stripe; the round (not 0) for which all of it is done */
    const char *place;     /* under the stripe; where it was declared */
    struct lg__duty *next; /* under the stripe */
};

/* What there is for one object. */
struct lg__duty_sum {
    uint32_t holders;
    uint32_t units;
};

/* The object's number, made at its first duty.  Caller holds its bucket. */
uint64_t lg__duty_serial(uint64_t *serial);

/* Adding one, in two steps, because memory is had without locks.  Caller of link holds the object's bucket
 * and has ended its waits (D1); LG_EBUSY: the context has one; then the duty is the caller's to free. */
struct lg__duty *lg__duty_make(const void *key, uint64_t holder, uint32_t units, const char *place);
int lg__duty_link(struct lg__duty *duty, uint64_t serial);
/* After link or move, without locks: mind that the context may have ended meanwhile (D3). */
void lg__duty_settle(struct lg_context *context, uint64_t holder);

/* Both as link: LG_EINVAL if there is none; move gives LG_EBUSY if `to` has one already.  Withdrawing is
 * remembered like an end, with `who`: a name may take a pin, so it is copied before any of the locks. */
int lg__duty_withdraw(uint64_t serial, uint64_t holder, const char *who, uint32_t *units);
int lg__duty_move(uint64_t serial, uint64_t from, uint64_t to, const char *place);

/* Forget all of an object's, with its bucket, when it is destroyed. */
void lg__duty_forget(uint64_t serial);

/* Do up to so much of one's own; a duty of which nothing is left is gone.  Returns how much was done. */
uint32_t lg__duty_do(uint64_t serial, uint64_t holder, uint32_t units);

/* Say that one's duty is done for a round, or (0) is not after all.  False: the context has none. */
bool lg__duty_do_round(uint64_t serial, uint64_t holder, uint64_t round);

bool lg__duty_is_done(uint64_t serial, uint64_t holder, uint64_t round);
bool lg__duty_is_held_by(uint64_t serial, uint64_t holder);
struct lg__duty_sum lg__duty_sum(uint64_t serial);

/* For the survey of a resource_class; without those whose duty is done for this round. */
void lg__duty_survey(uint64_t serial, uint64_t round, lg__visit *visit, void *arg);

/* Who was the last to end, or withdraw, while it had a duty for this object: "worker-3 ended", and the place
 * of its declaration.  What is remembered is overwritten by others some day; then nothing but "somebody". */
void lg__duty_copy_lapse(uint64_t serial, char *out, size_t size);

/* Fill the caller's report for a wait that fails with LG_EBROKEN. */
void lg__duty_explain(struct lg_context *self, const struct lg__want *want, const char *detail);

/* Fork, for park.c: buckets come first. */
void lg__duty_fork_prepare(void);
void lg__duty_fork_parent(void);
void lg__duty_fork_child(void);

#endif
