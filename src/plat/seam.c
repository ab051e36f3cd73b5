/* Fault injection, compiled into the test build only. */
#include "plat/seam.h"

#ifdef LG_FAULTS

#include "plat/atomic.h"

static uint64_t countdown; /* passages left until the failure; 0: disarmed; atomic, counter */
static uint32_t armed_mask;
static bool persistent;
static uint32_t has_failed; /* atomic, flag for the test */

void lg__seam_arm(uint64_t n, uint32_t mask, bool is_persistent)
{
    armed_mask = mask;
    persistent = is_persistent;
    lg__store_relaxed(&has_failed, 0u);
    lg__store_full(&countdown, n);
}

bool lg__seam_disarm(void)
{
    lg__store_full(&countdown, (uint64_t)0);
    return lg__load_relaxed(&has_failed) != 0;
}

bool lg__seam_fails(enum lg__seam point)
{
    uint64_t left = lg__load_full(&countdown);
    if (left == 0 || !(armed_mask & (1u << point)))
        return false;
    while (left > 1)
        if (lg__cas_full(&countdown, &left, left - 1))
            return false;
    if (!persistent)
        lg__store_full(&countdown, (uint64_t)0);
    lg__store_relaxed(&has_failed, 1u);
    return true;
}

#else
typedef int lg__seam_is_empty; /* ISO C forbids an empty translation unit */
#endif
