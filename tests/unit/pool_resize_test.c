/* A pool made larger and smaller while it is used. */
#include "pool/pool.h"
#include "support/bundle.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/null_driver.h"

#include <string.h>

/* All slots lent, in their order. */
static void take_all(struct lg_pool *pool, uint32_t count, struct lg_lease *leases)
{
    support_log_begin(LG_LOG_WARN); /* it will be too small for that many */
    for (uint32_t i = 0; i < count; i++) {
        leases[i] = null_take(pool);
        assert_int_equal(LG__LEASE_SLOT(&leases[i]), i);
    }
    null_wait_no_openers(pool);
}

static struct lg_pool_stats read_stats(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(pool, &stats), LG_OK);
    return stats;
}

/* A worker that waits for a lease. */
static struct crew_worker *hire_waiting(struct loan *loan, struct null_driver *driver,
                                        struct lg_pool *pool, const char *name)
{
    struct crew_worker *worker = crew_hire(name);
    *loan = loan_of(driver, pool, LG_FOREVER);
    crew_run(worker, loan_checkout, loan);
    crew_wait_blocked_on(worker, pool);
    return worker;
}

static void serve_and_return(struct crew_worker *worker, struct loan *loan)
{
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, loan), LG_OK);
}

/* ---- Larger ----------------------------------------------------------------------------------- */

static void more_is_opened_for_who_waits(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    struct loan loans[2];
    struct crew_worker *a = hire_waiting(&loans[0], driver, pool, "A");
    struct crew_worker *b = hire_waiting(&loans[1], driver, pool, "B");
    assert_status(lg_pool_resize(pool, 0, 3), LG_OK);
    assert_status(crew_wait(a), LG_OK);
    assert_status(crew_wait(b), LG_OK);
    assert_int_equal(read_stats(pool).capacity, 3);
    assert_int_equal(read_stats(pool).lent_now, 3);
    serve_and_return(a, &loans[0]);
    serve_and_return(b, &loans[1]);
    null_give(pool, &lease);
    assert_int_equal(null_get(driver, closed), 0);
    null_end(driver, pool);
}

static void a_pool_grows_to_the_most(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease leases[200];
    assert_status(lg_pool_resize(pool, 0, LG_POOL_CAPACITY_MAX), LG_OK);
    take_all(pool, 200, leases);
    for (uint32_t i = 0; i < 200; i++)
        null_give(pool, &leases[i]);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    null_wait_closed(driver, 199);
    assert_int_equal(read_stats(pool).idle, 1);
    null_end(driver, pool);
}

static void min_size_is_opened_ahead(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    assert_status(lg_pool_resize(pool, 2, 3), LG_OK);
    null_wait_opened(driver, 2);
    null_wait_no_openers(pool);
    assert_status(lg_pool_resize(pool, 3, 3), LG_OK);
    null_wait_opened(driver, 3);
    null_wait_no_openers(pool);
    assert_status(lg_pool_resize(pool, 1, 1), LG_OK);
    null_wait_closed(driver, 2);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    assert_status(lg_pool_evict(pool, 1, 0), LG_OK);
    null_wait_closed(driver, 3);
    null_end(driver, pool);
}

/* ---- Smaller ---------------------------------------------------------------------------------- */

static void what_is_idle_is_closed(void **state)
{
    (void)state;
    for (int has_background = 0; has_background < 2; has_background++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 3;
        options.period_ms = has_background ? 0 : LG_PERIOD_NEVER;
        struct lg_pool *pool = null_pool(driver, &options);
        struct lg_lease leases[3];
        take_all(pool, 3, leases);
        for (int i = 0; i < 3; i++)
            null_give(pool, &leases[i]);
        assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
        if (!has_background)
            assert_int_equal(null_get(driver, closed), 2);
        null_wait_closed(driver, 2);
        struct lg_pool_stats stats = read_stats(pool);
        assert_int_equal(stats.closed_surplus, 2);
        assert_int_equal(stats.idle, 1);
        assert_int_equal(stats.capacity, 1);
        null_end(driver, pool);
    }
}

/* The leases are good until then, and whoever waits waits for the others. */
static void what_is_lent_is_closed_at_its_checkin(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    struct loan loan;
    take_all(pool, 3, leases);
    struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    assert_int_equal(null_get(driver, closed), 0);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 3);
    assert_int_equal(lg_lease_id(&leases[2]), 3);
    assert_status(lg_lease_detach(&leases[2]), LG_OK);
    assert_status(lg_lease_adopt(&leases[2]), LG_OK);
    for (int i = 2; i > 0; i--) {
        null_give(pool, &leases[i]);
        assert_status(lg_pool_checkin(pool, &leases[i]), LG_ESTALE);
    }
    assert_int_equal(null_get(driver, closed), 2);
    assert_int_equal(null_get(driver, resets), 0);
    crew_wait_blocked_on(worker, pool);
    null_give(pool, &leases[0]);
    serve_and_return(worker, &loan);
    assert_int_equal(null_get(driver, opened), 3);
    assert_int_equal(read_stats(pool).closed_surplus, 2);
    null_end(driver, pool);
}

static void what_was_handed_is_closed_on_arrival(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("this sanitizer runs no handler inside a futex call");
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease leases[2];
    struct loan loan;
    take_all(pool, 2, leases);
    struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
    crew_stall(worker);
    null_give(pool, &leases[1]);
    assert_int_equal(lg__slot_state(lg__load_acquire(&pool->slots[1].word)), LG__SLOT_HANDED);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    crew_go_on();
    crew_wait_blocked_on(worker, pool);
    null_wait_closed(driver, 1);
    null_give(pool, &leases[0]);
    serve_and_return(worker, &loan);
    null_end(driver, pool);
}

static void what_is_being_opened_is_closed_on_arrival(void **state)
{
    (void)state;
    for (uint32_t fails = 0; fails < 2; fails++) {
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = null_pool_of(driver, 2);
        struct lg_lease lease = null_take(pool);
        struct loan loan;
        null_wait_no_openers(pool);
        null_hold(&driver->opens);
        struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
        null_wait_at(&driver->opens, 1);
        assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
        crew_wait_blocked_on(worker, pool);
        assert_int_equal(lg_cancel_is_requested(driver->cancel), 0);
        null_set(driver, fail_opens, fails);
        null_let_all(&driver->opens);
        null_wait_no_openers(pool);
        assert_int_equal(null_get(driver, opens_begun), 2);
        assert_int_equal(null_get(driver, closed), 1 - fails);
        assert_int_equal(read_stats(pool).closed_surplus, 1 - fails);
        if (fails)
            assert_status(crew_wait(worker), LG_EOPEN);
        null_give(pool, &lease);
        if (!fails)
            serve_and_return(worker, &loan);
        null_end(driver, pool);
    }
}

/* An open that is in vain is nobody's hope. */
static void an_open_of_a_surplus_slot_does_not_count(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[2];
    struct loan loan;
    take_all(pool, 2, leases);
    null_hold(&driver->opens);
    struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
    null_wait_at(&driver->opens, 1);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    crew_wait_blocked_on(worker, pool);
    assert_status(lg_pool_discard(pool, &leases[1]), LG_OK);
    null_wait_at(&driver->opens, 2); /* a second one, at once */
    null_let_all(&driver->opens);
    serve_and_return(worker, &loan);
    null_wait_no_openers(pool);
    null_wait_closed(driver, 2);
    null_give(pool, &leases[0]);
    null_end(driver, pool);
}

static void a_slot_that_is_wanted_again_opens_afresh(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease leases[2];
    take_all(pool, 2, leases);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    null_give(pool, &leases[1]);
    assert_int_equal(null_get(driver, closed), 1);
    leases[1] = null_take(pool);
    assert_int_equal(lg_lease_id(&leases[1]), 3);
    null_give(pool, &leases[1]);
    assert_int_equal(null_get(driver, closed), 1);
    leases[1] = null_take(pool);
    assert_int_equal(lg_lease_id(&leases[1]), 3);
    null_give(pool, &leases[1]);
    null_give(pool, &leases[0]);
    null_end(driver, pool);
}

/* It grows again while what was surplus is still being closed. */
static void a_slot_is_wanted_again_during_its_close(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease leases[2];
    struct loan loan;
    take_all(pool, 2, leases);
    null_give(pool, &leases[1]);
    null_hold(&driver->closes);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    null_wait_at(&driver->closes, 1);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
    null_let_all(&driver->closes);
    serve_and_return(worker, &loan);
    assert_int_equal(null_get(driver, opened), 3);
    null_give(pool, &leases[0]);
    null_end(driver, pool);
}

/* ---- With everything else --------------------------------------------------------------------- */

static void who_wants_more_than_there_is_is_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    take_all(pool, 3, leases);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct bundle three = bundle_of(driver, pool, 3), two = bundle_of(driver, pool, 2);
    crew_run(a, bundle_checkout, &three);
    crew_wait_blocked_on(a, pool);
    crew_run(b, bundle_checkout, &two);
    crew_wait_blocked_on(b, pool);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    assert_status(crew_wait(a), LG_EINVAL);
    assert_true(bundle_is_empty(&three));
    assert_status(crew_do(a, bundle_checkout, &three), LG_EINVAL);
    crew_wait_blocked_on(b, pool);
    for (int i = 0; i < 3; i++)
        null_give(pool, &leases[i]);
    assert_status(crew_wait(b), LG_OK);
    assert_status(crew_do(b, bundle_checkin, &two), LG_OK);
    assert_int_equal(read_stats(pool).waiting, 0);
    null_end(driver, pool);
}

static void shared_loans_end_with_the_last(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.nested = LG_NESTED_SHARE;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("first");
    struct loan first = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &first), LG_OK);
    struct lg_lease shares[3];
    shares[0] = null_take(pool);
    shares[1] = null_take(pool);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    shares[2] = null_take(pool); /* of what it holds already */
    assert_ptr_equal(shares[2].resource, shares[0].resource);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(null_get(driver, closed), 0);
        null_give(pool, &shares[i]);
    }
    assert_int_equal(null_get(driver, closed), 1);
    assert_status(crew_do(worker, loan_checkin, &first), LG_OK);
    assert_status(lg_pool_resize(pool, 0, 200), LG_OK);
    shares[0] = null_take(pool);
    shares[1] = null_take(pool);
    null_give(pool, &shares[0]);
    null_give(pool, &shares[1]);
    null_end(driver, pool);
}

static void a_surplus_lease_is_a_lease_where_nesting_is_forbidden(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.nested = LG_NESTED_FORBID;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("first");
    struct loan first = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &first), LG_OK);
    struct lg_lease lease = null_take(pool), other;
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &other), LG_ENESTED);
    null_give(pool, &lease);
    assert_status(crew_do(worker, loan_checkin, &first), LG_OK);
    null_end(driver, pool);
}

static void orders_know_what_is_left(void **state)
{
    (void)state;
    for (int order = 0; order <= LG_ORDER_FIFO; order++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 4;
        options.order = (enum lg_order)order;
        struct lg_pool *pool = null_pool(driver, &options);
        struct lg_lease leases[4];
        take_all(pool, 4, leases);
        null_give(pool, &leases[3]); /* the first of all, and the last of all are surplus */
        null_give(pool, &leases[1]);
        null_give(pool, &leases[0]);
        null_give(pool, &leases[2]);
        null_hold(&driver->closes);
        assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
        leases[0] = null_take(pool);
        leases[1] = null_take(pool);
        if (order != LG_ORDER_AFFINE)
            assert_int_equal(leases[0].slot, order == LG_ORDER_LIFO ? 0 : 1);
        assert_true(leases[0].slot < 2 && leases[1].slot < 2);
        null_let_all(&driver->closes);
        null_give(pool, &leases[0]);
        null_give(pool, &leases[1]);
        null_wait_closed(driver, 2);
        null_end(driver, pool);
    }
}

static void the_listener_hears_why(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.period_ms = LG_PERIOD_NEVER;
    listener_attach(listener, &options);
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_lease leases[2];
    take_all(pool, 2, leases);
    listener_catch_up(listener, pool);
    listener->read = listener_heard(listener);
    null_give(pool, &leases[1]);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    listener_expect(listener, "checked in #2", "resource closed #2 (surplus)", NULL);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    leases[1] = null_take(pool);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    null_give(pool, &leases[1]);
    listener_expect(listener, "checkout started", "resource created #3", "resource ready #3",
                    "checked out #3", "checked in #3", "resource closed #3 (surplus)", NULL);
    null_give(pool, &leases[0]);
    null_end(driver, pool);
    listener_end(listener);
}

static void a_paused_and_a_suspended_pool_are_resized(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct loan loans[2];
    assert_status(lg_pool_clear(pool, LG_CLEAR_PAUSE), LG_OK);
    assert_status(lg_pool_resize(pool, 1, 2), LG_OK);
    assert_int_equal(null_get(driver, opens_begun), 0);
    assert_status(lg_pool_ready(pool), LG_OK);
    null_wait_opened(driver, 1);
    null_wait_no_openers(pool);
    assert_status(lg_pool_suspend(pool), LG_OK);
    struct crew_worker *a = hire_waiting(&loans[0], driver, pool, "A");
    assert_status(lg_pool_resize(pool, 0, 3), LG_OK);
    crew_wait_blocked_on(a, pool);
    struct crew_worker *b = hire_waiting(&loans[1], driver, pool, "B");
    assert_int_equal(null_get(driver, opens_begun), 1);
    assert_status(lg_pool_resume(pool), LG_OK);
    serve_and_return(a, &loans[0]);
    serve_and_return(b, &loans[1]);
    null_end(driver, pool);
}

static void the_size_is_judged_anew(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    support_log_begin(LG_LOG_WARN);
    take_all(pool, 3, leases);
    for (int i = 0; i < 3; i++)
        null_give(pool, &leases[i]);
    assert_int_equal(support_log_count("pool-too-small"), 0);
    for (unsigned round = 1; round <= 2; round++) {
        assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
        assert_int_equal(support_log_count("pool-too-small"), round);
        assert_non_null(strstr(support_log_text("pool-too-small"), " of 2 is too small"));
        assert_status(lg_pool_resize(pool, 1, 2), LG_OK); /* the same: nothing to say */
        assert_status(lg_pool_resize(pool, 0, 3), LG_OK);
        assert_int_equal(support_log_count("pool-too-small"), round);
    }
    struct lg_pool_advice advice = LG_POOL_ADVICE_INIT;
    assert_status(lg_pool_advice(pool, &advice), LG_OK);
    assert_int_equal(advice.capacity, 3);
    assert_int_equal(advice.minimum, 3);
    null_end(driver, pool);
}

/* What it lacked is lacked no more: the advice does not add it twice. */
static void what_was_short_is_forgotten(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    struct loan loan;
    struct lg_pool_advice advice = LG_POOL_ADVICE_INIT;
    struct crew_worker *worker = hire_waiting(&loan, driver, pool, "waiter");
    assert_status(lg_pool_advice(pool, &advice), LG_OK);
    assert_int_equal(advice.suggested, 2);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    serve_and_return(worker, &loan);
    assert_status(lg_pool_advice(pool, &advice), LG_OK);
    assert_int_equal(advice.short_most, 0);
    assert_int_equal(advice.suggested, 2);
    null_give(pool, &lease);
    null_end(driver, pool);
}

/* ---- Deadlocks -------------------------------------------------------------------------------- */

/* Two hold one each and want one more, the third runs; then its unit is no unit any more. */
static void a_shrink_may_be_the_last_stone(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct crew_worker *workers[2] = {crew_hire("A"), crew_hire("B")};
    struct loan held[2], wanted[2];
    for (int i = 0; i < 2; i++) {
        held[i] = wanted[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(crew_do(workers[i], loan_checkout, &held[i]), LG_OK);
    }
    struct lg_lease lease = null_take(pool);
    assert_int_equal(lease.slot, 2);
    for (int i = 0; i < 2; i++) {
        crew_run(workers[i], loan_checkout, &wanted[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    NULL_WAIT_UNTIL(read_stats(pool).deadlocks == 1);
    int victim = crew_is_idle(workers[1]);
    NULL_WAIT_UNTIL(crew_is_idle(workers[victim]) || crew_is_idle(workers[victim = !victim]));
    assert_status(crew_wait(workers[victim]), LG_EDEADLK);
    assert_int_equal(wanted[victim].report.capacity, 2);
    assert_status(crew_do(workers[victim], loan_checkin, &held[victim]), LG_OK);
    assert_status(crew_wait(workers[!victim]), LG_OK);
    assert_status(crew_do(workers[!victim], loan_checkin, &wanted[!victim]), LG_OK);
    assert_status(crew_do(workers[!victim], loan_checkin, &held[!victim]), LG_OK);
    null_give(pool, &lease);
    assert_int_equal(read_stats(pool).deadlocks, 1);
    null_end(driver, pool);
}

/* Whoever has only a surplus lease has nothing that others could want. */
static void a_surplus_lease_is_no_unit(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease lease = null_take(pool);
    struct crew_worker *worker = crew_hire("nester");
    struct loan surplus = loan_of(driver, pool, LG_FOREVER), other = surplus, third = surplus;
    assert_status(crew_do(worker, loan_checkout, &surplus), LG_OK);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    crew_run(worker, loan_checkout, &other);
    crew_wait_blocked_on(worker, pool); /* for slot 0, whose holder runs */
    null_give(pool, &lease);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkout, &third), LG_EDEADLK);
    assert_int_equal(third.report.held, 1);
    assert_status(crew_do(worker, loan_checkin, &surplus), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &other), LG_OK);
    null_end(driver, pool);
}

/* ---- The end ---------------------------------------------------------------------------------- */

static void a_close_waits_for_surplus_leases(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease leases[2];
    struct lg_lease_info info[2];
    size_t count = 0;
    take_all(pool, 2, leases);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    null_give(pool, &leases[0]);
    assert_status(lg_pool_close(pool, LG_FOREVER, info, 2, &count), LG_EDEADLK);
    assert_int_equal(count, 1);
    assert_int_equal(info[0].slot, 1);
    assert_status(lg_lease_detach(&leases[1]), LG_OK);
    assert_status(lg_pool_close(pool, lg_after_ms(1), info, 2, &count), LG_ETIMEDOUT);
    assert_int_equal(count, 1);
    null_give(pool, &leases[1]);
    assert_status(lg_pool_close(pool, LG_FOREVER, info, 2, &count), LG_OK);
    assert_int_equal(count, 0);
    null_end(driver, pool);
}

static void bad_sizes_are_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    assert_status(lg_pool_resize(NULL, 0, 1), LG_EINVAL);
    assert_status(lg_pool_resize(pool, 0, 0), LG_EINVAL);
    assert_status(lg_pool_resize(pool, 2, 1), LG_EINVAL);
    assert_status(lg_pool_resize(pool, 0, LG_POOL_CAPACITY_MAX + 1), LG_EINVAL);
    assert_int_equal(read_stats(pool).capacity, 2);
    assert_status(lg_pool_resize(pool, 0, 2), LG_OK);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_status(lg_pool_resize(pool, 0, 1), LG_ECLOSED);
    assert_status(lg_pool_resize(pool, 0, 0), LG_EINVAL);
    null_end(driver, pool);
}

struct heritage {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_lease surplus;
};

static int use_in_child(void *arg)
{
    struct heritage *heritage = arg;
    struct lg_pool *pool = heritage->pool;
    struct lg_lease leases[2];
    SUPPORT_CHECK(lg_pool_checkin(pool, &heritage->surplus) == LG_EFORK);
    SUPPORT_CHECK(lg_pool_checkout(pool, LG_FOREVER, &leases[0]) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkout(pool, lg_after_ms(1), &leases[1]) == LG_EDEADLK);
    SUPPORT_CHECK(lg_pool_resize(pool, 0, 2) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkout(pool, LG_FOREVER, &leases[1]) == LG_OK);
    SUPPORT_CHECK(leases[1].slot == 1);
    SUPPORT_CHECK(lg_pool_resize(pool, 0, 1) == LG_OK);
    for (int i = 1; i >= 0; i--)
        SUPPORT_CHECK(lg_pool_checkin(pool, &leases[i]) == LG_OK);
    SUPPORT_CHECK(null_get(heritage->driver, closed) == 1);
    SUPPORT_CHECK(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL) == LG_OK);
    return 0;
}

static void a_child_inherits_the_size(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("this sanitizer starts no threads after a fork");
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct lg_lease leases[3];
    take_all(pool, 3, leases);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    null_wait_threads(3);
    struct heritage heritage = {driver, pool, leases[2]};
    assert_int_equal(support_fork(use_in_child, &heritage), 0);
    for (int i = 0; i < 3; i++)
        null_give(pool, &leases[i]);
    assert_int_equal(null_get(driver, closed), 2);
    null_end(driver, pool);
}

static int resize_refused(void *pool)
{
    return lg_pool_resize(pool, 0, 1) == LG_EFORK ? 0 : 1;
}

static void a_refused_child_does_not_resize(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("this sanitizer does not survive a fork with threads");
    struct null_driver *driver = null_begin();
    driver->table.fork = LG_FORK_REFUSE;
    struct lg_pool *pool = null_pool_of(driver, 3);
    assert_int_equal(support_fork(resize_refused, pool), 0);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(more_is_opened_for_who_waits),
        SUPPORT_TEST(a_pool_grows_to_the_most),
        SUPPORT_TEST(min_size_is_opened_ahead),
        SUPPORT_TEST(what_is_idle_is_closed),
        SUPPORT_TEST(what_is_lent_is_closed_at_its_checkin),
        SUPPORT_TEST(what_was_handed_is_closed_on_arrival),
        SUPPORT_TEST(what_is_being_opened_is_closed_on_arrival),
        SUPPORT_TEST(an_open_of_a_surplus_slot_does_not_count),
        SUPPORT_TEST(a_slot_that_is_wanted_again_opens_afresh),
        SUPPORT_TEST(a_slot_is_wanted_again_during_its_close),
        SUPPORT_TEST(who_wants_more_than_there_is_is_told),
        SUPPORT_TEST(shared_loans_end_with_the_last),
        SUPPORT_TEST(a_surplus_lease_is_a_lease_where_nesting_is_forbidden),
        SUPPORT_TEST(orders_know_what_is_left),
        SUPPORT_TEST(the_listener_hears_why),
        SUPPORT_TEST(a_paused_and_a_suspended_pool_are_resized),
        SUPPORT_TEST(the_size_is_judged_anew),
        SUPPORT_TEST(what_was_short_is_forgotten),
        SUPPORT_TEST(a_shrink_may_be_the_last_stone),
        SUPPORT_TEST(a_surplus_lease_is_no_unit),
        SUPPORT_TEST(a_close_waits_for_surplus_leases),
        SUPPORT_TEST(bad_sizes_are_refused),
        SUPPORT_TEST(a_child_inherits_the_size),
        SUPPORT_TEST(a_refused_child_does_not_resize),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
