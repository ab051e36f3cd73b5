/* Object: the runtime's own state of the program's mutexes, conditions and the like, by address.
 *
 * The bytes of a pthread_mutex_t are not used, save for its kind and to tell that it was made anew: an
 * object whose memory says that nobody has it, while we think that somebody does, was overwritten with a
 * fresh one and begins again. */
#ifndef LG_EXPLORE_OBJECT_H
#define LG_EXPLORE_OBJECT_H

#include "explore/run.h"

/* The object there, made if there is none or one of another kind. */
struct lg__object *lg__object_find(const volatile void *address, enum lg__object_kind kind);

/* The object there, of any kind; NULL: none. */
struct lg__object *lg__object_at(const volatile void *address);

/* It begins again, as after its initialisation. */
void lg__object_reset(struct lg__object *object, enum lg__object_kind kind);

/* Objects in memory that is given back are no more. */
void lg__object_forget(uintptr_t address, size_t size);

/* A scheduling point before something is done to an object. */
void lg__object_point(struct lg__thread *self, const struct lg__object *object,
                      enum lg__event_kind kind, uint64_t site);

/* Say what the thread is about to do, for its next wait. */
void lg__object_pend(struct lg__thread *self, const struct lg__object *object,
                     enum lg__event_kind event, uint64_t site);

/* Wait until the object is as `kind` says; a scheduling point also when it is so already.  False: the
 * deadline came first. */
bool lg__object_wait(struct lg__thread *self, struct lg__object *object, enum lg__event_kind event,
                     enum lg__wait_kind kind, uint64_t deadline, uint64_t site);

/* What a release and an acquire come to, for happens-before. */
void lg__object_release(struct lg__thread *self, struct lg__object *object);
void lg__object_acquire(struct lg__thread *self, const struct lg__object *object);

/* The thread holds it, or no longer does. */
void lg__object_hold(struct lg__thread *self, struct lg__object *object, uint64_t site,
                     bool is_shared);
void lg__object_drop(struct lg__thread *self, const struct lg__object *object);

#endif
