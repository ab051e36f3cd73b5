/* Ring: workers T0, T1, ... of which each holds one mutex and wants that of the next. */
#ifndef LG_TEST_RING_H
#define LG_TEST_RING_H

#include "support/locks.h"

#define RING_MAX 1000

extern struct crew_worker *ring[RING_MAX];
extern struct lg_mutex ring_locks[RING_MAX]; /* the one that T0, T1, ... holds */
extern struct lock_until
    ring_waits[RING_MAX]; /* the wait of T0, T1, ...; for ever, unless changed */

/* Each has its mutex; nobody waits. */
void ring_open(unsigned n);

/* One begins to wait, and sleeps when this returns. */
void ring_let_wait(unsigned i);

/* All begin to wait, the last one last.  Who gets LG_EDEADLK. */
unsigned ring_close(unsigned n);

/* The victim lets go of its mutex; then one after the other, backwards, gets what it waits for and
 * lets go of both. */
void ring_unwind(unsigned n, unsigned victim);

/* All of it.  Nobody has a deadline, so the one who closes it is told, at once, and the others live
 * on. */
void ring_try(unsigned n);

#endif
