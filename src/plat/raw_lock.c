/* The contended half of the raw lock. */
#include "plat/raw_lock.h"

#ifndef LG_EXPLORED

#define SPINS 100

void lg__raw_lock_slow(struct lg__raw_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (lg__load_relaxed(&lock->word) == 0 && lg__raw_try_lock(lock))
            return;
        lg__cpu_relax();
    }
    /* From here on the word says 2 whenever we may sleep, so that the holder wakes somebody. */
    while (lg__swap_acquire(&lock->word, 2u) != 0)
        (void)lg__futex_wait(&lock->word, 2, LG_FOREVER);
}

#else
typedef int lg__raw_lock_is_empty; /* ISO C forbids an empty translation unit */
#endif
