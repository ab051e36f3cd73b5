/* What a pool tells: eleven events of its life, one after the other, to one listener.
 *
 *     static void listen(void *arg, const struct lg_pool_event *event)
 *     {
 *         printf("%s %s #%llu\n", event->pool, lg_event_name(event->type),
 *                (unsigned long long)event->id);
 *     }
 *     options.on_event = listen;
 *
 * Events are numbered under the pool's lock and delivered in that order, one at a time, outside every
 * lock, by whichever thread comes by: a caller of the pool may find itself delivering what others have
 * done, and one that finds another delivering goes on at once.  So a listener that blocks holds up one
 * thread, and then events queue; when there is no room (event_room), they are dropped and the next one
 * says how many.
 *
 * What may be relied on, unless something was dropped:
 *   - each CHECKOUT_STARTED is followed by one CHECKED_OUT or one CHECKOUT_FAILED of that call, and
 *     each CHECKED_OUT by one CHECKED_IN; a checkout of several has one of each for each resource;
 *   - each RESOURCE_CREATED is followed by one RESOURCE_CLOSED, and in between, if the open worked, by
 *     one RESOURCE_READY; numbers of resources are dense: 1, 2, 3 in the order of RESOURCE_CREATED;
 *   - CHECKED_IN comes before the CHECKED_OUT that it makes possible, POOL_READY before any
 *     RESOURCE_CREATED of the background, and the RESOURCE_CLOSED of what is idle before POOL_CLOSED;
 *   - POOL_CLOSED is not the last: what is lent or being opened then is closed later.
 * A listener may call the pool; what that causes is delivered after it has returned.  It must not
 * destroy the pool, fork, or end by anything but a return.  A call after which the pool tells
 * something that the caller itself delivers costs the caller the listener's time. */
#ifndef LIFEGUARD_POOL_EVENT_H
#define LIFEGUARD_POOL_EVENT_H

#include <lifeguard/base.h>

struct lg_pool_options;

/* X(name, short name) */
#define LG_POOL_EVENT_LIST(X)                                                                      \
    X(POOL_CREATED, "pool created")                                                                \
    X(POOL_READY, "pool ready")                                                                    \
    X(POOL_CLEARED, "pool cleared")                                                                \
    X(POOL_CLOSED, "pool closed")                                                                  \
    X(RESOURCE_CREATED, "resource created") /* its open begins */                                  \
    X(RESOURCE_READY, "resource ready")     /* its open has worked */                              \
    X(RESOURCE_CLOSED, "resource closed")   /* it will not be lent again, its close begins */      \
    X(CHECKOUT_STARTED, "checkout started")                                                        \
    X(CHECKOUT_FAILED, "checkout failed")                                                          \
    X(CHECKED_OUT, "checked out")                                                                  \
    X(CHECKED_IN, "checked in")

enum lg_pool_event_type {
#define LG_POOL_EVENT_ENUM(name, text) LG_EVENT_##name,
    LG_POOL_EVENT_LIST(LG_POOL_EVENT_ENUM)
#undef LG_POOL_EVENT_ENUM
};

/* Why a resource was closed, or a checkout failed. */
#define LG_EVENT_REASON_LIST(X)                                                                    \
    X(NONE, "none")                                                                                \
    X(STALE, "stale")             /* of a generation before the last clear */                      \
    X(IDLE, "idle")               /* not used for idle_timeout_ms */                               \
    X(ERROR, "error")             /* its open, check or reset failed, or it was discarded */       \
    X(POOL_CLOSED, "pool closed") /* the pool is closed */                                         \
    X(TIMEOUT, "timeout")         /* the deadline passed; or LG_TRY found nothing */               \
    X(OPEN_FAILED, "open failed") /* none could be opened; or the pool is paused */                \
    X(DEADLOCK, "deadlock")       /* the wait would never have ended */                            \
    X(NESTED, "nested")           /* a second checkout where that is forbidden */                  \
    X(LIFETIME, "lifetime")       /* it was open long enough */                                    \
    X(EVICTED, "evicted")         /* by lg_pool_evict */                                           \
    X(SURPLUS, "surplus")         /* the pool was made smaller */

enum lg_event_reason {
#define LG_EVENT_REASON_ENUM(name, text) LG_REASON_##name,
    LG_EVENT_REASON_LIST(LG_EVENT_REASON_ENUM)
#undef LG_EVENT_REASON_ENUM
};

/* Valid during the call of the listener only. */
struct lg_pool_event {
    uint64_t number; /* 1 for the pool's first; a dropped one has a number too */
    enum lg_pool_event_type type;
    const char *pool;            /* its name */
    uint64_t id;                 /* of the resource, from 1; 0: the event is of none */
    enum lg_event_reason reason; /* RESOURCE_CLOSED, CHECKOUT_FAILED */
    int status;               /* CHECKOUT_FAILED; RESOURCE_CLOSED of a failed open: the driver's */
    uint64_t duration_ns;     /* RESOURCE_READY: its open; CHECKED_OUT, CHECKOUT_FAILED: the wait,
                                    0 if there was none */
    uint32_t is_interrupting; /* POOL_CLEARED: with LG_CLEAR_INTERRUPT */
    const struct lg_pool_options *options; /* POOL_CREATED: as given; else NULL */
    uint64_t dropped;                      /* so many before this one found no room */
};

typedef void lg_pool_event_sink(void *arg, const struct lg_pool_event *event);

LG_BEGIN_DECLS

/* The name of an event's type, "checked out".
 * Returns: constant text; "?" for a number that is none.
 * Threads: any; signal-safe. */
LG_API const char *lg_event_name(enum lg_pool_event_type type);

/* The name of a reason, "stale".
 * Returns: constant text; "?" for a number that is none.
 * Threads: any; signal-safe. */
LG_API const char *lg_reason_name(enum lg_event_reason reason);

LG_END_DECLS

#endif
