/* Mutex, as the condition needs it. */
#ifndef LG_SYNC_MUTEX_H
#define LG_SYNC_MUTEX_H

#include "sync/park.h"

#include <lifeguard/mutex.h>

#define LG__MUTEX_WAITERS 1ull /* somebody may be queued: unlock goes the slow way */
#define LG__MUTEX_STARVED 2ull /* the first in the queue is to be handed the mutex */
#define LG__MUTEX_FLAGS   3ull

extern const struct lg__resource_class lg__mutex_class;

static inline uint64_t lg__mutex_owner(const struct lg_mutex *mutex)
{
    return lg__load_relaxed(&mutex->word) & ~LG__MUTEX_FLAGS;
}

/* Release a mutex that the caller holds, at all its levels, which are returned. */
uint32_t lg__mutex_release(struct lg_context *self, struct lg_mutex *mutex)
    LG_NO_THREAD_SAFETY_ANALYSIS;

/* Take it back after a condition's wait: without deadline, and as a victim of last resort. */
int lg__mutex_relock(struct lg_context *self, struct lg_mutex *mutex, const char *place,
                     bool was_queued) LG_NO_THREAD_SAFETY_ANALYSIS;

/* Write down that the caller, to whom the mutex was handed, has it. */
static inline void lg__mutex_note_owned(struct lg_context *self, struct lg_mutex *mutex,
                                        lg_deadline deadline, const char *place)
{
    lg__store_relaxed(&mutex->place, place);
    lg__held_push(self, &lg__mutex_class, mutex, deadline, place);
}

/* Wake the first in the queue whose wait has not ended.  Uses only the address. */
void lg__mutex_wake_first(struct lg_mutex *mutex);

/* Whether the mutex is held by a context that has ended, `owner`. */
bool lg__mutex_is_owner_dead(const struct lg_mutex *mutex, uint64_t owner);

/* What a relock wants. */
void lg__mutex_want_relock(struct lg__want *want, const struct lg_mutex *mutex, const char *place);

#endif
