/* The exhaustion error: each cause made on purpose, and named right in every form of the report. */
#include "plat/clock.h"
#include "support/crew.h"
#include "support/locks.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <stdio.h>
#include <string.h>

static struct lg_pool *pool_of(struct null_driver *driver, uint32_t capacity, uint64_t leak_ms)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    options.leak_after_ms = leak_ms;
    return null_pool(driver, &options);
}

static const char *json_name(enum lg_exhaustion cause)
{
    static const char *const names[] = {"none", "deadlock",     "opens-fail",
                                        "leak", "slow-holders", "backlog"};
    return names[cause];
}

static bool has(const struct lg_report *report, enum lg_report_format format, const char *part)
{
    char text[8192];
    lg_report_write(report, format, text, sizeof text);
    return strstr(text, part) != NULL;
}

/* The cause is in the struct, and in words in all that is made of it. */
static bool is_told(const struct lg_report *report, enum lg_exhaustion cause)
{
    char key[64];
    snprintf(key, sizeof key, "\"cause\":\"%s\"", json_name(cause));
    return report->cause == cause && strcmp(report->noun, "pool") == 0 &&
           strcmp(report->name, "db") == 0 && has(report, LG_REPORT_JSON, key) &&
           (report->kind == LG_REPORT_DEADLOCK ||
            has(report, LG_REPORT_TEXT, lg_exhaustion_text(cause)));
}

static void each_cause_has_its_sentence(void **state)
{
    (void)state;
    for (int i = LG_EXHAUSTION_NONE; i <= LG_EXHAUSTION_OPENS_HANG; i++)
        for (int j = LG_EXHAUSTION_NONE; j < i; j++)
            assert_string_not_equal(lg_exhaustion_text(i), lg_exhaustion_text(j));
    assert_string_not_equal(lg_exhaustion_text(LG_EXHAUSTION_OPENS_HANG + 1), "");
}

static void slow_holders(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 2, 0);
    struct crew_worker *workers[2];
    struct loan loans[2];
    for (unsigned i = 0; i < 2; i++) {
        workers[i] = crew_hire_numbered("holder-", i);
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(crew_do(workers[i], loan_checkout, &loans[i]), LG_OK);
    }
    struct loan mine = loan_of(driver, pool, lg_after_ms(2));
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    const struct lg_report *report = &mine.report;
    assert_true(is_told(report, LG_EXHAUSTION_SLOW_HOLDERS));
    assert_int_equal(report->kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report->closer, "main");
    assert_int_equal(report->capacity, 2);
    assert_int_equal(report->held, 2);
    assert_int_equal(report->member_count, 3);
    for (uint32_t i = 1; i < 3; i++) {
        assert_non_null(strstr(report->members[i].context, "holder-"));
        assert_int_equal(report->members[i].hold_count, 1);
        assert_non_null(strstr(report->members[i].holds[0].place, "null_driver.c:"));
        assert_int_equal(report->members[i].need, 0); /* it runs */
    }
    assert_true(has(report, LG_REPORT_TEXT, "main waited "));
    assert_true(has(report, LG_REPORT_TEXT, "holder-0"));
    assert_true(has(report, LG_REPORT_TEXT, "runs"));
    for (unsigned i = 0; i < 2; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    null_end(driver, pool);
}

/* What a holder itself waits for is in the report: that is where to look next. */
static void a_timeout_carries_the_chain(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 0);
    struct lg_mutex mutex = LG_MUTEX_INIT("ledger");
    struct crew_worker *holder = crew_hire("holder"), *locker = crew_hire("locker");
    struct loan loan = loan_of(driver, pool, LG_FOREVER), mine = loan;
    assert_status(crew_do(locker, step_lock, &mutex), LG_OK);
    assert_status(crew_do(holder, loan_checkout, &loan), LG_OK);
    crew_run(holder, step_lock, &mutex);
    crew_wait_blocked_on(holder, &mutex);
    mine.deadline = lg_after_ms(1);
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_true(is_told(&mine.report, LG_EXHAUSTION_SLOW_HOLDERS));
    assert_string_equal(mine.report.members[1].context, "holder");
    assert_string_equal(mine.report.members[1].waits_noun, "mutex");
    assert_string_equal(mine.report.members[1].waits_name, "ledger");
    assert_true(has(&mine.report, LG_REPORT_TEXT, "waits for 1 of ledger"));
    assert_status(crew_do(locker, step_unlock, &mutex), LG_OK);
    assert_status(crew_wait(holder), LG_OK);
    assert_status(crew_do(holder, step_unlock, &mutex), LG_OK);
    assert_status(crew_do(holder, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
    lg_mutex_destroy(&mutex);
}

/* What comes back goes to others ahead; here on the slow path and on the fast.  It counts if it comes
 * in the second half of the wait; a machine that is slow to notice the end of the wait makes that the
 * first half, and then the test waits longer. */
static void backlog(void **state)
{
    (void)state;
    for (int has_reset = 0; has_reset < 2; has_reset++) {
        struct null_driver *driver = null_begin();
        if (!has_reset)
            driver->table.reset = NULL;
        struct lg_pool *pool = pool_of(driver, 1, 0);
        struct crew_worker *first = crew_hire("first"), *second = crew_hire("second");
        bool is_done = false;
        for (uint64_t ms = 8; !is_done && ms < 8000; ms *= 2) {
            struct loan mine = loan_of(driver, pool, LG_FOREVER), a = mine, b = mine;
            assert_status(loan_checkout(&mine), LG_OK);
            crew_run(first, loan_checkout, &a);
            crew_wait_blocked_on(first, pool);
            lg_deadline late = lg_after_ms(ms * 3 / 4);
            b.deadline = lg_after_ms(ms);
            crew_run(second, loan_checkout, &b);
            NULL_WAIT_UNTIL(lg__now_ns() >= late);
            assert_status(loan_checkin(&mine), LG_OK);
            assert_status(crew_wait(first), LG_OK);
            assert_status(crew_wait(second), LG_ETIMEDOUT);
            is_done = is_told(&b.report, LG_EXHAUSTION_BACKLOG);
            assert_status(crew_do(first, loan_checkin, &a), LG_OK);
        }
        assert_true(is_done);
        null_end(driver, pool);
    }
}

static void opens_fail(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 0);
    struct loan mine = loan_of(driver, pool, LG_FOREVER);
    null_set(driver, fail_opens, 1);
    assert_status(loan_checkout(&mine), LG_EOPEN);
    assert_true(is_told(&mine.report, LG_EXHAUSTION_OPENS_FAIL));
    assert_int_equal(mine.report.kind, LG_REPORT_OPEN);
    assert_true(has(&mine.report, LG_REPORT_TEXT, NULL_WORDS));
    assert_true(has(&mine.report, LG_REPORT_JSON, "\"kind\":\"open\""));
    assert_true(has(&mine.report, LG_REPORT_JSON, "\"detail\":\"" NULL_WORDS "\""));
    null_hold(&driver->opens); /* the next open hangs: its asker is told of the one that failed */
    mine.deadline = lg_after_ms(2);
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_true(is_told(&mine.report, LG_EXHAUSTION_OPENS_FAIL));
    assert_int_equal(mine.report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(mine.report.detail, NULL_WORDS);
    null_let_all(&driver->opens);
    mine.deadline = LG_FOREVER;
    assert_status(loan_checkout(&mine), LG_OK);
    struct crew_worker *late = crew_hire("late");
    struct loan its = loan_of(driver, pool, lg_after_ms(2));
    assert_status(crew_do(late, loan_checkout, &its), LG_ETIMEDOUT);
    assert_true(is_told(&its.report, LG_EXHAUSTION_SLOW_HOLDERS)); /* that is over */
    assert_string_equal(its.report.detail, "");
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* Opens failed, then one worked; the next hangs.  Whoever waits for that waits for those who hold. */
static void opens_that_failed_before_are_not_the_cause(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 2, 0);
    struct crew_worker *late = crew_hire("late");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    null_set(driver, fail_opens, 2);
    assert_status(loan_checkout(&mine), LG_EOPEN);
    assert_status(loan_checkout(&mine), LG_EOPEN);
    assert_status(loan_checkout(&mine), LG_OK);
    null_hold(&driver->opens);
    its.deadline = lg_after_ms(2);
    assert_status(crew_do(late, loan_checkout, &its), LG_ETIMEDOUT);
    assert_true(is_told(&its.report, LG_EXHAUSTION_SLOW_HOLDERS));
    assert_string_equal(its.report.detail, "");
    null_let_all(&driver->opens);
    assert_status(loan_checkin(&mine), LG_OK);
    null_wait_no_openers(pool);
    null_end(driver, pool);
}

static void leak_by_age(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 1);
    struct crew_worker *holder = crew_hire("hoarder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER), mine = loan;
    assert_status(crew_do(holder, loan_checkout, &loan), LG_OK);
    null_grow_old();
    mine.deadline = lg_after_ms(2);
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_true(is_told(&mine.report, LG_EXHAUSTION_LEAK));
    assert_non_null(strstr(mine.report.detail, "hoarder holds #0"));
    assert_non_null(strstr(mine.report.detail, "null_driver.c:"));
    assert_status(crew_do(holder, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void leak_by_the_end_of_its_holder(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 2, 0);
    struct crew_worker *holder = crew_hire("alive"), *mortal = crew_hire("mortal");
    struct loan loan = loan_of(driver, pool, LG_FOREVER), orphan = loan, mine = loan;
    support_log_begin(LG_LOG_WARN);
    assert_status(crew_do(holder, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(mortal, loan_checkout, &orphan), LG_OK);
    crew_leave(mortal);
    mine.deadline = lg_after_ms(2);
    assert_status(loan_checkout(&mine), LG_ETIMEDOUT);
    assert_true(is_told(&mine.report, LG_EXHAUSTION_LEAK));
    assert_non_null(strstr(mine.report.detail, "mortal (ended) did not return #1"));
    assert_true(has(&mine.report, LG_REPORT_JSON, "mortal (ended)"));
    assert_status(loan_checkin(&orphan), LG_OK);
    assert_status(crew_do(holder, loan_checkin, &loan), LG_OK);
    null_end(driver, pool);
}

static void deadlock(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 0);
    struct loan mine = loan_of(driver, pool, LG_FOREVER), second = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(loan_checkout(&second), LG_EDEADLK);
    assert_true(is_told(&second.report, LG_EXHAUSTION_DEADLOCK));
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* A report is of the last wait that failed, and stays until the next does. */
static void a_report_is_kept_until_the_next(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 0);
    struct loan mine = loan_of(driver, pool, LG_FOREVER), second = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(loan_checkout(&second), LG_EDEADLK);
    second.deadline = LG_TRY;
    assert_status(lg_pool_try_checkout(pool, &second.lease), LG_EBUSY); /* no wait, no report */
    assert_int_equal(lg_report_last()->kind, LG_REPORT_DEADLOCK);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

/* ---- With LIFEGUARD_DETECT=log and =off nobody is failed: the timeout says what it was. ---------- */

static int time_out_in_a_deadlock(void)
{
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, 0);
    struct loan mine = loan_of(driver, pool, LG_FOREVER), second = mine;
    second.deadline = lg_after_ms(2);
    SUPPORT_CHECK(loan_checkout(&mine) == LG_OK);
    SUPPORT_CHECK(loan_checkout(&second) == LG_ETIMEDOUT);
    SUPPORT_CHECK(is_told(&second.report, LG_EXHAUSTION_DEADLOCK));
    SUPPORT_CHECK(second.report.kind == LG_REPORT_TIMEOUT);
    SUPPORT_CHECK(loan_checkin(&mine) == LG_OK);
    null_end(driver, pool);
    return 0;
}

static void a_deadlock_that_is_only_logged_times_out(void **state)
{
    (void)state;
    char output[8192];
    assert_int_equal(support_spawn("deadlock", "LIFEGUARD_DETECT=log", output, sizeof output), 0);
    assert_non_null(strstr(output, "deadlock on pool \"db\""));
    assert_int_equal(support_spawn("deadlock", "LIFEGUARD_DETECT=off", output, sizeof output), 0);
    assert_null(strstr(output, "deadlock on pool"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(each_cause_has_its_sentence),
        SUPPORT_TEST(slow_holders),
        SUPPORT_TEST(a_timeout_carries_the_chain),
        SUPPORT_TEST(backlog),
        SUPPORT_TEST(opens_fail),
        SUPPORT_TEST(opens_that_failed_before_are_not_the_cause),
        SUPPORT_TEST(leak_by_age),
        SUPPORT_TEST(leak_by_the_end_of_its_holder),
        SUPPORT_TEST(deadlock),
        SUPPORT_TEST(a_report_is_kept_until_the_next),
        SUPPORT_TEST(a_deadlock_that_is_only_logged_times_out),
    };
    const struct support_case cases[] = {{"deadlock", time_out_in_a_deadlock}, {NULL, NULL}};
    return SUPPORT_RUN(argc, argv, tests, cases);
}
