/* Pace: is everybody where the next thing that happens must come from a timer?
 *
 * Scenarios are written for a quick machine: "wait 100 ms, by then the thread is in the queue", "the
 * open takes 800 ms, by then the other two have asked".  On a slow one the thread comes late and the
 * order is another, though the pool has done nothing wrong.  So an open that is held up, and a wait,
 * last at least as long as the file says and also until all is settled: each thread waits for
 * something, each checkout that has begun is in the pool's queue, and the opens that are wanted have
 * begun.  Nobody is waited for longer than PACE_PATIENCE_MS: what never settles is then judged as it
 * is. */
#ifndef LG_CMAP_PACE_H
#define LG_CMAP_PACE_H

#include "journal.h"

#define PACE_PATIENCE_MS 5000

/* What the main thread does.  The others do operations (threads.h counts them), or ask. */
enum pace_state {
    PACE_RUNNING,
    PACE_ASKING,   /* in a checkout */
    PACE_RESTING,  /* until a deadline */
    PACE_AWAITING, /* an event */
    PACE_JOINING
};

struct pace {
    struct journal *journal; /* r/o, as the next two */
    const uint32_t *busy;    /* atomic; operations that threads are to do or do */
    const struct settings *settings;
    struct lg_pool *pool; /* r/o once there are opens */
    pthread_mutex_t lock;
    uint32_t asking;      /* under lock; threads other than main in a checkout */
    enum pace_state main; /* under lock, as the next */
    size_t event;         /* PACE_AWAITING: this one ... */
    uint64_t count;       /* ... so many times */
    lg_deadline until;    /* PACE_RESTING */
};

void pace_begin(struct pace *pace, struct journal *journal, const uint32_t *busy,
                const struct settings *settings);
void pace_end(struct pace *pace);

/* The main thread begins to wait, or goes on (PACE_RUNNING). */
void pace_set(struct pace *pace, enum pace_state state);
void pace_set_resting(struct pace *pace, lg_deadline until);
void pace_set_awaiting(struct pace *pace, size_t event, uint64_t count);
/* Another thread begins (1) or ends (-1) a checkout. */
void pace_ask(struct pace *pace, int change);

/* `opening`: how many opens are under way. */
bool pace_is_settled(struct pace *pace, uint32_t opening);

#endif
