/* The pairing heap. */
#include "plat/heap.h"

/* Two trees become one.  Neither has siblings. */
static struct lg__heap_node *meld(struct lg__heap_node *a, struct lg__heap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    struct lg__heap_node *first = b->key < a->key ? b : a;
    struct lg__heap_node *second = first == a ? b : a;
    second->previous = first;
    second->next = first->child;
    if (second->next)
        second->next->previous = second;
    first->child = second;
    return first;
}

static struct lg__heap_node *cut(struct lg__heap_node *node)
{
    struct lg__heap_node *rest = node->next;
    node->next = node->previous = NULL;
    return rest;
}

/* The children of one that has left: melded in pairs from the first on, and the pairs from the last. */
static struct lg__heap_node *meld_all(struct lg__heap_node *node)
{
    struct lg__heap_node *pairs = NULL;
    while (node) {
        struct lg__heap_node *a = node;
        struct lg__heap_node *b = cut(a);
        node = b ? cut(b) : NULL;
        struct lg__heap_node *pair = meld(a, b);
        pair->next = pairs; /* a stack of them */
        pairs = pair;
    }
    struct lg__heap_node *tree = NULL;
    while (pairs) {
        struct lg__heap_node *pair = pairs;
        pairs = cut(pair);
        tree = meld(tree, pair);
    }
    return tree;
}

void lg__heap_push(struct lg__heap *heap, struct lg__heap_node *node, uint64_t key)
{
    *node = (struct lg__heap_node){.key = key, .is_in = true};
    heap->first = meld(heap->first, node);
}

void lg__heap_remove(struct lg__heap *heap, struct lg__heap_node *node)
{
    if (!node->is_in)
        return;
    struct lg__heap_node *children = meld_all(node->child);
    if (node == heap->first) {
        heap->first = children;
    } else {
        if (node->previous->child == node)
            node->previous->child = node->next;
        else
            node->previous->next = node->next;
        if (node->next)
            node->next->previous = node->previous;
        heap->first = meld(heap->first, children);
    }
    *node = (struct lg__heap_node){0};
}
