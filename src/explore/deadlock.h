/* Deadlock: whether the threads of a run wait for one another. */
#ifndef LG_EXPLORE_DEADLOCK_H
#define LG_EXPLORE_DEADLOCK_H

#include "explore/run.h"

/* Before the fork.  False: not enough address space. */
bool lg__deadlock_reserve(void);

/* `self` is about to wait: if that closes a deadlock, the run ends with it. */
void lg__deadlock_look(const struct lg__thread *self);

/* Nobody can ever run again: end the run with a deadlock, or with a lost wake-up if it is a signal that
 * is missing. */
void lg__deadlock_everywhere(void) __attribute__((noreturn));

#endif
