/* Serial: a number that an object has in spare bits of its own (tag_offset), and no other has had: whatever lives
 * at its address later has another, or none yet. */
#ifndef LG_OBSERVE_SERIAL_H
#define LG_OBSERVE_SERIAL_H

#include "graph/resource.h"
#include "plat/atomic.h"

static inline uint32_t *lg__serial_tag(const struct lg__resource_class *class, const void *object)
{
    return class->tag_offset ? (uint32_t *)((uintptr_t)object + class->tag_offset) : (uint32_t *)0;
}

/* 0: it has none yet, or never. */
static inline uint32_t lg__serial_of(const struct lg__resource_class *class, const void *object)
{
    const uint32_t *tag = lg__serial_tag(class, object);
    return tag ? lg__load_relaxed(tag) >> LG__TAG_SHIFT : 0;
}

/* The same; if it has none, or one that was copied from another object with all the rest, it gets one.  It is
 * held, so it exists; others who hold it too may do the same.  0: there are none for its class, or no more. */
uint32_t lg__serial_make(const struct lg__resource_class *class, const void *object);

#endif
