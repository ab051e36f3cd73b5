/* Statistics: what is counted by whom, and the one snapshot of it. */
#include "plat/memory.h"
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <string.h>

static struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(pool, &stats), LG_OK);
    return stats;
}

/* A pool whose calls all take their slow paths. */
static struct lg_pool *slow_pool(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.nested = LG_NESTED_FORBID;
    return null_pool(driver, &options);
}

static void lend(struct null_driver *driver, struct lg_pool *pool, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        struct loan loan = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loan), LG_OK);
        assert_status(loan_checkin(&loan), LG_OK);
    }
}

/* ---- The struct's size -------------------------------------------------------------------------- */

static void an_older_struct_is_filled_as_far_as_it_goes(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_pool_stats stats;
    lend(driver, pool, 5);
    memset(&stats, 0x55, sizeof stats);
    stats.size = offsetof(struct lg_pool_stats, refused_busy);
    assert_status(lg_pool_stats(pool, &stats), LG_OK);
    assert_int_equal(stats.size, offsetof(struct lg_pool_stats, refused_busy));
    assert_int_equal(stats.capacity, 3);
    assert_int_equal(stats.lent, 5);
    assert_true(stats.refused_busy == 0x5555555555555555);
    null_end(driver, pool);
}

static void what_a_newer_struct_has_more_is_zero(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct {
        struct lg_pool_stats known;
        uint64_t news[4];
        uint64_t behind;
    } newer;
    memset(&newer, 0x55, sizeof newer);
    newer.known.size = sizeof newer.known + sizeof newer.news;
    assert_status(lg_pool_stats(pool, &newer.known), LG_OK);
    assert_int_equal(newer.known.capacity, 3);
    for (int i = 0; i < 4; i++)
        assert_int_equal(newer.news[i], 0);
    assert_true(newer.behind == 0x5555555555555555);
    null_end(driver, pool);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    static const uint32_t sizes[] = {0, 4, 7, 65537, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct lg_pool_stats stats = {.size = sizes[i], .capacity = 99};
        assert_status(lg_pool_stats(pool, &stats), LG_EINVAL);
        assert_int_equal(stats.capacity, 99);
    }
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(NULL, &stats), LG_EINVAL);
    assert_status(lg_pool_stats(pool, NULL), LG_EINVAL);
    null_end(driver, pool);
}

/* ---- Waits -------------------------------------------------------------------------------------- */

static void nothing_is_recorded_without_a_wait(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    lend(driver, pool, 1);
    struct lg_pool_stats before = stats_of(pool);
    assert_int_equal(before.waited, 1); /* for the open */
    assert_int_equal(before.wait_ns.count, 1);
    lend(driver, pool, 1000);
    struct lg_pool_stats after = stats_of(pool);
    assert_int_equal(after.lent, before.lent + 1000);
    assert_int_equal(after.waited, 1);
    assert_memory_equal(&after.wait_ns, &before.wait_ns, sizeof after.wait_ns);
    null_end(driver, pool);
}

/* A waiter's time is recorded when it ends, however it ends. */
static void each_end_of_a_wait_is_recorded(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan held = loan_of(driver, pool, LG_FOREVER), wanted = held;
    assert_status(loan_checkout(&held), LG_OK);
    uint64_t count = stats_of(pool).wait_ns.count;

    crew_run(waiter, loan_checkout, &wanted);
    crew_wait_blocked_on(waiter, pool);
    struct lg_pool_stats during = stats_of(pool);
    assert_int_equal(during.waiting, 1);
    assert_int_equal(during.waited, count + 1);
    assert_int_equal(during.wait_ns.count, count);
    assert_status(loan_checkin(&held), LG_OK);
    assert_status(crew_wait(waiter), LG_OK);
    assert_int_equal(stats_of(pool).wait_ns.count, count + 1);
    assert_true(stats_of(pool).wait_ns.max >= during.oldest_wait_ns);

    held = loan_of(driver, pool, lg_after_ms(2));
    assert_status(loan_checkout(&held), LG_ETIMEDOUT);
    struct lg_pool_stats after = stats_of(pool);
    assert_int_equal(after.wait_ns.count, count + 2);

    wanted.deadline = LG_FOREVER;
    struct loan second = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(waiter, loan_checkout, &second), LG_EDEADLK);
    assert_int_equal(stats_of(pool).wait_ns.count, count + 3);

    struct crew_worker *other = crew_hire("other");
    crew_run(other, loan_checkout, &second);
    crew_wait_blocked_on(other, pool);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_ETIMEDOUT);
    assert_status(crew_wait(other), LG_ECLOSED);
    after = stats_of(pool);
    assert_int_equal(after.wait_ns.count, count + 4);
    assert_int_equal(after.waited, after.wait_ns.count);
    assert_status(crew_do(waiter, loan_checkin, &wanted), LG_OK);
    null_end(driver, pool);
}

static void the_oldest_waiter_is_the_first(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *first = crew_hire("first"), *second = crew_hire("second");
    struct loan held = loan_of(driver, pool, LG_FOREVER), one = held, two = held;
    assert_status(loan_checkout(&held), LG_OK);
    assert_int_equal(stats_of(pool).oldest_wait_ns, 0);
    crew_run(first, loan_checkout, &one);
    crew_wait_blocked_on(first, pool);
    uint64_t age_ns = stats_of(pool).oldest_wait_ns;
    crew_run(second, loan_checkout, &two);
    crew_wait_blocked_on(second, pool);
    assert_true(stats_of(pool).oldest_wait_ns > age_ns); /* not the younger's */
    assert_status(loan_checkin(&held), LG_OK);
    assert_status(crew_wait(first), LG_OK);
    assert_status(crew_do(first, loan_checkin, &one), LG_OK);
    assert_status(crew_wait(second), LG_OK);
    assert_status(crew_do(second, loan_checkin, &two), LG_OK);
    assert_int_equal(stats_of(pool).oldest_wait_ns, 0);
    null_end(driver, pool);
}

/* ---- Failures ----------------------------------------------------------------------------------- */

static void failures_are_counted_by_kind(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    struct crew_worker *other = crew_hire("other");
    struct loan held = loan_of(driver, pool, LG_FOREVER), second = held;
    struct loan try = loan_of(driver, pool, LG_TRY);
    null_set(driver, fail_opens, 1);
    assert_status(loan_checkout(&held), LG_EOPEN);
    assert_status(loan_checkout(&held), LG_OK);
    assert_status(loan_checkout(&second), LG_ENESTED);
    assert_status(crew_do(other, loan_checkout, &try), LG_EBUSY);
    assert_status(crew_do(other, loan_checkout, &try), LG_EBUSY);
    try.deadline = lg_after_ms(1);
    assert_status(crew_do(other, loan_checkout, &try), LG_ETIMEDOUT);
    assert_status(loan_checkin(&held), LG_OK);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    assert_status(loan_checkout(&held), LG_ECLOSED);
    assert_status(lg_pool_checkout(pool, LG_TRY, NULL), LG_EINVAL); /* no failure of the pool's */
    struct lg_pool_stats stats = stats_of(pool);
    assert_int_equal(stats.refused_open, 1);
    assert_int_equal(stats.refused_nested, 1);
    assert_int_equal(stats.refused_busy, 2);
    assert_int_equal(stats.timeouts, 1);
    assert_int_equal(stats.refused_closed, 1);
    assert_int_equal(stats.deadlocks, 0);
    assert_int_equal(stats.lent, 1);
    null_end(driver, pool);
}

/* ---- Opens and holds ---------------------------------------------------------------------------- */

static void opens_that_worked_are_timed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct loan loans[2] = {loan_of(driver, pool, LG_FOREVER), loan_of(driver, pool, LG_FOREVER)};
    null_set(driver, fail_opens, 2);
    assert_status(loan_checkout(&loans[0]), LG_EOPEN);
    assert_status(loan_checkout(&loans[0]), LG_EOPEN);
    assert_int_equal(stats_of(pool).open_ns.count, 0);
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkout(&loans[i]), LG_OK);
    null_wait_no_openers(pool);
    struct lg_pool_stats stats = stats_of(pool);
    assert_int_equal(stats.open_failures, 2);
    assert_int_equal(stats.open_ns.count, stats.opened);
    assert_true(stats.open_ns.max > 0);
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    null_end(driver, pool);
}

static void one_loan_in_sixty_four_is_timed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    lend(driver, pool, LG_HOLD_SAMPLE - 1);
    assert_int_equal(stats_of(pool).hold_ns.count, 0);
    lend(driver, pool, 1);
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    lend(driver, pool, 9 * LG_HOLD_SAMPLE);
    struct lg_pool_stats stats = stats_of(pool);
    assert_int_equal(stats.hold_ns.count, 10);
    assert_true(stats.hold_ns.p50 > 0 && stats.hold_ns.p50 <= stats.hold_ns.max);
    null_end(driver, pool);
}

static void a_discarded_loan_was_held_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    lend(driver, pool, LG_HOLD_SAMPLE - 1);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_discard(&loan), LG_OK);
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    null_end(driver, pool);
}

/* It is not known when the one who took it was done with it. */
static void what_another_returns_is_not_timed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    struct crew_worker *other = crew_hire("other");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    lend(driver, pool, LG_HOLD_SAMPLE - 1);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_detach(&loan), LG_OK);
    assert_status(crew_do(other, loan_checkin, &loan), LG_OK);
    assert_int_equal(stats_of(pool).hold_ns.count, 0);
    lend(driver, pool, LG_HOLD_SAMPLE);
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    null_end(driver, pool);
}

static void a_sample_ends_with_its_own_loan_only(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin(), *others = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2), *other = null_pool_of(others, 2);
    struct lg_context *self = lg__context_self();
    lg__stats_begin_hold(pool, self, 1, 64);
    lg__stats_end_hold(other, self, 1, 64);
    lg__stats_end_hold(pool, self, 0, 64);
    lg__stats_end_hold(pool, self, 1, 128);
    assert_int_equal(stats_of(pool).hold_ns.count, 0);
    assert_int_equal(stats_of(other).hold_ns.count, 0);
    lg__stats_end_hold(pool, self, 1, 64);
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    lg__stats_end_hold(pool, self, 1, 64); /* once */
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    lg__stats_begin_hold(pool, self, 0, 64);
    lg__stats_begin_hold(other, self, 0, 64); /* takes its place */
    lg__stats_end_hold(pool, self, 0, 64);
    lg__stats_end_hold(other, self, 0, 64);
    assert_int_equal(stats_of(pool).hold_ns.count, 1);
    assert_int_equal(stats_of(other).hold_ns.count, 1);
    assert_false(lg__stats_is_sampled(1) || lg__stats_is_sampled(63) || lg__stats_is_sampled(65));
    assert_true(lg__stats_is_sampled(64) && lg__stats_is_sampled(128));
    null_end(driver, pool);
    null_end(others, other);
}

static void recording_allocates_nothing(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    lend(driver, pool, 1);
    uint64_t allocated = lg__alloc_count();
    lend(driver, pool, 10 * LG_HOLD_SAMPLE);
    lg__stats_end_wait(pool, 0);
    for (int status = 0; status > -40; status--)
        lg__stats_count_failure(pool, status);
    (void)stats_of(pool);
    assert_int_equal(lg__alloc_count(), allocated);
    null_end(driver, pool);
}

/* ---- The busiest moment ------------------------------------------------------------------------- */

static void the_busiest_moment_is_kept(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct crew_worker *workers[4];
    struct loan loans[3], wanted[4];
    for (uint32_t i = 0; i < 3; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
        assert_int_equal(stats_of(pool).lent_most, i + 1);
    }
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        wanted[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &wanted[i]);
        crew_wait_blocked_on(workers[i], pool);
        assert_int_equal(stats_of(pool).waiting_most, i + 1);
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &wanted[i]), LG_OK);
    }
    struct lg_pool_stats stats = stats_of(pool);
    assert_int_equal(stats.lent_most, 3);
    assert_int_equal(stats.waiting_most, 4);
    assert_int_equal(stats.lent_now + stats.waiting, 0);
    null_end(driver, pool);
}

static void closes_are_counted_by_reason(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = slow_pool(driver, 1);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_discard(&loan), LG_OK);
    lend(driver, pool, 1);
    assert_int_equal(lg_pool_clear(pool, 0), LG_OK); /* the idle one */
    assert_status(loan_checkout(&loan), LG_OK);
    assert_int_equal(lg_pool_clear(pool, 0), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    lend(driver, pool, 1);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    struct lg_pool_stats stats = stats_of(pool);
    assert_int_equal(stats.closed_error, 1);
    assert_int_equal(stats.closed_stale, 2);
    assert_int_equal(stats.closed_idle, 0);
    assert_int_equal(stats.closed_at_end, 1);
    assert_int_equal(stats.closed, 4);
    null_end(driver, pool);
}

/* Nobody looked while they were out. */
static void the_busiest_moment_needs_no_snapshot(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 5);
    struct loan loans[4];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i <= 1 + round; i++) {
            loans[i] = loan_of(driver, pool, LG_FOREVER);
            assert_status(loan_checkout(&loans[i]), LG_OK);
        }
        for (int i = 0; i <= 1 + round; i++)
            assert_status(loan_checkin(&loans[i]), LG_OK);
    }
    assert_int_equal(stats_of(pool).lent_most, 4);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(an_older_struct_is_filled_as_far_as_it_goes),
        SUPPORT_TEST(what_a_newer_struct_has_more_is_zero),
        SUPPORT_TEST(a_size_that_cannot_be_is_refused),
        SUPPORT_TEST(nothing_is_recorded_without_a_wait),
        SUPPORT_TEST(each_end_of_a_wait_is_recorded),
        SUPPORT_TEST(the_oldest_waiter_is_the_first),
        SUPPORT_TEST(failures_are_counted_by_kind),
        SUPPORT_TEST(opens_that_worked_are_timed),
        SUPPORT_TEST(one_loan_in_sixty_four_is_timed),
        SUPPORT_TEST(a_discarded_loan_was_held_too),
        SUPPORT_TEST(what_another_returns_is_not_timed),
        SUPPORT_TEST(a_sample_ends_with_its_own_loan_only),
        SUPPORT_TEST(recording_allocates_nothing),
        SUPPORT_TEST(closes_are_counted_by_reason),
        SUPPORT_TEST(the_busiest_moment_is_kept),
        SUPPORT_TEST(the_busiest_moment_needs_no_snapshot),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
