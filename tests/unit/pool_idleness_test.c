/* Idleness as the keeper sees it: no checkin notes the time, slots may be biased, and what goes has been idle
 * for long enough all the same. */
#include "support/owners.h"

static struct lg_pool *pool_with(struct null_driver *driver, uint64_t period_ms)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.idle_timeout_ms = NULL_CHECK_MS;
    options.period_ms = period_ms;
    options.leak_after_ms = 3000000000; /* longer than null_age makes it */
    return null_pool(driver, &options);
}

static uint32_t last_tag(const struct lg_pool *pool)
{
    return lg__slot_tag(lg__slot_look(&pool->slots[0]).word);
}

static void wait_seen(const struct lg_pool *pool)
{
    NULL_WAIT_UNTIL(lg__load_relaxed(&pool->notes[0].seen_tag) == last_tag(pool));
}

static void a_biased_one_is_closed(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = pool_with(driver, 1);
    struct streak streak = streak_of(driver, pool, 1);
    assert_status(earn(&streak), LG_OK);
    wait_seen(pool);
    null_grow_old();
    assert_int_equal(null_get(driver, closed), 0);
    assert_int_equal(biased(pool), 1);
    null_age(pool);
    null_wait_closed(driver, 1);
    assert_int_equal(biased(pool), 0);
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(null_get(driver, opened), 2);
    null_end(driver, pool);
}

/* The time since it was lent is long, and so is that since it was idle before. */
static void one_that_was_lent_meanwhile_is_not(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = pool_with(driver, 1);
    struct streak streak = streak_of(driver, pool, 1);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(earn(&streak), LG_OK);
    wait_seen(pool);
    assert_status(loan_checkout(&loan), LG_OK);
    null_age(pool);
    null_grow_old();
    null_grow_old();
    assert_status(loan_checkin(&loan), LG_OK);
    null_grow_old();
    assert_int_equal(null_get(driver, closed), 0);
    assert_int_equal(biased(pool), 1);
    null_end(driver, pool);
}

/* A pool that was used and then left alone has idle slots of which the keeper knows since when. */
static void a_new_one_in_the_same_slot_is_not(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = pool_with(driver, 1);
    struct streak streak = streak_of(driver, pool, 3);
    assert_status(take_in_turn(&streak), LG_OK);
    wait_seen(pool);
    null_age(pool);
    null_wait_closed(driver, 1);
    streak.count = 1;
    assert_status(take_in_turn(&streak), LG_OK);
    null_grow_old();
    assert_int_equal(null_get(driver, closed), 1);
    assert_int_equal(null_get(driver, opened), 2);
    null_end(driver, pool);
}

static void with_rare_passes_there_is_no_bias(void **state)
{
    (void)state;
    skip_without_barrier();
    for (uint32_t i = 0; i < 2; i++) {
        struct null_driver *driver = bias_driver();
        struct lg_pool *pool = pool_with(driver, NULL_CHECK_MS / 16 + i);
        struct streak streak = streak_of(driver, pool, 10 * LG__BIAS_AFTER);
        assert_status(take_in_turn(&streak), LG_OK);
        assert_int_equal(biased(pool), 1 - i);
        null_end(driver, pool);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_biased_one_is_closed),
        SUPPORT_TEST(one_that_was_lent_meanwhile_is_not),
        SUPPORT_TEST(a_new_one_in_the_same_slot_is_not),
        SUPPORT_TEST(with_rare_passes_there_is_no_bias),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
