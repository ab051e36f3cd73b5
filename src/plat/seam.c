/* Fault injection, compiled into the test build only. */
#include "plat/seam.h"

#ifdef LG_FAULTS

#include "plat/atomic.h"

static uint64_t countdown;     /* passages left until the failure; 0: disarmed; atomic, counter */
static uint32_t armed_mask;    /* atomic; written while disarmed */
static uint32_t is_persisting; /* as armed_mask */
static uint32_t has_failed;    /* atomic, flag for the test */

void (*lg__seam_stop)(enum lg__stop at);

void lg__seam_pass(enum lg__stop at)
{
    void (*stop)(enum lg__stop) = lg__load_acquire(&lg__seam_stop);
    if (stop)
        stop(at);
}

void lg__seam_arm(uint64_t n, uint32_t mask, bool is_persistent)
{
    lg__store_full(&countdown, (uint64_t)0);
    lg__store_relaxed(&armed_mask, mask);
    lg__store_relaxed(&is_persisting, (uint32_t)is_persistent);
    lg__store_relaxed(&has_failed, 0u);
    lg__store_full(&countdown, n);
}

bool lg__seam_disarm(void)
{
    lg__store_full(&countdown, (uint64_t)0);
    return lg__load_relaxed(&has_failed) != 0;
}

/* Count one passage down.  True: it is the one to fail, or one after it. */
static bool count_passage(void)
{
    uint64_t left = lg__load_full(&countdown);
    for (;;) {
        if (left == 0)
            return false;
        if (left == 1 && lg__load_relaxed(&is_persisting))
            return true;
        uint64_t before = left;
        if (lg__cas_full(&countdown, &left, before - 1))
            return before == 1;
    }
}

bool lg__seam_fails(enum lg__seam point)
{
    if (lg__load_full(&countdown) == 0 || !(lg__load_relaxed(&armed_mask) & (1u << point)) ||
        !count_passage())
        return false;
    lg__store_relaxed(&has_failed, 1u);
    return true;
}

#else
typedef int lg__seam_is_empty; /* ISO C forbids an empty translation unit */
#endif
