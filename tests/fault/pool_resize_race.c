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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(held_before_it_returns),
        SUPPORT_TEST(held_while_it_grows_again),
        SUPPORT_TEST(held_before_it_takes_its_hint),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
