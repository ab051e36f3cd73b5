/* Checkout: what it lends, what it checks first, and when it gives up. */
#include "graph/context.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <string.h>

static struct lg_lease take(struct lg_pool *pool)
{
    struct lg_lease lease;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    assert_non_null(lease.resource);
    return lease;
}

static void give(struct lg_pool *pool, struct lg_lease *lease)
{
    assert_status(lg_pool_checkin(pool, lease), LG_OK);
    assert_null(lease->resource);
}

/* Have `count` resources open and idle. */
static void fill(struct lg_pool *pool, uint32_t count)
{
    struct lg_lease leases[16];
    assert_true(count <= 16);
    for (uint32_t i = 0; i < count; i++)
        leases[i] = take(pool);
    for (uint32_t i = 0; i < count; i++)
        give(pool, &leases[i]);
}

static void what_came_back_is_lent_again(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 4);
    struct lg_lease lease = take(pool);
    void *first = lease.resource;
    uint32_t tag = lease.tag;
    for (int i = 0; i < 10; i++) {
        give(pool, &lease);
        lease = take(pool);
        assert_ptr_equal(lease.resource, first);
        assert_int_not_equal(lease.tag, tag);
        tag = lease.tag;
    }
    null_assert_counts(driver, pool, 1);
    give(pool, &lease);
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

static void leases_are_of_different_resources(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 5);
    struct lg_lease leases[5];
    for (int i = 0; i < 5; i++) {
        leases[i] = take(pool);
        assert_ptr_equal(leases[i].pool, pool);
        null_use(driver, leases[i].resource, &leases[i]);
        null_assert_counts(driver, pool, (uint32_t)i + 1);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(leases[i].slot, leases[j].slot);
    }
    for (int i = 0; i < 5; i++) {
        null_drop(driver, leases[i].resource, &leases[i]);
        give(pool, &leases[i]);
    }
    null_end(driver, pool);
}

static void try_takes_what_is_idle_and_nothing_else(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease, other;
    lease.resource = driver;
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EBUSY);
    assert_null(lease.resource);
    assert_int_equal(null_get(driver, opens_begun), 0);
    lease = take(pool);
    assert_status(lg_pool_try_checkout(pool, &other), LG_EBUSY);
    give(pool, &lease);
    assert_status(lg_pool_try_checkout(pool, &other), LG_OK);
    give(pool, &other);
    null_end(driver, pool);
}

static void arguments_must_be_there(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease;
    assert_status(lg_pool_checkout(NULL, LG_FOREVER, &lease), LG_EINVAL);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, NULL), LG_EINVAL);
    fill(pool, 1); /* and on the fast path */
    assert_status(lg_pool_checkout(NULL, LG_FOREVER, &lease), LG_EINVAL);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, NULL), LG_EINVAL);
    null_end(driver, pool);
}

static void a_deadline_in_the_past_takes_what_is_idle(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("holder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease;
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(lg_pool_checkout(pool, 1, &lease), LG_ETIMEDOUT);
    assert_null(lease.resource);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    assert_status(lg_pool_checkout(pool, 1, &lease), LG_OK);
    give(pool, &lease);
    null_end(driver, pool);
}

static void a_timeout_is_never_early_and_is_counted(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("holder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_lease lease;
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    for (unsigned i = 1; i <= 5; i++) {
        lg_deadline deadline = lg_after_ms(i);
        assert_status(lg_pool_checkout(pool, deadline, &lease), LG_ETIMEDOUT);
        assert_true(lg__now_ns() >= deadline);
        assert_int_equal(lg_report_last()->kind, LG_REPORT_TIMEOUT);
        lg_pool_stats(pool, &stats);
        assert_int_equal(stats.timeouts, i);
        assert_int_equal(stats.waited, 1 + i); /* the holder waited for its open */
        assert_int_equal(stats.waiting, 0);
    }
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* Queue, failed check and open: what a context waits for changes, until when it waits does not. */
static void one_deadline_covers_queue_check_and_open(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.check_after_ms = NULL_CHECK_MS;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, lg_after_ms(60000));
    const struct lg__wait *wait = &crew_context(waiter)->wait;
    struct lg_lease lease = take(pool);
    crew_run(waiter, loan_checkout, &loan);
    crew_wait_blocked_on(waiter, pool); /* first in the queue */
    assert_int_equal(__atomic_load_n(&wait->deadline, __ATOMIC_RELAXED), loan.deadline);
    null_age(pool);
    null_set(driver, fail_checks, 1);
    null_hold(&driver->opens);
    give(pool, &lease);
    null_wait_at(&driver->opens, 1);
    crew_wait_blocked_on(waiter, pool); /* then for an open */
    assert_int_equal(null_get(driver, checks), 1);
    assert_int_equal(null_get(driver, closed), 1);
    assert_int_equal(__atomic_load_n(&wait->deadline, __ATOMIC_RELAXED), loan.deadline);
    null_let_all(&driver->opens);
    assert_status(crew_wait(waiter), LG_OK);
    assert_status(crew_do(waiter, loan_checkin, &loan), LG_OK);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.waited, 2); /* main for its open, and the waiter: it queued once */
    null_end(driver, pool);
}

static struct lg_pool *checking_pool(struct null_driver *driver, uint32_t capacity, uint64_t ms)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.check_after_ms = ms;
    return null_pool(driver, &options);
}

static void what_was_used_just_now_is_not_checked(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 2, 1000ull * 1000 * 1000);
    for (int i = 0; i < 10; i++)
        fill(pool, 2);
    assert_int_equal(null_get(driver, checks), 0);
    null_end(driver, pool);
}

static void what_was_idle_for_long_is_checked(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 1, NULL_CHECK_MS);
    fill(pool, 1);
    for (uint32_t i = 1; i <= 3; i++) {
        null_age(pool);
        uint32_t before = null_get(driver, checks);
        struct lg_lease lease = take(pool);
        assert_int_equal(null_get(driver, checks), before + 1);
        give(pool, &lease);
    }
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

static void what_fails_its_check_is_closed_and_another_lent(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 2, NULL_CHECK_MS);
    fill(pool, 2);
    null_age(pool);
    null_set(driver, fail_checks, 1);
    uint32_t before = null_get(driver, checks);
    struct lg_lease lease = take(pool);
    assert_int_equal(null_get(driver, checks), before + 2);
    assert_int_equal(null_get(driver, closed), 1);
    assert_int_equal(null_get(driver, opened), 2);
    give(pool, &lease);
    null_end(driver, pool);
}

static void when_all_fail_their_check_a_new_one_is_opened(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 3, NULL_CHECK_MS);
    fill(pool, 3);
    null_age(pool);
    null_set(driver, fail_checks, 3);
    uint32_t before = null_get(driver, checks);
    struct lg_lease lease = take(pool);
    assert_int_equal(null_get(driver, checks), before + 3);
    assert_int_equal(null_get(driver, closed), 3);
    assert_int_equal(null_get(driver, opened), 4);
    null_assert_counts(driver, pool, 1);
    give(pool, &lease);
    null_end(driver, pool);
}

static void try_closes_what_fails_and_opens_nothing(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 1, NULL_CHECK_MS);
    struct lg_lease lease;
    fill(pool, 1);
    null_age(pool);
    null_set(driver, fail_checks, 1);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EBUSY);
    assert_int_equal(null_get(driver, closed), 1);
    assert_int_equal(null_get(driver, opens_begun), 1);
    null_end(driver, pool);
}

/* A context remembers which slot of which pool it had last, and the pool may be gone. */
static void a_pool_may_stand_where_a_larger_one_stood(void **state)
{
    (void)state;
    struct crew_worker *worker = crew_hire("other");
    for (int i = 0; i < 20; i++) {
        struct null_driver *driver = null_begin(), *others = null_begin();
        struct lg_pool *large = null_pool_of(driver, 16), *between[LG__HINTS - 1];
        others->table.destroy = NULL;
        fill(large, 16);
        for (int j = 0; j < LG__HINTS - 1; j++)
            between[j] =
                null_pool_of(others, 1); /* so that the next has the same place for hints */
        null_end(driver, large);
        driver = null_begin();
        struct lg_pool *small = null_pool_of(driver, 1);
        for (int j = 0; j < LG__HINTS - 1; j++)
            lg_pool_destroy(between[j]);
        null_free(others);
        struct loan loan = loan_of(driver, small, LG_FOREVER);
        struct lg_lease lease;
        assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
        assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
        assert_status(lg_pool_try_checkout(small, &lease), LG_OK);
        give(small, &lease);
        null_end(driver, small);
    }
}

static void holders_have_name_place_slot_and_age(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct crew_worker *worker = crew_hire("worker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease_info infos[3];
    assert_int_equal(lg_pool_holders(pool, infos, 3), 0);
    assert_int_equal(lg_pool_holders(NULL, infos, 3), 0);
    struct lg_lease lease;
    assert_status(lg_pool_checkout_at(pool, LG_FOREVER, &lease, "here.c:12"), LG_OK);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 2);
    assert_int_equal(lg_pool_holders(pool, infos, 3), 2);
    const struct lg_lease_info *mine = &infos[infos[0].slot == lease.slot ? 0 : 1];
    const struct lg_lease_info *its = &infos[infos[0].slot == lease.slot ? 1 : 0];
    assert_string_equal(mine->holder, "main");
    assert_string_equal(mine->place, "here.c:12");
    assert_string_equal(its->holder, "worker");
    assert_int_equal(its->slot, loan.lease.slot);
    assert_non_null(strstr(its->place, "null_driver.c:"));
    memset(infos, 0, sizeof infos);
    assert_int_equal(lg_pool_holders(pool, infos, 1), 2);
    assert_string_equal(infos[1].holder, "");
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    give(pool, &lease);
    null_end(driver, pool);
}

static void nothing_allocates(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = checking_pool(driver, 2, NULL_CHECK_MS);
    struct crew_worker *worker = crew_hire("worker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease, second;
    fill(pool, 2);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    uint64_t before = lg__alloc_count();
    for (int i = 0; i < 1000; i++)
        fill(pool, 2);
    null_age(pool);
    null_set(driver, fail_checks, 2);
    lease = take(pool); /* checks, closes, opens */
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(lg_pool_checkout(pool, lg_after_ms(1), &second), LG_ETIMEDOUT);
    crew_run(worker, loan_checkout, &(struct loan){.driver = driver, .pool = pool});
    assert_status(crew_wait(worker), LG_EBUSY);
    struct loan more = loan_of(driver, pool, LG_FOREVER);
    crew_run(worker, loan_checkout, &more);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_EDEADLK);
    char text[4096];
    assert_true(lg_report_write(lg_report_last(), LG_REPORT_JSON, text, sizeof text) > 0);
    assert_status(lg_pool_discard(pool, &lease), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &more), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    fill(pool, 2);
    assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    assert_int_equal(lg__alloc_count(), before);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_came_back_is_lent_again),
        SUPPORT_TEST(leases_are_of_different_resources),
        SUPPORT_TEST(try_takes_what_is_idle_and_nothing_else),
        SUPPORT_TEST(arguments_must_be_there),
        SUPPORT_TEST(a_deadline_in_the_past_takes_what_is_idle),
        SUPPORT_TEST(a_timeout_is_never_early_and_is_counted),
        SUPPORT_TEST(one_deadline_covers_queue_check_and_open),
        SUPPORT_TEST(what_was_used_just_now_is_not_checked),
        SUPPORT_TEST(what_was_idle_for_long_is_checked),
        SUPPORT_TEST(what_fails_its_check_is_closed_and_another_lent),
        SUPPORT_TEST(when_all_fail_their_check_a_new_one_is_opened),
        SUPPORT_TEST(try_closes_what_fails_and_opens_nothing),
        SUPPORT_TEST(a_pool_may_stand_where_a_larger_one_stood),
        SUPPORT_TEST(holders_have_name_place_slot_and_age),
        SUPPORT_TEST(nothing_allocates),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
