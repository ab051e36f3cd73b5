/* The ring, and its delivery. */
#include "pool/pool.h"

#include "plat/memory.h"

#include <lifeguard/pool.h>

#define DEFAULT_ROOM 1024

struct lg__events *lg__events_create(const struct lg_pool_options *options, const char *pool)
{
    uint32_t room = options->event_room ? options->event_room : DEFAULT_ROOM;
    uint32_t size = 1; /* a power of two: no division an event */
    while (size < room)
        size *= 2;
    struct lg__events *events = lg__alloc(sizeof *events + size * sizeof events->ring[0]);
    if (!events)
        return NULL;
    events->sink = options->on_event;
    events->arg = options->on_event_arg;
    events->pool = pool;
    events->room = room;
    events->mask = size - 1;
    return events;
}

static void deliver_one(struct lg__events *events, uint64_t head)
{
    const struct lg__event_entry *entry = &events->ring[head & events->mask];
    uint64_t id_dropped = entry->id_dropped, status_kind = entry->status_kind;
    struct lg_pool_event event = {
        .number = entry->number,
        .type = (enum lg_pool_event_type)(status_kind >> 32 & 0xff),
        .pool = events->pool,
        .id = (uint32_t)id_dropped,
        .reason = (enum lg_event_reason)(status_kind >> 40 & 0xff),
        .status = (int32_t)(uint32_t)status_kind,
        .duration_ns = entry->duration_ns,
        .is_interrupting = (uint32_t)(status_kind >> 48),
        .dropped = id_dropped >> 32,
    };
    if (event.type == LG_EVENT_POOL_CREATED)
        event.options = events->options;
    lg__store_release(&events->head, head + 1); /* E2 */
    events->sink(events->arg, &event);
}

bool lg__events_deliver(struct lg__events *events)
{
    uint64_t head;
    while ((head = lg__load_relaxed(&events->head)) != lg__load_acquire(&events->tail)) /* E1 */
        deliver_one(events, head);
    (void)lg__swap_full(&events->drainer, 0u); /* E3: before the look at the tail */
    return !lg__events_are_told(events);
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

enum lg_event_reason lg__pool_reason_of(int status)
{
    switch (status) {
    case LG_ETIMEDOUT:
    case LG_EBUSY:
        return LG_REASON_TIMEOUT;
    case LG_EDEADLK:
        return LG_REASON_DEADLOCK;
    case LG_EOPEN:
    case LG_EPAUSED:
        return LG_REASON_OPEN_FAILED;
    case LG_ECLOSED:
        return LG_REASON_POOL_CLOSED;
    case LG_ENESTED:
        return LG_REASON_NESTED;
    default:
        return LG_REASON_ERROR;
    }
}
