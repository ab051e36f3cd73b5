/* Alarm: timers of the program that send signals, in virtual time. */
#ifndef LG_EXPLORE_ALARM_H
#define LG_EXPLORE_ALARM_H

#include "explore/run.h"

/* When the next one is due; LG__NEVER: there is none. */
extern uint64_t lg__alarm_next __attribute__((visibility("hidden")));

/* Before a decision of `self`: let those that are due send their signals; one that is not may come early. */
void lg__alarm_look(struct lg__thread *self);

/* Whether a descriptor is a timerfd: nobody outside makes it ready. */
bool lg__alarm_is_file(int descriptor);

/* A timerfd is no more, if it is one. */
void lg__alarm_close(int descriptor);

#endif
