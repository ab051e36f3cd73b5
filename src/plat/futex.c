/* The futex system call.  Both calls keep errno: they run inside calls that do not promise it. */
#include "plat/futex.h"

#include "plat/clock.h"
#include "plat/seam.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int lg__futex_wait(const uint32_t *word, uint32_t expected, lg_deadline deadline)
{
    if (lg__seam_fails(LG__SEAM_FUTEX_WAIT))
        return lg__deadline_has_passed(deadline) ? LG_ETIMEDOUT : LG_OK; /* never for ever */
    struct timespec until = {
        .tv_sec = (time_t)(deadline / 1000000000ull),
        .tv_nsec = (long)(deadline % 1000000000ull),
    };
    /* FUTEX_WAIT_BITSET, because only it takes an absolute time (on CLOCK_MONOTONIC). */
    int saved = errno;
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                          deadline == LG_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    bool has_timed_out = result != 0 && errno == ETIMEDOUT;
    errno = saved;
    return has_timed_out ? LG_ETIMEDOUT : LG_OK;
}

void lg__futex_wake(const uint32_t *word, int count)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count);
    errno = saved;
}
