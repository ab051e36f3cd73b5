/* Leases: nested policies, handing on, wandering, orphans. */
#include "pool/pool.h"
#include "support/crew.h"
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

static struct lg_lease take(struct lg_pool *pool)
{
    struct lg_lease lease;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    return lease;
}

static void give(struct lg_pool *pool, struct lg_lease *lease)
{
    assert_status(lg_pool_checkin(pool, lease), LG_OK);
}

static int step_lock(void *mutex)
{
    return lg_mutex_lock((struct lg_mutex *)mutex, LG_FOREVER);
}

static int step_unlock(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_mutex_unlock((struct lg_mutex *)mutex);
    return LG_OK;
}

/* ---- nested = forbid ---------------------------------------------------------------------------- */

static void forbid_refuses_the_second_at_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 4, LG_NESTED_FORBID);
    struct lg_lease first = take(pool), second;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_ENESTED);
    assert_null(second.resource);
    assert_status(lg_pool_try_checkout(pool, &second), LG_ENESTED);
    null_assert_counts(driver, pool, 1);
    give(pool, &first);
    first = take(pool);
    give(pool, &first);
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
    struct lg_lease mine = take(pool), its = take(other);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    give(other, &its);
    give(pool, &mine);
    null_end(driver, pool);
    null_end(others, other);
}

static void forbid_counts_what_was_adopted_and_not_what_was_detached(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_FORBID);
    struct lg_lease first = take(pool), second;
    assert_status(lg_lease_detach(&first), LG_OK);
    second = take(pool);
    give(pool, &second);
    assert_status(lg_lease_adopt(&first), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_ENESTED);
    give(pool, &first);
    null_end(driver, pool);
}

/* ---- nested = share ----------------------------------------------------------------------------- */

#define LEVELS 32

static void share_gives_the_same_under_tags_of_their_own(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = take(pool), inner = take(pool), third = take(pool);
    assert_ptr_equal(inner.resource, outer.resource);
    assert_ptr_equal(third.resource, outer.resource);
    assert_memory_not_equal(&inner, &outer, sizeof inner);
    assert_memory_not_equal(&inner, &third, sizeof inner);
    null_assert_counts(driver, pool, 3);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 1);
    give(pool, &inner);
    give(pool, &third);
    assert_int_equal(null_get(driver, resets), 0);
    give(pool, &outer);
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
            leases[i] = take(pool);
        for (uint32_t left = count; left > 0; left--) {
            uint32_t i = support_below(&random, left);
            stale = leases[i];
            assert_status(crew_do(worker, loan_checkout, &try), LG_EBUSY);
            assert_int_equal(null_get(driver, resets), round);
            give(pool, &leases[i]);
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
    struct lg_lease outer = take(pool), middle = take(pool), last = middle;
    uint32_t resets = null_get(driver, resets);
    for (int i = 0; i < rounds; i++) {
        struct lg_lease inner = take(pool), copy = inner;
        assert_ptr_equal(inner.resource, outer.resource);
        if (i > 0)
            assert_status(lg_pool_checkin(pool, &last), LG_ESTALE); /* of the round before */
        give(pool, &inner);
        assert_status(lg_pool_checkin(pool, &copy), LG_ESTALE);
        last = copy;
    }
    give(pool, &outer);
    for (int i = 0; i < 100; i++) { /* the outermost may be gone: what is left is shared on */
        struct lg_lease inner = take(pool);
        assert_ptr_equal(inner.resource, middle.resource);
        give(pool, &inner);
    }
    assert_int_equal(null_get(driver, resets), resets);
    give(pool, &middle);
    assert_int_equal(null_get(driver, resets), resets + 1);
}

static void share_counts_what_is_out_only(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_pool_stats stats;
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
        leases[i] = take(pool);
        assert_int_equal(leases[i].resource == leases[0].resource, i < LEVELS);
    }
    null_assert_counts(driver, pool, LEVELS + 1);
    for (int i = 0; i < LEVELS + 1; i++)
        give(pool, &leases[i]);
    assert_int_equal(null_get(driver, resets), 2);
    null_end(driver, pool);
    driver = null_begin();
    pool = pool_with(driver, 1, LG_NESTED_SHARE);
    for (int i = 0; i < LEVELS; i++)
        leases[i] = take(pool);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &leases[LEVELS]), LG_EDEADLK);
    for (int i = LEVELS - 1; i >= 0; i--)
        give(pool, &leases[i]);
    null_end(driver, pool);
}

/* What the user of the inner lease saw broken is not lent again, whoever returns last. */
static void a_shared_resource_is_discarded_at_the_end(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = take(pool), inner = take(pool);
    assert_status(lg_pool_discard(pool, &inner), LG_OK);
    assert_int_equal(null_get(driver, closed), 0);
    inner = take(pool); /* the holder goes on sharing what it has */
    assert_ptr_equal(inner.resource, outer.resource);
    give(pool, &outer);
    give(pool, &inner);
    assert_int_equal(null_get(driver, closed), 1);
    outer = take(pool);
    assert_int_equal(null_get(driver, opened), 2);
    give(pool, &outer);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

static void a_shared_resource_is_cleared_at_the_end(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_SHARE);
    struct lg_lease outer = take(pool);
    assert_status(lg_pool_clear(pool), LG_OK);
    struct lg_lease inner = take(pool);
    assert_ptr_equal(inner.resource, outer.resource);
    give(pool, &inner);
    assert_int_equal(null_get(driver, closed), 0);
    give(pool, &outer);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
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
    struct lg_lease lease = take(pool);
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
    give(pool, &lease);
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
    struct lg_lease lease = take(pool);
    struct lg_lease_info info;
    crew_leave(worker);
    assert_status(lg_lease_give(&lease, context), LG_EINVAL);
    assert_status(lg_lease_give(&lease, NULL), LG_EINVAL);
    assert_int_equal(lg_pool_holders(pool, &info, 1), 1);
    assert_string_equal(info.holder, "main");
    give(pool, &lease);
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
    struct lg_lease lease = take(pool), second;
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_status(lg_pool_checkout(pool, lg_after_ms(1), &second), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->cause, LG_EXHAUSTION_SLOW_HOLDERS);
    assert_string_equal(lg_report_last()->members[1].context, "(detached)");
    give(pool, &lease);
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
    struct lg_lease lease = take(pool); /* nothing of it is left in the books of the contexts */
    give(pool, &lease);
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
