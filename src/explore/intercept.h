/* Intercept: what the functions that stand in front of libc's have in common. */
#ifndef LG_EXPLORE_INTERCEPT_H
#define LG_EXPLORE_INTERCEPT_H

#include "explore/baton.h"
#include "explore/object.h"
#include "explore/real.h"

#include <errno.h>

/* The place in the program that has called the function that this stands in. */
#define LG__SITE ((uint64_t)(uintptr_t)__builtin_return_address(0))

#define LG__EXPORT __attribute__((visibility("default")))

/* An absolute time of a clock as virtual nanoseconds since the run's begin; EINVAL if it is none. */
int lg__time_deadline(clockid_t clock, const struct timespec *time, uint64_t *deadline);
/* A time from now on. */
uint64_t lg__time_after(const struct timespec *time);

/* Shared with C11's names. */
int lg__mutex_lock(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t deadline,
                   uint64_t site);
int lg__mutex_try(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t site);
int lg__mutex_unlock(struct lg__thread *self, pthread_mutex_t *mutex, uint64_t site);
/* Without a scheduling point, for conditions. */
struct lg__object *lg__mutex_of(pthread_mutex_t *mutex);
uint32_t lg__mutex_give_up(struct lg__thread *self, struct lg__object *object);
void lg__mutex_take(struct lg__thread *self, struct lg__object *object, uint32_t depth,
                    uint64_t site);

int lg__condition_wait(struct lg__thread *self, pthread_cond_t *condition, pthread_mutex_t *mutex,
                       uint64_t deadline, uint64_t site);
void lg__condition_signal(struct lg__thread *self, pthread_cond_t *condition, bool is_for_all,
                          uint64_t site);

int lg__thread_create(struct lg__thread *self, pthread_t *handle, const pthread_attr_t *attributes,
                      void *(*start)(void *), void *argument, uint64_t site);
int lg__thread_join(struct lg__thread *self, pthread_t handle, void **result, uint64_t deadline,
                    uint64_t site);
int lg__thread_detach(pthread_t handle);
/* NULL: there is none. */
struct lg__thread *lg__thread_of(pthread_t handle);
/* By the kernel's number; NULL: none, or one that has not run yet. */
struct lg__thread *lg__thread_by_tid(int32_t tid);
/* Memory accesses of the thread are events from now on, also while it is alone. */
void lg__thread_watch(struct lg__thread *self);
int lg__once(struct lg__thread *self, void *control, void (*function)(void), uint64_t site);
/* False: it was interrupted. */
bool lg__sleep_until(struct lg__thread *self, uint64_t deadline, uint64_t site);
/* The same, in no schedule shorter. */
bool lg__sleep_punctually(struct lg__thread *self, uint64_t deadline, uint64_t site);

/* What was done so far is before what is read from now on. */
void lg__input_tell(struct lg__thread *self);
struct pollfd;
/* Until a descriptor is ready or the deadline is over.  False: a handler has interrupted it, and the call fails. */
bool lg__input_wait(struct lg__thread *self, const struct pollfd *descriptors, uint32_t count,
                    uint64_t deadline, bool is_restartable, uint64_t site);
/* Before a call on one descriptor: wait if the call would.  False: a handler has interrupted it. */
bool lg__input_before(int descriptor, short events, uint64_t deadline, bool must_return,
                      uint64_t site);
/* After one that has read: what came was told by somebody. */
ssize_t lg__input_after(const void *buffer, ssize_t count, uint64_t site);
ssize_t lg__input_read(int descriptor, void *buffer, size_t count, uint64_t site);
ssize_t lg__input_receive(int descriptor, void *buffer, size_t count, int flags, uint64_t site);

/* The calling thread may end here if somebody has asked it to. */
void lg__thread_look_for_cancel(struct lg__thread *self);

#endif
