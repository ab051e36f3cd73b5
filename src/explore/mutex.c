/* Mutexes and spin locks.
 *
 * An unlock frees the lock for anyone: who waits becomes able to run, and the strategy decides.  Handing it
 * to a waiter would hide what a late comer can do. */
#include "explore/access.h"
#include "explore/intercept.h"
#include "explore/verdict.h"

/* The bytes of a mutex that libc's own code would write; zero means that nobody has it. */
static void set_bytes(pthread_mutex_t *mutex, bool is_locked)
{
    mutex->__data.__lock = is_locked;
}

struct lg__object *lg__mutex_of(pthread_mutex_t *mutex)
{
    struct lg__object *object = lg__object_find(mutex, LG__OBJECT_MUTEX);
    if (object->owner && !mutex->__data.__lock)
        lg__object_reset(object, LG__OBJECT_MUTEX);
    int kind = mutex->__data.__kind;
    object->is_recursive = (kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP;
    object->is_checked = (kind & 3) == PTHREAD_MUTEX_ERRORCHECK_NP;
    object->is_robust = (kind & 16) != 0;
    return object;
}

void lg__mutex_take(struct lg__thread *self, struct lg__object *object, uint32_t depth,
                    uint64_t site)
{
    object->owner = self;
    object->owner_site = site;
    object->depth = depth;
    if (object->kind == LG__OBJECT_MUTEX)
        set_bytes((pthread_mutex_t *)object->address, true);
    lg__object_acquire(self, object);
    lg__object_hold(self, object, site, false);
}

uint32_t lg__mutex_give_up(struct lg__thread *self, struct lg__object *object)
{
    uint32_t depth = object->depth;
    struct lg__thread *owner = object->owner;
    object->owner = NULL;
    object->depth = 0;
    if (object->kind == LG__OBJECT_MUTEX)
        set_bytes((pthread_mutex_t *)object->address, false);
    lg__object_release(self, object);
    lg__object_drop(owner ? owner : self, object);
    return depth;
}

static int take_again(struct lg__object *object)
{
    object->depth++;
    return 0;
}

static int owner_status(struct lg__object *object)
{
    return object->is_robust && object->is_owner_dead ? EOWNERDEAD : 0;
}

int lg__mutex_lock(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t deadline,
                   uint64_t site)
{
    struct lg__object *object = lg__mutex_of(mutex);
    if (object->owner == self && object->is_recursive)
        return take_again(object);
    if (object->owner == self && object->is_checked)
        return EDEADLK;
    if (!lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_LOCK, deadline, site))
        return ETIMEDOUT;
    lg__mutex_take(self, object, 1, site);
    return owner_status(object);
}

int lg__mutex_try(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t site)
{
    struct lg__object *object = lg__mutex_of(mutex);
    lg__object_point(self, object, LG__EVENT_LOCK, site);
    if (object->owner == self && object->is_recursive)
        return take_again(object);
    if (object->owner) {
        lg__access_look_for_spin(self, object->address, site);
        return EBUSY;
    }
    lg__mutex_take(self, object, 1, site);
    return owner_status(object);
}

int lg__mutex_unlock(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t site)
{
    struct lg__object *object = lg__mutex_of(mutex);
    if (object->owner == self && object->depth > 1) {
        object->depth--;
        return 0;
    }
    lg__object_point(self, object, LG__EVENT_UNLOCK, site);
    if (object->owner != self && (object->is_checked || object->is_recursive || object->is_robust))
        return EPERM;
    lg__mutex_give_up(self, object);
    return 0;
}

LG__EXPORT int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    int status = lg__real()->pthread_mutex_init(mutex, attributes);
    if (lg__self && !status)
        lg__object_reset(lg__object_find(mutex, LG__OBJECT_MUTEX), LG__OBJECT_MUTEX);
    return status;
}

LG__EXPORT int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_mutex_destroy(mutex);
    struct lg__object *object = lg__mutex_of(mutex);
    lg__object_point(self, object, LG__EVENT_UNLOCK, LG__SITE);
    if (object->owner)
        return EBUSY;
    lg__object_reset(object, LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    return self ? lg__mutex_lock(self, mutex, LG__NEVER, LG__SITE)
                : lg__real()->pthread_mutex_lock(mutex);
}

LG__EXPORT int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    return self ? lg__mutex_try(self, mutex, LG__SITE) : lg__real()->pthread_mutex_trylock(mutex);
}

LG__EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                       const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_mutex_clocklock(mutex, clock, time);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    return status ? status : lg__mutex_lock(self, mutex, deadline, LG__SITE);
}

LG__EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_mutex_timedlock(mutex, time);
    uint64_t deadline;
    int status = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status ? status : lg__mutex_lock(self, mutex, deadline, LG__SITE);
}

LG__EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    return self ? lg__mutex_unlock(self, mutex, LG__SITE) : lg__real()->pthread_mutex_unlock(mutex);
}

LG__EXPORT int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_mutex_consistent(mutex);
    struct lg__object *object = lg__mutex_of(mutex);
    if (!object->is_robust || !object->is_owner_dead || object->owner != self)
        return EINVAL;
    object->is_owner_dead = false;
    return 0;
}

/* ---- Spin locks -------------------------------------------------------------------------------------- */

LG__EXPORT int pthread_spin_init(pthread_spinlock_t *lock, int is_shared)
{
    if (lg__self)
        lg__object_reset(lg__object_find(lock, LG__OBJECT_SPIN), LG__OBJECT_SPIN);
    return lg__real()->pthread_spin_init(lock, is_shared);
}

LG__EXPORT int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_spin_destroy(lock);
    lg__object_reset(lg__object_find(lock, LG__OBJECT_SPIN), LG__OBJECT_NONE);
    return 0;
}

LG__EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_spin_lock(lock);
    struct lg__object *object = lg__object_find(lock, LG__OBJECT_SPIN);
    lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_LOCK, LG__NEVER, LG__SITE);
    lg__mutex_take(self, object, 1, LG__SITE);
    return 0;
}

LG__EXPORT int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_spin_trylock(lock);
    struct lg__object *object = lg__object_find(lock, LG__OBJECT_SPIN);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    if (object->owner) {
        lg__access_look_for_spin(self, object->address, LG__SITE);
        return EBUSY;
    }
    lg__mutex_take(self, object, 1, LG__SITE);
    return 0;
}

LG__EXPORT int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_spin_unlock(lock);
    struct lg__object *object = lg__object_find(lock, LG__OBJECT_SPIN);
    lg__object_point(self, object, LG__EVENT_UNLOCK, LG__SITE);
    lg__mutex_give_up(self, object);
    return 0;
}
