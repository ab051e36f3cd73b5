/* Deadlines at the edges of time. */
#include "support/support.h"

#include "plat/clock.h"

static void test_deadlines_end_at_forever(void **state)
{
    (void)state;
    assert_true(lg_after_ms(UINT64_MAX) == LG_FOREVER);
    assert_true(lg_after_ms(UINT64_MAX / 1000000) == LG_FOREVER);
    lg_deadline late = lg_after_ms(UINT64_MAX / 1000000 / 2);
    assert_true(late > lg__now_ns() && late < LG_FOREVER);
}

static void test_after_counts_from_now(void **state)
{
    (void)state;
    uint64_t before = lg__now_ns();
    lg_deadline deadline = lg_after_ms(1500);
    uint64_t after = lg__now_ns();
    assert_true(deadline >= before + 1500000000 && deadline <= after + 1500000000);
}

static void test_what_has_passed(void **state)
{
    (void)state;
    assert_true(lg__deadline_has_passed(LG_TRY));
    assert_true(lg__deadline_has_passed(1));
    assert_true(lg__deadline_has_passed(lg_after_ms(0)));
    assert_true(lg__deadline_has_passed(lg__now_ns()));
    assert_false(lg__deadline_has_passed(lg_after_ms(60000)));
    assert_false(lg__deadline_has_passed(LG_FOREVER));
    assert_false(lg__deadline_has_passed(LG_FOREVER - 1));
}

static void test_clocks_do_not_go_back(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(lg__now_coarse_ns() <= lg__now_ns());
        uint64_t now = lg__now_ns();
        assert_true(now >= last);
        last = now;
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_deadlines_end_at_forever),
        SUPPORT_TEST(test_after_counts_from_now),
        SUPPORT_TEST(test_what_has_passed),
        SUPPORT_TEST(test_clocks_do_not_go_back),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
