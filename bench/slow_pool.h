/* A pool of up to 50 whose driver takes 150 ms to open a resource; five are open at the beginning. */
#ifndef BENCH_SLOW_POOL_H
#define BENCH_SLOW_POOL_H

#include "tools.h"

#include <lifeguard/lifeguard.h>

#define SLOW_POOL_CAPACITY 50
#define SLOW_POOL_IDLE     5
#define SLOW_POOL_OPEN_MS  150

struct slow_pool;

/* Options for such a pool, to be changed further. */
struct lg_pool_options slow_pool_options(void);

struct slow_pool *slow_pool_start(const struct lg_pool_options *options);
void slow_pool_end(struct slow_pool *slow);

/* Check out, waiting as long as it takes, and in; anything but LG_OK fails the run. */
void slow_pool_take(struct slow_pool *slow, struct lg_lease *lease);
void slow_pool_give(struct slow_pool *slow, struct lg_lease *lease);

/* By the driver's count: how many are open, how many were opened since the start. */
unsigned slow_pool_open(const struct slow_pool *slow);
unsigned slow_pool_opened(const struct slow_pool *slow);

#endif
