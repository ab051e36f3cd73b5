/* Crew: named threads that do one step at a time, on command, so that a test can write a schedule
 * down and get exactly it, without sleeping.
 *
 *     struct crew_worker *a = crew_hire("A");
 *     crew_do(a, step_lock, &m);              // run, and wait until it is done
 *     crew_run(b, step_lock, &m);             // run
 *     crew_wait_blocked(b);                   // b sleeps in the library now
 *     crew_do(a, step_unlock, &m);
 *     assert_int_equal(crew_wait(b), LG_OK);  // what the step has returned
 *
 * A worker has a context from its beginning.  All functions are for the main thread; steps run on
 * the worker and must not use cmocka.  At the end of a test (SUPPORT_TEST) all workers leave; a
 * worker that still blocks then makes the test fail, if it had not failed already. */
#ifndef LG_TEST_CREW_H
#define LG_TEST_CREW_H

#include "support/support.h"

#include <pthread.h>

#define CREW_STEPS_MAX 64 /* waiting to be done, for each worker */

typedef support_step crew_step;

struct crew_worker;

/* Start a thread with this context name (copied); NULL: the default name. */
struct crew_worker *crew_hire(const char *name);
/* The same, named PREFIX and NUMBER. */
struct crew_worker *crew_hire_numbered(const char *prefix, unsigned number);

/* Put a step at the end of the worker's queue. */
void crew_run(struct crew_worker *worker, crew_step *step, void *arg);

/* Wait until the worker has done all its steps; what the last of them returned. */
int crew_wait(struct crew_worker *worker);

/* crew_run, then crew_wait. */
int crew_do(struct crew_worker *worker, crew_step *step, void *arg);

/* Wait until the worker sleeps in a wait of the library (WAITING or OUTSIDE), its look at the graph
 * behind it.  Fails if it has done all its steps without. */
void crew_wait_blocked(struct crew_worker *worker);
/* The same, in a wait for this object. */
void crew_wait_blocked_on(struct crew_worker *worker, const void *object);

/* crew_run, then crew_wait_blocked; or, with an object, crew_wait_blocked_on. */
void crew_run_blocked(struct crew_worker *worker, crew_step *step, void *arg);
void crew_run_blocked_on(struct crew_worker *worker, crew_step *step, void *arg,
                         const void *object);

/* Wait until any context sleeps so, by its id. */
void crew_wait_asleep(uint64_t id);

/* Whether the worker's context is blocked right now. */
bool crew_is_blocked(const struct crew_worker *worker);

/* Whether the worker has done all its steps. */
bool crew_is_idle(struct crew_worker *worker);

/* The worker's context, as after its last step. */
struct lg_context *crew_context(const struct crew_worker *worker);

/* Its thread, for signals. */
pthread_t crew_thread(const struct crew_worker *worker);

/* Stop the worker, asleep or not, in a signal handler (SIGUSR2), so that what happens to it happens
 * before it runs.  One at a time, until crew_go_on.  Not under the thread sanitizer, which runs no
 * handler inside a futex call: CREW_CAN_STALL says so. */
#define CREW_CAN_STALL (!SUPPORT_TSAN)
void crew_stall(struct crew_worker *worker);
void crew_go_on(void);

/* Let the thread end after its steps; crew_leave, which has to follow, waits for it. */
void crew_send_home(struct crew_worker *worker);

/* Let the thread end after its steps, and wait until it has.  The worker is gone. */
void crew_leave(struct crew_worker *worker);

/* All leave: what support_teardown does.  False: somebody was blocked and is left behind. */
bool crew_end(void);

#endif
