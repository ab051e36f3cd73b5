/* State: paused or ready, and the generation.  Both change under the pool's lock. */
#include "pool/bias.h"

int lg__pool_check(const struct lg_pool *pool)
{
    if (!pool)
        return LG_EINVAL;
    uint64_t control = lg__load_full(&pool->control);
    return control & LG__POOL_LEFT ? LG_EFORK : control & LG__POOL_CLOSED ? LG_ECLOSED : LG_OK;
}

/* With the lock: what has failed until now says nothing about what comes. */
static void forget_failures(struct lg_pool *pool)
{
    pool->failures_running = 0;
    pool->retry_ns = 0;
}

/* With the lock: ask the opens in flight to give up; who sleeps in one is woken after the lock is
 * released.  To the listener they are closed from now on. */
static void give_up_openings(struct lg_pool *pool)
{
    for (struct lg__opening *opening = pool->openings; opening; opening = opening->next) {
        lg__cancel_mark(&opening->cancel);
        if (opening->is_given_up)
            continue;
        opening->is_given_up = true;
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_RESOURCE_CLOSED,
                                               .id = lg__load_relaxed(&opening->slot->id),
                                               .reason = LG_REASON_STALE});
    }
}

/* With the lock.  False: the pool is closed, or paused already. */
static bool begin_generation(struct lg_pool *pool, uint32_t how)
{
    if (lg__load_relaxed(&pool->control) & LG__POOL_SHUT)
        return false;
    bool is_interrupting = how & LG_CLEAR_INTERRUPT;
    if (how != 0) {
        lg__pool_set_flag(pool, LG__POOL_PAUSED);
        pool->is_filling = false;
    }
    /* S2: before the look at the idle, and at what is lent. */
    lg__add_full(&pool->control, LG__POOL_GENERATION_ONE);
    forget_failures(pool);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_POOL_CLEARED,
                                           .is_interrupting = is_interrupting});
    if (is_interrupting)
        give_up_openings(pool);
    return true;
}

static bool is_interrupted(const struct lg_pool *pool, const struct lg__slot *slot)
{
    const struct lg__interrupt *interrupt = pool->interrupts;
    while (interrupt && interrupt->slot != slot)
        interrupt = interrupt->next;
    return interrupt != NULL;
}

static void remove_interrupt(struct lg_pool *pool, struct lg__interrupt *interrupt)
{
    struct lg__interrupt **link = &pool->interrupts;
    while (*link != interrupt)
        link = &(*link)->next;
    *link = interrupt->next;
}

/* Call the driver's interrupt if the slot is lent and stale.  Its holder may return it meanwhile: the
 * returner finds the record, under the lock, and leaves the close to us (lg__pool_retire_own).
 *   I1  the generation is changed (full) before the slot's word is loaded here; a return moves the word
 *       (full) and then loads the generation: either it finds itself stale and calls no reset, or we
 *       find the slot not lent. */
void lg__pool_interrupt(struct lg_pool *pool, struct lg__slot *slot)
{
    struct lg__interrupt interrupt = {.slot = slot};
    lg__raw_lock(&pool->lock);
    bool is_stale =
        lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(lg__load_full(&pool->control));
    bool is_wanted = is_stale &&
                     lg__slot_state(lg__load_full(&slot->word)) == LG__SLOT_LENT && /* I1 */
                     !is_interrupted(pool, slot);
    if (is_wanted) {
        interrupt.next = pool->interrupts;
        pool->interrupts = &interrupt;
    }
    lg__raw_unlock(&pool->lock);
    if (!is_wanted)
        return;
    pool->driver.interrupt(pool->arg, slot->resource);
    lg__raw_lock(&pool->lock);
    remove_interrupt(pool, &interrupt);
    lg__raw_unlock(&pool->lock);
    if (interrupt.is_left)
        lg__pool_close_slot(pool, slot);
}

bool lg__pool_clear(struct lg_pool *pool, uint32_t how)
{
    lg__raw_lock(&pool->lock);
    bool has_begun = begin_generation(pool, how);
    uint64_t last_ticket = pool->tickets; /* who comes later has seen the pause, or its end */
    lg__raw_unlock(&pool->lock);
    if (!has_begun)
        return false;
    lg__bias_revoke_all(pool);
    if (how & LG_CLEAR_INTERRUPT)
        lg__cancel_end_requested(&pool->cancel);
    if (how != 0)
        lg__queue_fail_until(pool, last_ticket, LG_EPAUSED);
    for (uint32_t i = 0;
         (how & LG_CLEAR_INTERRUPT) && pool->driver.interrupt && i < lg__pool_extent(pool); i++)
        lg__pool_interrupt(pool, &pool->slots[i]);
    lg__pool_end_unfit(pool);
    return true;
}

int lg_pool_clear(struct lg_pool *pool, uint32_t how)
{
    int status = how & ~(LG_CLEAR_PAUSE | LG_CLEAR_INTERRUPT) ? LG_EINVAL : lg__pool_check(pool);
    if (status != LG_OK)
        return status;
    lg__pool_enter(pool);
    if (!lg__pool_clear(pool, how))
        status = lg__pool_check(pool);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return status;
}

int lg_pool_ready(struct lg_pool *pool)
{
    int status = lg__pool_check(pool);
    if (status != LG_OK)
        return status;
    lg__pool_enter(pool);
    lg__raw_lock(&pool->lock);
    status = lg__pool_check(pool);
    bool was_paused = status == LG_OK && (lg__load_relaxed(&pool->control) & LG__POOL_PAUSED);
    if (was_paused) {
        lg__pool_clear_flag(pool, LG__POOL_PAUSED);
        forget_failures(pool);
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_POOL_READY});
    }
    bool needs_keeper = was_paused && (pool->has_keeper || lg__keeper_is_missing(pool));
    lg__raw_unlock(&pool->lock);
    if (needs_keeper)
        (void)lg__keeper_kick(pool);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return status;
}

/* Who begins a checkout after this sees the flag, in whatever path: each looks at the control word, or at a
 * bias, which is gone.  Who looked before may take an idle slot yet: to keep it from that, each fast checkout
 * would have to look once more after its step, and undo it. */
int lg_pool_suspend(struct lg_pool *pool)
{
    int status = lg__pool_check(pool);
    if (status != LG_OK)
        return status;
    lg__pool_enter(pool);
    lg__raw_lock(&pool->lock);
    lg__pool_set_flag(pool, LG__POOL_SUSPENDED);
    lg__bias_revoke(pool, false);
    lg__raw_unlock(&pool->lock);
    lg__pool_exit(pool);
    return LG_OK;
}

/* Whoever is not served at once is woken to look at the graph, which counted on the resume until now, and
 * to ask for an open if it wants one. */
static void serve_and_wake(struct lg_pool *pool, uint64_t last)
{
    uint64_t place = 0;
    lg__queue_serve_idle(pool);
    /* For requests, which are not woken, and before others are on their way and count as demand. */
    lg__pool_open_wanted(pool);
    while (lg__queue_wake_next(pool, &place, last))
        continue;
}

int lg_pool_resume(struct lg_pool *pool)
{
    int status = lg__pool_check(pool);
    if (status != LG_OK)
        return status;
    lg__pool_enter(pool);
    lg__raw_lock(&pool->lock);
    bool was_suspended = lg__load_relaxed(&pool->control) & LG__POOL_SUSPENDED;
    uint64_t last = pool->tickets; /* who comes later looks by itself */
    lg__pool_clear_flag(pool, LG__POOL_SUSPENDED);
    lg__raw_unlock(&pool->lock);
    if (was_suspended)
        serve_and_wake(pool, last);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
    return LG_OK;
}

enum lg_pool_state lg_pool_state(struct lg_pool *pool)
{
    uint64_t control = pool ? lg__load_full(&pool->control) : LG__POOL_CLOSED;
    return control & LG__POOL_CLOSED      ? LG_POOL_CLOSED
           : control & LG__POOL_PAUSED    ? LG_POOL_PAUSED
           : control & LG__POOL_SUSPENDED ? LG_POOL_SUSPENDED
                                          : LG_POOL_READY;
}
