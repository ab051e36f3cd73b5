/* The fault loop: the same scenario again and again, with the first passage of the seam failing,
 * then the second, and so on until it has fewer passages than that. */
#ifndef LG_TEST_FAULTS_H
#define LG_TEST_FAULTS_H

#include "support/crew.h"

#include "plat/seam.h"

#ifdef LG_FAULTS

#define FAULT_BIT(point) (1u << LG__SEAM_##point)
#define FAULT_ALL        ((1u << LG__SEAM_COUNT) - 1)

/* Run in this process, in which the library has been used before.  `scenario` gets `arg`; whatever
 * fails it must return 0.  Once for each N until the failure does not happen, at most `most` times,
 * failing once and failing from there on.  Returns how many failures there were. */
unsigned faults_loop(uint32_t mask, unsigned most, support_step *scenario, void *arg);

/* The same for a case of this program, in a fresh process each time: it calls faults_begin first
 * and returns faults_end(what it found wrong). */
unsigned faults_loop_fresh(uint32_t mask, unsigned most, const char *case_name);
void faults_begin(void);
int faults_end(int wrong);

/* Wait until the worker is about to sleep in a futex, which may fail, or has done its steps.  (Merely blocked
 * is too early: it may have its passages yet before it.) */
void faults_wait_at_futex(struct crew_worker *worker);

/* Whether the worker's last wait has timed out and its report says so: who holds, and the place, "soon.c:1" or
 * none.  0: it does; 1: it does not, and that was said. */
int faults_check_timeout(struct crew_worker *waiter, const char *holder);

/* Wait until one of two who wait for each other, whichever, is told of the deadlock, while the other still
 * waits.  Returns the one; NULL: it is not so, and that was said. */
struct crew_worker *faults_wait_for_victim(struct crew_worker *a, struct crew_worker *b);

/* Whether the worker holds nothing and waits for nothing. */
bool faults_has_let_go(struct crew_worker *worker);

#endif
#endif
