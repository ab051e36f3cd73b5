/* The end of a resource, and the end of a pool. */
#include "pool/bias.h"

#include "graph/detector.h"
#include "pool/tick.h"

/* Of an old generation, or doomed by itself. */
static enum lg_event_reason stale_reason(const struct lg_pool *pool, const struct lg__slot *slot)
{
    uint32_t doom = lg__load_relaxed(&pool->notes[slot - pool->slots].doom);
    return doom == LG_REASON_NONE ? LG_REASON_STALE : (enum lg_event_reason)doom;
}

/* Each resource's lifetime is its own: drawn by its number, so that those which were opened together do
 * not all end together. */
static bool is_over_age(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t now_ms)
{
    if (pool->lifetime_ms == UINT32_MAX)
        return false;
    uint64_t drawn = (lg__load_relaxed(&slot->id) ^ pool->serial << 32) *
                     0x9e3779b97f4a7c15ull; /* Fibonacci hashing */
    uint64_t most = pool->lifetime_ms - (drawn >> 32) * pool->lifetime_jitter_ms / UINT32_MAX;
    return lg__age_ms(now_ms, lg__load_relaxed(&slot->born_ms)) >= most;
}

/* Where the keeper sees idleness, since its first pass that found the slot as it is: never too early. */
static bool is_idle_too_long(const struct lg_pool *pool, const struct lg__slot *slot,
                             uint64_t now_ms)
{
    const struct lg__note *note = &pool->notes[slot - pool->slots];
    if (lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) < pool->idle_timeout_ms)
        return false;
    return !pool->is_idleness_seen ||
           (lg__load_acquire(&note->seen_tag) == /* K2 */ lg__slot_tag(lg__slot_look(slot).word) &&
            lg__age_ms(now_ms, lg__load_relaxed(&note->seen_ms)) >= pool->idle_timeout_ms);
}

enum lg_event_reason lg__pool_unfit(const struct lg_pool *pool, const struct lg__slot *slot,
                                    uint64_t now_ms)
{
    uint64_t control = lg__load_full(&pool->control);
    if (control & LG__POOL_CLOSED)
        return LG_REASON_POOL_CLOSED;
    if (lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control))
        return stale_reason(pool, slot);
    if (is_over_age(pool, slot, now_ms))
        return LG_REASON_LIFETIME;
    if (is_idle_too_long(pool, slot, now_ms))
        return LG_REASON_IDLE;
    return LG_REASON_NONE;
}

enum lg_event_reason lg__pool_look_at(struct lg_pool *pool, struct lg__slot *slot, uint64_t now_ms,
                                      bool was_granted)
{
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, now_ms);
    if (reason == LG_REASON_IDLE && was_granted)
        reason = LG_REASON_NONE; /* it was never idle: its age is the waiter's way from the queue */
    if (reason != LG_REASON_NONE ||
        lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) < pool->driver_check_ms)
        return reason;
    bool is_good = pool->driver.check(pool->arg, slot->resource) == LG_OK;
    return is_good ? LG_REASON_NONE : LG_REASON_ERROR;
}

/* With the lock: the slot has just become CLOSING.  As lg__pool_retire_own. */
static bool retire(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason)
{
    lg__stats_count_close(pool, reason);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_RESOURCE_CLOSED,
                                           .id = lg__load_relaxed(&slot->id),
                                           .reason = (uint8_t)reason});
    struct lg__interrupt *interrupt = pool->interrupts;
    while (interrupt && interrupt->slot != slot)
        interrupt = interrupt->next;
    if (interrupt)
        interrupt->is_left = true;
    return !interrupt;
}

bool lg__pool_retire_own(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason)
{
    lg__slot_move_own(slot, LG__SLOT_CLOSING);
    return retire(pool, slot, reason);
}

void lg__pool_end_own(struct lg_pool *pool, struct lg__slot *slot, enum lg_event_reason reason)
{
    lg__raw_lock(&pool->lock);
    bool is_ours = lg__pool_retire_own(pool, slot, reason);
    lg__raw_unlock(&pool->lock);
    if (is_ours)
        lg__pool_close_slot(pool, slot);
}

bool lg__pool_end_idle(struct lg_pool *pool, struct lg__slot *slot, uint64_t word,
                       enum lg_event_reason reason)
{
    bool is_ours = false;
    lg__raw_lock(&pool->lock);
    bool has_moved = lg__slot_move(slot, word, LG__SLOT_CLOSING);
    if (has_moved)
        is_ours = retire(pool, slot, reason);
    lg__raw_unlock(&pool->lock);
    if (is_ours)
        lg__pool_close_slot(pool, slot);
    return has_moved;
}

void lg__pool_close_slot(struct lg_pool *pool, struct lg__slot *slot)
{
    pool->driver.close(pool->arg, slot->resource);
    slot->resource = NULL;
    lg__add_relaxed(&pool->closed, (uint64_t)1);
    lg__raw_lock(&pool->lock);
    lg__slot_move_own(slot, LG__SLOT_EMPTY);
    pool->empty_count += !lg__pool_is_surplus(pool, slot);
    lg__queue_check_closers(pool);
    bool is_wanted = lg__pool_is_opener_wanted(pool);
    lg__raw_unlock(&pool->lock);
    if (is_wanted)
        lg__pool_open_wanted(pool);
}

/* What is only old has time: until the keeper's next pass, so that its users' databases are not flooded with
 * new connections. */
static bool is_only_old(enum lg_event_reason reason)
{
    return reason == LG_REASON_IDLE || reason == LG_REASON_LIFETIME;
}

/* In a pool that has no keeper what is stale is left to the checkout that meets it. */
static bool is_left_to_checkouts(const struct lg_pool *pool, enum lg_event_reason reason)
{
    return pool->period_ns == LG_PERIOD_NEVER && reason != LG_REASON_POOL_CLOSED &&
           reason != LG_REASON_SURPLUS;
}

/* Why the resource of a slot with this word has to go now; LG_REASON_NONE: it has not. */
static enum lg_event_reason must_go(const struct lg_pool *pool, const struct lg__slot *slot,
                                    uint64_t word, bool may_be_old)
{
    if (lg__slot_state(word) != LG__SLOT_IDLE)
        return LG_REASON_NONE;
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, lg__tick_now_ms());
    bool may_stay = is_only_old(reason) ? !may_be_old : is_left_to_checkouts(pool, reason);
    return may_stay ? LG_REASON_NONE : reason;
}

void lg__pool_end_all_idle(struct lg_pool *pool, uint32_t old_most)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        enum lg_event_reason reason = must_go(pool, slot, word, old_most > 0);
        if (reason != LG_REASON_NONE && lg__pool_end_idle(pool, slot, word, reason))
            old_most -= is_only_old(reason);
    }
}

static bool has_any_to_end(const struct lg_pool *pool)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++) {
        const struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        if (must_go(pool, slot, word, false) != LG_REASON_NONE)
            return true;
    }
    return false;
}

void lg__pool_end_unfit(struct lg_pool *pool)
{
    lg__bias_revoke_all(pool);
    bool is_closed = lg__load_full(&pool->control) & LG__POOL_CLOSED;
    if (has_any_to_end(pool) && (is_closed || !lg__keeper_kick(pool)))
        lg__pool_end_all_idle(pool, 0);
}

void lg__pool_after_idle(struct lg_pool *pool)
{
    lg__pool_end_unfit(pool);
    lg__queue_serve_idle(pool);
    lg__pool_end_unfit(pool); /* what nobody took after all was not idle for a clear in between */
}

static bool is_all_empty(const struct lg_pool *pool)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++)
        if (lg__slot_state(lg__load_full(&pool->slots[i].word)) != LG__SLOT_EMPTY)
            return false;
    return true;
}

/* Wait until nothing is out: a wait for all units, in the graph like any other. */
static int wait_for_all(struct lg_pool *pool, struct lg_context *self, lg_deadline deadline)
{
    struct lg__want want = {&lg__pool_closing_class, pool, 0, false, deadline, NULL, 0};
    lg__raw_lock(&pool->lock);
    want.need = pool->extent; /* it is closed: that stays so */
    bool is_done = is_all_empty(pool);
    if (!is_done) {
        (void)lg__wait_begin(&self->wait, &want, LG__WAIT_WAITING);
        lg__queue_push(pool, &pool->closers, &self->wait, lg__queue_ticket(pool));
    }
    lg__raw_unlock(&pool->lock);
    if (is_done)
        return LG_OK;
    lg__detector_look(self);
    enum lg__wait_state end = lg__wait_sleep(&self->wait);
    lg__raw_lock(&pool->lock);
    lg__queue_leave(pool, &pool->closers, &self->wait);
    lg__raw_unlock(&pool->lock);
    int status = lg__wait_status(&self->wait, end);
    if (status == LG_ETIMEDOUT)
        lg__detector_explain(self);
    lg__wait_retract(&self->wait);
    return status;
}

void lg__pool_shut(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool is_first = !(lg__load_relaxed(&pool->control) & LG__POOL_CLOSED);
    lg__pool_set_flag(pool, LG__POOL_CLOSED);
    lg__store_release(&pool->kicks, pool->kicks + 1); /* the keeper finds it closed, and ends */
    lg__raw_unlock(&pool->lock);
    lg__futex_wake(&pool->kicks, 1);
    lg_cancel_request(&pool->cancel);
    lg__queue_fail_until(pool, UINT64_MAX, LG_ECLOSED);
    lg__courier_send_home(pool);
    lg__bias_revoke_all(pool);
    lg__pool_end_all_idle(pool, 0);
    if (is_first) {
        lg__raw_lock(&pool->lock);
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_POOL_CLOSED});
        lg__raw_unlock(&pool->lock);
    }
    lg__pool_deliver(pool);
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
