/* The graph of orders, for the two files that know it.  All under the order lock. */
#ifndef LG_OBSERVE_ORDER_PARTS_H
#define LG_OBSERVE_ORDER_PARTS_H

#include "observe/order.h"

#define LG__ORDER_NODES    2048u
#define LG__ORDER_EDGES    8192u
#define LG__ORDER_EXAMPLES 4
#define LG__ORDER_GATES    6
#define LG__ORDER_CROWDS   128
#define LG__ORDER_CROWD    64
#define LG__ORDER_NONE     UINT32_MAX

struct lg__order_node {
    const struct lg__resource_class *class;
    char name[LG_NAME_SIZE];
    uint32_t serial; /* of a single thing; 0: a class */
    uint32_t next;   /* in its bucket */
    uint32_t edges;  /* the first edge from here */
    uint32_t mark;   /* of the last search that came by */
    bool is_apart;   /* a class of which two were held together */
};

/* One time that it was done. */
struct lg__order_example {
    uint64_t context;
    uint64_t birth; /* since when the context counted */
    uint64_t time;  /* when it was seen last */
    const char *held_place;
    const char *taken_place;
    const void *gates[LG__ORDER_GATES];
    uint32_t gate_count; /* more than LG__ORDER_GATES: not all are known, and it is in no ring */
    uint32_t held_units, held_capacity;
    uint32_t taken_units, taken_capacity;
};

/* Contexts that hold a part of something and take the same way. */
struct lg__order_crowd {
    uint64_t contexts[LG__ORDER_CROWD];
    uint64_t times[LG__ORDER_CROWD];
    uint32_t count;
};

struct lg__order_edge {
    uint32_t from, to;
    uint32_t next;       /* in its bucket */
    uint32_t next_from;  /* from the same node */
    uint32_t crowd;      /* LG__ORDER_NONE: none */
    uint32_t no_ring_at; /* the shape of the graph in which no way led back */
    uint32_t example_count;
    struct lg__order_example examples[LG__ORDER_EXAMPLES];
};

struct lg__order_graph {
    struct lg__order_node nodes[LG__ORDER_NODES];
    struct lg__order_edge edges[LG__ORDER_EDGES];
    struct lg__order_crowd crowds[LG__ORDER_CROWDS];
    uint32_t stack[LG__ORDER_NODES]; /* of can_reach */
    struct lg_prediction kept[LG_PREDICTIONS_MAX];
};

/* NULL until prediction is on for the first time. */
extern struct lg__order_graph *lg__order_graph;

struct lg__order_step {
    const struct lg__order_edge *edge;
    const struct lg__order_example *example;
};

/* A way from the edge that was taken now: its first step. */
struct lg__order_search {
    struct lg__order_step steps[LG_PREDICTION_STEPS];
    uint32_t count;
    uint32_t goal; /* the node where the first step began */
    uint32_t budget;
};

/* ring.c.  Whether any way leads from one node to another, whoever goes it. */
bool lg__ring_can_reach(uint32_t from, uint32_t goal);

/* Go on from the first step until its beginning is reached again, by steps that could all be taken at once.
 * False: there is no such ring, or it would take too long to find. */
bool lg__ring_close(struct lg__order_search *search);

#endif
