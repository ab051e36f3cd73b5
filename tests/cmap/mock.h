/* Mock: resources that are nothing, opened as slowly and as badly as a fail point says. */
#ifndef LG_CMAP_MOCK_H
#define LG_CMAP_MOCK_H

#include "pace.h"

#include <pthread.h>

struct mock {
    struct lg_driver driver;        /* r/o; to be given to the pool with the mock as its arg */
    struct pace *pace;              /* r/o */
    struct fail_point fail_point;   /* r/o but for hits */
    uint64_t hits;                  /* under lock; how many of the next opens are still hit */
    uint32_t opening, opening_most; /* under lock */
    uint32_t alive, alive_most;     /* under lock; opening, open or closing */
    bool is_destroyed;              /* under lock; the pool has done with the mock */
    pthread_mutex_t lock;
    pthread_cond_t destroyed;
};

void mock_begin(struct mock *mock, const struct fail_point *fail_point, struct pace *pace);

/* How many opens are under way. */
uint32_t mock_opening(struct mock *mock);

/* After lg_pool_destroy: wait until the pool has done with the mock, then see whether it kept to its
 * limits and closed all it has opened. */
void mock_end(struct mock *mock, const struct settings *settings, struct complaint *complaint);

#endif
