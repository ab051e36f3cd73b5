/* Keeper: the pool's background thread.
 *
 * A pass closes what is idle and of an old generation, then what has been idle for too long, then asks
 * for opens up to min_size; the opens themselves are made by openers.  Passes come each period, and
 * when somebody kicks.  The thread is started by the first kick, or by a checkout that finds it
 * missing (a fork has taken it, or there was no thread to be had), and ends when the pool is closed, or
 * when there is nothing to look after and nobody has kicked.
 *
 * Order pair K1: who kicks changes `kicks` (release) after what the pass shall see; the keeper loads it
 * (acquire) before the pass and sleeps only while it has that value. */
#include "pool/pool.h"

#include "plat/clock.h"
#include "plat/thread.h"
#include "pool/tick.h"

#define CLOSES_PER_PASS 16

static bool needs_passes(const struct lg_pool *pool)
{
    return pool->min_size > 0 || pool->idle_timeout_ms != UINT32_MAX;
}

/* Why the keeper would close this slot's resource now. */
static enum lg_event_reason must_go(const struct lg_pool *pool, const struct lg__slot *slot,
                                    uint64_t word, uint64_t now_ms)
{
    return lg__slot_state(word) == LG__SLOT_IDLE ? lg__pool_unfit(pool, slot, now_ms)
                                                 : LG_REASON_NONE;
}

/* All that is stale, and a few of what is only old: the others have time until the next pass, and
 * their users' databases are not flooded with new connections. */
static void end_idle(struct lg_pool *pool)
{
    uint32_t left = CLOSES_PER_PASS;
    for (uint32_t i = 0; i < pool->capacity; i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word);
        enum lg_event_reason reason = must_go(pool, slot, word, lg__tick_now_ms());
        bool is_urgent = reason == LG_REASON_STALE || reason == LG_REASON_POOL_CLOSED;
        if (reason == LG_REASON_NONE || (!is_urgent && left == 0))
            continue;
        bool has_ended = lg__pool_end_idle(pool, slot, word, reason);
        left -= !is_urgent && has_ended;
    }
}

/* Ask for what is missing to min_size.  Returns when to try again, if it is too early now. */
static uint64_t fill(struct lg_pool *pool, uint64_t now_ns)
{
    uint64_t again_ns = LG_FOREVER;
    lg__raw_lock(&pool->lock);
    bool is_missing = pool->capacity - pool->empty_count < pool->min_size &&
                      !(lg__load_relaxed(&pool->control) & LG__POOL_SHUT);
    if (is_missing && now_ns < pool->retry_ns)
        again_ns = pool->retry_ns;
    else if (is_missing)
        pool->is_filling = true;
    lg__raw_unlock(&pool->lock);
    lg__pool_open_wanted(pool);
    return again_ns;
}

/* Make a pass.  Returns when the next is due. */
static uint64_t keep(struct lg_pool *pool)
{
    end_idle(pool);
    uint64_t now_ns = lg__now_ns();
    uint64_t again_ns = fill(pool, now_ns);
    uint64_t next_ns = needs_passes(pool) ? now_ns + pool->period_ns : LG_FOREVER;
    lg__pool_deliver(pool);
    return again_ns < next_ns ? again_ns : next_ns;
}

/* Whether the keeper is no longer needed; then it is gone. */
static bool may_leave(struct lg_pool *pool, uint32_t kicks, uint64_t next_ns)
{
    lg__raw_lock(&pool->lock);
    bool is_over = (lg__load_relaxed(&pool->control) & LG__POOL_CLOSED) ||
                   (next_ns == LG_FOREVER && lg__load_relaxed(&pool->kicks) == kicks);
    if (is_over)
        pool->has_keeper = false;
    lg__raw_unlock(&pool->lock);
    return is_over;
}

static void *run_keeper(void *arg)
{
    struct lg_pool *pool = arg;
    for (;;) {
        uint32_t kicks = lg__load_acquire(&pool->kicks); /* K1 */
        uint64_t next_ns = keep(pool);
        if (may_leave(pool, kicks, next_ns))
            break;
        (void)lg__futex_wait(&pool->kicks, kicks, next_ns);
    }
    lg__pool_unref(pool);
    return NULL;
}

static bool may_have_keeper(const struct lg_pool *pool)
{
    return pool->period_ns != LG_PERIOD_NEVER &&
           !(lg__load_relaxed(&pool->control) & (LG__POOL_CLOSED | LG__POOL_LEFT));
}

bool lg__keeper_is_missing(const struct lg_pool *pool)
{
    return needs_passes(pool) && !pool->has_keeper && may_have_keeper(pool);
}

/* No thread could be started: the next kick tries again. */
static void give_up_keeper(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    pool->has_keeper = false;
    lg__raw_unlock(&pool->lock);
    lg__pool_unref(pool);
}

bool lg__keeper_kick(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool may_run = may_have_keeper(pool);
    bool must_start = may_run && !pool->has_keeper;
    lg__store_release(&pool->kicks, pool->kicks + 1); /* K1 */
    if (must_start) {
        pool->has_keeper = true;
        pool->references++;
    }
    lg__raw_unlock(&pool->lock);
    if (!may_run)
        return false;
    if (!must_start) {
        lg__futex_wake(&pool->kicks, 1);
        return true;
    }
    bool has_started = lg__thread_start(run_keeper, pool);
    if (!has_started)
        give_up_keeper(pool);
    return has_started;
}
