/* The heavy barrier: the membarrier system call. */
#include "plat/barrier.h"

#include "plat/panic.h"
#include "plat/seam.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_registered; /* r/o after the constructor */

static long membarrier(int command)
{
    int saved = errno;
    long result = syscall(SYS_membarrier, command, 0, 0);
    errno = saved;
    return result;
}

/* Before the program's threads: to register takes milliseconds once there are several.  A forked
 * child stays registered. */
static __attribute__((constructor)) void register_process(void)
{
    is_registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

bool lg__barrier_is_there(void)
{
    return is_registered && !lg__seam_fails(LG__SEAM_MEMBARRIER);
}

bool lg__barrier_try(void)
{
    return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

void lg__barrier_heavy(void)
{
    if (lg__barrier_try())
        return;
    /* A sandbox that was put on after the registration.  Nothing else orders what was relied on. */
    lg__panic(
        "membarrier was allowed when it was first relied on and is refused now; set a seccomp "
        "filter before the program starts, or allow membarrier in it (pools can do without: "
        "unbiased = 1)",
        "membarrier");
}
