/* Statistics: recording, and the snapshot. */
#include "pool/pool.h"

#include "plat/clock.h"
#include "plat/sized.h"

#include <string.h>

static uint64_t *counter_of(struct lg__stats *stats, int status)
{
    switch (status) {
    case LG_ETIMEDOUT:
        return &stats->timeouts;
    case LG_EDEADLK:
        return &stats->deadlocks;
    case LG_EBUSY:
        return &stats->refused_busy;
    case LG_ENESTED:
        return &stats->refused_nested;
    case LG_ECLOSED:
        return &stats->refused_closed;
    case LG_EOPEN:
        return &stats->refused_open;
    case LG_ECANCELED:
        return &stats->cancelled;
    case LG_EPAUSED:
        return &stats->refused_paused;
    default:
        return NULL; /* a wrong call, not a failure of the pool */
    }
}

void lg__stats_count_failure(struct lg_pool *pool, int status)
{
    uint64_t *counter = counter_of(&pool->stats, status);
    if (counter)
        lg__add_relaxed(counter, (uint64_t)1);
}

void lg__stats_count_close(struct lg_pool *pool, enum lg_event_reason reason)
{
    assert(reason <= LG_REASON_SURPLUS);
    pool->stats.closes[reason]++;
}

static void raise_most(uint32_t *most, uint32_t now)
{
    *most = now > *most ? now : *most;
}

void lg__stats_note_peak(struct lg_pool *pool)
{
    uint32_t open = lg__pool_open_now(pool);
    raise_most(&pool->stats.waiting_most, pool->queue.count);
    if (lg__load_relaxed(&pool->control) & LG__POOL_SUSPENDED)
        return; /* they wait for the resume, and lack nothing */
    bool may_be_idle = pool->queue.many > 0 || pool->overtaking_ns > 0;
    uint32_t idle = may_be_idle ? lg__queue_count_idle(pool, open) : 0;
    raise_most(&pool->stats.lent_most, open - idle);
    uint32_t may_open = pool->empty_count + lg__pool_opens(pool);
    if (pool->queue.count > may_open)
        raise_most(&pool->stats.short_most, pool->queue.count - may_open);
}

static uint32_t count_lent(const struct lg_pool *pool)
{
    uint32_t lent = 0;
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++)
        lent += lg__slot_state(lg__slot_look(&pool->slots[i]).word) == LG__SLOT_LENT;
    return lent;
}

/* What it has got may have made the busiest moment.  It is looked for only while more are open than
 * were ever lent, which is while the pool grows. */
void lg__stats_end_wait(struct lg_pool *pool, uint64_t since_ns)
{
    lg_histogram_record(&pool->stats.waits, lg__now_ns() - since_ns);
    lg__raw_lock(&pool->lock);
    if (lg__pool_open_now(pool) > pool->stats.lent_most)
        raise_most(&pool->stats.lent_most, count_lent(pool));
    lg__raw_unlock(&pool->lock);
}

void lg__stats_begin_hold(struct lg_pool *pool, struct lg_context *self, uint32_t slot,
                          uint32_t tag)
{
    self->hold_sample = (struct lg__hold_sample){pool->serial, lg__now_ns(), slot, tag};
}

int lg__stats_sample(struct lg_pool *pool, uint32_t slot, uint32_t tag)
{
    lg__stats_begin_hold(pool, lg__self, slot, tag);
    return LG_OK;
}

void lg__stats_end_hold(struct lg_pool *pool, struct lg_context *self, uint32_t slot, uint32_t tag)
{
    struct lg__hold_sample *sample = &self->hold_sample;
    if (sample->pool_serial != pool->serial || sample->slot != slot || sample->tag != tag)
        return;
    lg_histogram_record(&pool->stats.holds, lg__now_ns() - sample->began_ns);
    sample->pool_serial = 0;
}

void lg__stats_forget(struct lg_pool *pool)
{
    memset(&pool->stats, 0, sizeof pool->stats);
}

/* With the lock.  A slot's word is read once: a loan is in both counts, or in none. */
static void count_slots(struct lg_pool *pool, struct lg_pool_stats *out)
{
    uint64_t shared_now = 0;
    uint64_t now_ms = lg__now_coarse_ns() / 1000000; /* locked: no ticker is to be started */
    struct lg__leak leak;
    for (uint32_t i = 0; i < lg__pool_extent(pool); i++) {
        uint64_t word = lg__slot_look(&pool->slots[i]).word;
        enum lg__slot_state state = lg__slot_state(word);
        out->idle += state == LG__SLOT_IDLE;
        out->lent_now += state == LG__SLOT_LENT;
        out->opening += state == LG__SLOT_OPENING;
        out->leaking_now += lg__leak_find(pool, &pool->slots[i], now_ms, &leak);
        out->lent += lg__slot_loans(word);
        if (pool->shares && pool->shares[i].out != 0)
            shared_now += (uint64_t)__builtin_popcount(pool->shares[i].out) - 1;
    }
    out->lent += pool->shared - pool->fork_loans - pool->unlent;
    out->returned = out->lent - out->lent_now - shared_now;
}

static void read_locked(struct lg_pool *pool, struct lg_pool_stats *out)
{
    lg__raw_lock(&pool->lock);
    count_slots(pool, out);
    out->waiting = pool->queue.count;
    if (pool->queue.first)
        out->oldest_wait_ns =
            lg__now_ns() - pool->queue.first->since_ns; /* locked: none is younger */
    raise_most(&pool->stats.lent_most, out->lent_now);
    out->lent_most = pool->stats.lent_most;
    out->waiting_most = pool->stats.waiting_most;
    out->closed_stale = pool->stats.closes[LG_REASON_STALE];
    out->closed_idle = pool->stats.closes[LG_REASON_IDLE];
    out->closed_error = pool->stats.closes[LG_REASON_ERROR];
    out->closed_at_end = pool->stats.closes[LG_REASON_POOL_CLOSED];
    out->closed_lifetime = pool->stats.closes[LG_REASON_LIFETIME];
    out->closed_evicted = pool->stats.closes[LG_REASON_EVICTED];
    out->closed_surplus = pool->stats.closes[LG_REASON_SURPLUS];
    lg__raw_unlock(&pool->lock);
}

static void read_counters(const struct lg_pool *pool, struct lg_pool_stats *out)
{
    const struct lg__stats *stats = &pool->stats;
    out->generation = LG__POOL_GENERATION(lg__load_relaxed(&pool->control));
    out->opened = lg__load_relaxed(&pool->opened);
    out->closed = lg__load_relaxed(&pool->closed);
    out->open_failures = lg__load_relaxed(&pool->open_failures);
    out->waited = lg__load_relaxed(&pool->waited);
    out->timeouts = lg__load_relaxed(&stats->timeouts);
    out->deadlocks = lg__load_relaxed(&stats->deadlocks);
    out->refused_busy = lg__load_relaxed(&stats->refused_busy);
    out->refused_nested = lg__load_relaxed(&stats->refused_nested);
    out->refused_closed = lg__load_relaxed(&stats->refused_closed);
    out->refused_open = lg__load_relaxed(&stats->refused_open);
    out->cancelled = lg__load_relaxed(&stats->cancelled);
    out->refused_paused = lg__load_relaxed(&stats->refused_paused);
    out->leaks_reported = lg__load_relaxed(&stats->leaks_reported);
}

void lg__stats_read(struct lg_pool *pool, struct lg_pool_stats *out)
{
    *out = (struct lg_pool_stats){.size = sizeof *out, .capacity = lg__pool_capacity(pool)};
    read_locked(pool, out);
    read_counters(pool, out);
    lg_histogram_summarize(&pool->stats.waits, &out->wait_ns);
    lg_histogram_summarize(&pool->stats.holds, &out->hold_ns);
    lg_histogram_summarize(&pool->stats.opens, &out->open_ns);
}

int lg__stats_copy_out(void *out, size_t minimum, void *known, size_t known_size)
{
    uint32_t size = *(const uint32_t *)out;
    if (size < minimum || size > LG__SIZED_MAX)
        return LG_EINVAL;
    *(uint32_t *)known = size;
    memset(out, 0, size);
    memcpy(out, known, size < known_size ? size : known_size);
    return LG_OK;
}

int lg_pool_stats(struct lg_pool *pool, struct lg_pool_stats *out)
{
    if (!pool || !out)
        return LG_EINVAL;
    struct lg_pool_stats known;
    lg__stats_read(pool, &known);
    return lg__stats_copy_out(out, offsetof(struct lg_pool_stats, idle), &known, sizeof known);
}
