/* Who holds a lease: sharing, and handing on. */
#include "pool/pool.h"

#include "graph/detector.h"

static struct lg__slot *slot_of(const struct lg_lease *lease)
{
    return &lease->pool->slots[LG__LEASE_SLOT(lease)];
}

bool lg__lease_is_valid(const struct lg_lease *lease)
{
    if (!lease->pool || LG__LEASE_SLOT(lease) >= lease->pool->capacity)
        return false;
    uint64_t word = lg__load_acquire(&slot_of(lease)->word);
    return lg__slot_state(word) == LG__SLOT_LENT && lg__slot_tag(word) == lease->tag;
}

int lg__lease_stale_status(const struct lg_lease *lease)
{
    uint64_t fork_loans = slot_of(lease)->fork_loans;
    bool is_of_parent = fork_loans != 0 && (int32_t)(lease->tag - (uint32_t)fork_loans) <= 0;
    return is_of_parent ? LG_EFORK : LG_ESTALE;
}

struct lg__slot *lg__lease_held(struct lg_pool *pool, struct lg_context *self)
{
    for (uint32_t i = 0; i < pool->capacity; i++) {
        uint64_t holder;
        if (lg__slot_read_holder(&pool->slots[i], &holder) && holder == self->id)
            return &pool->slots[i];
    }
    return NULL;
}

bool lg__lease_share(struct lg_pool *pool, struct lg_context *self, struct lg_lease *lease)
{
    struct lg__slot *slot = lg__lease_held(pool, self);
    if (!slot)
        return false;
    lg__raw_lock(&pool->lock);
    if (slot->shares == 0)
        slot->shares = 1; /* the lease that is out already is share 0 */
    uint32_t share = slot->shares == UINT32_MAX ? 32 : (uint32_t)__builtin_ctz(~slot->shares);
    if (share < 32) {
        slot->shares |= 1u << share;
        pool->shared++;
    }
    lg__raw_unlock(&pool->lock);
    if (share == 32)
        return false; /* 32 levels deep: an ordinary checkout */
    uint32_t index = (uint32_t)(slot - pool->slots);
    *lease = (struct lg_lease){slot->resource, pool, index | share << 16, slot->holder_tag};
    return true;
}

int lg__lease_unshare(struct lg_pool *pool, const struct lg_lease *lease)
{
    if (pool->nested != LG_NESTED_SHARE)
        return 0;
    uint32_t bit = 1u << (LG__LEASE_SHARE(lease) & 31);
    int left = -1;
    lg__raw_lock(&pool->lock);
    struct lg__slot *slot = slot_of(lease);
    if (lg__lease_is_valid(lease) && (slot->shares == 0 ? bit == 1 : (slot->shares & bit) != 0)) {
        slot->shares &= ~bit;
        left = slot->shares != 0;
    }
    lg__raw_unlock(&pool->lock);
    return left;
}

/* Take a lease from its holder's books.  `to` becomes the holder; 0: nobody. */
static int move_lease(const struct lg_lease *lease, uint64_t to)
{
    struct lg_context *self = lg__self;
    struct lg_pool *pool = lease->pool;
    uint64_t holder = 0;
    lg__raw_lock(&pool->lock); /* one change of the holder at a time */
    bool is_valid = lg__lease_is_valid(lease);
    if (is_valid) {
        (void)lg__slot_read_holder(slot_of(lease), &holder);
        lg__store_release(&slot_of(lease)->holder, to); /* S3: the tag is this lease's already */
    }
    lg__raw_unlock(&pool->lock);
    if (!is_valid)
        return lg__lease_stale_status(lease);
    struct lg_context *owner = holder != to ? lg__context_find(holder) : NULL;
    if (owner && owner == self)
        lg__lease_drop(self);
    else if (owner)
        lg__add_relaxed(&owner->lease_lost, 1u);
    return LG_OK;
}

static int check(const struct lg_lease *lease)
{
    if (!lease)
        return LG_EINVAL;
    if (!lease->pool || LG__LEASE_SLOT(lease) >= lease->pool->capacity)
        return LG_ESTALE;
    return LG_OK;
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
    if (!self)
        return LG_ENOMEM;
    uint64_t holder = 0;
    (void)lg__slot_read_holder(slot_of(lease), &holder);
    status = move_lease(lease, self->id);
    if (status == LG_OK && holder != self->id)
        lg__lease_add(self);
    return status;
}

int lg_lease_give(const struct lg_lease *lease, struct lg_context *context)
{
    int status = check(lease);
    if (status != LG_OK)
        return status;
    uint64_t id = context ? lg__load_acquire(&context->id) : 0;
    if (id == 0 || !lg__context_self())
        return LG_EINVAL;
    status = move_lease(lease, id);
    if (status == LG_OK)
        lg__detector_look(context); /* a gift to a blocked context may close a ring */
    return status;
}
