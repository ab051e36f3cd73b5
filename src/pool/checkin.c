/* Checkin: give a lease back, straight to the first waiter if there is one. */
#include "pool/bias.h"

#include "graph/detector.h"
#include "plat/barrier.h"
#include "plat/log.h"
#include "plat/seam.h"
#include "plat/text.h"
#include "pool/tick.h"

/* A checkin by another context than the holder: allowed, but now it is known that leases of this
 * pool wander, and that its holders say nothing about who must go on. */
static void note_foreign(struct lg_pool *pool, const struct lg__slot *slot, uint64_t holder,
                         const char *place)
{
    struct lg_context *owner = lg__context_find(holder);
    if (!owner)
        return; /* nobody's, or an orphan: anyone may return it */
    lg__add_relaxed(&owner->lease_lost, 1u);
    if (lg__load_relaxed(&pool->is_unowned))
        return;
    lg__store_relaxed(&pool->is_unowned, 1u);
    char taken[LG_PLACE_SIZE], returned[LG_PLACE_SIZE], name[LG_NAME_SIZE], text[400];
    struct lg__text line;
    lg__copy_place(taken, sizeof taken, lg__load_relaxed(&slot->place));
    lg__copy_place(returned, sizeof returned, place);
    lg__context_copy_name(holder, name);
    lg__text_begin(&line, text, sizeof text);
    lg__text_addf(&line,
                  "a lease of pool \"%s\" taken by %s at %s was checked in by another context at "
                  "%s; deadlocks through this pool are no longer detected (lg_lease_detach, _give "
                  "or _adopt keep it exact)",
                  pool->name, name, taken, returned);
    struct lg_log_field fields[] = {
        {"pool", pool->name}, {"holder", name}, {"taken", taken}, {"returned", returned}};
    lg__log(LG_LOG_WARN, "foreign-checkin", fields, 4, text);
}

/* The end of a return: the slot is RETURNING.  What is broken, stale or of a closed pool is closed, the
 * rest goes to the first waiter or becomes idle.  Generation and closing change under the lock, before
 * a look at what is idle: no slot slips by. */
static void settle(struct lg_pool *pool, struct lg__slot *slot, bool is_good)
{
    struct lg__wait *wait = NULL;
    bool is_ours = false;
    uint64_t now_ms = lg__tick_now_ms();
    if (pool->idle_timeout_ms != UINT32_MAX && /* else its age counts from when it was lent */
        !pool->is_idleness_seen)
        lg__store_relaxed(&slot->since_ms, (uint32_t)now_ms);
    lg__raw_lock(&pool->lock);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_IN, .id = slot->id});
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, now_ms);
    if (reason == LG_REASON_NONE && !is_good)
        reason = LG_REASON_ERROR;
    if (reason == LG_REASON_NONE)
        wait = lg__queue_serve(pool, slot);
    else
        is_ours = lg__pool_retire_own(pool, slot, reason);
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    if (is_ours)
        lg__pool_close_slot(pool, slot);
}

/* Whether a slot in RETURNING is lent no more, so that it needs no reset, and may be in the hands of
 * an interrupter, so that it must have none.  I1. */
static bool is_over(const struct lg_pool *pool, const struct lg__slot *slot)
{
    uint64_t control = lg__load_full(&pool->control);
    return (control & LG__POOL_CLOSED) ||
           lg__load_full(&slot->generation) != LG__POOL_GENERATION(control);
}

bool lg__pool_end_loan(struct lg__slot *slot, uint32_t tag)
{
    uint64_t word = lg__load_acquire(&slot->word);
    return lg__slot_is_of(word, tag) && lg__slot_move(slot, word, LG__SLOT_RETURNING);
}

void lg__pool_finish_return(struct lg_pool *pool, struct lg__slot *slot, bool is_broken)
{
    if (!is_broken && pool->driver.reset && !is_over(pool, slot))
        is_broken = pool->driver.reset(pool->arg, slot->resource) != LG_OK;
    settle(pool, slot, !is_broken);
}

/* Take the lease from its holder.  As lg__lease_unshare. */
static int begin_return(struct lg_pool *pool, const struct lg_lease *lease, bool is_broken)
{
    if (pool->nested == LG_NESTED_SHARE)
        return lg__lease_unshare(pool, lease, is_broken);
    struct lg__slot *slot = &pool->slots[LG__LEASE_SLOT(lease)];
    lg__bias_revoke_slot(pool, slot, true);
    bool is_mine = LG__LEASE_SHARE(lease) == 0 && lg__pool_end_loan(slot, lease->tag);
    return is_mine ? 0 : -1;
}

void lg__pool_take_back(struct lg_pool *pool, const struct lg_lease *lease)
{
    if (begin_return(pool, lease, false) == 0)
        lg__pool_finish_return(pool, &pool->slots[LG__LEASE_SLOT(lease)], false);
}

/* Give a lease back, with all that may belong to it. */
static int give_back(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease,
                     const char *place, bool is_broken)
{
    struct lg__slot *slot = &pool->slots[LG__LEASE_SLOT(lease)];
    int left = begin_return(pool, lease, is_broken);
    if (left < 0)
        return lg__lease_stale_status(lease);
    uint64_t holder = lg__load_acquire(&slot->holder); /* RETURNING: it changes no more */
    uint32_t tag = lease->tag;
    *lease = (struct lg_lease){0};
    if (left > 0)
        return LG_OK;
    if (lg__stats_is_sampled(tag))
        lg__stats_end_hold(pool, self, (uint32_t)(slot - pool->slots), tag);
    if (holder == self->id)
        lg__lease_drop(self, pool);
    else
        note_foreign(pool, slot, holder, place);
    lg__pool_finish_return(pool, slot, is_broken);
    return LG_OK;
}

static int check_lease(const struct lg_pool *pool, const struct lg_lease *lease)
{
    if (!pool || !lease)
        return LG_EINVAL;
    if (!lease->pool)
        return LG_ESTALE;
    if (lease->pool != pool || LG__LEASE_SLOT(lease) >= lg__pool_extent(pool))
        return LG_EFOREIGN;
    return LG_OK;
}

/* For a pool that has a listener: one's own lease, if nothing is out of the ordinary, in one round of the
 * lock.  The caller is inside. */
static bool return_told(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease)
{
    struct lg_lease copy = *lease;
    struct lg__slot *slot = &pool->slots[LG__LEASE_SLOT(lease)];
    bool has_claimed = false;
    lg__raw_lock(&pool->lock);
    uint64_t word = lg__load_relaxed(&slot->word);
    uint64_t control = lg__load_relaxed(&pool->control);
    bool is_plain = (control & LG__POOL_FLAGS & ~LG__POOL_SPECIAL) == 0 && !pool->shares &&
                    pool->order == LG_ORDER_AFFINE && lg__slot_is_of(word, lease->tag) &&
                    LG__LEASE_SHARE(lease) == 0 && lg__load_relaxed(&slot->holder) == self->id &&
                    lg__load_relaxed(&slot->generation) == LG__POOL_GENERATION(control);
    if (is_plain) {
        *lease = (struct lg_lease){0};                       /* it may lie in the resource */
        is_plain = lg__slot_move(slot, word, LG__SLOT_IDLE); /* S1 */
        if (!is_plain)
            *lease = copy;
    }
    if (is_plain) {
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_IN, .id = slot->id});
        has_claimed = lg__events_claim(pool->events);
    }
    lg__raw_unlock(&pool->lock);
    if (!is_plain)
        return false;
    if (lg__stats_is_sampled(copy.tag))
        lg__stats_end_hold(pool, self, copy.slot, copy.tag);
    lg__lease_drop(self, pool);
    lg__pool_deliver_claimed(pool, has_claimed);
    return true;
}

/* Everything but the return of one's own, plain lease to a pool without waiters. */
static __attribute__((noinline)) int checkin_slow(struct lg_pool *pool, struct lg_lease *lease,
                                                  const char *place, bool is_broken)
{
    int status = check_lease(pool, lease);
    if (status != LG_OK)
        return status;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    lg__pool_enter(pool);
    if (!pool->events || is_broken || !return_told(pool, self, lease))
        status = give_back(pool, self, lease, place, is_broken);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return status;
}

int lg_pool_discard_at(struct lg_pool *pool, struct lg_lease *lease, const char *place)
{
    return checkin_slow(pool, lease, place, true);
}

static __attribute__((noinline)) int finish_idle(struct lg_pool *pool, struct lg_context *self)
{
    lg__pool_enter(pool); /* while `returning` still keeps the pool */
    lg__store_release(&self->returning, (const void *)NULL); /* R1 */
    lg__pool_after_idle(pool);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return LG_OK;
}

/* The bias was taken back during a checkin.  If the verdict is that the slot is lent by this tag, it is
 * returned now; if it was idle for whoever took the bias, nothing is left to do; else another has returned
 * the lease in the meantime. */
static __attribute__((noinline)) int checkin_contested(struct lg_pool *pool, uint64_t claim,
                                                       const char *place)
{
    uint32_t index = (uint32_t)claim;
    uint32_t tag = LG__CLAIM_TAG(claim);
    struct lg_context *self = lg__self;
    int status = LG_OK;
    lg__pool_enter(pool); /* while `returning` still keeps the pool */
    lg__store_release(&self->returning, (const void *)NULL); /* R1 */
    const struct lg__hint *hint = lg__hint_of(pool, self);
    lg__raw_lock(&pool->lock);
    lg__bias_conclude(pool, hint);
    uint64_t word = lg__load_acquire(&pool->slots[index].word); /* B2: the verdict */
    bool was_idle = hint->idle_tag == tag;
    lg__raw_unlock(&pool->lock);
    struct lg_lease lease = {.pool = pool, .slot = index, .tag = tag};
    if (lg__slot_is_of(word, tag))
        status = give_back(pool, self, &lease, place, false);
    else if (!was_idle)
        status = LG_ESTALE;
    lg__pool_exit(pool);
    return status;
}

/* Whether a return may leave its slot idle, and not look at the queue but for whether somebody looks. */
static inline bool is_plain_return(struct lg_pool *pool, uint64_t control)
{
    uint64_t flags = control & LG__POOL_NOT_PLAIN_IN;
    return lg__likely(flags == 0) || (flags == LG__POOL_WAITERS && lg__queue_may_pass(pool));
}

/* Whether that was not enough after all: the pool has changed, or who waits would not find the slot.  S2,
 * S4. */
static inline bool must_serve(const struct lg_pool *pool, uint64_t control)
{
    return lg__load_full(&pool->control) != control ||
           ((control & LG__POOL_WAITERS) && !lg__queue_is_attended(pool));
}

/* One's own, plain lease of a slot that is not biased, to a pool whose waiters may be passed, by one
 * compare-and-swap.  The lease is emptied first: it may be stored in the resource, which is another's
 * once the slot has moved. */
static __attribute__((noinline)) int checkin_lent(struct lg_pool *pool, struct lg_lease *lease,
                                                  const char *place)
{
    if (lg__unlikely(lease->slot >= lg__pool_extent(pool)))
        return checkin_slow(pool, lease, place, false);
    struct lg_context *self = lg__self;
    struct lg__slot *slot = &pool->slots[lease->slot];
    uint64_t word = lg__load_relaxed(&slot->word);
    uint64_t control = lg__load_acquire(&pool->control); /* E4; read again below */
    if (lg__unlikely(!is_plain_return(pool, control) || !lg__slot_is_of(word, lease->tag) ||
                     lg__load_relaxed(&slot->holder) != self->id ||
                     lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control)))
        return checkin_slow(pool, lease, place, false);
    void *resource = lease->resource;
    lease->resource = NULL;
    lease->pool = NULL;
    lg__store_relaxed(&self->returning, (const void *)pool); /* R1 */
    lg__seam_pass(LG__STOP_CHECKIN);
    if (lg__unlikely(!lg__slot_move(slot, word, LG__SLOT_IDLE))) { /* S1, S2 */
        lease->resource = resource;
        lease->pool = pool;
        lg__store_release(&self->returning, (const void *)NULL); /* R1 */
        return checkin_slow(pool, lease, place, false);
    }
    lg__lease_drop(self, pool);
    if (lg__unlikely(must_serve(pool, control)))
        return finish_idle(pool, self);
    lg__store_release(&self->returning, (const void *)NULL); /* R1 */
    return LG_OK;
}

/* What busy says of a loan with this lease. */
static inline uint64_t claim_of(const struct lg_lease *lease)
{
    return (uint64_t)lease->tag << 32 | lease->slot;
}

/* Return a lease of a biased slot, by plain stores. */
static inline int return_biased(struct lg_pool *pool, struct lg_context *self,
                                struct lg_lease *lease, const char *place)
{
    struct lg__hint *hint = lg__hint_of(pool, self);
    const struct lg__slot *slot = hint->slot;
    uint64_t word = hint->word;
    uint64_t claim = claim_of(lease);
    /* Before the slot is another's: the lease may lie in the resource.  Apart, as in write_lease. */
    lg__store_relaxed(&lease->resource, (void *)NULL);
    lg__store_relaxed(&lease->pool, (struct lg_pool *)NULL);
    lg__store_relaxed(&self->returning, (const void *)pool); /* R1 */
    lg__seam_pass(LG__STOP_RETURN);
    lg__store_release(&hint->busy, claim | LG__CLAIM_IDLE);
    lg__barrier_light(); /* B2 */
    lg__seam_pass(LG__STOP_RETURNED);
    if (lg__unlikely(lg__load_acquire(&slot->word) != word))
        return checkin_contested(pool, claim, place);
    lg__store_release(&self->returning, (const void *)NULL); /* R1 */
    if (lg__unlikely(lg__load_relaxed(&self->has_been_told) != LG__TOLD_NEVER))
        lg__store_relaxed(&self->has_been_told, (uint32_t)LG__TOLD_NEVER);
    return LG_OK;
}

static __attribute__((noinline)) int checkin_sampled(struct lg_pool *pool, struct lg_lease *lease,
                                                     const char *place)
{
    struct lg_context *self = lg__self;
    lg__stats_end_hold(pool, self, lease->slot, lease->tag);
    return return_biased(pool, self, lease, place);
}

/* The fast path, a leaf as checkout's. */
int lg_pool_checkin_at(struct lg_pool *pool, struct lg_lease *lease, const char *place)
{
    struct lg_context *self = lg__self;
    if (lg__unlikely(!pool || !lease || !self || lease->pool != pool))
        return checkin_slow(pool, lease, place, false);
    const struct lg__hint *hint = lg__hint_of(pool, self);
    if (lg__unlikely(hint->pool_serial != pool->serial ||
                     lg__load_relaxed(&hint->busy) != claim_of(lease)))
        return checkin_lent(pool, lease, place);
    const struct lg__slot *slot = hint->slot;
    if (lg__unlikely(lg__load_relaxed(&slot->word) != hint->word))
        return checkin_lent(pool, lease, place);
    if (lg__unlikely(lg__stats_is_sampled(lease->tag)))
        return checkin_sampled(pool, lease, place);
    return return_biased(pool, self, lease, place);
}

int lg_pool_checkin_many_at(struct lg_pool *pool, uint32_t count, struct lg_lease *leases,
                            const char *place)
{
    if (!pool || (!leases && count > 0))
        return LG_EINVAL;
    int first = LG_OK;
    for (uint32_t i = 0; i < count; i++) {
        int status = lg_pool_checkin_at(pool, &leases[i], place);
        first = first == LG_OK ? status : first;
    }
    return first;
}
