/* Conditions.  A waiter gives the mutex up and waits in one step; a signal is for one waiter, which the
 * strategy chooses; who was signalled can go on when the mutex is free. */
#include "explore/baton.h"
#include "explore/deadlock.h"
#include "explore/intercept.h"
#include "explore/strategy.h"

#define WAITERS_MAX 1024

/* Those that no signal has reached yet, in the order of their coming. */
static uint32_t collect_waiters(const struct lg__object *object, struct lg__thread **waiters)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lg__run.live_count && count < WAITERS_MAX; i++) {
        struct lg__thread *thread = lg__run.live[i];
        const struct lg__wait *wait = &thread->wait;
        if (wait->kind != LG__WAIT_SIGNAL || wait->object != object || wait->is_signalled)
            continue;
        uint32_t place = count++;
        for (; place && waiters[place - 1]->wait.stamp > wait->stamp; place--)
            waiters[place] = waiters[place - 1];
        waiters[place] = thread;
    }
    return count;
}

/* From now on it waits for the mutex, and others may be known to hold that. */
static void move_to_mutex(struct lg__thread *waiter)
{
    waiter->wait.is_signalled = true;
    if (!lg__baton_is_ready(waiter))
        lg__deadlock_look(waiter);
}

static void signal_one(struct lg__thread *self, const struct lg__object *object,
                       struct lg__thread **waiters, uint32_t count)
{
    uint32_t choice = 0;
    if (count > 1) {
        /* An event of its own, so that the record of the choice has a number of its own. */
        self->events++;
        choice = lg__strategy_choose_waiter(self, waiters, count);
        if (choice)
            lg__strategy_note_choice(self, object->address, waiters[choice]);
    }
    move_to_mutex(waiters[choice]);
}

void lg__condition_signal(struct lg__thread *self, pthread_cond_t *condition, bool is_for_all,
                          uint64_t site)
{
    struct lg__thread *waiters[WAITERS_MAX];
    struct lg__object *object = lg__object_find(condition, LG__OBJECT_CONDITION);
    lg__object_point(self, object, LG__EVENT_SIGNAL, site);
    object->was_signalled = true;
    lg__object_release(self, object);
    uint32_t count = collect_waiters(object, waiters);
    for (uint32_t i = 0; is_for_all && i < count; i++)
        move_to_mutex(waiters[i]);
    if (!is_for_all && count)
        signal_one(self, object, waiters, count);
}

int lg__condition_wait(struct lg__thread *self, pthread_cond_t *condition, pthread_mutex_t *mutex,
                       uint64_t deadline, uint64_t site)
{
    struct lg__object *object = lg__object_find(condition, LG__OBJECT_CONDITION);
    struct lg__object *lock = lg__mutex_of(mutex);
    lg__object_point(self, object, LG__EVENT_WAIT, site);
    uint32_t depth = lg__mutex_give_up(self, lock);
    lg__object_pend(self, object, LG__EVENT_WAIT, site);
    self->wait = (struct lg__wait){.kind = LG__WAIT_SIGNAL,
                                   .object = object,
                                   .mutex = lock,
                                   .deadline = deadline,
                                   .stamp = lg__run.lines++,
                                   .site = site,
                                   .is_cancellable = true};
    bool is_signalled = lg__baton_wait(self);
    lg__mutex_take(self, lock, depth ? depth : 1, site);
    if (is_signalled)
        lg__object_acquire(self, object);
    lg__thread_look_for_cancel(self);
    return is_signalled ? 0 : ETIMEDOUT;
}

LG__EXPORT int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    if (lg__self)
        lg__object_reset(lg__object_find(condition, LG__OBJECT_CONDITION), LG__OBJECT_CONDITION);
    return lg__real()->pthread_cond_init(condition, attributes);
}

LG__EXPORT int pthread_cond_destroy(pthread_cond_t *condition)
{
    if (!lg__self)
        return lg__real()->pthread_cond_destroy(condition);
    lg__object_reset(lg__object_find(condition, LG__OBJECT_CONDITION), LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    return self ? lg__condition_wait(self, condition, mutex, LG__NEVER, LG__SITE)
                : lg__real()->pthread_cond_wait(condition, mutex);
}

LG__EXPORT int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                      clockid_t clock, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_cond_clockwait(condition, mutex, clock, time);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? status : lg__condition_wait(self, condition, mutex, deadline, LG__SITE);
}

/* Which clock an initialised condition has is in its flags. */
LG__EXPORT int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                      const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_cond_timedwait(condition, mutex, time);
    clockid_t clock = condition->__data.__wrefs & 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? status : lg__condition_wait(self, condition, mutex, deadline, LG__SITE);
}

LG__EXPORT int pthread_cond_signal(pthread_cond_t *condition)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_cond_signal(condition);
    lg__condition_signal(self, condition, false, LG__SITE);
    return 0;
}

LG__EXPORT int pthread_cond_broadcast(pthread_cond_t *condition)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_cond_broadcast(condition);
    lg__condition_signal(self, condition, true, LG__SITE);
    return 0;
}
