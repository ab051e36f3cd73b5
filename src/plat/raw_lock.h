/* Raw lock: the lock below all locks, for a few instructions at a time.
 *
 * The library's own state is guarded by these; they are in no graph, so their holders must not
 * block, call back or take a lock of an outer rank (ranks: DESIGN.md).  Zero is unlocked.
 * States: 0 free, 1 held, 2 held and somebody may sleep.
 * Source: Drepper, "Futexes Are Tricky", mutex 2. */
#ifndef LG_PLAT_RAW_LOCK_H
#define LG_PLAT_RAW_LOCK_H

#include "plat/atomic.h"
#include "plat/futex.h"
#include "plat/seam.h"

#ifndef LG_EXPLORED

struct lg__raw_lock {
    uint32_t word; /* atomic; acquire on take pairs with release on drop */
};

void lg__raw_lock_slow(struct lg__raw_lock *lock);

static inline bool lg__raw_try_lock(struct lg__raw_lock *lock)
{
    uint32_t free = 0;
    return lg__cas_acquire(&lock->word, &free, 1u);
}

static inline void lg__raw_lock(struct lg__raw_lock *lock)
{
    lg__seam_pass(LG__STOP_LOCK);
    if (lg__unlikely(!lg__raw_try_lock(lock)))
        lg__raw_lock_slow(lock);
}

static inline void lg__raw_unlock(struct lg__raw_lock *lock)
{
    if (lg__unlikely(lg__swap_release(&lock->word, 0u) == 2))
        lg__futex_wake(&lock->word, 1);
    lg__seam_pass(LG__STOP_UNLOCKED);
}

#else

/* Explored: the explorer has to know a lock as one, or it takes all that is guarded for shared data.  What
 * this stands for is explored apart (tests/explore/core/raw_lock.c). */
#include <pthread.h>

struct lg__raw_lock {
    pthread_mutex_t mutex;
};

static inline bool lg__raw_try_lock(struct lg__raw_lock *lock)
{
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

static inline void lg__raw_lock(struct lg__raw_lock *lock)
{
    (void)pthread_mutex_lock(&lock->mutex);
}

static inline void lg__raw_unlock(struct lg__raw_lock *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

#endif

#endif
