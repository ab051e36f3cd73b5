/* Several leases at once: all or nothing, in turn, and what is kept for the first. */
#include "pool/pool.h"
#include "support/bundle.h"
#include "support/thing.h"

#include "plat/memory.h"

#define HOUR_US (3600ull * 1000 * 1000)

static struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats;
}

/* A pool whose resources are all open and idle. */
static struct lg_pool *open_pool(struct null_driver *driver, const struct lg_pool_options *options)
{
    struct lg_pool *pool = null_pool(driver, options);
    struct bundle all = bundle_of(driver, pool, options->capacity);
    assert_status(bundle_checkout(&all), LG_OK);
    null_wait_no_openers(pool);
    assert_status(bundle_checkin(&all), LG_OK);
    assert_int_equal(stats_of(pool).idle, options->capacity);
    return pool;
}

static struct lg_pool *open_pool_of(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.overtaking_us = 0;
    return open_pool(driver, &options);
}

static void run_and_block(struct crew_worker *worker, crew_step *step, void *arg,
                          const struct lg_pool *pool)
{
    crew_run(worker, step, arg);
    crew_wait_blocked_on(worker, pool);
}

static void a_count_is_from_one_to_the_capacity(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[4];
    assert_status(lg_pool_checkout_many(NULL, 1, LG_TRY, leases), LG_EINVAL);
    assert_status(lg_pool_checkout_many(pool, 1, LG_TRY, NULL), LG_EINVAL);
    assert_status(lg_pool_checkout_many(pool, 0, LG_TRY, leases), LG_EINVAL);
    assert_status(lg_pool_checkout_many(pool, 4, LG_FOREVER, leases), LG_EINVAL);
    assert_status(lg_pool_checkin_many(NULL, 1, leases), LG_EINVAL);
    assert_status(lg_pool_checkin_many(pool, 1, NULL), LG_EINVAL);
    assert_status(lg_pool_checkin_many(pool, 0, NULL), LG_OK);
    for (uint32_t count = 1; count <= 3; count++) {
        struct bundle bundle = bundle_of(driver, pool, count);
        assert_status(bundle_checkout(&bundle), LG_OK);
        assert_int_equal(lg_pool_holders(pool, NULL, 0), count);
        assert_status(bundle_checkin(&bundle), LG_OK);
        assert_true(bundle_is_empty(&bundle));
    }
    null_end(driver, pool);
}

/* Opens are wanted for each of them, though one waits. */
static void as_many_are_opened_as_are_wanted(void **state)
{
    (void)state;
    for (uint32_t opening_max = 1; opening_max <= 4; opening_max++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 8;
        options.opening_max = opening_max;
        struct lg_pool *pool = null_pool(driver, &options);
        struct bundle bundle = bundle_of(driver, pool, 5);
        assert_status(bundle_checkout(&bundle), LG_OK);
        null_wait_no_openers(pool);
        assert_in_range(null_get(driver, opened), 5, 5 + opening_max - 1);
        assert_in_range(null_get(driver, opening_most), 1, opening_max);
        assert_status(bundle_checkin(&bundle), LG_OK);
        null_end(driver, pool);
    }
}

static void an_open_that_fails_is_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct crew_worker *worker = crew_hire("worker");
    struct bundle bundle = bundle_of(driver, pool, 3);
    struct loan loan = loan_of(driver, pool, LG_FOREVER), mine = loan;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    null_wait_no_openers(pool);
    null_hold(&driver->opens);
    null_set(driver, fail_opens, 1);
    crew_run(worker, bundle_checkout, &bundle);
    null_wait_at(&driver->opens, 1);
    crew_wait_blocked_on(worker, pool);
    struct crew_worker *behind = crew_hire("behind");
    run_and_block(behind, loan_checkout, &loan, pool); /* one is idle, and not for it */
    null_let_all(&driver->opens);
    assert_status(crew_wait(worker), LG_EOPEN);
    assert_true(bundle_is_empty(&bundle));
    assert_status(crew_wait(behind), LG_OK);
    assert_status(crew_do(behind, loan_checkin, &loan), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

static void with_too_few_it_takes_none(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct crew_worker *worker = crew_hire("worker");
    struct bundle pair = bundle_of(driver, pool, 2), other = pair;
    assert_status(bundle_checkout(&pair), LG_OK);
    other.deadline = LG_TRY;
    assert_status(bundle_checkout(&other), LG_EBUSY);
    assert_true(bundle_is_empty(&other));
    other.deadline = lg_after_ms(1);
    assert_status(crew_do(worker, bundle_checkout, &other), LG_ETIMEDOUT);
    assert_true(bundle_is_empty(&other));
    assert_int_equal(other.report.members[0].need, 2);
    assert_int_equal(stats_of(pool).idle, 1);
    assert_int_equal(stats_of(pool).waited, 2); /* this one, and the first of all */
    assert_status(bundle_checkin(&pair), LG_OK);
    other.deadline = LG_TRY;
    assert_status(bundle_checkout(&other), LG_OK);
    assert_status(bundle_checkin(&other), LG_OK);
    null_end(driver, pool);
}

/* The wrong ones are told; the others go back. */
static void a_wrong_lease_does_not_keep_the_others(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct lg_lease leases[3], stale;
    assert_status(lg_pool_checkout_many(pool, 3, LG_TRY, leases), LG_OK);
    stale = leases[1];
    assert_status(lg_pool_checkin(pool, &leases[1]), LG_OK);
    leases[1] = stale;
    assert_status(lg_pool_checkin_many(pool, 3, leases), LG_ESTALE);
    assert_ptr_equal(leases[1].pool, pool);
    assert_null(leases[0].pool);
    assert_null(leases[2].pool);
    assert_int_equal(stats_of(pool).idle, 3);
    null_end(driver, pool);
}

/* One of three is idle and the first wants two: it is for nobody else, until there are two. */
static void what_is_idle_is_kept_for_the_first(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct crew_worker *first = crew_hire("first"), *second = crew_hire("second");
    struct bundle mine = bundle_of(driver, pool, 2), pair = mine;
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease thief;
    assert_status(bundle_checkout(&mine), LG_OK);
    run_and_block(first, bundle_checkout, &pair, pool);
    assert_status(lg_pool_try_checkout(pool, &thief), LG_EBUSY);
    assert_status(lg_pool_checkout_many(pool, 2, LG_TRY, (struct lg_lease[2]){{0}}), LG_EBUSY);
    run_and_block(second, loan_checkout, &loan, pool);
    assert_int_equal(stats_of(pool).idle, 1);
    assert_int_equal(stats_of(pool).waiting, 2);
    assert_int_equal(stats_of(pool).lent_most, 3);
    null_drop(driver, mine.leases[0].resource, &mine);
    assert_status(lg_pool_checkin(pool, &mine.leases[0]), LG_OK);
    assert_status(crew_wait(first), LG_OK);
    assert_true(crew_is_blocked(second));
    assert_int_equal(stats_of(pool).idle, 0);
    null_drop(driver, mine.leases[1].resource, &mine);
    assert_status(lg_pool_checkin(pool, &mine.leases[1]), LG_OK);
    assert_status(crew_wait(second), LG_OK);
    assert_status(crew_do(second, loan_checkin, &loan), LG_OK);
    assert_status(crew_do(first, bundle_checkin, &pair), LG_OK);
    null_end(driver, pool);
}

/* When the first gives up, what was kept is for the next, however many these are. */
static void what_was_kept_is_for_the_next(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 4);
    struct crew_worker *first = crew_hire("first"), *workers[3];
    struct loan mine = loan_of(driver, pool, LG_FOREVER), loans[3];
    struct bundle all = bundle_of(driver, pool, 4);
    assert_status(loan_checkout(&mine), LG_OK);
    run_and_block(first, bundle_checkout, &all, pool);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("behind-", i);
        loans[i] = mine;
        run_and_block(workers[i], loan_checkout, &loans[i], pool);
    }
    assert_true(thing_time_out(crew_context(first)));
    assert_status(crew_wait(first), LG_ETIMEDOUT);
    for (unsigned i = 0; i < 3; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* Two of three pass their check.  They are given back, nobody behind gets one, and all three are the
 * first's when another is open. */
static void what_is_fit_is_given_back_and_kept(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.check_after_ms = NULL_CHECK_MS;
    options.overtaking_us = 0;
    struct lg_pool *pool = open_pool(driver, &options);
    struct crew_worker *first = crew_hire("first"), *second = crew_hire("second");
    struct bundle all = bundle_of(driver, pool, 3);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_age(pool);
    null_set(driver, fail_checks, 1);
    null_hold(&driver->opens);
    run_and_block(first, bundle_checkout, &all, pool);
    assert_int_equal(stats_of(pool).idle, 2);
    run_and_block(second, loan_checkout, &loan, pool);
    null_let_all(&driver->opens);
    assert_status(crew_wait(first), LG_OK);
    assert_true(crew_is_blocked(second));
    assert_status(crew_do(first, bundle_checkin, &all), LG_OK);
    assert_status(crew_wait(second), LG_OK);
    assert_status(crew_do(second, loan_checkin, &loan), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

/* One that does not wait leaves what it gives back to those who do. */
static void what_is_fit_is_given_back_to_all(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.check_after_ms = NULL_CHECK_MS;
    options.overtaking_us = 0;
    struct lg_pool *pool = open_pool(driver, &options);
    struct crew_worker *hasty = crew_hire("hasty"), *patient = crew_hire("patient");
    struct bundle pair = bundle_of(driver, pool, 2);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    pair.deadline = LG_TRY;
    null_age(pool);
    null_set(driver, fail_checks, 1);
    null_hold(&driver->checks);
    crew_run(hasty, bundle_checkout, &pair);
    null_wait_at(&driver->checks, 1);
    null_hold(&driver->opens);
    run_and_block(patient, loan_checkout, &loan, pool);
    null_let_all(&driver->checks);
    assert_status(crew_wait(hasty), LG_EBUSY);
    assert_true(bundle_is_empty(&pair));
    assert_status(crew_wait(patient), LG_OK);
    null_let_all(&driver->opens);
    assert_status(crew_do(patient, loan_checkin, &loan), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

/* A clear closes what is kept too; the first gets fresh ones. */
static void a_clear_takes_what_is_kept(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct crew_worker *worker = crew_hire("worker");
    struct loan mine = loan_of(driver, pool, LG_FOREVER);
    struct bundle all = bundle_of(driver, pool, 3);
    assert_status(loan_checkout(&mine), LG_OK);
    run_and_block(worker, bundle_checkout, &all, pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_wait_closed(driver, 2);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    null_wait_closed(driver, 3);
    assert_status(crew_do(worker, bundle_checkin, &all), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

static void a_close_sends_it_away(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct crew_worker *worker = crew_hire("worker");
    struct loan mine = loan_of(driver, pool, LG_FOREVER);
    struct bundle all = bundle_of(driver, pool, 3);
    assert_status(loan_checkout(&mine), LG_OK);
    run_and_block(worker, bundle_checkout, &all, pool);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_EDEADLK);
    assert_status(crew_wait(worker), LG_ECLOSED);
    assert_true(bundle_is_empty(&all));
    assert_status(crew_do(worker, bundle_checkout, &all), LG_ECLOSED);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

static void nested_policies_know_them(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_lease leases[2], more[2];
    options.capacity = 4;
    options.nested = LG_NESTED_FORBID;
    struct lg_pool *pool = null_pool(driver, &options);
    assert_status(lg_pool_checkout_many(pool, 2, LG_FOREVER, leases), LG_OK);
    assert_status(lg_pool_checkout_many(pool, 2, LG_FOREVER, more), LG_ENESTED);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, more), LG_ENESTED);
    assert_status(lg_pool_checkin_many(pool, 2, leases), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
    driver = null_begin();
    options.nested = LG_NESTED_SHARE;
    pool = null_pool(driver, &options);
    assert_status(lg_pool_checkout_many(pool, 2, LG_FOREVER, leases), LG_EINVAL);
    assert_status(lg_pool_checkout_many(pool, 1, LG_FOREVER, &leases[0]), LG_OK);
    assert_status(lg_pool_checkout_many(pool, 1, LG_FOREVER, &leases[1]), LG_OK);
    assert_ptr_equal(leases[0].resource, leases[1].resource);
    assert_status(lg_pool_checkin_many(pool, 2, leases), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

static void detached_leases_are_nobodys(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_lease_info infos[2];
    options.capacity = 2;
    options.detached = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct bundle pair = bundle_of(driver, pool, 2);
    assert_status(bundle_checkout(&pair), LG_OK);
    assert_int_equal(lg_pool_holders(pool, infos, 2), 2);
    for (int i = 0; i < 2; i++)
        assert_string_equal(infos[i].holder, "(detached)");
    assert_status(bundle_checkin(&pair), LG_OK);
    null_end(driver, pool);
}

/* While the first is young, newcomers may have what is idle; but it is woken when there is enough. */
static void a_young_first_may_be_overtaken(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.overtaking_us = HOUR_US;
    struct lg_pool *pool = open_pool(driver, &options);
    struct crew_worker *worker = crew_hire("worker");
    struct bundle mine = bundle_of(driver, pool, 2), pair = mine;
    struct loan loan = loan_of(driver, pool, LG_TRY);
    assert_status(bundle_checkout(&mine), LG_OK);
    run_and_block(worker, bundle_checkout, &pair, pool);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    loan.deadline = LG_FOREVER;
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(bundle_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, bundle_checkin, &pair), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

static void an_old_first_may_not(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.overtaking_us = 1000;
    struct lg_pool *pool = open_pool(driver, &options);
    struct crew_worker *worker = crew_hire("worker"), *behind = crew_hire("behind");
    struct bundle mine = bundle_of(driver, pool, 2), pair = mine;
    struct loan loan = loan_of(driver, pool, LG_TRY), its = loan;
    assert_status(bundle_checkout(&mine), LG_OK);
    run_and_block(worker, bundle_checkout, &pair, pool);
    null_grow_old();
    assert_status(loan_checkout(&loan), LG_EBUSY);
    its.deadline = LG_FOREVER;
    run_and_block(behind, loan_checkout, &its, pool);
    assert_int_equal(stats_of(pool).idle, 1);
    assert_status(bundle_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_wait(behind), LG_OK);
    assert_status(crew_do(worker, bundle_checkin, &pair), LG_OK);
    assert_status(crew_do(behind, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

/* A slot that one context has a bias on is idle too, if it is in. */
static void what_is_biased_is_taken_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.reset = NULL;
    struct lg_pool *pool = open_pool_of(driver, 3);
    struct crew_worker *regular = crew_hire("regular");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct bundle all = bundle_of(driver, pool, 3);
    for (int waits = 0; waits < 2; waits++) {
        all.deadline = waits ? LG_FOREVER : LG_TRY;
        for (int i = 0; i < 200; i++) {
            assert_status(crew_do(regular, loan_checkout, &loan), LG_OK);
            assert_status(crew_do(regular, loan_checkin, &loan), LG_OK);
        }
        assert_status(bundle_checkout(&all), LG_OK);
        crew_run(regular, loan_checkout, &loan);
        crew_wait_blocked_on(regular, pool);
        assert_status(bundle_checkin(&all), LG_OK);
        assert_status(crew_wait(regular), LG_OK);
        assert_status(crew_do(regular, loan_checkin, &loan), LG_OK);
    }
    null_end(driver, pool);
}

static void nothing_allocates(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = open_pool_of(driver, BUNDLE_MAX);
    struct crew_worker *worker = crew_hire("worker");
    struct bundle mine = bundle_of(driver, pool, BUNDLE_MAX), its = mine, more = mine;
    assert_status(crew_do(worker, bundle_checkout, &its), LG_OK);
    assert_status(crew_do(worker, bundle_checkin, &its), LG_OK);
    uint64_t before = lg__alloc_count();
    for (int i = 0; i < 100; i++) {
        assert_status(bundle_checkout(&mine), LG_OK);
        run_and_block(worker, bundle_checkout, &its, pool);
        more.deadline = lg_after_ms(1);
        assert_status(bundle_checkout(&more), LG_EDEADLK); /* it holds them itself */
        assert_status(bundle_checkin(&mine), LG_OK);
        assert_status(crew_wait(worker), LG_OK);
        assert_status(crew_do(worker, bundle_checkin, &its), LG_OK);
    }
    assert_int_equal(lg__alloc_count(), before);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_count_is_from_one_to_the_capacity),
        SUPPORT_TEST(as_many_are_opened_as_are_wanted),
        SUPPORT_TEST(an_open_that_fails_is_told),
        SUPPORT_TEST(with_too_few_it_takes_none),
        SUPPORT_TEST(a_wrong_lease_does_not_keep_the_others),
        SUPPORT_TEST(what_is_idle_is_kept_for_the_first),
        SUPPORT_TEST(what_was_kept_is_for_the_next),
        SUPPORT_TEST(what_is_fit_is_given_back_and_kept),
        SUPPORT_TEST(what_is_fit_is_given_back_to_all),
        SUPPORT_TEST(a_clear_takes_what_is_kept),
        SUPPORT_TEST(a_close_sends_it_away),
        SUPPORT_TEST(nested_policies_know_them),
        SUPPORT_TEST(detached_leases_are_nobodys),
        SUPPORT_TEST(a_young_first_may_be_overtaken),
        SUPPORT_TEST(an_old_first_may_not),
        SUPPORT_TEST(what_is_biased_is_taken_back),
        SUPPORT_TEST(nothing_allocates),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
