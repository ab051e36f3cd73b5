/* Threads: what a run has to prepare for them. */
#ifndef LG_EXPLORE_THREADS_H
#define LG_EXPLORE_THREADS_H

#include <stdbool.h>

/* Before the fork.  False: not enough address space. */
bool lg__threads_reserve(void);

/* In a run, on its first thread. */
void lg__threads_begin(void);

#endif
