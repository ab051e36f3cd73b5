/* Fast paths that are held up between their look at a slot and their one step, while the pool shrinks. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/hold.h"
#include "support/owners.h"

/* A pool of two without a background, slot 0 lent to the caller, slot 1 to A. */
struct scene {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *a;
    struct lg_lease mine;
    struct loan its;
};

static void begin_scene(struct scene *scene)
{
    *scene = (struct scene){.driver = bias_driver(), .a = crew_hire("A")};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.unbiased = 1;
    options.overtaking_us = 0; /* else who waits may wait for one that is on its way */
    options.period_ms = LG_PERIOD_NEVER;
    scene->pool = null_pool(scene->driver, &options);
    assert_status(lg_pool_checkout(scene->pool, LG_FOREVER, &scene->mine), LG_OK);
    scene->its = loan_of(scene->driver, scene->pool, LG_FOREVER);
    assert_status(crew_do(scene->a, loan_checkout, &scene->its), LG_OK);
    assert_int_equal(scene->its.lease.slot, 1);
    null_wait_no_openers(scene->pool);
}

static void end_scene(struct scene *scene)
{
    assert_int_equal(null_get(scene->driver, opened), 2);
    assert_int_equal(null_get(scene->driver, closed), 1);
    null_end(scene->driver, scene->pool);
}

/* It has found the slot's generation to be the pool's.  Z3. */
static void held_before_it_returns(void **state)
{
    (void)state;
    struct scene s;
    begin_scene(&s);
    hold_next_at(LG__STOP_CHECKIN);
    crew_run(s.a, loan_checkin, &s.its);
    wait_held();
    assert_status(lg_pool_resize(s.pool, 0, 1), LG_OK);
    assert_int_equal(null_get(s.driver, closed), 0);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_int_equal(null_get(s.driver, closed), 1);
    assert_status(lg_pool_checkin(s.pool, &s.mine), LG_OK);
    end_scene(&s);
}

/* The same, and then the pool grows again: what is idle is of no generation. */
static void held_while_it_grows_again(void **state)
{
    (void)state;
    struct scene s;
    begin_scene(&s);
    hold_next_at(LG__STOP_CHECKIN);
    crew_run(s.a, loan_checkin, &s.its);
    wait_held();
    assert_status(lg_pool_resize(s.pool, 0, 1), LG_OK);
    assert_status(lg_pool_resize(s.pool, 0, 2), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_int_equal(null_get(s.driver, closed), 1);
    assert_status(lg_pool_checkin(s.pool, &s.mine), LG_OK);
    end_scene(&s);
}

/* Have A held in a fast checkout of slot 1, which is idle.  A checkout that finds the ticker asleep is no
 * fast one. */
static void hold_in_checkout(struct scene *s)
{
    assert_status(crew_do(s->a, loan_checkin, &s->its), LG_OK);
    for (;;) {
        hold_next_at(LG__STOP_CHECKOUT);
        crew_run(s->a, loan_checkout, &s->its);
        NULL_WAIT_UNTIL(is_held() || crew_is_idle(s->a));
        if (is_held())
            return;
        assert_status(crew_do(s->a, loan_checkin, &s->its), LG_OK);
    }
}

/* Its hint is of a slot that is closed meanwhile: it waits for the one that is left. */
static void held_before_it_takes_its_hint(void **state)
{
    (void)state;
    struct scene s;
    begin_scene(&s);
    hold_in_checkout(&s);
    assert_status(lg_pool_resize(s.pool, 0, 1), LG_OK);
    assert_int_equal(null_get(s.driver, closed), 1);
    let_go();
    crew_wait_blocked_on(s.a, s.pool);
    assert_status(lg_pool_checkin(s.pool, &s.mine), LG_OK);
    assert_status(crew_wait(s.a), LG_OK);
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    end_scene(&s);
}

enum { GROWN = 6 };

static int grow(void *arg)
{
    return lg_pool_resize(arg, 0, GROWN);
}

/* Whoever is to look again is woken without the lock: others go on meanwhile. */
static void held_before_it_wakes_who_waits(void **state)
{
    (void)state;
    struct scene s;
    begin_scene(&s);
    struct crew_worker *b = crew_hire("B"), *resizer = crew_hire("resizer");
    struct loan theirs = loan_of(s.driver, s.pool, LG_FOREVER);
    crew_run(b, loan_checkout, &theirs);
    crew_wait_blocked_on(b, s.pool);
    hold_next_at(LG__STOP_WAKE);
    crew_run(resizer, grow, s.pool);
    wait_held();
    bool is_free = lg__raw_try_lock(&s.pool->lock);
    if (is_free)
        lg__raw_unlock(&s.pool->lock);
    let_go();
    assert_true(is_free);
    assert_status(crew_wait(resizer), LG_OK);
    assert_status(crew_wait(b), LG_OK);
    assert_status(crew_do(b, loan_checkin, &theirs), LG_OK);
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    assert_status(lg_pool_checkin(s.pool, &s.mine), LG_OK);
    null_end(s.driver, s.pool);
}

/* A step: a wait that nobody can end but its deadline. */
static int want_most(void *pool)
{
    struct lg_lease leases[GROWN - 1];
    return lg_pool_checkout_many(pool, GROWN - 1, lg_after_ms(50), leases);
}

/* A signal wakes the second waiter before the resizer does.  It is served, and waits again; the third is
 * woken all the same. */
static void who_comes_back_unwoken_is_served(void **state)
{
    (void)state;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no handler runs inside a futex call here");
    enum { WAITERS = 3 };
    struct scene s;
    begin_scene(&s);
    struct crew_worker *workers[WAITERS], *resizer = crew_hire("resizer");
    struct loan loans[WAITERS];
    for (unsigned i = 0; i < WAITERS; i++) {
        workers[i] = crew_hire_numbered("waiter-", i);
        loans[i] = loan_of(s.driver, s.pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], s.pool);
    }
    hold_next_at(LG__STOP_WAKE);
    crew_run(resizer, grow, s.pool);
    wait_held(); /* about to wake the first */
    crew_stall(workers[1]);
    crew_go_on();
    assert_status(crew_wait(workers[1]), LG_OK);
    crew_run(workers[1], want_most, s.pool);
    crew_wait_blocked_on(workers[1], s.pool);
    let_go();
    assert_status(crew_wait(resizer), LG_OK);
    assert_status(crew_wait(workers[1]), LG_ETIMEDOUT);
    for (unsigned i = 0; i < WAITERS; i++) {
        if (i != 1)
            assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    assert_status(lg_pool_checkin(s.pool, &s.mine), LG_OK);
    null_end(s.driver, s.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(held_before_it_returns),
        SUPPORT_TEST(held_while_it_grows_again),
        SUPPORT_TEST(held_before_it_takes_its_hint),
        SUPPORT_TEST(held_before_it_wakes_who_waits),
        SUPPORT_TEST(who_comes_back_unwoken_is_served),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
