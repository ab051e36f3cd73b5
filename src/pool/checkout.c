/* Checkout: the slot used last by one compare-and-swap; else any idle slot; else the queue. */
#include "pool/bias.h"

#include "graph/detector.h"
#include "plat/barrier.h"
#include "plat/clock.h"
#include "pool/tick.h"

static uint32_t first_guess(const struct lg_pool *pool, struct lg_context *self)
{
    const struct lg__hint *hint = lg__hint_of(pool, self);
    if (hint->pool_serial != pool->serial)
        return self->slot % pool->capacity;
    return (uint32_t)((struct lg__slot *)hint->slot - pool->slots);
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
    uint32_t index = (uint32_t)(slot - pool->slots);
    *lease = (struct lg_lease){slot->resource, pool, index, tag};
}

/* Why the resource of a slot that now belongs to the caller is not fit to be lent, or LG_REASON_NONE.
 * May call the driver. */
static enum lg_event_reason look_at(struct lg_pool *pool, struct lg__slot *slot, uint64_t now_ms,
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

/* The idle slot that is next in the pool's order, and its word; NULL: none is idle. */
static struct lg__slot *next_idle(struct lg_pool *pool, uint64_t *next_word)
{
    struct lg__slot *next = NULL;
    uint64_t best = 0;
    for (uint32_t i = 0; i < pool->capacity; i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        uint64_t returned = lg__load_relaxed(&slot->returned);
        bool is_better = !next || (pool->order == LG_ORDER_LIFO) == (returned > best);
        if (lg__slot_state(word) != LG__SLOT_IDLE || !is_better)
            continue;
        next = slot;
        best = returned;
        *next_word = word;
    }
    return next;
}

static struct lg__slot *claim_in_order(struct lg_pool *pool)
{
    uint64_t word;
    struct lg__slot *slot;
    do
        slot = next_idle(pool, &word);
    while (slot && !lg__slot_move(slot, word, LG__SLOT_HANDED));
    return slot;
}

/* Claim one idle slot, from the guess on.  It is HANDED then, and the caller's. */
static struct lg__slot *claim_idle(struct lg_pool *pool, uint32_t guess)
{
    if (pool->order != LG_ORDER_AFFINE)
        return claim_in_order(pool);
    for (uint32_t i = 0; i < pool->capacity; i++) {
        uint32_t index = guess + i < pool->capacity ? guess + i : guess + i - pool->capacity;
        struct lg__slot *slot = &pool->slots[index];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        if (lg__slot_state(word) == LG__SLOT_IDLE && lg__slot_move(slot, word, LG__SLOT_HANDED))
            return slot;
    }
    return NULL;
}

/* As claim_idle, once nothing is idle but what may be biased. */
static struct lg__slot *claim_biased(struct lg_pool *pool, uint32_t guess)
{
    if (lg__load_acquire(&pool->biased_count) == 0)
        return NULL;
    lg__raw_lock(&pool->lock);
    lg__bias_revoke(pool, true);
    struct lg__slot *slot = claim_idle(pool, guess);
    lg__raw_unlock(&pool->lock);
    return slot;
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

/* Lend a slot in HANDED, or close its resource.  False: it was not fit. */
static bool lend_handed(struct lg_pool *pool, struct lg_context *self, struct lg__slot *slot,
                        bool was_granted, struct lg_lease *lease, const char *place)
{
    uint64_t now_ms = lg__tick_now_ms();
    enum lg_event_reason reason = look_at(pool, slot, now_ms, was_granted);
    if (reason != LG_REASON_NONE) {
        lg__pool_end_own(pool, slot, reason);
        return false;
    }
    lg__slot_move_own(slot, LG__SLOT_LENT);
    uint32_t tag = lg__slot_tag(lg__load_relaxed(&slot->word));
    complete(pool, self, slot, tag, now_ms, lease, place);
    turn_to(pool, self, slot, tag);
    if (lg__stats_is_sampled(tag))
        lg__stats_begin_hold(pool, self, lease->slot, tag);
    if (pool->is_detached)
        (void)!lg_lease_detach(lease);
    return true;
}

/* One checkout that is not served at once. */
struct ask {
    struct lg_pool *pool;
    struct lg_context *self;
    struct lg__want want;
    struct lg__slot *slot; /* out: in HANDED, and the asker's */
    bool was_granted;      /* out: by whoever gave it back or opened it */
    bool was_served;       /* before: with what was not fit to be lent, or by being woken */
    bool is_on_way;        /* woken from the queue and not back at it: pool->on_way counts it */
    uint64_t ticket;       /* its place in the queue, kept when it queues again; 0: none yet */
    uint64_t patience_ns;  /* until then it wants no opener; 0: it never had any */
    bool wants_opener;
    bool wants_keeper;
};

/* What a pool that takes nobody says. */
static int refusal(uint64_t control)
{
    return control & LG__POOL_LEFT ? LG_EFORK : control & LG__POOL_CLOSED ? LG_ECLOSED : LG_EPAUSED;
}

/* With the lock: who was served before it had a ticket came before all who queue now. */
static void take_ticket(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    const struct lg__wait *first = pool->queue.first;
    if (ask->ticket != 0)
        return;
    ask->ticket = ask->was_served && first ? first->stamp : ++pool->tickets;
    lg__add_relaxed(&pool->waited, (uint64_t)1);
}

/* With the lock: join the queue, at the place that the ticket says. */
static void join_queue(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    struct lg__wait *wait = &ask->self->wait;
    lg__wait_begin(wait, &ask->want, LG__WAIT_WAITING);
    ask->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    take_ticket(ask);
    lg__queue_push(&pool->queue, wait, ask->ticket);
    if (ask->patience_ns == 0)
        ask->patience_ns = lg__growth_begin(pool, wait);
    lg__stats_note_peak(pool);
    ask->wants_opener = lg__pool_is_opener_wanted(pool);
    ask->wants_keeper = lg__keeper_is_missing(pool);
}

/* Join the queue, unless a slot is idle after all or the pool is closed.  LG_EBUSY: queued. */
static int queue_up(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    int status = LG_OK;
    lg__raw_lock(&pool->lock);
    uint64_t control = lg__pool_set_flag(pool, LG__POOL_WAITERS); /* S2: before the scan */
    if (control & LG__POOL_SHUT)
        status = refusal(control);
    lg__bias_revoke(pool, true); /* after the flag, before the scan */
    if (status == LG_OK &&
        (pool->queue.first == NULL || ask->was_served || pool->overtaking_ns > 0))
        ask->slot = claim_idle(pool, first_guess(pool, ask->self));
    if (status == LG_OK && !ask->slot) {
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
    ask->was_granted = !ask->is_on_way;
    ask->slot = ask->was_granted ? &ask->pool->slots[wait->grant] : NULL;
    lg__wait_retract(wait);
    return ask->is_on_way ? LG_EBUSY : LG_OK;
}

/* Look for an idle slot without the lock.  LG_EBUSY: none, or others come first. */
static int try_idle(struct ask *ask)
{
    struct lg_pool *pool = ask->pool;
    uint64_t control = lg__load_full(&pool->control);
    if (control & LG__POOL_SHUT)
        return refusal(control);
    if (!(control & LG__POOL_WAITERS) || pool->overtaking_ns > 0) {
        ask->slot = claim_idle(pool, first_guess(pool, ask->self));
        if (!ask->slot)
            ask->slot = claim_biased(pool, first_guess(pool, ask->self));
    }
    return ask->slot ? LG_OK : LG_EBUSY;
}

/* Get a slot: an idle one, or by waiting.  LG_EBUSY: try again. */
static int get_slot(struct ask *ask)
{
    ask->slot = NULL;
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
static int get_lease(struct ask *ask, struct lg_lease *lease)
{
    for (;; ask->was_served = true) {
        int status = get_slot(ask);
        if (status == LG_EBUSY && ask->want.deadline != LG_TRY)
            continue;
        if (status != LG_OK ||
            lend_handed(ask->pool, ask->self, ask->slot, ask->was_granted, lease, ask->want.place))
            return status;
    }
}

static int checkout_queued(struct ask *ask, struct lg_lease *lease)
{
    int status = apply_nested(ask->pool, ask->self, lease);
    if (status != LG_EBUSY)
        return status;
    if (ask->want.deadline != LG_TRY) /* who would not wait is stuck nowhere */
        lg__sizing_observe(ask->pool, ask->self);
    status = get_lease(ask, lease);
    if (ask->ticket != 0)
        lg__stats_end_wait(ask->pool, ask->want.since_ns);
    return status;
}

static enum lg_event_reason reason_of(int status)
{
    switch (status) {
    case LG_ETIMEDOUT:
    case LG_EBUSY:
        return LG_REASON_TIMEOUT;
    case LG_EDEADLK:
        return LG_REASON_DEADLOCK;
    case LG_EOPEN:
    case LG_EPAUSED:
        return LG_REASON_OPEN_FAILED;
    case LG_ECLOSED:
        return LG_REASON_POOL_CLOSED;
    case LG_ENESTED:
        return LG_REASON_NESTED;
    default:
        return LG_REASON_ERROR;
    }
}

/* With the lock, for a pool that has a listener: the slot that this context had last, if nothing is out
 * of the ordinary.  One that has a listener has no biased slots. */
static bool lend_again(struct ask *ask, struct lg_lease *lease)
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
    complete(pool, ask->self, slot, tag, now_ms, lease, ask->want.place);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_OUT, .id = slot->id});
    return true;
}

/* Begin a checkout from a pool that has a listener.  True: it has succeeded, in one round of the
 * lock. */
static bool begin_told(struct ask *ask, struct lg_lease *lease)
{
    struct lg_pool *pool = ask->pool;
    lg__raw_lock(&pool->lock);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKOUT_STARTED});
    bool is_lent = lend_again(ask, lease);
    bool has_claimed = is_lent && lg__events_claim(pool->events);
    lg__raw_unlock(&pool->lock);
    if (is_lent && lg__stats_is_sampled(lease->tag))
        lg__stats_begin_hold(pool, ask->self, lease->slot, lease->tag);
    lg__pool_deliver_claimed(pool, has_claimed);
    return is_lent;
}

/* The same as checkout_queued for a pool that has a listener. */
static int checkout_told(struct ask *ask, struct lg_lease *lease)
{
    struct lg_pool *pool = ask->pool;
    struct lg__event end = {.type = LG_EVENT_CHECKED_OUT};
    int status = checkout_queued(ask, lease);
    if (status == LG_OK) {
        end.id = pool->slots[LG__LEASE_SLOT(lease)].id;
    } else {
        end.type = LG_EVENT_CHECKOUT_FAILED;
        end.reason = (uint8_t)reason_of(status);
        end.status = status;
    }
    if (ask->want.since_ns != 0) /* else it did not wait */
        end.duration_ns = lg__now_ns() - ask->want.since_ns;
    lg__raw_lock(&pool->lock);
    lg__pool_tell(pool, end);
    bool has_claimed = lg__events_claim(pool->events);
    lg__raw_unlock(&pool->lock);
    lg__pool_deliver_claimed(pool, has_claimed);
    return status;
}

static __attribute__((noinline)) int checkout_slow(struct lg_pool *pool, lg_deadline deadline,
                                                   struct lg_lease *lease, const char *place)
{
    if (!pool || !lease)
        return LG_EINVAL;
    lease->resource = NULL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct ask ask = {
        .pool = pool,
        .self = self,
        .want = {&lg__pool_class, pool, 1, false, deadline, place, 0},
    };
    if (pool->events && begin_told(&ask, lease))
        return LG_OK; /* what is out keeps the pool */
    lg__pool_enter(pool);
    int status = pool->events ? checkout_told(&ask, lease) : checkout_queued(&ask, lease);
    if (status != LG_OK)
        lg__stats_count_failure(pool, status);
    lg__sizing_warn(pool);
    lg__pool_exit(pool);
    return status;
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
    lease->resource = slot->resource;
    lease->pool = pool;
    lease->slot = (uint32_t)claim;
    lease->tag = LG__CLAIM_TAG(claim);
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

/* The slot that this context had last, by one compare-and-swap if it is idle and fit. */
static __attribute__((noinline)) int checkout_idle(struct lg_pool *pool, lg_deadline deadline,
                                                   struct lg_lease *lease, const char *place)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    struct lg__slot *slot = hint->slot;
    uint64_t now_ms = lg__load_relaxed(&lg__tick_ms);
    uint64_t control = lg__load_relaxed(&pool->control); /* a hint: the slow path reads it again */
    uint64_t word = lg__load_relaxed(&slot->word);
    uint32_t tag = lg__slot_tag(word) + 1;
    uint32_t streak = hint->tag + 1 == tag ? hint->streak + 1 : 0;
    if (lg__unlikely((control & LG__POOL_NOT_PLAIN_OUT) != 0 ||
                     lg__slot_state(word) != LG__SLOT_IDLE || now_ms == 0 ||
                     lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) >=
                         pool->check_after_ms ||
                     streak >= lg__load_relaxed(&pool->bias_after) ||
                     lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control) ||
                     !lg__slot_move(slot, word, LG__SLOT_LENT))) /* S1 */
        return checkout_slow(pool, deadline, lease, place);
    hint->tag = tag;
    hint->streak = streak;
    complete(pool, self, slot, tag, now_ms, lease, place);
    if (lg__unlikely(lg__stats_is_sampled(tag)))
        lg__stats_begin_hold(pool, self, lease->slot, tag);
    return LG_OK;
}

/* One in so many loans by bias: its holding time is taken, and a bias that has lasted too long ends,
 * with this loan out. */
static __attribute__((noinline)) int begin_sample(struct lg_pool *pool, uint64_t claim)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    lg__stats_begin_hold(pool, self, (uint32_t)claim, LG__CLAIM_TAG(claim));
    if (LG__CLAIM_TAG(claim) - lg__slot_tag(hint->word) >= LG__BIAS_LOANS_MAX)
        lg__bias_leave(pool, self, hint);
    return LG_OK;
}

/* Lend a biased slot that is in, by plain stores. */
static inline int lend_biased(struct lg_pool *pool, struct lg__hint *hint, lg_deadline deadline,
                              struct lg_lease *lease, const char *place)
{
    struct lg__slot *slot = hint->slot;
    uint64_t claim = hint->claim + LG__CLAIM_ONE;
    hint->claim = claim;
    lg__store_relaxed(&slot->busy, claim);
    lg__barrier_light(); /* B1 */
    if (lg__unlikely(lg__load_acquire(&slot->word) != hint->word))
        return checkout_contested(pool, deadline, lease, place);
    write_biased(pool, slot, claim, lease, place);
    if (lg__unlikely(lg__stats_is_sampled(LG__CLAIM_TAG(claim))))
        return begin_sample(pool, claim);
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
