#include "explore/clock.h"

#include "explore/run.h"

/* Few, and memcpy lies on pages that a run would otherwise not touch. */
static void copy_times(uint32_t *to, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = *(const volatile uint32_t *)&from[i];
}

static void make_room(struct lg__clock *clock, uint32_t count)
{
    if (count <= clock->room)
        return;
    uint32_t room = count + count / 2 + 6;
    uint32_t *times = lg__run_allocate(room * sizeof *times);
    copy_times(times, clock->times, clock->count);
    clock->times = times;
    clock->room = room;
}

static void grow(struct lg__clock *clock, uint32_t count)
{
    make_room(clock, count);
    for (; clock->count < count; clock->count++)
        clock->times[clock->count] = 0;
}

void lg__clock_set(struct lg__clock *clock, uint32_t index, uint32_t time)
{
    if (index >= clock->count)
        grow(clock, index + 1);
    clock->times[index] = time;
}

void lg__clock_join(struct lg__clock *clock, const struct lg__clock *other)
{
    if (other->count > clock->count)
        grow(clock, other->count);
    for (uint32_t i = 0; i < other->count; i++)
        if (other->times[i] > clock->times[i])
            clock->times[i] = other->times[i];
}

void lg__clock_copy(struct lg__clock *clock, const struct lg__clock *other)
{
    make_room(clock, other->count);
    clock->count = other->count;
    copy_times(clock->times, other->times, other->count);
}
