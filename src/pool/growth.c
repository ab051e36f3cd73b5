/* Growth: whether a waiter asks for an open at once, or first has patience.
 *
 * In a burst of short work, all who come find everything out, and each would open a resource that is
 * idle a moment later.  With patient growth a waiter prefers a lease that returns soon: for as long as an
 * open is known to take it asks for none, because that is when an open begun now would serve it.  It has
 * no patience if nothing was opened yet, if leases are held for longer than that, or if there is no
 * holder who runs: every one of them is blocked, has ended, or is the asker itself.  So growth is deferred
 * by one open's time at most (who looks again and queues again has what is left of it), and what that
 * defers, the detector counts on rightly: units that are not open yet will be, in bounded time.
 *
 * Invariant: `patient` counts the units that queued waiters with patience wait for; they are no demand. */
#include "graph/search.h"
#include "plat/clock.h"
#include "pool/pool.h"

/* The share of the newest in the mean: one in so many. */
#define FORGET 8

void lg__growth_note_open(struct lg_pool *pool, uint64_t took_ns)
{
    int64_t mean_ns = (int64_t)pool->open_mean_ns;
    pool->open_mean_ns =
        mean_ns == 0 ? took_ns : (uint64_t)(mean_ns + ((int64_t)took_ns - mean_ns) / FORGET);
}

/* Whether leases are known to be held for longer than an open takes. */
static bool is_slow(const struct lg_pool *pool, uint64_t open_ns)
{
    return lg_histogram_quantile(&pool->stats.holds, 0.5) > open_ns;
}

static bool has_running_holder(const struct lg_pool *pool, uint64_t asker)
{
    for (uint32_t i = 0; i < lg__pool_capacity(pool); i++) {
        uint64_t holder;
        if (lg__slot_read_holder(&pool->slots[i], &holder) && holder != asker &&
            (holder == 0 || lg__holder_runs(holder)))
            return true;
    }
    return false;
}

static bool has_patience(const struct lg_pool *pool, uint64_t asker)
{
    return pool->growth == LG_GROWTH_PATIENT && pool->empty_count > 0 && pool->open_mean_ns > 0 &&
           !is_slow(pool, pool->open_mean_ns) && has_running_holder(pool, asker);
}

uint64_t lg__growth_begin(struct lg_pool *pool, struct lg__wait *wait, uint64_t until_ns)
{
    if (!has_patience(pool, lg__context_of(wait)->id))
        return until_ns;
    uint64_t now_ns = lg__now_ns();
    if (until_ns == 0)
        until_ns = now_ns + pool->open_mean_ns;
    if (now_ns < until_ns) {
        wait->is_patient = true;
        pool->patient += wait->want.need;
    }
    return until_ns;
}

void lg__growth_end(struct lg_pool *pool, struct lg__wait *wait)
{
    if (!wait->is_patient)
        return;
    wait->is_patient = false;
    pool->patient -= wait->want.need;
}

void lg__growth_lose_patience(struct lg_pool *pool, struct lg__wait *wait)
{
    lg__raw_lock(&pool->lock);
    lg__growth_end(pool, wait);
    lg__raw_unlock(&pool->lock);
    lg__pool_open_wanted(pool);
}
