/* Biased slots at ends: of resources, pools, contexts and processes; and a deadlock through them. */
#include "graph/context.h"
#include "support/owners.h"

#include <string.h>

/* ---- Clear, close, destroy ---------------------------------------------------------------------- */

static void a_clear_reaches_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct streak streak = streak_of(driver, pool, 0);
    assert_status(lg_pool_clear(pool, 0), LG_OK);       /* idle */
    null_wait_closed(driver, 1);                        /* in the background */
    assert_int_equal(pool->bias_after, LG__BIAS_AFTER); /* nobody wanted the slot */
    assert_status(crew_do(a, earn, &streak), LG_OK);
    assert_int_equal(null_get(driver, opened), 2);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK); /* lent */
    assert_int_equal(biased(pool), 0);
    assert_int_equal(null_get(driver, closed), 1);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    assert_int_equal(null_get(driver, closed), 2);
    null_end(driver, pool);
}

static void a_close_names_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER), more = its;
    struct lg_lease_info info;
    size_t left = 0;
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_status(lg_pool_close(pool, LG_TRY, &info, 1, &left), LG_ETIMEDOUT);
    assert_int_equal(left, 1);
    assert_string_equal(info.holder, "A");
    assert_non_null(strstr(info.place, "null_driver.c:"));
    assert_status(crew_do(a, loan_checkout, &more), LG_ECLOSED);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    assert_status(lg_pool_close(pool, LG_FOREVER, &info, 1, &left), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

static void a_close_waits_for_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    for (int is_out = 0; is_out < 2; is_out++) {
        if (is_out)
            assert_status(crew_do(a, loan_checkout, &its), LG_OK);
        null_assert_counts(driver, pool, (uint32_t)is_out);
    }
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    lg_pool_destroy(pool);                            /* biased, idle, right away */
    NULL_WAIT_UNTIL(null_get(driver, destroyed) > 0); /* an opener may be on its way out */
    null_free(driver);
    struct null_driver *next = bias_driver();
    struct lg_pool *fresh = bias_pool(next, 2); /* the hint is of a pool that is gone */
    its = loan_of(next, fresh, LG_FOREVER);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    for (int i = 0; i < 4; i++) { /* one of these has its place in the table */
        assert_status(crew_do(a, loan_checkout, &its), LG_OK);
        assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    }
    null_end(next, fresh);
}

/* ---- Ends of contexts --------------------------------------------------------------------------- */

static struct lg_pool *reclaiming_pool(struct null_driver *driver, uint32_t is_reclaiming)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = 2;
    options.reclaim_orphans = is_reclaiming;
    return null_pool(driver, &options);
}

static void an_orphan_is_named_or_reclaimed(void **state)
{
    (void)state;
    skip_without_barrier();
    for (uint32_t is_reclaiming = 0; is_reclaiming < 2; is_reclaiming++) {
        struct null_driver *driver = bias_driver();
        struct lg_pool *pool = reclaiming_pool(driver, is_reclaiming);
        struct crew_worker *a = hire_owner("A", driver, pool);
        struct loan its = loan_of(driver, pool, LG_FOREVER);
        struct lg_lease_info info;
        its.is_untouched = 1;
        support_log_begin(LG_LOG_WARN);
        assert_status(crew_do(a, loan_checkout, &its), LG_OK);
        crew_leave(a);
        assert_int_equal(support_log_count("ended-holding"), 1);
        assert_non_null(strstr(support_log_text("ended-holding"), "1 lease:"));
        assert_int_equal(support_log_count("orphan-reclaimed"), is_reclaiming);
        assert_int_equal(lg_pool_holders(pool, &info, 1), 1 - is_reclaiming);
        if (!is_reclaiming)
            assert_string_equal(info.holder, "A (ended)");
        assert_status(loan_checkin(&its), is_reclaiming ? LG_ESTALE : LG_OK);
        assert_int_equal(support_log_count("foreign-checkin"), 0);
        null_end(driver, pool);
    }
}

static void an_idle_bias_of_the_ended_is_anyone_s(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 0);
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++)
        crew_leave(hire_owner("A", driver, pool));
    assert_status(earn(&streak), LG_OK);
    assert_int_equal(support_log_count(NULL), 0);
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

static int detach_into(void *context)
{
    *(struct lg_context **)context = lg_context_detach();
    return LG_OK;
}

static int resume_from(void *context)
{
    return lg_context_resume(*(struct lg_context **)context);
}

/* A bias is the context's, whichever thread runs it. */
static void it_moves_with_its_context(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool), *b = crew_hire("B");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_context *context = NULL;
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_status(crew_do(a, detach_into, &context), LG_OK);
    assert_status(crew_do(b, resume_from, &context), LG_OK);
    assert_status(crew_do(b, loan_checkin, &its), LG_OK);
    assert_status(crew_do(b, loan_checkout, &its), LG_OK);
    assert_int_equal(biased(pool), 1);
    assert_status(crew_do(a, resume_from, &context), LG_EINVAL); /* it runs */
    assert_status(crew_do(b, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void who_holds_a_biased_lease_cannot_resume_another(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct crew_worker *a = hire_owner("A", driver, pool), *b = crew_hire("B");
    struct loan its = loan_of(driver, pool, LG_FOREVER);
    struct lg_context *context = NULL;
    assert_status(crew_do(b, detach_into, &context), LG_OK);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    assert_status(crew_do(a, resume_from, &context), LG_EBUSY);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    assert_status(lg_context_end(context), LG_OK);
    null_end(driver, pool);
}

/* ---- Pools that share a place in the table of hints ------------------------------------------- */

struct twins {
    struct null_driver *drivers[2];
    struct lg_pool *pools[2];
};

static struct twins make_twins(void)
{
    struct twins twins;
    struct lg_pool *between[LG__HINTS - 1];
    struct null_driver *other = bias_driver();
    for (int i = 0; i < 2; i++) {
        twins.drivers[i] = bias_driver();
        twins.pools[i] = reclaiming_pool(twins.drivers[i], 1);
        for (int j = 0; i == 0 && j < LG__HINTS - 1; j++)
            between[j] = null_pool_of(other, 1);
    }
    for (int j = 0; j < LG__HINTS - 1; j++)
        lg_pool_destroy(between[j]);
    NULL_WAIT_UNTIL(!other->table.destroy || null_get(other, destroyed) == LG__HINTS - 1);
    null_free(other);
    assert_int_equal(twins.pools[0]->hint_offset, twins.pools[1]->hint_offset);
    return twins;
}

static void a_hint_that_is_needed_for_another_pool(void **state)
{
    (void)state;
    skip_without_barrier();
    struct twins twins = make_twins();
    struct crew_worker *a = hire_owner("A", twins.drivers[0], twins.pools[0]);
    struct loan first = loan_of(twins.drivers[0], twins.pools[0], LG_FOREVER);
    struct streak second = streak_of(twins.drivers[1], twins.pools[1], 0);
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++) {
        struct streak again = streak_of(twins.drivers[0], twins.pools[0], 0);
        assert_status(crew_do(a, earn, &again), LG_OK);
        assert_int_equal(biased(twins.pools[1]), 0);
        assert_status(crew_do(a, earn, &second), LG_OK);
        assert_int_equal(biased(twins.pools[0]), 0);
        assert_int_equal(twins.pools[0]->bias_after, LG__BIAS_AFTER);
    }
    struct streak again = streak_of(twins.drivers[0], twins.pools[0], 0);
    assert_status(crew_do(a, earn, &again), LG_OK);
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    first.is_untouched = 1;
    assert_status(crew_do(a, earn, &second), LG_OK);
    assert_int_equal(lg__held_count(crew_context(a)), 1); /* still known */
    null_drop(twins.drivers[0], first.lease.resource, &first);
    crew_leave(a);
    assert_int_equal(support_log_count("ended-holding"), 1);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    for (int i = 0; i < 2; i++)
        null_end(twins.drivers[i], twins.pools[i]);
}

/* The slot of the first may be biased to somebody else afterwards. */
static void a_bias_that_was_left_is_open_to_others(void **state)
{
    (void)state;
    skip_without_barrier();
    struct twins twins = make_twins();
    struct crew_worker *a = hire_owner("A", twins.drivers[0], twins.pools[0]);
    struct streak second = streak_of(twins.drivers[1], twins.pools[1], 1);
    struct streak mine = streak_of(twins.drivers[0], twins.pools[0], 0);
    assert_status(crew_do(a, take_in_turn, &second), LG_OK);
    assert_status(earn(&mine), LG_OK);
    assert_int_equal(null_get(twins.drivers[0], opened), 1);
    for (int i = 0; i < 2; i++)
        null_end(twins.drivers[i], twins.pools[i]);
}

/* ---- Deadlock ----------------------------------------------------------------------------------- */

static void a_deadlock_through_biased_leases_is_found(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan first = loan_of(driver, pool, LG_FOREVER), second = first, more = first,
                last = first;
    struct streak its = streak_of(driver, pool, 0);
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    assert_status(crew_do(b, earn, &its), LG_OK);
    assert_status(crew_do(a, loan_checkin, &first), LG_OK);
    assert_status(crew_do(a, earn, &its), LG_OK);
    assert_int_equal(biased(pool), 2);
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    assert_status(crew_do(b, loan_checkout, &second), LG_OK);
    assert_int_equal(biased(pool), 2);
    crew_run(a, loan_checkout, &more);
    crew_wait_blocked_on(a, pool);
    assert_status(crew_do(b, loan_checkout, &last), LG_EDEADLK);
    assert_int_equal(last.report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(last.report.member_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(last.report.members[i].hold_count, 1);
        assert_string_equal(last.report.members[i].holds[0].name, "db");
    }
    assert_status(crew_do(b, loan_checkin, &second), LG_OK);
    assert_status(crew_wait(a), LG_OK);
    assert_status(crew_do(a, loan_checkin, &more), LG_OK);
    assert_status(crew_do(a, loan_checkin, &first), LG_OK);
    null_end(driver, pool);
}

/* ---- Fork --------------------------------------------------------------------------------------- */

struct parent {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct loan mine;
};

static int child_of_bias(void *arg)
{
    struct parent *parent = arg;
    struct lg_lease lease = parent->mine.lease;
    struct lg_context *self = lg_context_self();
    SUPPORT_CHECK(biased(parent->pool) == 0 && lg_pool_holders(parent->pool, NULL, 0) == 0);
    SUPPORT_CHECK(lg__held_count(self) == 0);
    SUPPORT_CHECK(lg_pool_checkin(parent->pool, &lease) == LG_EFORK);
    SUPPORT_CHECK(lg_lease_detach(&lease) == LG_EFORK);
    struct streak streak = streak_of(parent->driver, parent->pool, 0);
    SUPPORT_CHECK(earn(&streak) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(parent->pool, &lease) == LG_EFORK);
    struct loan first = loan_of(parent->driver, parent->pool, LG_FOREVER), second = first;
    SUPPORT_CHECK(loan_checkout(&first) == LG_OK);
    SUPPORT_CHECK(lg__held_count(self) == 1);
    SUPPORT_CHECK(loan_checkout(&second) == LG_OK); /* with a barrier, as the parent's */
    SUPPORT_CHECK(lg__held_count(self) == 2);
    SUPPORT_CHECK(loan_checkin(&first) == LG_OK && loan_checkin(&second) == LG_OK);
    SUPPORT_CHECK(lg__held_count(self) == 0);
    SUPPORT_CHECK(stats_of(parent->pool).lent == stats_of(parent->pool).returned);
    SUPPORT_CHECK(!parent->driver->fault);
    return 0;
}

static void a_child_begins_anew(void **state)
{
    (void)state;
    skip_without_barrier();
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the thread sanitizer dies in children that start threads");
    struct parent parent = {.driver = bias_driver()};
    parent.pool = bias_pool(parent.driver, 2);
    parent.mine = loan_of(parent.driver, parent.pool, LG_FOREVER);
    struct streak streak = streak_of(parent.driver, parent.pool, 0);
    assert_status(earn(&streak), LG_OK);
    assert_status(loan_checkout(&parent.mine), LG_OK);
    null_wait_no_openers(parent.pool);
    null_wait_threads(3);
    assert_int_equal(support_fork(child_of_bias, &parent), 0);
    assert_int_equal(biased(parent.pool), 1);
    assert_status(loan_checkin(&parent.mine), LG_OK);
    null_end(parent.driver, parent.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_clear_reaches_it),
        SUPPORT_TEST(a_close_names_it),
        SUPPORT_TEST(a_close_waits_for_it),
        SUPPORT_TEST(an_orphan_is_named_or_reclaimed),
        SUPPORT_TEST(an_idle_bias_of_the_ended_is_anyone_s),
        SUPPORT_TEST(it_moves_with_its_context),
        SUPPORT_TEST(who_holds_a_biased_lease_cannot_resume_another),
        SUPPORT_TEST(a_hint_that_is_needed_for_another_pool),
        SUPPORT_TEST(a_bias_that_was_left_is_open_to_others),
        SUPPORT_TEST(a_deadlock_through_biased_leases_is_found),
        SUPPORT_TEST(a_child_begins_anew),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
