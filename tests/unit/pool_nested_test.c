/* Nested checkouts: pools that forbid them, and pools that share. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

static struct lg_pool *pool_with(struct null_driver *driver, uint32_t capacity,
                                 enum lg_nested nested)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    options.nested = nested;
    return null_pool(driver, &options);
}

/* ---- nested = forbid ---------------------------------------------------------------------------- */

static void forbid_refuses_the_second_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 4, LG_NESTED_FORBID);
    struct lg_lease first = null_take(pool), second;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_ENESTED);
    assert_null(second.resource);
    assert_status(lg_pool_try_checkout(pool, &second), LG_ENESTED);
    null_assert_counts(driver, pool, 1);
    null_give(pool, &first);
    first = null_take(pool);
    null_give(pool, &first);
    null_end(driver, pool);
}

static void forbid_is_for_one_context_and_one_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin(), *others = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_FORBID);
    struct lg_pool *other = pool_with(others, 2, LG_NESTED_FORBID);
    struct crew_worker *worker = crew_hire("another");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease mine = null_take(pool), its = null_take(other);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_give(other, &its);
    null_give(pool, &mine);
    null_end(driver, pool);
    null_end(others, other);
}

static void forbid_counts_what_was_adopted_and_not_what_was_detached(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_FORBID);
    struct lg_lease first = null_take(pool), second;
    assert_status(lg_lease_detach(&first), LG_OK);
    second = null_take(pool);
    null_give(pool, &second);
    assert_status(lg_lease_adopt(&first), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_ENESTED);
    null_give(pool, &first);
    null_end(driver, pool);
}

/* ---- nested = share ----------------------------------------------------------------------------- */

#define LEVELS 32

static void share_gives_the_same_under_tags_of_their_own(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = null_take(pool), inner = null_take(pool), third = null_take(pool);
    assert_ptr_equal(inner.resource, outer.resource);
    assert_ptr_equal(third.resource, outer.resource);
    assert_memory_not_equal(&inner, &outer, sizeof inner);
    assert_memory_not_equal(&inner, &third, sizeof inner);
    null_assert_counts(driver, pool, 3);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 1);
    null_give(pool, &inner);
    null_give(pool, &third);
    assert_int_equal(null_get(driver, resets), 0);
    null_give(pool, &outer);
    assert_int_equal(null_get(driver, resets), 1);
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

/* In any order the resource is reset once, at the end, and until then it is nobody else's. */
static void share_may_be_returned_in_any_order(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct support_random random;
    support_random_begin(&random, 1);
    struct crew_worker *worker = crew_hire("other");
    for (uint32_t round = 0; round < (uint32_t)SUPPORT_ROUNDS(200); round++) {
        struct lg_lease leases[LEVELS], stale;
        uint32_t count = 1 + support_below(&random, LEVELS);
        struct loan try = loan_of(driver, pool, LG_TRY);
        for (uint32_t i = 0; i < count; i++)
            leases[i] = null_take(pool);
        for (uint32_t left = count; left > 0; left--) {
            uint32_t i = support_below(&random, left);
            stale = leases[i];
            assert_status(crew_do(worker, loan_checkout, &try), LG_EBUSY);
            assert_int_equal(null_get(driver, resets), round);
            null_give(pool, &leases[i]);
            assert_status(lg_pool_checkin(pool, &stale), LG_ESTALE);
            assert_status(lg_lease_detach(&stale), LG_ESTALE);
            leases[i] = leases[left - 1];
            null_assert_counts(driver, pool, left - 1);
        }
        assert_int_equal(null_get(driver, resets), round + 1);
    }
    null_end(driver, pool);
}

/* A holder may share a thousand times, one after the other: what it has returned is no level. */
static void share_many_times(struct null_driver *driver, struct lg_pool *pool, int rounds)
{
    struct lg_lease outer = null_take(pool), middle = null_take(pool), last = middle;
    uint32_t resets = null_get(driver, resets);
    for (int i = 0; i < rounds; i++) {
        struct lg_lease inner = null_take(pool), copy = inner;
        assert_ptr_equal(inner.resource, outer.resource);
        if (i > 0)
            assert_status(lg_pool_checkin(pool, &last), LG_ESTALE); /* of the round before */
        null_give(pool, &inner);
        assert_status(lg_pool_checkin(pool, &copy), LG_ESTALE);
        last = copy;
    }
    null_give(pool, &outer);
    for (int i = 0; i < 100; i++) { /* the outermost may be gone: what is left is shared on */
        struct lg_lease inner = null_take(pool);
        assert_ptr_equal(inner.resource, middle.resource);
        null_give(pool, &inner);
    }
    assert_int_equal(null_get(driver, resets), resets);
    null_give(pool, &middle);
    assert_int_equal(null_get(driver, resets), resets + 1);
}

static void share_counts_what_is_out_only(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    share_many_times(driver, pool, 1000);
    share_many_times(driver, pool, 3000); /* more than a share can count */
    share_many_times(driver, pool, 10);
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.lent, 1000 + 3000 + 10 + 3 * (2 + 100));
    assert_int_equal(stats.returned, stats.lent);
    null_end(driver, pool);
}

/* Another thread returns the lease while its holder is about to share it: both stand before the
 * pool's lock, and whoever comes second finds what the first has left. */
static void a_loan_that_has_ended_is_not_shared(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct crew_worker *holder = crew_hire("holder"), *other = crew_hire("other");
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < SUPPORT_ROUNDS(300); i++) {
        struct loan outer = loan_of(driver, pool, LG_FOREVER), inner = outer;
        struct crew_worker *first = i % 2 ? holder : other;
        outer.is_untouched = inner.is_untouched = 1;
        assert_status(crew_do(holder, loan_checkout, &outer), LG_OK);
        null_wait_no_openers(pool);
        lg__raw_lock(&pool->lock);
        crew_run(first, i % 2 ? loan_checkout : loan_checkin, i % 2 ? &inner : &outer);
        NULL_WAIT_UNTIL(lg__load_acquire(&pool->lock.word) == 2);
        crew_run(i % 2 ? other : holder, i % 2 ? loan_checkin : loan_checkout,
                 i % 2 ? &outer : &inner);
        for (int j = 0; j < 20; j++)
            null_yield(); /* so that the second most often stands there too */
        lg__raw_unlock(&pool->lock);
        assert_status(crew_wait(other), LG_OK);
        assert_status(crew_wait(holder), LG_OK);
        assert_status(crew_do(holder, loan_checkin, &inner), LG_OK);
        null_assert_counts(driver, pool, 0);
    }
    null_end(driver, pool);
}

/* Level 33 is an ordinary checkout: of another resource, or a deadlock with itself. */
static void share_goes_thirty_two_levels_deep(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_SHARE);
    struct lg_lease leases[LEVELS + 2];
    for (int i = 0; i < LEVELS + 1; i++) {
        leases[i] = null_take(pool);
        assert_int_equal(leases[i].resource == leases[0].resource, i < LEVELS);
    }
    null_assert_counts(driver, pool, LEVELS + 1);
    for (int i = 0; i < LEVELS + 1; i++)
        null_give(pool, &leases[i]);
    assert_int_equal(null_get(driver, resets), 2);
    null_end(driver, pool);
    driver = null_begin();
    pool = pool_with(driver, 1, LG_NESTED_SHARE);
    for (int i = 0; i < LEVELS; i++)
        leases[i] = null_take(pool);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &leases[LEVELS]), LG_EDEADLK);
    for (int i = LEVELS - 1; i >= 0; i--)
        null_give(pool, &leases[i]);
    null_end(driver, pool);
}

/* What the user of the inner lease saw broken is not lent again, whoever returns last. */
static void a_shared_resource_is_discarded_at_the_end(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = null_take(pool), inner = null_take(pool);
    assert_status(lg_pool_discard(pool, &inner), LG_OK);
    assert_int_equal(null_get(driver, closed), 0);
    inner = null_take(pool); /* the holder goes on sharing what it has */
    assert_ptr_equal(inner.resource, outer.resource);
    null_give(pool, &outer);
    null_give(pool, &inner);
    assert_int_equal(null_get(driver, closed), 1);
    outer = null_take(pool);
    assert_int_equal(null_get(driver, opened), 2);
    null_give(pool, &outer);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

static void a_shared_resource_is_cleared_at_the_end(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = null_take(pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    struct lg_lease inner = null_take(pool);
    assert_ptr_equal(inner.resource, outer.resource);
    null_give(pool, &inner);
    assert_int_equal(null_get(driver, closed), 0);
    null_give(pool, &outer);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(forbid_refuses_the_second_at_once),
        SUPPORT_TEST(forbid_is_for_one_context_and_one_pool),
        SUPPORT_TEST(forbid_counts_what_was_adopted_and_not_what_was_detached),
        SUPPORT_TEST(share_gives_the_same_under_tags_of_their_own),
        SUPPORT_TEST(share_may_be_returned_in_any_order),
        SUPPORT_TEST(share_counts_what_is_out_only),
        SUPPORT_TEST(a_loan_that_has_ended_is_not_shared),
        SUPPORT_TEST(share_goes_thirty_two_levels_deep),
        SUPPORT_TEST(a_shared_resource_is_discarded_at_the_end),
        SUPPORT_TEST(a_shared_resource_is_cleared_at_the_end),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
