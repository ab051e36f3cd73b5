/* The ring, and its delivery. */
#include "pool/events.h"

#include "plat/memory.h"

#include <lifeguard/pool.h>

#include <sched.h>

#define DEFAULT_ROOM 1024

struct lg__events *lg__events_create(const struct lg_pool_options *options, const char *pool)
{
    uint32_t room = options->event_room ? options->event_room : DEFAULT_ROOM;
    struct lg__events *events = lg__alloc(sizeof *events + room * sizeof events->ring[0]);
    if (!events)
        return NULL;
    events->sink = options->on_event;
    events->arg = options->on_event_arg;
    events->pool = pool;
    events->room = room;
    return events;
}

void lg__events_add(struct lg__events *events, const struct lg__event *event)
{
    uint64_t tail = lg__load_relaxed(&events->tail);
    uint64_t number = ++events->number;
    if (tail - lg__load_acquire(&events->head) >= events->room) { /* E2 */
        events->dropped += events->dropped < UINT32_MAX;
        return;
    }
    struct lg__event *entry = &events->ring[tail % events->room];
    *entry = *event;
    entry->number = number;
    entry->dropped = events->dropped;
    events->dropped = 0;
    lg__store_release(&events->tail, tail + 1); /* E1 */
}

static void deliver_one(struct lg__events *events, uint64_t head)
{
    struct lg__event entry = events->ring[head % events->room];
    lg__store_release(&events->head, head + 1); /* E2 */
    struct lg_pool_event event = {
        .number = entry.number,
        .type = (enum lg_pool_event_type)entry.type,
        .pool = events->pool,
        .id = entry.id,
        .reason = (enum lg_event_reason)entry.reason,
        .status = entry.status,
        .duration_ns = entry.duration_ns,
        .is_interrupting = entry.is_interrupting,
        .options = entry.type == LG_EVENT_POOL_CREATED ? events->options : NULL,
        .dropped = entry.dropped,
    };
    events->sink(events->arg, &event);
}

void lg__events_deliver(struct lg__events *events)
{
    while (!lg__events_are_told(events) && lg__swap_full(&events->drainer, 1u) == 0) { /* E3 */
        uint64_t head;
        while ((head = lg__load_relaxed(&events->head)) != lg__load_acquire(&events->tail)) /* E1 */
            deliver_one(events, head);
        (void)lg__swap_full(&events->drainer, 0u); /* E3: before the look at the tail */
    }
}

void lg__events_finish(struct lg__events *events)
{
    lg__events_deliver(events);
    while (!lg__events_are_told(events) || lg__load_full(&events->drainer))
        sched_yield();
}

void lg__events_forget(struct lg__events *events)
{
    events->head = events->tail;
    events->drainer = events->dropped = 0;
}

const char *lg_event_name(enum lg_pool_event_type type)
{
    switch (type) {
#define EVENT_NAME(name, text)                                                                     \
    case LG_EVENT_##name:                                                                          \
        return text;
        LG_POOL_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
    }
    return "?";
}

const char *lg_reason_name(enum lg_event_reason reason)
{
    switch (reason) {
#define REASON_NAME(name, text)                                                                    \
    case LG_REASON_##name:                                                                         \
        return text;
        LG_EVENT_REASON_LIST(REASON_NAME)
#undef REASON_NAME
    }
    return "?";
}
