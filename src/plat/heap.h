/* Heap: nodes by key, the least first.  The nodes are their owners': nothing is allocated.
 *
 * A node that joins costs O(1), one that leaves O(log n) amortized, wherever it is.
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap" (1986). */
#ifndef LG_PLAT_HEAP_H
#define LG_PLAT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All fields are guarded by whatever guards the heap. */
struct lg__heap_node {
    uint64_t key;
    struct lg__heap_node *child;    /* the first of those with no smaller keys */
    struct lg__heap_node *next;     /* of the same parent */
    struct lg__heap_node *previous; /* of the same parent; the first one's is the parent */
    bool is_in;
};

struct lg__heap {
    struct lg__heap_node *first; /* the least; NULL: empty */
};

void lg__heap_push(struct lg__heap *heap, struct lg__heap_node *node, uint64_t key);
/* Nothing happens to a node that is in none. */
void lg__heap_remove(struct lg__heap *heap, struct lg__heap_node *node);

#endif
