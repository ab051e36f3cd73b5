/* The robust mutex in one process: each status, each misuse, its place in the graph. */
#include "support/locks.h"
#include "support/robust.h"
#include "support/scope.h"
#include "support/thing.h"

#include "graph/context.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

/* Each test is run with every combination of LG_ROBUST_SHARED and LG_ROBUST_INHERIT. */
static uint32_t sort;

static struct lg_robust_mutex *make(const char *name)
{
    return robust_make(sort, name);
}

static lg_deadline in_hours(unsigned hours)
{
    return lg_after_ms(hours * 3600000ull);
}

/* ---- By itself ------------------------------------------------------------------------------- */

static void test_init(void **state)
{
    (void)state;
    struct lg_robust_mutex mutex, zeroed = {.name = ""};
    assert_int_equal(lg_robust_mutex_init(NULL, "m", 0), LG_EINVAL);
    assert_int_equal(lg_robust_mutex_init(&mutex, "m", 4), LG_EINVAL);
    assert_int_equal(step_robust_lock(NULL), LG_EINVAL);
    assert_int_equal(step_robust_recover(NULL), LG_EINVAL);
    assert_int_equal(step_robust_is_held(NULL), 0);
    assert_int_equal(step_robust_lock(&zeroed), LG_EINVAL);
    assert_int_equal(step_robust_try(&zeroed), LG_EINVAL);
    assert_int_equal(step_robust_recover(&zeroed), LG_EINVAL);
    lg_robust_mutex_destroy(&zeroed);
    lg_robust_mutex_destroy(NULL);
    assert_int_equal(
        lg_robust_mutex_init(&mutex, "a name that is longer than thirty-one bytes is cut", sort),
        LG_OK);
    assert_string_equal(mutex.name, "a name that is longer than thir");
    lg_robust_mutex_destroy(&mutex);
    assert_int_equal(step_robust_lock(&mutex), LG_EINVAL);
    assert_int_equal(lg_robust_mutex_init(&mutex, NULL, sort), LG_OK);
    assert_int_equal(step_robust_lock(&mutex), LG_OK);
    assert_int_equal(step_robust_unlock(&mutex), LG_OK);
    lg_robust_mutex_destroy(&mutex);
}

static void test_lock_and_unlock(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step_robust_is_held(m), 0);
        assert_int_equal(i ? step_robust_try(m) : step_robust_lock(m), LG_OK);
        assert_int_equal(step_robust_is_held(m), 1);
        assert_int_equal(lg__held_count(lg__self), 1);
        assert_int_equal(crew_do(a, step_robust_is_held, m), 0);
        assert_int_equal(crew_do(a, step_robust_try, m), LG_EBUSY);
        assert_int_equal(crew_do(a, step_robust_recover, m), LG_EBUSY);
        assert_int_equal(step_robust_recover(m), LG_EBUSY);
        (void)step_robust_unlock(m);
        assert_int_equal(lg__held_count(lg__self), 0);
        assert_int_equal(crew_do(a, step_robust_recover, m), LG_EBUSY);
        assert_int_equal(crew_do(a, step_robust_try, m), LG_OK);
        (void)crew_do(a, step_robust_unlock, m);
    }
    robust_free(m);
}

static void test_block_form(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    int runs = 0;
    LG_WITH_ROBUST_MUTEX(m, LG_FOREVER, status) {
        runs += lg_robust_mutex_is_held(m);
        LG_WITH_ROBUST_MUTEX(m, LG_TRY, again) {
            runs = 100;
        }
        assert_int_equal(again, LG_EBUSY);
    }
    assert_int_equal(status, LG_OK);
    assert_int_equal(runs, 1);
    assert_int_equal(step_robust_is_held(m), 0);
    robust_free(m);
}

static void test_a_second_lock_is_a_deadlock(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    assert_int_equal(step_robust_lock(m), LG_OK);
    assert_int_equal(step_robust_lock(m), LG_EDEADLK);
    const struct lg_report *report = lg_report_last();
    assert_int_equal(report->kind, LG_REPORT_DEADLOCK);
    assert_string_equal(report->name, "m");
    assert_string_equal(report->noun, "robust mutex");
    assert_int_equal(report->member_count, 1);
    assert_int_equal(step_robust_try(m), LG_EBUSY);
    assert_int_equal(step_robust_is_held(m), 1);
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* The kernel knows the thread: it would wait for itself. */
static void test_another_context_of_the_thread_cannot_wait(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    assert_int_equal(step_robust_lock(m), LG_OK);
    struct lg_context *first = lg_context_detach();
    assert_int_equal(step_robust_lock(m), LG_EDEADLK);
    assert_int_equal(step_robust_try(m), LG_EBUSY);
    assert_int_equal(step_robust_recover(m), LG_EBUSY);
    assert_int_equal(step_robust_is_held(m), 0);
    assert_int_equal(lg_context_resume(first), LG_OK);
    assert_int_equal(step_robust_is_held(m), 1);
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* ---- Waits ----------------------------------------------------------------------------------- */

static void test_a_waiter_gets_it(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step_robust_lock(m), LG_OK);
        crew_run(a, step_robust_lock, m);
        robust_wait_blocked(a, m);
        (void)step_robust_unlock(m);
        assert_int_equal(crew_wait(a), LG_OK);
        assert_int_equal(crew_do(a, step_robust_is_held, m), 1);
        assert_int_equal(thing_state(crew_context(a)), LG__WAIT_IDLE);
        (void)crew_do(a, step_robust_unlock, m);
    }
    robust_free(m);
}

static void test_a_deadline_ends_the_wait(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct robust_until past = {m, 1, "past.c:1"}, soon = {m, 0, "soon.c:1"};
    static struct lg_report report;
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    for (int i = 0; i < 2; i++) {
        soon.deadline = lg_after_ms(20); /* more than one slice */
        assert_int_equal(crew_do(b, step_robust_until, i ? &soon : &past), LG_ETIMEDOUT);
        (void)crew_do(b, step_copy_report, &report);
        assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(report.name, "m");
        assert_string_equal(report.place, i ? "soon.c:1" : "past.c:1");
        assert_int_equal(report.member_count, 2);
        assert_string_equal(report.members[1].context, "A");
        assert_true(report.cause != LG_EXHAUSTION_DEADLOCK);
    }
    (void)crew_do(a, step_robust_unlock, m);
    assert_int_equal(crew_do(b, step_robust_until, &past), LG_OK); /* free: nothing to wait for */
    (void)crew_do(b, step_robust_unlock, m);
    robust_free(m);
}

static void test_a_request_ends_the_wait(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct scope scope;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = hire_in(&scope, token, "A");
    assert_int_equal(step_robust_lock(m), LG_OK);
    crew_run(a, step_robust_lock, m);
    robust_wait_blocked(a, m);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_ECANCELED); /* at once */
    (void)step_robust_unlock(m);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK); /* does not wait */
    (void)crew_do(a, step_robust_unlock, m);
    (void)crew_do(a, step_leave, &scope);
    lg_cancel_destroy(token);
    robust_free(m);
}

static void test_a_token_s_deadline_ends_the_wait(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct scope scope;
    struct lg_cancel *token = token_below(NULL, lg_after_ms(5));
    struct crew_worker *a = hire_in(&scope, token, "A");
    assert_int_equal(step_robust_lock(m), LG_OK);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_ETIMEDOUT);
    (void)crew_do(a, step_leave, &scope);
    lg_cancel_destroy(token);
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* ---- Deadlocks ------------------------------------------------------------------------------- */

/* A holds `a` and wants the robust m; B holds m and wants `a`.  Whose deadline comes first is told: the one who
 * closes it, or the other one, who sleeps in the kernel. */
static void try_ring(bool closer_is_told)
{
    struct lg_mutex a = LG_MUTEX_INIT("a");
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    struct robust_until want_m = {m, in_hours(closer_is_told ? 2 : 1), "A.c:1"};
    struct lock_until want_a = {&a, in_hours(closer_is_told ? 1 : 2), "B.c:1"};
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_robust_lock, m), LG_OK);
    crew_run(A, step_robust_until, &want_m);
    robust_wait_blocked(A, m);
    crew_run(B, step_lock_until, &want_a);
    if (closer_is_told) {
        assert_int_equal(crew_wait(B), LG_EDEADLK);
        (void)crew_do(B, step_robust_unlock, m);
        assert_int_equal(crew_wait(A), LG_OK);
        (void)crew_do(A, step_robust_unlock, m);
        (void)crew_do(A, step_unlock, &a);
    } else {
        assert_int_equal(crew_wait(A), LG_EDEADLK);
        (void)crew_do(A, step_unlock, &a);
        assert_int_equal(crew_wait(B), LG_OK);
        (void)crew_do(B, step_unlock, &a);
        (void)crew_do(B, step_robust_unlock, m);
    }
    crew_leave(A);
    crew_leave(B);
    robust_free(m);
}

static void test_a_ring_is_found(void **state)
{
    (void)state;
    try_ring(true);
    try_ring(false);
}

static void test_the_closer_is_told_who_is_in_it(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m"), *n = make("n");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct robust_until want_n = {n, in_hours(2), "A.c:1"}, want_m = {m, in_hours(1), "B.c:1"};
    static struct lg_report report;
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    assert_int_equal(crew_do(b, step_robust_lock, n), LG_OK);
    crew_run(a, step_robust_until, &want_n);
    robust_wait_blocked(a, n);
    assert_int_equal(crew_do(b, step_robust_until, &want_m), LG_EDEADLK);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.victim, "B");
    for (unsigned i = 0; i < 2; i++) {
        bool is_a = strcmp(report.members[i].context, "A") == 0;
        assert_string_equal(report.members[i].waits_name, is_a ? "n" : "m");
        assert_string_equal(report.members[i].waits_place, is_a ? "A.c:1" : "B.c:1");
        assert_string_equal(report.members[i].holds[0].name, is_a ? "m" : "n");
    }
    (void)crew_do(b, step_robust_unlock, n);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_robust_unlock, n);
    (void)crew_do(a, step_robust_unlock, m);
    robust_free(m);
    robust_free(n);
}

/* A waits for m of B, who waits for n of C, who runs. */
static void test_a_chain_is_no_deadlock(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m"), *n = make("n");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_DEBUG);
    assert_int_equal(crew_do(b, step_robust_lock, m), LG_OK);
    assert_int_equal(crew_do(c, step_robust_lock, n), LG_OK);
    crew_run(b, step_robust_lock, n);
    robust_wait_blocked(b, n);
    crew_run(a, step_robust_lock, m);
    robust_wait_blocked(a, m);
    assert_int_equal(crew_do(c, step_robust_try, m), LG_EBUSY);
    (void)crew_do(c, step_robust_unlock, n);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_robust_unlock, m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_robust_unlock, m);
    (void)crew_do(b, step_robust_unlock, n);
    assert_int_equal(support_log_count("deadlock"), 0);
    robust_free(m);
    robust_free(n);
}

static int step_detach(void *arg)
{
    (void)arg;
    return lg_context_detach() ? LG_OK : LG_ENOMEM;
}

static int step_resume(void *context)
{
    return lg_context_resume(context);
}

/* ---- Owner death ----------------------------------------------------------------------------- */

static void test_a_dead_owner(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    crew_run(b, step_robust_lock, m);
    robust_wait_blocked(b, m);
    crew_run(c, step_robust_lock, m);
    robust_wait_blocked(c, m);
    crew_leave(a);
    assert_int_equal(crew_wait(b), LG_EOWNERDEAD);
    assert_int_equal(crew_wait(c), LG_EOWNERDEAD);
    assert_int_equal(support_log_count("ended-holding"), 1);
    assert_int_equal(crew_do(b, step_robust_is_held, m), 0);
    assert_int_equal(step_robust_lock(m), LG_EOWNERDEAD);
    assert_int_equal(step_robust_try(m), LG_EOWNERDEAD);
    assert_int_equal(crew_do(b, step_robust_recover, m), LG_OK);
    assert_int_equal(crew_do(b, step_robust_is_held, m), 1);
    assert_int_equal(crew_do(b, step_robust_recover, m), LG_EBUSY);
    assert_int_equal(step_robust_recover(m), LG_EBUSY);
    crew_run(c, step_robust_lock, m);
    robust_wait_blocked(c, m);
    (void)crew_do(b, step_robust_unlock, m);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_robust_unlock, m);
    robust_free(m);
}

/* Recovered at once, before anybody has asked; and the recoverer dies too. */
static void test_a_recoverer_may_die(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    crew_leave(a);
    for (int i = 0; i < 3; i++) {
        a = crew_hire("A");
        if (i == 1)
            assert_int_equal(crew_do(a, step_robust_lock, m), LG_EOWNERDEAD);
        assert_int_equal(crew_do(a, step_robust_recover, m), LG_OK);
        crew_leave(a);
    }
    assert_int_equal(step_robust_lock(m), LG_EOWNERDEAD);
    assert_int_equal(step_robust_recover(m), LG_OK);
    (void)step_robust_unlock(m);
    assert_int_equal(step_robust_lock(m), LG_OK);
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* What nobody recovered can be destroyed; nobody has heard of the death, or somebody has. */
static void test_what_is_dead_can_be_destroyed(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    for (int has_asked = 0; has_asked < 2; has_asked++) {
        struct lg_robust_mutex *m = make("m");
        struct crew_worker *a = crew_hire("A");
        assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
        crew_leave(a);
        if (has_asked)
            assert_int_equal(step_robust_lock(m), LG_EOWNERDEAD);
        robust_free(m);
    }
}

/* The context is ended by another, its thread lives: locked until that ends too. */
static void test_the_thread_counts_not_its_context(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    support_log_begin(LG_LOG_WARN);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    struct robust_until soon = {m, lg_after_ms(3), NULL};
    struct lg_context *context = crew_context(a);
    assert_int_equal(crew_do(a, step_detach, NULL), LG_OK);
    assert_int_equal(lg_context_end(context), LG_OK);
    assert_int_equal(step_robust_until(&soon), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->member_count, 1); /* its holder is nobody */
    crew_leave(a);
    assert_int_equal(step_robust_lock(m), LG_EOWNERDEAD);
    robust_free(m);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

static int destroy(void *mutex)
{
    lg_robust_mutex_destroy(mutex);
    return 0;
}

static void expect_panic(support_step *step, struct lg_robust_mutex *mutex, const char *words)
{
    struct support_panic panic = support_panic_of(step, mutex);
    assert_true(panic.has_happened);
    assert_non_null(strstr(panic.rule, words));
    assert_string_equal(panic.object, "m");
}

static void test_panics(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    expect_panic(step_robust_unlock, m, "does not hold it");
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    expect_panic(step_robust_unlock, m, "does not hold it");
    expect_panic(destroy, m, "destroyed while held");
    crew_run(b, step_robust_lock, m);
    robust_wait_blocked(b, m);
    expect_panic(destroy, m, "destroyed while waited for");
    (void)crew_do(a, step_robust_unlock, m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_robust_unlock, m);
    assert_int_equal(step_robust_lock(m), LG_OK);
    expect_panic(destroy, m, "destroyed while held");
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* A context that moves to another thread with it. */
static void test_unlock_on_another_thread_panics(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    struct lg_context *own = lg_context_detach(), *moved = crew_context(a);
    assert_int_equal(crew_do(a, step_detach, NULL), LG_OK);
    assert_int_equal(lg_context_resume(moved), LG_OK);
    assert_int_equal(step_robust_is_held(m), 0);
    expect_panic(step_robust_unlock, m, "on another thread");
    assert_ptr_equal(lg_context_detach(), moved);
    assert_int_equal(lg_context_resume(own), LG_OK);
    assert_int_equal(crew_do(a, step_resume, moved), LG_OK);
    assert_int_equal(crew_do(a, step_robust_unlock, m), LG_OK);
    robust_free(m);
}

static int die_with_it(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

/* Somebody uses its bytes as pthread's, and forgets what we never do. */
static void test_what_cannot_be_recovered(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = make("m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, die_with_it, m->kernel), 0);
    crew_leave(a);
    assert_int_equal(pthread_mutex_trylock((pthread_mutex_t *)m->kernel), EOWNERDEAD);
    assert_int_equal(pthread_mutex_unlock((pthread_mutex_t *)m->kernel), 0);
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(step_robust_lock(m), LG_ESYS);
    assert_int_equal(step_robust_try(m), LG_ESYS);
    assert_int_equal(step_robust_recover(m), LG_ESYS);
    assert_int_equal(support_log_count("robust-mutex"), 1);
    assert_non_null(strstr(support_log_text("robust-mutex"), "\"m\""));
    assert_int_equal(lg__held_count(lg__self), 0);
    robust_free(m);
}

#define TESTS(X)                                                                                   \
    X(test_init)                                                                                   \
    X(test_lock_and_unlock)                                                                        \
    X(test_block_form)                                                                             \
    X(test_a_second_lock_is_a_deadlock)                                                            \
    X(test_another_context_of_the_thread_cannot_wait)                                              \
    X(test_a_waiter_gets_it)                                                                       \
    X(test_a_deadline_ends_the_wait)                                                               \
    X(test_a_request_ends_the_wait)                                                                \
    X(test_a_token_s_deadline_ends_the_wait)                                                       \
    X(test_a_ring_is_found)                                                                        \
    X(test_the_closer_is_told_who_is_in_it)                                                        \
    X(test_a_chain_is_no_deadlock)                                                                 \
    X(test_a_dead_owner)                                                                           \
    X(test_a_recoverer_may_die)                                                                    \
    X(test_what_is_dead_can_be_destroyed)                                                          \
    X(test_the_thread_counts_not_its_context)                                                      \
    X(test_panics)                                                                                 \
    X(test_unlock_on_another_thread_panics)                                                        \
    X(test_what_cannot_be_recovered)

static uint32_t sorts[ROBUST_SORTS] = {0, LG_ROBUST_SHARED, LG_ROBUST_INHERIT,
                                       LG_ROBUST_SHARED | LG_ROBUST_INHERIT};

static int begin(void **state)
{
    sort = *(uint32_t *)*state;
    return support_setup(state);
}

#define ENTRY(test, n) {#test " with flags " #n, test, begin, support_teardown, &sorts[n]},
#define ENTRY_0(test)  ENTRY(test, 0)
#define ENTRY_1(test)  ENTRY(test, 1)
#define ENTRY_2(test)  ENTRY(test, 2)
#define ENTRY_3(test)  ENTRY(test, 3)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TESTS(ENTRY_0) TESTS(ENTRY_1) TESTS(ENTRY_2) TESTS(ENTRY_3)};
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
