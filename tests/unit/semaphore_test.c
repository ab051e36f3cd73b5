/* The semaphore: how many units there are, who gets them, and every way to get none. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/semaphores.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "sync/park.h"

#include <sched.h>
#include <string.h>

static struct lg_report report;

static bool has_queue(const struct lg_semaphore *semaphore)
{
    const void *key = lg__park_tagged(semaphore, LG__PARK_SEMAPHORE);
    struct lg__bucket *bucket = lg__park_lock(key);
    bool has_any = lg__park_next(bucket, NULL, key) != NULL;
    lg__park_unlock(bucket);
    return has_any;
}

/* Nobody waits, and nothing is left behind in the word. */
static void expect_quiet(const struct lg_semaphore *semaphore, uint32_t value)
{
    assert_false(has_queue(semaphore));
    assert_int_equal(semaphore->word, (uint64_t)value << 2);
    assert_int_equal(lg_semaphore_value(semaphore), value);
}

static struct crew_worker *hire_waiting(const char *name, struct lg_semaphore *semaphore)
{
    struct crew_worker *worker = crew_hire(name);
    crew_run(worker, step_wait_for_unit, semaphore);
    crew_wait_blocked_on(worker, semaphore);
    return worker;
}

/* ---- The value ------------------------------------------------------------------------------- */

static void test_all_bytes_zero_is_a_semaphore(void **state)
{
    (void)state;
    struct lg_semaphore s;
    memset(&s, 0, sizeof s);
    assert_int_equal(step_try_wait(&s), LG_EBUSY);
    assert_int_equal(lg_semaphore_post(&s, 2), LG_OK);
    assert_int_equal(lg_semaphore_value(&s), 2);
    assert_int_equal(step_wait_for_unit(&s), LG_OK);
    assert_int_equal(step_try_wait(&s), LG_OK);
    assert_int_equal(step_try_wait(&s), LG_EBUSY);
    expect_quiet(&s, 0);
    lg_semaphore_destroy(&s);
}

static void test_what_it_begins_with(void **state)
{
    (void)state;
    static struct lg_semaphore fixed = LG_SEMAPHORE_INIT("fixed", 3, 5);
    struct lg_semaphore s;
    memset(&s, 0xff, sizeof s);
    assert_int_equal(lg_semaphore_init(&s, "named", 3, 5), LG_OK);
    assert_int_equal(s.word, fixed.word);
    assert_int_equal(s.maximum, fixed.maximum);
    assert_string_equal(s.name, "named");
    assert_int_equal(lg_semaphore_value(&fixed), 3);
    assert_int_equal(lg_semaphore_init(&s, NULL, LG_SEMAPHORE_MAX, 0), LG_OK);
    assert_int_equal(lg_semaphore_value(&s), LG_SEMAPHORE_MAX);
    assert_int_equal(lg_semaphore_init(&s, NULL, 6, 5), LG_EINVAL);
    assert_int_equal(lg_semaphore_init(&s, NULL, (uint32_t)-1, 0), LG_EINVAL);
    assert_int_equal(lg_semaphore_init(&s, NULL, 0, (uint32_t)-1), LG_EINVAL);
    assert_int_equal(lg_semaphore_init(NULL, NULL, 0, 0), LG_EINVAL);
}

static void test_no_post_passes_the_maximum(void **state)
{
    (void)state;
    struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 1, 2);
    assert_int_equal(lg_semaphore_post(&s, 2), LG_EOVERRELEASE);
    expect_quiet(&s, 1);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_EOVERRELEASE);
    expect_quiet(&s, 2);
    struct lg_semaphore most = LG_SEMAPHORE_INIT("most", LG_SEMAPHORE_MAX, 0);
    assert_int_equal(lg_semaphore_post(&most, 1), LG_EOVERRELEASE);
    assert_int_equal(lg_semaphore_post(&most, LG_SEMAPHORE_MAX), LG_EOVERRELEASE);
    expect_quiet(&most, LG_SEMAPHORE_MAX);
}

/* The slow way of a post looks at the maximum too. */
static void test_no_post_passes_the_maximum_with_waiters(void **state)
{
    (void)state;
    struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 2);
    struct crew_worker *a = hire_waiting("A", &s);
    assert_int_equal(lg_semaphore_post(&s, 3), LG_EOVERRELEASE);
    assert_true(crew_is_blocked(a));
    assert_int_equal(lg_semaphore_post(&s, 2), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    expect_quiet(&s, 1);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 1, 0);
    assert_int_equal(lg_semaphore_post(&s, 0), LG_EINVAL);
    assert_int_equal(lg_semaphore_post(&s, (uint32_t)-1), LG_EINVAL);
    assert_int_equal(lg_semaphore_post(NULL, 1), LG_EINVAL);
    assert_int_equal(lg_semaphore_wait((struct lg_semaphore *)NULL, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_semaphore_value(NULL), 0);
    expect_quiet(&s, 1);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void test_deadlines(void **state)
{
    (void)state;
    static struct lg_semaphore s = LG_SEMAPHORE_INIT("signal", 0, 0);
    struct semaphore_until past = {&s, 1, "past.c:1"},
                           soon = {&s, lg__now_ns() + 1000000, "soon.c:2"};
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_try_wait, &s), LG_EBUSY);
    (void)crew_do(a, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_NONE);
    assert_int_equal(crew_do(a, step_wait_for_unit_until, &past), LG_ETIMEDOUT);
    (void)crew_do(a, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.noun, "semaphore");
    assert_string_equal(report.name, "signal");
    assert_string_equal(report.place, "past.c:1");
    assert_int_equal(crew_do(a, step_wait_for_unit_until, &soon), LG_ETIMEDOUT);
    (void)crew_do(a, step_copy_report, &report);
    assert_string_equal(report.place, "soon.c:2");
    expect_quiet(&s, 0);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    assert_int_equal(crew_do(a, step_wait_for_unit_until, &past),
                     LG_OK); /* there is one: the deadline is no matter */
    expect_quiet(&s, 0);
}

static void test_a_post_wakes_the_first_waiter(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    struct crew_worker *workers[3];
    for (unsigned i = 0; i < 3; i++)
        workers[i] = hire_waiting((const char *[]){"A", "B", "C"}[i], &s);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(step_post(&s), LG_OK);
        assert_int_equal(crew_wait(workers[i]), LG_OK);
        for (unsigned j = i + 1; j < 3; j++)
            assert_true(crew_is_blocked(workers[j]));
    }
    expect_quiet(&s, 0);
}

static void test_a_post_of_several_wakes_several(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    struct crew_worker *a = hire_waiting("A", &s), *b = hire_waiting("B", &s);
    struct crew_worker *c = hire_waiting("C", &s);
    assert_int_equal(lg_semaphore_post(&s, 2), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_true(crew_is_blocked(c));
    assert_int_equal(lg_semaphore_post(&s, 4), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    expect_quiet(&s, 3);
}

/* A wake that comes to one who leaves with nothing is the next one's. */
static void test_who_leaves_passes_the_wake_on(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    struct crew_worker *a = hire_waiting("A", &s), *b = hire_waiting("B", &s);
    struct lg_context *context = crew_context(a);
    assert_true(lg__wait_end(&context->wait, LG__WAIT_TIMED_OUT, 0)); /* and sleeps on */
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    lg__wait_wake(&context->wait);
    assert_int_equal(crew_wait(a), LG_ETIMEDOUT);
    expect_quiet(&s, 0);
}

static void test_a_wait_is_cancelled(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    struct scope scope;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = hire_in(&scope, token, "A");
    crew_run(a, step_wait_for_unit, &s);
    crew_wait_blocked_on(a, &s);
    struct crew_worker *b = hire_waiting("B", &s);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(a, step_wait_for_unit, &s), LG_ECANCELED);
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_do(a, step_wait_for_unit, &s), LG_OK); /* it need not wait */
    (void)crew_do(a, step_leave, &scope);
    lg_cancel_destroy(token);
    expect_quiet(&s, 0);
}

/* ---- The graph ------------------------------------------------------------------------------- */

/* A holds m and waits for a signal, B waits for m: anyone may post, so nobody is told. */
static void test_a_wait_is_no_deadlock(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_run(a, step_wait_for_unit, &s);
    crew_wait_blocked_on(a, &s);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    assert_true(crew_is_blocked(a));
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
}

/* ---- Fairness -------------------------------------------------------------------------------- */

/* A has been passed for too long: then nobody takes what is there but who is in the queue. */
static void test_who_starves_goes_first(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no signal handler runs inside a futex call here");
    struct crew_worker *a = hire_waiting("A", &s), *b = crew_hire("B");
    crew_stall(a);
    assert_int_equal(step_post(&s), LG_OK);     /* A is woken, and does not run */
    assert_int_equal(step_try_wait(&s), LG_OK); /* passed */
    uint64_t since_ns = crew_context(a)->wait.since_ns;
    while (lg__now_ns() - since_ns <= 1000000)
        sched_yield();
    crew_go_on();
    while (!(lg__load_acquire(&s.word) & 2)) /* it says that it starves, and sleeps again */
        sched_yield();
    crew_wait_blocked_on(a, &s);
    crew_stall(a);
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(lg_semaphore_value(&s), 1);
    assert_int_equal(step_try_wait(&s), LG_EBUSY);
    crew_run(b, step_wait_for_unit, &s);
    crew_wait_blocked_on(b, &s);
    crew_go_on();
    assert_int_equal(crew_wait(a), LG_OK);
    assert_true(crew_is_blocked(b));
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    expect_quiet(&s, 0);
}

/* ---- Misuse and fork ------------------------------------------------------------------------- */

static int destroy(void *semaphore)
{
    lg_semaphore_destroy(semaphore);
    return 0;
}

static void test_destroyed_while_waited_for(void **state)
{
    (void)state;
    static struct lg_semaphore s = LG_SEMAPHORE_INIT("signal", 0, 0), unnamed;
    struct crew_worker *a = hire_waiting("A", &s), *b = hire_waiting("B", &unnamed);
    struct support_panic panic = support_panic_of(destroy, &s);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a semaphore was destroyed while waited for");
    assert_string_equal(panic.object, "signal");
    panic = support_panic_of(destroy, &unnamed);
    assert_string_equal(panic.object, "(unnamed semaphore)");
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(step_post(&unnamed), LG_OK);
    (void)crew_wait(a);
    (void)crew_wait(b);
    assert_false(support_panic_of(destroy, &s).has_happened);
}

/* Who waited in the parent does not in the child, nor does he starve. */
static int use_in_child(void *arg)
{
    struct lg_semaphore *s = arg;
    SUPPORT_CHECK(lg_semaphore_value(s) == 1);
    SUPPORT_CHECK(step_try_wait(s) == LG_OK);
    SUPPORT_CHECK(s->word == 0);
    SUPPORT_CHECK(step_post(s) == LG_OK);
    SUPPORT_CHECK(step_wait_for_unit(s) == LG_OK);
    struct semaphore_until past = {s, 1, "past.c:1"};
    SUPPORT_CHECK(step_wait_for_unit_until(&past) == LG_ETIMEDOUT);
    lg_semaphore_destroy(s);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    static struct lg_semaphore s;
    struct crew_worker *a = hire_waiting("A", &s);
    uint64_t word = s.word;
    assert_int_equal(word, 1);
    lg__store_relaxed(&s.word,
                      (uint64_t)(1 << 2 | 2 | 1)); /* as if A starved, and was just woken */
    assert_int_equal(support_fork(use_in_child, &s), 0);
    lg__store_relaxed(&s.word, word);
    assert_int_equal(step_post(&s), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    expect_quiet(&s, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_bytes_zero_is_a_semaphore),
        SUPPORT_TEST(test_what_it_begins_with),
        SUPPORT_TEST(test_no_post_passes_the_maximum),
        SUPPORT_TEST(test_no_post_passes_the_maximum_with_waiters),
        SUPPORT_TEST(test_bad_arguments),
        SUPPORT_TEST(test_deadlines),
        SUPPORT_TEST(test_a_post_wakes_the_first_waiter),
        SUPPORT_TEST(test_a_post_of_several_wakes_several),
        SUPPORT_TEST(test_who_leaves_passes_the_wake_on),
        SUPPORT_TEST(test_a_wait_is_cancelled),
        SUPPORT_TEST(test_a_wait_is_no_deadlock),
        SUPPORT_TEST(test_who_starves_goes_first),
        SUPPORT_TEST(test_destroyed_while_waited_for),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
