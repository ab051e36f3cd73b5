/* The event: who passes, who sleeps, who is woken. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/signals.h"
#include "support/thing.h"

#include "plat/clock.h"
#include "plat/memory.h"

#include <stdlib.h>
#include <string.h>

#define HERD 5

static struct lg_event e;
static struct crew_worker *herd[HERD];

static void begin(uint32_t flags)
{
    assert_int_equal(lg_event_init(&e, "e", flags), LG_OK);
}

/* The first so many of the herd wait for e, asleep, in their order. */
static void let_wait(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!herd[i])
            herd[i] = crew_hire_numbered("waiter-", i);
        crew_run(herd[i], step_event_wait, &e);
        crew_wait_blocked_on(herd[i], &e);
    }
}

static unsigned count_blocked(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < HERD; i++)
        count += herd[i] && crew_is_blocked(herd[i]);
    return count;
}

static int forget_herd(void **state)
{
    memset(herd, 0, sizeof herd);
    return support_setup(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown((test), forget_herd, support_teardown)

static void test_bad_arguments(void **state)
{
    (void)state;
    assert_int_equal(lg_event_init(NULL, "e", 0), LG_EINVAL);
    assert_int_equal(lg_event_init(&e, "e", 2), LG_EINVAL);
    assert_int_equal(lg_event_wait((struct lg_event *)NULL, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_event_is_set(NULL), 0);
    lg_event_set(NULL);
    lg_event_reset(NULL);
    lg_event_destroy(NULL);
    assert_int_equal(lg_event_add_setter((struct lg_event *)NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_event_withdraw_setter(NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_event_transfer_setter((struct lg_event *)NULL, NULL, lg_context_self()),
                     LG_EINVAL);
    begin(0);
    assert_int_equal(lg_event_transfer_setter(&e, NULL, NULL), LG_EINVAL);
}

static void test_all_zero_is_an_event(void **state)
{
    (void)state;
    static struct lg_event zero;
    assert_int_equal(lg_event_is_set(&zero), 0);
    assert_int_equal(lg_event_wait(&zero, LG_TRY), LG_EBUSY);
    lg_event_set(&zero);
    assert_int_equal(lg_event_is_set(&zero), 1);
    assert_int_equal(lg_event_wait(&zero, LG_TRY), LG_OK);
    lg_event_destroy(&zero);
}

static void test_a_manual_one_stays_set(void **state)
{
    (void)state;
    begin(0);
    lg_event_set(&e);
    lg_event_set(&e);
    for (int i = 0; i < 3; i++)
        assert_int_equal(lg_event_wait(&e, i == 0 ? 1 : LG_FOREVER), LG_OK);
    lg_event_reset(&e);
    lg_event_reset(&e);
    assert_int_equal(lg_event_is_set(&e), 0);
    assert_int_equal(lg_event_wait(&e, LG_TRY), LG_EBUSY);
    lg_event_destroy(&e);
}

static void test_an_automatic_one_lets_one_pass(void **state)
{
    (void)state;
    begin(LG_EVENT_AUTO_RESET);
    lg_event_set(&e);
    lg_event_set(&e); /* met nobody: counts as one */
    assert_int_equal(lg_event_wait(&e, LG_TRY), LG_OK);
    assert_int_equal(lg_event_wait(&e, LG_TRY), LG_EBUSY);
    lg_event_set(&e);
    lg_event_reset(&e);
    assert_int_equal(lg_event_wait(&e, LG_TRY), LG_EBUSY);
    lg_event_destroy(&e);
}

static void test_a_set_wakes_all(void **state)
{
    (void)state;
    begin(0);
    let_wait(HERD);
    uint64_t allocs = lg__alloc_count();
    lg_event_set(&e);
    for (unsigned i = 0; i < HERD; i++)
        assert_int_equal(crew_wait(herd[i]), LG_OK);
    assert_true(lg__alloc_count() == allocs);
    lg_event_destroy(&e);
}

/* However soon it is reset, and although nobody has run meanwhile. */
static void test_a_pulse_lets_pass_who_waited(void **state)
{
    (void)state;
    begin(0);
    for (int round = 0; round < 20; round++) {
        let_wait(HERD);
        lg_event_set(&e);
        lg_event_reset(&e);
        for (unsigned i = 0; i < HERD; i++)
            assert_int_equal(crew_wait(herd[i]), LG_OK);
        assert_int_equal(lg_event_is_set(&e), 0);
    }
    lg_event_destroy(&e);
}

static void test_sets_of_an_automatic_one_go_in_order(void **state)
{
    (void)state;
    begin(LG_EVENT_AUTO_RESET);
    let_wait(HERD);
    for (unsigned i = 0; i < HERD; i++) {
        lg_event_set(&e);
        assert_int_equal(crew_wait(herd[i]), LG_OK);
        assert_int_equal(count_blocked(), HERD - 1 - i);
        assert_int_equal(lg_event_is_set(&e), 0); /* it was handed over */
    }
    lg_event_set(&e);
    assert_int_equal(lg_event_is_set(&e), 1);
    lg_event_destroy(&e);
}

/* As many sets as waiters, all before anybody runs: none is lost. */
static void test_sets_in_a_row_are_not_one(void **state)
{
    (void)state;
    begin(LG_EVENT_AUTO_RESET);
    for (int round = 0; round < 20; round++) {
        let_wait(HERD);
        for (unsigned i = 0; i < HERD; i++)
            lg_event_set(&e);
        for (unsigned i = 0; i < HERD; i++)
            assert_int_equal(crew_wait(herd[i]), LG_OK);
        assert_int_equal(lg_event_is_set(&e), 0);
    }
    lg_event_destroy(&e);
}

static int wait_a_moment(void *event)
{
    return lg_event_wait((struct lg_event *)event, lg_after_ms(2));
}

static void test_a_timeout_is_not_early_and_has_a_report(void **state)
{
    (void)state;
    begin(0);
    lg_deadline deadlines[] = {1, lg_after_ms(0), lg_after_ms(3)};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(lg_event_wait(&e, deadlines[i]), LG_ETIMEDOUT);
        assert_true(lg__now_ns() >= deadlines[i]);
        assert_int_equal(lg_report_last()->kind, LG_REPORT_TIMEOUT);
        assert_string_equal(lg_report_last()->noun, "event");
        assert_string_equal(lg_report_last()->name, "e");
    }
    lg_event_destroy(&e);
}

/* Who has left is not woken in the place of another, and swallows no set. */
static void test_who_gives_up_takes_no_set_along(void **state)
{
    (void)state;
    begin(LG_EVENT_AUTO_RESET);
    struct crew_worker *late = crew_hire("late");
    crew_run(late, wait_a_moment, &e);
    let_wait(2);
    assert_int_equal(crew_wait(late), LG_ETIMEDOUT);
    lg_event_set(&e);
    assert_int_equal(crew_wait(herd[0]), LG_OK);
    lg_event_set(&e);
    assert_int_equal(crew_wait(herd[1]), LG_OK);
    lg_event_destroy(&e);
}

static void test_cancel(void **state)
{
    (void)state;
    struct scope its;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = hire_in(&its, token, "A");
    begin(0);
    crew_run(a, step_event_wait, &e);
    crew_wait_blocked_on(a, &e);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    assert_int_equal(crew_do(a, step_event_wait, &e), LG_ECANCELED); /* requested already */
    lg_event_set(&e);
    assert_int_equal(crew_do(a, step_event_wait, &e), LG_OK); /* needs no wait */
    (void)crew_do(a, step_leave, &its);
    lg_cancel_destroy(token);
    lg_event_destroy(&e);
}

/* Anybody may set it: two who wait for events while they hold what the other wants are no deadlock. */
static void test_an_event_is_no_edge(void **state)
{
    (void)state;
    static struct lg_mutex m1 = LG_MUTEX_INIT("m1");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    begin(0);
    assert_int_equal(crew_do(a, step_lock, &m1), LG_OK);
    crew_run(a, step_event_wait, &e);
    crew_wait_blocked_on(a, &e);
    crew_run(b, step_lock, &m1);
    crew_wait_blocked_on(b, &m1);
    lg_event_set(&e);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m1);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m1);
    lg_event_destroy(&e);
}

static int destroy(void *event)
{
    lg_event_destroy(event);
    return 0;
}

static void test_destroy_while_waited_for(void **state)
{
    (void)state;
    begin(0);
    let_wait(1);
    struct support_panic panic = support_panic_of(destroy, &e);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "e");
    lg_event_set(&e);
    assert_int_equal(crew_wait(herd[0]), LG_OK);
    lg_event_destroy(&e);
}

static int wait_and_free(void *event)
{
    int status = lg_event_wait((struct lg_event *)event, LG_FOREVER);
    memset(event, 0xa5, sizeof(struct lg_event));
    free(event);
    return status;
}

/* The waiter frees the event as soon as it is back: the set does not touch it any more (ASan). */
static void test_a_waiter_may_free_it(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    for (unsigned i = 0; i < SUPPORT_ROUNDS(2000u); i++) {
        struct lg_event *event = malloc(sizeof *event);
        assert_int_equal(lg_event_init(event, "short", i % 2 ? LG_EVENT_AUTO_RESET : 0), LG_OK);
        crew_run(a, wait_and_free, event);
        if (i % 3 == 0)
            crew_wait_blocked(a);
        lg_event_set(event);
        assert_int_equal(crew_wait(a), LG_OK);
    }
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_event_wait(&e, LG_TRY) == LG_EBUSY);
    lg_event_set(&e); /* who waited is not here */
    SUPPORT_CHECK(lg_event_wait(&e, LG_FOREVER) == LG_OK);
    lg_event_destroy(&e);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    begin(0);
    let_wait(2);
    assert_int_equal(support_fork(check_child, NULL), 0);
    lg_event_set(&e);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(crew_wait(herd[i]), LG_OK);
    lg_event_destroy(&e);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bad_arguments),
        TEST(test_all_zero_is_an_event),
        TEST(test_a_manual_one_stays_set),
        TEST(test_an_automatic_one_lets_one_pass),
        TEST(test_a_set_wakes_all),
        TEST(test_a_pulse_lets_pass_who_waited),
        TEST(test_sets_of_an_automatic_one_go_in_order),
        TEST(test_sets_in_a_row_are_not_one),
        TEST(test_a_timeout_is_not_early_and_has_a_report),
        TEST(test_who_gives_up_takes_no_set_along),
        TEST(test_cancel),
        TEST(test_an_event_is_no_edge),
        TEST(test_destroy_while_waited_for),
        TEST(test_a_waiter_may_free_it),
        TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
