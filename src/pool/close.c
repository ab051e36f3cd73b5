/* Clear and close: ending resources, and waiting for those that are out. */
#include "pool/bias.h"

#include "graph/detector.h"

/* Close idle resources that are of an old generation, or all if the pool is closed. */
static void close_idle(struct lg_pool *pool)
{
    lg__bias_revoke_all(pool);
    for (uint32_t i = 0; i < pool->capacity; i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        uint64_t control = lg__load_full(&pool->control);
        bool must_go = (control & LG__POOL_CLOSED) ||
                       lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control);
        if (lg__slot_state(word) == LG__SLOT_IDLE && must_go &&
            lg__slot_move(slot, word, LG__SLOT_CLOSING))
            lg__pool_close_slot(pool, slot);
    }
}

void lg__pool_after_idle(struct lg_pool *pool)
{
    close_idle(pool);
    lg__queue_serve_idle(pool);
    close_idle(pool); /* a slot that nobody took after all was not idle for a clear in between */
}

void lg__pool_check_generation(struct lg_pool *pool, uint32_t generation)
{
    if (LG__POOL_GENERATION(lg__load_full(&pool->control)) != generation) /* S2 */
        lg__pool_after_idle(pool);
}

int lg_pool_clear(struct lg_pool *pool)
{
    if (!pool)
        return LG_EINVAL;
    if (lg__load_full(&pool->control) & LG__POOL_CLOSED)
        return LG_ECLOSED;
    lg__add_full(&pool->control, LG__POOL_GENERATION_ONE); /* S2: before the look at the idle */
    close_idle(pool);
    return LG_OK;
}

static bool is_all_empty(const struct lg_pool *pool)
{
    for (uint32_t i = 0; i < pool->capacity; i++)
        if (lg__slot_state(lg__load_full(&pool->slots[i].word)) != LG__SLOT_EMPTY)
            return false;
    return true;
}

/* Wait until nothing is out: a wait for all units, in the graph like any other. */
static int wait_for_all(struct lg_pool *pool, struct lg_context *self, lg_deadline deadline)
{
    struct lg__want want = {&lg__pool_class, pool, pool->capacity, false, deadline, NULL, 0};
    lg__raw_lock(&pool->lock);
    bool is_done = is_all_empty(pool);
    if (!is_done) {
        lg__wait_begin(&self->wait, &want, LG__WAIT_WAITING);
        lg__queue_push(&pool->closers, &self->wait, ++pool->tickets);
    }
    lg__raw_unlock(&pool->lock);
    if (is_done)
        return LG_OK;
    lg__detector_look(self);
    enum lg__wait_state end = lg__wait_sleep(&self->wait);
    lg__raw_lock(&pool->lock);
    lg__queue_leave(pool, &pool->closers, &self->wait);
    lg__raw_unlock(&pool->lock);
    if (end == LG__WAIT_TIMED_OUT)
        lg__detector_explain(self);
    lg__wait_retract(&self->wait);
    return end == LG__WAIT_GRANTED ? LG_OK : end == LG__WAIT_VICTIM ? LG_EDEADLK : LG_ETIMEDOUT;
}

void lg__pool_shut(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    lg__pool_set_flag(pool, LG__POOL_CLOSED);
    lg__store_relaxed(&pool->cancel.is_requested, 1u);
    lg__raw_unlock(&pool->lock);
    lg__queue_fail_all(pool, LG_ECLOSED);
    close_idle(pool);
}

int lg_pool_close(struct lg_pool *pool, lg_deadline deadline, struct lg_lease_info *out,
                  size_t room, size_t *count)
{
    if (!pool || (room > 0 && !out))
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    lg__pool_shut(pool);
    int status = wait_for_all(pool, self, deadline);
    size_t left = status == LG_OK ? 0 : lg_pool_holders(pool, out, room);
    if (count)
        *count = left;
    return status;
}
