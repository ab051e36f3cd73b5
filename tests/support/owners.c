/* Biased slots, for tests. */
#include "support/owners.h"

#include "graph/context.h"
#include "plat/barrier.h"

struct null_driver *bias_driver(void)
{
    struct null_driver *driver = null_begin();
    driver->table.reset = NULL;
    driver->table.check = NULL;
    return driver;
}

struct lg_pool *bias_pool(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    return null_pool(driver, &options);
}

static enum lg__slot_state state_of_slot(const struct lg_pool *pool, uint32_t index)
{
    return lg__slot_state(lg__load_acquire(&pool->slots[index].word));
}

uint32_t biased(struct lg_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->capacity; i++)
        count += state_of_slot(pool, i) == LG__SLOT_BIASED;
    return count;
}

uint32_t biased_to(struct lg_pool *pool, struct lg_context *context)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->capacity; i++)
        count += state_of_slot(pool, i) == LG__SLOT_BIASED &&
                 lg__load_acquire(&pool->slots[i].owner) == lg__hint_of(pool, context);
    return count;
}

int take_in_turn(void *arg)
{
    struct streak *streak = arg;
    for (uint32_t i = 0; i < streak->count; i++) {
        int status = loan_checkout(&streak->loan);
        if (status == LG_OK)
            status = loan_checkin(&streak->loan);
        if (status != LG_OK)
            return status;
    }
    return LG_OK;
}

struct streak streak_of(struct null_driver *driver, struct lg_pool *pool, uint32_t count)
{
    return (struct streak){loan_of(driver, pool, LG_FOREVER), count};
}

int earn(void *arg)
{
    struct streak *streak = arg;
    streak->count = 1;
    for (uint32_t i = 0; i < 4 * LG__BIAS_AFTER_MAX; i++) {
        if (biased_to(streak->loan.pool, lg_context_self()))
            return LG_OK;
        if (take_in_turn(streak) != LG_OK)
            break;
    }
    return LG_EBUSY;
}

void skip_without_barrier(void)
{
    if (!lg__barrier_is_there())
        SUPPORT_SKIP("membarrier is refused here");
}

struct crew_worker *hire_owner(const char *name, struct null_driver *driver, struct lg_pool *pool)
{
    struct crew_worker *worker = crew_hire(name);
    struct streak streak = streak_of(driver, pool, 0);
    assert_status(crew_do(worker, earn, &streak), LG_OK);
    return worker;
}

struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats;
}
