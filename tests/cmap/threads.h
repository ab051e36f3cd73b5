/* Threads: those that a scenario names.  Each does its operations in the order in which they were
 * handed to it, and none after one that went wrong. */
#ifndef LG_CMAP_THREADS_H
#define LG_CMAP_THREADS_H

#include "scenario.h"

#include <pthread.h>

enum outcome_kind {
    OUTCOME_FINE,
    OUTCOME_ERROR, /* the pool's answer, which the scenario may expect */
    OUTCOME_BROKEN /* the scenario cannot go on */
};

struct outcome {
    enum outcome_kind kind;
    const char *type; /* of an error, in the words of the format */
    char text[512];
};

/* Do one operation, on any thread. */
typedef struct outcome perform_operation(void *arg, const struct operation *operation);

struct thread;

struct threads {
    perform_operation *perform; /* r/o, as the next */
    void *arg;
    size_t room;   /* r/o; operations that one may have */
    uint32_t busy; /* atomic; operations that were handed to threads and are not done */
    struct thread *list[SCENARIO_THREADS_MAX]; /* main thread only, as the next */
    size_t count;
};

/* All for the main thread; what they return is fine or broken, but for threads_join, which returns
 * what went wrong on the thread. */
struct outcome threads_start(struct threads *threads, const char *name);
struct outcome threads_hand(struct threads *threads, const struct operation *operation);
/* Let the thread finish what it has, and end. */
struct outcome threads_join(struct threads *threads, const char *name);
/* What is broken on any of them by now: nobody may ask for it by joining. */
struct outcome threads_look(struct threads *threads);
/* End all, without what they have not begun. */
void threads_end(struct threads *threads);

/* An outcome that is no error of the pool. */
struct outcome outcome_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
