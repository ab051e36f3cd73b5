/* Leases: handing on, wandering, orphans. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/locks.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <string.h>

static struct lg_pool *pool_with(struct null_driver *driver, uint32_t capacity,
                                 enum lg_nested nested)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    options.nested = nested;
    return null_pool(driver, &options);
}

/* ---- Handing on --------------------------------------------------------------------------------- */

/* Rule 1's scenario: a pool of one, A hands its lease to running B and checks out again. */
static void what_is_handed_to_one_who_runs_comes_back(void **state)
{
    (void)state;
    enum { GIVE, DETACH, ADOPT, WAYS };
    support_log_begin(LG_LOG_WARN);
    for (int way = 0; way < WAYS; way++) {
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
        struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
        struct loan first = loan_of(driver, pool, LG_FOREVER), second = first;
        assert_status(crew_do(a, loan_checkout, &first), LG_OK);
        if (way == GIVE)
            assert_status(lg_lease_give(&first.lease, crew_context(b)), LG_OK);
        else if (way == DETACH)
            assert_status(crew_do(a, loan_detach, &first), LG_OK);
        else
            assert_status(crew_do(b, loan_adopt, &first), LG_OK);
        crew_run(a, loan_checkout, &second);
        crew_wait_blocked_on(a, pool);
        assert_status(crew_do(b, loan_checkin, &first), LG_OK);
        assert_status(crew_wait(a), LG_OK);
        assert_status(crew_do(a, loan_checkin, &second), LG_OK);
        null_end(driver, pool);
        assert_int_equal(lg__held_count(crew_context(a)), 0);
        assert_int_equal(lg__held_count(crew_context(b)), 0);
        crew_leave(a);
        crew_leave(b);
    }
    assert_int_equal(support_log_count(NULL), 0); /* both ended with empty hands */
}

static void holders_are_named_as_they_change(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("taker");
    struct lg_lease_info info;
    struct lg_lease lease = null_take(pool);
    struct loan loan = {.driver = driver, .pool = pool, .lease = lease, .is_untouched = 1};
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    assert_int_equal(lg__held_count(lg_context_self()), 1);
    assert_status(lg_lease_give(&lease, crew_context(worker)), LG_OK);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    assert_int_equal(lg__held_count(crew_context(worker)), 1);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "taker");
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "(detached)");
    assert_status(crew_do(worker, loan_adopt, &loan), LG_OK);
    assert_status(crew_do(worker, loan_adopt, &loan), LG_OK); /* again: it has it already */
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "taker");
    assert_non_null(strstr(info.place, "pool_lease_test.c:")); /* where it was taken at first */
    assert_int_equal(lg__held_count(crew_context(worker)), 1);
    assert_status(lg_lease_adopt(&lease), LG_OK);
    assert_int_equal(lg__held_count(crew_context(worker)), 0);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    support_log_begin(LG_LOG_WARN);
    null_give(pool, &lease);
    assert_int_equal(support_log_count(NULL), 0);
    null_end(driver, pool);
}

static void a_gift_to_nobody_is_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("gone");
    struct lg_context *context = crew_context(worker);
    struct lg_lease lease = null_take(pool);
    struct lg_lease_info info;
    crew_leave(worker);
    assert_status(lg_lease_give(&lease, context), LG_EINVAL);
    assert_status(lg_lease_give(&lease, NULL), LG_EINVAL);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    null_give(pool, &lease);
    null_end(driver, pool);
}

/* A waits for the pool while main holds the other unit and runs.  Main gives A that unit too: now A
 * waits for itself, and is told. */
static void a_gift_that_closes_a_ring_has_a_victim(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), other = mine, third = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(a, loan_checkout, &other), LG_OK);
    crew_run(a, loan_checkout, &third);
    crew_wait_blocked_on(a, pool);
    assert_status(lg_lease_give(&mine.lease, crew_context(a)), LG_OK);
    assert_status(crew_wait(a), LG_EDEADLK);
    assert_string_equal(third.report.victim, "A");
    assert_int_equal(third.report.members[0].hold_count, 2);
    assert_status(crew_do(a, loan_checkin, &mine), LG_OK);
    assert_status(crew_do(a, loan_checkin, &other), LG_OK);
    null_end(driver, pool);
}

/* The same through a mutex: B has it and waits for the pool, A waits for the mutex and is given the
 * pool's only unit. */
static void a_gift_may_close_a_ring_of_two(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), wanted = mine;
    wanted.deadline = lg_after_ms(60000); /* so B is the one to go */
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(b, step_lock, &mutex), LG_OK);
    crew_run(b, loan_checkout, &wanted);
    crew_wait_blocked_on(b, pool);
    crew_run(a, step_lock, &mutex);
    crew_wait_blocked_on(a, &mutex);
    assert_status(lg_lease_give(&mine.lease, crew_context(a)), LG_OK);
    assert_status(crew_wait(b), LG_EDEADLK);
    assert_int_equal(wanted.report.member_count, 2);
    assert_true(crew_is_blocked(a));
    assert_status(crew_do(b, step_unlock, &mutex), LG_OK);
    assert_status(crew_wait(a), LG_OK);
    assert_status(crew_do(a, step_unlock, &mutex), LG_OK);
    assert_status(crew_do(a, loan_checkin, &mine), LG_OK);
    null_end(driver, pool);
    lg_mutex_destroy(&mutex);
}

/* An adopted lease is the adopter's to wait for. */
static void an_adopter_may_wait_for_itself(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("taker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease second;
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(lg_lease_adopt(&loan.lease), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_EDEADLK);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

static void a_detached_lease_is_nobodys(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct lg_lease lease = null_take(pool), second;
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_status(lg_pool_checkout(pool, lg_after_ms(1), &second), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->cause, LG_EXHAUSTION_SLOW_HOLDERS);
    assert_string_equal(lg_report_last()->members[1].context, "(detached)");
    null_give(pool, &lease);
    null_end(driver, pool);
}

static void a_pool_may_detach_all_its_leases(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct crew_worker *worker = crew_hire("loop");
    options.capacity = 1;
    options.detached = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++) {
        struct lg_lease_info info;
        struct loan mine = loan_of(driver, pool, LG_FOREVER), second = mine;
        second.deadline = lg_after_ms(1);
        assert_status(loan_checkout(&mine), LG_OK);
        assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
        assert_string_equal(info.holder, "(detached)");
        assert_status(loan_checkout(&second), LG_ETIMEDOUT); /* no deadlock: nobody's */
        assert_status(crew_do(worker, loan_checkin, &mine), LG_OK);
    }
    assert_int_equal(support_log_count(NULL), 0);
    null_end(driver, pool);
}

/* ---- Wandering ---------------------------------------------------------------------------------- */

static void wander(bool has_reset)
{
    struct null_driver *driver = null_begin();
    if (!has_reset)
        driver->table.reset = NULL;
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("wanderer");
    struct lg_lease second;
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++) {
        struct loan loan = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loan), LG_OK);
        if (i == 0)
            assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_EDEADLK);
        else
            assert_status(lg_pool_checkout(pool, lg_after_ms(1), &second), LG_ETIMEDOUT);
        assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
        assert_int_equal(support_log_count("foreign-checkin"), 1);
    }
    const char *text = support_log_text("foreign-checkin");
    assert_non_null(strstr(text, "\"db\""));
    assert_non_null(strstr(text, "main"));
    const char *place = strstr(text, "null_driver.c:"); /* both places are there */
    assert_non_null(place);
    assert_non_null(strstr(place + 1, "null_driver.c:"));
    struct lg_lease lease =
        null_take(pool); /* nothing of it is left in the books of the contexts */
    null_give(pool, &lease);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    assert_int_equal(lg__held_count(crew_context(worker)), 0);
    crew_leave(worker);
    assert_int_equal(support_log_count("ended-holding"), 0);
    null_end(driver, pool);
}

static void a_foreign_checkin_is_said_once_and_the_pool_is_silent(void **state)
{
    (void)state;
    wander(true);
    wander(false); /* with returns on the fast path */
}

/* A pool that has gone silent still knows who took what. */
static void a_silent_pool_still_names_its_holders(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("wanderer");
    struct lg_lease_info info;
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

/* ---- Orphans ------------------------------------------------------------------------------------ */

static void an_orphan_is_named_and_anyone_may_return_it(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *worker = crew_hire("mortal");
    struct loan loan = loan_of(driver, pool, LG_FOREVER), late = loan;
    struct lg_lease_info info;
    char text[2048];
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    crew_leave(worker);
    assert_int_equal(support_log_count("ended-holding"), 1);
    assert_non_null(strstr(support_log_text("ended-holding"), "mortal"));
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "mortal (ended)");
    assert_non_null(strstr(info.place, "null_driver.c:"));
    late.deadline = lg_after_ms(1);
    assert_status(loan_checkout(&late), LG_ETIMEDOUT);
    assert_int_equal(late.report.cause, LG_EXHAUSTION_LEAK);
    assert_non_null(strstr(late.report.detail, "mortal (ended)"));
    assert_non_null(strstr(late.report.detail, "null_driver.c:"));
    lg_report_write(&late.report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "mortal (ended)"));
    assert_status(loan_checkin(&loan), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 0);
    late.deadline = LG_FOREVER;
    assert_status(loan_checkout(&late), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &loan.lease), LG_EDEADLK); /* not silent */
    assert_status(loan_checkin(&late), LG_OK);
    null_end(driver, pool);
}

/* The thread that has the context's place next does not have its leases. */
static void an_heir_of_the_place_is_not_the_holder(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_FORBID);
    struct loan loan = loan_of(driver, pool, LG_FOREVER), late = loan;
    struct lg_context *place;
    support_log_begin(LG_LOG_WARN);
    struct crew_worker *worker = crew_hire("mortal");
    place = crew_context(worker);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    crew_leave(worker);
    late.deadline = LG_TRY;
    for (int i = 0; i < 3000; i++) { /* places are used again in turn */
        worker = crew_hire("heir");
        bool is_heir = crew_context(worker) == place;
        if (is_heir)
            assert_status(crew_do(worker, loan_checkout, &late), LG_EBUSY);
        crew_leave(worker);
        if (is_heir)
            break;
    }
    struct lg_lease_info info;
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "(ended)");
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_is_handed_to_one_who_runs_comes_back),
        SUPPORT_TEST(holders_are_named_as_they_change),
        SUPPORT_TEST(a_gift_to_nobody_is_refused),
        SUPPORT_TEST(a_gift_that_closes_a_ring_has_a_victim),
        SUPPORT_TEST(a_gift_may_close_a_ring_of_two),
        SUPPORT_TEST(an_adopter_may_wait_for_itself),
        SUPPORT_TEST(a_detached_lease_is_nobodys),
        SUPPORT_TEST(a_pool_may_detach_all_its_leases),
        SUPPORT_TEST(a_foreign_checkin_is_said_once_and_the_pool_is_silent),
        SUPPORT_TEST(a_silent_pool_still_names_its_holders),
        SUPPORT_TEST(an_orphan_is_named_and_anyone_may_return_it),
        SUPPORT_TEST(an_heir_of_the_place_is_not_the_holder),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
