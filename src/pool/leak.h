/* Leaks: leases that are out for longer than leak_after_ms, said once each by the keeper.
 *
 * A loan is known by its slot and its tag, which no other loan of the slot has: whatever happens to it
 * in between (detached, adopted, given away, shared, its bias taken back), it is reported once, and the
 * all-clear comes from the pass that finds another tag, or nothing lent.  Only the keeper writes the
 * records, and of keepers there is one at a time, each begun after the one before it under the pool's
 * lock; so they need no lock, and the log's callback, which may call the pool, runs under none. */
#ifndef LG_POOL_LEAK_H
#define LG_POOL_LEAK_H

#include "pool/slot.h"

/* So many reports a pass; what is left is counted, and its turn comes with the next passes. */
#define LG__LEAKS_A_PASS 16

/* A loan that is overdue; or of a slot what was reported last, which the keeper alone reads and writes. */
struct lg__leak {
    uint64_t holder; /* 0: nobody */
    const char *place;
    uint32_t tag;
    uint32_t since_ms;
    uint32_t id;      /* of the resource */
    bool is_reported; /* and the all-clear has not been said */
};

/* For create: a pool that will report gets its records, with room for all slots that it may ever have.  It
 * will report if it was asked to, or if there are passes anyway.  False: no memory. */
bool lg__leaks_create(struct lg_pool *pool, bool was_asked);
void lg__leaks_destroy(struct lg_pool *pool);

/* Whether the slot is lent, and has been for longer than leak_after_ms; then who has it since when.  A
 * loan that is not written down yet is not overdue. */
bool lg__leak_find(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t now_ms,
                   struct lg__leak *out);

/* The keeper's look at all of them.  Without any lock. */
void lg__leaks_report(struct lg_pool *pool);

/* For fork's handlers: the parent's loans are none of the child's. */
void lg__leaks_forget(struct lg_pool *pool);

#endif
