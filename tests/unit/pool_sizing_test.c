/* Sizing: the minimum from what contexts do, the one warning, the advice. */
#include "plat/memory.h"
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <string.h>

#define CODE      "pool-too-small"
#define DEPTH_MAX 8

/* A pool and workers that nest in it. */
struct scene {
    struct null_driver *driver;
    struct lg_pool *pool;
};

static struct scene scene_of(uint32_t capacity, uint32_t declared_threads)
{
    struct scene scene = {.driver = null_begin()};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    options.declared_threads = declared_threads;
    scene.pool = null_pool(scene.driver, &options);
    support_log_begin(LG_LOG_WARN);
    return scene;
}

static void end_scene(struct scene *scene)
{
    null_end(scene->driver, scene->pool);
}

static struct lg_pool_advice advice_of(struct lg_pool *pool)
{
    struct lg_pool_advice advice = LG_POOL_ADVICE_INIT;
    assert_status(lg_pool_advice(pool, &advice), LG_OK);
    return advice;
}

/* Leases taken one inside the other, and given back. */
struct nest {
    struct lg_pool *pool;
    uint32_t depth;
};

/* Returns LG_OK, or why it went no deeper. */
static int step_nest(void *arg)
{
    const struct nest *nest = arg;
    struct lg_lease leases[DEPTH_MAX];
    uint32_t held = 0;
    int status = LG_OK;
    while (held < nest->depth && status == LG_OK) {
        status = lg_pool_checkout(nest->pool, LG_FOREVER, &leases[held]);
        held += status == LG_OK;
    }
    while (held > 0)
        if (lg_pool_checkin(nest->pool, &leases[--held]) != LG_OK)
            return LG_EINVAL;
    return status;
}

static void nest_by(struct crew_worker *worker, struct lg_pool *pool, uint32_t depth)
{
    struct nest nest = {pool, depth};
    assert_status(crew_do(worker, step_nest, &nest), LG_OK);
}

/* ---- What is observed ---------------------------------------------------------------------------- */

static void without_nesting_one_is_enough(void **state)
{
    (void)state;
    struct scene scene = scene_of(3, 0);
    struct crew_worker *workers[3];
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        for (int j = 0; j < 50; j++)
            nest_by(workers[i], scene.pool, 1);
    }
    struct lg_pool_advice advice = advice_of(scene.pool);
    assert_int_equal(advice.contexts, 3);
    assert_int_equal(advice.nesting, 0);
    assert_int_equal(advice.deepest, 1);
    assert_int_equal(advice.minimum, 1);
    assert_int_equal(support_log_count(CODE), 0);
    end_scene(&scene);
}

/* 1 + (4 - 1) + (2 - 1) + 0. */
static void the_minimum_is_the_sum_of_what_each_does(void **state)
{
    (void)state;
    struct scene scene = scene_of(5, 0);
    static const uint32_t depths[] = {4, 2, 1};
    struct crew_worker *workers[3];
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        for (int j = 0; j < 30; j++)
            nest_by(workers[i], scene.pool, depths[i]);
    }
    struct lg_pool_advice advice = advice_of(scene.pool);
    assert_int_equal(advice.contexts, 3);
    assert_int_equal(advice.nesting, 2);
    assert_int_equal(advice.deepest, 4);
    assert_int_equal(advice.minimum, 5);
    assert_int_equal(support_log_count(CODE), 0);
    end_scene(&scene);
}

/* However its slots are biased, and in whatever order it gives back. */
static void the_deepest_is_found_in_any_order(void **state)
{
    (void)state;
    struct support_random random;
    support_random_begin(&random, 1);
    for (int round = 0; round < 30; round++) {
        struct scene scene = scene_of(DEPTH_MAX, 0);
        struct lg_lease leases[DEPTH_MAX];
        uint32_t held = 0, deepest = 0;
        for (int i = 0; i < 400; i++) {
            bool must_take = held == 0 || (held < DEPTH_MAX && support_below(&random, 5) < 2);
            if (must_take) {
                assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &leases[held++]), LG_OK);
                deepest = held > deepest ? held : deepest;
                assert_int_equal(advice_of(scene.pool).deepest, deepest);
                continue;
            }
            uint32_t which = support_below(&random, held);
            assert_status(lg_pool_checkin(scene.pool, &leases[which]), LG_OK);
            leases[which] = leases[--held];
        }
        while (held > 0)
            assert_status(lg_pool_checkin(scene.pool, &leases[--held]), LG_OK);
        end_scene(&scene);
    }
}

static void who_has_ended_does_not_count(void **state)
{
    (void)state;
    struct scene scene = scene_of(9, 0);
    struct crew_worker *one = crew_hire("one"), *two = crew_hire("two");
    nest_by(one, scene.pool, 3);
    nest_by(two, scene.pool, 2);
    assert_int_equal(advice_of(scene.pool).minimum, 4);
    crew_leave(one);
    struct lg_pool_advice advice = advice_of(scene.pool);
    assert_int_equal(advice.minimum, 2);
    assert_int_equal(advice.contexts, 1);
    assert_int_equal(advice.deepest, 3); /* ever */
    end_scene(&scene);
}

/* Who would not wait is stuck nowhere; what it has got counts for the next. */
static void a_try_does_not_count(void **state)
{
    (void)state;
    struct scene scene = scene_of(3, 0);
    struct lg_lease outer, inner, third;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &outer), LG_OK);
    assert_status(lg_pool_try_checkout(scene.pool, &inner), LG_EBUSY); /* opens nothing */
    assert_status(lg_pool_checkin(scene.pool, &outer), LG_OK);
    assert_int_equal(advice_of(scene.pool).minimum, 1);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &outer), LG_OK);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &inner), LG_OK);
    assert_int_equal(advice_of(scene.pool).minimum, 2);
    assert_status(lg_pool_checkin(scene.pool, &inner), LG_OK);
    assert_status(lg_pool_try_checkout(scene.pool, &inner), LG_OK);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &third), LG_OK);
    assert_int_equal(advice_of(scene.pool).minimum, 3);
    assert_status(lg_pool_checkin(scene.pool, &inner), LG_OK);
    assert_status(lg_pool_checkin(scene.pool, &third), LG_OK);
    assert_status(lg_pool_checkin(scene.pool, &outer), LG_OK);
    end_scene(&scene);
}

static void detached_leases_do_not_count(void **state)
{
    (void)state;
    struct scene scene = scene_of(3, 0);
    struct lg_lease first, second;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &first), LG_OK);
    assert_status(lg_lease_detach(&first), LG_OK);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &second), LG_OK);
    assert_int_equal(advice_of(scene.pool).minimum, 1);
    assert_status(lg_lease_adopt(&first), LG_OK);
    struct lg_lease third;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &third), LG_OK);
    assert_int_equal(advice_of(scene.pool).deepest, 3);
    assert_status(lg_pool_checkin(scene.pool, &third), LG_OK);
    assert_status(lg_pool_checkin(scene.pool, &second), LG_OK);
    assert_status(lg_pool_checkin(scene.pool, &first), LG_OK);
    end_scene(&scene);
}

static void a_pool_of_detached_leases_has_no_nesting(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 4;
    options.detached = 1;
    options.declared_threads = 8;
    struct lg_pool *pool = null_pool(driver, &options);
    support_log_begin(LG_LOG_WARN);
    struct crew_worker *loop = crew_hire("loop");
    nest_by(loop, pool, 4);
    struct lg_pool_advice advice = advice_of(pool);
    assert_int_equal(advice.minimum, 1);
    assert_int_equal(advice.contexts, 1);
    assert_int_equal(support_log_count(CODE), 0);
    null_end(driver, pool);
}

/* Leases of another pool are another matter. */
static void pools_are_counted_apart(void **state)
{
    (void)state;
    enum { POOLS = 3 * LG__NESTINGS };
    struct scene scenes[POOLS];
    struct lg_lease leases[POOLS];
    struct crew_worker *nester = crew_hire("nester");
    for (uint32_t i = 0; i < POOLS; i++)
        scenes[i] = scene_of(2, 0);
    nest_by(nester, scenes[0].pool, 2);
    struct lg_lease outer;
    assert_status(lg_pool_checkout(scenes[0].pool, LG_FOREVER, &outer), LG_OK);
    for (uint32_t i = 1; i < POOLS; i++)
        assert_status(lg_pool_checkout(scenes[i].pool, LG_FOREVER, &leases[i]), LG_OK);
    for (uint32_t i = 1; i < POOLS; i++) {
        assert_int_equal(advice_of(scenes[i].pool).minimum, 1);
        assert_status(lg_pool_checkin(scenes[i].pool, &leases[i]), LG_OK);
    }
    assert_status(lg_pool_checkin(scenes[0].pool, &outer), LG_OK);
    for (uint32_t i = 1; i < POOLS; i++) /* none of them pushes out what nests */
        nest_by(nester, scenes[i].pool, 1);
    assert_int_equal(advice_of(scenes[0].pool).minimum, 2);
    for (uint32_t i = 0; i < POOLS; i++)
        end_scene(&scenes[i]);
}

/* Once leases wander, nobody knows who holds what. */
static void where_leases_wander_nothing_is_observed(void **state)
{
    (void)state;
    struct scene scene = scene_of(3, 8);
    struct crew_worker *other = crew_hire("other");
    struct loan loan = loan_of(scene.driver, scene.pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(crew_do(other, loan_checkin, &loan), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 1);
    nest_by(other, scene.pool, 3);
    assert_int_equal(advice_of(scene.pool).minimum, 1);
    assert_int_equal(support_log_count(CODE), 0);
    end_scene(&scene);
}

/* ---- The warning --------------------------------------------------------------------------------- */

static void it_is_said_once_when_it_is_known(void **state)
{
    (void)state;
    struct scene scene = scene_of(3, 0);
    struct crew_worker *workers[4];
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        for (int j = 0; j < 3; j++)
            nest_by(workers[i], scene.pool, 2);
        assert_int_equal(support_log_count(CODE), i >= 2);
    }
    assert_string_equal(support_log_text(CODE),
                        "pool \"db\" of 3 is too small: 3 contexts nest checkouts up to 2 deep: "
                        "with fewer than 4 a deadlock is possible");
    end_scene(&scene);
}

/* One thread in a test run is enough, if the program says how many there will be. */
static void it_is_said_for_the_declared_threads(void **state)
{
    (void)state;
    struct scene scene = scene_of(4, 8);
    struct crew_worker *worker = crew_hire("worker");
    nest_by(worker, scene.pool, 1);
    assert_int_equal(support_log_count(CODE), 0);
    assert_int_equal(advice_of(scene.pool).minimum, 1);
    nest_by(worker, scene.pool, 2);
    assert_int_equal(support_log_count(CODE), 1);
    assert_string_equal(support_log_text(CODE),
                        "pool \"db\" of 4 is too small: 8 declared threads nest checkouts up to 2 "
                        "deep: with fewer than 9 a deadlock is possible");
    nest_by(worker, scene.pool, 3);
    assert_int_equal(support_log_count(CODE), 1);
    assert_int_equal(advice_of(scene.pool).minimum, 17);
    end_scene(&scene);
}

static void a_large_enough_pool_is_not_spoken_of(void **state)
{
    (void)state;
    struct scene scene = scene_of(9, 8);
    struct crew_worker *workers[8];
    for (uint32_t i = 0; i < 8; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        nest_by(workers[i], scene.pool, 2);
    }
    assert_int_equal(advice_of(scene.pool).minimum, 9);
    assert_int_equal(support_log_count(CODE), 0);
    end_scene(&scene);
}

/* Threads that come and go leave nothing behind that would add up. */
static void many_short_lives_are_no_crowd(void **state)
{
    (void)state;
    struct scene scene = scene_of(4, 0);
    for (int i = 0; i < 60; i++) {
        struct crew_worker *one = crew_hire("one"), *two = crew_hire("two");
        nest_by(one, scene.pool, 2);
        nest_by(two, scene.pool, 2 + (uint32_t)i % 2);
        crew_leave(one);
        crew_leave(two);
    }
    assert_int_equal(support_log_count(CODE), 0);
    assert_int_equal(advice_of(scene.pool).minimum, 1);
    assert_true(scene.pool->sizing.bound <= 5);
    end_scene(&scene);
}

/* Whoever got the report knows. */
static void a_deadlock_has_said_it(void **state)
{
    (void)state;
    struct scene scene = scene_of(1, 0);
    struct lg_lease outer, inner;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &outer), LG_OK);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &inner), LG_EDEADLK);
    assert_int_equal(lg_report_last()->minimum, 2);
    assert_status(lg_pool_checkin(scene.pool, &outer), LG_OK);
    assert_int_equal(support_log_count(CODE), 0);
    assert_int_equal(advice_of(scene.pool).minimum, 2);
    end_scene(&scene);
}

static void a_report_counts_the_declared_threads(void **state)
{
    (void)state;
    struct scene scene = scene_of(1, 6);
    struct lg_lease outer, inner;
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &outer), LG_OK);
    assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &inner), LG_EDEADLK);
    assert_int_equal(lg_report_last()->minimum, 7);
    assert_int_equal(lg_report_last()->declared, 6);
    assert_status(lg_pool_checkin(scene.pool, &outer), LG_OK);
    end_scene(&scene);
}

/* Some grow at the same time, and one of them counts for all.  With one resource less than the minimum
 * they may run into the deadlock itself; then that has said it, or the warning was faster. */
static void all_who_grow_at_once_are_seen(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    struct crew_worker *workers[THREADS];
    for (int round = 0; round < SUPPORT_ROUNDS(100); round++) {
        uint32_t capacity = THREADS + (uint32_t)round % 2;
        struct scene scene = scene_of(capacity, 0);
        struct nest nest = {scene.pool, 2};
        unsigned said = support_log_count(CODE), deadlocks = 0;
        for (uint32_t i = 0; i < THREADS; i++)
            workers[i] = crew_hire_numbered("worker-", i);
        for (uint32_t i = 0; i < THREADS; i++)
            crew_run(workers[i], step_nest, &nest);
        for (uint32_t i = 0; i < THREADS; i++)
            deadlocks += crew_wait(workers[i]) == LG_EDEADLK;
        said = support_log_count(CODE) - said;
        assert_int_equal(advice_of(scene.pool).minimum, THREADS + 1);
        if (capacity > THREADS)
            assert_int_equal(said + deadlocks, 0);
        else if (deadlocks == 0)
            assert_int_equal(said, 1);
        else
            assert_true(said <= 1);
        end_scene(&scene);
        for (uint32_t i = 0; i < THREADS; i++)
            crew_leave(workers[i]);
    }
}

static void observing_allocates_nothing(void **state)
{
    (void)state;
    struct scene scene = scene_of(4, 0);
    struct lg_lease leases[4];
    for (int i = 0; i < 4; i++)
        assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &leases[i]), LG_OK);
    uint64_t allocated = lg__alloc_count();
    for (int i = 3; i >= 0; i--)
        assert_status(lg_pool_checkin(scene.pool, &leases[i]), LG_OK);
    for (int i = 0; i < 4; i++)
        assert_status(lg_pool_checkout(scene.pool, LG_FOREVER, &leases[i]), LG_OK);
    (void)advice_of(scene.pool);
    assert_int_equal(lg__alloc_count(), allocated);
    for (int i = 0; i < 4; i++)
        assert_status(lg_pool_checkin(scene.pool, &leases[i]), LG_OK);
    end_scene(&scene);
}

/* ---- The advice ---------------------------------------------------------------------------------- */

static void assert_advice(struct lg_pool *pool, uint32_t suggested, const char *reason)
{
    struct lg_pool_advice advice = advice_of(pool);
    assert_int_equal(advice.suggested, suggested);
    if (!strstr(advice.reason, reason))
        fail_msg("\"%s\" does not say \"%s\"", advice.reason, reason);
}

static void the_advice_is_for_what_was_seen(void **state)
{
    (void)state;
    struct scene scene = scene_of(4, 0);
    struct crew_worker *workers[4];
    struct loan loans[4];
    assert_advice(scene.pool, 4, "nothing has been lent");
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        loans[i] = loan_of(scene.driver, scene.pool, LG_FOREVER);
        assert_status(crew_do(workers[i], loan_checkout, &loans[i]), LG_OK);
        if (i < 3)
            assert_advice(scene.pool, i + 1, "more were never in use");
        else
            assert_advice(scene.pool, 4, "nobody lacked one");
    }
    struct loan mine = loan_of(scene.driver, scene.pool, lg_after_ms(1));
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_advice(scene.pool, 5, "that many were wanted");
    assert_int_equal(advice_of(scene.pool).short_most, 1);
    for (uint32_t i = 0; i < 4; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    for (uint32_t i = 0; i < 4; i++)
        nest_by(workers[i], scene.pool, 3);
    assert_advice(scene.pool, 9, "4 contexts nest checkouts up to 3 deep: with fewer than 9");
    end_scene(&scene);
}

static void a_large_pool_may_shrink_to_its_minimum(void **state)
{
    (void)state;
    struct scene scene = scene_of(40, 8);
    struct crew_worker *worker = crew_hire("worker");
    nest_by(worker, scene.pool, 2);
    assert_advice(scene.pool, 9, "8 declared threads nest checkouts up to 2 deep");
    assert_int_equal(support_log_count(CODE), 0);
    end_scene(&scene);
}

static void the_advice_has_a_size(void **state)
{
    (void)state;
    struct scene scene = scene_of(4, 3);
    struct lg_pool_advice advice;
    memset(&advice, 0x55, sizeof advice);
    advice.size = offsetof(struct lg_pool_advice, contexts);
    assert_status(lg_pool_advice(scene.pool, &advice), LG_OK);
    assert_int_equal(advice.declared_threads, 3);
    assert_int_equal(advice.contexts, 0x55555555);
    advice.size = 4;
    assert_status(lg_pool_advice(scene.pool, &advice), LG_EINVAL);
    assert_status(lg_pool_advice(scene.pool, NULL), LG_EINVAL);
    assert_status(lg_pool_advice(NULL, &advice), LG_EINVAL);
    end_scene(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(without_nesting_one_is_enough),
        SUPPORT_TEST(the_minimum_is_the_sum_of_what_each_does),
        SUPPORT_TEST(the_deepest_is_found_in_any_order),
        SUPPORT_TEST(who_has_ended_does_not_count),
        SUPPORT_TEST(a_try_does_not_count),
        SUPPORT_TEST(detached_leases_do_not_count),
        SUPPORT_TEST(a_pool_of_detached_leases_has_no_nesting),
        SUPPORT_TEST(pools_are_counted_apart),
        SUPPORT_TEST(where_leases_wander_nothing_is_observed),
        SUPPORT_TEST(it_is_said_once_when_it_is_known),
        SUPPORT_TEST(it_is_said_for_the_declared_threads),
        SUPPORT_TEST(a_large_enough_pool_is_not_spoken_of),
        SUPPORT_TEST(many_short_lives_are_no_crowd),
        SUPPORT_TEST(a_deadlock_has_said_it),
        SUPPORT_TEST(a_report_counts_the_declared_threads),
        SUPPORT_TEST(all_who_grow_at_once_are_seen),
        SUPPORT_TEST(observing_allocates_nothing),
        SUPPORT_TEST(the_advice_is_for_what_was_seen),
        SUPPORT_TEST(a_large_pool_may_shrink_to_its_minimum),
        SUPPORT_TEST(the_advice_has_a_size),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
