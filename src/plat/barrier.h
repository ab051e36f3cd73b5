/* Barrier: a memory barrier of which one side is free.
 *
 * A thread that runs often stores and then loads with only a light barrier in between, which is one
 * for the compiler and costs nothing.  A thread that comes rarely pays for both: its heavy barrier
 * makes all threads of the process that run pass a full one (a thread that does not run has passed
 * one when it was taken off its processor).  So of
 *
 *     often:   store a;  light;  load b
 *     rarely:  store b;  heavy;  load a
 *
 * at least one sees the other's store, as with a full barrier on both sides.
 * Source: membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED; for the other way, barrier.c. */
#ifndef LG_PLAT_BARRIER_H
#define LG_PLAT_BARRIER_H

#include <stdbool.h>

/* Whether there is a heavy barrier here (a kernel, or a sandbox, may refuse it). */
bool lg__barrier_is_there(void);

/* Only if there is one.  About 3 us while other threads run, 0.1 us while none does.  Where it is refused since, it
 * takes some ten us for each processor, and panics only if that way is refused too. */
void lg__barrier_heavy(void);

/* By membarrier alone, and whether it was allowed. */
bool lg__barrier_try(void);

static inline void lg__barrier_light(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif
