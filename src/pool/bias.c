/* Who gets a bias, and how it is taken back: the theory is in bias.h. */
#include "pool/bias.h"

#include "plat/barrier.h"

/* All is quiet: nobody waits, nothing ends, and nobody observes what is lent. */
static bool may_bias(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t control)
{
    return pool->bias_after != LG__BIAS_NEVER && /* a streak may get as long as that */
           !lg__observe_wants_leases() && (control & LG__POOL_FLAGS) == 0 && !pool->closers.first &&
           lg__load_relaxed(&slot->generation) == LG__POOL_GENERATION(control);
}

void lg__bias_earn(struct lg_pool *pool, struct lg_context *self, struct lg__hint *hint,
                   uint32_t tag)
{
    struct lg__slot *slot = hint->slot;
    uint64_t word = lg__load_relaxed(&slot->word);
    hint->streak = 0;
    lg__raw_lock(&pool->lock);
    uint64_t control = lg__load_relaxed(&pool->control); /* B3 */
    if (lg__slot_is_of(word, tag) && may_bias(pool, slot, control)) {
        hint->claim = (uint64_t)tag << 32 | (uint64_t)(slot - pool->slots);
        hint->idle_tag = tag - 1;                    /* B2: of no loan by this bias */
        lg__store_release(&hint->busy, hint->claim); /* B5 */
        lg__store_release(&slot->owner, hint);       /* B5 */
        lg__store_relaxed(&pool->biased_count, pool->biased_count + 1); /* B3 */
        lg__slot_move_own(slot, LG__SLOT_BIASED); /* nobody else has the lease yet */
        hint->word = lg__load_relaxed(&slot->word);
        /* Not counted from now on. */
        lg__store_relaxed(&self->lease_count, lg__load_relaxed(&self->lease_count) - 1);
    }
    lg__raw_unlock(&pool->lock);
}

/* The context that has this hint for the pool. */
static struct lg_context *context_of(const struct lg_pool *pool, struct lg__hint *hint)
{
    return (struct lg_context *)(void *)((char *)hint - pool->hint_offset);
}

/* The verdict: the word becomes what the owner had said when it passed the barrier.  A loan is in the
 * holder's books from now on, who is the owner still.  After a verdict of idle one tag is left out:
 * the owner may be claiming it just now, and must not take another's loan for its own. */
static void give_verdict(struct lg_pool *pool, struct lg__slot *slot)
{
    struct lg__hint *owner = lg__load_relaxed(&slot->owner);
    uint64_t word =
        lg__slot_unbiased(lg__load_relaxed(&slot->word), lg__slot_busy(slot)); /* B1, B2 */
    if (lg__slot_state(word) == LG__SLOT_IDLE) {
        owner->idle_tag = lg__slot_tag(word); /* B2 */
        word += LG__SLOT_LOAN_ONE;
        pool->unlent++;
    } else {
        lg__add_full(&context_of(pool, owner)->lease_lost, UINT32_MAX); /* O2 */
    }
    lg__store_release(&slot->holder_tag, lg__slot_tag(word)); /* S3 */
    lg__store_full(&slot->word, word);
    lg__store_release(&pool->biased_count,
                      pool->biased_count - 1); /* who sees 0 sees the verdicts */
}

/* With the lock. */
static void mark_all(struct lg_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->extent; i++)
        if (lg__slot_state(lg__load_relaxed(&pool->slots[i].word)) == LG__SLOT_BIASED) {
            lg__slot_move_own(&pool->slots[i], LG__SLOT_UNBIASING);
            count++;
        }
    pool->bias_marks += count; /* B4 */
}

/* With the lock, which may have been released since; after a heavy barrier, since the last mark. */
static void judge_all(struct lg_pool *pool)
{
    for (uint32_t i = 0; i < pool->extent; i++)
        if (lg__slot_state(lg__load_relaxed(&pool->slots[i].word)) == LG__SLOT_UNBIASING)
            give_verdict(pool, &pool->slots[i]);
}

static void note_loss(struct lg_pool *pool, bool is_loss)
{
    if (is_loss && pool->bias_after < LG__BIAS_AFTER_MAX)
        lg__store_relaxed(&pool->bias_after, pool->bias_after * 2);
}

void lg__bias_revoke(struct lg_pool *pool, bool is_loss)
{
    if (pool->biased_count == 0)
        return;
    mark_all(pool);
    lg__barrier_heavy();
    judge_all(pool);
    note_loss(pool, is_loss);
}

/* The same for who has not got the lock: it passes the barrier without it.  B4. */
static void revoke_unlocked(struct lg_pool *pool, bool is_loss)
{
    lg__raw_lock(&pool->lock);
    bool has_any = pool->biased_count > 0;
    if (has_any)
        mark_all(pool);
    uint32_t marks = pool->bias_marks;
    lg__raw_unlock(&pool->lock);
    if (!has_any)
        return;
    lg__barrier_heavy();
    lg__raw_lock(&pool->lock);
    if (pool->bias_marks == marks)
        judge_all(pool);
    else
        lg__bias_revoke(pool, false); /* whatever has been marked since has passed no barrier */
    note_loss(pool, is_loss);
    lg__raw_unlock(&pool->lock);
}

void lg__bias_revoke_all(struct lg_pool *pool)
{
    if (lg__load_acquire(&pool->biased_count) != 0) /* B3 */
        revoke_unlocked(pool, false);
}

void lg__bias_revoke_slot(struct lg_pool *pool, const struct lg__slot *slot, bool is_loss)
{
    if (lg__slot_is_biased(lg__load_acquire(&slot->word)))
        revoke_unlocked(pool, is_loss);
}

/* The owner's own stores come before its loads: no barrier. */
void lg__bias_conclude(struct lg_pool *pool, const struct lg__hint *hint)
{
    struct lg__slot *slot = hint->slot;
    if (hint->pool_serial != pool->serial || hint->word == 0)
        return;
    uint64_t word = lg__load_relaxed(&slot->word);
    bool is_own = lg__slot_loans(word) == lg__slot_loans(hint->word);
    if (is_own && lg__slot_state(word) == LG__SLOT_UNBIASING)
        give_verdict(pool, slot);
}

void lg__bias_leave(struct lg_pool *pool, struct lg__hint *hint)
{
    struct lg__slot *slot = hint->slot;
    if (hint->pool_serial != pool->serial || hint->word == 0)
        return;
    lg__raw_lock(&pool->lock);
    if (lg__load_relaxed(&slot->word) == hint->word)
        lg__slot_move_own(slot, LG__SLOT_UNBIASING);
    lg__bias_conclude(pool, hint);
    lg__raw_unlock(&pool->lock);
    hint->word = 0;
}

int lg__bias_sample(struct lg_pool *pool, uint64_t claim)
{
    struct lg_context *self = lg__self;
    struct lg__hint *hint = lg__hint_of(pool, self);
    lg__stats_begin_hold(pool, self, (uint32_t)claim, LG__CLAIM_TAG(claim));
    if (LG__CLAIM_TAG(claim) - lg__slot_tag(hint->word) >= LG__BIAS_LOANS_MAX)
        lg__bias_leave(pool, hint);
    return LG_OK;
}
