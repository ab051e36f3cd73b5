/* Best: the smallest schedule so far that finds what the search has found. */
#ifndef LG_EXPLORE_BEST_H
#define LG_EXPLORE_BEST_H

#include "explore/plan.h"

struct lg__best {
    struct lg__switch *switches; /* of its run */
    uint32_t count;
    struct lg__outcome outcome;
    struct lg__plan
        plan; /* what the search had planned, and what is to be the same in all schedules */
};

extern struct lg__best lg__best __attribute__((visibility("hidden")));

/* Begin with the last run, and count runs and time from here on.  False: no memory. */
bool lg__best_begin(void);

/* Leave it in the campaign, as if it had been the last run. */
void lg__best_end(void);

/* Nothing is left to be gained, or the budget is used up. */
bool lg__best_is_enough(void);

/* A plan by this strategy that has all else in common with the best.  The draw is a number for what is random. */
void lg__best_plan(enum lg__strategy strategy, uint64_t draw);

/* The same, for `count` records in the campaign's list. */
void lg__best_plan_replay(uint32_t count);

/* Run what is planned.  It is the best if it finds the same with fewer preemptions, or with as many and fewer switches;
 * `may_wander`: or with as many.  True: in a run. */
bool lg__best_try(bool may_wander);

/* Turns of the list are left out, put off and exchanged, as long as that makes it smaller.  True: in a run. */
bool lg__rearrange(void);

/* Schedules with one preemption less are tried, all of them or some.  True: in a run. */
bool lg__exhaust(void);

#endif
