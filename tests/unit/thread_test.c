/* Threads and their joins: each status, who gets the result, what the graph sees. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/thing.h"

#include "graph/context.h"

#include <lifeguard/thread.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
static uint32_t gate; /* atomic; what threads of these tests wait for, outside of the graph */
static struct lg_report report;

static void set_gate(uint32_t value)
{
    lg__store_release(&gate, value);
}

static void *wait_at_gate(void *arg)
{
    while (!lg__load_acquire(&gate))
        sched_yield();
    return arg;
}

/* Until the thread sleeps in a wait of the library. */
static void wait_blocked(const struct lg_thread *thread)
{
    crew_wait_asleep(lg_thread_context(thread));
}

static void join_ok(struct lg_thread *thread, void *expected)
{
    void *result = &gate;
    assert_int_equal(lg_thread_join(thread, LG_FOREVER, &result), LG_OK);
    assert_ptr_equal(result, expected);
}

/* ---- Statuses ---------------------------------------------------------------------------------- */

static void *own_name(void *name)
{
    lg_context_name(lg_context_self(), name);
    return name;
}

static void test_a_thread_runs_under_its_name_and_gives_its_result(void **state)
{
    (void)state;
    char name[LG_NAME_SIZE] = "";
    struct lg_thread thread;
    assert_int_equal(lg_thread_start(&thread, "loader", own_name, name), LG_OK);
    assert_true(lg_thread_context(&thread) != 0);
    join_ok(&thread, name);
    assert_string_equal(name, "loader");
    assert_int_equal(lg_thread_is_running(&thread), 0);
    assert_null(lg__context_find(lg_thread_context(&thread)));
    assert_int_equal(lg_thread_start(&thread, NULL, own_name, name), LG_OK);
    join_ok(&thread, name);
    assert_memory_equal(name, "thread-", 7);
}

static void test_a_join_can_be_repeated(void **state)
{
    (void)state;
    struct lg_thread thread;
    assert_int_equal(lg_thread_start(&thread, "T", wait_at_gate, &n), LG_OK);
    set_gate(1);
    for (int i = 0; i < 3; i++)
        join_ok(&thread, &n);
    assert_int_equal(lg_thread_join(&thread, LG_TRY, NULL), LG_OK);
    assert_int_equal(lg_thread_detach(&thread), LG_OK);
    assert_int_equal(lg_thread_join(&thread, LG_TRY, NULL), LG_EINVAL);
    set_gate(0);
}

static void test_what_is_no_thread_is_refused(void **state)
{
    (void)state;
    struct lg_thread none = {0};
    assert_int_equal(lg_thread_start(NULL, "T", own_name, NULL), LG_EINVAL);
    assert_int_equal(lg_thread_start(&none, "T", NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_thread_join(NULL, LG_FOREVER, NULL), LG_EINVAL);
    assert_int_equal(lg_thread_join(&none, LG_FOREVER, NULL), LG_EINVAL);
    assert_int_equal(lg_thread_detach(NULL), LG_EINVAL);
    assert_int_equal(lg_thread_detach(&none), LG_EINVAL);
    assert_int_equal(lg_thread_is_running(NULL), 0);
    assert_int_equal(lg_thread_is_running(&none), 0);
    assert_true(lg_thread_context(NULL) == 0);
    assert_true(lg_thread_context(&none) == 0);
}

static void test_a_timeout_names_the_thread_and_can_be_tried_again(void **state)
{
    (void)state;
    struct lg_thread thread;
    void *result = &m;
    assert_int_equal(lg_thread_start_at(&thread, "T", wait_at_gate, NULL, "start.c:1"), LG_OK);
    assert_int_equal(lg_thread_join(&thread, LG_TRY, &result), LG_EBUSY);
    assert_int_equal(lg_thread_is_running(&thread), 1);
    for (int i = 0; i < 2; i++) { /* one deadline in the past, one that passes */
        lg_deadline deadline = i == 0 ? 1 : lg_after_ms(1);
        assert_int_equal(lg_thread_join_at(&thread, deadline, "join.c:1", &result), LG_ETIMEDOUT);
        report = *lg_report_last();
        assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(report.noun, "thread");
        assert_string_equal(report.name, "T");
        assert_string_equal(report.place, "join.c:1");
        assert_int_equal(report.member_count, 2);
        assert_string_equal(report.members[1].context, "T");
        assert_string_equal(report.members[1].holds[0].place, "start.c:1");
    }
    assert_ptr_equal(result, &m);
    set_gate(1);
    join_ok(&thread, NULL);
    set_gate(0);
}

static uint32_t ended; /* atomic; threads of the next test that are through */

static void *count_at_gate(void *arg)
{
    (void)wait_at_gate(arg);
    lg__add_full(&ended, 1u);
    return NULL;
}

static void test_a_detached_thread_goes_on_without_its_struct(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    uint64_t contexts[THREADS];
    lg__store_full(&ended, 0u);
    for (int i = 0; i < THREADS; i++) {
        struct lg_thread thread;
        assert_int_equal(lg_thread_start(&thread, "T", count_at_gate, NULL), LG_OK);
        contexts[i] = lg_thread_context(&thread);
        set_gate(i % 2); /* every other one may have ended before it is detached */
        while (i % 2 && lg_thread_is_running(&thread) && lg__context_find(contexts[i]))
            sched_yield();
        assert_int_equal(lg_thread_detach(&thread), LG_OK);
        assert_int_equal(lg_thread_join(&thread, LG_FOREVER, NULL), LG_EINVAL);
        memset(&thread, 0xff, sizeof thread);
        set_gate(1);
        assert_int_equal(lg_context_join(contexts[i], LG_FOREVER), LG_OK);
        set_gate(0);
    }
    assert_int_equal(ended, THREADS);
}

static void *end_by_exit(void *arg)
{
    pthread_exit(arg);
}

static void *wait_to_be_cancelled(void *arg)
{
    for (;;)
        pthread_testcancel();
    return arg;
}

static void test_how_a_thread_ends_otherwise(void **state)
{
    (void)state;
    struct lg_thread thread;
    assert_int_equal(lg_thread_start(&thread, "T", end_by_exit, &m), LG_OK);
    join_ok(&thread, &m);
    assert_int_equal(lg_thread_start(&thread, "T", wait_to_be_cancelled, &m), LG_OK);
    pthread_cancel((pthread_t)(uintptr_t)thread.handle);
    join_ok(&thread, PTHREAD_CANCELED);
}

static void *end_holding(void *mutex)
{
    return step_lock(mutex) == LG_OK ? mutex : NULL;
}

static void test_what_it_held_has_no_owner(void **state)
{
    (void)state;
    struct lg_thread thread;
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(lg_thread_start(&thread, "T", end_holding, &m), LG_OK);
    join_ok(&thread, &m);
    assert_int_equal(step_lock(&m), LG_EOWNERDEAD);
    assert_int_equal(step_recover(&m), LG_OK);
    step_unlock(&m);
}

/* ---- Several joiners --------------------------------------------------------------------------- */

static struct lg_thread shared;

static int step_join(void *thread)
{
    void *result = NULL;
    int status = lg_thread_join(thread, LG_FOREVER, &result);
    return status == LG_OK && result != &shared ? 1 : status;
}

static void test_all_who_join_get_the_result(void **state)
{
    (void)state;
    enum { JOINERS = 40 }; /* more than are granted at a time */
    struct crew_worker *joiners[JOINERS];
    for (int round = 0; round < 5; round++) {
        assert_int_equal(lg_thread_start(&shared, "shared", wait_at_gate, &shared), LG_OK);
        for (int i = 0; i < JOINERS; i++) {
            joiners[i] = crew_hire(NULL);
            crew_run(joiners[i], step_join, &shared);
            crew_wait_blocked_on(joiners[i], &shared);
        }
        assert_int_equal(lg_thread_detach(&shared), LG_EBUSY);
        set_gate(1);
        for (int i = 0; i < JOINERS; i++) {
            assert_int_equal(crew_wait(joiners[i]), LG_OK);
            crew_leave(joiners[i]);
        }
        join_ok(&shared, &shared);
        set_gate(0);
    }
}

static void test_a_join_is_cancelled_and_leaves_the_others(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    struct crew_worker *a = hire_in(&scope, token, "A"), *b = crew_hire("B");
    assert_int_equal(lg_thread_start(&shared, "shared", wait_at_gate, &shared), LG_OK);
    crew_run(a, step_join, &shared);
    crew_wait_blocked_on(a, &shared);
    crew_run(b, step_join, &shared);
    crew_wait_blocked_on(b, &shared);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    assert_true(crew_is_blocked(b));
    set_gate(1);
    assert_int_equal(crew_wait(b), LG_OK);
    set_gate(0);
    (void)crew_do(a, step_leave, &scope);
    lg_cancel_destroy(token);
}

/* ---- Deadlocks --------------------------------------------------------------------------------- */

static void *join_itself(void *thread)
{
    wait_at_gate(NULL);
    static int statuses[2];
    statuses[0] = lg_thread_join((struct lg_thread *)thread, LG_TRY, NULL);
    statuses[1] = lg_thread_join((struct lg_thread *)thread, LG_FOREVER, NULL);
    report = *lg_report_last();
    return statuses;
}

static void test_it_cannot_join_itself(void **state)
{
    (void)state;
    struct lg_thread thread;
    void *result;
    assert_int_equal(lg_thread_start(&thread, "T", join_itself, &thread), LG_OK);
    set_gate(1);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, &result), LG_OK);
    set_gate(0);
    assert_int_equal(((int *)result)[0], LG_EBUSY);
    assert_int_equal(((int *)result)[1], LG_EDEADLK);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_string_equal(report.noun, "thread");
    assert_string_equal(report.victim, "T");
}

static void *lock_and_unlock(void *mutex)
{
    static int status;
    status = step_lock(mutex);
    if (status == LG_OK)
        step_unlock(mutex);
    return &status;
}

/* It waits for what the joiner holds; then the joiner, who closes the ring, is told. */
static void test_the_joiner_holds_what_the_thread_wants(void **state)
{
    (void)state;
    struct lg_thread thread;
    void *result;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_thread_start(&thread, "T", lock_and_unlock, &m), LG_OK);
    wait_blocked(&thread);
    assert_int_equal(lg_thread_join(&thread, LG_TRY, NULL), LG_EBUSY);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, NULL), LG_EDEADLK);
    report = *lg_report_last();
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.victim, "main");
    assert_string_equal(report.members[0].waits_noun, "thread");
    assert_string_equal(report.members[0].waits_name, "T");
    assert_string_equal(report.members[1].context, "T");
    assert_string_equal(report.members[1].waits_name, "m");
    step_unlock(&m);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, &result), LG_OK);
    assert_int_equal(*(int *)result, LG_OK);
}

static void *lock_after_gate(void *mutex)
{
    wait_at_gate(NULL);
    return lock_and_unlock(mutex);
}

/* The same, but the thread comes last, and is told. */
static void test_the_thread_wants_what_the_joiner_holds(void **state)
{
    (void)state;
    struct lg_thread thread;
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(lg_thread_start(&thread, "T", lock_after_gate, &m), LG_OK);
    crew_run(a, step_join, &thread);
    crew_wait_blocked_on(a, &thread);
    set_gate(1);
    void *result;
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, &result), LG_OK);
    assert_int_equal(*(int *)result, LG_EDEADLK);
    assert_int_equal(crew_wait(a), 1); /* LG_OK, with that result */
    (void)crew_do(a, step_unlock, &m);
    set_gate(0);
}

static void *join_other(void *thread)
{
    static int status;
    wait_at_gate(NULL);
    status = step_lock(&n);
    if (status != LG_OK)
        return &status;
    status = lg_thread_join((struct lg_thread *)thread, LG_FOREVER, NULL);
    step_unlock(&n);
    return &status;
}

/* T holds n and joins U; U waits for m; A holds m and waits for n. */
static void test_a_ring_of_three_with_a_join(void **state)
{
    (void)state;
    struct lg_thread t, u;
    void *result;
    struct crew_worker *a = crew_hire("A");
    set_gate(1);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(lg_thread_start(&u, "U", lock_and_unlock, &m), LG_OK);
    wait_blocked(&u);
    assert_int_equal(lg_thread_start(&t, "T", join_other, &u), LG_OK);
    wait_blocked(&t);
    assert_int_equal(crew_do(a, step_lock, &n), LG_EDEADLK);
    (void)crew_do(a, step_copy_report, &report);
    assert_int_equal(report.member_count, 3);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(lg_thread_join(&t, LG_FOREVER, &result), LG_OK);
    assert_int_equal(*(int *)result, LG_OK);
    assert_int_equal(lg_thread_join(&u, LG_FOREVER, NULL), LG_OK);
    set_gate(0);
}

static pthread_key_t late_key;

static void lock_late(void *mutex)
{
    (void)lock_and_unlock(mutex);
}

static void *set_late(void *mutex)
{
    pthread_setspecific(late_key, mutex);
    return mutex;
}

/* A destructor of a thread-local value is a part of the thread. */
static void test_a_destructor_wants_what_the_joiner_holds(void **state)
{
    (void)state;
    struct lg_thread thread;
    assert_int_equal(pthread_key_create(&late_key, lock_late), 0);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_thread_start(&thread, "T", set_late, &m), LG_OK);
    wait_blocked(&thread);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, NULL), LG_EDEADLK);
    step_unlock(&m);
    join_ok(&thread, &m);
    pthread_key_delete(late_key);
}

/* ---- No deadlocks ------------------------------------------------------------------------------ */

static struct lg_context *taken; /* off its thread */

static void *leave_context(void *arg)
{
    lg__store_release(&taken, lg_context_detach());
    return wait_at_gate(arg);
}

static int step_resume(void *context)
{
    return lg_context_resume(context);
}

/* The context that T began with waits, on another thread, for what the joiner holds: T runs. */
static void test_a_context_that_left_its_thread_is_not_the_thread(void **state)
{
    (void)state;
    struct lg_thread thread;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(lg_thread_start(&thread, "T", leave_context, &shared), LG_OK);
    while (!lg__load_acquire(&taken))
        sched_yield();
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(b, step_resume, taken), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    crew_run(a, step_join, &thread);
    crew_wait_blocked_on(a, &thread);
    set_gate(1);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    set_gate(0);
}

/* T waits for A, who runs: a join of T by one who holds something else is no deadlock. */
static void test_a_thread_that_waits_for_one_who_runs(void **state)
{
    (void)state;
    struct lg_thread thread;
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(step_lock(&n), LG_OK);
    assert_int_equal(lg_thread_start(&thread, "T", lock_and_unlock, &m), LG_OK);
    wait_blocked(&thread);
    assert_int_equal(lg_thread_join(&thread, lg_after_ms(1), NULL), LG_ETIMEDOUT);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(lg_thread_join(&thread, LG_FOREVER, NULL), LG_OK);
    step_unlock(&n);
}

/* ---- Fork -------------------------------------------------------------------------------------- */

static struct lg_thread running, joined;

static int check_child(void *arg)
{
    void *result = NULL;
    (void)arg;
    SUPPORT_CHECK(lg_thread_join(&running, LG_FOREVER, &result) == LG_EFORK);
    SUPPORT_CHECK(lg_thread_join(&running, LG_TRY, &result) == LG_EFORK);
    SUPPORT_CHECK(lg_thread_is_running(&running) == 0);
    SUPPORT_CHECK(lg_thread_join(&joined, LG_FOREVER, &result) == LG_OK && result == &joined);
    SUPPORT_CHECK(lg_context_join(lg_thread_context(&running), LG_FOREVER) == LG_OK);
    SUPPORT_CHECK(lg_thread_detach(&running) == LG_OK);
    SUPPORT_CHECK(lg_thread_join(&running, LG_FOREVER, &result) == LG_EINVAL);
    return 0;
}

static void test_in_a_child_the_parents_threads_do_not_run(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(lg_thread_start(&running, "running", wait_at_gate, &shared), LG_OK);
    crew_run(a, step_join, &running);
    crew_wait_blocked_on(a, &running);
    assert_int_equal(lg_thread_start(&joined, "joined", end_by_exit, &joined), LG_OK);
    join_ok(&joined, &joined);
    assert_int_equal(support_fork(check_child, NULL), 0);
    set_gate(1);
    assert_int_equal(crew_wait(a), LG_OK);
    set_gate(0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_thread_runs_under_its_name_and_gives_its_result),
        SUPPORT_TEST(test_a_join_can_be_repeated),
        SUPPORT_TEST(test_what_is_no_thread_is_refused),
        SUPPORT_TEST(test_a_timeout_names_the_thread_and_can_be_tried_again),
        SUPPORT_TEST(test_a_detached_thread_goes_on_without_its_struct),
        SUPPORT_TEST(test_how_a_thread_ends_otherwise),
        SUPPORT_TEST(test_what_it_held_has_no_owner),
        SUPPORT_TEST(test_all_who_join_get_the_result),
        SUPPORT_TEST(test_a_join_is_cancelled_and_leaves_the_others),
        SUPPORT_TEST(test_it_cannot_join_itself),
        SUPPORT_TEST(test_the_joiner_holds_what_the_thread_wants),
        SUPPORT_TEST(test_the_thread_wants_what_the_joiner_holds),
        SUPPORT_TEST(test_a_ring_of_three_with_a_join),
        SUPPORT_TEST(test_a_destructor_wants_what_the_joiner_holds),
        SUPPORT_TEST(test_a_context_that_left_its_thread_is_not_the_thread),
        SUPPORT_TEST(test_a_thread_that_waits_for_one_who_runs),
        SUPPORT_TEST(test_in_a_child_the_parents_threads_do_not_run),
    };
    if (lg_context_set_name("main") != LG_OK)
        return 1;
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
