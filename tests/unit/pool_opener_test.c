/* Opens: on background threads, a few at a time, and never lost. */
#include "plat/clock.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <signal.h>
#include <string.h>

#define WORKERS 8

static struct lg_pool *pool_with(struct null_driver *driver, uint32_t capacity,
                                 uint32_t opening_max)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.opening_max = opening_max;
    return null_pool(driver, &options);
}

static uint32_t at(const struct null_gate *gate)
{
    return __atomic_load_n(&gate->waiting, __ATOMIC_SEQ_CST);
}

/* Hire workers that all want a resource while opens are held. */
static void hire_askers(struct null_driver *driver, struct lg_pool *pool, uint32_t count,
                        struct crew_worker **workers, struct loan *loans)
{
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = crew_hire_numbered("asker-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        crew_run(workers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(workers[i], pool);
    }
}

static void all_get_one_and_return_it(uint32_t count, struct crew_worker **workers,
                                      struct loan *loans)
{
    for (uint32_t i = 0; i < count; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    for (uint32_t i = 0; i < count; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
}

static void no_more_opens_at_a_time_than_allowed(void **state)
{
    (void)state;
    static const uint32_t limits[] = {0, 1, 3, 20};
    static const uint32_t expected[] = {2, 1, 3, WORKERS};
    struct crew_worker *workers[WORKERS];
    struct loan loans[WORKERS];
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = pool_with(driver, WORKERS, limits[i]);
        null_hold(&driver->opens);
        hire_askers(driver, pool, WORKERS, workers, loans);
        null_wait_at(&driver->opens, expected[i]);
        null_assert_counts(driver, pool, 0);
        for (uint32_t j = 1; j < WORKERS; j++) {
            null_let(&driver->opens, 1);
            null_wait_opened(driver, j);
            null_wait_at(&driver->opens, expected[i] < WORKERS - j ? expected[i] : WORKERS - j);
        }
        null_let_all(&driver->opens);
        all_get_one_and_return_it(WORKERS, workers, loans);
        assert_int_equal(null_get(driver, opening_most), expected[i]);
        assert_int_equal(null_get(driver, opened), WORKERS);
        null_end(driver, pool);
    }
}

static void no_more_is_opened_than_there_is_room_for(void **state)
{
    (void)state;
    struct crew_worker *workers[WORKERS];
    struct loan loans[WORKERS];
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, 20);
    null_hold(&driver->opens);
    hire_askers(driver, pool, WORKERS, workers, loans);
    null_wait_at(&driver->opens, 2);
    null_let_all(&driver->opens);
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_status(crew_wait(workers[i]), LG_OK);
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    }
    assert_int_equal(null_get(driver, opens_begun), 2);
    null_end(driver, pool);
}

static void no_more_is_opened_than_wanted(void **state)
{
    (void)state;
    struct crew_worker *workers[3];
    struct loan loans[3];
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 10, 10);
    null_hold(&driver->opens);
    hire_askers(driver, pool, 3, workers, loans);
    null_wait_at(&driver->opens, 3);
    null_let_all(&driver->opens);
    all_get_one_and_return_it(3, workers, loans);
    null_wait_no_openers(pool);
    assert_int_equal(null_get(driver, opens_begun), 3);
    null_end(driver, pool);
}

static void an_open_whose_asker_has_left_lands_in_the_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, 2);
    struct lg_lease lease;
    null_leave_open(driver, pool);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_EBUSY);
    null_let_all(&driver->opens);
    null_wait_idle(pool, 1);
    assert_status(lg_pool_try_checkout(pool, &lease), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_int_equal(null_get(driver, opens_begun), 1);
    null_end(driver, pool);
}

/* The asker takes what came back sooner; its open is for whoever comes next. */
static void a_return_may_overtake_an_open(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, 2);
    struct crew_worker *workers[2];
    struct loan mine = loan_of(driver, pool, LG_FOREVER), loans[2];
    assert_status(loan_checkout(&mine), LG_OK);
    null_hold(&driver->opens);
    hire_askers(driver, pool, 2, workers, loans);
    null_wait_at(&driver->opens, 1);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(workers[0]), LG_OK);
    assert_true(crew_is_blocked(workers[1]));
    null_let_all(&driver->opens);
    assert_status(crew_wait(workers[1]), LG_OK);
    assert_int_equal(null_get(driver, opened), 2);
    all_get_one_and_return_it(2, workers, loans);
    null_end(driver, pool);
}

static void assert_open_report(const struct lg_report *report, const char *words)
{
    char text[2048];
    assert_int_equal(report->kind, LG_REPORT_OPEN);
    assert_int_equal(report->cause, LG_EXHAUSTION_OPENS_FAIL);
    assert_string_equal(report->detail, words);
    lg_report_write(report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, words));
}

static void a_failed_open_wakes_exactly_the_first(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 3, 1);
    struct crew_worker *workers[3];
    struct loan loans[3];
    null_hold(&driver->opens);
    hire_askers(driver, pool, 3, workers, loans);
    null_set(driver, fail_opens, 1);
    null_wait_at(&driver->opens, 1);
    null_let(&driver->opens, 1);
    assert_status(crew_wait(workers[0]), LG_EOPEN);
    assert_null(loans[0].lease.resource);
    assert_open_report(&loans[0].report, NULL_WORDS);
    null_wait_at(&driver->opens, 1); /* the next one is on its way */
    assert_true(crew_is_blocked(workers[1]));
    assert_true(crew_is_blocked(workers[2]));
    null_let(&driver->opens, 1);
    assert_status(crew_wait(workers[1]), LG_OK);
    assert_true(crew_is_blocked(workers[2]));
    null_set(driver, is_silent, 1);
    null_set(driver, fail_opens, 1);
    null_let(&driver->opens, 1);
    assert_status(crew_wait(workers[2]), LG_EOPEN);
    assert_open_report(&loans[2].report, lg_status_text(LG_EDRIVER));
    null_let_all(&driver->opens);
    assert_status(crew_do(workers[0], loan_checkout, &loans[0]), LG_OK);
    assert_int_equal(null_get(driver, open_failures), 2);
    assert_status(crew_do(workers[0], loan_checkin, &loans[0]), LG_OK);
    assert_status(crew_do(workers[1], loan_checkin, &loans[1]), LG_OK);
    null_end(driver, pool);
}

static struct {
    uint32_t is_in, may_leave; /* atomic */
} handler;

static void stay(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&handler.is_in, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&handler.may_leave, __ATOMIC_SEQ_CST))
        null_yield();
}

/* Whoever was failed has the words, also if the next open has worked before it runs again.  A signal
 * handler keeps it from running. */
static void the_words_outlive_a_good_open(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("this sanitizer delays signals until the library has returned");
    struct sigaction action = {.sa_handler = stay}, before;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, 1);
    struct crew_worker *workers[2];
    struct loan loans[2];
    sigaction(SIGUSR1, &action, &before);
    handler.is_in = handler.may_leave = 0;
    null_hold(&driver->opens);
    hire_askers(driver, pool, 2, workers, loans);
    null_wait_at(&driver->opens, 1);
    pthread_kill(crew_thread(workers[0]), SIGUSR1);
    NULL_WAIT_UNTIL(__atomic_load_n(&handler.is_in, __ATOMIC_SEQ_CST));
    null_set(driver, fail_opens, 1);
    null_let_all(&driver->opens);
    assert_status(crew_wait(workers[1]), LG_OK);
    __atomic_store_n(&handler.may_leave, 1, __ATOMIC_SEQ_CST);
    assert_status(crew_wait(workers[0]), LG_EOPEN);
    assert_open_report(&loans[0].report, NULL_WORDS);
    assert_status(crew_do(workers[1], loan_checkin, &loans[1]), LG_OK);
    sigaction(SIGUSR1, &before, NULL);
    null_end(driver, pool);
}

static void opens_that_fail_and_then_work(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 1, 2);
    struct lg_lease lease;
    null_set(driver, fail_opens, 5);
    for (int i = 0; i < 5; i++) {
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_EOPEN);
        assert_open_report(lg_report_last(), NULL_WORDS);
    }
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    assert_int_equal(null_get(driver, opens_begun), 6);
    null_end(driver, pool);
}

static int open_nothing(void *arg, const struct lg_open *open, void **resource)
{
    struct null_driver *driver = arg;
    memset(open->error, 'x', open->error_size); /* and does not end its words */
    *resource = NULL;
    __atomic_add_fetch(&driver->counts.open_failures, 1, __ATOMIC_SEQ_CST);
    return LG_OK;
}

static void a_driver_that_says_ok_and_gives_nothing_has_failed(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.open = open_nothing;
    struct lg_pool *pool = pool_with(driver, 1, 1);
    struct lg_lease lease;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_EOPEN);
    assert_true(strspn(lg_report_last()->detail, "x") > 80);
    assert_null(lease.resource);
    null_end(driver, pool);
}

static void one_open_that_hangs_does_not_stop_the_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 3, 2);
    struct crew_worker *workers[4];
    struct loan loans[4];
    null_hold(&driver->opens);
    hire_askers(driver, pool, 4, workers, loans);
    null_wait_at(&driver->opens, 2);
    for (uint32_t i = 0; i < 3; i++) {
        if (i < 2)
            null_let(&driver->opens, 1); /* the other hangs */
        else
            assert_status(crew_do(workers[0], loan_checkin, &loans[0]), LG_OK);
        assert_status(crew_wait(workers[i]), LG_OK);
    }
    assert_status(crew_do(workers[1], loan_checkin, &loans[1]), LG_OK);
    assert_status(crew_wait(workers[3]), LG_OK);
    assert_int_equal(at(&driver->opens), 1);
    assert_status(crew_do(workers[2], loan_checkin, &loans[2]), LG_OK);
    assert_status(crew_do(workers[3], loan_checkin, &loans[3]), LG_OK);
    null_let_all(&driver->opens);
    null_end(driver, pool);
}

/* One that ignores its deadline: its slot is lost, and who waits is told so. */
static void an_open_that_never_returns_is_the_cause(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.open_timeout_ms = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *worker = crew_hire("asker");
    struct loan its = loan_of(driver, pool, LG_FOREVER), mine = its;
    null_hold(&driver->opens);
    crew_run(worker, loan_checkout, &its);
    null_wait_at(&driver->opens, 1);
    mine.deadline = lg_after_ms(5); /* so the open is late by then */
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_int_equal(mine.report.cause, LG_EXHAUSTION_OPENS_HANG);
    assert_non_null(strstr(mine.report.detail, "its deadline was after 1 ms"));
    null_let_all(&driver->opens);
    assert_status(crew_wait(worker), LG_OK); /* it did return, and is as good as any */
    assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
    null_end(driver, pool);
}

static void an_open_has_open_timeout_ms(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_lease lease;
    options.open_timeout_ms = 5000;
    struct lg_pool *pool = null_pool(driver, &options);
    lg_deadline before = lg_after_ms(5000);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    lg_deadline after = lg_after_ms(5000);
    lg_deadline told = __atomic_load_n(&driver->open_deadline, __ATOMIC_SEQ_CST);
    assert_in_range(told, before, after);
    assert_int_equal(lg_cancel_is_requested(NULL), 0);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

/* While an open is possible the pool can go on by itself: no deadlock (rule 5). */
static void a_pool_that_may_grow_is_no_deadlock(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 2, 1);
    struct crew_worker *worker = crew_hire("nester");
    struct loan outer = loan_of(driver, pool, LG_FOREVER), inner = outer;
    assert_status(crew_do(worker, loan_checkout, &outer), LG_OK);
    null_hold(&driver->opens);
    crew_run(worker, loan_checkout, &inner);
    crew_wait_blocked_on(worker, pool);
    null_wait_at(&driver->opens, 1);
    null_let_all(&driver->opens);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkout,
                          &(struct loan){.driver = driver, .pool = pool, .deadline = LG_FOREVER}),
                  LG_EDEADLK);
    assert_status(crew_do(worker, loan_checkin, &inner), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &outer), LG_OK);
    null_end(driver, pool);
}

static void openers_go_when_nobody_wants(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_with(driver, 4, 4);
    struct lg_lease lease;
    for (int i = 0; i < 3; i++) {
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
        assert_status(lg_pool_discard(pool, &lease), LG_OK);
        null_wait_no_openers(pool);
    }
    assert_int_equal(null_get(driver, opens_begun), 3);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(no_more_opens_at_a_time_than_allowed),
        SUPPORT_TEST(no_more_is_opened_than_there_is_room_for),
        SUPPORT_TEST(no_more_is_opened_than_wanted),
        SUPPORT_TEST(an_open_whose_asker_has_left_lands_in_the_pool),
        SUPPORT_TEST(a_return_may_overtake_an_open),
        SUPPORT_TEST(a_failed_open_wakes_exactly_the_first),
        SUPPORT_TEST(the_words_outlive_a_good_open),
        SUPPORT_TEST(opens_that_fail_and_then_work),
        SUPPORT_TEST(a_driver_that_says_ok_and_gives_nothing_has_failed),
        SUPPORT_TEST(one_open_that_hangs_does_not_stop_the_pool),
        SUPPORT_TEST(an_open_that_never_returns_is_the_cause),
        SUPPORT_TEST(an_open_has_open_timeout_ms),
        SUPPORT_TEST(a_pool_that_may_grow_is_no_deadlock),
        SUPPORT_TEST(openers_go_when_nobody_wants),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
