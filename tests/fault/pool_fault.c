/* The N-th call that may fail does fail, for every N that a life of a pool gets to, once and from then
 * on: every call returns what its header says, nothing leaks, nothing hangs. */
#include "plat/seam.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if SUPPORT_TSAN
/* Each process of this sanitizer sleeps for a second at its end. */
const char *__tsan_default_options(void) __attribute__((visibility("default")));
const char *__tsan_default_options(void)
{
    return "atexit_sleep_ms=0";
}
#endif

#define WORKERS 3

static bool is_one_of(int status, const int *allowed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (status == allowed[i])
            return true;
    return false;
}

#define assert_one_of(status, ...)                                                                 \
    do {                                                                                           \
        const int allowed_[] = {__VA_ARGS__};                                                      \
        int status_ = (status);                                                                    \
        if (!is_one_of(status_, allowed_, sizeof allowed_ / sizeof allowed_[0]))                   \
            fail_msg("%s is not allowed here", lg_status_name(status_));                           \
    } while (0)

/* ---- Warm: the library is in use, and something fails ------------------------------------------- */

/* A life of a pool.  Whoever holds a lease has lease.resource. */
struct life {
    struct crew_worker *workers[WORKERS]; /* of all lives */
    enum lg_nested nested;
    struct null_driver *driver;
    struct lg_pool *pool;
    struct loan mine, more, its[WORKERS], further;
};

static void wait_settled(struct crew_worker *worker)
{
    NULL_WAIT_UNTIL(crew_is_idle(worker) || crew_is_blocked(worker));
}

static void everybody_asks(struct life *life)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        life->its[i] = loan_of(life->driver, life->pool, LG_FOREVER);
        crew_run(life->workers[i], loan_checkout, &life->its[i]);
        wait_settled(life->workers[i]);
    }
}

/* Until all have returned what they got, or were told that there is nothing. */
static void everybody_returns(struct life *life)
{
    bool is_done[WORKERS] = {false};
    for (uint32_t left = WORKERS; left > 0;)
        for (uint32_t i = 0; i < WORKERS; i++) {
            if (is_done[i] || !crew_is_idle(life->workers[i]))
                continue;
            int status = crew_wait(life->workers[i]);
            assert_one_of(status, LG_OK, LG_EOPEN);
            if (status == LG_OK)
                assert_status(crew_do(life->workers[i], loan_checkin, &life->its[i]), LG_OK);
            is_done[i] = true;
            left--;
        }
}

static void return_mine(struct loan *loan)
{
    if (loan->lease.resource)
        assert_status(loan_checkin(loan), LG_OK);
}

static void use(struct life *life)
{
    life->mine = loan_of(life->driver, life->pool, LG_FOREVER);
    assert_one_of(loan_checkout(&life->mine), LG_OK, LG_EOPEN);
    everybody_asks(life);
    life->more = loan_of(life->driver, life->pool, lg_after_ms(1));
    life->more.is_untouched = life->nested == LG_NESTED_SHARE;
    assert_one_of(loan_checkout(&life->more), LG_OK, LG_EOPEN, LG_ETIMEDOUT);
    return_mine(&life->more);
    return_mine(&life->mine);
    everybody_returns(life);
}

/* A context that shares what it holds, or holds all there is and wants more. */
static void share(struct life *life)
{
    struct loan loans[3];
    for (int i = 0; i < 3; i++) {
        loans[i] = loan_of(life->driver, life->pool, LG_FOREVER);
        loans[i].is_untouched = 1;
        assert_one_of(loan_checkout(&loans[i]), LG_OK, LG_EOPEN);
    }
    for (int i = 0; i < 3; i++)
        return_mine(&loans[i]);
}

static void close_a_ring(struct life *life)
{
    struct loan loans[3];
    for (int i = 0; i < 3; i++) {
        loans[i] = loan_of(life->driver, life->pool, LG_FOREVER);
        int status = loan_checkout(&loans[i]);
        if (i < 2)
            assert_one_of(status, LG_OK, LG_EOPEN);
        else if (loans[0].lease.resource && loans[1].lease.resource)
            assert_status(status, LG_EDEADLK);
        else
            assert_one_of(status, LG_OK, LG_EOPEN);
    }
    for (int i = 0; i < 3; i++)
        return_mine(&loans[i]);
}

/* What is beyond the capacity goes, with a thread or without. */
static void resize_it(struct life *life)
{
    use(life);
    life->mine = loan_of(life->driver, life->pool, LG_FOREVER);
    assert_one_of(loan_checkout(&life->mine), LG_OK, LG_EOPEN);
    assert_status(lg_pool_resize(life->pool, 0, 1), LG_OK);
    return_mine(&life->mine);
    NULL_WAIT_UNTIL(null_alive(life->driver) <= 1);
    assert_one_of(loan_checkout(&life->mine), LG_OK, LG_EOPEN);
    return_mine(&life->mine);
    assert_status(lg_pool_resize(life->pool, 1, 2), LG_OK);
}

static void close_it(struct life *life)
{
    struct lg_lease_info infos[2];
    size_t count = 9;
    life->mine = loan_of(life->driver, life->pool, LG_FOREVER);
    assert_one_of(loan_checkout(&life->mine), LG_OK, LG_EOPEN);
    int status = lg_pool_close(life->pool, LG_TRY, infos, 2, &count);
    assert_one_of(status, LG_OK, LG_ETIMEDOUT, LG_EDEADLK);
    assert_int_equal(count, life->mine.lease.resource != NULL);
    return_mine(&life->mine);
    assert_status(lg_pool_close(life->pool, LG_FOREVER, NULL, 0, &count), LG_OK);
    assert_int_equal(count, 0);
}

static void live(struct life *life)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.nested = life->nested;
    if (life->nested == LG_NESTED_SHARE)
        options.leak_after_ms = 1000 * 60 * 60; /* with a keeper and its records */
    life->driver = null_begin();
    int status = lg_pool_create(&life->driver->table, life->driver, &options, &life->pool);
    assert_one_of(status, LG_OK, LG_ENOMEM);
    if (status == LG_ENOMEM) {
        assert_null(life->pool);
        null_free(life->driver);
        return;
    }
    use(life);
    if (life->nested == LG_NESTED_SHARE)
        share(life);
    else
        close_a_ring(life);
    assert_status(lg_pool_clear(life->pool, 0), LG_OK);
    resize_it(life);
    use(life);
    close_it(life);
    null_end(life->driver, life->pool);
}

/* Returns the N that was not reached. */
static uint64_t fail_each(enum lg__seam point, bool is_persistent, enum lg_nested policy)
{
    struct life life = {.nested = policy};
    uint64_t n = 0;
    bool was_reached = true;
    for (uint32_t i = 0; i < WORKERS; i++)
        life.workers[i] = crew_hire_numbered("worker-", i);
    support_log_begin(LG_LOG_WARN); /* that it is too small when it is small */
    live(&life);                    /* warm */
    while (was_reached) {
        lg__seam_arm(++n, 1u << point, is_persistent);
        live(&life);
        was_reached = lg__seam_disarm();
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        crew_leave(life.workers[i]);
    return n;
}

static void fail_both_ways(enum lg__seam point, uint64_t at_least)
{
    assert_true(fail_each(point, false, LG_NESTED_DETECT) > at_least);
    assert_true(fail_each(point, true, LG_NESTED_DETECT) > at_least);
    assert_true(fail_each(point, false, LG_NESTED_SHARE) > at_least);
    assert_true(fail_each(point, true, LG_NESTED_SHARE) > at_least);
}

static void out_of_memory(void **state)
{
    (void)state;
    fail_both_ways(LG__SEAM_ALLOC, 1); /* the pool */
    fail_both_ways(LG__SEAM_MAP, 1);   /* its slots */
}

static void out_of_threads(void **state)
{
    (void)state;
    fail_both_ways(LG__SEAM_THREAD, 1); /* how many are started is the scheduler's choice */
}

static void sleeps_that_end_for_no_reason(void **state)
{
    (void)state;
    fail_both_ways(LG__SEAM_FUTEX_WAIT, 1); /* as above */
}

static void places_that_cannot_be_read(void **state)
{
    (void)state;
    fail_both_ways(LG__SEAM_PEEK, 2);
}

/* ---- Cold: the first uses of the library fail, each in a process of its own ---------------------- */

static int use_cold(struct lg_pool *pool, struct null_driver *driver)
{
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    int status = lg_pool_checkout(pool, LG_FOREVER, &loan.lease);
    if (status == LG_EOPEN || status == LG_ENOMEM) {
        SUPPORT_CHECK(loan.lease.resource == NULL);
        SUPPORT_CHECK(lg_report_last() != NULL);
        return 0;
    }
    SUPPORT_CHECK(status == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(pool, &loan.lease) == LG_OK);
    return 0;
}

struct cold_user {
    struct lg_pool *pool;
    struct null_driver *driver;
    int result;
};

static void *run_cold_user(void *arg)
{
    struct cold_user *user = arg;
    user->result = use_cold(user->pool, user->driver);
    return NULL;
}

/* A lease that one thread took may be returned by one that can have no context. */
static void *run_returner(void *arg)
{
    struct loan *loan = arg;
    struct lg_lease before = loan->lease;
    int status = lg_pool_checkin(loan->pool, &loan->lease);
    if (status == LG_ENOMEM && memcmp(&before, &loan->lease, sizeof before) != 0)
        support_say("a checkin that failed has changed the lease\n");
    else if (status != LG_OK && status != LG_ENOMEM)
        support_say("unexpected status of a checkin: %s\n", lg_status_name(status));
    return NULL;
}

static int return_elsewhere(struct lg_pool *pool, struct null_driver *driver)
{
    pthread_t thread;
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    if (lg_pool_checkout(pool, LG_FOREVER, &loan.lease) != LG_OK)
        return 0;
    SUPPORT_CHECK(lg_lease_detach(&loan.lease) == LG_OK);
    SUPPORT_CHECK(pthread_create(&thread, NULL, run_returner, &loan) == 0);
    pthread_join(thread, NULL);
    if (loan.lease.resource)
        SUPPORT_CHECK(lg_pool_checkin(pool, &loan.lease) == LG_OK);
    return 0;
}

static int live_cold(struct null_driver *driver)
{
    struct lg_pool *pool;
    struct cold_user user = {.driver = driver};
    pthread_t thread;
    int status = lg_pool_create(&driver->table, driver, NULL, &pool);
    if (status == LG_ENOMEM) {
        SUPPORT_CHECK(pool == NULL);
        return 0;
    }
    SUPPORT_CHECK(status == LG_OK);
    if (use_cold(pool, driver) || use_cold(pool, driver) || return_elsewhere(pool, driver))
        return 1;
    user.pool = pool;
    SUPPORT_CHECK(pthread_create(&thread, NULL, run_cold_user, &user) == 0);
    pthread_join(thread, NULL);
    SUPPORT_CHECK(user.result == 0);
    status = lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL);
    SUPPORT_CHECK(status == LG_OK || status == LG_ENOMEM);
    lg_pool_destroy(pool);
    NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
    return 0;
}

/* POOL_FAULT=point,n,persistent in the environment. */
static int run_cold(void)
{
    char *rest = NULL;
    const char *order = getenv("POOL_FAULT");
    struct null_driver *driver = null_begin();
    uint32_t point = (uint32_t)strtoul(order ? order : "", &rest, 10);
    uint64_t n = strtoull(rest && *rest ? rest + 1 : "0", &rest, 10);
    bool is_persistent = rest && strcmp(rest, ",1") == 0;
    lg__seam_arm(n, 1u << point, is_persistent);
    int result = live_cold(driver);
    support_say(lg__seam_disarm() ? "reached\n" : "not-reached\n");
    SUPPORT_CHECK(null_get(driver, opened) == null_get(driver, closed));
    SUPPORT_CHECK(driver->fault == NULL);
    if (result == 0)
        null_free(driver);
    return result;
}

static void fail_each_cold(enum lg__seam point, bool is_persistent, uint64_t at_least)
{
    char order[64], output[4096];
    uint64_t n = 0;
    do {
        snprintf(order, sizeof order, "POOL_FAULT=%d,%llu,%d", (int)point, (unsigned long long)++n,
                 is_persistent);
        int result = support_spawn("cold", order, output, sizeof output);
        if (result != 0 || strstr(output, "unexpected") || strstr(output, "changed"))
            fail_msg("%s: %d, %s", order, result, output);
    } while (!strstr(output, "not-reached"));
    assert_true(n > at_least);
}

static void the_first_uses_fail(void **state)
{
    (void)state;
    for (int is_persistent = 0; is_persistent < 2; is_persistent++) {
        fail_each_cold(LG__SEAM_ALLOC, is_persistent, 1);
        fail_each_cold(LG__SEAM_MAP, is_persistent, 2); /* slots, contexts */
        fail_each_cold(LG__SEAM_KEY, is_persistent, 2);
        fail_each_cold(LG__SEAM_THREAD, is_persistent, 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(out_of_memory),
        SUPPORT_TEST(out_of_threads),
        SUPPORT_TEST(sleeps_that_end_for_no_reason),
        SUPPORT_TEST(places_that_cannot_be_read),
        SUPPORT_TEST(the_first_uses_fail),
    };
    const struct support_case cases[] = {{"cold", run_cold}, {NULL, NULL}};
    return SUPPORT_RUN(argc, argv, tests, cases);
}
