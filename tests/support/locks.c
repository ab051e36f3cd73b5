/* Steps on mutexes and conditions.  Locking in one call and unlocking in another is what clang's
 * analysis exists to forbid, and what these are for. */
#include "support/locks.h"

int step_lock(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_mutex_lock((struct lg_mutex *)mutex, LG_FOREVER);
}

int step_try(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_mutex_try_lock((struct lg_mutex *)mutex);
}

int step_unlock(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_mutex_unlock(mutex);
    return LG_OK;
}

int step_recover(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_mutex_recover((struct lg_mutex *)mutex);
}

int step_is_held(void *mutex)
{
    return lg_mutex_is_held(mutex);
}

int step_lock_until(void *lock_until) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct lock_until *lock = lock_until;
    return lg_mutex_lock_at(lock->mutex, lock->deadline, lock->place);
}

int step_wait(void *wait_until) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct wait_until *wait = wait_until;
    return lg_condition_wait_at(wait->condition, wait->mutex, wait->deadline, wait->place);
}

int step_signal(void *condition)
{
    lg_condition_signal(condition);
    return LG_OK;
}

int step_broadcast(void *condition)
{
    lg_condition_broadcast(condition);
    return LG_OK;
}

int step_copy_report(void *report)
{
    *(struct lg_report *)report = *lg_report_last();
    return LG_OK;
}
