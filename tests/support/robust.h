/* Robust mutexes as steps for the crew, and one of each sort in memory that forked children share. */
#ifndef LG_TEST_ROBUST_H
#define LG_TEST_ROBUST_H

#include "support/crew.h"

#include <lifeguard/robust_mutex.h>

/* The argument is a struct lg_robust_mutex. */
int step_robust_lock(void *mutex);
int step_robust_try(void *mutex);
int step_robust_unlock(void *mutex);
int step_robust_recover(void *mutex);
int step_robust_is_held(void *mutex);

struct robust_until {
    struct lg_robust_mutex *mutex;
    lg_deadline deadline;
    const char *place;
};
int step_robust_until(void *robust_until);

/* Every combination of flags that this system has; says so if one is missing. */
#define ROBUST_SORTS 4
struct lg_robust_mutex *robust_make(uint32_t flags, const char *name);
void robust_free(struct lg_robust_mutex *mutex);

/* Pages that forked children share, zeroed. */
void *robust_map(size_t size);
void robust_unmap(void *memory, size_t size);

/* Wait until the worker's wait for the mutex has begun: it sleeps in the kernel, where nobody sees it. */
void robust_wait_blocked(struct crew_worker *worker, const struct lg_robust_mutex *mutex);

#endif
