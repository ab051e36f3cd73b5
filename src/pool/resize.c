/* Resize: more slots, or fewer, while the pool is in use.
 *
 * The capacity is how many of the slots, the first ones, may be lent; those beyond it are surplus.  Slots
 * do not move, so a lease stays what it is: one of a surplus slot is no unit of the capacity any more, and
 * keeps nobody waiting.  The extent is the greatest capacity so far, beyond which no slot was ever used.
 *
 * A shrink dooms what the surplus slots have (evict.c): whoever meets it next closes it, be it the
 * background pass, the returner, the opener on arrival, or the waiter that it was handed to.  Doomed it
 * stays when the pool grows again, so such a slot opens afresh.  The fast paths need no check of their own:
 *   Z1  biases are taken back first, and earned under the lock: no surplus slot is biased.
 *   Z2  a fast checkout compares the slot's generation, which is that of no time.
 *   Z3  a fast checkin that has compared it before sees that something was doomed (E4 in evict.c), and
 *       closes what it has made idle.
 *
 * The detector reads capacity and holders one after the other, and must not take the one from before a
 * resize and the others from after it.  Therefore all waits for the pool are ended before the capacity
 * changes, under the lock under which such waits begin: a look that has read both has met a word that
 * does not stand any more, and is void.  The waiters queue again, in their order, and look at the graph
 * themselves: a smaller capacity may be the last stone of a deadlock, although no wait began with it. */
#include "pool/bias.h"

/* With the lock: what is in the surplus slots goes when it is next met. */
static void doom_surplus(struct lg_pool *pool)
{
    for (uint32_t i = pool->capacity; i < pool->extent; i++) {
        struct lg__slot *slot = &pool->slots[i];
        enum lg__slot_state state = lg__slot_state(lg__load_relaxed(&slot->word));
        bool is_doomed = lg__load_relaxed(&pool->notes[i].doom) != LG_REASON_NONE;
        if (state != LG__SLOT_EMPTY && state != LG__SLOT_CLOSING && !is_doomed)
            lg__pool_doom(pool, slot, LG_REASON_SURPLUS);
    }
}

/* With the lock: the counts that know surplus slots from others. */
static void count_again(struct lg_pool *pool)
{
    pool->empty_count = pool->surplus_opens = 0;
    for (uint32_t i = 0; i < pool->extent; i++) {
        enum lg__slot_state state = lg__slot_state(lg__load_relaxed(&pool->slots[i].word));
        bool is_surplus = i >= pool->capacity;
        pool->empty_count += state == LG__SLOT_EMPTY && !is_surplus;
        pool->surplus_opens += state == LG__SLOT_OPENING && is_surplus;
    }
}

/* With the lock. */
static void set_capacity(struct lg_pool *pool, uint32_t capacity)
{
    bool is_shrink = capacity < pool->capacity;
    lg__queue_call_all(pool);
    if (is_shrink)
        lg__bias_revoke(pool, false); /* Z1 */
    lg__store_relaxed(&pool->capacity, capacity);
    if (capacity > pool->extent)
        lg__store_relaxed(&pool->extent, capacity);
    if (is_shrink)
        doom_surplus(pool);
    count_again(pool);
    pool->stats.short_most = 0; /* what it lacked it may have now */
}

/* Without the lock, after a change: wake, close, open, and judge. */
static void follow_up(struct lg_pool *pool, bool is_shrink, bool has_keeper)
{
    lg__queue_wake_called(pool);
    if (is_shrink)
        lg__pool_end_unfit(pool);
    lg__pool_open_wanted(pool);
    if (has_keeper)
        (void)lg__keeper_kick(pool);
    lg__sizing_note_resize(pool);
    lg__sizing_warn(pool);
}

int lg_pool_resize(struct lg_pool *pool, uint32_t min_size, uint32_t capacity)
{
    bool is_allowed = capacity > 0 && capacity <= LG_POOL_CAPACITY_MAX && min_size <= capacity;
    int status = is_allowed ? lg__pool_check(pool) : LG_EINVAL;
    if (status != LG_OK)
        return status;
    lg__pool_enter(pool);
    lg__raw_lock(&pool->lock);
    status = lg__pool_check(pool);
    uint32_t before = pool->capacity;
    bool is_changed = status == LG_OK && capacity != before;
    if (status == LG_OK)
        lg__store_relaxed(&pool->min_size, min_size);
    if (is_changed)
        set_capacity(pool, capacity);
    bool has_keeper = status == LG_OK && (pool->has_keeper || lg__keeper_is_missing(pool));
    lg__raw_unlock(&pool->lock);
    if (is_changed)
        follow_up(pool, capacity < before, has_keeper);
    else if (has_keeper)
        (void)lg__keeper_kick(pool);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return status;
}
