/* An owner of a biased slot that is held up between two steps, while others take the bias back. */
#include "graph/context.h"
#include "support/hold.h"
#include "support/owners.h"

/* A pool of one, biased to A, and somebody else. */
struct scene {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *a, *b;
    struct loan its, other;
};

static struct scene begin_scene(void)
{
    skip_without_barrier();
    struct scene scene = {.driver = bias_driver()};
    scene.pool = bias_pool(scene.driver, 1);
    scene.a = hire_owner("A", scene.driver, scene.pool);
    scene.b = crew_hire("B");
    scene.its = scene.other = loan_of(scene.driver, scene.pool, LG_FOREVER);
    return scene;
}

static void end_scene(struct scene *scene)
{
    assert_int_equal(lg__held_count(crew_context(scene->a)), 0);
    assert_int_equal(lg__held_count(crew_context(scene->b)), 0);
    null_end(scene->driver, scene->pool);
}

/* A begins this step, and stays there. */
static void hold_up(struct scene *scene, enum lg__stop at, crew_step *step)
{
    hold_next_at(at);
    crew_run(scene->a, step, &scene->its);
    wait_held();
}

/* Seen idle: the other has it, and the owner, which stores too late, waits. */
static void held_before_it_lends(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    hold_up(&s, LG__STOP_LEND, loan_checkout);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    let_go();
    crew_wait_blocked_on(s.a, s.pool);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    assert_status(crew_wait(s.a), LG_OK);
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    end_scene(&s);
}

/* The same, and the other gives its lease to the owner: that is no answer to the owner's checkout. */
static void held_and_given_the_slot(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    struct loan mine = loan_of(s.driver, s.pool, LG_FOREVER);
    hold_up(&s, LG__STOP_LEND, loan_checkout);
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(lg_lease_give(&mine.lease, crew_context(s.a)), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_EDEADLK); /* it has the only one */
    assert_status(crew_do(s.a, loan_checkin, &mine), LG_OK);
    end_scene(&s);
}

/* Another has earned the bias meanwhile, and has the slot: what the former owner stores is seen by nobody. */
static void held_while_another_earns(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    struct streak streak = streak_of(s.driver, s.pool, 0);
    struct loan mine = loan_of(s.driver, s.pool, LG_TRY);
    hold_up(&s, LG__STOP_LEND, loan_checkout);
    assert_status(crew_do(s.b, earn, &streak), LG_OK);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    assert_int_equal(biased_to(s.pool, crew_context(s.b)), 1);
    let_go();
    crew_wait_blocked_on(s.a, s.pool);
    assert_status(loan_checkout(&mine), LG_EBUSY);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    assert_status(crew_wait(s.a), LG_OK);
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    assert_status(crew_do(s.b, earn, &streak), LG_OK);
    end_scene(&s);
}

/* Seen lent: the checkout has succeeded, whatever the owner sees. */
static void held_after_it_has_lent(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    hold_up(&s, LG__STOP_LENT, loan_checkout);
    crew_run(s.b, loan_checkout, &s.other);
    crew_wait_blocked_on(s.b, s.pool);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_int_equal(lg__held_count(crew_context(s.a)), 1);
    assert_status(crew_do(s.a, loan_checkin, &s.its), LG_OK);
    assert_status(crew_wait(s.b), LG_OK);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

static void held_before_it_returns(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    hold_up(&s, LG__STOP_RETURN, loan_checkin);
    crew_run(s.b, loan_checkout, &s.other);
    crew_wait_blocked_on(s.b, s.pool);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_status(crew_wait(s.b), LG_OK);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

static void held_after_it_has_returned(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    hold_up(&s, LG__STOP_RETURNED, loan_checkin);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

/* Somebody else returns a copy of the lease that the owner is about to return: one of the two does. */
static void held_while_another_returns_it(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    struct lg_lease copy = s.its.lease;
    support_log_begin(LG_LOG_WARN);
    hold_up(&s, LG__STOP_RETURN, loan_checkin);
    assert_status(lg_pool_checkin(s.pool, &copy), LG_OK);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_ESTALE);
    assert_int_equal(stats_of(s.pool).lent_now, 1);
    assert_int_equal(lg__held_count(crew_context(s.b)), 1);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

/* The same, and the next who has it has it by a bias. */
static void held_while_another_lends_what_was_returned(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    struct streak streak = streak_of(s.driver, s.pool, 0);
    struct loan mine = loan_of(s.driver, s.pool, LG_TRY);
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    struct lg_lease copy = s.its.lease;
    support_log_begin(LG_LOG_WARN);
    hold_up(&s, LG__STOP_RETURN, loan_checkin);
    assert_status(lg_pool_checkin(s.pool, &copy), LG_OK);
    assert_status(crew_do(s.b, earn, &streak), LG_OK);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_ESTALE);
    assert_int_equal(biased_to(s.pool, crew_context(s.b)), 1);
    assert_int_equal(stats_of(s.pool).lent_now, 1);
    assert_status(loan_checkout(&mine), LG_EBUSY);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

/* The owner was first, and another has had the bias and lost it, idle, before it looks. */
static void held_while_another_has_had_the_bias(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    struct streak streak = streak_of(s.driver, s.pool, 0);
    struct loan mine = loan_of(s.driver, s.pool, LG_TRY);
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    hold_up(&s, LG__STOP_RETURNED, loan_checkin);
    assert_status(crew_do(s.b, earn, &streak), LG_OK);
    assert_int_equal(biased_to(s.pool, crew_context(s.b)), 1);
    assert_status(loan_checkout(&mine), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_int_equal(stats_of(s.pool).lent_now, 1);
    assert_status(loan_checkin(&mine), LG_OK);
    end_scene(&s);
}

/* The owner was first, and the resource that it has returned is gone and replaced before it looks. */
static void held_while_another_comes_too_late(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    struct lg_lease copy = s.its.lease;
    hold_up(&s, LG__STOP_RETURNED, loan_checkin);
    assert_status(lg_pool_checkin(s.pool, &copy), LG_ESTALE);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    assert_status(lg_pool_evict(s.pool, lg_lease_id(&s.other.lease), 0), LG_OK);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    let_go();
    assert_status(crew_wait(s.a), LG_OK);
    assert_int_equal(stats_of(s.pool).lent_now, 1);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    end_scene(&s);
}

/* The bias goes when its owner's id has gone, but its end has seen to nothing yet: the lease counts for it all the
 * same. */
static void taken_back_from_one_that_ends(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.reclaim_orphans = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = hire_owner("A", driver, pool);
    struct loan its = loan_of(driver, pool, LG_FOREVER), mine = loan_of(driver, pool, LG_TRY);
    its.is_untouched = 1;
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    null_wait_no_openers(pool);
    hold_next_at(LG__STOP_END);
    crew_send_home(a);
    wait_held();
    assert_status(loan_checkout(&mine), LG_EBUSY);
    assert_int_equal(biased(pool), 0);
    let_go();
    crew_leave(a);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    null_end(driver, pool);
}

/* The end of a context gives its biases up: its hints are the next context's. */
static void left_by_one_that_ends(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    crew_send_home(s.a);
    crew_leave(s.a);
    assert_int_equal(biased(s.pool), 0);
    assert_int_equal(s.pool->biased_count, 0);
    assert_status(crew_do(s.b, loan_checkout, &s.other), LG_OK);
    assert_status(crew_do(s.b, loan_checkin, &s.other), LG_OK);
    null_end(s.driver, s.pool);
}

/* The same with a lease that is out: nobody has it, and it is not lent again. */
static void left_lent_by_one_that_ends(void **state)
{
    (void)state;
    struct scene s = begin_scene();
    s.its.is_untouched = 1;
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(s.a, loan_checkout, &s.its), LG_OK);
    crew_send_home(s.a);
    crew_leave(s.a);
    assert_int_equal(biased(s.pool), 0);
    assert_int_equal(stats_of(s.pool).lent_now, 1);
    struct loan mine = loan_of(s.driver, s.pool, LG_TRY);
    assert_status(loan_checkout(&mine), LG_EBUSY);
    assert_status(lg_pool_checkin(s.pool, &s.its.lease), LG_OK); /* anyone may */
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(s.driver, s.pool);
}

/* ---- Everywhere, at random ---------------------------------------------------------------------- */

static void yield_now_and_then(enum lg__stop at)
{
    static _Thread_local uint32_t random = 1;
    random = random * 1664525 + 1013904223 + (uint32_t)at;
    if (random >> 30 == 0)
        null_yield();
}

static void held_up_everywhere(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct crew_worker *workers[THREADS];
    struct streak streaks[THREADS];
    lg__store_release(&lg__seam_stop, yield_now_and_then);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = crew_hire_numbered("T", i);
        streaks[i] = streak_of(driver, pool, SUPPORT_ROUNDS(20000));
        crew_run(workers[i], take_in_turn, &streaks[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        while (!crew_is_idle(workers[i])) {
            lg__raw_lock(&pool->lock);
            if (pool->bias_after != LG__BIAS_NEVER)
                lg__store_relaxed(&pool->bias_after, 1u);
            lg__raw_unlock(&pool->lock);
            null_yield();
        }
    for (unsigned i = 0; i < THREADS; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    lg__store_release(&lg__seam_stop, NULL);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(held_before_it_lends),
        SUPPORT_TEST(held_and_given_the_slot),
        SUPPORT_TEST(held_while_another_earns),
        SUPPORT_TEST(held_after_it_has_lent),
        SUPPORT_TEST(held_before_it_returns),
        SUPPORT_TEST(held_after_it_has_returned),
        SUPPORT_TEST(held_while_another_returns_it),
        SUPPORT_TEST(held_while_another_lends_what_was_returned),
        SUPPORT_TEST(held_while_another_has_had_the_bias),
        SUPPORT_TEST(held_while_another_comes_too_late),
        SUPPORT_TEST(taken_back_from_one_that_ends),
        SUPPORT_TEST(left_by_one_that_ends),
        SUPPORT_TEST(left_lent_by_one_that_ends),
        SUPPORT_TEST(held_up_everywhere),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
