/* Checkout: the slot used last by one compare-and-swap; else any idle slot; else the queue. */
#include "pool/ask.h"

#include "graph/detector.h"
#include "plat/barrier.h"
#include "plat/seam.h"
#include "pool/bias.h"
#include "pool/tick.h"

/* Sleep in the queue.  Returns how the wait has ended. */
static enum lg__wait_state sleep_in_queue(struct lg__ask *ask)
{
    struct lg__wait *wait = &ask->self->wait;
    lg__detector_look(ask->self);
    if (!ask->has_opener)
        lg__pool_spin(ask->pool, wait);
    if (ask->must_doze)
        lg__doze(ask->pool, wait);
    if (ask->patience_ns > 0 && !lg__wait_doze(wait, ask->patience_ns))
        lg__growth_lose_patience(ask->pool, wait);
    return lg__wait_sleep(wait);
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

static int checkout_queued(struct lg__ask *ask)
{
    int status = apply_nested(ask->pool, ask->self, ask->leases);
    if (status != LG_EBUSY)
        return status;
    if (ask->want.deadline != LG_TRY) /* who would not wait is stuck nowhere */
        lg__sizing_observe(ask->pool, ask->self);
    status = lg__ask_lend(ask, lg__ask_find(ask));
    while (status == LG__ASK_QUEUED)
        status = lg__ask_lend(ask, lg__ask_end_wait(ask, sleep_in_queue(ask)));
    lg__ask_count_end(ask, status);
    return status;
}

/* With the lock, for a pool that has a listener: the slot that this context had last, if nothing is out
 * of the ordinary.  One that has a listener has no biased slots. */
static bool lend_again(struct lg__ask *ask)
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
    lg__ask_complete(pool, ask->self, slot, tag, now_ms, ask->leases, ask->want.deadline,
                     ask->want.place);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_OUT, .id = slot->id});
    return true;
}

/* Begin a checkout from a pool that has a listener.  True: it has succeeded, in one round of the
 * lock. */
static bool begin_told(struct lg__ask *ask)
{
    struct lg_pool *pool = ask->pool;
    const struct lg_lease *lease = ask->leases;
    lg__raw_lock(&pool->lock);
    lg__ask_tell_begin(ask);
    bool is_lent = ask->want.need == 1 && lend_again(ask);
    bool has_claimed = is_lent && lg__events_claim(pool->events);
    lg__raw_unlock(&pool->lock);
    if (is_lent && lg__stats_is_sampled(lease->tag))
        lg__stats_begin_hold(pool, ask->self, lease->slot, lease->tag);
    lg__pool_deliver_claimed(pool, has_claimed);
    return is_lent;
}

/* The same as checkout_queued for a pool that has a listener: what is told of several leases is told of
 * each. */
static int checkout_told(struct lg__ask *ask)
{
    struct lg_pool *pool = ask->pool;
    int status = checkout_queued(ask);
    lg__raw_lock(&pool->lock);
    lg__ask_tell_end(ask, status);
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
    struct lg__ask ask = {
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
static bool has_verdict(struct lg_pool *pool, const struct lg__hint *hint, uint32_t tag)
{
    const struct lg__slot *slot = hint->slot;
    lg__raw_lock(&pool->lock);
    lg__bias_conclude(pool, hint); /* unless whoever took the bias back has */
    bool is_mine = lg__slot_is_of(lg__load_acquire(&slot->word), tag);
    lg__raw_unlock(&pool->lock);
    return is_mine;
}

/* The lease of a loan by bias. */
static inline void write_biased(struct lg_pool *pool, struct lg__slot *slot, uint64_t claim,
                                struct lg_lease *lease, const char *place)
{
    lg__store_relaxed(&slot->place, place);
    lg__ask_write_lease(pool, slot, claim, lease);
}

/* The bias was taken back during a checkout.  A verdict of LENT has been counted by its giver. */
static __attribute__((noinline)) int checkout_contested(struct lg_pool *pool, lg_deadline deadline,
                                                        struct lg_lease *lease, const char *place)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    struct lg__slot *slot = hint->slot;
    uint64_t claim = hint->claim;
    bool is_mine = has_verdict(pool, hint, LG__CLAIM_TAG(claim));
    lg__bias_leave(pool, hint);
    if (!is_mine)
        return checkout_slow(pool, deadline, lease, place);
    write_biased(pool, slot, claim, lease, place);
    return LG_OK;
}

/* What keeps an idle slot from being lent as it is: options, events, an age. */
static inline bool is_plain(const struct lg_pool *pool, const struct lg__slot *slot)
{
    uint64_t control = lg__load_relaxed(&pool->control); /* a hint: the slow path reads it again */
    uint64_t flags = control & LG__POOL_NOT_PLAIN_OUT;
    bool may_pass =
        flags == 0 || (flags == LG__POOL_WAITERS && lg__load_relaxed(&pool->pass_until_ns) != 0);
    if (!may_pass || lg__load_relaxed(&slot->generation) != LG__POOL_GENERATION(control))
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
    lg__ask_complete(pool, self, slot, tag, lg__load_relaxed(&lg__tick_ms), lease, deadline, place);
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
    lg__store_release(&hint->busy, claim); /* B5 */
    lg__barrier_light();                   /* B1 */
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
        lg__bias_leave(pool, hint);
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
    if (lg__unlikely(lg__load_relaxed(&hint->busy) != (hint->claim | LG__CLAIM_IDLE)))
        return checkout_slow(pool, deadline, lease, place); /* it is out */
    if (lg__unlikely(lg__load_relaxed(&slot->since_ms) != (uint32_t)lg__load_relaxed(&lg__tick_ms)))
        return checkout_later(pool, deadline, lease, place);
    return lend_biased(pool, hint, deadline, lease, place);
}
