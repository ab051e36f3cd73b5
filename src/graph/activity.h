/* Activity: what a context does at this moment, for reports about somebody who is not in a search. */
#ifndef LG_GRAPH_ACTIVITY_H
#define LG_GRAPH_ACTIVITY_H

#include "graph/context.h"

enum lg__activity_kind {
    LG__ACTIVITY_ENDED,  /* there is no such context any more */
    LG__ACTIVITY_WAITS,  /* blocked in the library */
    LG__ACTIVITY_PARKED, /* detached from its thread (lg_context_detach) */
    LG__ACTIVITY_RUNS    /* as far as the library can see */
};

struct lg__activity {
    enum lg__activity_kind kind;
    int32_t thread;            /* RUNS: its thread */
    char noun[16];             /* WAITS: what for */
    char name[LG_NAME_SIZE];   /* as noun; "" if it has none */
    char place[LG_PLACE_SIZE]; /* as noun: where; "" if unknown */
    uint64_t waited_ms;        /* as noun: since when */
};

/* Look at the context with this id.  It may do something else by now.  Takes a pin, and the registry's
 * lock: any thread, without a lock of the library. */
void lg__activity_read(uint64_t id, struct lg__activity *out);

#endif
