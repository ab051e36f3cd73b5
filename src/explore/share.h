/* Share: what a thread has of an object that does not know its holders: units of a semaphore that it has
 * taken and not posted since; a barrier at which it has been. */
#ifndef LG_EXPLORE_SHARE_H
#define LG_EXPLORE_SHARE_H

#include "explore/run.h"

struct lg__share {
    struct lg__thread *thread;
    uint32_t units;
    uint64_t site; /* where it took the last one */
    struct lg__share *next;
};

void lg__share_add(struct lg__object *object, struct lg__thread *thread, uint64_t site);

/* Give a unit back.  False: it has none. */
bool lg__share_drop(struct lg__object *object, const struct lg__thread *thread);

/* NULL: it has none. */
const struct lg__share *lg__share_find(const struct lg__object *object,
                                       const struct lg__thread *thread);

/* Units of all threads. */
uint32_t lg__share_sum(const struct lg__object *object);

#endif
