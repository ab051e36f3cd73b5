/* Tick: the time to a millisecond or two, for one load.
 *
 * A checkout has no room for a clock (5 ns for the coarsest).  One thread of the process writes a
 * word each millisecond while pools are in use, and checkouts read it; ages come from it.  After a
 * while of ticking it writes 0 and sleeps; the next reader that finds 0 reads the clock itself and
 * wakes it.  So an idle process has no ticks, and a busy one pays one wake-up each TICKS ms.
 * Source: design note on the pool's fast path, rule 7. */
#ifndef LG_POOL_TICK_H
#define LG_POOL_TICK_H

#include "plat/atomic.h"

extern __attribute__((visibility("hidden")))
uint64_t lg__tick_ns; /* atomic relaxed; CLOCK_MONOTONIC; 0: the ticker sleeps */

uint64_t lg__tick_wake(void);

static inline uint64_t lg__tick_now_ns(void)
{
    uint64_t now_ns = lg__load_relaxed(&lg__tick_ns);
    return lg__likely(now_ns != 0) ? now_ns : lg__tick_wake();
}

/* For fork's handlers: the child has no ticker. */
void lg__tick_forget(void);

#endif
