/* Giving numbers. */
#include "observe/serial.h"

#define SERIALS_MAX ((1u << 28) - 1)
#define OWNERS      16384u /* that are remembered, the latest */

_Static_assert(SERIALS_MAX < 1u << (32 - LG__TAG_SHIFT), "a serial fits its bits");

static uint32_t last_serial;    /* atomic relaxed */
static uint64_t owners[OWNERS]; /* atomic relaxed */

/* Which object a serial was given to, as far as it fits. */
static uint64_t owner_entry(uint32_t serial, const void *object)
{
    return (uint64_t)serial << 36 | ((uintptr_t)object * 0x9e3779b97f4a7c15ull) >> 28;
}

/* 0: there are no more. */
static uint32_t next_serial(const void *object)
{
    uint32_t serial = lg__load_relaxed(&last_serial);
    while (serial < SERIALS_MAX && !lg__cas_relaxed(&last_serial, &serial, serial + 1))
        continue;
    if (serial == SERIALS_MAX)
        return 0;
    serial++;
    lg__store_relaxed(&owners[serial % OWNERS], owner_entry(serial, object));
    return serial;
}

/* No also if it was given too long ago. */
static bool is_serial_of(uint32_t serial, const void *object)
{
    return lg__load_relaxed(&owners[serial % OWNERS]) == owner_entry(serial, object);
}

uint32_t lg__serial_make(const struct lg__resource_class *class, const void *object)
{
    uint32_t *tag = lg__serial_tag(class, object);
    uint32_t word = tag ? lg__load_relaxed(tag) : 0;
    uint32_t serial = word >> LG__TAG_SHIFT;
    if (!tag || (serial != 0 && is_serial_of(serial, object)))
        return serial;
    uint32_t rest = word & ((1u << LG__TAG_SHIFT) - 1);
    (void)lg__cas_relaxed(tag, &word, next_serial(object) << LG__TAG_SHIFT | rest);
    return lg__serial_of(class, object);
}
