/* Signal: signals within a run.
 *
 * A signal that the program sends itself, and one of its timers, does not go through the kernel.  It arrives
 * at a thread, whose handler runs when that thread is next at a scheduling point and has the baton, before
 * what it was about to do.  So it comes between any two events of the others, and a replay goes the same
 * way.  What the kernel delivers from outside (a child has ended) is noted by a handler of the runtime's and
 * arrives at the next decision; that cannot be replayed.
 *
 * A thread's mask is here and in the kernel both, because sigsetjmp reads the kernel's. */
#ifndef LG_EXPLORE_SIGNAL_H
#define LG_EXPLORE_SIGNAL_H

#include "explore/run.h"

#include <signal.h>

/* A signal that has arrived and was not delivered yet. */
struct lg__arrival {
    siginfo_t info;
    uint64_t site; /* where it was sent; 0: by a timer, or from outside */
    struct lg__arrival *next;
};

/* A set as bits: signal n is bit n - 1. */
uint64_t lg__signal_bits(const sigset_t *set);
void lg__signal_set_of(uint64_t bits, sigset_t *set);

/* Signals that no mask keeps from the kernel: they end the run, or ask it where it is. */
bool lg__signal_is_kept(int number);

/* What the program wants to be done. */
const struct sigaction *lg__signal_action(int number);
void lg__signal_act(int number, const struct sigaction *action);

/* Send one: to a thread, or to the process (NULL).  `site` is where; 0: a timer.  May end the run. */
void lg__signal_send(struct lg__thread *thread, const siginfo_t *info, uint64_t site);

/* Run the handlers of all that has arrived and is not blocked.  False: one of them had no SA_RESTART, so a
 * call that was interrupted fails. */
bool lg__signal_deliver(struct lg__thread *self);

/* The calling thread blocks these from now on; what no longer is arrives. */
void lg__signal_block(struct lg__thread *self, uint64_t bits);

/* Of the set, those that have arrived, for the thread or for the process. */
uint64_t lg__signal_arrived(const struct lg__thread *thread, uint64_t bits);

/* Take the first of these that has arrived.  False: none has. */
bool lg__signal_take(struct lg__thread *self, uint64_t bits, siginfo_t *info);

/* Wait for one of the set, as sigwaitinfo.  Returns its number, or -1 with errno. */
int lg__signal_wait(struct lg__thread *self, const sigset_t *set, siginfo_t *info,
                    uint64_t deadline, uint64_t site);

/* What has arrived and was not delivered, for anybody. */
uint64_t lg__signal_pending(void);

/* Let arrive what the kernel has delivered from outside. */
void lg__signal_look_outside(void);

/* Nobody can run: if somebody waits for a signal that a child may cause, wait a moment for it. */
bool lg__signal_await(void);

/* In a process that the program has forked, signals are the kernel's alone again. */
void lg__signal_forget(void);

/* Set by the runtime's handler; atomic. */
extern uint64_t lg__signal_outside __attribute__((visibility("hidden")));

#endif
