/* growth: whether a checkout that finds nothing idle has something opened at once, or first waits for as
 * long as an open is known to take. */
#include "plat/clock.h"
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define LONG_NS (3600ull * 1000000000)

static struct lg_pool *growing_pool(struct null_driver *driver, enum lg_growth growth)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.growth = growth;
    return null_pool(driver, &options);
}

/* As if the opens so far had taken so long. */
static void set_open_time(struct lg_pool *pool, uint64_t ns)
{
    lg__raw_lock(&pool->lock);
    pool->open_mean_ns = ns;
    lg__raw_unlock(&pool->lock);
}

static void open_one(struct null_driver *driver, struct lg_pool *pool)
{
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    null_wait_no_openers(pool);
}

static void assert_patient(struct lg_pool *pool, uint32_t count)
{
    lg__raw_lock(&pool->lock);
    uint32_t patient = pool->patient;
    lg__raw_unlock(&pool->lock);
    assert_int_equal(patient, count);
}

/* H holds the one that is open; A asks. */
struct scene {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *holder, *asker;
    struct loan held, asked;
};

static void begin_scene(struct scene *scene, enum lg_growth growth, uint64_t open_ns)
{
    scene->driver = null_begin();
    scene->pool = growing_pool(scene->driver, growth);
    open_one(scene->driver, scene->pool);
    set_open_time(scene->pool, open_ns);
    scene->holder = crew_hire("holder");
    scene->asker = crew_hire("asker");
    scene->held = loan_of(scene->driver, scene->pool, LG_FOREVER);
    scene->asked = loan_of(scene->driver, scene->pool, LG_FOREVER);
    assert_status(crew_do(scene->holder, loan_checkout, &scene->held), LG_OK);
}

/* Both have one; give them back. */
static void end_scene(struct scene *scene)
{
    assert_status(crew_wait(scene->asker), LG_OK);
    assert_status(crew_do(scene->asker, loan_checkin, &scene->asked), LG_OK);
    if (scene->held.lease.pool)
        assert_status(crew_do(scene->holder, loan_checkin, &scene->held), LG_OK);
    assert_patient(scene->pool, 0);
    null_end(scene->driver, scene->pool);
}

static void eager_growth_opens_at_once(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_EAGER, LONG_NS);
    assert_status(crew_do(scene.asker, loan_checkout, &scene.asked), LG_OK);
    assert_int_equal(null_get(scene.driver, opened), 2);
    assert_status(crew_do(scene.asker, loan_checkin, &scene.asked), LG_OK);
    assert_status(crew_do(scene.holder, loan_checkin, &scene.held), LG_OK);
    null_end(scene.driver, scene.pool);
}

static void patient_growth_prefers_what_comes_back(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, LONG_NS);
    crew_run(scene.asker, loan_checkout, &scene.asked);
    crew_wait_blocked_on(scene.asker, scene.pool);
    assert_patient(scene.pool, 1);
    assert_status(crew_do(scene.holder, loan_checkin, &scene.held), LG_OK);
    assert_int_equal(null_get(scene.driver, opens_begun), 1);
    end_scene(&scene);
}

static void patience_ends_after_one_open(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, 1000000);
    crew_run(scene.asker, loan_checkout, &scene.asked);
    NULL_WAIT_UNTIL(null_get(scene.driver, opened) == 2);
    end_scene(&scene);
}

static void the_first_open_is_waited_for_by_nobody(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, 0);
    crew_run(scene.asker, loan_checkout, &scene.asked);
    NULL_WAIT_UNTIL(null_get(scene.driver, opened) == 2);
    end_scene(&scene);
}

/* The only holder is the asker itself. */
static void nobody_is_patient_with_itself(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = growing_pool(driver, LG_GROWTH_PATIENT);
    open_one(driver, pool);
    set_open_time(pool, LONG_NS);
    struct loan outer = loan_of(driver, pool, LG_FOREVER), inner = outer;
    assert_status(loan_checkout(&outer), LG_OK);
    assert_status(loan_checkout(&inner), LG_OK);
    assert_status(loan_checkin(&inner), LG_OK);
    assert_status(loan_checkin(&outer), LG_OK);
    null_end(driver, pool);
}

/* The holder waits for a second pool, which is the main thread's. */
static void nobody_is_patient_with_who_is_blocked(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, LONG_NS);
    struct null_driver *others = null_begin();
    struct lg_pool *other = null_pool_of(others, 1);
    struct loan mine = loan_of(others, other, LG_FOREVER), wanted = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    crew_run(scene.holder, loan_checkout, &wanted);
    crew_wait_blocked_on(scene.holder, other);
    crew_run(scene.asker, loan_checkout, &scene.asked);
    NULL_WAIT_UNTIL(null_get(scene.driver, opened) == 2);
    assert_status(crew_wait(scene.asker), LG_OK);
    assert_status(crew_do(scene.asker, loan_checkin, &scene.asked), LG_OK);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(scene.holder), LG_OK);
    assert_status(crew_do(scene.holder, loan_checkin, &wanted), LG_OK);
    null_end(others, other);
    assert_status(crew_do(scene.holder, loan_checkin, &scene.held), LG_OK);
    null_end(scene.driver, scene.pool);
}

static bool has_patient(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool has_any = pool->patient > 0;
    lg__raw_unlock(&pool->lock);
    return has_any;
}

/* The asker gets a resource of its own, and is not patient before. */
static void assert_impatient(struct scene *scene)
{
    crew_run(scene->asker, loan_checkout, &scene->asked);
    NULL_WAIT_UNTIL(null_get(scene->driver, opened) == 2 || has_patient(scene->pool));
    assert_patient(scene->pool, 0);
    assert_status(crew_wait(scene->asker), LG_OK);
    assert_status(crew_do(scene->asker, loan_checkin, &scene->asked), LG_OK);
}

/* The only holder has ended, and returns nothing. */
static void nobody_is_patient_with_who_is_gone(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, LONG_NS);
    crew_leave(scene.holder);
    assert_impatient(&scene);
    assert_status(loan_checkin(&scene.held), LG_OK);
    null_end(scene.driver, scene.pool);
}

/* Leases are known to be held for twice as long as an open takes. */
static void nobody_is_patient_with_who_is_slow(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, LONG_NS);
    for (int i = 0; i < 100; i++)
        lg_histogram_record(&scene.pool->stats.holds, 2 * LONG_NS);
    assert_impatient(&scene);
    assert_status(crew_do(scene.holder, loan_checkin, &scene.held), LG_OK);
    null_end(scene.driver, scene.pool);
}

/* Who gives up takes its patience along, and those after it are counted rightly. */
static void a_timeout_leaves_no_patience_behind(void **state)
{
    (void)state;
    struct scene scene;
    begin_scene(&scene, LG_GROWTH_PATIENT, LONG_NS);
    scene.asked.deadline = lg_after_ms(1);
    assert_status(crew_do(scene.asker, loan_checkout, &scene.asked), LG_ETIMEDOUT);
    assert_patient(scene.pool, 0);
    assert_int_equal(null_get(scene.driver, opens_begun), 1);
    assert_status(crew_do(scene.holder, loan_checkin, &scene.held), LG_OK);
    null_end(scene.driver, scene.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(eager_growth_opens_at_once),
        SUPPORT_TEST(patient_growth_prefers_what_comes_back),
        SUPPORT_TEST(patience_ends_after_one_open),
        SUPPORT_TEST(the_first_open_is_waited_for_by_nobody),
        SUPPORT_TEST(nobody_is_patient_with_itself),
        SUPPORT_TEST(nobody_is_patient_with_who_is_blocked),
        SUPPORT_TEST(nobody_is_patient_with_who_is_gone),
        SUPPORT_TEST(nobody_is_patient_with_who_is_slow),
        SUPPORT_TEST(a_timeout_leaves_no_patience_behind),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
