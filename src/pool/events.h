/* Events: a pool's queue of what it tells its listener.
 *
 * A ring of fixed room.  Who adds holds the pool's lock, so the order in the ring is the order of what
 * has happened; who has added then becomes the drainer, or finds one.  One thread at a time is that,
 * and calls the listener, without any lock.
 *
 * Order pairs:
 *   E1  tail is stored (release) after the entry; pairs with the drainer's acquire load.
 *   E2  head is stored (release) after the entry was copied; pairs with the adder's acquire load: no
 *       entry is written over before it is read.
 *   E3  `drainer` is set to 1 under the pool's lock only; an adder that finds it at 1 swaps it after
 *       its store of tail.  The drainer swaps it to 0 and then loads tail.  Both swaps are of one word:
 *       if the adder's returns 1, the drainer's comes after it and sees its tail; so no event is left
 *       without a drainer. */
#ifndef LG_POOL_EVENTS_H
#define LG_POOL_EVENTS_H

#include "plat/atomic.h"

#include <lifeguard/pool_event.h>

struct lg_pool;

/* What an adder says. */
struct lg__event {
    uint64_t duration_ns;
    uint32_t id;
    int32_t status;
    uint8_t type;
    uint8_t reason;
    uint8_t is_interrupting;
};

/* An event in the ring, in whole words: what is read soon after it was written must be read as it was
 * written, or the processor waits for its own stores. */
struct lg__event_entry {
    uint64_t number;
    uint64_t duration_ns;
    uint64_t id_dropped;  /* id | dropped << 32 */
    uint64_t status_kind; /* status | type << 32 | reason << 40 | is_interrupting << 48 */
};

struct lg__events {
    lg_pool_event_sink *sink; /* r/o */
    void *arg;                /* r/o */
    const char *pool;         /* r/o */
    uint32_t room;            /* r/o */
    uint32_t mask;            /* r/o; of a place in the ring */
    uint32_t dropped;         /* under the pool's lock; since the last that found room */
    uint64_t number;          /* under the pool's lock; of the latest */
    uint64_t tail;            /* atomic, E1 and E3; written under the pool's lock */
    const struct lg_pool_options *options;      /* the creator; NULL afterwards */
    uint32_t drainer;                           /* atomic full, E3; 1: somebody delivers */
    uint64_t head __attribute__((aligned(64))); /* atomic, E2; written by the drainer */
    struct lg__event_entry ring[];
};

/* NULL: out of memory. */
struct lg__events *lg__events_create(const struct lg_pool_options *options, const char *pool);

/* With the pool's lock. */
static inline void lg__events_add(struct lg__events *events, const struct lg__event *event)
{
    uint64_t tail = lg__load_relaxed(&events->tail);
    struct lg__event_entry *entry = &events->ring[tail & events->mask];
    uint64_t number = ++events->number;
    if (lg__unlikely(tail - lg__load_acquire(&events->head) >= events->room)) { /* E2 */
        events->dropped += events->dropped < UINT32_MAX;
        return;
    }
    entry->number = number;
    entry->duration_ns = event->duration_ns;
    entry->id_dropped = event->id | (uint64_t)events->dropped << 32;
    entry->status_kind = (uint32_t)event->status | (uint64_t)event->type << 32 |
                         (uint64_t)event->reason << 40 | (uint64_t)event->is_interrupting << 48;
    events->dropped = 0;
    lg__store_release(&events->tail, tail + 1); /* E1 */
}

/* With the pool's lock, after the last add: become the drainer.  True: the caller must deliver once it
 * has dropped the lock. */
static inline bool lg__events_claim(struct lg__events *events)
{
    if (lg__load_acquire(&events->drainer) != 0)         /* the last drainer's head */
        return lg__swap_full(&events->drainer, 1u) == 0; /* E3 */
    lg__store_relaxed(&events->drainer, 1u);
    return true;
}

/* Deliver what is there, as the drainer, and be it no longer.  True: something was added while the
 * drainer left, so claim again.  Without any lock. */
bool lg__events_deliver(struct lg__events *events);

static inline bool lg__events_are_told(const struct lg__events *events)
{
    return lg__load_acquire(&events->tail) == lg__load_acquire(&events->head);
}

/* Whether all is delivered, and nobody is about it. */
static inline bool lg__events_are_quiet(const struct lg__events *events)
{
    return lg__events_are_told(events) && lg__load_full(&events->drainer) == 0;
}

/* The child of a fork says nothing of what the parent has done. */
void lg__events_forget(struct lg__events *events);

#endif
