/* The heavy barrier: the membarrier system call; where a sandbox has come that refuses it, a tour of the
 * processors.
 *
 * Who comes to run on a processor has taken its place from whoever ran there, and a thread that leaves a processor
 * passes a full barrier: membarrier itself counts on that for those who do not run.  So a thread that makes itself
 * run on each processor in turn has made all others pass one: on the processor that they were on, or on their way
 * to one where it has been already.  Returns of sched_setaffinity come from the processor that was asked for.
 * It visits all that the kernel lets it go to, also those that its own mask has not: other threads' may.
 * (Threads of one process can be kept apart by cpusets of their own, in threaded control groups.  Who does that must
 * not refuse membarrier.) */
#include "plat/barrier.h"

#include "plat/panic.h"
#include "plat/seam.h"

#include <errno.h>
#include <limits.h>
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
    return !lg__seam_fails(LG__SEAM_MEMBARRIER) &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

#define PROCESSORS_MAX 8192 /* as many as Linux can be built for */
#define WORD_BITS      (CHAR_BIT * sizeof(unsigned long))

struct processors {
    unsigned long words[PROCESSORS_MAX / WORD_BITS];
};

static bool move_to(const struct processors *processors, size_t size)
{
    return !lg__seam_fails(LG__SEAM_AFFINITY) &&
           syscall(SYS_sched_setaffinity, 0, size, processors->words) == 0;
}

/* To the one alone.  False: it is not to be had. */
static bool visit(size_t processor, size_t size)
{
    struct processors only = {.words = {0}};
    only.words[processor / WORD_BITS] = 1ul << processor % WORD_BITS;
    return move_to(&only, size);
}

/* False: not all of those that the caller may run on could be visited. */
static bool tour(void)
{
    struct processors own;
    int saved = errno;
    long size = syscall(SYS_sched_getaffinity, 0, sizeof own, own.words);
    bool is_done = size > 0;
    for (size_t i = 0; is_done && i < (size_t)size * CHAR_BIT; i++)
        is_done = visit(i, (size_t)size) || !(own.words[i / WORD_BITS] >> i % WORD_BITS & 1);
    is_done = size > 0 && move_to(&own, (size_t)size) && is_done;
    errno = saved;
    return is_done;
}

void lg__barrier_heavy(void)
{
    /* Refused: by a sandbox that was put on after the registration. */
    if (lg__barrier_try() || tour())
        return;
    lg__panic("membarrier was allowed when it was first relied on and is refused now, and so is "
              "sched_setaffinity; set a seccomp filter before the program starts, or allow "
              "membarrier in it",
              "membarrier");
}
