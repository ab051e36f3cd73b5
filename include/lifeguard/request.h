/* Request: a checkout that does not block its caller.
 *
 * The caller goes on at once.  When there is something to lend, or a reason why not, the request is over:
 * its callback is called, 1 is written to its event fd, and without a callback its outcome waits for
 * lg_request_poll.  One event fd may serve any number of requests of one event loop:
 *
 *     int done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), loop = epoll_create1(EPOLL_CLOEXEC);
 *     struct epoll_event event = {.events = EPOLLIN, .data.fd = done};
 *     struct lg_request *request;
 *     struct lg_lease lease;
 *     epoll_ctl(loop, EPOLL_CTL_ADD, done, &event);
 *     if (lg_pool_request(pool, lg_after_ms(5000), NULL, NULL, done, &request) != LG_OK) ...
 *     while (epoll_wait(loop, &event, 1, -1) == 1 && event.data.fd == done) {
 *         eventfd_t count;                         // read it before the poll: nothing is missed
 *         eventfd_read(done, &count);
 *         int status = lg_request_poll(request, &lease);
 *         if (status == LG_OK) ...                 // use it, lg_pool_checkin(pool, &lease)
 *         if (status != LG_EBUSY) lg_request_end(request);
 *     }
 *
 * It queues with the blocking checkouts, first come first served, and what may happen to one of them may
 * happen to it: its deadline, a pause, a close, an open that fails, a request of the cancel token in whose
 * scope the caller was.  Only nobody overtakes it by chance: what comes back while it is first is its own.
 *
 * What it is granted is nobody's, as after lg_lease_detach: use it from where you like, or lg_lease_adopt
 * it.  A request holds nothing while it waits, so it is part of no deadlock; and no deadlock is found
 * through a loop that waits for its fd while it holds what the request needs: give that a deadline.  To
 * nested = share or forbid it is no second checkout of anybody.
 *
 * Exactly one outcome is told, once: to the callback, if there is one, else to poll.  Callbacks come on
 * the pool's courier, a background thread with all signals blocked, one after the other: never on the
 * thread that returns a resource, never in the call that asks, and under no lock.  One that takes long
 * holds up the other requests of that pool, and nobody else; so does the driver's check, which runs there.
 * A callback may call the pool: check in, ask again, end requests, clear, close with LG_TRY.  It must not
 * destroy the pool, fork, or end by anything but a return, and had better not wait: for another request of
 * the same pool it waits in vain.
 *
 * In the child of a fork the parent's requests are over: no callback comes, poll and cancel say LG_EFORK,
 * and lg_request_end frees them.
 *
 * Illegal: any call for a request after its end, or while another thread ends it; to destroy the pool
 * while a request waits (panic), or was granted what nobody has taken: that is a lease that is out (panic).
 * After a close, destroy waits for the callbacks that are still to come.  A request that is over, and was
 * not granted anything that is still to be taken, may be ended after the pool is gone. */
#ifndef LIFEGUARD_REQUEST_H
#define LIFEGUARD_REQUEST_H

#include <lifeguard/pool.h>

struct lg_request;

/* The outcome.  The lease is a copy for the callback to take: on LG_OK it is out, and whoever was called
 * has to see to its checkin; else it is empty.  After a failure lg_report_last says why, as it does after
 * the same failure of a checkout. */
typedef void lg_request_callback(void *arg, int status, struct lg_lease *lease);

LG_BEGIN_DECLS

/* Ask for a resource without waiting for it.
 * Shape:   pool and out not NULL; callback NULL: the outcome is for lg_request_poll; event_fd -1: none,
 *          else an eventfd, best non-blocking, open until the request is over or ended.  One that cannot
 *          be written is ignored, and that is logged once ("request-fd").  *out is written before the
 *          callback can come, and is NULL unless LG_OK.
 * Units:   deadline absolute, for queue, open and check together; LG_TRY: the outcome is LG_ETIMEDOUT if
 *          nothing is idle.
 * Returns: LG_OK: there will be an outcome, one of those of lg_pool_checkout.  LG_EINVAL; LG_ENOMEM
 *          (memory, more than 60,000 contexts and requests, or no thread for the courier): nothing has
 *          been asked for, and no callback comes.
 * Threads: any; does not wait for resources, nor for the driver; allocates the request.
 * Source:  one completion for each submission, as in libuv and io_uring. */
#define lg_pool_request(pool, deadline, callback, arg, event_fd, out)                              \
    lg_pool_request_at((pool), (deadline), (callback), (arg), (event_fd), (out), LG_HERE)
LG_API LG_MUST_CHECK int lg_pool_request_at(struct lg_pool *pool, lg_deadline deadline,
                                            lg_request_callback *callback, void *arg, int event_fd,
                                            struct lg_request **out, const char *place);

/* Take the outcome of a request without a callback, if it is over.
 * Shape:   request and lease not NULL; lease is empty unless LG_OK.
 * Returns: LG_EBUSY: not over yet.  Once, the outcome: LG_OK with the lease, or one of the failures of
 *          lg_pool_checkout but LG_EBUSY, or LG_ECANCELED (lg_request_cancel, or the token).  After that, or if the
 *          outcome is the callback's and was told, LG_ESTALE.  LG_EFORK (the parent's); LG_EINVAL.
 * Threads: any; never waits. */
LG_API LG_MUST_CHECK int lg_request_poll(struct lg_request *request, struct lg_lease *lease);

/* Ask no more.  Exactly one of two things happens: the outcome is LG_ECANCELED, and what it was granted
 * and nobody has taken goes back to the pool; or the outcome was there first, and stands.
 * Returns: LG_OK: the outcome is LG_ECANCELED: the callback is told so by the courier, or poll says so.
 *          LG_ESTALE: it had failed already, or was told or taken, or its callback is being told.
 *          LG_EFORK (the parent's); LG_EINVAL (NULL).
 * Threads: any, also callbacks; runs the driver's reset if something goes back; does not wait for the
 *          callback. */
LG_API LG_MUST_CHECK int lg_request_cancel(struct lg_request *request);

/* Free a request.  NULL is fine.  If it is not over it is cancelled, and its callback will not be called;
 * if its outcome is a grant that nobody has taken, that goes back to the pool.  When this returns the
 * callback is not running and will not run, and the event fd is not written any more: if the courier is
 * at that now, it is waited for (so hold nothing that the callback needs), but not by the callback itself.
 * Threads: any, also its own callback, and then it is freed when that has returned. */
LG_API void lg_request_end(struct lg_request *request);

LG_END_DECLS

#endif
