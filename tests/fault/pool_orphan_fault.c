/* The end of a context that holds leases, while memory, keys and threads are out: what it held comes
 * back all the same, and its waiter is served. */
#include "graph/context.h"
#include "plat/seam.h"
#include "support/crew.h"
#include "support/faults.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#define CHUNK 256 /* contexts that are mapped at once */

/* Make contexts until one more needs a new mapping.  A new place is only taken when no old one is
 * free, so whoever gets a last one knows that all are full. */
static unsigned fill_chunks(struct lg_context **contexts)
{
    unsigned count = 0;
    uint32_t highest = 0;
    do {
        assert_true(count < 2 * CHUNK);
        contexts[count] = lg_context_detach();
        assert_non_null(contexts[count]);
        if (contexts[count]->slot > highest)
            highest = contexts[count]->slot;
    } while (contexts[count++]->slot != highest || highest % CHUNK != CHUNK - 1);
    return count;
}

static struct lg_mutex driver_mutex = LG_MUTEX_INIT("driver");
static int (*plain_reset)(void *arg, void *resource);

/* A driver that would use the library, and does without where it cannot. */
static int reset_with_a_lock(void *arg, void *resource)
{
    LG_WITH_MUTEX(&driver_mutex, LG_FOREVER, status) {
    }
    return status == LG_OK || status == LG_ENOMEM ? plain_reset(arg, resource) : LG_EDRIVER;
}

static void end_one(uint32_t mask, bool is_persistent)
{
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    plain_reset = driver->table.reset;
    driver->table.reset = reset_with_a_lock;
    options.capacity = 1;
    options.reclaim_orphans = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan first = loan_of(driver, pool, LG_FOREVER), second = first;
    first.is_untouched = 1;
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    crew_run(b, loan_checkout, &second);
    crew_wait_blocked_on(b, pool);
    null_wait_no_openers(pool);
    unsigned before = support_count_contexts();
    lg__seam_arm(1, mask, is_persistent);
    crew_leave(a);
    (void)lg__seam_disarm();
    assert_int_equal(support_count_contexts(), before - 1);
    assert_status(crew_wait(b), LG_OK);
    assert_status(crew_do(b, loan_checkin, &second), LG_OK);
    assert_status(loan_checkin(&first), LG_ESTALE);
    assert_int_equal(null_get(driver, closed), 0); /* it was reset, not given up */
    crew_leave(b);
    null_end(driver, pool);
}

static void an_end_needs_nothing(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    for (int is_persistent = 0; is_persistent < 2; is_persistent++) {
        end_one(FAULT_ALL & ~FAULT_BIT(FUTEX_WAIT), is_persistent);
        end_one(FAULT_BIT(KEY), is_persistent);
        end_one(FAULT_BIT(PEEK), is_persistent);
    }
    assert_int_equal(support_log_count("orphan-reclaimed"), 6);
}

/* No guest: the one place that is free is the ending context's own, and it comes free last. */
static void an_end_without_a_guest(void **state)
{
    (void)state;
    static struct lg_context *contexts[2 * CHUNK];
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    plain_reset = driver->table.reset;
    driver->table.reset = reset_with_a_lock;
    options.capacity = 1;
    options.reclaim_orphans = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    loan.is_untouched = 1;
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_wait_no_openers(pool);
    struct lg_context *mine = lg_context_detach();
    unsigned count = fill_chunks(contexts);
    lg__seam_arm(1, FAULT_BIT(MAP), true);
    crew_leave(a);
    bool was_refused = lg__seam_disarm();
    for (unsigned i = 0; i < count; i++)
        assert_status(lg_context_end(contexts[i]), LG_OK);
    assert_status(lg_context_resume(mine), LG_OK);
    assert_true(was_refused);
    assert_int_equal(support_log_count("orphan-reclaimed"), 1);
    assert_int_equal(null_get(driver, resets), 1);
    assert_int_equal(null_get(driver, closed), 0);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(an_end_needs_nothing),
        SUPPORT_TEST(an_end_without_a_guest),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
