/* Checkout: the slot used last by one compare-and-swap; else any idle slot; else the queue. */
#include "pool/bias.h"

#include "graph/detector.h"
#include "plat/barrier.h"
#include "plat/clock.h"
#include "plat/seam.h"
#include "pool/tick.h"

static uint32_t first_guess(const struct lg_pool *pool, struct lg_context *self)
{
    const struct lg__hint *hint = lg__hint_of(pool, self);
    if (hint->pool_serial != pool->serial)
        return self->slot % lg__pool_capacity(pool);
    return (uint32_t)((struct lg__slot *)hint->slot - pool->slots);
}

/* In pieces of the size in which checkin loads them, or it waits for the stores: slot and tag in one,
 * resource and pool apart, which is what the relaxed stores are for (gcc would join them). */
static inline void write_lease(struct lg_pool *pool, const struct lg__slot *slot, uint64_t claim,
                               struct lg_lease *lease)
{
    lg__store_relaxed(&lease->resource, slot->resource);
    lg__store_relaxed(&lease->pool, pool);
    lease->slot = (uint32_t)claim;
    lease->tag = LG__CLAIM_TAG(claim);
}

/* Complete a loan: the slot has just moved to LENT with this tag. */
static inline void complete(struct lg_pool *pool, struct lg_context *self, struct lg__slot *slot,
                            uint32_t tag, uint64_t now_ms, struct lg_lease *lease,
                            const char *place)
{
    lg__store_relaxed(&slot->place, place);
    lg__store_relaxed(&slot->since_ms, (uint32_t)now_ms);
    lg__slot_set_holder(slot, self->id, tag);
    lg__lease_add(self);
    write_lease(pool, slot, (uint64_t)tag << 32 | (uint64_t)(slot - pool->slots), lease);
}

/* From now on the context looks at this slot first, unless it has a bias on another of the pool. */
static void turn_to(struct lg_pool *pool, struct lg_context *self, struct lg__slot *slot,
                    uint32_t tag)
{
    struct lg__hint *hint = lg__hint_of(pool, self);
    if (hint->word != 0 && hint->pool_serial != pool->serial)
        lg__bias_leave_other(self, hint);
    if (hint->word != 0) {
        if (lg__load_relaxed(&((struct lg__slot *)hint->slot)->word) == hint->word)
            return;
        lg__bias_leave(pool, self, hint);
    }
    bool is_same = hint->pool_serial == pool->serial && hint->slot == slot && hint->tag + 1 == tag;
    uint32_t streak = is_same ? hint->streak + 1 : 0;
    *hint = (struct lg__hint){pool->serial, slot, 0, 0, tag, streak};
    if (lg__unlikely(streak >= lg__load_relaxed(&pool->bias_after)))
        lg__bias_earn(pool, self, hint, tag);
}

/* One checkout that is not served at once: of want.need slots, all or none. */
struct ask {
    struct lg_pool *pool;
    struct lg_context *self;
    struct lg__want want;
    struct lg_lease *leases; /* as many; once it has slots, their numbers are there */
    bool has_slots;          /* in HANDED, and the asker's */
    bool was_granted; /* what whoever gave it back or opened it has handed over: not from idle */
    bool was_served;  /* before: with what was not fit to be lent, or by being woken */
    bool is_on_way;   /* woken from the queue and not back at it: pool->on_way counts it */
    uint64_t ticket;  /* its place in the queue, kept when it queues again; 0: none yet */
    uint64_t patience_ns; /* until then it wants no opener; 0: it never had any */
    bool wants_opener;
    bool wants_keeper;
};

static void claim(struct ask *ask)
{
    uint32_t guess = first_guess(ask->pool, ask->self);
    ask->has_slots = lg__queue_claim(ask->pool, guess, ask->want.need, ask->leases);
}

/* With the lock: whether what is idle is not for others.  Where all want one it is on its way to one of
 * them, and whoever is quick may have it. */
static bool is_in_turn(const struct ask *ask)
{
    const struct lg_pool *pool = ask->pool;
    if (pool->queue.first == NULL || ask->was_served)
        return true;
    return pool->queue.many == 0 ? pool->overtaking_ns > 0 : lg__queue_may_overtake(pool);
}

/* With the lock: also what is biased. */
static void claim_in_turn(struct ask *ask)
{
    if (!is_in_turn(ask))
        return;
    claim(ask);
    if (ask->has_slots || ask->pool->biased_count == 0)
        return;
    lg__bias_revoke(ask->pool, true);
    claim(ask);
}

/* Close the resources that are not fit.  Returns how many are; their numbers come first now. */
static uint32_t keep_fit(struct ask *ask, uint64_t now_ms)
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
static void give_back(struct ask *ask, uint32_t count)
{
    struct lg_pool *pool = ask->pool;
    lg__raw_lock(&pool->lock);
    lg__queue_unclaim(pool, count, ask->leases);
    lg__raw_unlock(&pool->lock);
    lg__pool_end_unfit(pool); /* if there was a clear meanwhile, it has looked too early */
}

static void lend_slot(struct ask *ask, struct lg_lease *lease, uint64_t now_ms)
{
    struct lg_pool *pool = ask->pool;
    struct lg__slot *slot = &pool->slots[lease->slot];
    lg__slot_move_own(slot, LG__SLOT_LENT);
    uint32_t tag = lg__slot_tag(lg__load_relaxed(&slot->word));
    complete(pool, ask->self, slot, tag, now_ms, lease, ask->want.place);
    turn_to(pool, ask->self, slot, tag);
    if (lg__stats_is_sampled(tag))
        lg__stats_begin_hold(pool, ask->self, lease->slot, tag);
    if (pool->is_detached)
        (void)!lg_lease_detach(lease);
}

/* Lend the slots in HANDED.  False: one was not fit, and none is the asker's any more. */
static bool lend(struct ask *ask)
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
static void take_ticket(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    if (ask->ticket != 0)
        return;
    ask->ticket = ask->was_served ? lg__queue_front_ticket(pool) : lg__queue_ticket(pool);
    lg__add_relaxed(&pool->waited, (uint64_t)1);
}

/* With the lock: join the queue, at the place that the ticket says. */
static void join_queue(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    struct lg__wait *wait = &ask->self->wait;
    lg__wait_begin(wait, &ask->want, LG__WAIT_WAITING);
    ask->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    wait->companion = ask->leases;
    take_ticket(ask);
    lg__queue_push(&pool->queue, wait, ask->ticket);
    ask->patience_ns = lg__growth_begin(pool, wait, ask->patience_ns);
    lg__stats_note_peak(pool);
    ask->wants_opener = lg__pool_is_opener_wanted(pool);
    ask->wants_keeper = lg__keeper_is_missing(pool);
}

/* Join the queue, unless enough is idle after all or the pool is closed.  LG_EBUSY: queued. */
static int queue_up(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
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
    if (status == LG_OK && !ask->has_slots) {
        join_queue(ask);
        status = LG_EBUSY;
    }
    struct lg__wait *next = ask->is_on_way ? lg__queue_arrive(pool) : NULL;
    ask->is_on_way = false;
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
    lg__raw_unlock(&pool->lock);
    if (next)
        lg__wait_wake(next);
    return status;
}

/* A wait that ended otherwise than by a grant. */
static int leave_queue(struct ask *ask, enum lg__wait_state end)
{
    struct lg_pool *pool = ask->pool;
    struct lg__wait *wait = &ask->self->wait;
    lg__raw_lock(&pool->lock);
    lg__queue_leave(pool, &pool->queue, wait);
    lg__raw_unlock(&pool->lock);
    if (ask->want.need > 1)
        lg__queue_serve_idle(pool); /* some may have been reserved for it */
    int status = end == LG__WAIT_REFUSED     ? (int)(uint32_t)wait->grant
                 : end == LG__WAIT_TIMED_OUT ? LG_ETIMEDOUT
                 : end == LG__WAIT_CANCELLED ? LG_ECANCELED
                                             : LG_EDEADLK;
    if (status == LG_ETIMEDOUT || status == LG_EOPEN)
        lg__detector_explain(ask->self);
    lg__wait_retract(wait);
    if (status != LG_ECANCELED)
        lg__exhaustion_explain(pool, ask->self, status);
    if (status == LG_EDEADLK)
        lg__detector_log(ask->self);
    return status;
}

/* Sleep in the queue.  LG_EBUSY: woken, to try again. */
static int sleep_in_queue(struct ask *ask)
{
    struct lg__wait *wait = &ask->self->wait;
    if (ask->wants_opener)
        lg__pool_open_wanted(ask->pool);
    if (ask->wants_keeper)
        (void)lg__keeper_kick(ask->pool);
    lg__detector_look(ask->self);
    if (!ask->wants_opener)
        lg__pool_spin(ask->pool, wait);
    if (ask->patience_ns > 0 && !lg__wait_doze(wait, ask->patience_ns))
        lg__growth_lose_patience(ask->pool, wait);
    enum lg__wait_state end = lg__wait_sleep(wait);
    if (end != LG__WAIT_GRANTED && end != LG__WAIT_WOKEN)
        return leave_queue(ask, end);
    ask->is_on_way = end == LG__WAIT_WOKEN;
    ask->has_slots = !ask->is_on_way;
    ask->ticket = wait->stamp; /* another one, if it was let pass */
    ask->was_granted = ask->has_slots && ask->want.need == 1;
    lg__wait_retract(wait);
    return ask->is_on_way ? LG_EBUSY : LG_OK;
}

/* Look for idle slots; for one, where nobody may come first, without the lock.  LG_EBUSY: too few, or
 * others come first. */
static int try_idle(struct ask *ask)
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

/* Get the slots: idle ones, or by waiting.  LG_EBUSY: try again. */
static int get_slots(struct ask *ask)
{
    ask->has_slots = false;
    ask->was_granted = false;
    int status = ask->is_on_way ? LG_EBUSY : try_idle(ask);
    if (status != LG_EBUSY || ask->want.deadline == LG_TRY)
        return status;
    if (!ask->is_on_way)
        lg__pool_deliver(ask->pool); /* now: a listener may call the pool, and a waiter must not */
    status = queue_up(ask);
    return status == LG_EBUSY ? sleep_in_queue(ask) : status;
}

/* Policies on a second checkout.  LG_EBUSY: none applies, go on. */
static int apply_nested(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease)
{
    switch (pool->nested) {
    case LG_NESTED_FORBID:
        return lg__lease_held(pool, self) ? LG_ENESTED : LG_EBUSY;
    case LG_NESTED_SHARE:
        return lg__lease_share(pool, self, lease);
    case LG_NESTED_DETECT:
        break;
    }
    return LG_EBUSY;
}

/* Ask until there is something to lend, or a reason why not. */
static int get_leases(struct ask *ask)
{
    for (;; ask->was_served = true) {
        int status = get_slots(ask);
        if (status == LG_EBUSY && ask->want.deadline != LG_TRY)
            continue;
        if (status != LG_OK || lend(ask))
            return status;
    }
}

static int checkout_queued(struct ask *ask)
{
    int status = apply_nested(ask->pool, ask->self, ask->leases);
    if (status != LG_EBUSY)
        return status;
    if (ask->want.deadline != LG_TRY) /* who would not wait is stuck nowhere */
        lg__sizing_observe(ask->pool, ask->self);
    status = get_leases(ask);
    if (ask->ticket != 0)
        lg__stats_end_wait(ask->pool, ask->want.since_ns);
    if (status != LG_OK && ask->was_served && ask->want.need > 1)
        lg__pool_after_idle(ask->pool); /* what it gave back was nobody's so far */
    return status;
}

/* With the lock, for a pool that has a listener: the slot that this context had last, if nothing is out
 * of the ordinary.  One that has a listener has no biased slots. */
static bool lend_again(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    struct lg__hint *hint = lg__hint_of(pool, ask->self);
    uint64_t control = lg__load_relaxed(&pool->control);
    if (hint->pool_serial != pool->serial || pool->nested != LG_NESTED_DETECT ||
        pool->order != LG_ORDER_AFFINE ||
        (control & LG__POOL_FLAGS & ~(LG__POOL_SPECIAL | LG__POOL_RESET)) || pool->is_detached)
        return false;
    struct lg__slot *slot = hint->slot;
    uint64_t now_ms = lg__tick_now_ms();
    uint64_t word = lg__load_relaxed(&slot->word);
    if (lg__slot_state(word) != LG__SLOT_IDLE || lg__pool_unfit(pool, slot, now_ms) ||
        lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) >= pool->check_after_ms ||
        !lg__slot_move(slot, word, LG__SLOT_LENT)) /* S1 */
        return false;
    uint32_t tag = lg__slot_tag(word) + 1;
    hint->tag = tag;
    complete(pool, ask->self, slot, tag, now_ms, ask->leases, ask->want.place);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_OUT, .id = slot->id});
    return true;
}

/* Begin a checkout from a pool that has a listener.  True: it has succeeded, in one round of the
 * lock. */
static bool begin_told(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    const struct lg_lease *lease = ask->leases;
    lg__raw_lock(&pool->lock);
    for (uint32_t i = 0; i < ask->want.need; i++)
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKOUT_STARTED});
    bool is_lent = ask->want.need == 1 && lend_again(ask);
    bool has_claimed = is_lent && lg__events_claim(pool->events);
    lg__raw_unlock(&pool->lock);
    if (is_lent && lg__stats_is_sampled(lease->tag))
        lg__stats_begin_hold(pool, ask->self, lease->slot, lease->tag);
    lg__pool_deliver_claimed(pool, has_claimed);
    return is_lent;
}

/* With the lock: how it ended, for each lease. */
static void tell_end(const struct ask *ask, int status)
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

/* The same as checkout_queued for a pool that has a listener: what is told of several leases is told of
 * each. */
static int checkout_told(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    int status = checkout_queued(ask);
    lg__raw_lock(&pool->lock);
    tell_end(ask, status);
    bool has_claimed = lg__events_claim(pool->events);
    lg__raw_unlock(&pool->lock);
    lg__pool_deliver_claimed(pool, has_claimed);
    return status;
}

static void empty_leases(struct lg_lease *leases, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        leases[i] = (struct lg_lease){0};
}

static int checkout_slots(struct lg_pool *pool, uint32_t count, lg_deadline deadline,
                          struct lg_lease *leases, const char *place)
{
    empty_leases(leases, count);
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct ask ask = {
        .pool = pool,
        .self = self,
        .want = {&lg__pool_class, pool, count, false, deadline, place, 0},
        .leases = leases,
    };
    if (pool->events && begin_told(&ask))
        return LG_OK; /* what is out keeps the pool */
    lg__pool_enter(pool);
    int status = pool->events ? checkout_told(&ask) : checkout_queued(&ask);
    if (status != LG_OK) {
        empty_leases(leases, count); /* of the numbers of slots */
        lg__stats_count_failure(pool, status);
    }
    lg__sizing_warn(pool);
    lg__pool_exit(pool);
    return status;
}

static __attribute__((noinline)) int checkout_slow(struct lg_pool *pool, lg_deadline deadline,
                                                   struct lg_lease *lease, const char *place)
{
    if (!pool || !lease)
        return LG_EINVAL;
    return checkout_slots(pool, 1, deadline, lease, place);
}

int lg_pool_checkout_many_at(struct lg_pool *pool, uint32_t count, lg_deadline deadline,
                             struct lg_lease *leases, const char *place)
{
    if (!pool || !leases || count == 0 || count > lg__pool_capacity(pool) ||
        (count > 1 && pool->nested == LG_NESTED_SHARE))
        return LG_EINVAL;
    return count == 1 ? lg_pool_checkout_at(pool, deadline, leases, place)
                      : checkout_slots(pool, count, deadline, leases, place);
}

/* Whether the verdict on a contested checkout of a biased slot is that it has succeeded: else no loan
 * has this tag. */
static bool has_verdict(struct lg_pool *pool, const struct lg__slot *slot, uint32_t tag)
{
    lg__raw_lock(&pool->lock); /* whoever took the bias back is done */
    bool is_mine = lg__slot_is_of(lg__load_acquire(&slot->word), tag);
    lg__raw_unlock(&pool->lock);
    return is_mine;
}

/* The lease of a loan by bias. */
static inline void write_biased(struct lg_pool *pool, struct lg__slot *slot, uint64_t claim,
                                struct lg_lease *lease, const char *place)
{
    lg__store_relaxed(&slot->place, place);
    write_lease(pool, slot, claim, lease);
}

/* The bias was taken back during a checkout.  A verdict of LENT has been counted by its giver. */
static __attribute__((noinline)) int checkout_contested(struct lg_pool *pool, lg_deadline deadline,
                                                        struct lg_lease *lease, const char *place)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    struct lg__slot *slot = hint->slot;
    uint64_t claim = hint->claim;
    bool is_mine = has_verdict(pool, slot, LG__CLAIM_TAG(claim));
    lg__bias_leave(pool, self, hint);
    if (!is_mine)
        return checkout_slow(pool, deadline, lease, place);
    write_biased(pool, slot, claim, lease, place);
    return LG_OK;
}

/* What keeps an idle slot from being lent as it is: options, events, an age. */
static inline bool is_plain(const struct lg_pool *pool, const struct lg__slot *slot)
{
    uint64_t control = lg__load_relaxed(&pool->control); /* a hint: the slow path reads it again */
    if ((control & LG__POOL_NOT_PLAIN_OUT) != 0 ||
        lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control))
        return false;
    uint64_t now_ms = lg__load_relaxed(&lg__tick_ms);
    return now_ms != 0 &&
           lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) < pool->check_after_ms;
}

/* The slot that this context had last, by one compare-and-swap if it is idle and fit. */
static __attribute__((noinline)) int checkout_idle(struct lg_pool *pool, lg_deadline deadline,
                                                   struct lg_lease *lease, const char *place)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    struct lg__slot *slot = hint->slot;
    uint64_t word = lg__load_relaxed(&slot->word);
    uint32_t streak = hint->tag == lg__slot_tag(word) ? hint->streak + 1 : 0;
    if (lg__unlikely(lg__slot_state(word) != LG__SLOT_IDLE || !is_plain(pool, slot) ||
                     streak >= lg__load_relaxed(&pool->bias_after)))
        return checkout_slow(pool, deadline, lease, place);
    hint->streak = streak; /* also if another is faster: then it is a hint of nothing */
    lg__seam_pass(LG__STOP_CHECKOUT);
    if (lg__unlikely(!lg__slot_move(slot, word, LG__SLOT_LENT))) /* S1 */
        return checkout_slow(pool, deadline, lease, place);
    uint32_t tag = lg__slot_tag(word) + 1;
    hint->tag = tag;
    complete(pool, self, slot, tag, lg__load_relaxed(&lg__tick_ms), lease, place);
    if (lg__unlikely(lg__stats_is_sampled(tag)))
        return lg__stats_sample(pool, lease->slot, tag);
    return LG_OK;
}

/* Lend a biased slot that is in, by plain stores. */
static inline int lend_biased(struct lg_pool *pool, struct lg__hint *hint, lg_deadline deadline,
                              struct lg_lease *lease, const char *place)
{
    struct lg__slot *slot = hint->slot;
    uint64_t claim = hint->claim + LG__CLAIM_ONE;
    hint->claim = claim;
    lg__seam_pass(LG__STOP_LEND);
    lg__store_relaxed(&slot->busy, claim);
    lg__barrier_light(); /* B1 */
    lg__seam_pass(LG__STOP_LENT);
    if (lg__unlikely(lg__load_acquire(&slot->word) != hint->word))
        return checkout_contested(pool, deadline, lease, place);
    write_biased(pool, slot, claim, lease, place);
    if (lg__unlikely(lg__stats_is_sampled(LG__CLAIM_TAG(claim))))
        return lg__bias_sample(pool, claim);
    return LG_OK;
}

/* The tick has moved on since the slot was lent last.  (If it must be checked, that is for the slow path,
 * which sees it only without a bias.) */
static __attribute__((noinline)) int checkout_later(struct lg_pool *pool, lg_deadline deadline,
                                                    struct lg_lease *lease, const char *place)
{
    struct lg__hint *hint = lg__hint_of(pool, lg__self);
    struct lg__slot *slot = hint->slot;
    uint64_t now_ms = lg__tick_now_ms();
    if (lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) >= pool->check_after_ms) {
        lg__bias_leave(pool, lg__self, hint);
        return checkout_slow(pool, deadline, lease, place);
    }
    lg__store_relaxed(&slot->since_ms, (uint32_t)now_ms);
    return lend_biased(pool, hint, deadline, lease, place);
}

/* The fast path: a slot that is biased to this context.  A leaf: whatever is out of the ordinary
 * leaves it by a tail call.  What it loads that it has just stored it only compares; one value makes
 * the round trip through memory, once a pair. */
int lg_pool_checkout_at(struct lg_pool *pool, lg_deadline deadline, struct lg_lease *lease,
                        const char *place)
{
    struct lg_context *self = lg__self;
    if (lg__unlikely(!pool || !lease || !self))
        return checkout_slow(pool, deadline, lease, place);
    struct lg__hint *hint = lg__hint_of(pool, self);
    if (lg__unlikely(hint->pool_serial != pool->serial))
        return checkout_slow(pool, deadline, lease, place);
    const struct lg__slot *slot = hint->slot;
    if (lg__unlikely(lg__load_relaxed(&slot->word) != hint->word))
        return checkout_idle(pool, deadline, lease, place);
    if (lg__unlikely(lg__load_relaxed(&slot->busy) != (hint->claim | LG__CLAIM_IDLE)))
        return checkout_slow(pool, deadline, lease, place); /* it is out */
    if (lg__unlikely(lg__load_relaxed(&slot->since_ms) != (uint32_t)lg__load_relaxed(&lg__tick_ms)))
        return checkout_later(pool, deadline, lease, place);
    return lend_biased(pool, hint, deadline, lease, place);
}
