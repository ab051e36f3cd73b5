/* Pools where the kernel refuses membarrier: they work, unbiased. */
#include "plat/barrier.h"
#include "support/faults.h"
#include "support/owners.h"

static void refused_means_unbiased(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    lg__seam_arm(1, FAULT_BIT(MEMBARRIER), false);
    struct lg_pool *pool = bias_pool(driver, 1);
    assert_true(lg__seam_disarm() || !lg__barrier_is_there());
    assert_int_equal(pool->bias_after, LG__BIAS_NEVER);
    struct streak streak = streak_of(driver, pool, 10 * LG__BIAS_AFTER);
    assert_status(take_in_turn(&streak), LG_OK);
    lg__hint_of(pool, lg_context_self())->streak = LG__BIAS_NEVER - 2;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 0);
    struct crew_worker *a = crew_hire("A");
    assert_status(crew_do(a, take_in_turn, &streak), LG_OK);
    assert_int_equal(biased(pool), 0);
    null_end(driver, pool);
}

/* Only the pool that is made then. */
static void the_next_pool_is_biased(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 0);
    assert_status(earn(&streak), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(refused_means_unbiased),
        SUPPORT_TEST(the_next_pool_is_biased),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
