/* Backing off: within the deadline, and never for nothing. */
#include "support/locks.h"

#include "plat/clock.h"

#include <limits.h>

static void test_a_deadline_without_room_is_refused(void **state)
{
    (void)state;
    static const unsigned attempts[] = {0, 1, 9, 10, 63, 64, UINT_MAX};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        assert_int_equal(lg_retry(attempts[i], LG_TRY), 0);
        assert_int_equal(lg_retry(attempts[i], 1), 0);
        assert_int_equal(lg_retry(attempts[i], lg__now_ns()), 0);
    }
}

/* It may use the time there is, and not more: after a yes there is some left. */
static void test_it_ends_before_the_deadline(void **state)
{
    (void)state;
    unsigned yes = 0;
    for (unsigned i = 0; i < 200; i++) {
        lg_deadline deadline = lg__now_ns() + 40000; /* most of what a first attempt takes */
        uint64_t before = lg__now_ns();
        if (lg_retry(i % 2, deadline))
            yes++;
        else
            assert_true(lg__now_ns() >= before); /* refused without a sleep up to the deadline */
    }
    assert_true(yes > 0 && yes < 200);
}

/* A random time below 2^attempt * 50 us: how long it really sleeps is the system's affair, but it
 * is not always the same, and with LG_FOREVER the answer is always yes. */
static void test_it_sleeps_and_says_yes(void **state)
{
    (void)state;
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (unsigned i = 0; i < 50; i++) {
        uint64_t before = lg__now_ns();
        assert_int_equal(lg_retry(3, LG_FOREVER), 1);
        uint64_t slept = lg__now_ns() - before;
        shortest = slept < shortest ? slept : shortest;
        longest = slept > longest ? slept : longest;
    }
    assert_true(longest > shortest);
    assert_int_equal(lg_retry(UINT_MAX, lg_after_ms(900000)), 1);
}

static int retry_once(void *arg)
{
    (void)arg;
    return lg_retry(2, lg_after_ms(900000));
}

/* It is no wait of the graph: the context runs, and what it holds does not block anybody for
 * ever. */
static void test_it_is_no_wait_of_the_graph(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(B, step_lock, &a);
    crew_wait_blocked_on(B, &a);
    crew_run(A, retry_once, NULL);
    assert_false(crew_is_blocked(A));
    assert_int_equal(crew_wait(A), 1);
    (void)crew_do(A, step_unlock, &a);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &a);
    (void)crew_do(B, step_unlock, &b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_deadline_without_room_is_refused),
        SUPPORT_TEST(test_it_ends_before_the_deadline),
        SUPPORT_TEST(test_it_sleeps_and_says_yes),
        SUPPORT_TEST(test_it_is_no_wait_of_the_graph),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
