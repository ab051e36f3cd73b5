#include "explore/object.h"

#include "explore/baton.h"
#include "explore/table.h"
#include "explore/together.h"
#include "explore/variable.h"

#define BUCKETS 256

LG__TOGETHER static struct lg__object *buckets[BUCKETS];
LG__TOGETHER static uint32_t object_count;

static struct lg__object **bucket_of(uintptr_t address)
{
    return &buckets[(address >> 3) * 0x9e3779b97f4a7c15u >> 56];
}

struct lg__object *lg__object_at(const volatile void *memory)
{
    uintptr_t address = (uintptr_t)memory;
    struct lg__object *object = *bucket_of(address);
    while (object && object->address != address)
        object = object->next;
    return object && object->kind != LG__OBJECT_NONE ? object : NULL;
}

void lg__object_reset(struct lg__object *object, enum lg__object_kind kind)
{
    *object = (struct lg__object){.address = object->address,
                                  .var = object->var,
                                  .next = object->next,
                                  .clock = object->clock,
                                  .read_clock = object->read_clock,
                                  .kind = kind};
    lg__clock_clear(&object->clock);
    lg__clock_clear(&object->read_clock);
}

struct lg__object *lg__object_find(const volatile void *memory, enum lg__object_kind kind)
{
    uintptr_t address = (uintptr_t)memory;
    struct lg__object **bucket = bucket_of(address);
    struct lg__object *object = *bucket;
    while (object && object->address != address)
        object = object->next;
    if (!object) {
        object = lg__run_allocate(sizeof *object);
        object->address = address;
        object->var = lg__table_var(address, LG__VAR_SYNC);
        object->next = *bucket;
        *bucket = object;
        object_count++;
    }
    if (object->kind != kind)
        lg__object_reset(object, kind);
    return object;
}

/* Where an object is, the table says so. */
static bool is_marked(uintptr_t address)
{
    const uint32_t *entry = lg__table_peek(address);
    return entry && (*entry & LG__TABLE_VAR);
}

void lg__object_forget(uintptr_t address, size_t size)
{
    if (!object_count)
        return;
    if (size / 8 < BUCKETS) {
        for (uintptr_t at = address & ~(uintptr_t)3; at < address + size; at += 4) {
            struct lg__object *object = is_marked(at) ? lg__object_at((void *)at) : NULL;
            if (object)
                lg__object_reset(object, LG__OBJECT_NONE);
        }
        return;
    }
    for (uint32_t i = 0; i < BUCKETS; i++)
        for (struct lg__object *object = buckets[i]; object; object = object->next)
            if (object->address - address < size)
                lg__object_reset(object, LG__OBJECT_NONE);
}

bool lg__object_wait(struct lg__thread *self, struct lg__object *object, enum lg__event_kind event,
                     enum lg__wait_kind kind, uint64_t deadline, uint64_t site)
{
    lg__object_pend(self, object, event, site);
    self->wait =
        (struct lg__wait){.kind = kind, .object = object, .deadline = deadline, .site = site};
    return lg__baton_wait(self);
}

void lg__object_pend(struct lg__thread *self, const struct lg__object *object,
                     enum lg__event_kind event, uint64_t site)
{
    self->pending = event;
    self->pending_var = object->var;
    self->pending_address = object->address;
    self->pending_site = site;
}

void lg__object_point(struct lg__thread *self, const struct lg__object *object,
                      enum lg__event_kind kind, uint64_t site)
{
    lg__baton_point(self, kind, object->var, object->address, site);
}

void lg__object_release(struct lg__thread *self, struct lg__object *object)
{
    lg__variable_release(self, &object->clock);
    lg__baton_changed();
}

void lg__object_acquire(struct lg__thread *self, const struct lg__object *object)
{
    lg__clock_join(&self->clock, &object->clock);
    lg__baton_changed();
}

void lg__object_hold(struct lg__thread *self, struct lg__object *object, uint64_t site,
                     bool is_shared)
{
    if (self->held_count < LG__HELD_MAX)
        self->held[self->held_count] = (struct lg__held){object, site, self->events, is_shared};
    self->held_count++;
}

void lg__object_drop(struct lg__thread *self, const struct lg__object *object)
{
    uint32_t count = self->held_count < LG__HELD_MAX ? self->held_count : LG__HELD_MAX;
    uint32_t i = count;
    while (i > 0 && self->held[i - 1].object != object)
        i--;
    if (!i && self->held_count <= LG__HELD_MAX)
        return;
    for (; i && i < count; i++)
        self->held[i - 1] = self->held[i];
    self->held_count--;
}
