/* Evict: ending one resource, now if it is idle, else when it comes back.
 *
 * A slot is doomed by giving it a generation that the pool never has again: whatever path meets it next
 * finds it stale, and its note says why.  A fast checkin that has compared the generation before makes the
 * slot idle yet, where it would be nobody's: checkouts leave what is stale to the keeper, who may not be
 * there.  Therefore:
 *   E4  a fast checkin loads the control word (acquire), compares the generation, makes the slot idle
 *       (full), and loads the control word again; who dooms changes the generation, then that word (full),
 *       and then looks whether the slot is idle.  If the word that the checkin began with is the new one,
 *       so is the generation; else one of the two sees the other, and sees to the slot. */
#include "pool/bias.h"

/* With the lock: an open in flight of this slot, or NULL. */
static struct lg__opening *find_opening(struct lg_pool *pool, const struct lg__slot *slot)
{
    struct lg__opening *opening = pool->openings;
    while (opening && opening->slot != slot)
        opening = opening->next;
    return opening;
}

void lg__pool_doom(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason)
{
    uint32_t generation = LG__POOL_GENERATION(lg__load_relaxed(&pool->control));
    lg__store_relaxed(&pool->notes[slot - pool->slots].doom, (uint32_t)reason);
    lg__store_full(&slot->generation, generation - 1); /* I1 */
    lg__add_full(&pool->control, LG__POOL_DOOMED_ONE); /* E4 */
    struct lg__opening *opening = find_opening(pool, slot);
    if (opening)
        opening->generation = generation - 1;
}

/* With the lock, no bias left: the slot whose resource has this number, or NULL. */
static struct lg__slot *find_slot(struct lg_pool *pool, uint64_t id)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++) {
        enum lg__slot_state state = lg__slot_state(lg__load_acquire(&pool->slots[i].word));
        if (state != LG__SLOT_EMPTY && state != LG__SLOT_CLOSING &&
            lg__load_relaxed(&pool->slots[i].id) == id)
            return &pool->slots[i];
    }
    return NULL;
}

/* With the lock.  NULL: there is no such resource. */
static struct lg__slot *doom_id(struct lg_pool *pool, uint64_t id, bool is_forced)
{
    lg__bias_revoke(pool, false);
    struct lg__slot *slot = find_slot(pool, id);
    struct lg__opening *opening = slot ? find_opening(pool, slot) : NULL;
    if (!slot || (opening && opening->is_given_up))
        return NULL;
    lg__pool_doom(pool, slot, LG_REASON_EVICTED);
    if (opening && is_forced)
        lg__cancel_mark(&opening->cancel);
    return slot;
}

int lg_pool_evict(struct lg_pool *pool, uint64_t id, uint32_t how)
{
    int status = id == 0 || (how & ~LG_EVICT_FORCE) ? LG_EINVAL : lg__pool_check(pool);
    if (status != LG_OK)
        return status;
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
