/* The end of one resource: evicted, too old, or found dead while it was idle. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/null_driver.h"

struct stand {
    struct null_driver *driver;
    struct listener *listener;
    struct lg_pool_options options;
    struct lg_pool *pool;
};

static struct stand prepare(uint32_t capacity)
{
    struct stand stand = {null_begin(), listener_begin(), LG_POOL_OPTIONS_INIT, NULL};
    stand.options.capacity = capacity;
    return stand;
}

static void open_stand(struct stand *stand, bool has_listener)
{
    if (has_listener)
        listener_attach(stand->listener, &stand->options);
    stand->pool = null_pool(stand->driver, &stand->options);
}

static void leave(struct stand *stand)
{
    null_end(stand->driver, stand->pool);
    listener_end(stand->listener);
}

static enum lg_event_reason last_reason(const struct stand *stand)
{
    listener_catch_up(stand->listener, stand->pool);
    return listener_last(stand->listener, LG_EVENT_RESOURCE_CLOSED).reason;
}

/* All resources were born so many milliseconds ago. */
static void grow_up(struct lg_pool *pool, uint32_t age_ms)
{
    for (uint32_t i = 0; i < pool->capacity; i++) {
        uint32_t born_ms = lg__load_relaxed(&pool->slots[i].born_ms);
        lg__store_relaxed(&pool->slots[i].born_ms, born_ms - age_ms);
    }
}

static void what_is_idle_is_evicted_at_once(void **state)
{
    (void)state;
    struct stand stand = prepare(2);
    open_stand(&stand, true);
    struct lg_lease a = null_take(stand.pool), b = null_take(stand.pool);
    uint64_t id = lg_lease_id(&a);
    assert_status(lg_pool_checkin(stand.pool, &a), LG_OK);
    assert_status(lg_pool_evict(stand.pool, id, 0), LG_OK);
    assert_int_equal(null_get(stand.driver, closed), 1);
    assert_int_equal(last_reason(&stand), LG_REASON_EVICTED);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_stats(stand.pool, &stats), LG_OK);
    assert_int_equal(stats.closed_evicted, 1);
    assert_status(lg_pool_evict(stand.pool, id, 0), LG_ESTALE);
    assert_status(lg_pool_checkin(stand.pool, &b), LG_OK);
    leave(&stand);
}

static void what_is_lent_is_evicted_at_its_checkin(void **state)
{
    (void)state;
    for (int is_forced = 0; is_forced < 2; is_forced++) {
        struct stand stand = prepare(2);
        open_stand(&stand, true);
        struct loan loan = loan_of(stand.driver, stand.pool, LG_FOREVER);
        assert_status(loan_checkout(&loan), LG_OK);
        uint64_t id = lg_lease_id(&loan.lease);
        uint32_t how = is_forced ? LG_EVICT_FORCE : 0;
        assert_status(lg_pool_evict(stand.pool, id, how), LG_OK);
        assert_int_equal(null_get(stand.driver, interrupts), is_forced);
        assert_int_equal(null_get(stand.driver, closed), 0);
        assert_status(loan_checkin(&loan), LG_OK);
        assert_int_equal(null_get(stand.driver, closed), 1);
        assert_int_equal(null_get(stand.driver, resets), 0);
        assert_int_equal(last_reason(&stand), LG_REASON_EVICTED);
        leave(&stand);
    }
}

static void a_biased_one_is_evicted(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    stand.driver->table.reset = NULL;
    stand.driver->table.check = NULL;
    open_stand(&stand, false);
    for (int i = 0; i < 100; i++) {
        struct lg_lease lease = null_take(stand.pool);
        assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    }
    assert_status(lg_pool_evict(stand.pool, 1, 0), LG_OK);
    assert_int_equal(null_get(stand.driver, closed), 1);
    struct lg_lease lease;
    for (int i = 0; i < 100; i++) {
        lease = null_take(stand.pool);
        if (i < 99)
            assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    }
    assert_int_equal(lg_lease_id(&lease), 2);
    assert_status(lg_pool_evict(stand.pool, 2, 0), LG_OK);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    assert_int_equal(null_get(stand.driver, closed), 2);
    leave(&stand);
}

static void an_open_is_evicted_on_arrival(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    open_stand(&stand, true);
    struct crew_worker *worker = crew_hire("asker");
    struct loan loan = loan_of(stand.driver, stand.pool, LG_FOREVER);
    null_hold(&stand.driver->opens);
    crew_run(worker, loan_checkout, &loan);
    null_wait_at(&stand.driver->opens, 1);
    assert_status(lg_pool_evict(stand.pool, 1, 0), LG_OK);
    assert_int_equal(lg_cancel_is_requested(stand.driver->cancel), 0);
    assert_status(lg_pool_evict(stand.pool, 1, LG_EVICT_FORCE), LG_OK);
    assert_int_equal(lg_cancel_is_requested(stand.driver->cancel), 1);
    null_let_all(&stand.driver->opens);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(lg_lease_id(&loan.lease), 2);
    assert_int_equal(last_reason(&stand), LG_REASON_EVICTED);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    leave(&stand);
}

static void bad_evictions_are_refused(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    open_stand(&stand, false);
    assert_status(lg_pool_evict(NULL, 1, 0), LG_EINVAL);
    assert_status(lg_pool_evict(stand.pool, 0, 0), LG_EINVAL);
    assert_status(lg_pool_evict(stand.pool, 1, 2), LG_EINVAL);
    assert_status(lg_pool_evict(stand.pool, 1, 0), LG_ESTALE);
    assert_status(lg_pool_evict(stand.pool, UINT64_MAX, LG_EVICT_FORCE), LG_ESTALE);
    assert_status(lg_pool_close(stand.pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_status(lg_pool_evict(stand.pool, 1, 0), LG_ECLOSED);
    leave(&stand);
}

/* ---- Lifetime ---------------------------------------------------------------------------------- */

#define LIFE_MS 10000000

static void what_is_old_and_idle_is_closed(void **state)
{
    (void)state;
    struct stand stand = prepare(2);
    stand.options.lifetime_ms = LIFE_MS;
    stand.options.period_ms = 1;
    open_stand(&stand, true);
    struct lg_lease lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    null_grow_old();
    assert_int_equal(null_get(stand.driver, closed), 0);
    grow_up(stand.pool, LIFE_MS);
    null_wait_closed(stand.driver, 1);
    NULL_WAIT_UNTIL(listener_count(stand.listener, LG_EVENT_RESOURCE_CLOSED) == 1);
    assert_int_equal(last_reason(&stand), LG_REASON_LIFETIME);
    leave(&stand);
}

/* Without passes it is found by who returns it, or takes it. */
static void what_is_old_and_lent_is_closed_when_it_is_back(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    stand.options.lifetime_ms = LIFE_MS;
    stand.options.period_ms = LG_PERIOD_NEVER;
    open_stand(&stand, true);
    struct lg_lease lease = null_take(stand.pool);
    grow_up(stand.pool, LIFE_MS);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    assert_int_equal(last_reason(&stand), LG_REASON_LIFETIME);
    lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    grow_up(stand.pool, LIFE_MS);
    lease = null_take(stand.pool);
    assert_int_equal(lg_lease_id(&lease), 3);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    leave(&stand);
}

/* Whoever takes it again and again without a look at its age is parted from it by the keeper. */
static void what_is_always_in_use_ends_too(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    stand.driver->table.reset = NULL;
    stand.driver->table.check = NULL;
    stand.options.lifetime_ms = LIFE_MS;
    stand.options.period_ms = 1;
    open_stand(&stand, false);
    struct lg_lease lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    grow_up(stand.pool, LIFE_MS);
    while (null_get(stand.driver, closed) == 0) {
        lease = null_take(stand.pool);
        assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    }
    leave(&stand);
}

/* The keeper, as often as it is told to: no pass comes by itself.  Each ends by asking for what it has closed. */
static void a_pass_closes_no_more_than_it_may(void **state)
{
    (void)state;
    struct stand stand = prepare(5);
    stand.options.min_size = 5;
    stand.options.lifetime_ms = LIFE_MS;
    stand.options.lifetime_jitter_percent = 0;
    stand.options.closes_per_pass = 2;
    stand.options.period_ms = LIFE_MS / 2;
    open_stand(&stand, false);
    null_wait_idle(stand.pool, 5);
    null_wait_no_openers(stand.pool);
    grow_up(stand.pool, LIFE_MS);
    for (uint32_t closed = 2; closed <= 6; closed += 2) {
        uint32_t expected = closed < 5 ? closed : 5;
        assert_true(lg__keeper_kick(stand.pool));
        null_wait_opened(stand.driver, 5 + expected);
        null_wait_no_openers(stand.pool);
        assert_int_equal(null_get(stand.driver, closed), expected);
    }
    leave(&stand);
}

static void lifetimes_differ(void **state)
{
    (void)state;
    struct stand stand = prepare(8);
    stand.options.lifetime_ms = LIFE_MS;
    stand.options.lifetime_jitter_percent = 50;
    stand.options.period_ms = LG_PERIOD_NEVER;
    open_stand(&stand, false);
    struct lg_lease leases[8];
    uint32_t early = 0;
    for (int i = 0; i < 8; i++)
        leases[i] = null_take(stand.pool);
    grow_up(stand.pool, LIFE_MS / 4 * 3);
    for (int i = 0; i < 8; i++)
        assert_status(lg_pool_checkin(stand.pool, &leases[i]), LG_OK);
    early = null_get(stand.driver, closed);
    assert_true(early > 0 && early < 8);
    leave(&stand);
}

/* ---- Keepalive --------------------------------------------------------------------------------- */

static void what_is_long_idle_is_checked(void **state)
{
    (void)state;
    struct stand stand = prepare(2);
    stand.options.keepalive_ms = NULL_CHECK_MS;
    stand.options.check_after_ms = 100 * NULL_CHECK_MS;
    stand.options.period_ms = 1;
    open_stand(&stand, true);
    struct lg_lease a = null_take(stand.pool), b = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &a), LG_OK);
    null_grow_old();
    assert_int_equal(null_get(stand.driver, checks), 0);
    null_age(stand.pool);
    NULL_WAIT_UNTIL(null_get(stand.driver, checks) == 1);
    null_wait_idle(stand.pool, 1);
    null_grow_old(); /* checked a moment ago: not again, and what is lent is not */
    assert_int_equal(null_get(stand.driver, checks), 1);
    assert_int_equal(null_get(stand.driver, closed), 0);
    assert_status(lg_pool_checkin(stand.pool, &b), LG_OK);
    leave(&stand);
}

static void what_is_found_dead_is_closed(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    stand.options.keepalive_ms = NULL_CHECK_MS;
    stand.options.period_ms = 1;
    open_stand(&stand, true);
    struct lg_lease lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    null_set(stand.driver, fail_checks, 1);
    null_age(stand.pool);
    null_wait_closed(stand.driver, 1);
    NULL_WAIT_UNTIL(listener_count(stand.listener, LG_EVENT_RESOURCE_CLOSED) == 1);
    assert_int_equal(last_reason(&stand), LG_REASON_ERROR);
    leave(&stand);
}

/* Who comes while it is being checked waits, and is handed it. */
static void a_waiter_gets_it_after_the_check(void **state)
{
    (void)state;
    struct stand stand = prepare(1);
    stand.options.keepalive_ms = NULL_CHECK_MS;
    stand.options.check_after_ms = 1000ull * NULL_CHECK_MS * 1000;
    stand.options.period_ms = 1;
    open_stand(&stand, true);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan loan = loan_of(stand.driver, stand.pool, LG_FOREVER);
    struct lg_lease lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    null_hold(&stand.driver->checks);
    null_age(stand.pool);
    null_wait_at(&stand.driver->checks, 1);
    crew_run(worker, loan_checkout, &loan);
    crew_wait_blocked_on(worker, stand.pool);
    null_let_all(&stand.driver->checks);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(lg_lease_id(&loan.lease), 1);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    leave(&stand);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool;
    struct lg_pool_options options[3] = {LG_POOL_OPTIONS_INIT, LG_POOL_OPTIONS_INIT,
                                         LG_POOL_OPTIONS_INIT};
    options[0].lifetime_ms = UINT64_MAX;
    options[1].keepalive_ms = UINT64_MAX;
    options[2].lifetime_jitter_percent = 101;
    for (int i = 0; i < 3; i++)
        assert_status(lg_pool_create(&driver->table, driver, &options[i], &pool), LG_EINVAL);
    null_free(driver);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_is_idle_is_evicted_at_once),
        SUPPORT_TEST(what_is_lent_is_evicted_at_its_checkin),
        SUPPORT_TEST(a_biased_one_is_evicted),
        SUPPORT_TEST(an_open_is_evicted_on_arrival),
        SUPPORT_TEST(bad_evictions_are_refused),
        SUPPORT_TEST(what_is_old_and_idle_is_closed),
        SUPPORT_TEST(what_is_old_and_lent_is_closed_when_it_is_back),
        SUPPORT_TEST(what_is_always_in_use_ends_too),
        SUPPORT_TEST(a_pass_closes_no_more_than_it_may),
        SUPPORT_TEST(lifetimes_differ),
        SUPPORT_TEST(what_is_long_idle_is_checked),
        SUPPORT_TEST(what_is_found_dead_is_closed),
        SUPPORT_TEST(a_waiter_gets_it_after_the_check),
        SUPPORT_TEST(bad_options_are_refused),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
