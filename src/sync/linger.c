/* How often it is worth it.  The memory: how many waits are to go by in its lower half, and in its upper
 * half how many were to go by the last time. */
#include "sync/linger.h"

#include "plat/thread.h"

#define REST_MAX  256u
#define HALF_BITS 32

bool lg__linger_is_worth_it(uint64_t *memory)
{
    if ((uint32_t)*memory > 0) {
        --*memory;
        return false;
    }
    return lg__thread_has_processors();
}

void lg__linger_note(uint64_t *memory, const struct lg__wait *wait)
{
    uint32_t rest = (uint32_t)*memory;
    uint32_t vain = (uint32_t)(*memory >> HALF_BITS);
    if (!lg__load_relaxed(&lg__wait_own(wait)->is_asleep))
        vain = rest = 0;
    else if (rest == 0)
        rest = vain = vain < REST_MAX / 2 ? vain * 2 + 1 : REST_MAX;
    *memory = (uint64_t)vain << HALF_BITS | rest;
}
