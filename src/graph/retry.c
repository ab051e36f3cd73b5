/* Back-off after LG_EDEADLK. */
#include <lifeguard/report.h>

#include "plat/clock.h"
#include "plat/futex.h"

#define FIRST_NS (50 * 1000ull)
#define LAST_NS  (50 * 1000 * 1000ull)

/* One number a thread; a fresh thread starts from the clock and the place of its stack. */
static uint64_t next_random(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = lg__now_ns() ^ (uint64_t)(uintptr_t)&state << 16 ^ 1;
    state ^= state << 13; /* xorshift64 (Marsaglia 2003) */
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

int lg_retry(unsigned attempt, lg_deadline deadline)
{
    uint64_t most = attempt < 10 ? FIRST_NS << attempt : LAST_NS;
    uint64_t until = lg__now_ns() + next_random() % (most < LAST_NS ? most : LAST_NS);
    if (until >= deadline)
        return 0;
    uint32_t word = 0;
    while (lg__now_ns() < until)
        (void)lg__futex_wait(&word, 0, until);
    return 1;
}
