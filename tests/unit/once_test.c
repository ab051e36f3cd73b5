/* The once: its function runs once, by whoever comes first, and every way in which it does not. */
#include "support/locks.h"
#include "support/scope.h"

#include "graph/context.h"
#include "plat/atomic.h"
#include "sync/park.h"

#include <lifeguard/once.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static struct lg_report report;

/* A function that can be held up, and told what to return. */
struct work {
    struct lg_once once;
    struct lg_mutex gate; /* taken by the function if must_wait */
    bool must_wait;
    int status;
    uint32_t runs;    /* atomic */
    uint32_t is_over; /* written by the function; read after LG_OK */
    lg_deadline deadline;
};

static int do_work(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct work *work = arg;
    (void)lg__add_full(&work->runs, 1u);
    if (work->must_wait) {
        if (lg_mutex_lock(&work->gate, LG_FOREVER) != LG_OK)
            return LG_EINVAL;
        lg_mutex_unlock(&work->gate);
    }
    work->is_over = work->status == LG_OK;
    return work->status;
}

static int step_call(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, do_work, work, work->deadline ? work->deadline : LG_FOREVER);
}

static int step_try_call(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, do_work, work, LG_TRY);
}

static bool has_queue(const struct lg_once *once)
{
    const void *key = lg__park_tagged(once, LG__PARK_ONCE);
    struct lg__bucket *bucket = lg__park_lock(key);
    bool has_any = lg__park_next(bucket, NULL, key) != NULL;
    lg__park_unlock(bucket);
    return has_any;
}

static void expect_done(const struct work *work, unsigned runs)
{
    assert_false(has_queue(&work->once));
    assert_int_equal(lg_once_is_done(&work->once), 1);
    assert_int_equal(work->runs, runs);
    assert_int_equal(work->is_over, 1);
}

/* A worker that is in the middle of the function, at the gate. */
static struct crew_worker *hire_runner(const char *name, struct work *work)
{
    struct crew_worker *worker = crew_hire(name);
    work->must_wait = true;
    assert_int_equal(step_lock(&work->gate), LG_OK);
    crew_run(worker, step_call, work);
    crew_wait_blocked_on(worker, &work->gate);
    return worker;
}

static struct crew_worker *hire_waiting(const char *name, struct work *work)
{
    struct crew_worker *worker = crew_hire(name);
    crew_run(worker, step_call, work);
    crew_wait_blocked_on(worker, &work->once);
    return worker;
}

/* ---- Once ------------------------------------------------------------------------------------ */

static void test_all_bytes_zero_is_a_once(void **state)
{
    (void)state;
    struct work work;
    memset(&work, 0, sizeof work);
    assert_int_equal(lg_once_is_done(&work.once), 0);
    assert_int_equal(step_call(&work), LG_OK);
    assert_int_equal(step_call(&work), LG_OK);
    assert_int_equal(step_try_call(&work), LG_OK);
    expect_done(&work, 1);
    static const struct lg_once fixed = LG_ONCE_INIT;
    assert_int_equal(fixed.word, 0);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    struct work work = {.deadline = 0};
    assert_int_equal(lg_once_call((struct lg_once *)NULL, do_work, &work, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_once_call(&work.once, NULL, &work, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_once_run_at(&work.once, NULL, &work, LG_TRY, NULL), LG_EINVAL);
    assert_int_equal(lg_once_is_done(NULL), 0);
    assert_int_equal(work.once.word, 0);
    assert_int_equal(work.runs, 0);
}

static void test_a_past_deadline_runs_it_all_the_same(void **state)
{
    (void)state;
    struct work work = {.deadline = 1}, other = {.deadline = 1};
    assert_int_equal(step_call(&work), LG_OK);
    expect_done(&work, 1);
    assert_int_equal(step_try_call(&other), LG_OK);
    expect_done(&other, 1);
}

static void test_all_wait_for_the_one_who_runs_it(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *a = hire_runner("A", &work), *b = hire_waiting("B", &work);
    struct crew_worker *c = hire_waiting("C", &work);
    assert_int_equal(step_try_call(&work), LG_EBUSY);
    assert_int_equal(lg_once_is_done(&work.once), 0);
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    expect_done(&work, 1);
}

static void test_a_wait_for_it_times_out(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *a = hire_runner("A", &work), *b = crew_hire("B");
    work.deadline = 1;
    assert_int_equal(crew_do(b, step_call, &work), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.noun, "once");
    assert_non_null(strstr(report.name, "once_test.c:")); /* where A was called */
    work.deadline = lg_after_ms(1);
    assert_int_equal(crew_do(b, step_call, &work), LG_ETIMEDOUT);
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(b, step_call, &work), LG_OK);
    expect_done(&work, 1);
}

static void test_a_wait_for_it_is_cancelled(void **state)
{
    (void)state;
    static struct work work;
    struct scope scope;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = hire_runner("A", &work), *b = hire_in(&scope, token, "B");
    crew_run(b, step_call, &work);
    crew_wait_blocked_on(b, &work.once);
    struct crew_worker *c = hire_waiting("C", &work);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(b), LG_ECANCELED);
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(crew_do(b, step_call, &work), LG_OK); /* no wait, no cancel */
    (void)crew_do(b, step_leave, &scope);
    lg_cancel_destroy(token);
    expect_done(&work, 1);
}

/* ---- Failure --------------------------------------------------------------------------------- */

static void test_a_failure_is_for_who_ran_it(void **state)
{
    (void)state;
    static struct work work = {.status = LG_ENOMEM};
    assert_int_equal(step_call(&work), LG_ENOMEM);
    assert_int_equal(lg_once_is_done(&work.once), 0);
    assert_int_equal(work.once.word, 0);
    work.status = 17; /* any number but 0 */
    assert_int_equal(step_call(&work), 17);
    work.status = LG_EBUSY; /* also one that the library uses itself */
    assert_int_equal(step_call(&work), LG_EBUSY);
    work.status = LG_OK;
    assert_int_equal(step_call(&work), LG_OK);
    expect_done(&work, 4);
}

static int fail_then_succeed(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct work *work = arg;
    uint32_t run = lg__add_full(&work->runs, 1u);
    if (run == 0) { /* the first fails, once the others wait */
        if (lg_mutex_lock(&work->gate, LG_FOREVER) != LG_OK)
            return LG_EINVAL;
        lg_mutex_unlock(&work->gate);
        return LG_ESYS;
    }
    work->is_over = 1;
    return LG_OK;
}

static int step_fail_then_succeed(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, fail_then_succeed, work, LG_FOREVER);
}

static void test_after_a_failure_a_waiter_runs_it(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *workers[4];
    assert_int_equal(step_lock(&work.gate), LG_OK);
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("worker", i);
        crew_run(workers[i], step_fail_then_succeed, &work);
        crew_wait_blocked_on(workers[i], i == 0 ? (void *)&work.gate : (void *)&work.once);
    }
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(workers[0]), LG_ESYS);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    expect_done(&work, 2);
}

/* All fail: each runs it in its turn, and nobody waits for ever. */
static void test_all_may_fail(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *a = hire_runner("A", &work), *b = hire_waiting("B", &work);
    struct crew_worker *c = hire_waiting("C", &work);
    work.status = LG_ESYS;
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(a), LG_ESYS);
    assert_int_equal(crew_wait(b), LG_ESYS);
    assert_int_equal(crew_wait(c), LG_ESYS);
    assert_int_equal(work.runs, 3);
    assert_int_equal(work.once.word, 0);
    assert_false(has_queue(&work.once));
}

/* ---- Deadlocks ------------------------------------------------------------------------------- */

static int call_itself(void *arg)
{
    struct work *work = arg;
    work->runs++;
    if (lg_once_call(&work->once, call_itself, work, LG_TRY) != LG_EBUSY)
        return LG_EINVAL;
    return lg_once_call(&work->once, call_itself, work, LG_FOREVER);
}

static int step_call_itself(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, call_itself, work, LG_FOREVER);
}

static void test_from_within_itself(void **state)
{
    (void)state;
    static struct work work;
    char text[1024];
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_call_itself, &work), LG_EDEADLK);
    (void)crew_do(a, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, 1);
    assert_string_equal(report.noun, "once");
    lg_report_write(&report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "deadlock on once \"once_test.c:"));
    assert_non_null(strstr(text, "return from its function, then"));
    assert_non_null(strstr(text, "have its function not call itself"));
    assert_int_equal(work.runs, 1);
    assert_int_equal(work.once.word, 0); /* it failed, so it may be tried again */
}

/* Two functions that need each other: the second to ask is told. */
static struct work first, second;

static int need_second(void *arg)
{
    int status = do_work(arg);
    return status == LG_OK ? lg_once_call(&second.once, do_work, &second, LG_FOREVER) : status;
}

static int need_first(void *arg)
{
    (void)arg;
    return lg_once_call(&first.once, do_work, &first, LG_FOREVER);
}

static int step_need_second(void *arg)
{
    (void)arg;
    return lg_once_call(&first.once, need_second, &first, LG_FOREVER);
}

static int step_need_first(void *arg)
{
    (void)arg;
    return lg_once_call(&second.once, need_first, &second, LG_FOREVER);
}

static void test_two_that_need_each_other(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    first.must_wait = true;
    assert_int_equal(step_lock(&first.gate), LG_OK);
    crew_run(a, step_need_second, NULL);
    crew_wait_blocked_on(a, &first.gate);
    crew_run(b, step_need_first, NULL);
    crew_wait_blocked_on(b, &first.once);
    step_unlock(&first.gate); /* A asks for the second, which B runs */
    assert_int_equal(crew_wait(a), LG_EDEADLK);
    (void)crew_do(a, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, 2);
    assert_non_null(strstr(report.members[0].holds[0].place, "once_test.c:"));
    assert_int_equal(crew_wait(b), LG_OK); /* A gave up: B ran the first itself */
    assert_int_equal(lg_once_is_done(&first.once), 1);
    assert_int_equal(lg_once_is_done(&second.once), 1);
}

/* A runs it and waits for m; B has m and waits for the once: a ring of two kinds.  But C, who only waits
 * behind, is none of it. */
static void test_a_ring_with_a_mutex(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    work.must_wait = true;
    assert_int_equal(crew_do(b, step_lock, &work.gate), LG_OK);
    crew_run(a, step_call, &work);
    crew_wait_blocked_on(a, &work.gate);
    struct crew_worker *c = hire_waiting("C", &work);
    assert_int_equal(crew_do(b, step_call, &work), LG_EDEADLK);
    (void)crew_do(b, step_unlock, &work.gate);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    expect_done(&work, 1);
}

/* ---- Threads that end within it -------------------------------------------------------------- */

static int end_within(void *arg)
{
    struct work *work = arg;
    if (lg__add_full(&work->runs, 1u) > 0) {
        work->is_over = 1;
        return LG_OK;
    }
    pthread_exit(NULL);
}

static void *call_end_within(void *arg)
{
    struct work *work = arg;
    int status = lg_context_set_name("leaver");
    status = lg_once_call(&work->once, end_within, work, LG_FOREVER);
    return status == LG_OK ? NULL : arg;
}

static void test_a_thread_that_ends_within_it(void **state)
{
    (void)state;
    static struct work work;
    pthread_t thread;
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(pthread_create(&thread, NULL, call_end_within, &work), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(lg_once_is_done(&work.once), 0);
    assert_int_equal(lg_once_call(&work.once, end_within, &work, LG_TRY), LG_OK);
    expect_done(&work, 2);
    assert_int_equal(support_log_count("once-again"), 1);
    assert_non_null(
        strstr(support_log_text("once-again"), "leaver (ended) left a once's function"));
}

static int sleep_within(void *arg)
{
    struct work *work = arg;
    if (lg__add_full(&work->runs, 1u) > 0) {
        work->is_over = 1;
        return LG_OK;
    }
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
}

static void *call_sleep_within(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, sleep_within, work, LG_FOREVER) == LG_OK ? NULL : arg;
}

static int step_sleep_within(void *arg)
{
    return call_sleep_within(arg) != NULL;
}

/* Those who wait when the thread is cancelled: one runs it, the other finds it done. */
static void test_a_thread_that_is_cancelled_within_it(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *b = crew_hire("B"), *c = crew_hire("C");
    pthread_t thread;
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(pthread_create(&thread, NULL, call_sleep_within, &work), 0);
    while (lg__load_acquire(&work.runs) == 0)
        lg__cpu_relax();
    crew_run(b, step_sleep_within, &work);
    crew_run(c, step_sleep_within, &work);
    crew_wait_blocked_on(b, &work.once);
    crew_wait_blocked_on(c, &work.once);
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(crew_wait(b), 0);
    assert_int_equal(crew_wait(c), 0);
    expect_done(&work, 2);
    assert_int_equal(support_log_count("once-again"), 1);
}

/* A context that was ended while its function went on has lost the once. */
static int end_own_context(void *arg)
{
    struct work *work = arg;
    if (lg__add_full(&work->runs, 1u) > 0) {
        work->is_over = 1;
        return LG_OK;
    }
    if (lg_context_end(lg_context_detach()) != LG_OK)
        return LG_EINVAL;
    int status = lg_once_call(&work->once, end_own_context, work, LG_FOREVER);
    return status == LG_OK ? 18 : status;
}

static int step_end_own_context(void *arg)
{
    struct work *work = arg;
    return lg_once_call(&work->once, end_own_context, work, LG_FOREVER);
}

static void test_a_context_that_was_ended(void **state)
{
    (void)state;
    static struct work work;
    support_log_begin(LG_LOG_WARN);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_end_own_context, &work), 18);
    expect_done(&work, 2); /* not undone by the failure of the first */
    assert_int_equal(work.once.word, LG_ONCE_DONE);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static int use_in_child(void *arg)
{
    struct work *work = arg;
    work->must_wait = false;
    SUPPORT_CHECK(lg_once_is_done(&work->once) == 0);
    SUPPORT_CHECK(step_call(work) == LG_OK);
    SUPPORT_CHECK(work->runs == 2 && work->is_over == 1);
    SUPPORT_CHECK(step_try_call(work) == LG_OK);
    return 0;
}

static void test_fork_in_the_middle_of_it(void **state)
{
    (void)state;
    static struct work work;
    struct crew_worker *a = hire_runner("A", &work), *b = hire_waiting("B", &work);
    assert_int_equal(support_fork(use_in_child, &work), 0);
    step_unlock(&work.gate);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    expect_done(&work, 1);
}

static int fork_within(void *arg)
{
    struct work *work = arg;
    work->runs++;
    pid_t child = fork();
    work->is_over = 1;
    work->status = child == 0 ? 19 : 20;
    return child < 0 ? LG_ESYS : LG_OK;
}

static int who_forks_within(void *arg)
{
    struct work *work = arg;
    SUPPORT_CHECK(lg_once_call(&work->once, fork_within, work, LG_FOREVER) == LG_OK);
    SUPPORT_CHECK(lg_once_is_done(&work->once) == 1);
    SUPPORT_CHECK(work->runs == 1);
    if (work->status == 19)
        _exit(0);
    return 0;
}

static void test_who_runs_it_forks(void **state)
{
    (void)state;
    static struct work work;
    assert_int_equal(support_fork(who_forks_within, &work), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_bytes_zero_is_a_once),
        SUPPORT_TEST(test_bad_arguments),
        SUPPORT_TEST(test_a_past_deadline_runs_it_all_the_same),
        SUPPORT_TEST(test_all_wait_for_the_one_who_runs_it),
        SUPPORT_TEST(test_a_wait_for_it_times_out),
        SUPPORT_TEST(test_a_wait_for_it_is_cancelled),
        SUPPORT_TEST(test_a_failure_is_for_who_ran_it),
        SUPPORT_TEST(test_after_a_failure_a_waiter_runs_it),
        SUPPORT_TEST(test_all_may_fail),
        SUPPORT_TEST(test_from_within_itself),
        SUPPORT_TEST(test_two_that_need_each_other),
        SUPPORT_TEST(test_a_ring_with_a_mutex),
        SUPPORT_TEST(test_a_thread_that_ends_within_it),
        SUPPORT_TEST(test_a_thread_that_is_cancelled_within_it),
        SUPPORT_TEST(test_a_context_that_was_ended),
        SUPPORT_TEST(test_fork_in_the_middle_of_it),
        SUPPORT_TEST(test_who_runs_it_forks),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
