/* Biased slots of a pool that is made smaller. */
#include "support/owners.h"

/* A pool of two, slot 0 lent to the caller, slot 1 biased to a worker. */
struct pair {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_lease lease;
    struct crew_worker *owner;
    struct streak streak;
};

static struct pair begin_pair(void)
{
    skip_without_barrier();
    struct pair pair = {.driver = bias_driver()};
    pair.pool = bias_pool(pair.driver, 2);
    assert_status(lg_pool_checkout(pair.pool, LG_FOREVER, &pair.lease), LG_OK);
    pair.owner = hire_owner("owner", pair.driver, pair.pool);
    pair.streak = streak_of(pair.driver, pair.pool, 1);
    assert_int_equal(biased(pair.pool), 1);
    assert_int_equal(biased_to(pair.pool, crew_context(pair.owner)), 1);
    return pair;
}

static void what_is_biased_and_in_is_not_lent_again(void **state)
{
    (void)state;
    struct pair pair = begin_pair();
    assert_status(lg_pool_resize(pair.pool, 0, 1), LG_OK);
    assert_int_equal(biased(pair.pool), 0);
    crew_run(pair.owner, take_in_turn, &pair.streak);
    crew_wait_blocked_on(pair.owner, pair.pool);
    null_wait_closed(pair.driver, 1);
    assert_status(lg_pool_checkin(pair.pool, &pair.lease), LG_OK);
    assert_status(crew_wait(pair.owner), LG_OK);
    assert_int_equal(null_get(pair.driver, opened), 2);
    null_end(pair.driver, pair.pool);
}

/* Not even while it is there yet. */
static void what_is_hinted_and_idle_is_not_lent_again(void **state)
{
    (void)state;
    for (int is_sole = 0; is_sole < 2; is_sole++) {
        struct pair pair = begin_pair();
        null_hold(&pair.driver->closes);
        if (is_sole)
            assert_status(lg_pool_checkin(pair.pool, &pair.lease), LG_OK);
        assert_status(lg_pool_resize(pair.pool, 0, 1), LG_OK);
        crew_run(pair.owner, take_in_turn, &pair.streak);
        if (!is_sole) {
            crew_wait_blocked_on(pair.owner, pair.pool);
            assert_status(lg_pool_checkin(pair.pool, &pair.lease), LG_OK);
        }
        assert_status(crew_wait(pair.owner), LG_OK);
        null_let_all(&pair.driver->closes);
        null_wait_closed(pair.driver, 1);
        assert_int_equal(null_get(pair.driver, opened), 2);
        null_end(pair.driver, pair.pool);
    }
}

static void what_is_biased_and_out_goes_at_its_checkin(void **state)
{
    (void)state;
    struct pair pair = begin_pair();
    struct loan loan = loan_of(pair.driver, pair.pool, LG_FOREVER);
    assert_status(crew_do(pair.owner, loan_checkout, &loan), LG_OK);
    assert_int_equal(loan.lease.slot, 1);
    assert_int_equal(biased(pair.pool), 1);
    assert_status(lg_pool_resize(pair.pool, 0, 1), LG_OK);
    assert_int_equal(null_get(pair.driver, closed), 0);
    assert_status(crew_do(pair.owner, loan_checkin, &loan), LG_OK);
    assert_int_equal(null_get(pair.driver, closed), 1);
    assert_int_equal(stats_of(pair.pool).closed_surplus, 1);
    assert_status(lg_pool_checkin(pair.pool, &pair.lease), LG_OK);
    null_end(pair.driver, pair.pool);
}

/* A slot that is part of the capacity again may be biased again. */
static void a_bias_is_earned_again(void **state)
{
    (void)state;
    struct pair pair = begin_pair();
    assert_status(lg_pool_resize(pair.pool, 0, 1), LG_OK);
    null_wait_closed(pair.driver, 1);
    assert_status(lg_pool_resize(pair.pool, 0, 2), LG_OK);
    assert_status(crew_do(pair.owner, earn, &pair.streak), LG_OK);
    assert_int_equal(biased(pair.pool), 1);
    assert_int_equal(null_get(pair.driver, opened), 3);
    assert_status(lg_pool_checkin(pair.pool, &pair.lease), LG_OK);
    null_end(pair.driver, pair.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_is_biased_and_in_is_not_lent_again),
        SUPPORT_TEST(what_is_hinted_and_idle_is_not_lent_again),
        SUPPORT_TEST(what_is_biased_and_out_goes_at_its_checkin),
        SUPPORT_TEST(a_bias_is_earned_again),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
