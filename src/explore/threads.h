/* Threads: what a run has to prepare for them. */
#ifndef LG_EXPLORE_THREADS_H
#define LG_EXPLORE_THREADS_H

#include <stdbool.h>

/* Before the fork.  False: not enough address space. */
bool lg__threads_reserve(void);

/* The same: start a thread that does nothing, so that what libc does with the first is done. */
void lg__threads_prepare(void);

/* In a run, on its first thread. */
void lg__threads_begin(void);

#endif
