/* Signals by the names that programs call. */
#include "explore/intercept.h"
#include "explore/signal.h"

#include <string.h>

#define LAST 64

static int fail(int error)
{
    errno = error;
    return -1;
}

static bool is_number(int number)
{
    return number >= 1 && number <= LAST;
}

/* ---- Handlers and masks --------------------------------------------------------------------------------- */

LG__EXPORT int sigaction(int number, const struct sigaction *restrict new,
                         struct sigaction *restrict old)
{
    if (!lg__self)
        return lg__real()->sigaction(number, new, old);
    if (!is_number(number) || (new && (number == SIGKILL || number == SIGSTOP)))
        return fail(EINVAL);
    struct sigaction before = *lg__signal_action(number);
    if (new)
        lg__signal_act(number, new);
    if (old)
        *old = before;
    return 0;
}

LG__EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    if (!lg__self)
        return lg__real()->signal(number, handler);
    struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;
    return sigaction(number, &new, &old) ? SIG_ERR : old.sa_handler;
}

static int set_mask(struct lg__thread *self, int how, const sigset_t *set, sigset_t *old,
                    uint64_t site)
{
    uint64_t before = self->blocked;
    uint64_t bits = set ? lg__signal_bits(set) : 0;
    if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    if (old)
        lg__signal_set_of(before, old);
    if (!set)
        return 0;
    lg__signal_block(self, how == SIG_BLOCK     ? before | bits
                           : how == SIG_UNBLOCK ? before & ~bits
                                                : bits);
    if (self->has_signal)
        lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, site);
    return 0;
}

LG__EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    struct lg__thread *self = lg__self;
    return self ? set_mask(self, how, set, old, LG__SITE)
                : lg__real()->pthread_sigmask(how, set, old);
}

LG__EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sigprocmask(how, set, old);
    int error = set_mask(self, how, set, old, LG__SITE);
    return error ? fail(error) : 0;
}

LG__EXPORT int sigpending(sigset_t *set)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sigpending(set);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    lg__signal_set_of(lg__signal_arrived(self, self->blocked), set);
    return 0;
}

/* ---- Sending: what reaches the caller itself is handled before the call returns ------------------------- */

static int send_one(struct lg__thread *self, struct lg__thread *to, siginfo_t *info, uint64_t site)
{
    info->si_pid = getpid();
    info->si_uid = getuid();
    if (info->si_signo)
        lg__signal_send(to, info, site);
    if (self->has_signal)
        lg__signal_deliver(self);
    return 0;
}

static int send_to_thread(struct lg__thread *self, pthread_t handle, siginfo_t *info, uint64_t site)
{
    if (info->si_signo && !is_number(info->si_signo))
        return EINVAL;
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, site);
    struct lg__thread *thread = lg__thread_of(handle);
    if (!thread || thread->state == LG__THREAD_ENDED)
        return thread ? 0 : ESRCH;
    return send_one(self, thread, info, site);
}

LG__EXPORT int pthread_kill(pthread_t handle, int number)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_kill(handle, number);
    siginfo_t info = {.si_signo = number, .si_code = SI_TKILL};
    return send_to_thread(self, handle, &info, LG__SITE);
}

LG__EXPORT int pthread_sigqueue(pthread_t handle, int number, const union sigval value)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_sigqueue(handle, number, value);
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
    info.si_value = value;
    return send_to_thread(self, handle, &info, LG__SITE);
}

LG__EXPORT int raise(int number)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->raise(number);
    siginfo_t info = {.si_signo = number, .si_code = SI_TKILL};
    if (!is_number(number))
        return fail(EINVAL);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    return send_one(self, self, &info, LG__SITE);
}

/* The group of a run is the campaign's, too: a signal to it is for the program. */
static bool is_own(pid_t process)
{
    return process == getpid() || process == 0 || process == -1 || process == -getpgrp();
}

LG__EXPORT int kill(pid_t process, int number)
{
    struct lg__thread *self = lg__self;
    if (!self || !is_own(process))
        return lg__real()->kill(process, number);
    siginfo_t info = {.si_signo = number, .si_code = SI_USER};
    if (number && !is_number(number))
        return fail(EINVAL);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    return send_one(self, NULL, &info, LG__SITE);
}

LG__EXPORT int sigqueue(pid_t process, int number, const union sigval value)
{
    struct lg__thread *self = lg__self;
    if (!self || !is_own(process))
        return lg__real()->sigqueue(process, number, value);
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
    info.si_value = value;
    if (number && !is_number(number))
        return fail(EINVAL);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    return send_one(self, NULL, &info, LG__SITE);
}

/* ---- Waiting -------------------------------------------------------------------------------------------- */

/* Returns the number; -1 with EAGAIN or EINTR. */
int lg__signal_wait(struct lg__thread *self, const sigset_t *set, siginfo_t *info,
                    uint64_t deadline, uint64_t site)
{
    lg__thread_look_for_cancel(self);
    self->pending = LG__EVENT_WAIT;
    self->pending_var = 0;
    self->pending_address = 0;
    self->pending_site = site;
    self->wait = (struct lg__wait){.kind = LG__WAIT_ARRIVAL,
                                   .stamp = lg__signal_bits(set),
                                   .deadline = deadline,
                                   .site = site,
                                   .is_cancellable = true,
                                   .is_interruptible = true};
    bool has_come = lg__baton_wait(self);
    lg__thread_look_for_cancel(self);
    if (!has_come)
        return fail(self->was_interrupted ? EINTR : EAGAIN);
    lg__signal_take(self, lg__signal_bits(set), info);
    return info->si_signo;
}

LG__EXPORT int sigwait(const sigset_t *restrict set, int *restrict number)
{
    struct lg__thread *self = lg__self;
    siginfo_t info;
    if (!self)
        return lg__real()->sigwait(set, number);
    do
        *number = lg__signal_wait(self, set, &info, LG__NEVER, LG__SITE);
    while (*number < 0);
    return 0;
}

LG__EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict out)
{
    struct lg__thread *self = lg__self;
    siginfo_t info;
    if (!self)
        return lg__real()->sigwaitinfo(set, out);
    return lg__signal_wait(self, set, out ? out : &info, LG__NEVER, LG__SITE);
}

LG__EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict out,
                            const struct timespec *restrict time)
{
    struct lg__thread *self = lg__self;
    siginfo_t info;
    if (!self)
        return lg__real()->sigtimedwait(set, out, time);
    uint64_t deadline = time ? lg__time_after(time) : LG__NEVER;
    return lg__signal_wait(self, set, out ? out : &info, deadline, LG__SITE);
}

/* Until a handler has run. */
static int suspend(struct lg__thread *self, uint64_t site)
{
    lg__thread_look_for_cancel(self);
    self->pending = LG__EVENT_WAIT;
    self->pending_var = 0;
    self->pending_address = 0;
    self->pending_site = site;
    self->wait = (struct lg__wait){.kind = LG__WAIT_TIME,
                                   .deadline = LG__NEVER,
                                   .site = site,
                                   .is_cancellable = true,
                                   .is_interruptible = true,
                                   .is_for_signal = true};
    lg__baton_wait(self);
    lg__thread_look_for_cancel(self);
    return fail(EINTR);
}

LG__EXPORT int sigsuspend(const sigset_t *set)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sigsuspend(set);
    uint64_t before = self->blocked;
    lg__signal_block(self, lg__signal_bits(set));
    suspend(self, LG__SITE);
    lg__signal_block(self, before);
    return fail(EINTR);
}

LG__EXPORT int pause(void)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pause();
    lg__baton_point(self, LG__EVENT_WAIT, 0, 0, LG__SITE);
    return suspend(self, LG__SITE);
}

/* ---- Leaving a handler by a jump: the mask is what sigsetjmp has kept ------------------------------------- */

static void restore_mask(const struct __jmp_buf_tag *place)
{
    struct lg__thread *self = lg__self;
    if (self && place->__mask_was_saved)
        lg__signal_block(self, lg__signal_bits((const sigset_t *)&place->__saved_mask));
}

LG__EXPORT void siglongjmp(sigjmp_buf place, int value)
{
    restore_mask(place);
    lg__real()->siglongjmp(place, value);
    __builtin_unreachable();
}

LG__EXPORT void longjmp(jmp_buf place, int value)
{
    restore_mask(place);
    lg__real()->longjmp(place, value);
    __builtin_unreachable();
}

LG__EXPORT void _longjmp(jmp_buf place, int value)
{
    restore_mask(place);
    lg__real()->longjmp(place, value);
    __builtin_unreachable();
}

LG__EXPORT void __longjmp_chk(jmp_buf place, int value) __attribute__((noreturn));

void __longjmp_chk(jmp_buf place, int value)
{
    restore_mask(place);
    lg__real()->longjmp(place, value);
    __builtin_unreachable();
}
