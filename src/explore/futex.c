/* Futexes, which the program reaches by syscall(2): waits and wakes go through the baton, all other calls go
 * to the kernel. */
#include "explore/intercept.h"
#include "explore/strategy.h"

#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define WAITERS_MAX 1024

static long fail(int error)
{
    errno = error;
    return -1;
}

static long fail_or_zero(int error)
{
    return error ? fail(error) : 0;
}

static bool is_waiting_for(const struct lg__thread *thread, const struct lg__object *object)
{
    return thread->wait.kind == LG__WAIT_WORD && thread->wait.object == object &&
           !thread->wait.is_signalled;
}

/* FUTEX_WAIT takes a time from now on, FUTEX_WAIT_BITSET a time of a clock. */
static int deadline_of(int operation, const struct timespec *time, uint64_t *deadline)
{
    *deadline = LG__NEVER;
    if (!time)
        return 0;
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
        return lg__time_deadline(
            operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, time, deadline);
    *deadline = lg__run_now_ns() + (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
    return 0;
}

static long wait_for_word(struct lg__thread *self, uint32_t *word, int operation, uint32_t value,
                          const struct timespec *time, uint64_t site)
{
    struct lg__object *object = lg__object_find(word, LG__OBJECT_WORD);
    uint64_t deadline;
    int error = deadline_of(operation, time, &deadline);
    if (error)
        return fail(error);
    lg__object_point(self, object, LG__EVENT_WAIT, site);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
        return fail(EAGAIN);
    lg__object_pend(self, object, LG__EVENT_WAIT, site);
    self->wait = (struct lg__wait){.kind = LG__WAIT_WORD,
                                   .object = object,
                                   .deadline = deadline,
                                   .site = site,
                                   .is_interruptible = true,
                                   .is_restartable = !time};
    if (lg__baton_wait(self))
        return 0;
    return fail(self->was_interrupted ? EINTR : ETIMEDOUT);
}

static long wake(struct lg__thread *self, uint32_t *word, uint32_t most, uint64_t site)
{
    struct lg__object *object = lg__object_find(word, LG__OBJECT_WORD);
    uint32_t woken = 0;
    lg__object_point(self, object, LG__EVENT_SIGNAL, site);
    for (uint32_t i = 0; i < lg__run.live_count && woken < most; i++) {
        if (!is_waiting_for(lg__run.live[i], object))
            continue;
        lg__run.live[i]->wait.is_signalled = true;
        woken++;
    }
    lg__baton_changed();
    return woken;
}

static bool is_wait(int operation)
{
    int command = operation & FUTEX_CMD_MASK;
    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

static bool is_wake(int operation)
{
    int command = operation & FUTEX_CMD_MASK;
    return command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET;
}

LG__EXPORT long syscall(long number, ...)
{
    struct lg__thread *self = lg__self;
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    uint32_t *word = (uint32_t *)arguments[0];
    if (self && number == SYS_futex && is_wait((int)arguments[1]))
        return wait_for_word(self, word, (int)arguments[1], (uint32_t)arguments[2],
                             (const struct timespec *)arguments[3], LG__SITE);
    if (self && number == SYS_futex && is_wake((int)arguments[1]))
        return wake(self, word, (uint32_t)arguments[2], LG__SITE);
    if (self && number == SYS_tgkill && (pid_t)arguments[0] == getpid()) {
        struct lg__thread *thread = lg__thread_by_tid((int32_t)arguments[1]);
        if (thread)
            return fail_or_zero(pthread_kill(thread->handle, (int)arguments[2]));
    }
    return lg__real()->syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                               arguments[4], arguments[5]);
}
