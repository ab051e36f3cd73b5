/* Orphans: leases of contexts that have ended, in pools that reclaim (reclaim_orphans).
 *
 * The end of a context is a hook (graph/context.h): its id is gone, so it takes no more loans, and
 * whatever it holds of such a pool is taken back as if it had been checked in.  Who may come in
 * between:
 *   - a checkin by somebody else.  A loan ends by one compare-and-swap of the slot's word, here as
 *     there, so one of the two has it and the other finds it stale.
 *   - adopt, detach and give change the holder without changing the word.  They do so under the
 *     pool's lock, and here holder and word are judged under it too: what was adopted in time stays.
 *   - a gift to a context that is just ending.  O1: the giver writes the holder, counts the lease for
 *     the context and then looks whether it lives; the end takes the id and then looks at that count
 *     (store-load on both sides): one of the two sees the other, and reclaims.
 *   - close and destroy.  The pool is found under the list's lock, and there entered, so that a
 *     destroy waits for what is done with the slot, and referenced, so that one which has waited
 *     already leaves the struct to us; in that case all leases were in, and there is nothing to do.
 *
 * What a pool knows of its holders is worth nothing once a lease is known to have been handed on
 * without a word (is_unowned): the user may be alive and well.  Then nothing is reclaimed. */
#include "pool/bias.h"

#include "plat/log.h"
#include "plat/text.h"

static bool is_held_by(const struct lg__slot *slot, uint64_t id)
{
    uint64_t holder;
    return lg__slot_read_holder(slot, &holder) && holder == id;
}

static bool may_reclaim(const struct lg_pool *pool)
{
    return pool->is_reclaiming && !lg__load_relaxed(&pool->is_unowned);
}

bool lg__orphan_is_in(const struct lg_pool *pool, uint64_t id)
{
    if (!may_reclaim(pool))
        return false;
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++)
        if (is_held_by(&pool->slots[i], id))
            return true;
    return false;
}

/* With the lock.  The return tells of the loan itself. */
static void end_shares(struct lg_pool *pool, const struct lg__slot *slot)
{
    uint32_t *out = &pool->shares[slot - pool->slots].out;
    for (int others = __builtin_popcount(*out) - 1; others > 0; others--)
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_CHECKED_IN, .id = slot->id});
    *out = 0;
}

/* End the loan, with all its shares.  False: it is another's by now, or it has ended. */
static bool take_orphan(struct lg_pool *pool, struct lg__slot *slot, uint64_t id)
{
    lg__raw_lock(&pool->lock); /* one change of the holder at a time */
    if (lg__slot_is_biased(lg__load_acquire(&slot->word)))
        lg__bias_revoke(pool, false);
    uint64_t word = lg__load_acquire(&slot->word);
    bool is_taken = is_held_by(slot, id) && lg__pool_end_loan(slot, lg__slot_tag(word));
    if (is_taken && pool->shares)
        end_shares(pool, slot);
    lg__raw_unlock(&pool->lock);
    return is_taken;
}

/* The slot is RETURNING: its place is still that of the loan. */
static void log_reclaimed(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t id)
{
    char taken[LG_PLACE_SIZE], name[LG_NAME_SIZE], text[400];
    struct lg__text line;
    lg__copy_place(taken, sizeof taken, lg__load_relaxed(&slot->place));
    lg__context_copy_name(id, name);
    lg__text_begin(&line, text, sizeof text);
    lg__text_addf(
        &line, "a lease of pool \"%s\" taken by %s at %s was never returned; its resource is %s",
        pool->name, name, taken[0] ? taken : "(unknown)", pool->driver.reset ? "reset" : "closed");
    struct lg_log_field fields[] = {{"pool", pool->name}, {"holder", name}, {"taken", taken}};
    lg__log(LG_LOG_WARN, "orphan-reclaimed", fields, 3, text);
}

/* Its user vanished in the middle of something: only a reset makes such a resource as good as new. */
void lg__orphan_reclaim(struct lg_pool *pool, uint64_t id)
{
    for (uint32_t i = 0; i < lg__pool_extent(pool) && may_reclaim(pool); i++) {
        struct lg__slot *slot = &pool->slots[i];
        if (!is_held_by(slot, id) || !take_orphan(pool, slot, id))
            continue;
        log_reclaimed(pool, slot, id);
        lg__pool_finish_return(pool, slot, pool->driver.reset == NULL);
    }
    lg__pool_deliver(pool);
}

static void reclaim_all(struct lg_context *context, uint64_t id)
{
    if (lg__load_relaxed(&context->lease_count) == lg__load_full(&context->lease_lost)) /* O1, O2 */
        return;
    struct lg_pool *pool = lg__pool_find_orphan(id);
    if (!pool)
        return;
    struct lg_context *guest = lg__guest_begin();
    do { /* each turn leaves its pool without a lease of the id's, which can get a new one by O1 alone */
        lg__orphan_reclaim(pool, id);
        lg__pool_exit(pool);
        lg__pool_unref(pool);
    } while ((pool = lg__pool_find_orphan(id)) != NULL);
    lg__guest_end(guest);
}

static __attribute__((constructor)) void add_end_hook(void)
{
    lg__end_add(reclaim_all);
}
