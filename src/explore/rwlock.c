/* Read-write locks.  No side is preferred: the strategy decides. */
#include "explore/intercept.h"
#include "explore/variable.h"

static struct lg__object *rwlock_of(pthread_rwlock_t *lock)
{
    struct lg__object *object = lg__object_find(lock, LG__OBJECT_RWLOCK);
    bool is_taken = object->owner || object->readers;
    if (is_taken && !lock->__data.__readers)
        lg__object_reset(object, LG__OBJECT_RWLOCK);
    return object;
}

/* As for mutexes, the bytes tell a fresh lock from one that is held. */
static void set_bytes(const struct lg__object *object)
{
    pthread_rwlock_t *lock = (pthread_rwlock_t *)object->address;
    lock->__data.__readers = object->owner ? 1 : object->readers;
}

static void take_for_reading(struct lg__thread *self, struct lg__object *object, uint64_t site)
{
    object->readers++;
    set_bytes(object);
    lg__object_acquire(self, object);
    lg__object_hold(self, object, site, true);
}

static void take_for_writing(struct lg__thread *self, struct lg__object *object, uint64_t site)
{
    object->owner = self;
    object->owner_site = site;
    object->depth = 1;
    set_bytes(object);
    lg__object_acquire(self, object);
    lg__clock_join(&self->clock, &object->read_clock);
    lg__object_hold(self, object, site, false);
}

static int lock_for_reading(struct lg__thread *self, pthread_rwlock_t *lock, uint64_t deadline,
                            uint64_t site)
{
    struct lg__object *object = rwlock_of(lock);
    if (object->owner == self)
        return EDEADLK;
    if (!lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_READ, deadline, site))
        return ETIMEDOUT;
    take_for_reading(self, object, site);
    return 0;
}

static int lock_for_writing(struct lg__thread *self, pthread_rwlock_t *lock, uint64_t deadline,
                            uint64_t site)
{
    struct lg__object *object = rwlock_of(lock);
    if (object->owner == self)
        return EDEADLK;
    if (!lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_LOCK, deadline, site))
        return ETIMEDOUT;
    take_for_writing(self, object, site);
    return 0;
}

LG__EXPORT int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes)
{
    if (lg__self)
        lg__object_reset(lg__object_find(lock, LG__OBJECT_RWLOCK), LG__OBJECT_RWLOCK);
    return lg__real()->pthread_rwlock_init(lock, attributes);
}

LG__EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_destroy(lock);
    lg__object_reset(rwlock_of(lock), LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    return self ? lock_for_reading(self, lock, LG__NEVER, LG__SITE)
                : lg__real()->pthread_rwlock_rdlock(lock);
}

LG__EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock,
                                          const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_clockrdlock(lock, clock, time);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? status : lock_for_reading(self, lock, deadline, LG__SITE);
}

LG__EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_timedrdlock(lock, time);
    uint64_t deadline;
    int status = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status ? status : lock_for_reading(self, lock, deadline, LG__SITE);
}

LG__EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_tryrdlock(lock);
    struct lg__object *object = rwlock_of(lock);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    if (object->owner)
        return EBUSY;
    take_for_reading(self, object, LG__SITE);
    return 0;
}

LG__EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    return self ? lock_for_writing(self, lock, LG__NEVER, LG__SITE)
                : lg__real()->pthread_rwlock_wrlock(lock);
}

LG__EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock,
                                          const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_clockwrlock(lock, clock, time);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? status : lock_for_writing(self, lock, deadline, LG__SITE);
}

LG__EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_timedwrlock(lock, time);
    uint64_t deadline;
    int status = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status ? status : lock_for_writing(self, lock, deadline, LG__SITE);
}

LG__EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_trywrlock(lock);
    struct lg__object *object = rwlock_of(lock);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    if (object->owner || object->readers)
        return EBUSY;
    take_for_writing(self, object, LG__SITE);
    return 0;
}

LG__EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_rwlock_unlock(lock);
    struct lg__object *object = rwlock_of(lock);
    lg__object_point(self, object, LG__EVENT_UNLOCK, LG__SITE);
    if (object->owner) {
        object->owner = NULL;
        lg__object_release(self, object);
    } else if (object->readers) {
        object->readers--;
        lg__variable_release(self, &object->read_clock);
        lg__baton_changed();
    }
    set_bytes(object);
    lg__object_drop(self, object);
    return 0;
}
