/* Checkouts that are under way while the pool is suspended may still be lent something; those that begin
 * afterwards wait. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/hold.h"
#include "support/owners.h"

/* A pool of two; A has had slot 0 and turns to it first. */
struct scene {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *a, *b;
    struct loan its, other;
};

static struct scene begin_scene(uint32_t unbiased)
{
    struct scene scene = {.driver = bias_driver(), .a = crew_hire("A"), .b = crew_hire("B")};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.unbiased = unbiased;
    scene.pool = null_pool(scene.driver, &options);
    scene.its = scene.other = loan_of(scene.driver, scene.pool, LG_FOREVER);
    assert_status(crew_do(scene.a, loan_checkout, &scene.its), LG_OK);
    assert_status(crew_do(scene.a, loan_checkin, &scene.its), LG_OK);
    null_wait_no_openers(scene.pool);
    return scene;
}

/* Have A held at this place of a checkout.  One that finds the ticker asleep does not come there. */
static void hold_in_checkout(struct scene *s, enum lg__stop at)
{
    for (;;) {
        hold_next_at(at);
        crew_run(s->a, loan_checkout, &s->its);
        NULL_WAIT_UNTIL(is_held() || crew_is_idle(s->a));
        if (is_held())
            return;
        assert_status(crew_do(s->a, loan_checkin, &s->its), LG_OK);
    }
}

/* Whoever begins after the suspension has been made waits, and gets nothing by trying. */
static void assert_later_ones_wait(struct scene *s)
{
    struct lg_lease lease;
    crew_run(s->b, loan_checkout, &s->other);
    crew_wait_blocked_on(s->b, s->pool);
    assert_status(lg_pool_try_checkout(s->pool, &lease), LG_EBUSY);
    assert_true(crew_is_blocked(s->b));
}

static void end_scene(struct scene *s)
{
    assert_status(lg_pool_resume(s->pool), LG_OK);
    assert_status(crew_wait(s->b), LG_OK);
    assert_status(crew_do(s->b, loan_checkin, &s->other), LG_OK);
    assert_status(crew_wait(s->a), LG_OK);
    assert_status(crew_do(s->a, loan_checkin, &s->its), LG_OK);
    null_end(s->driver, s->pool);
}

/* It has found that nothing keeps it from its slot. */
static void one_that_was_about_to_take_is_lent_it(void **state)
{
    (void)state;
    struct scene s = begin_scene(1);
    hold_in_checkout(&s, LG__STOP_CHECKOUT);
    assert_status(lg_pool_suspend(s.pool), LG_OK);
    assert_later_ones_wait(&s);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_true(crew_is_blocked(s.b));
    end_scene(&s);
}

/* Suspend the pool while A, which has a bias, is held there. */
static void suspend_owner_at(struct scene *s, enum lg__stop at)
{
    struct streak streak = streak_of(s->driver, s->pool, 0);
    assert_status(crew_do(s->a, earn, &streak), LG_OK);
    hold_in_checkout(s, at);
    assert_status(lg_pool_suspend(s->pool), LG_OK);
    assert_int_equal(biased(s->pool), 0);
}

/* It has not said that the slot is lent: it waits with the others. */
static void an_owner_before_its_step_waits(void **state)
{
    (void)state;
    skip_without_barrier();
    struct scene s = begin_scene(0);
    suspend_owner_at(&s, LG__STOP_LEND);
    assert_later_ones_wait(&s);
    let_go();
    crew_wait_blocked_on(s.a, s.pool);
    end_scene(&s);
}

/* It has said so: that stands. */
static void an_owner_after_its_step_has_it(void **state)
{
    (void)state;
    skip_without_barrier();
    struct scene s = begin_scene(0);
    suspend_owner_at(&s, LG__STOP_LENT);
    assert_later_ones_wait(&s);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_true(crew_is_blocked(s.b));
    end_scene(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(one_that_was_about_to_take_is_lent_it),
        SUPPORT_TEST(an_owner_before_its_step_waits),
        SUPPORT_TEST(an_owner_after_its_step_has_it),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
