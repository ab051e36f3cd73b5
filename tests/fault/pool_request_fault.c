/* Requests while something fails: the one that finds no memory or no thread says so and has asked for
 * nothing; all others have their outcome. */
#include "plat/seam.h"
#include "support/crew.h"
#include "support/outcome.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define BIT(point) (1u << LG__SEAM_##point)
#define ASKED      3

struct life {
    struct null_driver *driver;
    struct lg_pool *pool;
    int done;
    struct lg_request *requests[ASKED];
    struct outcome told;
};

/* One with a callback, one that is polled, one with an fd. */
static void ask(struct life *life)
{
    life->told = (struct outcome){0};
    for (int i = 0; i < ASKED; i++) {
        int status = lg_pool_request(life->pool, LG_FOREVER, i == 0 ? outcome_note : NULL,
                                     &life->told, i == 2 ? life->done : -1, &life->requests[i]);
        assert_true(status == LG_OK || status == LG_ENOMEM);
        assert_true((status == LG_OK) == (life->requests[i] != NULL));
    }
}

static void finish(struct life *life, int i)
{
    struct lg_lease lease;
    int status;
    if (i == 0) {
        outcome_wait(&life->told, 1);
        status = life->told.status;
        lease = life->told.lease;
    } else {
        status = outcome_poll(life->requests[i], &lease);
    }
    lg_request_end(life->requests[i]);
    assert_true(status == LG_OK || status == LG_EOPEN);
    if (status == LG_OK)
        assert_status(lg_pool_checkin(life->pool, &lease), LG_OK);
}

static void live(struct life *life)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_lease mine;
    options.capacity = 1;
    life->driver = null_begin();
    int status = lg_pool_create(&life->driver->table, life->driver, &options, &life->pool);
    if (status != LG_OK) {
        assert_status(status, LG_ENOMEM);
        null_free(life->driver);
        return;
    }
    status = lg_pool_checkout(life->pool, LG_FOREVER, &mine);
    assert_true(status == LG_OK || status == LG_EOPEN);
    ask(life);
    if (status == LG_OK)
        assert_status(lg_pool_checkin(life->pool, &mine), LG_OK);
    for (int i = 0; i < ASKED; i++)
        if (life->requests[i])
            finish(life, i);
    null_end(life->driver, life->pool);
}

static uint64_t fail_each(uint32_t mask, bool is_persistent)
{
    struct life life = {.done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    uint64_t n = 0;
    bool was_reached = true;
    live(&life); /* warm */
    while (was_reached) {
        lg__seam_arm(++n, mask, is_persistent);
        live(&life);
        was_reached = lg__seam_disarm();
    }
    close(life.done);
    return n;
}

static void fail_both_ways(uint32_t mask, uint64_t at_least)
{
    assert_true(fail_each(mask, false) > at_least);
    assert_true(fail_each(mask, true) > at_least);
}

static void out_of_memory(void **state)
{
    (void)state;
    fail_both_ways(BIT(ALLOC), 1 + ASKED); /* the pool, and they */
}

static void out_of_threads(void **state)
{
    (void)state;
    fail_both_ways(BIT(THREAD), 1);
}

static void sleeps_that_end_for_no_reason(void **state)
{
    (void)state;
    fail_both_ways(BIT(FUTEX_WAIT), 1);
}

static void fds_that_cannot_be_written(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    fail_both_ways(BIT(WRITE), 1);
    assert_int_equal(support_log_count("request-fd"), 1);
}

/* Nothing has been asked for, and the next one works. */
static void without_a_courier_nothing_is_asked_for(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct outcome outcome = {.must_end = true};
    struct lg_request *request;
    lg__seam_arm(1, BIT(THREAD), true);
    for (int i = 0; i < 3; i++) {
        assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, &outcome, -1, &request),
                      LG_ENOMEM);
        assert_null(request);
    }
    assert_true(lg__seam_disarm());
    assert_int_equal(null_get(driver, opens_begun), 0);
    assert_int_equal(outcome_calls(&outcome), 0);
    assert_status(lg_pool_request(pool, LG_FOREVER, outcome_note, &outcome, -1, &outcome.request),
                  LG_OK);
    outcome_wait(&outcome, 1);
    assert_status(outcome.status, LG_OK);
    assert_status(lg_pool_checkin(pool, &outcome.lease), LG_OK);
    null_end(driver, pool);
}

/* Each needs a place in the table of contexts. */
static void without_a_context_nothing_is_asked_for(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    static struct lg_request *requests[MANY];
    struct lg_lease mine;
    int count = 0, status = LG_OK;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &mine), LG_OK);
    lg__seam_arm(1, BIT(MAP), true);
    while (count < MANY && status == LG_OK) {
        status = lg_pool_request(pool, LG_FOREVER, NULL, NULL, -1, &requests[count]);
        count += status == LG_OK;
    }
    assert_true(lg__seam_disarm());
    assert_status(status, LG_ENOMEM);
    assert_true(count > 0);
    outcome_wait_queued(pool, (uint32_t)count);
    for (int i = 0; i < count; i++)
        lg_request_end(requests[i]);
    outcome_wait_queued(pool, 0);
    assert_status(lg_pool_checkin(pool, &mine), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(out_of_memory),
        SUPPORT_TEST(out_of_threads),
        SUPPORT_TEST(sleeps_that_end_for_no_reason),
        SUPPORT_TEST(fds_that_cannot_be_written),
        SUPPORT_TEST(without_a_courier_nothing_is_asked_for),
        SUPPORT_TEST(without_a_context_nothing_is_asked_for),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
