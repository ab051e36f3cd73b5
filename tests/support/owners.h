/* Owners: contexts with a bias on a slot, and what can be seen of it. */
#ifndef LG_TEST_OWNERS_H
#define LG_TEST_OWNERS_H

#include "pool/bias.h"
#include "support/crew.h"
#include "support/null_driver.h"

/* A driver whose pools may have biased slots: it neither resets nor checks. */
struct null_driver *bias_driver(void);

/* A pool "db" of it. */
struct lg_pool *bias_pool(struct null_driver *driver, uint32_t capacity);

/* How many slots are biased; to this context. */
uint32_t biased(struct lg_pool *pool);
uint32_t biased_to(struct lg_pool *pool, struct lg_context *context);

/* A step: so many loans, one after the other. */
struct streak {
    struct loan loan;
    uint32_t count;
};
struct streak streak_of(struct null_driver *driver, struct lg_pool *pool, uint32_t count);
int take_in_turn(void *streak);

/* A step: loans until the context has a bias, its slot idle.  LG_EBUSY: it gets none. */
int earn(void *streak);

/* A worker with a bias on a slot of the pool. */
struct crew_worker *hire_owner(const char *name, struct null_driver *driver, struct lg_pool *pool);

struct lg_pool_stats stats_of(struct lg_pool *pool);

/* For tests that need a bias: there are none where membarrier is refused. */
void skip_without_barrier(void);

#endif
