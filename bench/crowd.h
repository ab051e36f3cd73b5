/* The crowd: many contexts that are blocked, but not in our deadlock.
 *
 * A half of them waits for a pool, a quarter for a mutex, all held by a thread that runs (it sleeps
 * outside the library); the last quarter waits at a condition.  The same threads can be parked
 * outside the library instead, so that with and without differ in nothing else. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "tools.h"

#include <pthread.h>

struct crowd;

/* Start `count` threads, parked. */
struct crowd *crowd_start(unsigned count);

/* Block them all in the library, or park them all; returns when they sleep there. */
void crowd_set(struct crowd *crowd, bool is_blocked);

/* Park, join, free. */
void crowd_end(struct crowd *crowd);

/* A thread that says "now" and then blocks; how others can see that it sleeps. */
struct sleeper {
    int tid;
    bool is_near; /* set just before the call that blocks */
};

void sleeper_enlist(struct sleeper *sleeper);
void sleeper_is_near(struct sleeper *sleeper, bool is_near);

/* Wait until all of them sleep in the call that they said they were near to. */
void sleepers_wait(const struct sleeper *sleepers, size_t count);

/* A thread with a small stack; fails the run if there can be none. */
void start_small_thread(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
