/* Kernel mutex: pthread's robust mutex, and what its calls come to.
 *
 * The kernel's list of what a thread holds when it dies is libc's, so only libc can make these. */
#ifndef LG_SYNC_KERNEL_MUTEX_H
#define LG_SYNC_KERNEL_MUTEX_H

#include <lifeguard/robust_mutex.h>

#include <stdbool.h>

enum lg__kernel_outcome {
    LG__KERNEL_TAKEN,    /* by the caller */
    LG__KERNEL_ORPHANED, /* the same; but its holder died */
    LG__KERNEL_BUSY,     /* held by another; or still, when the time had come */
    LG__KERNEL_NO_WAIT,  /* this kernel cannot wait for it by this clock: poll, and say so */
    LG__KERNEL_POLL,     /* the wait would be misunderstood: poll */
    LG__KERNEL_LOST,     /* nobody can have it any more */
    LG__KERNEL_REFUSED   /* no memory in the kernel, or no such mutex */
};

/* With LG_ROBUST_SHARED, LG_ROBUST_INHERIT.  False: the system has none such. */
bool lg__kernel_mutex_init(struct lg_robust_mutex *mutex, uint32_t flags);
void lg__kernel_mutex_destroy(struct lg_robust_mutex *mutex);

enum lg__kernel_outcome lg__kernel_mutex_try(struct lg_robust_mutex *mutex);
enum lg__kernel_outcome lg__kernel_mutex_wait(struct lg_robust_mutex *mutex, uint64_t until_ns);

/* After ORPHANED: let others have it again, once it is unlocked. */
void lg__kernel_mutex_adopt(struct lg_robust_mutex *mutex);

void lg__kernel_mutex_unlock(struct lg_robust_mutex *mutex);

#endif
