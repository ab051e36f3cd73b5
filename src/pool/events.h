/* Events: a pool's queue of what it tells its listener.
 *
 * A ring of fixed room.  Who adds holds the pool's lock, so the order in the ring is the order of what
 * has happened; who has added then calls lg__events_tell without any lock.  One thread at a time is
 * the drainer and calls the listener.
 *
 * Order pairs:
 *   E1  tail is stored (release) after the entry; pairs with the drainer's acquire load.
 *   E2  head is stored (release) after the entry was copied; pairs with the adder's acquire load: no
 *       entry is written over before it is read.
 *   E3  an adder stores tail and then swaps `drainer` to 1; the drainer swaps it to 0 and then loads
 *       tail.  Both swaps are of one word: if the adder finds 1, the drainer's swap comes after its
 *       and sees its tail; so no event is left without a drainer. */
#ifndef LG_POOL_EVENTS_H
#define LG_POOL_EVENTS_H

#include "plat/atomic.h"

#include <lifeguard/pool_event.h>

struct lg_pool;

struct lg__event {
    uint64_t number; /* filled in by add */
    uint64_t duration_ns;
    uint32_t dropped; /* as number */
    uint32_t id;
    int32_t status;
    uint8_t type;
    uint8_t reason;
    uint8_t is_interrupting;
};

struct lg__events {
    lg_pool_event_sink *sink; /* r/o */
    void *arg;                /* r/o */
    const char *pool;         /* r/o */
    uint32_t room;            /* r/o */
    uint32_t dropped;         /* under the pool's lock; since the last that found room */
    uint64_t number;          /* under the pool's lock; of the latest */
    uint64_t tail;            /* atomic, E1 and E3; written under the pool's lock */
    const struct lg_pool_options *options;      /* the creator; NULL afterwards */
    uint32_t drainer;                           /* atomic full, E3; 1: somebody delivers */
    uint64_t head __attribute__((aligned(64))); /* atomic, E2; written by the drainer */
    struct lg__event ring[];
};

/* NULL: out of memory. */
struct lg__events *lg__events_create(const struct lg_pool_options *options, const char *pool);

/* With the pool's lock. */
void lg__events_add(struct lg__events *events, const struct lg__event *event);

/* Deliver what is there, unless somebody does.  Without any lock. */
void lg__events_deliver(struct lg__events *events);

static inline bool lg__events_are_told(const struct lg__events *events)
{
    return lg__load_acquire(&events->tail) == lg__load_acquire(&events->head);
}

/* Wait until all is delivered: for destroy. */
void lg__events_finish(struct lg__events *events);

/* The child of a fork says nothing of what the parent has done. */
void lg__events_forget(struct lg__events *events);

#endif
