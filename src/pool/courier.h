/* Courier: a pool's thread for those who asked and did not wait.
 *
 * A request (request.h) queues with a proxy's wait in the place of a thread's.  Whoever ends that wait, be
 * it a returner, an opener, a close or a cancel, only notes that the request is due; the courier does what
 * a woken thread would do: it has the resource checked, lends it, and says so by callback or event fd.
 * It also ends the waits whose time has come.
 *
 * The thread is there while requests are pending, and for a moment longer, so that one request after the
 * other does not cost a thread each; it is started by the request that finds none, and if none can be
 * started, that request fails and nothing has happened.  A request that finds it being started waits for
 * that as long as it would take to start one.
 *
 * Invariants, under the pool's lock:
 *   - while anything is pending, the thread is there, or its starter has not returned;
 *   - a request that waits is in `alarms` if it has a deadline or patience; one whose wait was ended by
 *     another is on the due list exactly once an end, because exactly one ender notifies. */
#ifndef LG_POOL_COURIER_H
#define LG_POOL_COURIER_H

#include "plat/heap.h"

struct lg_pool;
struct lg_request;

enum lg__courier_state { LG__COURIER_NONE, LG__COURIER_STARTING, LG__COURIER_THERE };

struct lg__courier {
    uint32_t state;      /* atomic; changed under lock; a futex for those who ask meanwhile */
    uint32_t kicks;      /* atomic; changed under lock; the courier's futex */
    uint32_t pending;    /* under lock; requests that are not over */
    bool is_asleep;      /* under lock; and has to be woken */
    uint64_t until_ns;   /* under lock; until then it sleeps */
    uint64_t leaving_ns; /* under lock; when it leaves; 0: something is pending */
    struct lg_request *due_first; /* under lock */
    struct lg_request *due_last;  /* under lock */
    struct lg__heap alarms;       /* under lock; by the time at which something has to be done */
};

/* One more request is pending, and a courier is there for it.  False: none can be started. */
bool lg__courier_hire(struct lg_pool *pool);

/* A request is over.  Takes the lock. */
void lg__courier_dismiss(struct lg_pool *pool);

/* With the lock: a wait has begun, or has ended by its own begin.  True: lg__courier_wake must follow. */
bool lg__courier_watch(struct lg_request *request, bool has_ended);

/* With the lock: there is something to do for the request.  As watch. */
bool lg__courier_push(struct lg_request *request);

/* Without the lock, and by the address alone: the pool may be gone. */
void lg__courier_wake(struct lg_pool *pool);

/* For the waits of proxies: push and wake.  The argument is the request. */
void lg__courier_notify(void *request);

/* The pool is closed: no need to linger. */
void lg__courier_send_home(struct lg_pool *pool);

/* For fork's handlers: in the child there is none, and nothing pending. */
void lg__courier_forget(struct lg_pool *pool);

#endif
