/* Timers: they run once, or were cancelled, never both. */
#include "support/locks.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <lifeguard/timer.h>

#include <sched.h>
#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_timer timer;
static uint32_t runs; /* atomic */
static char seen_name[LG_NAME_SIZE];

static void note(void *arg)
{
    (void)arg;
    lg_context_name(lg_context_self(), seen_name);
    lg__add_full(&runs, 1u);
}

static void begin(lg_deadline deadline)
{
    lg__store_full(&runs, 0u);
    assert_int_equal(lg_timer_start(&timer, "reminder", deadline, note, NULL), LG_OK);
}

static void test_it_runs_when_its_time_has_come(void **state)
{
    (void)state;
    const lg_deadline deadlines[] = {LG_TRY, 1, lg_after_ms(1), lg_after_ms(20)};
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        begin(deadlines[i]);
        assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
        assert_true(lg__now_ns() >= deadlines[i]);
        assert_int_equal(runs, 1);
        assert_string_equal(seen_name, "reminder");
        assert_int_equal(lg_timer_cancel(&timer), LG_EBUSY);
    }
}

static void test_it_does_not_run_once_cancelled(void **state)
{
    (void)state;
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++) {
        begin(i % 2 ? LG_FOREVER : lg_after_ms(1000000));
        if (i % 3 == 0)
            sched_yield();
        assert_int_equal(lg_timer_cancel(&timer), LG_OK);
        assert_int_equal(lg_timer_cancel(&timer), LG_OK);
        assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
        assert_int_equal(runs, 0);
    }
}

/* Whichever comes first, the two agree. */
static void test_a_cancel_at_its_very_time(void **state)
{
    (void)state;
    for (int i = 0; i < SUPPORT_ROUNDS(500); i++) {
        begin(lg__now_ns() + (uint64_t)(i % 50) * 2000);
        int status = lg_timer_cancel(&timer);
        assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
        assert_int_equal(status, runs ? LG_EBUSY : LG_OK);
    }
}

static void test_what_is_no_timer_is_refused(void **state)
{
    (void)state;
    struct lg_timer none = {0};
    assert_int_equal(lg_timer_start(NULL, "T", LG_TRY, note, NULL), LG_EINVAL);
    assert_int_equal(lg_timer_start(&none, "T", LG_TRY, NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_timer_cancel(NULL), LG_EINVAL);
    assert_int_equal(lg_timer_cancel(&none), LG_EINVAL);
    assert_int_equal(lg_timer_join(NULL, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_timer_join(&none, LG_FOREVER), LG_EINVAL);
}

static int status_inside;

static void cancel_itself(void *arg)
{
    (void)arg;
    status_inside = lg_timer_cancel(&timer);
}

static void test_a_cancel_from_within_is_too_late(void **state)
{
    (void)state;
    assert_int_equal(lg_timer_start(&timer, "T", LG_TRY, cancel_itself, NULL), LG_OK);
    assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
    assert_int_equal(status_inside, LG_EBUSY);
}

/* A join of one that sleeps is no deadlock, whatever the joiner holds: time passes for it. */
static void test_a_join_that_waits_for_time(void **state)
{
    (void)state;
    assert_int_equal(step_lock(&m), LG_OK);
    begin(LG_FOREVER);
    assert_int_equal(lg_timer_join(&timer, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_timer_join(&timer, lg_after_ms(1)), LG_ETIMEDOUT);
    assert_int_equal(lg_timer_cancel(&timer), LG_OK);
    assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
    step_unlock(&m);
}

static void lock_m(void *arg)
{
    *(int *)arg = step_lock(&m);
    if (*(int *)arg == LG_OK)
        step_unlock(&m);
}

/* One that runs and wants what the joiner holds is. */
static void test_a_join_that_waits_for_itself(void **state)
{
    (void)state;
    static int status = 1;
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_timer_start(&timer, "T", LG_TRY, lock_m, &status), LG_OK);
    crew_wait_asleep(lg_thread_context(&timer.thread));
    assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_EDEADLK);
    step_unlock(&m);
    assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
    assert_int_equal(status, LG_OK);
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_timer_join(&timer, LG_FOREVER) == LG_EFORK);
    SUPPORT_CHECK(lg_timer_cancel(&timer) == LG_OK);
    return 0;
}

static void test_it_stays_in_the_parent(void **state)
{
    (void)state;
    begin(LG_FOREVER);
    assert_int_equal(support_fork(check_child, NULL), 0);
    assert_int_equal(lg_timer_cancel(&timer), LG_OK);
    assert_int_equal(lg_timer_join(&timer, LG_FOREVER), LG_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_it_runs_when_its_time_has_come),
        SUPPORT_TEST(test_it_does_not_run_once_cancelled),
        SUPPORT_TEST(test_a_cancel_at_its_very_time),
        SUPPORT_TEST(test_what_is_no_timer_is_refused),
        SUPPORT_TEST(test_a_cancel_from_within_is_too_late),
        SUPPORT_TEST(test_a_join_that_waits_for_time),
        SUPPORT_TEST(test_a_join_that_waits_for_itself),
        SUPPORT_TEST(test_it_stays_in_the_parent),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
