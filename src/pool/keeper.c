/* Keeper: the pool's background thread.
 *
 * A pass closes what is idle and of an old generation, or has been idle or open for too long; checks
 * what has long been idle; asks for opens up to min_size, which openers make; and reports what is out for
 * too long.  Passes come each period, and when somebody kicks.  The thread is started by the first kick,
 * or by a checkout that finds it missing (a fork has taken it, or there was no thread to be had), and
 * ends when the pool is closed, or when there is nothing to look after and nobody has kicked.
 *
 * Order pair K1: who kicks changes `kicks` (release) after what the pass shall see; the keeper loads it
 * (acquire) before the pass and sleeps only while it has that value.
 * Order pair K2: who sees a note's tag (acquire) sees the time that was written before it (release), or a
 * later one. */
#include "pool/bias.h"

#include "plat/clock.h"
#include "plat/thread.h"
#include "pool/tick.h"

bool lg__keeper_is_needed(const struct lg_pool *pool)
{
    return lg__load_relaxed(&pool->min_size) > 0 || pool->idle_timeout_ms != UINT32_MAX ||
           pool->lifetime_ms != UINT32_MAX || pool->keepalive_ms != UINT32_MAX || pool->leaks;
}

/* How long a resource has been idle is seen here, where passes are frequent beside the timeout: then checkins
 * need not note the time, and slots may be biased.  A slot that is idle after the same loan as in an earlier
 * pass has been idle since then, at least: so what goes is idle for as long as the timeout says, and for
 * less than two passes more. */
static void note_idle(struct lg_pool *pool, uint32_t index, uint64_t now_ms)
{
    struct lg__note *note = &pool->notes[index];
    uint64_t word = lg__slot_look(&pool->slots[index]).word;
    if (lg__slot_state(word) != LG__SLOT_IDLE ||
        (lg__load_relaxed(&note->seen_ms) != 0 &&
         lg__load_relaxed(&note->seen_tag) == lg__slot_tag(word)))
        return;
    lg__store_relaxed(&note->seen_ms, (uint32_t)now_ms | 1); /* 0 is never */
    lg__store_release(&note->seen_tag, lg__slot_tag(word));  /* K2 */
}

/* A slot that is biased is not idle for whoever closes.  The end of a bias leaves one tag out, which is no
 * loan. */
static void unbias_idle(struct lg_pool *pool, uint32_t index, uint64_t now_ms)
{
    struct lg__slot *slot = &pool->slots[index];
    struct lg__note *note = &pool->notes[index];
    if (!lg__slot_is_biased(lg__load_relaxed(&slot->word)) ||
        lg__pool_unfit(pool, slot, now_ms) != LG_REASON_IDLE)
        return;
    lg__bias_revoke_slot(pool, slot, false);
    uint64_t word = lg__slot_look(slot).word;
    if (lg__slot_state(word) == LG__SLOT_IDLE &&
        lg__slot_tag(word) == lg__load_relaxed(&note->seen_tag) + 1)
        lg__store_relaxed(&note->seen_tag, lg__slot_tag(word));
}

static void see_idleness(struct lg_pool *pool)
{
    uint64_t now_ms = lg__tick_now_ms();
    for (uint32_t i = 0; pool->is_idleness_seen && i < lg__pool_extent(pool); i++) {
        note_idle(pool, i, now_ms);
        unbias_idle(pool, i, now_ms);
    }
}

/* What is over age and in use, or biased: it goes when it comes back. */
static void doom_old(struct lg_pool *pool)
{
    for (uint32_t i = 0; pool->lifetime_ms != UINT32_MAX && i < lg__pool_capacity(pool); i++) {
        struct lg__slot *slot = &pool->slots[i];
        bool is_lent = lg__slot_state(lg__slot_look(slot).word) == LG__SLOT_LENT ||
                       lg__slot_is_biased(lg__load_relaxed(&slot->word));
        if (!is_lent || lg__pool_unfit(pool, slot, lg__tick_now_ms()) != LG_REASON_LIFETIME)
            continue;
        lg__raw_lock(&pool->lock);
        lg__bias_revoke(pool, false);
        if (lg__slot_state(lg__load_full(&slot->word)) == LG__SLOT_LENT &&
            lg__pool_unfit(pool, slot, lg__tick_now_ms()) == LG_REASON_LIFETIME)
            lg__pool_doom(pool, slot, LG_REASON_LIFETIME);
        lg__raw_unlock(&pool->lock);
    }
}

/* Put back what was claimed for a check. */
static void put_back(struct lg_pool *pool, struct lg__slot *slot)
{
    struct lg__wait *wait = NULL;
    lg__raw_lock(&pool->lock);
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, lg__tick_now_ms());
    bool is_ours = reason != LG_REASON_NONE && lg__pool_retire_own(pool, slot, reason);
    if (reason == LG_REASON_NONE) {
        lg__slot_move_own(slot, LG__SLOT_IDLE); /* S1 */
        wait = lg__queue_serve_next(pool);
    }
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    if (is_ours)
        lg__pool_close_slot(pool, slot);
}

/* Whether the resource has been idle, and unchecked, for long enough. */
static bool is_keepalive_due(const struct lg_pool *pool, const struct lg__slot *slot)
{
    uint64_t now_ms = lg__tick_now_ms();
    uint32_t checked_ms = lg__load_relaxed(&pool->notes[slot - pool->slots].checked_ms);
    return lg__slot_state(lg__slot_look(slot).word) == LG__SLOT_IDLE &&
           lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms)) >= pool->keepalive_ms &&
           (checked_ms == 0 || lg__age_ms(now_ms, checked_ms) >= pool->keepalive_ms);
}

/* Check a resource that the caller has claimed.  One that is unfit gets no call: its interrupter may be
 * about it yet, if its holder has returned it without a look at that. */
static enum lg_event_reason check(struct lg_pool *pool, struct lg__slot *slot)
{
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, lg__tick_now_ms());
    if (reason == LG_REASON_NONE && pool->driver.check(pool->arg, slot->resource) != LG_OK)
        reason = LG_REASON_ERROR;
    uint32_t now_ms = (uint32_t)lg__tick_now_ms();
    lg__store_relaxed(&pool->notes[slot - pool->slots].checked_ms, now_ms | 1); /* 0 is never */
    return reason;
}

/* Check what is idle, so that it is not cut off for being silent.  A checkout that finds it missing
 * waits, and gets it when it is back. */
static void keep_alive(struct lg_pool *pool)
{
    for (uint32_t i = 0; pool->keepalive_ms != UINT32_MAX && i < lg__pool_capacity(pool); i++) {
        struct lg__slot *slot = &pool->slots[i];
        if (!is_keepalive_due(pool, slot))
            continue;
        lg__bias_revoke_slot(pool, slot, false);
        uint64_t word = lg__load_full(&slot->word);
        if (lg__slot_state(word) != LG__SLOT_IDLE || !lg__slot_move(slot, word, LG__SLOT_HANDED))
            continue;
        enum lg_event_reason reason = check(pool, slot);
        if (reason == LG_REASON_NONE)
            put_back(pool, slot);
        else
            lg__pool_end_own(pool, slot, reason);
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
    see_idleness(pool);
    lg__pool_end_all_idle(pool, pool->closes_per_pass);
    doom_old(pool);
    keep_alive(pool);
    uint64_t now_ns = lg__now_ns();
    uint64_t again_ns = fill(pool, now_ns);
    uint64_t next_ns = lg__keeper_is_needed(pool) ? now_ns + pool->period_ns : LG_FOREVER;
    lg__leaks_report(pool);
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
    return lg__keeper_is_needed(pool) && !pool->has_keeper && may_have_keeper(pool);
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
