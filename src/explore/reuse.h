/* Reuse: a run that leaves nothing behind but written memory gives its process to the next run.
 *
 * To fork, to fault pages in, and to end a process costs several times what a small run does.  So a process stays,
 * if its run has ended well on its first thread, all other threads have ended, every system call was harmless
 * (residue.h), and every page that was written to was kept (pages.h): that memory is restored, and the process
 * waits for the campaign's next plan where it had its first.  All else is as before: a process for the run.
 *
 * A *turn* is a word in shared memory: the campaign sleeps on it while a run goes on, a parked process until there
 * is a plan. */
#ifndef LG_EXPLORE_REUSE_H
#define LG_EXPLORE_REUSE_H

#include <stdbool.h>
#include <sys/types.h>

struct lg__thread;

/* ---- In the campaign --------------------------------------------------------------------------------- */

/* Without it, and where the system does not have what it takes, each run has a process of its own. */
void lg__reuse_reserve(void);

/* There is a plan: the parked process that follows it; 0: none does, fork one. */
pid_t lg__reuse_resume(void);

enum lg__reuse_state {
    LG__REUSE_RUNNING, /* a signal has come in between */
    LG__REUSE_PARKED,  /* the run is over, its process stays */
    LG__REUSE_LEAVING  /* it ends, or nobody knows: wait for the process */
};

/* Wait for the run in this process. */
enum lg__reuse_state lg__reuse_await(pid_t run);

/* End the parked process, if there is one. */
void lg__reuse_end(void);

/* ---- In a run's process ------------------------------------------------------------------------------ */

/* Before the first run; returns again before each other. */
void lg__reuse_enter(void);

/* Whether the process has had a run before: all that it needs is in memory. */
bool lg__reuse_is_again(void);

/* On a new thread.  Returns the kernel's number of it. */
int lg__reuse_enter_thread(struct lg__thread *self);

/* The run is over, and has ended well or not.  Returns if its process has to end. */
void lg__reuse_offer(bool is_well);

#endif
