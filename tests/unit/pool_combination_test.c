/* Features of the pool in pairs that have nothing to do with each other, but for the lock, the queue or a
 * count that both use. */
#include "pool/bias.h"
#include "support/bundle.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/locks.h"

static struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(pool, &stats), LG_OK);
    return stats;
}

static uint64_t word_of(const struct crew_worker *worker)
{
    return lg__load_full(&crew_context(worker)->wait.word);
}

/* ---- An open is asked to give up, while the detector has a waiter pinned and looks at the queue. - */

struct asker {
    struct lg_pool *pool;
    bool is_eviction;
};

static int ask_to_give_up(void *arg)
{
    const struct asker *asker = arg;
    return asker->is_eviction ? lg_pool_evict(asker->pool, 1, LG_EVICT_FORCE)
                              : lg_pool_clear(asker->pool, LG_CLEAR_INTERRUPT);
}

static bool see_all(void *arg, const struct lg__wait *wait)
{
    (void)wait;
    ++*(uint32_t *)arg;
    return true;
}

static void a_request_holds_no_lock_that_the_detector_wants(void **state)
{
    (void)state;
    for (int is_eviction = 0; is_eviction < 2; is_eviction++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 3;
        options.opening_max = 1;
        struct lg_pool *pool = null_pool(driver, &options);
        struct crew_worker *waiter = crew_hire("waiter"), *other = crew_hire("other");
        struct bundle pair = bundle_of(driver, pool, 2);
        struct asker asker = {pool, is_eviction};
        uint32_t seen = 0;
        null_leave_open(driver, pool);
        crew_run(waiter, bundle_checkout, &pair);
        crew_wait_blocked_on(waiter, pool);
        struct lg__wait *wait = &crew_context(waiter)->wait;
        assert_true(lg__wait_pin(wait, word_of(waiter)));
        crew_run(other, ask_to_give_up, &asker);
        NULL_WAIT_UNTIL(lg_cancel_is_requested(__atomic_load_n(&driver->cancel, __ATOMIC_SEQ_CST)));
        lg__pool_class.visit_ahead(pool, wait, see_all, &seen);
        lg__wait_unpin(wait);
        assert_status(crew_wait(other), LG_OK);
        null_let_all(&driver->opens);
        assert_status(crew_wait(waiter), is_eviction ? LG_OK : LG_EPAUSED);
        if (is_eviction)
            assert_status(crew_do(waiter, bundle_checkin, &pair), LG_OK);
        assert_int_equal(seen, 1);
        null_end(driver, pool);
        crew_leave(waiter);
        crew_leave(other);
    }
}

/* An open that is stale when it arrives is being closed when the next clear asks all opens to give up. */
static void what_is_closed_already_is_not_told_twice(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    null_leave_open(driver, pool);
    assert_status(lg_pool_clear(pool, 0), LG_OK);
    null_hold(&driver->closes);
    null_let_all(&driver->opens);
    null_wait_at(&driver->closes, 1);
    assert_status(lg_pool_evict(pool, 1, 0), LG_ESTALE);
    assert_status(lg_pool_clear(pool, LG_CLEAR_INTERRUPT), LG_OK);
    null_let_all(&driver->closes);
    null_wait_no_openers(pool);
    listener_catch_up(listener, pool);
    assert_int_equal(listener_count(listener, LG_EVENT_RESOURCE_CREATED), 1);
    assert_int_equal(listener_count(listener, LG_EVENT_RESOURCE_CLOSED), 1);
    null_end(driver, pool);
    listener_end(listener);
}

/* ---- Suspended. --------------------------------------------------------------------------------- */

static int close_for_ever(void *pool)
{
    return lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL);
}

/* Nobody resumes a closed pool: who holds a lease of it himself waits for himself. */
static void a_close_of_a_suspended_pool_sees_its_own_lease(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("closer");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(lg_pool_suspend(pool), LG_OK);
    assert_status(crew_do(worker, close_for_ever, pool), LG_EDEADLK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void begin_waiting(struct crew_worker *worker, struct loan *loan)
{
    crew_run(worker, loan_checkout, loan);
    crew_wait_blocked_on(worker, loan->pool);
}

/* A judgement that began before the suspension lets somebody pass after it. */
static void who_is_let_pass_is_not_served_by_a_suspended_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    assert_status(lg_pool_suspend(pool), LG_OK);
    begin_waiting(worker, &loan);
    uint64_t word = word_of(worker);
    lg__pool_class.let_pass(pool, &crew_context(worker)->wait, word);
    assert_true(word_of(worker) == word);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* Who waits for a resume lacks no resource: nothing is in use, and no more would help. */
static void a_suspension_makes_no_pool_look_too_small(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool_advice advice = LG_POOL_ADVICE_INIT;
    options.capacity = options.min_size = 2;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    null_wait_idle(pool, 2);
    assert_status(lg_pool_suspend(pool), LG_OK);
    begin_waiting(worker, &loan);
    assert_int_equal(stats_of(pool).lent_most, 0);
    assert_status(lg_pool_advice(pool, &advice), LG_OK);
    assert_int_equal(advice.short_most, 0);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* T has m and wants two of a pool of two; H has one and wants m, which closes the ring while the pool is
 * suspended.  A resume has T or H look, also if a third, who is stuck nowhere, queues first. */
static void a_resume_has_all_look(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *t = crew_hire("T"), *h = crew_hire("H"), *third = crew_hire("third");
    struct bundle pair = bundle_of(driver, pool, 2);
    struct loan loan = loan_of(driver, pool, LG_FOREVER), mine = loan, held = loan;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(h, loan_checkout, &held), LG_OK);
    assert_status(crew_do(t, step_lock, &m), LG_OK);
    assert_status(lg_pool_suspend(pool), LG_OK);
    begin_waiting(third, &loan);
    crew_run(t, bundle_checkout, &pair);
    crew_wait_blocked_on(t, pool);
    crew_run(h, step_lock, &m);
    crew_wait_blocked(h);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_wait(t), LG_EDEADLK);
    assert_status(crew_do(t, step_unlock, &m), LG_OK);
    assert_status(crew_wait(h), LG_OK);
    assert_status(crew_do(h, step_unlock, &m), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(third), LG_OK);
    assert_status(crew_do(third, loan_checkin, &loan), LG_OK);
    assert_status(crew_do(h, loan_checkin, &held), LG_OK);
    null_end(driver, pool);
    lg_mutex_destroy(&m);
}

static void wait_queued(struct lg_pool *pool, uint32_t count)
{
    bool is_so;
    do {
        null_yield();
        lg__raw_lock(&pool->lock);
        is_so = pool->queue.count == count && pool->on_way == 0;
        lg__raw_unlock(&pool->lock);
    } while (!is_so);
}

/* Who was woken may be back in its place before the next is woken. */
static void each_is_woken_once(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *workers[3];
    struct loan loans[3], mine = loan_of(driver, pool, LG_FOREVER);
    uint64_t words[3], place = 0;
    assert_status(loan_checkout(&mine), LG_OK);
    for (uint32_t i = 0; i < 3; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        workers[i] = crew_hire_numbered("waiter-", i);
        begin_waiting(workers[i], &loans[i]);
    }
    for (uint32_t i = 0; i < 3; i++) {
        words[i] = word_of(workers[i]);
        assert_true(lg__queue_wake_next(pool, &place, UINT64_MAX));
        wait_queued(pool, 3);
        assert_true(word_of(workers[i]) != words[i]);
        words[i] = word_of(workers[i]);
    }
    assert_false(lg__queue_wake_next(pool, &place, UINT64_MAX));
    for (uint32_t i = 0; i < 3; i++)
        assert_true(word_of(workers[i]) == words[i]);
    assert_status(loan_checkin(&mine), LG_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    null_end(driver, pool);
}

#define LONG_NS (3600ull * 1000000000)

/* As if the opens so far had taken so long. */
static void set_open_time(struct lg_pool *pool, uint64_t ns)
{
    lg__raw_lock(&pool->lock);
    pool->open_mean_ns = ns;
    lg__raw_unlock(&pool->lock);
}

/* A waiter that looks again has the patience that is left of its first. */
static void patience_outlasts_a_look(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.growth = LG_GROWTH_PATIENT;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *holder = crew_hire("holder"), *waiter = crew_hire("waiter");
    struct loan held = loan_of(driver, pool, LG_FOREVER), loan = held;
    assert_status(crew_do(holder, loan_checkout, &held), LG_OK);
    null_wait_no_openers(pool);
    set_open_time(pool, LONG_NS);
    begin_waiting(waiter, &loan);
    assert_status(lg_pool_suspend(pool), LG_OK);
    assert_status(lg_pool_resume(pool), LG_OK);
    wait_queued(pool, 1);
    lg__raw_lock(&pool->lock);
    uint32_t patient = pool->patient, openers = pool->opener_count;
    lg__raw_unlock(&pool->lock);
    assert_int_equal(patient, 1);
    assert_int_equal(openers, 0);
    assert_status(crew_do(holder, loan_checkin, &held), LG_OK);
    assert_status(crew_wait(waiter), LG_OK);
    assert_int_equal(null_get(driver, opens_begun), 1);
    assert_status(crew_do(waiter, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

/* ---- Forked, with as much under way as there can be at once. --------------------------------------- */

static int use_in_child(void *arg)
{
    struct lg_pool *pool = arg;
    struct lg_lease leases[3];
    SUPPORT_CHECK(lg_pool_state(pool) == LG_POOL_SUSPENDED);
    SUPPORT_CHECK(lg_pool_try_checkout(pool, leases) == LG_EBUSY);
    SUPPORT_CHECK(lg_pool_resume(pool) == LG_OK);
    SUPPORT_CHECK(pool->patient == 0 && pool->on_way == 0 && pool->queue.units == 0);
    SUPPORT_CHECK(lg_pool_checkout_many(pool, 3, LG_FOREVER, leases) == LG_OK);
    SUPPORT_CHECK(lg_pool_clear(pool, LG_CLEAR_PAUSE) == LG_OK);
    SUPPORT_CHECK(lg_pool_ready(pool) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin_many(pool, 3, leases) == LG_OK);
    SUPPORT_CHECK(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL) == LG_OK);
    lg_pool_destroy(pool);
    return 0;
}

static int evict_by_force(void *loan)
{
    struct loan *held = loan;
    return lg_pool_evict(held->pool, lg_lease_id(&held->lease), LG_EVICT_FORCE);
}

/* An interrupt and an open are in the driver, one waits with patience, one for all, and the pool is
 * suspended. */
static void a_child_starts_afresh(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the child starts threads of its own");
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.growth = LG_GROWTH_PATIENT;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *holder = crew_hire("holder"), *evictor = crew_hire("evictor");
    struct crew_worker *one = crew_hire("one"), *all = crew_hire("all");
    struct loan held = loan_of(driver, pool, LG_FOREVER), loan = held;
    struct bundle bundle = bundle_of(driver, pool, 3);
    assert_status(crew_do(holder, loan_checkout, &held), LG_OK);
    null_wait_no_openers(pool);
    set_open_time(pool, LONG_NS);
    begin_waiting(one, &loan);
    set_open_time(pool, 0); /* nobody else is patient */
    null_hold(&driver->opens);
    null_hold(&driver->interrupts);
    crew_run(all, bundle_checkout, &bundle);
    crew_wait_blocked_on(all, pool);
    null_wait_at(&driver->opens, 1);
    crew_run(evictor, evict_by_force, &held);
    null_wait_at(&driver->interrupts, 1);
    assert_status(lg_pool_suspend(pool), LG_OK);
    null_let_all(&driver->opens);
    null_wait_no_openers(pool);
    assert_int_equal(support_fork(use_in_child, pool), 0);
    null_let_all(&driver->interrupts);
    assert_status(crew_wait(evictor), LG_OK);
    assert_status(lg_pool_resume(pool), LG_OK);
    assert_status(crew_do(holder, loan_checkin, &held), LG_OK);
    assert_status(crew_wait(one), LG_OK);
    assert_status(crew_do(one, loan_checkin, &loan), LG_OK);
    assert_status(crew_wait(all), LG_OK);
    assert_status(crew_do(all, bundle_checkin, &bundle), LG_OK);
    null_end(driver, pool);
}

/* ---- Biased. ------------------------------------------------------------------------------------ */

#define BIASING (2 * LG__BIAS_AFTER)

static void earn_a_bias(struct lg_pool *pool)
{
    struct lg_lease lease;
    for (uint32_t i = 0; i < BIASING; i++) {
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
        assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    }
}

/* Without a keeper, whoever checks it out sees that it is too old: also who has it again and again. */
static void a_lifetime_ends_without_a_keeper(void **state)
{
    (void)state;
    for (uint32_t is_unbiased = 0; is_unbiased < 2; is_unbiased++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 1;
        options.lifetime_ms = 1;
        options.period_ms = LG_PERIOD_NEVER;
        options.unbiased = is_unbiased;
        driver->table.reset = NULL;
        driver->table.check = NULL;
        struct lg_pool *pool = null_pool(driver, &options);
        while (null_get(driver, opened) < 3)
            earn_a_bias(pool);
        null_end(driver, pool);
    }
}

/* ---- Shared, and taken back. ---------------------------------------------------------------------- */

static void each_lease_that_is_taken_back_is_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.nested = LG_NESTED_SHARE;
    options.reclaim_orphans = 1;
    listener_attach(listener, &options);
    support_log_begin(LG_LOG_WARN);
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("holder");
    for (int i = 0; i < 3; i++) {
        struct loan loan = loan_of(driver, pool, LG_FOREVER);
        loan.is_untouched = 1;
        assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    }
    crew_leave(worker);
    null_wait_idle(pool, 1);
    listener_catch_up(listener, pool);
    assert_int_equal(listener_count(listener, LG_EVENT_CHECKED_OUT), 3);
    assert_int_equal(listener_count(listener, LG_EVENT_CHECKED_IN), 3);
    null_end(driver, pool);
    listener_end(listener);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(who_is_let_pass_is_not_served_by_a_suspended_pool),
        SUPPORT_TEST(a_suspension_makes_no_pool_look_too_small),
        SUPPORT_TEST(a_resume_has_all_look),
        SUPPORT_TEST(each_is_woken_once),
        SUPPORT_TEST(patience_outlasts_a_look),
        SUPPORT_TEST(what_is_closed_already_is_not_told_twice),
        SUPPORT_TEST(a_child_starts_afresh),
        SUPPORT_TEST(each_lease_that_is_taken_back_is_told),
        SUPPORT_TEST(a_lifetime_ends_without_a_keeper),
        SUPPORT_TEST(a_close_of_a_suspended_pool_sees_its_own_lease),
        SUPPORT_TEST(a_request_holds_no_lock_that_the_detector_wants),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
