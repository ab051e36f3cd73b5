/* The seam to the operating system: each call that may fail by contract passes a named point, and a
 * test build (LG_FAULTS) can make the N-th passage fail.  In the release build a point costs
 * nothing. */
#ifndef LG_PLAT_SEAM_H
#define LG_PLAT_SEAM_H

#include <stdbool.h>
#include <stdint.h>

#define LG__SEAM_LIST(X)                                                                           \
    X(ALLOC)      /* malloc: out of memory */                                                      \
    X(MAP)        /* mmap: out of memory */                                                        \
    X(THREAD)     /* pthread_create: EAGAIN */                                                     \
    X(KEY)        /* pthread_key_create, pthread_setspecific: ENOMEM, EAGAIN */                    \
    X(FUTEX_WAIT) /* futex: returns at once, as after a signal */                                  \
    X(PEEK)       /* process_vm_readv: forbidden */                                                \
    X(WRITE)      /* write: fails */                                                               \
    X(MEMBARRIER) /* membarrier: ENOSYS, or refused by a sandbox */                                \
    X(AFFINITY)   /* sched_setaffinity: refused by a sandbox */                                    \
    X(MUTEX)      /* pthread_mutex_init: ENOMEM, or ENOTSUP */                                     \
    X(LOCK_PI2)   /* pthread_mutex_clocklock of a priority-inheriting mutex: ENOSYS */             \
    X(RANDOM)     /* getrandom: ENOSYS */

enum lg__seam {
#define LG__SEAM_ENUM(name) LG__SEAM_##name,
    LG__SEAM_LIST(LG__SEAM_ENUM)
#undef LG__SEAM_ENUM
        LG__SEAM_COUNT
};

/* Places between two steps of which a thread may be held up there for any time: a test build can do so. */
enum lg__stop {
    LG__STOP_LEND,   /* before the owner of a biased slot writes that it is lent */
    LG__STOP_LENT,   /* after it */
    LG__STOP_RETURN, /* the same, that it is idle */
    LG__STOP_RETURNED,
    LG__STOP_CHECKOUT, /* before a fast checkout moves an idle slot that it has found fit */
    LG__STOP_CHECKIN,  /* before a fast checkin moves a lent slot that it has found plain */
    LG__STOP_WAKE,     /* a wait has been ended, before its waiter is woken */
    LG__STOP_END,      /* the id of an ending context is gone */
    LG__STOP_LOCK,     /* before a raw lock is waited for or taken */
    LG__STOP_UNLOCKED, /* after it was let go */
    LG__STOP_READ,     /* a reader by bias has said so, and has not looked yet */
    LG__STOP_READ_END, /* before it takes that back */
    LG__STOP_REVOKE,   /* a bias has been taken from the word, before the barrier */
    LG__STOP_COUNT     /* a reader by bias has been counted, before it is told */
};

#ifdef LG_FAULTS
/* Atomic; called at each of the places, by any thread; NULL: not. */
extern void (*lg__seam_stop)(enum lg__stop at);
void lg__seam_pass(enum lg__stop at);

/* Fail the n-th passage (from 1) of any point in `mask` from now on; once, or all after it too. */
void lg__seam_arm(uint64_t n, uint32_t mask, bool is_persistent);
/* Whether the armed failure has happened; disarms. */
bool lg__seam_disarm(void);
bool lg__seam_fails(enum lg__seam point);
#else
static inline void lg__seam_pass(enum lg__stop at)
{
    (void)at;
}

static inline bool lg__seam_fails(enum lg__seam point)
{
    (void)point;
    return false;
}
#endif

#endif
