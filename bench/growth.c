/* Growth: everything open is held and will not come back; how long does one more checkout take?
 *
 * A pool that prefers a resource that will soon be returned to opening another must not prefer it
 * for ever: not at all where no holder can return any, and for one open's time where it cannot
 * know. */
#include "growth.h"

#include "crowd.h"
#include "harness.h"
#include "slow_pool.h"

#include <semaphore.h>
#include <stdlib.h>

#define HOLDERS SLOW_POOL_IDLE

/* What the holders do with what they hold. */
enum keeping {
    BLOCKED, /* wait for a mutex of the one who asks */
    GONE,    /* have ended without a checkin */
    RUNNING, /* live on, unknown to the library */
    KEEPINGS
};

static const struct {
    const char *metric;
    double goal_ms;
} rows[] = {
    [BLOCKED] = {"all holders blocked by the asker", 1.1 * SLOW_POOL_OPEN_MS},
    [GONE] = {"all holders gone", 1.1 * SLOW_POOL_OPEN_MS},
    [RUNNING] = {"all holders run and keep it", 2.2 * SLOW_POOL_OPEN_MS},
};

static const char group[] = "one more checkout, 5 of 50 open and held, open 150 ms";

struct growth {
    struct slow_pool *slow;
    enum keeping keeping;
    struct lg_mutex mutex;
    sem_t has_taken;
    sem_t is_over;
    struct sleeper sleepers[HOLDERS];
    struct lg_lease leases[HOLDERS];
    pthread_t threads[HOLDERS];
};

struct holder {
    struct growth *growth;
    unsigned index;
};

static void be_blocked(struct growth *growth)
{
    if (lg_mutex_lock(&growth->mutex, LG_FOREVER) != LG_OK)
        bench_fail("growth: lock failed");
    lg_mutex_unlock(&growth->mutex);
}

static void *hold(void *arg)
{
    struct holder self = *(struct holder *)arg;
    struct growth *growth = self.growth;
    sleeper_enlist(&growth->sleepers[self.index]);
    slow_pool_take(growth->slow, &growth->leases[self.index]);
    sem_post(&growth->has_taken);
    if (growth->keeping == GONE)
        return NULL;
    sleeper_is_near(&growth->sleepers[self.index], true);
    if (growth->keeping == BLOCKED)
        be_blocked(growth);
    else
        while (sem_wait(&growth->is_over) != 0)
            ;
    slow_pool_give(growth->slow, &growth->leases[self.index]);
    return NULL;
}

static void settle(struct growth *growth)
{
    for (unsigned i = 0; i < HOLDERS; i++)
        while (sem_wait(&growth->has_taken) != 0)
            ;
    if (growth->keeping != GONE) {
        sleepers_wait(growth->sleepers, HOLDERS);
        return;
    }
    for (unsigned i = 0; i < HOLDERS; i++)
        pthread_join(growth->threads[i], NULL);
}

static void release(struct growth *growth)
{
    for (unsigned i = 0; i < HOLDERS; i++) {
        if (growth->keeping == GONE)
            slow_pool_give(growth->slow, &growth->leases[i]);
        sem_post(&growth->is_over);
    }
    for (unsigned i = 0; i < HOLDERS && growth->keeping != GONE; i++)
        pthread_join(growth->threads[i], NULL);
}

/* Milliseconds that one more checkout takes. */
static double ask(struct growth *growth)
{
    struct lg_lease lease;
    struct holder holders[HOLDERS];
    if (lg_mutex_lock(&growth->mutex, LG_FOREVER) != LG_OK)
        bench_fail("growth: lock failed");
    for (unsigned i = 0; i < HOLDERS; i++) {
        holders[i] = (struct holder){growth, i};
        start_small_thread(&growth->threads[i], hold, &holders[i]);
    }
    settle(growth);
    uint64_t start = bench_now();
    slow_pool_take(growth->slow, &lease);
    double ms = (double)(bench_now() - start) / 1e6;
    lg_mutex_unlock(&growth->mutex);
    slow_pool_give(growth->slow, &lease);
    release(growth);
    return ms;
}

static double run(enum keeping keeping, enum lg_growth policy)
{
    struct lg_pool_options options = slow_pool_options();
    struct growth *growth = bench_alloc(sizeof(*growth));
    options.growth = policy;
    growth->keeping = keeping;
    growth->slow = slow_pool_start(&options);
    sem_init(&growth->has_taken, 0, 0);
    sem_init(&growth->is_over, 0, 0);
    double ms = ask(growth);
    slow_pool_end(growth->slow);
    free(growth);
    return ms;
}

static void record(const char *policy, enum keeping keeping, double ms)
{
    char metric[96];
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    snprintf(metric, sizeof(metric), "%s, %s", policy, rows[keeping].metric);
    figure.bench = "spike";
    figure.group = group;
    figure.metric = metric;
    figure.unit = "ms";
    figure.value = ms;
    figure.sense = BENCH_AT_MOST;
    figure.goal = rows[keeping].goal_ms;
    bench_record(&figure);
}

void growth_bench(void)
{
    if (!bench_is_wanted(group))
        return;
    for (int i = 0; i < KEEPINGS; i++) {
        enum keeping keeping = (enum keeping)i;
        record("eager", keeping, run(keeping, LG_GROWTH_EAGER));
        record("patient", keeping, run(keeping, LG_GROWTH_PATIENT));
    }
}
