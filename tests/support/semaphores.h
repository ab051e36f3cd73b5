/* Steps on semaphores, for crews. */
#ifndef LG_TEST_SEMAPHORES_H
#define LG_TEST_SEMAPHORES_H

#include "support/crew.h"

#include <lifeguard/semaphore.h>

/* The argument is a struct lg_semaphore.  step_wait_for_unit waits for ever, and step_post adds one unit. */
int step_wait_for_unit(void *semaphore);
int step_try_wait(void *semaphore);
int step_post(void *semaphore);

/* The same with all that lg_semaphore_wait_at takes. */
struct semaphore_until {
    struct lg_semaphore *semaphore;
    lg_deadline deadline;
    const char *place;
};
int step_wait_for_unit_until(void *semaphore_until);

/* Add one unit; fails if it cannot. */
void post_one(struct lg_semaphore *semaphore);

/* How many units could be taken at once; they are gone. */
unsigned take_all_units(struct lg_semaphore *semaphore);

#endif
