/* Semaphores, barriers and once. */
#include "explore/intercept.h"
#include "explore/share.h"

/* ---- Semaphores.  The value is in the bytes as well, so that one that was made by sem_open is known. ---- */

static struct lg__object *semaphore_of(sem_t *semaphore)
{
    struct lg__object *object = lg__object_at(semaphore);
    if (object && object->kind == LG__OBJECT_SEMAPHORE)
        return object;
    int value = 0;
    lg__real()->sem_getvalue(semaphore, &value);
    object = lg__object_find(semaphore, LG__OBJECT_SEMAPHORE);
    object->value = (uint32_t)value;
    return object;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int take_unit(struct lg__thread *self, struct lg__object *object, uint64_t site)
{
    object->value--;
    lg__share_add(object, self, site);
    lg__object_acquire(self, object);
    return 0;
}

static int wait_for_unit(struct lg__thread *self, sem_t *semaphore, uint64_t deadline,
                         uint64_t site)
{
    struct lg__object *object = semaphore_of(semaphore);
    lg__thread_look_for_cancel(self);
    lg__object_pend(self, object, LG__EVENT_LOCK, site);
    self->wait = (struct lg__wait){.kind = LG__WAIT_COUNT,
                                   .object = object,
                                   .deadline = deadline,
                                   .site = site,
                                   .is_cancellable = true,
                                   .is_interruptible = true,
                                   .is_restartable = true};
    bool is_granted = lg__baton_wait(self);
    bool was_interrupted = self->was_interrupted;
    lg__thread_look_for_cancel(self);
    if (was_interrupted)
        return fail(EINTR);
    return is_granted ? take_unit(self, object, site) : fail(ETIMEDOUT);
}

LG__EXPORT int sem_init(sem_t *semaphore, int is_shared, unsigned value)
{
    int status = lg__real()->sem_init(semaphore, is_shared, value);
    if (lg__self && !status) {
        struct lg__object *object = lg__object_find(semaphore, LG__OBJECT_SEMAPHORE);
        lg__object_reset(object, LG__OBJECT_SEMAPHORE);
        object->value = value;
    }
    return status;
}

LG__EXPORT int sem_destroy(sem_t *semaphore)
{
    if (!lg__self)
        return lg__real()->sem_destroy(semaphore);
    lg__object_reset(semaphore_of(semaphore), LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int sem_wait(sem_t *semaphore)
{
    struct lg__thread *self = lg__self;
    return self ? wait_for_unit(self, semaphore, LG__NEVER, LG__SITE)
                : lg__real()->sem_wait(semaphore);
}

LG__EXPORT int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sem_clockwait(semaphore, clock, time);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? fail(status) : wait_for_unit(self, semaphore, deadline, LG__SITE);
}

LG__EXPORT int sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sem_timedwait(semaphore, time);
    uint64_t deadline;
    int status = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status ? fail(status) : wait_for_unit(self, semaphore, deadline, LG__SITE);
}

LG__EXPORT int sem_trywait(sem_t *semaphore)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sem_trywait(semaphore);
    struct lg__object *object = semaphore_of(semaphore);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    return object->value ? take_unit(self, object, LG__SITE) : fail(EAGAIN);
}

LG__EXPORT int sem_post(sem_t *semaphore)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sem_post(semaphore);
    struct lg__object *object = semaphore_of(semaphore);
    lg__object_point(self, object, LG__EVENT_UNLOCK, LG__SITE);
    if (object->value == INT32_MAX)
        return fail(EOVERFLOW);
    object->value++;
    if (!lg__share_drop(object, self))
        object->is_signal = true;
    lg__object_release(self, object);
    return 0;
}

LG__EXPORT int sem_getvalue(sem_t *semaphore, int *value)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sem_getvalue(semaphore, value);
    struct lg__object *object = semaphore_of(semaphore);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    *value = (int)object->value;
    return 0;
}

/* ---- Barriers ------------------------------------------------------------------------------------------ */

LG__EXPORT int pthread_barrier_init(pthread_barrier_t *barrier,
                                    const pthread_barrierattr_t *attributes, unsigned count)
{
    int status = lg__real()->pthread_barrier_init(barrier, attributes, count);
    if (lg__self && !status) {
        struct lg__object *object = lg__object_find(barrier, LG__OBJECT_BARRIER);
        lg__object_reset(object, LG__OBJECT_BARRIER);
        object->value = count;
    }
    return status;
}

LG__EXPORT int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    if (!lg__self)
        return lg__real()->pthread_barrier_destroy(barrier);
    lg__object_reset(lg__object_find(barrier, LG__OBJECT_BARRIER), LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_barrier_wait(barrier);
    struct lg__object *object = lg__object_find(barrier, LG__OBJECT_BARRIER);
    if (!object->value)
        return EINVAL;
    lg__object_point(self, object, LG__EVENT_WAIT, LG__SITE);
    lg__object_release(self, object);
    lg__share_add(object, self, LG__SITE);
    if (++object->arrived == object->value) {
        object->arrived = 0;
        object->generation++;
        lg__object_acquire(self, object);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    lg__object_pend(self, object, LG__EVENT_WAIT, LG__SITE);
    self->wait = (struct lg__wait){.kind = LG__WAIT_TURN,
                                   .object = object,
                                   .deadline = LG__NEVER,
                                   .stamp = object->generation,
                                   .site = LG__SITE};
    lg__baton_wait(self);
    lg__object_acquire(self, object);
    return 0;
}

/* ---- Once -------------------------------------------------------------------------------------------- */

int lg__once(struct lg__thread *self, void *control, void (*function)(void), uint64_t site)
{
    int *bytes = control;
    /* Done before the run began, or with the runtime only passing on: libc marks it by 2. */
    if (*bytes == 2 && !lg__object_at(control))
        return 0;
    struct lg__object *object = lg__object_find(control, LG__OBJECT_ONCE);
    lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_ONCE, LG__NEVER, site);
    if (object->is_done) {
        lg__object_acquire(self, object);
        return 0;
    }
    object->owner = self;
    function();
    object->owner = NULL;
    object->is_done = true;
    *bytes = 2;
    lg__object_release(self, object);
    return 0;
}

LG__EXPORT int pthread_once(pthread_once_t *control, void (*function)(void))
{
    struct lg__thread *self = lg__self;
    return self ? lg__once(self, control, function, LG__SITE)
                : lg__real()->pthread_once(control, function);
}
