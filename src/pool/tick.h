/* Tick: the time in milliseconds, for one load.
 *
 * A checkout has no room for a clock (5 ns for the coarsest).  One thread of the process writes a
 * word each 4 ms while pools are in use, and checkouts read it; ages come from it.  After a
 * while of ticking it writes 0 and sleeps; the next reader that finds 0 reads the clock itself and
 * wakes it.  So an idle process has no ticks, and a busy one pays for one wake-up in TICKS of them.
 * Source: design note on the pool's fast path, rule 7. */
#ifndef LG_POOL_TICK_H
#define LG_POOL_TICK_H

#include "plat/atomic.h"

extern __attribute__((visibility("hidden")))
uint64_t lg__tick_ms; /* atomic relaxed; CLOCK_MONOTONIC; 0: the ticker sleeps */

uint64_t lg__tick_wake(void);

static inline uint64_t lg__tick_now_ms(void)
{
    uint64_t now_ms = lg__load_relaxed(&lg__tick_ms);
    return lg__likely(now_ms != 0) ? now_ms : lg__tick_wake();
}

/* Times in slots have 32 bits: ages are right up to 49 days.  One that is a little ahead of `now_ms`,
 * which may come from another clock, is of age 0. */
static inline uint32_t lg__age_ms(uint64_t now_ms, uint32_t since_ms)
{
    uint32_t age_ms = (uint32_t)now_ms - since_ms;
    return age_ms < UINT32_MAX - 1000 ? age_ms : 0;
}

/* For fork's handlers: the child has no ticker. */
void lg__tick_forget(void);

#endif
