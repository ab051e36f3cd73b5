#include "pace.h"

#include <lifeguard/stats.h>

#define DEFAULT_OPENING_MAX 2

void pace_begin(struct pace *pace, struct journal *journal, const uint32_t *busy,
                const struct settings *settings)
{
    *pace = (struct pace){.journal = journal, .busy = busy, .settings = settings};
    pthread_mutex_init(&pace->lock, NULL);
}

void pace_end(struct pace *pace)
{
    pthread_mutex_destroy(&pace->lock);
}

void pace_set(struct pace *pace, enum pace_state state)
{
    pthread_mutex_lock(&pace->lock);
    pace->main = state;
    pthread_mutex_unlock(&pace->lock);
}

void pace_set_resting(struct pace *pace, lg_deadline until)
{
    pthread_mutex_lock(&pace->lock);
    pace->main = PACE_RESTING;
    pace->until = until;
    pthread_mutex_unlock(&pace->lock);
}

void pace_set_awaiting(struct pace *pace, size_t event, uint64_t count)
{
    pthread_mutex_lock(&pace->lock);
    pace->main = PACE_AWAITING;
    pace->event = event;
    pace->count = count;
    pthread_mutex_unlock(&pace->lock);
}

void pace_ask(struct pace *pace, int change)
{
    pthread_mutex_lock(&pace->lock);
    pace->asking += (uint32_t)change;
    pthread_mutex_unlock(&pace->lock);
}

/* With the lock.  What it waits for may have come, and it has not woken up yet. */
static bool is_main_waiting(const struct pace *pace)
{
    switch (pace->main) {
    case PACE_RUNNING:
        return false;
    case PACE_RESTING:
        return lg_after_ms(0) < pace->until;
    case PACE_AWAITING:
        return journal_count(pace->journal, pace->event) < pace->count;
    case PACE_ASKING:
    case PACE_JOINING:
        return true;
    }
    return true;
}

static uint32_t smaller(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

/* Each who waits is to have an open, as far as the limits allow. */
static uint32_t count_wanted(const struct pace *pace, const struct lg_pool_stats *stats)
{
    uint32_t opening_max = pace->settings->opening_max;
    uint32_t out = stats->lent_now + stats->idle;
    uint32_t room = out < stats->capacity ? stats->capacity - out : 0;
    return smaller(smaller(stats->waiting, room), opening_max ? opening_max : DEFAULT_OPENING_MAX);
}

bool pace_is_settled(struct pace *pace, uint32_t opening)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pace->pool, &stats);
    pthread_mutex_lock(&pace->lock);
    uint32_t asking = pace->asking + (pace->main == PACE_ASKING);
    bool is_settled = is_main_waiting(pace) &&
                      __atomic_load_n(pace->busy, __ATOMIC_SEQ_CST) == pace->asking &&
                      stats.waiting == asking && opening >= count_wanted(pace, &stats);
    pthread_mutex_unlock(&pace->lock);
    return is_settled;
}
