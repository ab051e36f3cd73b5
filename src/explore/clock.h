/* Vector clocks: what of each thread has happened before a moment.  Source: Mattern 1988, Fidge 1988;
 * the epochs of variables: Flanagan and Freund, FastTrack, 2009. */
#ifndef LG_EXPLORE_CLOCK_H
#define LG_EXPLORE_CLOCK_H

#include <stdint.h>

/* Zeroed it is the clock of the beginning of time. */
struct lg__clock {
    uint32_t count;
    uint32_t room;
    uint32_t *times; /* by thread index; memory of the run */
};

static inline uint32_t lg__clock_of(const struct lg__clock *clock, uint32_t index)
{
    return index < clock->count ? clock->times[index] : 0;
}

/* Set one thread's time. */
void lg__clock_set(struct lg__clock *clock, uint32_t index, uint32_t time);

/* clock = max(clock, other) */
void lg__clock_join(struct lg__clock *clock, const struct lg__clock *other);

/* clock = other */
void lg__clock_copy(struct lg__clock *clock, const struct lg__clock *other);

static inline void lg__clock_clear(struct lg__clock *clock)
{
    clock->count = 0;
}

#endif
