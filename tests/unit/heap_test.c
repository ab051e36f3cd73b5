/* The heap against a plain search for the least. */
#include "plat/heap.h"
#include "support/support.h"

#define NODES 200

static struct lg__heap_node nodes[NODES];

static uint64_t least_key(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].is_in && nodes[i].key < least)
            least = nodes[i].key;
    return least;
}

static void the_least_is_first(void **state)
{
    (void)state;
    struct support_random random;
    struct lg__heap heap = {NULL};
    support_random_begin(&random, 1);
    for (uint32_t i = 0; i < 20000; i++) {
        struct lg__heap_node *node = &nodes[support_below(&random, NODES)];
        if (node->is_in)
            lg__heap_remove(&heap, node);
        else
            lg__heap_push(&heap, node, support_below(&random, 50));
        if (i % 7 == 0 && heap.first)
            lg__heap_remove(&heap, heap.first);
        assert_true(heap.first ? heap.first->key == least_key() : least_key() == UINT64_MAX);
    }
    while (heap.first) {
        assert_true(heap.first->key == least_key());
        lg__heap_remove(&heap, heap.first);
    }
    assert_true(least_key() == UINT64_MAX);
}

static void one_that_is_in_none_stays_out(void **state)
{
    (void)state;
    struct lg__heap heap = {NULL};
    struct lg__heap_node node = {0};
    lg__heap_remove(&heap, &node);
    assert_null(heap.first);
    lg__heap_push(&heap, &node, 3);
    assert_ptr_equal(heap.first, &node);
    lg__heap_remove(&heap, &node);
    lg__heap_remove(&heap, &node);
    assert_null(heap.first);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(the_least_is_first),
        SUPPORT_TEST(one_that_is_in_none_stays_out),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
