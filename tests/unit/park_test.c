/* Queues by address: their order, and that objects which share a bucket do not meet. */
#include "support/support.h"

#include "sync/park.h"

#define NODES 6

static struct lg__wait nodes[NODES];
static uint64_t objects[20000];

static void push(const void *object, unsigned node, bool at_front)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    lg__park_push(bucket, &nodes[node], object, at_front);
    lg__park_unlock(bucket);
}

static void pull(const void *object, unsigned node)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    lg__park_remove(bucket, &nodes[node]);
    lg__park_unlock(bucket);
}

/* The queue as a number: its nodes' digits in order, from 1. */
static unsigned queue_of(const void *object)
{
    unsigned digits = 0;
    struct lg__bucket *bucket = lg__park_lock(object);
    struct lg__wait *wait = lg__park_next(bucket, NULL, object);
    for (; wait; wait = lg__park_next(bucket, wait, object))
        digits = digits * 10 + (unsigned)(wait - nodes) + 1;
    lg__park_unlock(bucket);
    return digits;
}

static struct lg__bucket *bucket_of(const void *object)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    lg__park_unlock(bucket);
    return bucket;
}

/* Another object in the bucket of the first. */
static const void *find_sharer(void)
{
    size_t i = 1;
    while (i < 20000 && bucket_of(&objects[i]) != bucket_of(&objects[0]))
        i++;
    assert_true(i < 20000);
    return &objects[i];
}

static void test_first_in_first_out_but_for_the_front(void **state)
{
    (void)state;
    const void *object = &objects[0];
    assert_int_equal(queue_of(object), 0);
    push(object, 0, false);
    push(object, 1, false);
    push(object, 2, true);
    assert_int_equal(queue_of(object), 312);
    pull(object, 0);
    assert_int_equal(queue_of(object), 32);
    assert_null(nodes[0].queue);
    pull(object, 2);
    pull(object, 1);
    assert_int_equal(queue_of(object), 0);
}

static void test_sharers_of_a_bucket_do_not_meet(void **state)
{
    (void)state;
    const void *a = &objects[0];
    const void *b = find_sharer();
    push(a, 0, false);
    push(b, 1, false);
    push(a, 2, false);
    push(b, 3, true);
    push(b, 4, false);
    assert_int_equal(queue_of(a), 13);
    assert_int_equal(queue_of(b), 425);
    pull(b, 1);
    pull(a, 0);
    assert_int_equal(queue_of(a), 3);
    assert_int_equal(queue_of(b), 45);
    pull(a, 2);
    pull(b, 3);
    pull(b, 4);
    assert_int_equal(queue_of(a), 0);
    assert_int_equal(queue_of(b), 0);
}

static void test_a_second_bucket_is_only_tried(void **state)
{
    (void)state;
    const void *a = &objects[0];
    const void *sharer = find_sharer();
    size_t i = 1;
    while (bucket_of(&objects[i]) == bucket_of(a))
        i++;
    const void *b = &objects[i];
    struct lg__bucket *held = lg__park_lock(a);
    struct lg__bucket *same = lg__park_try_second(held, sharer);
    assert_ptr_equal(same, held);
    lg__park_unlock_second(held, same);
    assert_int_equal(held->lock.word, 1); /* still locked */
    struct lg__bucket *second = lg__park_try_second(held, b);
    assert_non_null(second);
    assert_ptr_not_equal(second, held);
    assert_null(lg__park_try_second(held, b)); /* taken now */
    lg__park_unlock_second(held, second);
    assert_int_equal(second->lock.word, 0);
    lg__park_unlock(held);
}

static bool add_place(void *arg, const struct lg__wait *wait)
{
    uint64_t *last = arg; /* stamps grow */
    assert_true(wait->stamp > *last);
    *last = wait->stamp;
    return true;
}

static bool count_to(void *arg, const struct lg__wait *wait)
{
    (void)wait;
    return --*(unsigned *)arg > 0;
}

static void test_who_is_ahead_is_visited_in_order(void **state)
{
    (void)state;
    const void *a = &objects[0];
    const void *b = find_sharer();
    push(a, 0, false);
    push(b, 1, false);
    push(a, 2, false);
    push(a, 3, true);
    uint64_t last = 0;
    lg__park_visit_ahead(a, &nodes[0], add_place, &last);
    assert_int_equal(last, nodes[0].stamp); /* 3, 0: itself is the last */
    last = 0;
    lg__park_visit_ahead(a, &nodes[2], add_place, &last);
    assert_int_equal(last, nodes[2].stamp);
    unsigned visits = 2;
    lg__park_visit_ahead(a, &nodes[2], count_to, &visits);
    assert_int_equal(visits, 0); /* the visitor stops it */
    last = 0;
    lg__park_visit_ahead(a, &nodes[1], add_place, &last); /* it queues for something else */
    lg__park_visit_ahead(a, &nodes[4], add_place, &last); /* it queues for nothing */
    assert_int_equal(last, 0);
    pull(a, 0);
    pull(b, 1);
    pull(a, 2);
    pull(a, 3);
}

static void test_objects_spread_over_the_buckets(void **state)
{
    (void)state;
    unsigned sharers = 0;
    for (size_t i = 1; i < 1024; i++)
        sharers += bucket_of(&objects[i]) == bucket_of(&objects[0]);
    assert_in_range(sharers, 0, 8);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_first_in_first_out_but_for_the_front),
        SUPPORT_TEST(test_sharers_of_a_bucket_do_not_meet),
        SUPPORT_TEST(test_a_second_bucket_is_only_tried),
        SUPPORT_TEST(test_who_is_ahead_is_visited_in_order),
        SUPPORT_TEST(test_objects_spread_over_the_buckets),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
