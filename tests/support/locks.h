/* Steps on mutexes and conditions, for crews. */
#ifndef LG_TEST_LOCKS_H
#define LG_TEST_LOCKS_H

#include "support/crew.h"

#include <lifeguard/condition.h>
#include <lifeguard/mutex.h>

/* The argument is a struct lg_mutex.  step_lock waits for ever; step_unlock returns LG_OK. */
int step_lock(void *mutex);
int step_try(void *mutex);
int step_unlock(void *mutex);
int step_recover(void *mutex);
int step_is_held(void *mutex);

/* The same with all that lg_mutex_lock_at takes. */
struct lock_until {
    struct lg_mutex *mutex;
    lg_deadline deadline;
    const char *place;
};
int step_lock_until(void *lock_until);

/* A wait at a condition, for the holder of the mutex. */
struct wait_until {
    struct lg_condition *condition;
    struct lg_mutex *mutex;
    lg_deadline deadline;
    const char *place;
};
int step_wait(void *wait_until);
int step_signal(void *condition);
int step_broadcast(void *condition);

/* The calling context's report is copied to the argument, a struct lg_report. */
int step_copy_report(void *report);

#endif
