/* The calls of pthread.
 *
 * Of type "normal", not "error checking": libc asserts that a priority-inheriting one of that type is never
 * told EDEADLK by the kernel, which follows chains over several mutexes and threads.  With "normal" it sleeps
 * until the time has come, and we have looked for the deadlock ourselves. */
#define _GNU_SOURCE /* pthread_mutex_clocklock */
#include "sync/kernel_mutex.h"

#include "plat/panic.h"
#include "plat/seam.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof((struct lg_robust_mutex *)0)->kernel,
               "libc's mutex has room in ours");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(uint64_t), "and is aligned there");

static pthread_mutex_t *of(struct lg_robust_mutex *mutex)
{
    return (pthread_mutex_t *)mutex->kernel;
}

bool lg__kernel_mutex_init(struct lg_robust_mutex *mutex, uint32_t flags)
{
    pthread_mutexattr_t attributes;
    if (lg__seam_fails(LG__SEAM_MUTEX) || pthread_mutexattr_init(&attributes) != 0)
        return false;
    bool is_made = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL) == 0 &&
                   pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0;
    if (is_made && (flags & LG_ROBUST_SHARED))
        is_made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0;
    if (is_made && (flags & LG_ROBUST_INHERIT))
        is_made = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0;
    is_made = is_made && pthread_mutex_init(of(mutex), &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return is_made;
}

void lg__kernel_mutex_destroy(struct lg_robust_mutex *mutex)
{
    (void)pthread_mutex_destroy(of(mutex));
}

static enum lg__kernel_outcome outcome_of(int error)
{
    switch (error) {
    case 0:
        return LG__KERNEL_TAKEN;
    case EOWNERDEAD:
        return LG__KERNEL_ORPHANED;
    case EBUSY:
    case ETIMEDOUT:
        return LG__KERNEL_BUSY;
    case ENOTRECOVERABLE: /* somebody unlocked it before it was adopted, which we never do */
        return LG__KERNEL_LOST;
    default:
        return LG__KERNEL_REFUSED;
    }
}

enum lg__kernel_outcome lg__kernel_mutex_try(struct lg_robust_mutex *mutex)
{
    int error = pthread_mutex_trylock(of(mutex));
    return error == 0 ? LG__KERNEL_TAKEN : outcome_of(error);
}

/* There if the thread sanitizer's runtime is.  Those of gcc 12 and clang 14 do not know pthread_mutex_clocklock,
 * and would take what it locked for unlocked. */
extern void __tsan_mutex_create(void *address, unsigned flags) __attribute__((weak));

/* A kernel before 5.14 cannot wait for a priority-inheriting one by this clock; libc says EINVAL or ENOSYS,
 * depending on its version. */
enum lg__kernel_outcome lg__kernel_mutex_wait(struct lg_robust_mutex *mutex, uint64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    bool inherits = mutex->flags & LG_ROBUST_INHERIT;
    if (inherits && lg__seam_fails(LG__SEAM_LOCK_PI2))
        return LG__KERNEL_NO_WAIT;
    if (__tsan_mutex_create)
        return LG__KERNEL_POLL;
    int error = pthread_mutex_clocklock(of(mutex), CLOCK_MONOTONIC, &until);
    if (inherits && (error == EINVAL || error == ENOSYS))
        return LG__KERNEL_NO_WAIT;
    return outcome_of(error);
}

void lg__kernel_mutex_adopt(struct lg_robust_mutex *mutex)
{
    if (pthread_mutex_consistent(of(mutex)) != 0)
        lg__panic("a robust mutex was taken from a dead holder and cannot be had", mutex->name);
}

void lg__kernel_mutex_unlock(struct lg_robust_mutex *mutex)
{
    if (pthread_mutex_unlock(of(mutex)) != 0)
        lg__panic("a robust mutex was unlocked that the system does not hold for this thread",
                  mutex->name);
}
