/* Checkin: what it does with the resource, and that a wrong one changes nothing. */
#include "support/crew.h"
#include "support/null_driver.h"

#include <pthread.h>
#include <string.h>

static struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats;
}

/* Every way to return a lease gives the same status for a wrong one, leaves it and the pool as they
 * were, and calls no driver. */
static void assert_wrong(struct null_driver *driver, struct lg_pool *pool,
                         const struct lg_lease *wrong, int expected)
{
    struct lg_lease lease = *wrong;
    struct lg_pool_stats before = stats_of(pool);
    struct null_counts counts = driver->counts;
    assert_status(lg_pool_checkin(pool, &lease), expected);
    assert_status(lg_pool_discard(pool, &lease), expected);
    assert_memory_equal(&lease, wrong, sizeof lease);
    struct lg_pool_stats after = stats_of(pool);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(&counts, &driver->counts, sizeof counts);
}

static void assert_not_ours_to_move(const struct lg_lease *wrong, int expected)
{
    assert_status(lg_lease_detach(wrong), expected);
    assert_status(lg_lease_adopt(wrong), expected);
    assert_status(lg_lease_give(wrong, lg_context_self()), expected);
}

static void a_lease_is_emptied_by_its_checkin(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    for (int i = 0; i < 3; i++) { /* slow and fast */
        struct lg_lease lease = null_take(pool);
        assert_status(lg_pool_checkin(pool, &lease), LG_OK);
        assert_null(lease.resource);
        assert_null(lease.pool);
        assert_wrong(driver, pool, &lease, LG_ESTALE);
        assert_not_ours_to_move(&lease, LG_ESTALE);
    }
    null_end(driver, pool);
}

static void a_copy_is_the_same_lease(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    struct lg_lease copy = lease;
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_wrong(driver, pool, &copy, LG_ESTALE); /* while it is idle */
    assert_not_ours_to_move(&copy, LG_ESTALE);
    lease = null_take(pool);
    assert_ptr_equal(lease.resource, copy.resource);
    assert_wrong(driver, pool, &copy, LG_ESTALE); /* while it is the same context's again */
    assert_not_ours_to_move(&copy, LG_ESTALE);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    struct crew_worker *worker = crew_hire("next");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    assert_ptr_equal(loan.lease.resource, copy.resource);
    assert_wrong(driver, pool, &copy, LG_ESTALE); /* while it is another's */
    assert_not_ours_to_move(&copy, LG_ESTALE);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void a_copy_is_stale_when_its_resource_is_gone(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    struct lg_lease copy = lease;
    assert_status(lg_pool_discard(pool, &lease), LG_OK);
    assert_null(lease.resource);
    assert_wrong(driver, pool, &copy, LG_ESTALE);
    assert_not_ours_to_move(&copy, LG_ESTALE);
    assert_int_equal(null_alive(driver), 0);
    null_end(driver, pool);
}

static void zeroes_are_a_stale_lease(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct lg_lease lease = null_take(pool), nothing = {0};
    assert_wrong(driver, pool, &nothing, LG_ESTALE);
    assert_not_ours_to_move(&nothing, LG_ESTALE);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void null_is_no_lease_and_no_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_checkin(NULL, &lease), LG_EINVAL);
    assert_status(lg_pool_checkin(pool, NULL), LG_EINVAL);
    assert_status(lg_pool_discard(NULL, &lease), LG_EINVAL);
    assert_status(lg_pool_discard(pool, NULL), LG_EINVAL);
    assert_status(lg_lease_detach(NULL), LG_EINVAL);
    assert_status(lg_lease_adopt(NULL), LG_EINVAL);
    assert_status(lg_lease_give(NULL, lg_context_self()), LG_EINVAL);
    assert_status(lg_lease_give(&lease, NULL), LG_EINVAL);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void a_lease_goes_back_where_it_came_from(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin(), *others = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1), *other = null_pool_of(others, 1);
    struct lg_lease lease = null_take(pool), its = null_take(other);
    assert_wrong(others, other, &lease, LG_EFOREIGN);
    assert_wrong(driver, pool, &its, LG_EFOREIGN);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_wrong(others, other, &lease, LG_ESTALE); /* emptied: nobody's any more */
    assert_status(lg_pool_checkin(other, &its), LG_OK);
    null_end(driver, pool);
    null_end(others, other);
}

static bool is_refusal(int status)
{
    return status == LG_ESTALE || status == LG_EFOREIGN || status == LG_EINVAL;
}

/* Slots and tags that are no lease's, in each kind of pool. */
static void made_up_leases_are_refused(void **state)
{
    (void)state;
    static const uint32_t wrong_slots[] = {3,       4,        0xffff,   0x10000,    0x10001,
                                           0x20002, 0x1f0000, 0x200001, 0xffff0001, UINT32_MAX};
    static const uint32_t wrong_tags[] = {1, 2, 31, 32, 1u << 27, 1u << 28, 1u << 31};
    for (uint32_t nested = LG_NESTED_DETECT; nested <= LG_NESTED_SHARE; nested++) {
        struct null_driver *driver = null_begin();
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = 3;
        options.nested = (enum lg_nested)nested;
        struct lg_pool *pool = null_pool(driver, &options);
        struct lg_lease lease = null_take(pool);
        for (size_t i = 0; i < sizeof wrong_slots / sizeof wrong_slots[0]; i++) {
            struct lg_lease wrong = lease;
            wrong.slot = wrong_slots[i];
            int status = lg_pool_checkin(pool, &wrong);
            assert_true(is_refusal(status));
            assert_wrong(driver, pool, &wrong, status);
            assert_true(is_refusal(lg_lease_detach(&wrong)));
        }
        for (uint32_t slot = 0; slot < 3; slot++)
            for (size_t i = 0; i < sizeof wrong_tags / sizeof wrong_tags[0]; i++) {
                struct lg_lease wrong = lease;
                wrong.slot = slot;
                wrong.tag = lease.tag ^ wrong_tags[i];
                assert_wrong(driver, pool, &wrong, LG_ESTALE);
                assert_not_ours_to_move(&wrong, LG_ESTALE);
            }
        assert_status(lg_pool_checkin(pool, &lease), LG_OK);
        null_end(driver, pool);
    }
}

static void the_driver_resets_what_comes_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    for (uint32_t i = 1; i <= 3; i++) {
        struct lg_lease lease = null_take(pool);
        assert_int_equal(null_get(driver, resets), i - 1);
        assert_status(lg_pool_checkin(pool, &lease), LG_OK);
        assert_int_equal(null_get(driver, resets), i);
    }
    assert_int_equal(null_get(driver, opened), 1);
    null_end(driver, pool);
}

static void what_cannot_be_reset_is_closed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    void *first = lease.resource;
    null_set(driver, fail_resets, 1);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EBUSY);
    lease = null_take(pool);
    assert_ptr_not_equal(lease.resource, first);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void what_is_discarded_is_closed_and_not_reset(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool);
    assert_status(lg_pool_discard(pool, &lease), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    assert_int_equal(null_get(driver, resets), 0);
    assert_int_equal(stats_of(pool).returned, 1);
    assert_int_equal(stats_of(pool).idle, 0);
    null_end(driver, pool);
}

/* Whoever waits gets what is opened in its place. */
static void a_waiter_outlives_what_it_waited_for(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    for (uint32_t i = 0; i < 2; i++) {
        struct loan loan = loan_of(driver, pool, LG_FOREVER);
        struct lg_lease lease = null_take(pool);
        void *first = lease.resource;
        crew_run(worker, loan_checkout, &loan);
        crew_wait_blocked_on(worker, pool);
        null_set(driver, fail_resets, 1);
        assert_status(i == 0 ? lg_pool_discard(pool, &lease) : lg_pool_checkin(pool, &lease),
                      LG_OK);
        assert_status(crew_wait(worker), LG_OK);
        assert_ptr_not_equal(loan.lease.resource, first);
        null_set(driver, fail_resets, 0);
        assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    }
    null_end(driver, pool);
}

/* While it is reset it is neither out nor idle, and a copy is stale already. */
static void a_resource_in_its_reset_is_nobodys(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("returner");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct lg_lease lease;
    assert_status(crew_do(worker, loan_checkout, &loan), LG_OK);
    struct lg_lease copy = loan.lease;
    null_hold(&driver->resets);
    crew_run(worker, loan_checkin, &loan);
    null_wait_at(&driver->resets, 1);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EBUSY);
    assert_wrong(driver, pool, &copy, LG_ESTALE);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 0);
    null_let_all(&driver->resets);
    assert_status(crew_wait(worker), LG_OK);
    lease = null_take(pool);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

/* ---- Two threads return copies of one lease: exactly one of them does. -------------------------- */

struct duel {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_lease copies[2];
    int results[2];
    bool discards[2];
    uint32_t rounds;
    uint32_t wrong; /* rounds that did not have exactly one winner */
    pthread_barrier_t barrier;
};

static void fight(struct duel *duel, int side)
{
    struct lg_lease *copy = &duel->copies[side];
    duel->results[side] = duel->discards[side] ? lg_pool_discard(duel->pool, copy)
                                               : lg_pool_checkin(duel->pool, copy);
}

static void judge(struct duel *duel)
{
    int won = (duel->results[0] == LG_OK) + (duel->results[1] == LG_OK);
    int lost = (duel->results[0] == LG_ESTALE) + (duel->results[1] == LG_ESTALE);
    duel->wrong += won != 1 || lost != 1;
}

static void *second(void *arg)
{
    struct duel *duel = arg;
    for (uint32_t i = 0; i < duel->rounds; i++) {
        pthread_barrier_wait(&duel->barrier);
        fight(duel, 1);
        pthread_barrier_wait(&duel->barrier);
    }
    return NULL;
}

static void two_returns_of_one_lease_have_one_winner(void **state)
{
    (void)state;
    struct duel duel = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(3000)};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct support_random random;
    pthread_t thread;
    options.capacity = 1;
    support_log_begin(LG_LOG_WARN); /* that one is checked in by another is said once */
    support_random_begin(&random, 1);
    duel.driver->table.reset = NULL; /* so that the fast path has its share */
    duel.pool = null_pool(duel.driver, &options);
    pthread_barrier_init(&duel.barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, second, &duel), 0);
    for (uint32_t i = 0; i < duel.rounds; i++) {
        duel.copies[0] = duel.copies[1] = null_take(duel.pool);
        duel.discards[0] = support_below(&random, 20) == 0;
        duel.discards[1] = support_below(&random, 20) == 0;
        pthread_barrier_wait(&duel.barrier);
        fight(&duel, 0);
        pthread_barrier_wait(&duel.barrier);
        judge(&duel);
    }
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&duel.barrier);
    assert_int_equal(duel.wrong, 0);
    struct lg_pool_stats stats = stats_of(duel.pool);
    assert_int_equal(stats.lent, duel.rounds);
    assert_int_equal(stats.returned, duel.rounds);
    null_end(duel.driver, duel.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_lease_is_emptied_by_its_checkin),
        SUPPORT_TEST(a_copy_is_the_same_lease),
        SUPPORT_TEST(a_copy_is_stale_when_its_resource_is_gone),
        SUPPORT_TEST(zeroes_are_a_stale_lease),
        SUPPORT_TEST(null_is_no_lease_and_no_pool),
        SUPPORT_TEST(a_lease_goes_back_where_it_came_from),
        SUPPORT_TEST(made_up_leases_are_refused),
        SUPPORT_TEST(the_driver_resets_what_comes_back),
        SUPPORT_TEST(what_cannot_be_reset_is_closed),
        SUPPORT_TEST(what_is_discarded_is_closed_and_not_reset),
        SUPPORT_TEST(a_waiter_outlives_what_it_waited_for),
        SUPPORT_TEST(a_resource_in_its_reset_is_nobodys),
        SUPPORT_TEST(two_returns_of_one_lease_have_one_winner),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
