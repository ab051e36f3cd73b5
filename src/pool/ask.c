/* Claiming, queueing, lending: the theory is in ask.h. */
#include "pool/ask.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "pool/bias.h"
#include "pool/courier.h"
#include "pool/tick.h"

static uint32_t first_guess(const struct lg_pool *pool, struct lg_context *self)
{
    const struct lg__hint *hint = lg__hint_of(pool, self);
    if (hint->pool_serial != pool->serial)
        return self->slot % lg__pool_capacity(pool);
    return (uint32_t)((struct lg__slot *)hint->slot - pool->slots);
}

/* From now on the context looks at this slot first, unless it has a bias on another of the pool. */
static void turn_to(struct lg_pool *pool, struct lg_context *self, struct lg__slot *slot,
                    uint32_t tag)
{
    struct lg__hint *hint = lg__hint_of(pool, self);
    if (hint->word != 0 && hint->pool_serial != pool->serial)
        lg__bias_leave_other(hint);
    if (hint->word != 0) {
        if (lg__load_relaxed(&((struct lg__slot *)hint->slot)->word) == hint->word)
            return;
        lg__bias_leave(pool, hint);
    }
    bool is_same = hint->pool_serial == pool->serial && hint->slot == slot && hint->tag + 1 == tag;
    uint32_t streak = is_same ? hint->streak + 1 : 0;
    hint->pool_serial = pool->serial;
    hint->slot = slot;
    hint->word = hint->claim = 0;
    hint->tag = tag;
    hint->streak = streak;
    if (lg__unlikely(streak >= lg__load_relaxed(&pool->bias_after)))
        lg__bias_earn(pool, self, hint, tag);
}

static void claim(struct lg__ask *ask)
{
    uint32_t guess = first_guess(ask->pool, ask->self);
    ask->has_slots = lg__queue_claim(ask->pool, guess, ask->want.need, ask->leases);
}

/* With the lock: whether what is idle is not for others.  Where all want one it is on its way to one of
 * them, and whoever is quick may have it. */
static bool is_in_turn(const struct lg__ask *ask)
{
    const struct lg_pool *pool = ask->pool;
    if (pool->queue.first == NULL || ask->was_served)
        return true;
    return pool->queue.many == 0 ? pool->overtaking_ns > 0 : lg__queue_may_overtake(pool);
}

/* With the lock: also what is biased. */
static void claim_in_turn(struct lg__ask *ask)
{
    if (!is_in_turn(ask))
        return;
    lg__bias_conclude(ask->pool, lg__hint_of(ask->pool, ask->self)); /* its own takes no barrier */
    claim(ask);
    if (ask->has_slots || ask->pool->biased_count == 0)
        return;
    lg__bias_revoke(ask->pool, true);
    claim(ask);
}

/* Close the resources that are not fit.  Returns how many are; their numbers come first now. */
static uint32_t keep_fit(struct lg__ask *ask, uint64_t now_ms)
{
    struct lg_pool *pool = ask->pool;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ask->want.need; i++) {
        struct lg__slot *slot = &pool->slots[ask->leases[i].slot];
        enum lg_event_reason reason = lg__pool_look_at(pool, slot, now_ms, ask->was_granted);
        if (reason == LG_REASON_NONE)
            ask->leases[kept++].slot = ask->leases[i].slot;
        else
            lg__pool_end_own(pool, slot, reason);
    }
    return kept;
}

/* Whoever waits holds nothing.  Nobody is served from it: the asker comes first, by its ticket. */
static void give_back(struct lg__ask *ask, uint32_t count)
{
    struct lg_pool *pool = ask->pool;
    lg__raw_lock(&pool->lock);
    lg__queue_unclaim(pool, count, ask->leases);
    lg__raw_unlock(&pool->lock);
    lg__pool_end_unfit(pool); /* if there was a clear meanwhile, it has looked too early */
}

/* What a request is granted is nobody's until somebody adopts it. */
static void lend_to_nobody(struct lg__ask *ask, struct lg__slot *slot, uint32_t tag,
                           uint64_t now_ms)
{
    lg__store_relaxed(&slot->place, ask->want.place);
    lg__store_relaxed(&slot->since_ms, (uint32_t)now_ms);
    lg__slot_set_holder(slot, 0, tag);
    uint64_t claim = (uint64_t)tag << 32 | (uint64_t)(slot - ask->pool->slots);
    lg__ask_write_lease(ask->pool, slot, claim, ask->leases);
}

static void lend_slot(struct lg__ask *ask, struct lg_lease *lease, uint64_t now_ms)
{
    struct lg_pool *pool = ask->pool;
    struct lg__slot *slot = &pool->slots[lease->slot];
    lg__slot_move_own(slot, LG__SLOT_LENT);
    uint32_t tag = lg__slot_tag(lg__load_relaxed(&slot->word));
    if (ask->request) {
        lend_to_nobody(ask, slot, tag, now_ms);
        return;
    }
    lg__ask_complete(pool, ask->self, slot, tag, now_ms, lease, ask->want.deadline,
                     ask->want.place);
    turn_to(pool, ask->self, slot, tag);
    if (lg__stats_is_sampled(tag))
        lg__stats_begin_hold(pool, ask->self, lease->slot, tag);
    if (pool->is_detached)
        (void)!lg_lease_detach(lease);
}

/* Lend the slots in HANDED.  False: one was not fit, and none is the asker's any more. */
static bool lend(struct lg__ask *ask)
{
    uint64_t now_ms = lg__tick_now_ms();
    uint32_t kept = keep_fit(ask, now_ms);
    if (kept < ask->want.need) {
        if (kept > 0)
            give_back(ask, kept);
        return false;
    }
    for (uint32_t i = 0; i < kept; i++)
        lend_slot(ask, &ask->leases[i], now_ms);
    return true;
}

/* What a pool that takes nobody says. */
static int refusal(uint64_t control)
{
    return control & LG__POOL_LEFT ? LG_EFORK : control & LG__POOL_CLOSED ? LG_ECLOSED : LG_EPAUSED;
}

/* With the lock: who was served before it had a ticket came before all who queue now. */
static void take_ticket(struct lg__ask *ask)
{
    struct lg_pool *pool = ask->pool;
    if (ask->ticket != 0)
        return;
    ask->ticket = ask->was_served ? lg__queue_front_ticket(pool) : lg__queue_ticket(pool);
    lg__add_relaxed(&pool->waited, (uint64_t)1);
}

/* What a waiter asks others for, once the lock is released. */
struct errands {
    struct lg__wait *next; /* to be woken */
    bool must_serve;       /* which does not look whether there is more */
    bool wants_courier;
    bool wants_opener;
    bool wants_keeper;
};

/* With the lock: join the queue, at the place that the ticket says. */
static void join_queue(struct lg__ask *ask, struct errands *errands)
{
    struct lg_pool *pool = ask->pool;
    struct lg__wait *wait = &ask->self->wait;
    wait->companion = ask->leases;
    bool has_ended = lg__wait_begin(wait, &ask->want, LG__WAIT_WAITING);
    ask->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    take_ticket(ask);
    lg__queue_push(pool, &pool->queue, wait, ask->ticket);
    ask->patience_ns = lg__growth_begin(pool, wait, ask->patience_ns);
    lg__stats_note_peak(pool);
    errands->wants_opener = ask->has_opener = lg__pool_is_opener_wanted(pool);
    errands->wants_keeper = lg__keeper_is_missing(pool);
    if (ask->request)
        errands->wants_courier = lg__courier_watch(ask->request, has_ended);
}

/* Without the lock, and without a look at the ask: a request may have been served and freed. */
static void run_errands(struct lg_pool *pool, const struct errands *errands)
{
    if (errands->next)
        lg__wait_wake(errands->next);
    if (errands->must_serve)
        lg__queue_serve_idle(pool);
    if (errands->wants_courier)
        lg__courier_wake(pool);
    if (errands->wants_opener)
        lg__pool_open_wanted(pool);
    if (errands->wants_keeper)
        (void)lg__keeper_kick(pool);
}

/* Join the queue, unless enough is idle after all or the pool is closed. */
static int queue_up(struct lg__ask *ask)
{
    struct lg_pool *pool = ask->pool;
    struct errands errands = {0};
    int status = LG_OK;
    lg__raw_lock(&pool->lock);
    uint64_t control = lg__pool_set_flag(pool, LG__POOL_WAITERS); /* S2: before the scan */
    if (control & LG__POOL_SHUT)
        status = refusal(control);
    else if (ask->want.need > pool->capacity) /* it was made smaller meanwhile */
        status = LG_EINVAL;
    lg__bias_revoke(pool, true); /* after the flag, before the scan */
    if (status == LG_OK && !(control & LG__POOL_SUSPENDED))
        claim_in_turn(ask);
    bool must_wait = status == LG_OK && !ask->has_slots;
    bool was_on_way = ask->is_on_way;
    ask->is_on_way = false;
    if (was_on_way) {
        lg__queue_send(pool, UINT32_MAX); /* before it is counted as a waiter */
        lg__queue_answer(pool, &ask->self->wait);
    }
    if (must_wait) {
        join_queue(ask, &errands);
        ask->must_doze = was_on_way && !ask->request && lg__doze_begin(pool);
        status = LG__ASK_QUEUED;
    }
    if (was_on_way)
        errands.next = lg__queue_arrive(pool);
    errands.must_serve = errands.next && errands.next->notify;
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
    lg__raw_unlock(&pool->lock);
    run_errands(pool, &errands);
    return status;
}

/* A wait that ended otherwise than by a grant. */
static int leave_queue(struct lg__ask *ask, enum lg__wait_state end)
{
    struct lg_pool *pool = ask->pool;
    struct lg__wait *wait = &ask->self->wait;
    lg__raw_lock(&pool->lock);
    lg__queue_leave(pool, &pool->queue, wait);
    lg__raw_unlock(&pool->lock);
    if (ask->want.need > 1)
        lg__queue_serve_idle(pool); /* some may have been reserved for it */
    int status = lg__wait_status(wait, end);
    if (status == LG_ETIMEDOUT || status == LG_EOPEN)
        lg__detector_explain(ask->self);
    lg__wait_retract(wait);
    if (status != LG_ECANCELED)
        lg__exhaustion_explain(pool, ask->self, status);
    if (status == LG_EDEADLK)
        lg__detector_log(ask->self);
    return status;
}

/* Look for idle slots; for one, where nobody may come first, without the lock.  LG_EBUSY: too few, or
 * others come first. */
static int try_idle(struct lg__ask *ask)
{
    struct lg_pool *pool = ask->pool;
    uint64_t control = lg__load_full(&pool->control);
    if (control & LG__POOL_SHUT)
        return refusal(control);
    if (control & LG__POOL_SUSPENDED)
        return LG_EBUSY;
    /* While all want one, what is idle is for whoever comes first. */
    bool is_for_all = !(control & LG__POOL_WAITERS) ||
                      (pool->overtaking_ns > 0 && lg__load_relaxed(&pool->queue.many) == 0);
    bool may_be_more =
        is_for_all ? lg__load_acquire(&pool->biased_count) > 0 : pool->overtaking_ns > 0;
    if (is_for_all && ask->want.need == 1)
        claim(ask);
    if (!ask->has_slots && (may_be_more || ask->want.need > 1)) {
        lg__raw_lock(&pool->lock);
        claim_in_turn(ask);
        lg__raw_unlock(&pool->lock);
    }
    return ask->has_slots ? LG_OK : LG_EBUSY;
}

int lg__ask_find(struct lg__ask *ask)
{
    ask->has_slots = false;
    ask->was_granted = false;
    int status = ask->is_on_way ? LG_EBUSY : try_idle(ask);
    if (status != LG_EBUSY || ask->want.deadline == LG_TRY)
        return status;
    if (!ask->is_on_way)
        lg__pool_deliver(ask->pool); /* now: a listener may call the pool, and a waiter must not */
    return queue_up(ask);
}

int lg__ask_end_wait(struct lg__ask *ask, enum lg__wait_state end)
{
    struct lg__wait *wait = &ask->self->wait;
    if (end != LG__WAIT_GRANTED && end != LG__WAIT_WOKEN)
        return leave_queue(ask, end);
    ask->is_on_way = end == LG__WAIT_WOKEN;
    ask->has_slots = !ask->is_on_way;
    ask->ticket = wait->stamp; /* another one, if it was let pass */
    ask->was_granted = ask->has_slots && ask->want.need == 1;
    lg__wait_retract(wait);
    if (ask->has_slots)
        return LG_OK;
    ask->was_served = true;
    return lg__ask_find(ask);
}

int lg__ask_lend(struct lg__ask *ask, int status)
{
    while (status == LG_OK && !lend(ask)) {
        ask->was_served = true;
        status = lg__ask_find(ask);
    }
    return status;
}

void lg__ask_count_end(struct lg__ask *ask, int status)
{
    if (ask->ticket != 0)
        lg__stats_end_wait(ask->pool, ask->want.since_ns);
    if (status != LG_OK && ask->was_served && ask->want.need > 1)
        lg__pool_after_idle(ask->pool); /* what it gave back was nobody's so far */
}

void lg__ask_tell_begin(const struct lg__ask *ask)
{
    for (uint32_t i = 0; i < ask->want.need; i++)
        lg__pool_tell(ask->pool, (struct lg__event){.type = LG_EVENT_CHECKOUT_STARTED});
}

void lg__ask_tell_end(const struct lg__ask *ask, int status)
{
    struct lg_pool *pool = ask->pool;
    struct lg__event end = {.type = LG_EVENT_CHECKED_OUT};
    if (ask->want.since_ns != 0) /* else it did not wait */
        end.duration_ns = lg__now_ns() - ask->want.since_ns;
    if (status != LG_OK) {
        end.type = LG_EVENT_CHECKOUT_FAILED;
        end.reason = (uint8_t)lg__pool_reason_of(status);
        end.status = status;
    }
    for (uint32_t i = 0; i < ask->want.need; i++) {
        if (status == LG_OK)
            end.id = pool->slots[LG__LEASE_SLOT(&ask->leases[i])].id;
        lg__pool_tell(pool, end);
    }
}
