/* A fast checkin that is held up between its look at a slot and its one step, while its resource is
 * evicted: nobody may be left waiting for what it makes idle. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/hold.h"
#include "support/owners.h"

/* A pool of one whose background thread has nothing to do, and so is not there. */
static void what_it_returns_is_replaced(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    struct crew_worker *a = crew_hire("A");
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.unbiased = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan its = loan_of(driver, pool, LG_FOREVER), mine = its;
    assert_status(crew_do(a, loan_checkout, &its), LG_OK);
    null_wait_no_openers(pool);
    hold_next_at(LG__STOP_CHECKIN);
    crew_run(a, loan_checkin, &its);
    wait_held();
    assert_status(lg_pool_evict(pool, 1, 0), LG_OK);
    let_go();
    assert_status(crew_wait(a), LG_OK);
    assert_status(loan_checkout(&mine), LG_OK);
    assert_int_equal(lg_lease_id(&mine.lease), 2);
    assert_status(loan_checkin(&mine), LG_OK);
    null_wait_closed(driver, 1);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(what_it_returns_is_replaced),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
