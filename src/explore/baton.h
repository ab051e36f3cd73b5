/* Baton: who runs.  Decisions are made here: before each event of the running thread, and when it blocks
 * or ends. */
#ifndef LG_EXPLORE_BATON_H
#define LG_EXPLORE_BATON_H

#include "explore/run.h"

/* The calling thread stands before an event: another may be chosen to go first.  Returns when it is to
 * do the event.  `site` is the return address in the program. */
void lg__baton_point(struct lg__thread *self, enum lg__event_kind kind, uint32_t var,
                     uintptr_t address, uint64_t site);

/* The same for an event that has been counted already and may only be a reason to be fair to others. */
void lg__baton_look(struct lg__thread *self, enum lg__event_kind kind, uint32_t var,
                    uintptr_t address, uint64_t site);

/* Give way: others go first if there are any. */
void lg__baton_yield(struct lg__thread *self, uint64_t site);

/* Sleep until what `self->wait` says has come.  The rest of the wait is filled in.  False: its deadline
 * came first. */
bool lg__baton_wait(struct lg__thread *self);

/* A new thread: it may be chosen from now on. */
void lg__baton_enter(struct lg__thread *thread);
/* On a new thread, before anything else: wait for its first turn. */
void lg__baton_await(struct lg__thread *self);
/* The calling thread ends: it has no baton on return. */
void lg__baton_leave(struct lg__thread *self);

/* Look at the running thread when an alarm is due: they have changed. */
void lg__baton_set_stop(struct lg__thread *thread);

/* Whether a blocked thread could go on. */
bool lg__baton_is_ready(const struct lg__thread *thread);

/* Something was changed that a spinning thread may be looking for. */
static inline void lg__baton_changed(void)
{
    lg__run.changes++;
}

#endif
