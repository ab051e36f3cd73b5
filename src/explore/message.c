/* Messages: several at once through a socket, POSIX message queues, whose numbers are descriptors in Linux, and the
 * connection that they need. */
#include "explore/access.h"
#include "explore/intercept.h"

#include <fcntl.h>
#include <sys/socket.h>

/* ---- Several at once ------------------------------------------------------------------------------------ */

/* Each waits for itself, so that no call blocks half way.  How many were passed, or -1. */
static int pass_all(int descriptor, struct mmsghdr *messages, unsigned count, int flags,
                    uint64_t deadline, short events, uint64_t site)
{
    const struct lg__real *real = lg__real();
    bool is_first_only = flags & MSG_WAITFORONE;
    unsigned done = 0;
    int once = (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT;
    do {
        bool must_return = (flags & MSG_DONTWAIT) || (done && is_first_only);
        if (!lg__input_before(descriptor, events, LG__NEVER, must_return, site))
            break;
        int passed = events == POLLIN ? real->recvmmsg(descriptor, messages + done, 1, once, NULL)
                                      : real->sendmmsg(descriptor, messages + done, 1, once);
        if (passed <= 0)
            break;
        if (events == POLLIN)
            lg__input_after(NULL, passed, site);
        done++;
    } while (done < count && lg__run_now_ns() < deadline);
    return done ? (int)done : -1;
}

LG__EXPORT int recvmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags,
                        struct timespec *timeout)
{
    if (!lg__self || !count)
        return lg__real()->recvmmsg(descriptor, messages, count, flags, timeout);
    return pass_all(descriptor, messages, count, flags,
                    timeout ? lg__time_after(timeout) : LG__NEVER, POLLIN, LG__SITE);
}

LG__EXPORT int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags)
{
    if (!lg__self || !count)
        return lg__real()->sendmmsg(descriptor, messages, count, flags);
    return pass_all(descriptor, messages, count, flags, LG__NEVER, POLLOUT, LG__SITE);
}

/* ---- Message queues --------------------------------------------------------------------------------------- */

/* False: errno says why. */
static bool await_queue(mqd_t queue, short events, const struct timespec *time, uint64_t site)
{
    uint64_t deadline = LG__NEVER;
    int status = lg__self && time ? lg__time_deadline(CLOCK_REALTIME, time, &deadline) : 0;
    if (status) {
        errno = status;
        return false;
    }
    if (!lg__input_before(queue, events, deadline, false, site))
        return false;
    struct pollfd one = {.fd = queue, .events = events};
    if (deadline == LG__NEVER || lg__real()->poll(&one, 1, 0) != 0)
        return true;
    errno = ETIMEDOUT;
    return false;
}

static int send_to_queue(mqd_t queue, const char *message, size_t size, unsigned priority,
                         const struct timespec *time, uint64_t site)
{
    if (!lg__self)
        return lg__real()->mq_timedsend(queue, message, size, priority, time);
    lg__access_range((uintptr_t)message, size, false, site);
    return await_queue(queue, POLLOUT, time, site)
               ? lg__real()->mq_send(queue, message, size, priority)
               : -1;
}

static ssize_t receive_from_queue(mqd_t queue, char *message, size_t size, unsigned *priority,
                                  const struct timespec *time, uint64_t site)
{
    if (!lg__self)
        return lg__real()->mq_timedreceive(queue, message, size, priority, time);
    if (!await_queue(queue, POLLIN, time, site))
        return -1;
    return lg__input_after(message, lg__real()->mq_receive(queue, message, size, priority), site);
}

LG__EXPORT int mq_send(mqd_t queue, const char *message, size_t size, unsigned priority)
{
    return send_to_queue(queue, message, size, priority, NULL, LG__SITE);
}

LG__EXPORT int mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
                            const struct timespec *time)
{
    return send_to_queue(queue, message, size, priority, time, LG__SITE);
}

LG__EXPORT ssize_t mq_receive(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    return receive_from_queue(queue, message, size, priority, NULL, LG__SITE);
}

LG__EXPORT ssize_t mq_timedreceive(mqd_t queue, char *restrict message, size_t size,
                                   unsigned *restrict priority,
                                   const struct timespec *restrict time)
{
    return receive_from_queue(queue, message, size, priority, time, LG__SITE);
}

/* ---- Connections --------------------------------------------------------------------------------------------- */

/* Made without blocking, and then waited for.  A local socket whose listener has no room says so otherwise, and
 * gets a call that blocks. */
static int begin_to_connect(int descriptor, const struct sockaddr *to, socklen_t size)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK))
        return lg__real()->connect(descriptor, to, size);
    fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    int status = lg__real()->connect(descriptor, to, size), error = errno;
    fcntl(descriptor, F_SETFL, flags);
    errno = error;
    if (status && error == EAGAIN)
        return lg__real()->connect(descriptor, to, size);
    return status;
}

LG__EXPORT int connect(int descriptor, const struct sockaddr *to, socklen_t size)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->connect(descriptor, to, size);
    int flags = fcntl(descriptor, F_GETFL), error = 0;
    lg__baton_point(self, LG__EVENT_INPUT, 0, 0, LG__SITE);
    lg__input_tell(self);
    int status = begin_to_connect(descriptor, to, size);
    if (!status || errno != EINPROGRESS || (flags & O_NONBLOCK))
        return status;
    struct pollfd one = {.fd = descriptor, .events = POLLOUT};
    socklen_t length = sizeof error;
    if (!lg__input_wait(self, &one, 1, LG__NEVER, false, LG__SITE) ||
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length))
        return -1;
    errno = error ? error : errno;
    return error ? -1 : 0;
}
