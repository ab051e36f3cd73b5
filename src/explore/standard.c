/* C11's threads.  In glibc their types are pthread's under other names. */
#include "explore/intercept.h"

struct start {
    thrd_start_t function;
    void *argument;
};

static int status_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
    case EAGAIN:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

/* ---- Threads ------------------------------------------------------------------------------------------- */

static void *run_start(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    return (void *)(intptr_t)start.function(start.argument);
}

LG__EXPORT int thrd_create(thrd_t *handle, thrd_start_t function, void *argument)
{
    struct lg__thread *self = lg__self;
    struct start *start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (struct start){function, argument};
    int error = self ? lg__thread_create(self, handle, NULL, run_start, start, LG__SITE)
                     : lg__real()->pthread_create(handle, NULL, run_start, start);
    if (error)
        free(start);
    return status_of(error);
}

LG__EXPORT int thrd_join(thrd_t handle, int *result)
{
    struct lg__thread *self = lg__self;
    void *value = NULL;
    int error = self ? lg__thread_join(self, handle, &value, LG__NEVER, LG__SITE)
                     : lg__real()->pthread_join(handle, &value);
    if (!error && result)
        *result = (int)(intptr_t)value;
    return status_of(error);
}

LG__EXPORT int thrd_detach(thrd_t handle)
{
    return status_of(lg__self ? lg__thread_detach(handle) : lg__real()->pthread_detach(handle));
}

LG__EXPORT void thrd_exit(int result)
{
    if (lg__self)
        lg__self->result = (void *)(intptr_t)result;
    lg__real()->pthread_exit((void *)(intptr_t)result);
    __builtin_unreachable();
}

LG__EXPORT void thrd_yield(void)
{
    struct lg__thread *self = lg__self;
    if (self)
        lg__baton_yield(self, LG__SITE);
    else
        lg__real()->sched_yield();
}

LG__EXPORT int thrd_sleep(const struct timespec *time, struct timespec *rest)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->nanosleep(time, rest) ? -1 : 0;
    if (time->tv_nsec < 0 || time->tv_nsec >= 1000000000 || time->tv_sec < 0)
        return -2;
    uint64_t deadline = lg__time_after(time);
    if (lg__sleep_until(self, deadline, LG__SITE))
        return 0;
    uint64_t now = lg__run_now_ns(), left = deadline > now ? deadline - now : 0;
    if (rest)
        *rest = (struct timespec){(time_t)(left / 1000000000), (long)(left % 1000000000)};
    return -1;
}

/* ---- Mutexes ------------------------------------------------------------------------------------------- */

LG__EXPORT int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status_of(error);
}

LG__EXPORT void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

LG__EXPORT int mtx_lock(mtx_t *mutex)
{
    struct lg__thread *self = lg__self;
    pthread_mutex_t *same = (pthread_mutex_t *)mutex;
    return status_of(self ? lg__mutex_lock(self, same, LG__NEVER, LG__SITE)
                          : lg__real()->pthread_mutex_lock(same));
}

LG__EXPORT int mtx_timedlock(mtx_t *mutex, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    pthread_mutex_t *same = (pthread_mutex_t *)mutex;
    if (!self)
        return status_of(lg__real()->pthread_mutex_timedlock(same, time));
    uint64_t deadline;
    int error = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status_of(error ? error : lg__mutex_lock(self, same, deadline, LG__SITE));
}

LG__EXPORT int mtx_trylock(mtx_t *mutex)
{
    struct lg__thread *self = lg__self;
    pthread_mutex_t *same = (pthread_mutex_t *)mutex;
    return status_of(self ? lg__mutex_try(self, same, LG__SITE)
                          : lg__real()->pthread_mutex_trylock(same));
}

LG__EXPORT int mtx_unlock(mtx_t *mutex)
{
    struct lg__thread *self = lg__self;
    pthread_mutex_t *same = (pthread_mutex_t *)mutex;
    return status_of(self ? lg__mutex_unlock(self, same, LG__SITE)
                          : lg__real()->pthread_mutex_unlock(same));
}

/* ---- Conditions and once ------------------------------------------------------------------------------- */

LG__EXPORT int cnd_init(cnd_t *condition)
{
    return status_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

LG__EXPORT void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

LG__EXPORT int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    struct lg__thread *self = lg__self;
    pthread_cond_t *same = (pthread_cond_t *)condition;
    pthread_mutex_t *lock = (pthread_mutex_t *)mutex;
    return status_of(self ? lg__condition_wait(self, same, lock, LG__NEVER, LG__SITE)
                          : lg__real()->pthread_cond_wait(same, lock));
}

LG__EXPORT int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    pthread_cond_t *same = (pthread_cond_t *)condition;
    pthread_mutex_t *lock = (pthread_mutex_t *)mutex;
    if (!self)
        return status_of(lg__real()->pthread_cond_timedwait(same, lock, time));
    uint64_t deadline;
    int error = lg__time_deadline(CLOCK_REALTIME, time, &deadline);
    return status_of(error ? error : lg__condition_wait(self, same, lock, deadline, LG__SITE));
}

LG__EXPORT int cnd_signal(cnd_t *condition)
{
    struct lg__thread *self = lg__self;
    pthread_cond_t *same = (pthread_cond_t *)condition;
    if (!self)
        return status_of(lg__real()->pthread_cond_signal(same));
    lg__condition_signal(self, same, false, LG__SITE);
    return thrd_success;
}

LG__EXPORT int cnd_broadcast(cnd_t *condition)
{
    struct lg__thread *self = lg__self;
    pthread_cond_t *same = (pthread_cond_t *)condition;
    if (!self)
        return status_of(lg__real()->pthread_cond_broadcast(same));
    lg__condition_signal(self, same, true, LG__SITE);
    return thrd_success;
}

LG__EXPORT void call_once(once_flag *flag, void (*function)(void))
{
    struct lg__thread *self = lg__self;
    if (self)
        lg__once(self, flag, function, LG__SITE);
    else
        lg__real()->pthread_once((pthread_once_t *)flag, function);
}
