/* Journal: all events of a run in the order in which the pool gave them.
 *
 * Waits end at the run's end too: journal_stop lets go whoever waits. */
#ifndef LG_CMAP_JOURNAL_H
#define LG_CMAP_JOURNAL_H

#include "scenario.h"

#include <pthread.h>

struct journal {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct scenario *scenario; /* r/o */
    json_t *events;                  /* under lock */
    uint64_t counts[EVENT_TYPES];    /* under lock */
    uint64_t last_number;            /* under lock */
    bool is_stopped;                 /* under lock */
    struct complaint fault;          /* under lock: a promise about events that the pool broke */
    int inside;                      /* atomic; calls of the sink now */
};

bool journal_begin(struct journal *journal, const struct scenario *scenario);
void journal_end(struct journal *journal);

/* The pool's sink. */
void journal_note(void *journal, const struct lg_pool_event *event);

/* Wait until so many events of this index have come.  False: the deadline or the stop came first. */
bool journal_wait(struct journal *journal, size_t event, uint64_t count, lg_deadline deadline);
/* Wait until so many have come that are not ignored. */
bool journal_wait_relevant(struct journal *journal, uint64_t count, lg_deadline deadline);
/* Wait for the deadline or the stop. */
void journal_rest(struct journal *journal, lg_deadline deadline);
void journal_stop(struct journal *journal);

/* How many of an event have come. */
uint64_t journal_count(struct journal *journal, size_t event);

/* What has come by now: a new array. */
json_t *journal_copy(struct journal *journal);

#endif
