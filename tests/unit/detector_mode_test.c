/* LIFEGUARD_DETECT, the operator's switch.  Each test runs in a process of its own, because the
 * switch is read once. */
#include "support/ring.h"
#include "support/thing.h"

#include <string.h>

static struct lg_report report;

static void print_and_expect(const char *name, const char *setting, int expected)
{
    static char output[16384];
    int status = support_spawn(name, setting, output, sizeof output);
    if (status != expected)
        print_message("%s", output);
    assert_int_equal(status, expected);
}

/* A -> b, B -> a: nobody is told; A times out. */
static void let_a_ring_time_out(void)
{
    ring_open(2);
    ring_let_wait(0);
    ring_let_wait(1);
    assert_true(thing_time_out(crew_context(ring[0])));
    assert_int_equal(crew_wait(ring[0]), LG_ETIMEDOUT);
    assert_true(crew_is_blocked(ring[1]));
    (void)crew_do(ring[0], step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_int_equal(report.cause, LG_EXHAUSTION_DEADLOCK);
    assert_int_equal(report.member_count, 2);
    assert_int_equal(report.members[0].hold_count, 1); /* its part of the ring is in it too */
    assert_string_equal(report.members[1].context, "T1");
    assert_int_equal(report.members[1].need, 1);
    ring_unwind(2, 0);
}

static void ring_in_off_mode(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_DEBUG);
    let_a_ring_time_out();
    assert_int_equal(support_log_count(NULL), 0);
    /* A re-lock needs no detection. */
    assert_int_equal(step_lock(&ring_locks[0]), LG_OK);
    assert_int_equal(step_lock(&ring_locks[0]), LG_EDEADLK);
    step_unlock(&ring_locks[0]);
}

static void ring_in_log_mode(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    let_a_ring_time_out();
    assert_int_equal(support_log_count("deadlock"), 1);
    assert_int_equal(support_log_count(NULL), 1);
    const char *text = support_log_text("deadlock");
    assert_non_null(strstr(text, "deadlock on mutex \"m\", closed by T"));
    assert_non_null(strstr(text, "  T0  holds m ("));
    assert_non_null(strstr(text, "  T1  holds m ("));
    assert_null(strstr(text, "got LG_EDEADLK"));
}

/* The ring A -> b, B -> a stays, and is said once.  T -> a hangs off it: not said again.  U holds
 * u; V holds v and waits for u, U -> v: another ring, said. */
static void lasso_in_log_mode(void **state)
{
    (void)state;
    struct lg_mutex u = LG_MUTEX_INIT("u"), v = LG_MUTEX_INIT("v");
    struct crew_worker *t = crew_hire("T"), *U = crew_hire("U"), *V = crew_hire("V");
    support_log_begin(LG_LOG_WARN);
    ring_open(2);
    ring_let_wait(0);
    ring_let_wait(1);
    assert_int_equal(support_log_count("deadlock"), 1);
    crew_run(t, step_lock, &ring_locks[0]);
    crew_wait_blocked_on(t, &ring_locks[0]);
    assert_true(thing_time_out(crew_context(t)));
    assert_int_equal(crew_wait(t), LG_ETIMEDOUT);
    (void)crew_do(t, step_copy_report, &report);
    assert_int_equal(report.cause, LG_EXHAUSTION_DEADLOCK);
    assert_int_equal(report.member_count, 3);
    assert_int_equal(support_log_count("deadlock"), 1);
    assert_int_equal(crew_do(U, step_lock, &u), LG_OK);
    assert_int_equal(crew_do(V, step_lock, &v), LG_OK);
    crew_run(V, step_lock, &u);
    crew_wait_blocked_on(V, &u);
    crew_run(U, step_lock, &v);
    crew_wait_blocked_on(U, &v);
    assert_int_equal(support_log_count("deadlock"), 2);
    assert_true(thing_time_out(crew_context(U)));
    assert_int_equal(crew_wait(U), LG_ETIMEDOUT);
    (void)crew_do(U, step_unlock, &u);
    assert_int_equal(crew_wait(V), LG_OK);
    (void)crew_do(V, step_unlock, &u);
    (void)crew_do(V, step_unlock, &v);
    assert_true(thing_time_out(crew_context(ring[0])));
    assert_int_equal(crew_wait(ring[0]), LG_ETIMEDOUT);
    ring_unwind(2, 0);
}

/* In log mode the callback runs while the wait goes on, and may itself wait, for g, which G has. */
static struct lg_mutex callback_lock = LG_MUTEX_INIT("g");
static uint32_t callback_status;

static void lock_in_callback(void *arg, const struct lg_log_event *event)
{
    (void)arg, (void)event;
    LG_WITH_MUTEX(&callback_lock, LG_FOREVER, status) {
        lg__store_release(&callback_status, 1u);
    }
    if (status != LG_OK)
        lg__store_release(&callback_status, 2u);
}

static void callback_waits_in_log_mode(void **state)
{
    (void)state;
    struct crew_worker *g = crew_hire("G"), *c = crew_hire("C");
    ring_open(2);
    ring_let_wait(0);
    assert_int_equal(crew_do(g, step_lock, &callback_lock), LG_OK);
    lg_log_set(LG_LOG_WARN, lock_in_callback, NULL);
    crew_run(ring[1], step_lock_until, &ring_waits[1]);
    while (!(lg__load_acquire(&callback_lock.word) & 1)) /* the callback is queued for g */
        lg__cpu_relax();
    /* B's wait for a still stands, and others may queue behind it. */
    crew_run(c, step_lock, &ring_locks[0]);
    crew_wait_blocked_on(c, &ring_locks[0]);
    assert_ptr_equal(crew_context(ring[1])->wait.want.object, &ring_locks[0]);
    (void)crew_do(g, step_unlock, &callback_lock);
    crew_wait_blocked_on(ring[1], &ring_locks[0]);
    assert_int_equal(lg__load_acquire(&callback_status), 1);
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    assert_true(thing_time_out(crew_context(ring[0])));
    assert_int_equal(crew_wait(ring[0]), LG_ETIMEDOUT);
    ring_unwind(2, 0);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &ring_locks[0]);
}

static void ring_in_error_mode(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_DEBUG);
    ring_try(2);
    assert_int_equal(support_log_count("deadlock"), 1); /* at INFO, for whoever asks */
    assert_non_null(strstr(support_log_text("deadlock"), "T1 got LG_EDEADLK: release m"));
}

#define MODE_CASE(name, ...)                                                                       \
    static int name(void)                                                                          \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return support_end(cmocka_run_group_tests(tests, support_begin, NULL));                    \
    }

MODE_CASE(case_off, SUPPORT_TEST(ring_in_off_mode))
MODE_CASE(case_log, SUPPORT_TEST(ring_in_log_mode), SUPPORT_TEST(lasso_in_log_mode))
MODE_CASE(case_log_callback, SUPPORT_TEST(callback_waits_in_log_mode))
MODE_CASE(case_error, SUPPORT_TEST(ring_in_error_mode))

static void test_off_looks_for_nothing(void **state)
{
    (void)state;
    print_and_expect("off", "LIFEGUARD_DETECT=off", 0);
}

static void test_log_says_and_waits_on(void **state)
{
    (void)state;
    print_and_expect("log", "LIFEGUARD_DETECT=log", 0);
}

static void test_log_callback_may_wait(void **state)
{
    (void)state;
    print_and_expect("log callback", "LIFEGUARD_DETECT=log", 0);
}

static void test_error_is_the_default(void **state)
{
    (void)state;
    print_and_expect("error", "LIFEGUARD_DETECT=error", 0);
    print_and_expect("error", "LIFEGUARD_DETECTOR=off", 0); /* another variable */
}

static int deadlock_twice(void)
{
    for (int i = 0; i < 2; i++) {
        struct lg_context *x = thing_ghost("X");
        struct thing t = {.name = "t", .capacity = 1};
        struct lg__want want = thing_want(&t, 1);
        thing_hold(&t, x, 1);
        SUPPORT_CHECK(thing_ghost_waits(x, &want) == LG__WAIT_VICTIM);
        thing_bury(x);
    }
    return 0;
}

static void test_another_word_is_said_once_and_means_error(void **state)
{
    (void)state;
    char output[1024];
    static const char *const words[] = {"LIFEGUARD_DETECT=ERROR", "LIFEGUARD_DETECT=",
                                        "LIFEGUARD_DETECT=yes please, as loud as you can"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(support_spawn("twice", words[i], output, sizeof output), 0);
        const char *line = strstr(output, "lifeguard: LIFEGUARD_DETECT is \"");
        assert_non_null(line);
        assert_non_null(strstr(line, "which is none of error, log, off; using error\n"));
        assert_null(strstr(line + 1, "lifeguard: "));
    }
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {
        {"off", case_off},     {"log", case_log},         {"log callback", case_log_callback},
        {"error", case_error}, {"twice", deadlock_twice}, {NULL, NULL},
    };
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_off_looks_for_nothing),
        SUPPORT_TEST(test_log_says_and_waits_on),
        SUPPORT_TEST(test_log_callback_may_wait),
        SUPPORT_TEST(test_error_is_the_default),
        SUPPORT_TEST(test_another_word_is_said_once_and_means_error),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
