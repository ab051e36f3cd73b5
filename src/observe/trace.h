/* Trace: rings of events, one a context.
 *
 * Only the owner writes to a ring: an event of four words, then the head.  Who reads copies the ring and looks at
 * the head again: an event is good if it cannot have been overwritten meanwhile.
 *   T1  The owner stores the head (release) and then the next event's words (release, each): who sees one of
 *       them sees the head.  The reader loads words (acquire) before it loads the head again: so if a word was
 *       already of the event that took its place, the head says so.
 * Rings stay with the slot of the context.  A trace is a number (era): a ring of another is empty. */
#ifndef LG_OBSERVE_TRACE_H
#define LG_OBSERVE_TRACE_H

#include "graph/context.h"

#include <lifeguard/trace.h>

#define LG__TRACE_NAMES 1024

enum lg__trace_kind {
    LG__TRACE_BEGIN, /* another context has the ring: object is its id, extra its thread */
    LG__TRACE_END,   /* it has ended; name is its own */
    LG__TRACE_TAKEN,
    LG__TRACE_RELEASED,
    LG__TRACE_WAITS,
    LG__TRACE_WAITED, /* extra is the state that its word had at the end */
    LG__TRACE_WOKE    /* object is whose wait it ended, extra the word of that */
};

/* One event, as it is read. */
struct lg__trace_event {
    uint64_t ticks;
    uint64_t object; /* an address, or an id */
    uint64_t extra;  /* a place, or as above */
    enum lg__trace_kind kind;
    uint32_t name; /* which of the ring's */
};

/* Of things of one class; only the first `name_count` of a ring are there, and they never change. */
struct lg__trace_name {
    const char *noun;
    char name[LG_NAME_SIZE];
    bool is_wanted;
};

/* Which name an object has, while it has this serial. */
struct lg__trace_hint {
    const void *object;
    uint32_t serial;
    uint32_t name;
};

struct lg__trace_ring {
    struct lg__trace_ring *older; /* r/o */
    uint64_t era;                 /* atomic; the owner; before head (release) */
    uint64_t head;                /* atomic, T1; events so far */
    uint32_t name_count;          /* atomic; after the name (release) */
    uint64_t words[LG_TRACE_EVENTS][4];
    struct lg__trace_name names[LG__TRACE_NAMES];
    uint64_t context; /* atomic relaxed; the owner's id */
    uint64_t thread;  /* as context */
    /* The owner's: what it holds of which TAKEN was written, and where names are, as a hint. */
    bool is_waiting; /* WAITS was written */
    uint32_t open_count;
    const void *open[LG__HELD_MAX];
    struct lg__trace_hint hints[1024];
};

/* A ring as it was at one moment. */
struct lg__trace_copy {
    struct lg__trace_ring *ring;
    struct lg__trace_event *events; /* LG_TRACE_EVENTS of them */
    uint32_t count;
    uint64_t owner; /* whose the first event is; 1: unknown */
    uint64_t thread;
};

/* What a clock says, and what that is in nanoseconds. */
struct lg__trace_time {
    uint64_t ticks;
    uint64_t ns;
};
struct lg__trace_time lg__trace_now(void);
struct lg__trace_time lg__trace_start_time(void);

/* One at a time begins a trace or writes it: what a ring has of names is not overwritten meanwhile.  False:
 * somebody does. */
bool lg__trace_claim(void);
void lg__trace_unclaim(void);

/* The newest ring; go on by `older`. */
struct lg__trace_ring *lg__trace_rings(void);

/* Copy a ring's events, the oldest first; none if it is of another trace. */
void lg__trace_copy(struct lg__trace_copy *copy, struct lg__trace_ring *ring);

#endif
