/* Evict: ending one resource, now if it is idle, else when it comes back.
 *
 * A slot is doomed by giving it a generation that the pool never has again: whatever path meets it next
 * finds it stale, and its note says why.  A checkin by the fast path that has read the generation before
 * may still make it idle; then the next checkout finds it stale, or the keeper's next pass. */
#include "pool/bias.h"

void lg__pool_doom(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason)
{
    uint32_t generation = LG__POOL_GENERATION(lg__load_relaxed(&pool->control));
    lg__store_relaxed(&pool->notes[slot - pool->slots].doom, (uint32_t)reason);
    lg__store_full(&slot->generation, generation - 1); /* I1 */
}

/* With the lock, no bias left: the slot whose resource has this number, or NULL. */
static struct lg__slot *find_slot(struct lg_pool *pool, uint64_t id)
{
    for (uint32_t i = 0; i < pool->capacity; i++) {
        enum lg__slot_state state = lg__slot_state(lg__load_acquire(&pool->slots[i].word));
        if (state != LG__SLOT_EMPTY && state != LG__SLOT_CLOSING &&
            lg__load_relaxed(&pool->slots[i].id) == id)
            return &pool->slots[i];
    }
    return NULL;
}

/* With the lock: an open in flight lands in a generation that is over. */
static bool doom_opening(struct lg_pool *pool, const struct lg__slot *slot, bool is_forced)
{
    struct lg__opening *opening = pool->openings;
    while (opening && opening->slot != slot)
        opening = opening->next;
    if (opening)
        opening->generation = LG__POOL_GENERATION(lg__load_relaxed(&pool->control)) - 1;
    if (opening && is_forced)
        lg__cancel_mark(&opening->cancel);
    return opening != NULL;
}

/* With the lock.  NULL: there is no such resource. */
static struct lg__slot *doom_id(struct lg_pool *pool, uint64_t id, bool is_forced)
{
    lg__bias_revoke(pool, false);
    struct lg__slot *slot = find_slot(pool, id);
    if (!slot)
        return NULL;
    lg__pool_doom(pool, slot, LG_REASON_EVICTED);
    (void)doom_opening(pool, slot, is_forced);
    return slot;
}

int lg_pool_evict(struct lg_pool *pool, uint64_t id, uint32_t how)
{
    if (!pool || id == 0 || (how & ~LG_EVICT_FORCE))
        return LG_EINVAL;
    uint64_t control = lg__load_full(&pool->control);
    if (control & (LG__POOL_LEFT | LG__POOL_CLOSED))
        return control & LG__POOL_LEFT ? LG_EFORK : LG_ECLOSED;
    lg__pool_enter(pool);
    lg__raw_lock(&pool->lock);
    struct lg__slot *slot = doom_id(pool, id, how & LG_EVICT_FORCE);
    lg__raw_unlock(&pool->lock);
    if (slot && (how & LG_EVICT_FORCE))
        lg__cancel_end_requested(&pool->cancel);
    if (slot) {
        uint64_t word = lg__load_full(&slot->word);
        if (lg__slot_state(word) == LG__SLOT_IDLE)
            (void)lg__pool_end_idle(pool, slot, word, LG_REASON_EVICTED);
        else if ((how & LG_EVICT_FORCE) && pool->driver.interrupt)
            lg__pool_interrupt(pool, slot);
    }
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return slot ? LG_OK : LG_ESTALE;
}
