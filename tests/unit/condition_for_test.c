/* lg_condition_wait_for: the predicate is asked under the mutex, and only under it. */
#include "support/waiters.h"

#include <lifeguard/cancel.h>

static uint32_t items;          /* under m */
static uint32_t times_asked;    /* under m */
static uint32_t asked_unlocked; /* atomic */

static int has_items(void *wanted)
{
    times_asked++;
    if (!lg_mutex_is_held(&m))
        lg__store_relaxed(&asked_unlocked, 1u);
    return items >= *(uint32_t *)wanted;
}

static uint32_t one = 1, two = 2;

static int wait_for(uint32_t *wanted, lg_deadline deadline) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_condition_wait_for_at(&c, &m, has_items, wanted, deadline, "for.c:1");
}

static int step_wait_for(void *wanted)
{
    return wait_for(wanted, LG_FOREVER);
}

/* With m: say that there are so many. */
static void put(uint32_t count, bool is_held)
{
    assert_int_equal(step_lock(&m), LG_OK);
    items = count;
    if (is_held)
        lg_condition_broadcast(&c);
    step_unlock(&m);
    if (!is_held)
        lg_condition_broadcast(&c);
}

static int begin(void **state)
{
    items = times_asked = 0;
    return support_setup(state);
}

static struct crew_worker *hire_for(const char *name, uint32_t *wanted)
{
    struct crew_worker *worker = crew_hire(name);
    assert_int_equal(crew_do(worker, step_lock, &m), LG_OK);
    crew_run(worker, step_wait_for, wanted);
    crew_wait_blocked_on(worker, &c);
    return worker;
}

static void test_null(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_condition_wait_for_at(NULL, &m, has_items, &one, LG_TRY, NULL), LG_EINVAL);
    assert_int_equal(lg_condition_wait_for_at(&c, NULL, has_items, &one, LG_TRY, NULL), LG_EINVAL);
    assert_int_equal(lg_condition_wait_for_at(&c, &m, NULL, &one, LG_TRY, NULL), LG_EINVAL);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    assert_int_equal(times_asked, 0);
    step_unlock(&m);
}

static void test_what_is_so_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(step_lock(&m), LG_OK);
    items = 1;
    assert_int_equal(wait_for(&one, LG_FOREVER), LG_OK);
    assert_int_equal(wait_for(&one, LG_TRY), LG_OK);
    assert_int_equal(times_asked, 2);
    step_unlock(&m);
    expect_all_quiet();
}

static void test_try_asks_once(void **state)
{
    (void)state;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(wait_for(&one, LG_TRY), LG_EBUSY);
    assert_int_equal(times_asked, 1);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    step_unlock(&m);
    expect_all_quiet();
}

/* A signal that comes too early does not end it; one that comes after the change does. */
static void test_it_waits_until_it_is_so(void **state)
{
    (void)state;
    for (int is_held = 0; is_held < 2; is_held++) {
        items = 0;
        struct crew_worker *a = hire_for("A", &two);
        put(1, is_held);
        crew_wait_blocked_on(a, &c);
        put(2, is_held);
        expect_and_unlock(a, LG_OK);
        crew_leave(a);
    }
    expect_all_quiet();
}

/* A broadcast reaches all; who still lacks something waits on. */
static void test_each_has_a_predicate_of_its_own(void **state)
{
    (void)state;
    struct crew_worker *a = hire_for("A", &one), *b = hire_for("B", &two);
    put(1, true);
    expect_and_unlock(a, LG_OK);
    crew_wait_blocked_on(b, &c);
    put(2, true);
    expect_and_unlock(b, LG_OK);
    expect_all_quiet();
}

static void test_a_deadline_ends_it(void **state)
{
    (void)state;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(wait_for(&one, 1), LG_ETIMEDOUT);
    assert_int_equal(times_asked, 2);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    assert_int_equal(lg_report_last()->kind, LG_REPORT_TIMEOUT);
    step_unlock(&m);
    expect_all_quiet();
}

static int is_so_the_second_time(void *count)
{
    return ++*(uint32_t *)count == 2;
}

/* It came to be so while the wait timed out: then it is so. */
static void test_the_last_word_is_the_predicate_s(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    uint32_t count = 0;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_condition_wait_for_at(&c, &m, is_so_the_second_time, &count, 1, NULL),
                     LG_OK);
    step_unlock(&m);
}

static int step_wait_cancelled(void *token)
{
    struct lg_cancel_scope scope;
    if (lg_cancel_enter(token, &scope) != LG_OK)
        return LG_EINVAL;
    int status = wait_for(&one, LG_FOREVER);
    lg_cancel_leave(&scope);
    return status;
}

static void test_a_request_ends_it(void **state)
{
    (void)state;
    struct lg_cancel *token;
    assert_int_equal(lg_cancel_create(NULL, LG_FOREVER, &token), LG_OK);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_run(a, step_wait_cancelled, token);
    crew_wait_blocked_on(a, &c);
    lg_cancel_request(token);
    expect_and_unlock(a, LG_ECANCELED);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, step_wait_cancelled, token), LG_ECANCELED);
    (void)crew_do(a, step_unlock, &m);
    lg_cancel_destroy(token);
    expect_all_quiet();
}

/* The taking back closes a ring of two: the one without a re-lock is told, the predicate is not asked
 * without the mutex. */
static struct lg_mutex other = LG_MUTEX_INIT("other");

static int step_wait_with_other(void *wanted)
{
    int status = step_lock(&other);
    return status == LG_OK ? step_wait_for(wanted) : status;
}

static void test_a_victim_does_not_ask(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_run(a, step_wait_with_other, &one);
    crew_wait_blocked_on(a, &c);
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    crew_run(b, step_lock, &other);
    crew_wait_blocked_on(b, &other);
    items = 1;
    lg_condition_signal(&c); /* not by the holder: A wakes, and closes the ring by its re-lock */
    assert_int_equal(crew_wait(b), LG_EDEADLK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    (void)crew_do(a, step_unlock, &other);
    expect_all_quiet();
}

static int wait_without(void *arg)
{
    (void)arg;
    return wait_for(&one, LG_TRY);
}

static void test_it_panics_without_the_mutex(void **state)
{
    (void)state;
    struct support_panic panic = support_panic_of(wait_without, NULL);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "c");
    assert_int_equal(times_asked, 0);
}

static void test_nobody_asked_without_the_mutex(void **state)
{
    (void)state;
    assert_int_equal(lg__load_relaxed(&asked_unlocked), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown((test), begin, support_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_null),
        TEST(test_what_is_so_is_not_waited_for),
        TEST(test_try_asks_once),
        TEST(test_it_waits_until_it_is_so),
        TEST(test_each_has_a_predicate_of_its_own),
        TEST(test_a_deadline_ends_it),
        TEST(test_the_last_word_is_the_predicate_s),
        TEST(test_a_request_ends_it),
        TEST(test_a_victim_does_not_ask),
        TEST(test_it_panics_without_the_mutex),
        TEST(test_nobody_asked_without_the_mutex),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
