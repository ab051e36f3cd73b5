/* Who holds a lease: sharing, and handing on. */
#include "pool/bias.h"

#include "graph/detector.h"

static struct lg__slot *slot_of(const struct lg_lease *lease)
{
    return &lease->pool->slots[LG__LEASE_SLOT(lease)];
}

/* The leases of a slot's loan; NULL: the pool does not share. */
static struct lg__shares *shares_of(const struct lg_pool *pool, const struct lg__slot *slot)
{
    return pool->shares ? &pool->shares[slot - pool->slots] : NULL;
}

/* Whether it is out.  With the pool's lock; no bias afterwards. */
static bool is_out(const struct lg_lease *lease)
{
    struct lg__slot *slot = slot_of(lease);
    const struct lg__shares *shares = shares_of(lease->pool, slot);
    uint32_t share = LG__LEASE_SHARE(lease);
    uint32_t bit = LG__SHARE_BIT(share);
    bool has_share = shares && shares->out != 0
                         ? (shares->out >> bit & 1) && shares->latest[bit] == share
                         : share == 0;
    if (lg__slot_is_biased(lg__load_acquire(&slot->word)))
        lg__bias_revoke(lease->pool, true);
    return has_share && lg__slot_is_of(lg__load_acquire(&slot->word), lease->tag);
}

int lg__lease_stale_status(const struct lg_lease *lease)
{
    uint32_t age = lg__slot_tag(lg__slot_look(slot_of(lease)).word) - lease->tag;
    bool is_of_parent = lease->pool->fork_loans != 0 && age >= LG__FORK_TAGS / 2;
    return is_of_parent ? LG_EFORK : LG_ESTALE;
}

struct lg__slot *lg__lease_held(struct lg_pool *pool, struct lg_context *self)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++) {
        uint64_t holder;
        if (lg__slot_read_holder(&pool->slots[i], &holder) && holder == self->id)
            return &pool->slots[i];
    }
    return NULL;
}

/* With the lock: take the next share of a loan.  0: there is no bit for one more. */
static uint32_t take_share(struct lg_pool *pool, struct lg__shares *shares)
{
    if (shares->out == 0) { /* what is out already is share 0 */
        shares->out = 1;
        shares->latest[0] = 0;
    }
    if (shares->out == UINT32_MAX)
        return 0;
    uint32_t bit = (uint32_t)__builtin_ctz(~shares->out);
    uint16_t *share = &shares->latest[bit];
    do {
        *share = (uint16_t)((*share & ~(LG__SHARES - 1u)) + LG__SHARES + bit); /* used once more */
    } while (*share == 0);
    shares->out |= 1u << bit;
    pool->shared++;
    return *share;
}

int lg__lease_share(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease)
{
    struct lg__slot *slot = lg__lease_held(pool, self);
    uint64_t holder;
    int status = LG_EBUSY;
    if (!slot)
        return status;
    lg__raw_lock(&pool->lock); /* the last return is under it too: a loan is shared or it ends */
    bool is_held = lg__slot_read_holder(slot, &holder) && holder == self->id;
    uint64_t control = lg__load_relaxed(&pool->control);
    if (control & LG__POOL_SHUT)
        status = control & LG__POOL_CLOSED ? LG_ECLOSED : LG_EPAUSED;
    uint32_t share = is_held && status == LG_EBUSY ? take_share(pool, shares_of(pool, slot)) : 0;
    if (share != 0) { /* else it is too deep: an ordinary checkout */
        uint32_t index = (uint32_t)(slot - pool->slots);
        *lease = (struct lg_lease){slot->resource, pool, index | share << 16, slot->holder_tag};
        status = LG_OK;
    }
    lg__raw_unlock(&pool->lock);
    return status;
}

int lg__lease_unshare(struct lg_pool *pool, const struct lg_lease *lease, bool is_broken)
{
    struct lg__slot *slot = slot_of(lease);
    int left = -1;
    lg__raw_lock(&pool->lock);
    if (is_out(lease)) {
        struct lg__shares *shares = shares_of(pool, slot);
        shares->out &= ~(1u << LG__SHARE_BIT(LG__LEASE_SHARE(lease)));
        left = shares->out != 0;
    }
    if (left == 0)
        lg__slot_move_own(slot, LG__SLOT_RETURNING);
    if (left > 0)
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_IN, .id = slot->id});
    if (left > 0 && is_broken) /* to be closed with the last */
        lg__pool_doom(pool, slot, LG_REASON_ERROR);
    lg__raw_unlock(&pool->lock);
    return left;
}

/* Write into a context's books that it has one lease more, or less.  Only the owner counts. */
static void count_lease(const struct lg_lease *lease, uint64_t id, bool has_it)
{
    struct lg_context *context = lg__context_find(id);
    if (context && context != lg__self)
        lg__add_full(&context->lease_lost, has_it ? UINT32_MAX : 1u); /* O1 */
    else if (context && has_it)
        lg__lease_add(context, &lg__pool_class, lease->pool, LG_TRY,
                      lg__load_relaxed(&slot_of(lease)->place));
    else if (context)
        lg__lease_drop(context, lease->pool);
}

/* Make `to` the holder; 0: nobody. */
static int move_lease(const struct lg_lease *lease, uint64_t to)
{
    struct lg_pool *pool = lease->pool;
    lg__raw_lock(&pool->lock); /* one change of the holder at a time */
    uint64_t *word = &slot_of(lease)->holder;
    uint64_t holder = lg__load_acquire(word);
    /* If it is returned just now, the next holder may have written itself down already.  S3. */
    bool is_valid = is_out(lease) && lg__cas_release(word, &holder, to);
    lg__raw_unlock(&pool->lock);
    if (!is_valid)
        return lg__lease_stale_status(lease);
    if (holder != to) {
        count_lease(lease, holder, false);
        count_lease(lease, to, true);
    }
    return LG_OK;
}

static int check(const struct lg_lease *lease)
{
    if (!lease)
        return LG_EINVAL;
    if (!lease->pool || LG__LEASE_SLOT(lease) >= lg__pool_extent(lease->pool))
        return LG_ESTALE;
    return LG_OK;
}

uint32_t lg_lease_id(const struct lg_lease *lease)
{
    if (check(lease) != LG_OK)
        return 0;
    struct lg_pool *pool = lease->pool;
    const struct lg__slot *slot = slot_of(lease);
    bool is_valid;
    if (pool->shares) {
        lg__raw_lock(&pool->lock);
        is_valid = is_out(lease);
        lg__raw_unlock(&pool->lock);
    } else { /* no bias is ended for the sake of a number */
        is_valid = lg__slot_is_of(lg__slot_look(slot).word, lease->tag);
    }
    return is_valid ? lg__load_relaxed(&slot->id) : 0;
}

int lg_lease_detach(const struct lg_lease *lease)
{
    int status = check(lease);
    return status == LG_OK ? move_lease(lease, 0) : status;
}

int lg_lease_adopt(const struct lg_lease *lease)
{
    int status = check(lease);
    if (status != LG_OK)
        return status;
    struct lg_context *self = lg__context_self();
    return self ? move_lease(lease, self->id) : LG_ENOMEM;
}

int lg_lease_give(const struct lg_lease *lease, struct lg_context *context)
{
    int status = check(lease);
    if (status != LG_OK)
        return status;
    uint64_t id = context ? lg__load_acquire(&context->id) : 0;
    if (id == 0 || !lg__context_self())
        return LG_EINVAL;
    struct lg_pool *pool = lease->pool;
    lg__pool_enter(pool); /* once it is another's, a return may be the last, and a close follow */
    status = move_lease(lease, id);
    if (status == LG_OK && !lg__context_is_alive(id)) /* O1 */
        lg__orphan_reclaim(pool, id);
    else if (status == LG_OK && context != lg__self)
        lg__detector_look(context); /* a gift to a blocked context may close a ring */
    lg__pool_exit(pool);
    return status;
}
