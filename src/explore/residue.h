/* Residue: what a run leaves behind in the kernel.
 *
 * Memory can be restored, but not what system calls have done: files that are open, mappings, handlers, other
 * processes.  So a run's process lets the kernel stop each system call that comes from outside the runtime
 * (Linux's syscall user dispatch).  Calls that leave nothing are made for it, and the run is *clean*; with the
 * first other one it is not, and no call is stopped any more.  The runtime's own calls are not stopped: those that
 * it makes by lg__kernel_call leave nothing. */
#ifndef LG_EXPLORE_RESIDUE_H
#define LG_EXPLORE_RESIDUE_H

#include <stdbool.h>

/* In the campaign.  False: not on this processor, or there is no room. */
bool lg__residue_reserve(void);

/* In a process, on each of its threads.  False: the kernel cannot. */
bool lg__residue_watch(void);

/* A run begins: it is clean. */
void lg__residue_begin(void);

bool lg__residue_is_clean(void);

/* libc starts a thread for the runtime: returns what is to be given back when it has. */
bool lg__residue_pause(void);
void lg__residue_go_on(bool was_clean);

#endif
