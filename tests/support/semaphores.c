/* Steps on semaphores. */
#include "support/semaphores.h"

int step_wait_for_unit(void *semaphore)
{
    return lg_semaphore_wait((struct lg_semaphore *)semaphore, LG_FOREVER);
}

int step_try_wait(void *semaphore)
{
    return lg_semaphore_try_wait((struct lg_semaphore *)semaphore);
}

int step_post(void *semaphore)
{
    return lg_semaphore_post(semaphore, 1);
}

int step_wait_for_unit_until(void *semaphore_until)
{
    const struct semaphore_until *until = semaphore_until;
    return lg_semaphore_wait_at(until->semaphore, until->deadline, until->place);
}

void post_one(struct lg_semaphore *semaphore)
{
    assert_int_equal(lg_semaphore_post(semaphore, 1), LG_OK);
}

unsigned take_all_units(struct lg_semaphore *semaphore)
{
    unsigned count = 0;
    while (lg_semaphore_try_wait(semaphore) == LG_OK)
        count++;
    return count;
}
