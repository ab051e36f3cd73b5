/* Thing: a resource for tests, with any capacity and holders that are simply said to hold.
 *
 * It lets the graph be tried with shapes that no lock can take (many units, needs above one, units
 * of the environment).  Contexts need no thread for it: a detached one waits as soon as its record
 * says so. */
#ifndef LG_TEST_THING_H
#define LG_TEST_THING_H

#include "support/crew.h"

#include "graph/context.h"

#define THING_HOLDINGS_MAX 64
#define THING_QUEUE_MAX    500
#define THING_WANTS_MAX    3

struct thing_holding {
    uint64_t holder; /* atomic; a context's id; 0: nobody */
    uint32_t units;  /* atomic */
};

struct thing {
    const char *name;
    uint32_t capacity;                                 /* atomic */
    struct thing_holding holdings[THING_HOLDINGS_MAX]; /* written by one thread at a time */
    /* Who waits for it in order, if anybody: for tests of one thread. */
    struct lg__wait *queue[THING_QUEUE_MAX];
    uint32_t queued;
};

extern const struct lg__resource_class thing_class;

/* The context holds so many units more. */
void thing_hold(struct thing *thing, const struct lg_context *context, uint32_t units);
/* It holds none any more. */
void thing_let_go(struct thing *thing, const struct lg_context *context);

/* The record stands at the end of the thing's queue, at this place; before all; in the queue no more. */
void thing_queue(struct thing *thing, struct lg__wait *wait, uint64_t place);
void thing_queue_first(struct thing *thing, struct lg__wait *wait);
void thing_unqueue(struct thing *thing, const struct lg__wait *wait);

/* What a wait for a thing wants; place and deadline may be changed. */
struct lg__want thing_want(const struct thing *thing, uint32_t need);

/* A ghost waits for several things: as thing_ghost_waits, without the look. */
struct thing_group {
    struct lg__group group;
    struct lg__wait branches[THING_WANTS_MAX];
};
void thing_group_begin(struct thing_group *group, struct lg_context *ghost, bool is_all);
void thing_group_add(struct thing_group *group, const struct lg__want *want);

/* A context without a thread.  End it with thing_bury. */
struct lg_context *thing_ghost(const char *name);
void thing_bury(struct lg_context *ghost);

/* The ghost waits from here on, and looks for a deadlock.  Returns the state its wait has then. */
enum lg__wait_state thing_ghost_waits(struct lg_context *ghost, const struct lg__want *want);
/* Its wait is over, however it ended. */
void thing_ghost_runs(struct lg_context *ghost);
enum lg__wait_state thing_state(const struct lg_context *context);

/* A step: wait, look, sleep; returns how the wait ended (an lg__wait_state). */
int step_want(void *want);
/* The same without a look. */
int step_want_quietly(void *want);
/* End a worker's wait, as somebody who gives would; false if it was over. */
bool thing_wake(struct lg_context *context);
/* End a worker's wait as its deadline would, without a clock. */
bool thing_time_out(struct lg_context *context);

#endif
