/* The queue: first come, first served; what comes back is the first waiter's and nobody else's. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define WAITERS 8

static struct lg_pool *full_pool(struct null_driver *driver, uint32_t capacity, struct loan *loans)
{
    struct lg_pool *pool = null_pool_of(driver, capacity);
    for (uint32_t i = 0; i < capacity; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
    }
    return pool;
}

static uint32_t waiting(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats.waiting;
}

static void shuffle(struct support_random *random, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = support_below(random, i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

struct contest {
    struct crew_worker *workers[WAITERS];
    struct loan loans[WAITERS];
    uint32_t order[WAITERS];
    bool has_expired[WAITERS];
    struct support_random random;
    struct null_driver *driver;
    struct lg_pool *pool;
};

/* All queue up in a random order; some give up again. */
static void queue_up(struct contest *contest)
{
    shuffle(&contest->random, contest->order, WAITERS);
    for (uint32_t i = 0; i < WAITERS; i++) {
        uint32_t who = contest->order[i];
        contest->has_expired[who] = support_below(&contest->random, 4) == 0;
        lg_deadline deadline = contest->has_expired[who] ? lg_after_ms(1) : LG_FOREVER;
        contest->loans[who] = loan_of(contest->driver, contest->pool, deadline);
        crew_run(contest->workers[who], loan_checkout, &contest->loans[who]);
        if (contest->has_expired[who])
            assert_status(crew_wait(contest->workers[who]), LG_ETIMEDOUT);
        else
            crew_wait_blocked_on(contest->workers[who], contest->pool);
    }
}

/* Each return serves exactly the first of those who still wait. */
static void serve_in_order(struct contest *contest, struct loan *mine, uint32_t capacity)
{
    struct lg_lease stolen;
    struct crew_worker *served = NULL;
    struct loan *next = mine;
    uint32_t left = waiting(contest->pool);
    for (uint32_t i = 0; i < WAITERS; i++) {
        uint32_t who = contest->order[i];
        if (contest->has_expired[who])
            continue;
        if (served)
            assert_status(crew_do(served, loan_checkin, next), LG_OK);
        else
            assert_status(loan_checkin(mine), LG_OK);
        assert_status(lg_pool_try_checkout(contest->pool, &stolen), LG_EBUSY);
        assert_status(crew_wait(contest->workers[who]), LG_OK);
        assert_int_equal(waiting(contest->pool), --left);
        served = contest->workers[who];
        next = &contest->loans[who];
    }
    if (served)
        assert_status(crew_do(served, loan_checkin, next), LG_OK);
    else
        assert_status(loan_checkin(mine), LG_OK);
    null_assert_counts(contest->driver, contest->pool, capacity - 1);
    assert_status(loan_checkout(mine), LG_OK);
}

static void waiters_are_served_in_the_order_they_came(void **state)
{
    (void)state;
    struct contest contest = {0};
    struct loan mine[3];
    for (uint32_t i = 0; i < WAITERS; i++)
        contest.workers[i] = crew_hire_numbered("waiter-", i);
    for (uint32_t capacity = 1; capacity <= 3; capacity++) {
        struct null_driver *driver = null_begin();
        contest.driver = driver;
        contest.pool = full_pool(driver, capacity, mine);
        support_random_begin(&contest.random, capacity);
        for (int round = 0; round < SUPPORT_ROUNDS(60); round++) {
            queue_up(&contest);
            serve_in_order(&contest, &mine[support_below(&contest.random, capacity)], capacity);
        }
        for (uint32_t i = 0; i < capacity; i++)
            assert_status(loan_checkin(&mine[i]), LG_OK);
        null_end(driver, contest.pool);
    }
}

/* Two come back before anybody runs: to the first two, whichever runs first. */
static void several_returns_go_to_the_first_several(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct loan mine[2], loans[3];
    struct crew_worker *workers[3];
    struct lg_pool *pool = full_pool(driver, 2, mine);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    assert_int_equal(waiting(pool), 3);
    assert_status(loan_checkin(&mine[0]), LG_OK);
    assert_status(loan_checkin(&mine[1]), LG_OK);
    assert_int_equal(waiting(pool), 1);
    assert_status(crew_wait(workers[0]), LG_OK);
    assert_status(crew_wait(workers[1]), LG_OK);
    assert_true(crew_is_blocked(workers[2]));
    assert_status(crew_do(workers[1], loan_checkin, &loans[1]), LG_OK);
    assert_status(crew_wait(workers[2]), LG_OK);
    assert_status(crew_do(workers[0], loan_checkin, &loans[0]), LG_OK);
    assert_status(crew_do(workers[2], loan_checkin, &loans[2]), LG_OK);
    null_end(driver, pool);
}

/* A wait that has ended, and whose waiter has not run yet. */
static void push_ended(struct lg_pool *pool, struct lg__wait *wait, enum lg__wait_state end)
{
    struct lg__want want = {
        .class = &lg__pool_class, .object = pool, .need = 1, .deadline = LG_FOREVER};
    static struct lg_lease lease;
    *wait = (struct lg__wait){.companion = &lease};
    lg__raw_lock(&pool->lock);
    lg__pool_set_flag(pool, LG__POOL_WAITERS);
    lg__wait_begin(wait, &want, LG__WAIT_WAITING);
    lg__queue_push(pool, &pool->queue, wait, lg__queue_ticket(pool));
    assert_true(lg__wait_end(wait, end, 0));
    lg__raw_unlock(&pool->lock);
}

static void a_giver_skips_those_who_have_gone(void **state)
{
    (void)state;
    static const enum lg__wait_state ends[] = {LG__WAIT_TIMED_OUT, LG__WAIT_VICTIM,
                                               LG__WAIT_REFUSED};
    struct null_driver *driver = null_begin();
    struct loan mine, loan;
    struct lg__wait gone[3], behind;
    struct lg_pool *pool = full_pool(driver, 1, &mine);
    struct crew_worker *worker = crew_hire("alive");
    for (int i = 0; i < 3; i++)
        push_ended(pool, &gone[i], ends[i]);
    loan = loan_of(driver, pool, LG_FOREVER);
    crew_run(worker, loan_checkout, &loan);
    crew_wait_blocked_on(worker, pool);
    push_ended(pool, &behind, LG__WAIT_TIMED_OUT);
    assert_int_equal(waiting(pool), 5);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(LG__WAIT_STATE(gone[i].word), ends[i]);
    assert_int_equal(waiting(pool), 1);
    assert_status(crew_do(worker, loan_checkin, &loan), LG_OK);
    assert_int_equal(waiting(pool), 0);
    null_end(driver, pool);
}

static void with_nobody_left_it_is_idle(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct loan mine;
    struct lg__wait gone[3];
    struct lg_pool *pool = full_pool(driver, 1, &mine);
    for (int i = 0; i < 3; i++)
        push_ended(pool, &gone[i], LG__WAIT_TIMED_OUT);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_int_equal(waiting(pool), 0);
    mine.deadline = LG_TRY;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* What they were handed fails its check: they keep their places, whoever comes back first. */
static void a_failed_check_costs_no_place(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct loan mine[2], loans[4];
    struct crew_worker *workers[4];
    options.capacity = 2;
    options.check_after_ms = NULL_CHECK_MS;
    struct lg_pool *pool = null_pool(driver, &options);
    for (unsigned i = 0; i < 2; i++) {
        mine[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&mine[i]), LG_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    null_age(pool);
    null_set(driver, fail_checks, 2);
    null_hold(&driver->checks); /* both are in their checks at once */
    null_hold(&driver->opens);
    assert_status(loan_checkin(&mine[0]), LG_OK);
    null_wait_at(&driver->checks, 1);
    assert_status(loan_checkin(&mine[1]), LG_OK);
    null_wait_at(&driver->checks, 2);
    assert_int_equal(waiting(pool), 2);
    null_let_all(&driver->checks);
    NULL_WAIT_UNTIL(waiting(pool) == 4);
    for (unsigned i = 0; i < 4; i++) {
        if (i < 2)
            null_let(&driver->opens, 1);
        else
            assert_status(crew_do(workers[i - 2], loan_checkin, &loans[i - 2]), LG_OK);
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_int_equal(waiting(pool), 3 - i);
    }
    assert_status(crew_do(workers[2], loan_checkin, &loans[2]), LG_OK);
    assert_status(crew_do(workers[3], loan_checkin, &loans[3]), LG_OK);
    null_end(driver, pool);
}

/* Nor does it cost one who did not have to queue at first: it came before those who queue now. */
static void a_failed_check_costs_no_place_outside_the_queue(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct crew_worker *workers[3];
    struct loan loans[3];
    options.capacity = 1;
    options.check_after_ms = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("user-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
    }
    assert_status(crew_do(workers[0], loan_checkout, &loans[0]), LG_OK);
    assert_status(crew_do(workers[0], loan_checkin, &loans[0]), LG_OK);
    null_grow_old();
    null_set(driver, fail_checks, 1);
    null_hold(&driver->checks);
    null_hold(&driver->opens);
    crew_run(workers[0], loan_checkout, &loans[0]);
    null_wait_at(&driver->checks, 1);
    for (unsigned i = 1; i < 3; i++) {
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
    null_let_all(&driver->checks);
    crew_wait_blocked_on(workers[0], pool);
    assert_int_equal(waiting(pool), 3);
    null_let_all(&driver->opens);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_int_equal(waiting(pool), 2 - i);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    null_end(driver, pool);
}

/* A return on the fast path makes the slot idle first, and looks for waiters then.  In between it is
 * not for newcomers.  The moment is made by hand: the flag goes and comes back around the return. */
static void what_is_idle_on_its_way_is_the_waiters(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.reset = NULL;
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *returner = crew_hire("returner"), *waiter = crew_hire("waiter");
    struct loan loan = loan_of(driver, pool, LG_FOREVER), its = loan, thief = loan;
    assert_status(crew_do(returner, loan_checkout, &loan), LG_OK);
    null_wait_no_openers(pool);
    crew_run(waiter, loan_checkout, &its);
    crew_wait_blocked_on(waiter, pool);
    lg__pool_clear_flag(pool, LG__POOL_WAITERS);
    assert_status(crew_do(returner, loan_checkin, &loan), LG_OK);
    assert_int_equal(lg__slot_state(lg__load_acquire(&pool->slots[0].word)), LG__SLOT_IDLE);
    lg__pool_set_flag(pool, LG__POOL_WAITERS);
    thief.deadline = LG_TRY;
    assert_status(loan_checkout(&thief), LG_EBUSY);
    lg__queue_serve_idle(pool);
    assert_status(crew_wait(waiter), LG_OK);
    assert_status(crew_do(waiter, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void counts_and_ages_of_the_queue_are_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct loan mine, loans[3];
    struct crew_worker *workers[3];
    struct lg_pool *pool = full_pool(driver, 1, &mine);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(driver, pool, i == 2 ? lg_after_ms(5) : LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        if (i < 2)
            crew_wait_blocked_on(workers[i], pool);
    }
    assert_status(crew_wait(workers[2]), LG_ETIMEDOUT);
    assert_int_equal(loans[2].report.waiting, 2);
    assert_true(loans[2].report.oldest_ms >= loans[2].report.waited_ms);
    assert_status(loan_checkin(&mine), LG_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(waiters_are_served_in_the_order_they_came),
        SUPPORT_TEST(several_returns_go_to_the_first_several),
        SUPPORT_TEST(a_giver_skips_those_who_have_gone),
        SUPPORT_TEST(with_nobody_left_it_is_idle),
        SUPPORT_TEST(a_failed_check_costs_no_place),
        SUPPORT_TEST(a_failed_check_costs_no_place_outside_the_queue),
        SUPPORT_TEST(what_is_idle_on_its_way_is_the_waiters),
        SUPPORT_TEST(counts_and_ages_of_the_queue_are_told),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
