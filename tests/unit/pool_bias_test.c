/* Biased slots: how a bias is earned, who takes it back, and that nobody can tell the difference. */
#include "plat/memory.h"
#include "support/owners.h"

#include <string.h>

/* ---- Earned ------------------------------------------------------------------------------------- */

static void earned_after_so_many_in_a_row(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct streak streak = streak_of(driver, pool, LG__BIAS_AFTER);
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 0); /* the first loan begins the row */
    assert_int_equal(pool->bias_after, LG__BIAS_AFTER);
    streak.count = 1;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 1);
    assert_int_equal(pool->biased_count, 1);
    null_assert_counts(driver, pool, 0);
    streak.count = 1000;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 1);
    assert_int_equal(stats_of(pool).lent, LG__BIAS_AFTER + 1 + 1000);
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

/* What another took in between ends the row. */
static void not_by_two_in_turn(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = crew_hire("A");
    struct streak streak = streak_of(driver, pool, LG__BIAS_AFTER - 1);
    for (int i = 0; i < 10; i++) {
        assert_status(take_in_turn(&streak), LG_OK);
        assert_status(crew_do(a, take_in_turn, &streak), LG_OK);
    }
    assert_int_equal(biased(pool), 0);
    null_end(driver, pool);
}

static void never_if_unbiased(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.unbiased = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct streak streak = streak_of(driver, pool, 10 * LG__BIAS_AFTER);
    assert_status(take_in_turn(&streak), LG_OK);
    struct lg__hint *hint = lg__hint_of(pool, lg_context_self());
    hint->streak = LG__BIAS_NEVER - 2; /* as after two minutes of it */
    streak.count = 5;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 0);
    assert_int_equal(pool->biased_count, 0);
    null_end(driver, pool);
}

static void never_with_a_reset(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 100);
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 0);
    assert_int_equal(null_get(driver, resets), 100);
    null_end(driver, pool);
}

static void nobody_allocates(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct streak streak = streak_of(driver, pool, 5);
    uint64_t before = lg__alloc_count();
    assert_status(take_in_turn(&streak), LG_OK); /* takes it back */
    assert_status(crew_do(a, earn, &streak), LG_OK);
    assert_status(crew_do(a, take_in_turn, &streak), LG_OK);
    assert_int_equal(lg__alloc_count(), before);
    null_end(driver, pool);
}

/* ---- Taken back --------------------------------------------------------------------------------- */

static void an_idle_one_is_another_s(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan mine = loan_of(driver, pool, LG_TRY), its = mine;
    uint64_t lent = stats_of(pool).lent;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_int_equal(biased(pool), 0);
    assert_int_equal(stats_of(pool).lent, lent + 1);
    assert_status(crew_do(a, loan_checkout, &its), LG_EBUSY);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    null_assert_counts(driver, pool, 1);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void a_lent_one_is_waited_for(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool), *b = crew_hire("B");
    struct loan its = loan_of(driver, pool, LG_FOREVER), other = its;
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_int_equal(biased(pool), 1);
    crew_run(b, loan_checkout, &other);
    crew_wait_blocked_on(b, pool);
    assert_int_equal(biased(pool), 0);
    null_assert_counts(driver, pool, 1);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    assert_status(crew_wait(b), LG_OK);
    assert_status(crew_do(b, loan_checkin, &other), LG_OK);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    null_end(driver, pool);
}

/* Only if nothing else is idle. */
static void another_idle_one_is_taken_first(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct loan loans[2] = {loan_of(driver, pool, LG_FOREVER), loan_of(driver, pool, LG_FOREVER)};
    assert_status(loan_checkout(&loans[0]), LG_OK);
    assert_status(loan_checkout(&loans[1]), LG_OK); /* both open */
    assert_status(loan_checkin(&loans[0]), LG_OK);
    assert_status(loan_checkin(&loans[1]), LG_OK);
    struct crew_worker *a = hire_owner("A", driver, pool);
    assert_status(loan_checkout(&loans[0]), LG_OK);
    assert_int_equal(biased_to(pool, crew_context(a)), 1);
    assert_int_equal(pool->bias_after, LG__BIAS_AFTER);
    assert_status(loan_checkout(&loans[1]), LG_OK);
    assert_int_equal(biased(pool), 0);
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    null_end(driver, pool);
}

static void each_loss_makes_it_dearer(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = crew_hire("A");
    struct streak its = streak_of(driver, pool, 0), mine = streak_of(driver, pool, 1);
    for (uint32_t after = LG__BIAS_AFTER; after < LG__BIAS_AFTER_MAX; after *= 2) {
        assert_int_equal(pool->bias_after, after);
        its.count = after;
        assert_status(crew_do(a, take_in_turn, &its), LG_OK);
        assert_int_equal(biased(pool), 0);
        assert_status(crew_do(a, earn, &its), LG_OK);
        assert_status(take_in_turn(&mine), LG_OK);
        assert_int_equal(biased(pool), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pool->bias_after, LG__BIAS_AFTER_MAX);
        assert_status(crew_do(a, earn, &its), LG_OK);
        assert_status(take_in_turn(&mine), LG_OK);
    }
    assert_int_equal(pool->bias_after, LG__BIAS_AFTER_MAX);
    null_end(driver, pool);
}

static void a_nested_checkout_keeps_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 3);
    struct streak streak = streak_of(driver, pool, 0);
    struct loan loans[3];
    for (int i = 0; i < 3; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
    }
    for (int i = 0; i < 3; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    assert_status(earn(&streak), LG_OK);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 3; i++)
            assert_status(loan_checkout(&loans[i]), LG_OK);
        assert_int_equal(lg__held_count(lg_context_self()), 3);
        for (int i = 0; i < 3; i++)
            assert_status(loan_checkin(&loans[(i + round) % 3]), LG_OK);
    }
    assert_int_equal(biased(pool), 1);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    null_end(driver, pool);
}

/* A slot whose resource must be checked is checked, and is not avoided from then on. */
static void an_old_resource_is_checked(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    driver->table.reset = NULL;
    options.capacity = 2;
    options.check_after_ms = NULL_CHECK_MS;
    struct lg_pool *pool = null_pool(driver, &options);
    struct streak streak = streak_of(driver, pool, 0);
    struct loan loans[2] = {streak.loan, streak.loan};
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkout(&loans[i]), LG_OK); /* both open */
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    assert_status(earn(&streak), LG_OK);
    uint32_t slot = streak.loan.lease.slot;
    null_age(pool);
    uint32_t checks = null_get(driver, checks);
    assert_status(loan_checkout(&loans[0]), LG_OK);
    assert_int_equal(loans[0].lease.slot, slot);
    assert_int_equal(null_get(driver, checks), checks + 1);
    assert_status(loan_checkin(&loans[0]), LG_OK);
    assert_status(earn(&streak), LG_OK);
    assert_int_equal(null_get(driver, checks), checks + 1);
    assert_int_equal(pool->bias_after, LG__BIAS_AFTER);
    null_end(driver, pool);
}

/* As after 2^31 loans: the statistics must not go back when the tag goes round. */
static void a_bias_does_not_outlast_its_tags(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 1);
    assert_status(earn(&streak), LG_OK);
    struct lg__hint *hint = lg__hint_of(pool, lg_context_self());
    struct lg__slot *slot = hint->slot;
    hint->claim += (uint64_t)LG__BIAS_LOANS_MAX << 32;
    lg__store_relaxed(&hint->busy, hint->claim | LG__CLAIM_IDLE);
    uint64_t lent = stats_of(pool).lent;
    assert_true(lent > LG__BIAS_LOANS_MAX);
    streak.count = LG_HOLD_SAMPLE;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(stats_of(pool).lent, lent + streak.count);
    assert_true(lg__slot_loans(slot->word) > LG__BIAS_LOANS_MAX);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    assert_status(earn(&streak), LG_OK);
    null_end(driver, pool);
}

/* ---- What others see ---------------------------------------------------------------------------- */

static void holders_and_statistics_see_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease_info info;
    assert_int_equal(lg_pool_holders(pool, &info, 1), 0);
    null_assert_counts(driver, pool, 0);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "A");
    assert_non_null(strstr(info.place, "null_driver.c:"));
    assert_int_equal(info.slot, 0);
    assert_true(info.age_ms < SUPPORT_WATCHDOG_S * 1000);
    null_age(pool);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_true(info.age_ms > NULL_CHECK_MS);
    null_assert_counts(driver, pool, 1);
    assert_int_equal(stats_of(pool).lent_now, 1);
    assert_int_equal(lg__held_count(crew_context(a)), 1);
    assert_int_equal(biased(pool), 1); /* nobody has paid for a look */
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 0);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    null_end(driver, pool);
}

static void a_second_checkin_is_stale(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 0);
    struct loan mine = loan_of(driver, pool, LG_FOREVER);
    assert_status(earn(&streak), LG_OK);
    assert_status(loan_checkout(&mine), LG_OK);
    struct lg_lease copy = mine.lease, before = copy;
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(lg_pool_checkin(pool, &mine.lease), LG_ESTALE);
    assert_status(lg_pool_checkin(pool, &copy), LG_ESTALE); /* idle */
    assert_memory_equal(&copy, &before, sizeof copy);
    assert_status(earn(&streak), LG_OK);
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(lg_pool_checkin(pool, &copy), LG_ESTALE); /* lent again */
    assert_status(lg_pool_discard(pool, &copy), LG_ESTALE);
    assert_status(lg_lease_detach(&copy), LG_ESTALE);
    null_assert_counts(driver, pool, 1);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

static void a_foreign_checkin_counts(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    struct lg_lease copy = its.lease;
    assert_status(loan_checkin(&its), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 1);
    assert_non_null(strstr(support_log_text("foreign-checkin"), "taken by A at"));
    assert_int_equal(biased(pool), 0);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    its.lease = copy;
    its.is_untouched = 1;
    assert_status(crew_do(a, loan_checkin, &its), LG_ESTALE);
    null_end(driver, pool);
}

static struct lg_context *main_context;

static int give_to_main(void *arg)
{
    const struct loan *loan = arg;
    return lg_lease_give(&loan->lease, main_context);
}

static void a_lease_may_be_handed_on(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = crew_hire("A");
    struct streak streak = streak_of(driver, pool, 0);
    struct lg_lease_info info;
    crew_step *const steps[] = {loan_detach, give_to_main, loan_nothing};
    const char *const holders[] = {"(detached)", "main", "main"};
    assert_status(lg_context_set_name("main"), LG_OK);
    main_context = lg_context_self();
    for (size_t i = 0; i < 3; i++) {
        struct loan its = loan_of(driver, pool, LG_FOREVER);
        assert_status(crew_do(a, earn, &streak), LG_OK);
        assert_status(crew_do(a, loan_checkout, &its), LG_OK);
        assert_int_equal(biased(pool), 1);
        assert_status(crew_do(a, steps[i], &its), LG_OK);
        if (steps[i] == loan_nothing)
            assert_status(loan_adopt(&its), LG_OK);
        assert_int_equal(biased(pool), 0);
        assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
        assert_string_equal(info.holder, holders[i]);
        assert_int_equal(lg__held_count(crew_context(a)), 0);
        assert_int_equal(lg__held_count(lg_context_self()), i > 0);
        assert_status(loan_checkin(&its), LG_OK);
        assert_int_equal(lg__held_count(lg_context_self()), 0);
        null_assert_counts(driver, pool, 0);
    }
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(earned_after_so_many_in_a_row),
        SUPPORT_TEST(not_by_two_in_turn),
        SUPPORT_TEST(never_if_unbiased),
        SUPPORT_TEST(never_with_a_reset),
        SUPPORT_TEST(nobody_allocates),
        SUPPORT_TEST(an_idle_one_is_another_s),
        SUPPORT_TEST(a_lent_one_is_waited_for),
        SUPPORT_TEST(another_idle_one_is_taken_first),
        SUPPORT_TEST(each_loss_makes_it_dearer),
        SUPPORT_TEST(a_nested_checkout_keeps_it),
        SUPPORT_TEST(an_old_resource_is_checked),
        SUPPORT_TEST(a_bias_does_not_outlast_its_tags),
        SUPPORT_TEST(holders_and_statistics_see_it),
        SUPPORT_TEST(a_second_checkin_is_stale),
        SUPPORT_TEST(a_foreign_checkin_counts),
        SUPPORT_TEST(a_lease_may_be_handed_on),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
