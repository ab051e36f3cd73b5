/* Variable: what a run knows of some shared bytes: who wrote and read them last, when, and under which locks.
 *
 * A data race is two accesses of different threads to the same byte, at least one a write, not both atomic,
 * of which neither happened before the other.  One schedule shows it even if the two are far apart: what
 * counts is that nothing orders them.  Clocks are as in FastTrack; reads that are not ordered among
 * themselves are kept in a list.
 *
 * A variable is *guarded* while there is a lock that was held at each access (Savage and others, Eraser,
 * 1997).  Guarded variables are no scheduling points: the lock is one.  A race ends that for good.  One without a
 * guard that was never in a race is a *suspect*: something else orders its accesses (a join, an atomic), and
 * then the points are there, or the schedule that shows the race is still to come.  Suspects are points in some
 * of the schedules, and in all where races are not looked for. */
#ifndef LG_EXPLORE_VARIABLE_H
#define LG_EXPLORE_VARIABLE_H

#include "explore/run.h"

#define LG__GUARDS_MAX 4

/* One access.  `clock` 0: none. */
struct lg__access {
    uint32_t thread;
    uint32_t clock;
    uint8_t mask; /* bytes of the aligned word of eight */
    bool is_atomic;
    uint64_t site;
    struct lg__access *next; /* of the unordered reads */
};

struct lg__variable {
    struct lg__access write;
    struct lg__access read;
    struct lg__clock released;       /* by atomic stores */
    uint32_t guards[LG__GUARDS_MAX]; /* variables of locks */
    uint32_t guard_count;
    bool has_guards;     /* was accessed at all */
    uint64_t freed_site; /* the block that it is in was given back; 0: no */
    uint32_t freed_by;
};

struct lg__variable *lg__variable_of(uint32_t number);

/* Whether others may come before an access to a variable with these flags, in schedules of the plan. */
static inline bool lg__variable_is_point(uint32_t flags)
{
    const uint32_t wanted = LG__VAR_UNGUARDED | LG__VAR_MANY | LG__VAR_WRITTEN;
    return (flags & wanted) == wanted &&
           ((flags & (LG__VAR_RACY | LG__VAR_ATOMIC)) || lg__campaign->plan.has_suspects);
}

/* The thread does the access now: check it against the others, and remember it. */
void lg__variable_access(struct lg__thread *self, uint32_t number, uintptr_t address, uint32_t size,
                         bool is_write, bool is_atomic, uint64_t site);

/* The thread releases what it has done so far into a clock: its own time moves on. */
void lg__variable_release(struct lg__thread *self, struct lg__clock *into);

/* Its bytes begin again, in a new block of the heap. */
void lg__variable_forget(uint32_t number);

/* When there is room for them. */
void lg__variable_prepare(void);

#endif
