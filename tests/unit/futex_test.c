/* The futex call: what ends a sleep, and that errno stays as it was. */
#include "support/crew.h"

#include "plat/atomic.h"
#include "plat/clock.h"
#include "plat/futex.h"

#include <errno.h>

static void test_a_changed_word_does_not_sleep(void **state)
{
    (void)state;
    uint32_t word = 1;
    errno = 77;
    assert_int_equal(lg__futex_wait(&word, 2, LG_FOREVER), LG_OK);
    assert_int_equal(errno, 77);
}

static void test_deadlines_end_a_sleep(void **state)
{
    (void)state;
    uint32_t word = 1;
    static const lg_deadline past[] = {LG_TRY, 1, 1000000000};
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        errno = 77;
        assert_int_equal(lg__futex_wait(&word, 1, past[i]), LG_ETIMEDOUT);
        assert_int_equal(errno, 77);
    }
    lg_deadline soon = lg_after_ms(2);
    while (lg__futex_wait(&word, 1, soon) != LG_ETIMEDOUT)
        continue;
    assert_true(lg__now_ns() >= soon); /* never early */
}

struct sleeper {
    uint32_t word;
    uint32_t has_slept;
};

static int sleep_once(void *arg)
{
    struct sleeper *sleeper = arg;
    while (lg__load_acquire(&sleeper->word) == 0)
        (void)lg__futex_wait(&sleeper->word, 0, LG_FOREVER - 1); /* far, but a time */
    lg__store_release(&sleeper->has_slept, 1u);
    return 0;
}

static void test_wake_wakes(void **state)
{
    (void)state;
    struct sleeper sleeper = {0, 0};
    struct crew_worker *a = crew_hire("A");
    crew_run(a, sleep_once, &sleeper);
    lg__futex_wake(&sleeper.word, 1); /* whenever it comes, before the change it changes nothing */
    assert_int_equal(lg__load_acquire(&sleeper.has_slept), 0);
    lg__store_release(&sleeper.word, 1u);
    errno = 77;
    lg__futex_wake(&sleeper.word, 1);
    assert_int_equal(errno, 77);
    assert_int_equal(crew_wait(a), 0);
    assert_int_equal(sleeper.has_slept, 1);
}

static void test_only_the_address_is_used_to_wake(void **state)
{
    (void)state;
    lg__futex_wake((const uint32_t *)(uintptr_t)4096, 1); /* nothing is mapped there */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_changed_word_does_not_sleep),
        SUPPORT_TEST(test_deadlines_end_a_sleep),
        SUPPORT_TEST(test_wake_wakes),
        SUPPORT_TEST(test_only_the_address_is_used_to_wake),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
