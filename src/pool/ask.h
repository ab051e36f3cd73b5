/* Ask: how one checkout that is not served at once gets its slots, whoever waits for them.
 *
 *     find ---- LG_OK: it has slots -------------> lend --- LG_OK: the leases are there
 *      ^  \---- LG__ASK_QUEUED: a wait begins       |
 *      |            |  (a thread sleeps, or a       |
 *      |            v   courier is notified)        |
 *      |        end_wait -- LG_OK: granted ---------+
 *      |            |                               |
 *      +---- woken -+--------- not fit to be lent --+        any other status: it has failed
 *
 * A blocking checkout is "find, sleep, lend"; a request is the same with a proxy in its place
 * (courier.h).  Whoever is served anything keeps its ticket until it has its leases, so it comes first
 * again when what it got was not fit. */
#ifndef LG_POOL_ASK_H
#define LG_POOL_ASK_H

#include "pool/pool.h"

/* No status: a wait has begun. */
#define LG__ASK_QUEUED 1

/* Of want.need slots, all or none. */
struct lg__ask {
    struct lg_pool *pool;
    struct lg_context *self; /* the asker's: the calling thread's, or a proxy */
    struct lg__want want;
    struct lg_lease *leases;    /* as many; once it has slots, their numbers are there */
    struct lg_request *request; /* of which it is; NULL: a thread waits */
    bool has_slots;             /* in HANDED, and the asker's */
    bool was_granted; /* what whoever gave it back or opened it has handed over: not from idle */
    bool was_served;  /* before: with what was not fit to be lent, or by being woken */
    bool is_on_way;   /* woken from the queue and not back at it: pool->on_way counts it */
    bool must_doze;   /* it queued after it came in vain, and is the pool's dozer */
    bool has_opener;  /* it asked for one when it queued */
    uint64_t ticket;  /* its place in the queue, kept when it queues again; 0: none yet */
    uint64_t patience_ns; /* until then it wants no opener; 0: it never had any */
};

/* Slots that are idle, or a place in the queue, or a failure.  LG_EBUSY: there are none, and it would not
 * wait.  On LG__ASK_QUEUED the ask of a request is the courier's from now on. */
int lg__ask_find(struct lg__ask *ask);

/* Its wait has ended so: as lg__ask_find. */
int lg__ask_end_wait(struct lg__ask *ask, enum lg__wait_state end);

/* Go on from what find or end_wait has returned.  If that is LG_OK the slots are lent; if one is not fit,
 * its resource is closed and others are found.  May call the driver. */
int lg__ask_lend(struct lg__ask *ask, int status);

/* What remains to be done when all that has ended with this status: statistics. */
void lg__ask_count_end(struct lg__ask *ask, int status);

/* With the lock, for a pool that has a listener: it has begun, it has ended so; for each lease. */
void lg__ask_tell_begin(const struct lg__ask *ask);
void lg__ask_tell_end(const struct lg__ask *ask, int status);

/* In pieces of the size in which checkin loads them, or it waits for the stores: slot and tag in one,
 * resource and pool apart, which is what the relaxed stores are for (gcc would join them). */
static inline void lg__ask_write_lease(struct lg_pool *pool, const struct lg__slot *slot,
                                       uint64_t claim, struct lg_lease *lease)
{
    lg__store_relaxed(&lease->resource, slot->resource);
    lg__store_relaxed(&lease->pool, pool);
    lease->slot = (uint32_t)claim;
    lease->tag = LG__CLAIM_TAG(claim);
}

/* Complete a loan: the slot has just moved to LENT with this tag. */
static inline void lg__ask_complete(struct lg_pool *pool, struct lg_context *self,
                                    struct lg__slot *slot, uint32_t tag, uint64_t now_ms,
                                    struct lg_lease *lease, lg_deadline deadline, const char *place)
{
    lg__store_relaxed(&slot->place, place);
    lg__store_relaxed(&slot->since_ms, (uint32_t)now_ms);
    lg__slot_set_holder(slot, self->id, tag);
    lg__lease_add(self, &lg__pool_class, pool, deadline, place);
    uint64_t claim = (uint64_t)tag << 32 | (uint64_t)(slot - pool->slots);
    lg__ask_write_lease(pool, slot, claim, lease);
}

#endif
