/* Waitable: what a kind of thing does so that it can be one of several that a context waits for.
 *
 * The waiter has a branch for each (graph/wait.h): a record that stands in the thing's queue like any other,
 * is woken or granted to like any other, and leaves the queue like one whose deadline has passed.  What a
 * kind has to see to:
 *   - Whoever serves the queue ends waits by lg__wait_end, asks for their state by lg__wait_goes_on, for
 *     their context by lg__context_of, and holds the queue's lock as long as he looks at a record; only
 *     lg__wait_wake comes after it.
 *   - A branch that was woken may leave without having taken anything, because another thing was there as
 *     well: then whoever is next in the queue has to be told (leave).
 * The functions run on the waiter's thread, outside of locks.  Its wait goes on while `enter` runs, and is
 * taken back while `take` and `leave` do: a context that waits takes nothing. */
#ifndef LG_SYNC_WAITABLE_H
#define LG_SYNC_WAITABLE_H

#include "sync/park.h"

#include <lifeguard/waitable.h>

/* A context that is waited for.  The name was copied beforehand: that takes a pin, and who asks for it has
 * one. */
struct lg__join_target {
    uint64_t id;
    char name[LG_NAME_SIZE];
};

/* Memory of a context for its waits for several things; never freed, because wakes may come late. */
struct lg__room {
    struct lg__group group;
    struct lg__wait branches[LG_WAITABLES_MAX];
    struct lg__join_target targets[LG_WAITABLES_MAX];
};

struct lg__waitable_class {
    /* Say what the branch wants: class, object and need. */
    void (*describe)(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target);
    /* Whether its holders are known; NULL: they are. */
    bool (*is_known)(const struct lg_waitable *thing);
    /* Take it if it can be had: LG_OK, LG_EBUSY, or why it never can be.  `branch` is NULL before the
     * first wait; after that it may stand in the queue, with what rights this gives. */
    int (*take)(const struct lg_waitable *thing, struct lg__wait *branch, const char *place);
    /* What was taken, or granted, is not wanted after all.  NULL: nothing is taken. */
    void (*give_back)(const struct lg_waitable *thing);
    /* What was granted to the branch is the caller's.  NULL: there is nothing to note. */
    void (*note_granted)(const struct lg_waitable *thing, const char *place);
    /* Queue the branch, unless it is in the queue.  True, and it need not be: the thing can be had, or
     * is_known would not say any more what it said before this wait began. */
    bool (*enter)(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known);
    /* Take the branch out of the queue, if it is in it, and tell whoever has to look in its place. */
    void (*leave)(const struct lg_waitable *thing, struct lg__wait *branch);
};

extern const struct lg__waitable_class lg__event_waitable; /* and the latch's */
extern const struct lg__waitable_class lg__mutex_waitable;
extern const struct lg__waitable_class lg__permits_waitable;
extern const struct lg__waitable_class lg__semaphore_waitable;
extern const struct lg__waitable_class lg__thread_waitable;
extern const struct lg__waitable_class lg__context_waitable;

#endif
