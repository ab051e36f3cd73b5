/* Lifeguard's wait for any of several things: events that stay set. */
#include "peers.h"

#include <stdlib.h>

#include <lifeguard/waitable.h>

struct events {
    unsigned count;
    struct lg_event events[SEVERAL_MAX];
    struct lg_waitable things[SEVERAL_MAX];
};

static void *events_create(unsigned count)
{
    struct events *self = bench_alloc(sizeof(*self));
    self->count = count;
    for (unsigned i = 0; i < count; i++) {
        self->events[i] = (struct lg_event)LG_EVENT_INIT("event");
        self->things[i] = lg_waitable_event(&self->events[i]);
    }
    lg_event_set(&self->events[count - 1]);
    return self;
}

static void events_wait(void *arg, unsigned times)
{
    struct events *self = arg;
    uint32_t index;
    for (; times > 0; times--)
        if (lg_wait_any(self->things, self->count, LG_FOREVER, &index) != LG_OK ||
            index != self->count - 1)
            bench_fail("lg_wait_any");
}

const struct several_peer peer_lg_several = {"lg_wait_any", NULL, events_create, free, events_wait};
