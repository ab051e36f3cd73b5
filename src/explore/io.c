/* Input and output: a call that could block waits until it would not, and is then made.  A pipe orders what
 * was before a write and what is after a read; one clock for all of them says so, because it is not known
 * which ends belong together. */
#include "explore/access.h"
#include "explore/alarm.h"
#include "explore/intercept.h"
#include "explore/signal.h"
#include "explore/signal_file.h"
#include "explore/variable.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define DESCRIPTORS_MAX 1024

static struct lg__clock told; /* by all writes */

static void learn(struct lg__thread *self)
{
    lg__clock_join(&self->clock, &told);
}

void lg__input_tell(struct lg__thread *self)
{
    lg__variable_release(self, &told);
    lg__baton_changed();
}

bool lg__input_wait(struct lg__thread *self, const struct pollfd *descriptors, uint32_t count,
                    uint64_t deadline, bool is_restartable, uint64_t site)
{
    lg__thread_look_for_cancel(self);
    self->pending = LG__EVENT_INPUT;
    self->pending_var = 0;
    self->pending_address = 0;
    self->pending_site = site;
    self->wait = (struct lg__wait){.kind = LG__WAIT_INPUT,
                                   .input = descriptors,
                                   .inputs = count,
                                   .deadline = deadline,
                                   .site = site,
                                   .is_cancellable = true,
                                   .is_interruptible = true,
                                   .is_restartable = is_restartable};
    lg__baton_wait(self);
    bool was_interrupted = self->was_interrupted;
    lg__thread_look_for_cancel(self);
    if (was_interrupted)
        errno = EINTR;
    return !was_interrupted;
}

/* The same for calls that wait for several, with another mask if there is one. */
static bool wait_with(struct lg__thread *self, const struct pollfd *descriptors, uint32_t count,
                      uint64_t deadline, const sigset_t *signals, uint64_t site)
{
    uint64_t blocked = self->blocked;
    if (signals)
        lg__signal_block(self, lg__signal_bits(signals));
    bool goes_on = lg__input_wait(self, descriptors, count, deadline, false, site);
    if (signals)
        lg__signal_block(self, blocked);
    if (goes_on)
        learn(self);
    return goes_on;
}

static bool is_nonblocking(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 || (flags & O_NONBLOCK);
}

bool lg__input_before(int descriptor, short events, uint64_t deadline, bool must_return,
                      uint64_t site)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return true;
    struct pollfd one = {.fd = descriptor, .events = events};
    if (must_return || is_nonblocking(descriptor))
        lg__baton_point(self, LG__EVENT_INPUT, 0, 0, site);
    else if (!lg__input_wait(self, &one, 1, deadline, true, site))
        return false;
    if (events == POLLOUT)
        lg__input_tell(self);
    return true;
}

static bool before(int descriptor, short events, uint64_t site)
{
    return lg__input_before(descriptor, events, LG__NEVER, false, site);
}

/* The same for messages, which have flags of their own. */
static bool before_message(int descriptor, short events, int flags, uint64_t site)
{
    return lg__input_before(descriptor, events, LG__NEVER, flags & MSG_DONTWAIT, site);
}

ssize_t lg__input_after(const void *buffer, ssize_t count, uint64_t site)
{
    struct lg__thread *self = lg__self;
    if (!self || count < 0)
        return count;
    int error = errno;
    learn(self);
    lg__baton_changed();
    if (buffer)
        lg__access_range((uintptr_t)buffer, (size_t)count, true, site);
    errno = error;
    return count;
}

static void note_read(const void *buffer, size_t count, uint64_t site)
{
    if (lg__self)
        lg__access_range((uintptr_t)buffer, count, false, site);
}

/* ---- Reading ------------------------------------------------------------------------------------------ */

ssize_t lg__input_read(int descriptor, void *buffer, size_t count, uint64_t site)
{
    if (lg__self && lg__signal_file_bits(descriptor))
        return lg__signal_file_read(descriptor, buffer, count, site);
    if (!before(descriptor, POLLIN, site))
        return -1;
    return lg__input_after(buffer, lg__real()->read(descriptor, buffer, count), site);
}

ssize_t lg__input_receive(int descriptor, void *buffer, size_t count, int flags, uint64_t site)
{
    if (!before_message(descriptor, POLLIN, flags, site))
        return -1;
    return lg__input_after(buffer, lg__real()->recv(descriptor, buffer, count, flags), site);
}

LG__EXPORT ssize_t read(int descriptor, void *buffer, size_t count)
{
    return lg__input_read(descriptor, buffer, count, LG__SITE);
}

LG__EXPORT ssize_t readv(int descriptor, const struct iovec *parts, int count)
{
    if (!before(descriptor, POLLIN, LG__SITE))
        return -1;
    return lg__input_after(NULL, lg__real()->readv(descriptor, parts, count), LG__SITE);
}

LG__EXPORT ssize_t recv(int descriptor, void *buffer, size_t count, int flags)
{
    return lg__input_receive(descriptor, buffer, count, flags, LG__SITE);
}

LG__EXPORT ssize_t recvfrom(int descriptor, void *buffer, size_t count, int flags,
                            struct sockaddr *from, socklen_t *size)
{
    if (!before_message(descriptor, POLLIN, flags, LG__SITE))
        return -1;
    return lg__input_after(
        buffer, lg__real()->recvfrom(descriptor, buffer, count, flags, from, size), LG__SITE);
}

LG__EXPORT ssize_t recvmsg(int descriptor, struct msghdr *message, int flags)
{
    if (!before_message(descriptor, POLLIN, flags, LG__SITE))
        return -1;
    return lg__input_after(NULL, lg__real()->recvmsg(descriptor, message, flags), LG__SITE);
}

LG__EXPORT int accept(int descriptor, struct sockaddr *from, socklen_t *size)
{
    if (!before(descriptor, POLLIN, LG__SITE))
        return -1;
    return (int)lg__input_after(NULL, lg__real()->accept(descriptor, from, size), LG__SITE);
}

LG__EXPORT int accept4(int descriptor, struct sockaddr *from, socklen_t *size, int flags)
{
    if (!before(descriptor, POLLIN, LG__SITE))
        return -1;
    return (int)lg__input_after(NULL, lg__real()->accept4(descriptor, from, size, flags), LG__SITE);
}

LG__EXPORT int eventfd_read(int descriptor, eventfd_t *value)
{
    if (!before(descriptor, POLLIN, LG__SITE))
        return -1;
    return (int)lg__input_after(NULL, lg__real()->eventfd_read(descriptor, value), LG__SITE);
}

/* ---- Writing ------------------------------------------------------------------------------------------ */

LG__EXPORT ssize_t write(int descriptor, const void *buffer, size_t count)
{
    note_read(buffer, count, LG__SITE);
    if (!before(descriptor, POLLOUT, LG__SITE))
        return -1;
    return lg__real()->write(descriptor, buffer, count);
}

LG__EXPORT ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    if (!before(descriptor, POLLOUT, LG__SITE))
        return -1;
    return lg__real()->writev(descriptor, parts, count);
}

LG__EXPORT ssize_t send(int descriptor, const void *buffer, size_t count, int flags)
{
    note_read(buffer, count, LG__SITE);
    if (!before_message(descriptor, POLLOUT, flags, LG__SITE))
        return -1;
    return lg__real()->send(descriptor, buffer, count, flags);
}

LG__EXPORT ssize_t sendto(int descriptor, const void *buffer, size_t count, int flags,
                          const struct sockaddr *to, socklen_t size)
{
    note_read(buffer, count, LG__SITE);
    if (!before_message(descriptor, POLLOUT, flags, LG__SITE))
        return -1;
    return lg__real()->sendto(descriptor, buffer, count, flags, to, size);
}

LG__EXPORT ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    if (!before_message(descriptor, POLLOUT, flags, LG__SITE))
        return -1;
    return lg__real()->sendmsg(descriptor, message, flags);
}

LG__EXPORT int eventfd_write(int descriptor, eventfd_t value)
{
    if (!before(descriptor, POLLOUT, LG__SITE))
        return -1;
    return lg__real()->eventfd_write(descriptor, value);
}

/* The other end of a pipe sees that it is closed. */
LG__EXPORT int close(int descriptor)
{
    struct lg__thread *self = lg__self;
    if (self) {
        lg__baton_point(self, LG__EVENT_INPUT, 0, 0, LG__SITE);
        lg__input_tell(self);
        lg__alarm_close(descriptor);
        lg__signal_file_close(descriptor);
    }
    return lg__real()->close(descriptor);
}

/* ---- Waiting for several ------------------------------------------------------------------------------ */

static uint64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? LG__NEVER : lg__run_now_ns() + (uint64_t)timeout_ms * 1000000;
}

static uint64_t deadline_after(const struct timespec *timeout)
{
    if (!timeout)
        return LG__NEVER;
    return lg__run_now_ns() + (uint64_t)timeout->tv_sec * 1000000000 + (uint64_t)timeout->tv_nsec;
}

LG__EXPORT int poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    struct lg__thread *self = lg__self;
    if (!self || count > DESCRIPTORS_MAX)
        return lg__real()->poll(descriptors, count, timeout_ms);
    if (!wait_with(self, descriptors, (uint32_t)count, deadline_of(timeout_ms), NULL, LG__SITE))
        return -1;
    return lg__real()->poll(descriptors, count, 0);
}

LG__EXPORT int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                     const sigset_t *signals)
{
    struct lg__thread *self = lg__self;
    if (!self || count > DESCRIPTORS_MAX)
        return lg__real()->ppoll(descriptors, count, timeout, signals);
    if (!wait_with(self, descriptors, (uint32_t)count, deadline_after(timeout), signals, LG__SITE))
        return -1;
    struct timespec none = {0, 0};
    return lg__real()->ppoll(descriptors, count, &none, signals);
}

static uint32_t collect(int count, const fd_set *in, const fd_set *out, const fd_set *bad,
                        struct pollfd *descriptors)
{
    uint32_t used = 0;
    for (int i = 0; i < count && used < DESCRIPTORS_MAX; i++) {
        short events = 0;
        if (in && FD_ISSET(i, in))
            events |= POLLIN;
        if (out && FD_ISSET(i, out))
            events |= POLLOUT;
        if (bad && FD_ISSET(i, bad))
            events |= POLLPRI;
        if (events)
            descriptors[used++] = (struct pollfd){.fd = i, .events = events};
    }
    return used;
}

LG__EXPORT int select(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                      struct timeval *restrict timeout)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->select(count, in, out, bad, timeout);
    struct pollfd descriptors[DESCRIPTORS_MAX];
    struct timespec time = {0};
    if (timeout)
        time = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
    if (!wait_with(self, descriptors, collect(count, in, out, bad, descriptors),
                   deadline_after(timeout ? &time : NULL), NULL, LG__SITE))
        return -1;
    struct timeval none = {0, 0};
    return lg__real()->select(count, in, out, bad, &none);
}

LG__EXPORT int pselect(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                       const struct timespec *restrict timeout, const sigset_t *restrict signals)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pselect(count, in, out, bad, timeout, signals);
    struct pollfd descriptors[DESCRIPTORS_MAX];
    if (!wait_with(self, descriptors, collect(count, in, out, bad, descriptors),
                   deadline_after(timeout), signals, LG__SITE))
        return -1;
    struct timespec none = {0, 0};
    return lg__real()->pselect(count, in, out, bad, &none, signals);
}

LG__EXPORT int epoll_wait(int descriptor, struct epoll_event *events, int room, int timeout_ms)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->epoll_wait(descriptor, events, room, timeout_ms);
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    if (!wait_with(self, &one, 1, deadline_of(timeout_ms), NULL, LG__SITE))
        return -1;
    return lg__real()->epoll_wait(descriptor, events, room, 0);
}

LG__EXPORT int epoll_pwait(int descriptor, struct epoll_event *events, int room, int timeout_ms,
                           const sigset_t *signals)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->epoll_pwait(descriptor, events, room, timeout_ms, signals);
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    if (!wait_with(self, &one, 1, deadline_of(timeout_ms), signals, LG__SITE))
        return -1;
    return lg__real()->epoll_pwait(descriptor, events, room, 0, signals);
}

LG__EXPORT int epoll_pwait2(int descriptor, struct epoll_event *events, int room,
                            const struct timespec *timeout, const sigset_t *signals)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->epoll_pwait2(descriptor, events, room, timeout, signals);
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    if (!wait_with(self, &one, 1, deadline_after(timeout), signals, LG__SITE))
        return -1;
    return lg__real()->epoll_pwait(descriptor, events, room, 0, signals);
}
