/* Permits, as their parts need them.
 *
 * The word:
 *
 *     bits 63..32 available, signed: less than 0 while more is out than there is (after a resize)
 *     bits 31..2  era: how many forks this process is away from the first
 *     bit  1      STARVED  who is not in the queue takes nothing
 *     bit  0      WAITERS  somebody may be queued
 *
 * Who holds how much stands in the contexts' held tables and in the ledger, not here; there, and in the
 * buckets, permits go by an address inside them, so that other things are not taken for them.
 *
 * The era is what keeps a count that threads change by one instruction right across a fork.  In the child
 * all holders but the caller are dead, some of them between that instruction and their note of it; so the
 * count is not corrected by what the dead had noted, but set: to the capacity less what the caller holds.
 * Permits of which the caller holds some are set so at the fork.  All others are set when they are next
 * used: their era is not this process's, no fast path takes that, and by then they are all in. */
#ifndef LG_SYNC_PERMITS_H
#define LG_SYNC_PERMITS_H

#include "sync/park.h"

#include <lifeguard/permits.h>

#define LG__PERMITS_WAITERS 1ull
#define LG__PERMITS_STARVED 2ull
#define LG__PERMITS_FLAGS   3ull
#define LG__PERMITS_ONE_ERA 4u
#define LG__PERMITS_UNIT    (1ull << 32)

/* Of struct lg_permits.flags. */
#define LG__PERMITS_WAS_WARNED 1u

extern const struct lg__resource_class lg__permits_class;

extern __attribute__((visibility("hidden"))) uint32_t lg__permits_era; /* r/o after a fork */

/* What waiters queue by, and what tables and the ledger call them. */
static inline const void *lg__permits_tagged(const struct lg_permits *permits)
{
    return lg__park_tagged(permits, LG__PARK_PERMITS);
}

/* The permits that a note is about; NULL: it is about something else. */
static inline struct lg_permits *lg__permits_of(const void *tagged)
{
    return lg__park_untagged(tagged, LG__PARK_PERMITS);
}

static inline int32_t lg__permits_in(uint64_t word)
{
    return (int32_t)(uint32_t)(word >> 32);
}

static inline bool lg__permits_is_of_era(uint64_t word)
{
    return ((uint32_t)word & ~(uint32_t)LG__PERMITS_FLAGS) == lg__permits_era;
}

/* Under the bucket's lock: have the word be of this era. */
void lg__permits_renew(struct lg_permits *permits);

/* Take units, waiting if need be, without a note of it. */
int lg__permits_wait(struct lg_context *self, struct lg_permits *permits, uint32_t units,
                     lg_deadline deadline, const char *place);

/* Make units, of which there is no note any more, available. */
void lg__permits_put_slow(struct lg_permits *permits, uint32_t units);

/* False: somebody waits, or the word needs a look. */
static inline bool lg__permits_try_put(struct lg_permits *permits, uint32_t units)
{
    uint64_t word = lg__load_relaxed(&permits->word);
    do
        if (lg__unlikely(word & LG__PERMITS_FLAGS))
            return false;
    while (lg__unlikely(
        !lg__cas_release(&permits->word, &word, word + units * LG__PERMITS_UNIT))); /* P1 */
    return true;
}

static inline void lg__permits_put(struct lg_permits *permits, uint32_t units)
{
    if (lg__unlikely(!lg__permits_try_put(permits, units)))
        lg__permits_put_slow(permits, units);
}

/* Note units that the caller, `self`, has taken.  False: there is no room anywhere. */
bool lg__permits_note(struct lg_context *self, const struct lg_permits *permits, uint32_t units,
                      lg_deadline deadline, const char *place);

/* Forget what the caller has noted of so many units; it holds them. */
void lg__permits_unnote(struct lg_context *self, struct lg_permits *permits, uint32_t units);

/* How many units a context has noted. */
uint32_t lg__permits_noted(const struct lg_context *self, const struct lg_permits *permits);

/* Say LG_EOVERRELEASE, in the log too if it is the first time. */
int lg__permits_refuse(struct lg_permits *permits, uint32_t units, uint32_t held);

/* Let a waiter go ahead of all others. */
void lg__permits_let_pass(const void *object, struct lg__wait *wait, uint64_t word);

#endif
