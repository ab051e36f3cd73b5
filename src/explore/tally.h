/* Tally: what runs have taught about the program's events, for the strategies that choose among them. */
#ifndef LG_EXPLORE_TALLY_H
#define LG_EXPLORE_TALLY_H

#include "explore/run.h"

/* How many events a thread has had at a variable: the most that a run has shown.  Variable 0: at all. */
struct lg__count {
    uint32_t var;
    uint32_t thread;
    uint32_t most;
    uint32_t now; /* in run number `run` */
    uint64_t run;
};

/* A place in the program that reads or writes a variable.  To take a lock is a read of it, to release it a
 * write. */
struct lg__place {
    uint64_t site;
    uint32_t var;
    uint32_t thread; /* the first that was seen there */
    bool is_write;
    bool has_many; /* other threads were too */
};

#define LG__COUNTS_BITS 15
#define LG__COUNTS_MAX  (1u << (LG__COUNTS_BITS - 1))
#define LG__PLACES_BITS 13
#define LG__PLACES_MAX  (1u << (LG__PLACES_BITS - 1))

/* In the order in which they were seen; the hash tables have indices + 1. */
struct lg__tally {
    uint32_t count_used;
    uint32_t place_used;
    uint32_t count_table[1u << LG__COUNTS_BITS];
    uint32_t place_table[1u << LG__PLACES_BITS];
    struct lg__count counts[LG__COUNTS_MAX];
    struct lg__place places[LG__PLACES_MAX];
};

extern struct lg__tally *lg__tally __attribute__((visibility("hidden")));

/* Before the fork.  False: no memory. */
bool lg__tally_reserve(void);

/* The thread stands before an event. */
void lg__tally_event(struct lg__thread *thread);

/* Events of a thread in all, the most that a run has shown. */
uint32_t lg__tally_of_thread(uint32_t thread);

#endif
