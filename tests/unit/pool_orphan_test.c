/* Orphans of pools that reclaim: what a context holds at its end comes back, once, to whoever waits. */
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
    options.reclaim_orphans = 1;
    return null_pool(driver, &options);
}

/* A loan whose holder may vanish: the owner word is left alone. */
static struct loan careless(struct null_driver *driver, struct lg_pool *pool)
{
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    loan.is_untouched = 1;
    return loan;
}

/* ---- What comes back ---------------------------------------------------------------------------- */

static void a_thread_s_leases_come_back_reset(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 3, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loans[2] = {careless(driver, pool), careless(driver, pool)};
    struct loan mine = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(a, loan_checkout, &loans[0]), LG_OK);
    assert_status(crew_do(a, loan_checkout, &loans[1]), LG_OK);
    crew_leave(a);
    null_assert_counts(driver, pool, 1); /* mine */
    assert_int_equal(null_get(driver, resets), 2);
    assert_int_equal(support_log_count("orphan-reclaimed"), 2);
    const char *text = support_log_text("orphan-reclaimed");
    assert_non_null(strstr(text, "\"db\""));
    assert_non_null(strstr(text, "A (ended)"));
    assert_non_null(strstr(text, "null_driver.c:"));
    assert_non_null(strstr(text, "reset"));
    for (int i = 0; i < 2; i++) {
        struct lg_lease before = loans[i].lease;
        assert_status(loan_checkin(&loans[i]), LG_ESTALE);
        assert_status(lg_lease_adopt(&loans[i].lease), LG_ESTALE);
        assert_status(lg_lease_detach(&loans[i].lease), LG_ESTALE);
        assert_memory_equal(&before, &loans[i].lease, sizeof before);
    }
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* Lent again and again to one context: by plain stores in the end (bias.h), of which its books know
 * nothing.  The last loan is not returned. */
static int take_often(void *arg)
{
    struct loan *loan = arg;
    for (int i = 0; i < 1000; i++) {
        SUPPORT_CHECK(loan_checkout(loan) == LG_OK);
        SUPPORT_CHECK(loan_checkin(loan) == LG_OK);
    }
    return loan_checkout(loan);
}

static void a_biased_lease_comes_back_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.reset = NULL; /* with one there is no bias */
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan loan = careless(driver, pool), its = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, take_often, &loan), LG_OK);
    crew_run(b, loan_checkout, &its);
    crew_wait_blocked_on(b, pool);
    crew_leave(a);
    assert_status(crew_wait(b), LG_OK);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    assert_status(crew_do(b, loan_checkin, &its), LG_OK);
    assert_status(crew_do(a = crew_hire("A"), take_often, &loan), LG_OK);
    crew_leave(a); /* with nobody who has taken the bias back before */
    assert_int_equal(support_log_count("orphan-reclaimed"), 2);
    null_assert_counts(driver, pool, 0);
    assert_status(loan_checkin(&loan), LG_ESTALE);
    null_end(driver, pool);
}

static void without_a_reset_they_are_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.reset = NULL;
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool), mine = loan;
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    crew_leave(a);
    assert_int_equal(null_get(driver, closed), 1);
    assert_non_null(strstr(support_log_text("orphan-reclaimed"), "closed"));
    assert_status(loan_checkout(&mine), LG_OK);
    assert_ptr_not_equal(mine.lease.resource, loan.lease.resource);
    assert_status(loan_checkin(&loan), LG_ESTALE);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* As a checkin's: what its reset fails on is closed. */
static void a_reset_that_fails_closes(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_set(driver, fail_resets, 1);
    crew_leave(a);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

/* The whole queue is served by those who leave without a word. */
static void waiters_are_served(void **state)
{
    (void)state;
    enum { CHAIN = 5 };
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *workers[CHAIN];
    struct loan loans[CHAIN];
    support_log_begin(LG_LOG_WARN);
    for (unsigned i = 0; i < CHAIN; i++) {
        workers[i] = crew_hire_numbered("T", i);
        loans[i] = careless(driver, pool);
        crew_run(workers[i], loan_checkout, &loans[i]);
        if (i == 0)
            assert_status(crew_wait(workers[i]), LG_OK);
        else
            crew_wait_blocked_on(workers[i], pool);
    }
    for (unsigned i = 0; i < CHAIN; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_ptr_equal(loans[i].lease.resource, loans[0].lease.resource);
        crew_leave(workers[i]);
    }
    assert_int_equal(support_log_count("orphan-reclaimed"), CHAIN);
    null_end(driver, pool);
}

static int detach_into(void *context)
{
    *(struct lg_context **)context = lg_context_detach();
    return LG_OK;
}

static void a_context_that_is_ended_gives_back_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct lg_context *context = NULL;
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(a, detach_into, &context), LG_OK);
    crew_leave(a);
    null_assert_counts(driver, pool, 1); /* the coroutine lives */
    assert_status(lg_context_end(context), LG_OK);
    null_assert_counts(driver, pool, 0);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    null_end(driver, pool);
}

static void of_all_pools_that_reclaim_and_of_no_other(void **state)
{
    (void)state;
    enum { POOLS = 4 };
    struct null_driver *drivers[POOLS];
    struct lg_pool *pools[POOLS];
    struct loan loans[POOLS][2], rest;
    struct crew_worker *a = crew_hire("A");
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < POOLS; i++) {
        drivers[i] = null_begin();
        pools[i] =
            i == 1 ? null_pool_of(drivers[i], 2) : pool_with(drivers[i], 2, LG_NESTED_DETECT);
        for (int j = 0; j < 2; j++) {
            loans[i][j] = careless(drivers[i], pools[i]);
            assert_status(crew_do(a, loan_checkout, &loans[i][j]), LG_OK);
        }
    }
    crew_leave(a);
    assert_int_equal(support_log_count("orphan-reclaimed"), 2 * (POOLS - 1));
    null_assert_counts(drivers[1], pools[1], 2);
    rest = careless(drivers[1], pools[1]);
    rest.deadline = lg_after_ms(1);
    assert_status(loan_checkout(&rest), LG_ETIMEDOUT);
    assert_int_equal(rest.report.cause, LG_EXHAUSTION_LEAK);
    assert_status(loan_checkin(&loans[1][0]), LG_OK); /* anyone may */
    assert_status(loan_checkin(&loans[1][1]), LG_OK);
    for (int i = 0; i < POOLS; i++)
        null_end(drivers[i], pools[i]);
}

static void a_shared_loan_comes_back_whole(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_SHARE);
    struct crew_worker *a = crew_hire("A");
    struct loan loans[3], mine[2];
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++) {
        loans[i] = careless(driver, pool);
        assert_status(crew_do(a, loan_checkout, &loans[i]), LG_OK);
    }
    crew_leave(a);
    null_assert_counts(driver, pool, 0);
    assert_int_equal(null_get(driver, resets), 1);
    for (int i = 0; i < 2; i++) {
        mine[i] = careless(driver, pool);
        assert_status(loan_checkout(&mine[i]), LG_OK);
    }
    for (int i = 0; i < 3; i++)
        assert_status(loan_checkin(&loans[i]), LG_ESTALE);
    null_assert_counts(driver, pool, 2);
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkin(&mine[i]), LG_OK);
    null_end(driver, pool);
}

/* ---- Whose they are ----------------------------------------------------------------------------- */

/* A takes four, and one each is given away, adopted by another, detached, and kept. */
static void only_what_was_held_comes_back(void **state)
{
    (void)state;
    enum { GIVEN, ADOPTED, DETACHED, KEPT, FATES };
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, FATES, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan loans[FATES];
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < FATES; i++) {
        loans[i] = careless(driver, pool);
        assert_status(crew_do(a, loan_checkout, &loans[i]), LG_OK);
    }
    assert_status(lg_lease_give(&loans[GIVEN].lease, crew_context(b)), LG_OK);
    assert_status(lg_lease_adopt(&loans[ADOPTED].lease), LG_OK);
    assert_status(crew_do(a, loan_detach, &loans[DETACHED]), LG_OK);
    crew_leave(a);
    null_assert_counts(driver, pool, 3);
    assert_status(loan_checkin(&loans[KEPT]), LG_ESTALE);
    crew_leave(b); /* which has never taken one itself */
    null_assert_counts(driver, pool, 2);
    assert_status(loan_checkin(&loans[GIVEN]), LG_ESTALE);
    assert_status(loan_checkin(&loans[ADOPTED]), LG_OK);
    assert_status(loan_checkin(&loans[DETACHED]), LG_OK);
    assert_int_equal(support_log_count("orphan-reclaimed"), 2);
    null_end(driver, pool);
}

/* Leases are handed on without a word here: who took one says nothing about who uses it. */
static void a_pool_whose_leases_wander_takes_nothing_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 1);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    crew_leave(a);
    assert_int_equal(support_log_count("orphan-reclaimed"), 0);
    null_assert_counts(driver, pool, 1);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

/* ---- Races, one order at a time ----------------------------------------------------------------- */

static int end_context(void *context)
{
    return lg_context_end(context);
}

/* The pool has it already: somebody else's checkin comes too late, and an adoption too. */
static void a_checkin_comes_too_late(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *b = crew_hire("B");
    struct loan loan = careless(driver, pool);
    struct lg_context *context = NULL;
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(detach_into(&context), LG_OK);
    null_hold(&driver->resets);
    crew_run(b, end_context, context);
    null_wait_at(&driver->resets, 1);
    assert_status(loan_checkin(&loan), LG_ESTALE);
    assert_status(lg_lease_adopt(&loan.lease), LG_ESTALE);
    null_let_all(&driver->resets);
    assert_status(crew_wait(b), LG_OK);
    assert_status(lg_context_set_name("main"), LG_OK);
    assert_int_equal(null_get(driver, resets), 1);
    null_end(driver, pool);
}

/* Somebody else's checkin has it already, and is in the reset when its holder ends. */
static void a_checkin_comes_first(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_hold(&driver->resets);
    crew_run(b, loan_checkin, &loan);
    null_wait_at(&driver->resets, 1);
    crew_leave(a);
    assert_int_equal(support_log_count("orphan-reclaimed"), 0);
    null_let_all(&driver->resets);
    assert_status(crew_wait(b), LG_OK);
    assert_int_equal(null_get(driver, resets), 1);
    null_end(driver, pool);
}

struct gift {
    struct loan loan;
    struct lg_context *to;
};

static int take_and_give(void *arg)
{
    struct gift *gift = arg;
    int status = loan_checkout(&gift->loan);
    return status == LG_OK ? lg_lease_give(&gift->loan.lease, gift->to) : status;
}

/* The giver has seen its context alive; when it writes the holder down, the context's end is over, and
 * found nothing.  Then it is for the giver to reclaim. */
static void a_gift_arrives_too_late(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct gift gift = {.loan = careless(driver, pool)};
    support_log_begin(LG_LOG_WARN);
    struct loan first = gift.loan; /* so that the next checkout needs no lock */
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    null_wait_no_openers(pool);
    assert_status(crew_do(a, loan_checkin, &first), LG_OK);
    struct lg_context *mine = lg_context_detach();
    gift.to = lg_context_self();
    assert_ptr_equal(lg_context_detach(), gift.to);
    lg__raw_lock(&pool->lock);
    crew_run(a, take_and_give, &gift);
    NULL_WAIT_UNTIL(lg_pool_holders(pool, NULL, 0) == 1 && lg__load_full(&pool->inside) == 1);
    assert_status(lg_context_end(gift.to), LG_OK);
    lg__raw_unlock(&pool->lock);
    assert_status(crew_wait(a), LG_OK);
    null_assert_counts(driver, pool, 0);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    assert_status(lg_context_resume(mine), LG_OK);
    assert_status(loan_checkin(&gift.loan), LG_ESTALE);
    null_end(driver, pool);
}

static int close_it(void *pool)
{
    return lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL);
}

/* A close waits for the thread that ends, and then for its reset. */
static void a_close_waits_for_what_comes_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *b = crew_hire("B");
    struct loan loan = careless(driver, pool);
    struct lg_context *context = NULL;
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(detach_into(&context), LG_OK);
    crew_run(b, close_it, pool);
    crew_wait_blocked_on(b, pool);
    assert_status(lg_context_end(context), LG_OK);
    assert_status(crew_wait(b), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    assert_status(lg_context_set_name("main"), LG_OK);
    null_end(driver, pool);
}

static int destroy_it(void *pool)
{
    lg_pool_destroy(pool);
    return LG_OK;
}

/* What is being reset is not out any more, but destroy must not free what the thread that ends still
 * works with. */
static void a_destroy_waits_for_what_comes_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *b = crew_hire("B"), *c = crew_hire("C");
    struct loan loan = careless(driver, pool);
    struct lg_context *context = NULL;
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(detach_into(&context), LG_OK);
    null_wait_no_openers(pool);
    null_hold(&driver->resets);
    crew_run(b, end_context, context);
    null_wait_at(&driver->resets, 1);
    crew_run(c, destroy_it, pool);
    NULL_WAIT_UNTIL(lg__load_full(&pool->control) & LG__POOL_CLOSED);
    for (int i = 0; i < 1000; i++)
        null_yield();
    assert_false(crew_is_idle(c));
    assert_int_equal(null_get(driver, destroyed), 0);
    null_let_all(&driver->resets);
    assert_status(crew_wait(b), LG_OK);
    assert_status(crew_wait(c), LG_OK);
    assert_int_equal(null_get(driver, destroyed), 1);
    assert_status(lg_context_set_name("main"), LG_OK);
    null_free(driver);
}

static void what_is_of_an_old_generation_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    crew_leave(a);
    assert_int_equal(null_get(driver, closed), 1);
    null_end(driver, pool);
}

/* In a child of fork the parent's other threads are gone, but they have not ended: the pool has
 * forgotten what they held, and nothing is reset there. */
static int use_in_child(void *arg)
{
    struct loan loan = *(struct loan *)arg;
    SUPPORT_CHECK(lg_pool_checkin(loan.pool, &loan.lease) == LG_EFORK);
    SUPPORT_CHECK(null_get(loan.driver, resets) == 0);
    SUPPORT_CHECK(support_log_count("orphan-reclaimed") == 0);
    return 0;
}

static void a_child_takes_nothing_back(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the thread sanitizer does not survive a fork with threads");
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_wait_no_openers(pool);
    assert_int_equal(support_fork(use_in_child, &loan), 0);
    crew_leave(a);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    null_end(driver, pool);
}

/* ---- Drivers that use the library ---------------------------------------------------------------- */

static struct {
    int (*reset)(void *arg, void *resource);
    struct lg_pool *other;
    struct lg_mutex mutex;
    struct lg_lease kept;
    bool keeps;
} library_user = {.mutex = LG_MUTEX_INIT("driver")};

static int reset_with_the_library(void *arg, void *resource)
{
    struct lg_lease lease;
    int result = LG_EDRIVER;
    LG_WITH_MUTEX(&library_user.mutex, LG_FOREVER, status) {
        result = lg_pool_checkout(library_user.other, LG_FOREVER, &lease);
        if (result == LG_OK && library_user.keeps)
            library_user.kept = lease;
        else if (result == LG_OK)
            result = lg_pool_checkin(library_user.other, &lease);
    }
    if (status != LG_OK || result != LG_OK)
        return LG_EDRIVER;
    return library_user.reset(arg, resource);
}

/* Reset runs on a thread that is past its last context: whatever it does leaves none behind. */
static void a_reset_may_use_the_library(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin(), *others = null_begin();
    library_user.reset = driver->table.reset;
    driver->table.reset = reset_with_the_library;
    library_user.other = pool_with(others, 1, LG_NESTED_DETECT);
    struct lg_pool *pool = pool_with(driver, 2, LG_NESTED_DETECT);
    struct loan loans[2] = {careless(driver, pool), careless(driver, pool)};
    unsigned before = support_count_contexts();
    support_log_begin(LG_LOG_WARN);
    for (int i = 0; i < 3; i++) {
        struct crew_worker *a = crew_hire("A");
        assert_status(crew_do(a, loan_checkout, &loans[0]), LG_OK);
        assert_status(crew_do(a, loan_checkout, &loans[1]), LG_OK);
        crew_leave(a);
        assert_int_equal(support_count_contexts(), before);
        null_assert_counts(driver, pool, 0);
        null_assert_counts(others, library_user.other, 0);
    }
    assert_int_equal(null_get(driver, closed), 0); /* no reset failed */
    null_end(driver, pool);
    null_end(others, library_user.other);
}

/* What it leaves behind itself is an orphan for good: it does not begin all over. */
static void a_reset_that_leaves_something_is_not_endless(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin(), *others = null_begin();
    library_user.reset = driver->table.reset;
    driver->table.reset = reset_with_the_library;
    library_user.other = pool_with(others, 1, LG_NESTED_DETECT);
    library_user.keeps = true;
    struct lg_pool *pool = pool_with(driver, 1, LG_NESTED_DETECT);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    unsigned before = support_count_contexts();
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    crew_leave(a);
    library_user.keeps = false;
    assert_int_equal(support_count_contexts(), before - 1);
    null_assert_counts(driver, pool, 0);
    null_assert_counts(others, library_user.other, 1);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    assert_status(lg_pool_checkin(library_user.other, &library_user.kept), LG_OK);
    null_end(driver, pool);
    null_end(others, library_user.other);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_thread_s_leases_come_back_reset),
        SUPPORT_TEST(a_biased_lease_comes_back_too),
        SUPPORT_TEST(without_a_reset_they_are_closed),
        SUPPORT_TEST(a_reset_that_fails_closes),
        SUPPORT_TEST(waiters_are_served),
        SUPPORT_TEST(a_context_that_is_ended_gives_back_too),
        SUPPORT_TEST(of_all_pools_that_reclaim_and_of_no_other),
        SUPPORT_TEST(a_shared_loan_comes_back_whole),
        SUPPORT_TEST(only_what_was_held_comes_back),
        SUPPORT_TEST(a_pool_whose_leases_wander_takes_nothing_back),
        SUPPORT_TEST(a_checkin_comes_too_late),
        SUPPORT_TEST(a_checkin_comes_first),
        SUPPORT_TEST(a_gift_arrives_too_late),
        SUPPORT_TEST(a_close_waits_for_what_comes_back),
        SUPPORT_TEST(a_destroy_waits_for_what_comes_back),
        SUPPORT_TEST(what_is_of_an_old_generation_is_closed),
        SUPPORT_TEST(a_child_takes_nothing_back),
        SUPPORT_TEST(a_reset_may_use_the_library),
        SUPPORT_TEST(a_reset_that_leaves_something_is_not_endless),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
