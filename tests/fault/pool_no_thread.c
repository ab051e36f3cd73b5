/* No thread can be started for an open: somebody is told, nobody hangs, and it works again later. */
#include "plat/seam.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <string.h>

#define THREAD (1u << LG__SEAM_THREAD)

static struct lg_pool *pool_of(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.opening_max = 2;
    return null_pool(driver, &options);
}

static void the_asker_is_told_why(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 2);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    lg__seam_arm(1, THREAD, true);
    for (int i = 0; i < 3; i++) {
        assert_status(loan_checkout(&loan), LG_EOPEN);
        assert_int_equal(loan.report.kind, LG_REPORT_OPEN);
        assert_int_equal(loan.report.cause, LG_EXHAUSTION_OPENS_FAIL);
        assert_non_null(strstr(loan.report.detail, "thread"));
    }
    assert_true(lg__seam_disarm());
    assert_int_equal(null_get(driver, opens_begun), 0);
    assert_status(loan_checkout(&loan), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

static void each_of_several_askers_is_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 3);
    struct crew_worker *workers[3];
    struct loan loans[3];
    for (unsigned i = 0; i < 3; i++)
        workers[i] = crew_hire_numbered("asker-", i);
    lg__seam_arm(1, THREAD, true);
    for (unsigned i = 0; i < 3; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_status(crew_wait(workers[i]), LG_EOPEN);
    assert_true(lg__seam_disarm());
    null_end(driver, pool);
}

/* One opener runs, in an open that hangs; a second cannot be started.  Whoever asks for it still has
 * its deadline, and the opener that runs looks after the others. */
static void one_opener_is_enough(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 3);
    struct crew_worker *workers[3];
    struct loan loans[3];
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("asker-", i);
        loans[i] = loan_of(driver, pool, i == 1 ? lg_after_ms(5) : LG_FOREVER);
    }
    null_hold(&driver->opens);
    crew_run(workers[0], loan_checkout, &loans[0]);
    null_wait_at(&driver->opens, 1);
    lg__seam_arm(1, THREAD, true);
    assert_status(crew_do(workers[1], loan_checkout, &loans[1]), LG_ETIMEDOUT);
    crew_run(workers[2], loan_checkout, &loans[2]);
    crew_wait_blocked_on(workers[2], pool);
    null_let_all(&driver->opens);
    assert_status(crew_wait(workers[0]), LG_OK);
    assert_status(crew_wait(workers[2]), LG_OK);
    assert_true(lg__seam_disarm());
    assert_int_equal(null_get(driver, opening_most), 1);
    assert_status(crew_do(workers[0], loan_checkin, &loans[0]), LG_OK);
    assert_status(crew_do(workers[2], loan_checkin, &loans[2]), LG_OK);
    null_end(driver, pool);
}

/* The resource that a waiter waited for is closed, and none can be opened in its place. */
static void a_waiter_is_told_when_its_resource_is_gone(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    null_wait_no_openers(pool);
    crew_run(worker, loan_checkout, &its);
    crew_wait_blocked_on(worker, pool);
    lg__seam_arm(1, THREAD, true);
    assert_status(loan_discard(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_EOPEN);
    assert_true(lg__seam_disarm());
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(the_asker_is_told_why),
        SUPPORT_TEST(each_of_several_askers_is_told),
        SUPPORT_TEST(one_opener_is_enough),
        SUPPORT_TEST(a_waiter_is_told_when_its_resource_is_gone),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
