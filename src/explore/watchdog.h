/* Watchdog: a run that makes no progress is asked where it is, and ended. */
#ifndef LG_EXPLORE_WATCHDOG_H
#define LG_EXPLORE_WATCHDOG_H

#include <sys/types.h>

/* Before the first run: a tick that interrupts the campaign's waiting. */
void lg__watchdog_begin(void);

/* A run begins. */
void lg__watchdog_reset(void);

/* At each tick: end the run if it is stuck, with an outcome that says why. */
void lg__watchdog_look(pid_t run);

#endif
