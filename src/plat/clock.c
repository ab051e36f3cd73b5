/* Clocks and deadlines. */
#include "plat/clock.h"

#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t lg__now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t lg__now_coarse_ns(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

lg_deadline lg_after_ms(uint64_t ms)
{
    uint64_t now = lg__now_ns();
    if (ms > (LG_FOREVER - now) / NS_PER_MS)
        return LG_FOREVER;
    return now + ms * NS_PER_MS;
}

int lg__deadline_has_passed(lg_deadline deadline)
{
    if (deadline == LG_TRY)
        return 1;
    return deadline != LG_FOREVER && deadline <= lg__now_ns();
}

int lg_version(void)
{
    return LG_VERSION;
}
