/* The barrier: rounds, the action, and all the ways in which it breaks. */
#include "support/scope.h"
#include "support/signals.h"
#include "support/thing.h"

#include "plat/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define CREW 4

static struct lg_barrier b;
static struct crew_worker *crew[CREW];
static struct arrival_at at[CREW];

static void begin_with(uint32_t parties, lg_barrier_action *action, void *arg)
{
    assert_int_equal(lg_barrier_init(&b, "b", parties, action, arg), LG_OK);
    for (unsigned i = 0; i < CREW; i++) {
        crew[i] = crew_hire_numbered("w", i);
        at[i] = (struct arrival_at){&b, LG_FOREVER, 99};
    }
}

static void begin(uint32_t parties)
{
    begin_with(parties, NULL, NULL);
}

static void let_wait(unsigned i)
{
    crew_run(crew[i], step_arrive, &at[i]);
    crew_wait_blocked_on(crew[i], &b);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    static struct lg_barrier zero;
    assert_int_equal(lg_barrier_init(NULL, "b", 1, NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_init(&b, "b", 0, NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_init(&b, "b", (uint32_t)-1, NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_init(&b, "b", LG_BARRIER_MAX, NULL, NULL), LG_OK);
    assert_int_equal(lg_barrier_wait((struct lg_barrier *)NULL, LG_FOREVER, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_wait(&zero, LG_FOREVER, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_register((struct lg_barrier *)NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_barrier_unregister(NULL, NULL), LG_EINVAL);
    lg_barrier_abort(NULL);
    lg_barrier_reset(NULL);
    lg_barrier_destroy(NULL);
    assert_int_equal(lg_barrier_is_broken(NULL), 0);
    assert_int_equal(lg_barrier_waiting(NULL), 0);
    assert_int_equal(lg_barrier_parties(NULL), 0);
}

static void test_rounds_and_indices(void **state)
{
    (void)state;
    begin(3);
    for (int round = 0; round < 5; round++) {
        let_wait(0);
        let_wait(1);
        assert_int_equal(lg_barrier_waiting(&b), 2);
        assert_int_equal(crew_do(crew[2], step_arrive, &at[2]), LG_OK);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(crew_wait(crew[i]), LG_OK);
            assert_int_equal(at[i].index, i);
        }
        assert_int_equal(lg_barrier_waiting(&b), 0);
        assert_int_equal(b.round, round + 1);
    }
    assert_int_equal(lg_barrier_parties(&b), 3);
    lg_barrier_destroy(&b);
}

static void test_a_barrier_of_one(void **state)
{
    (void)state;
    uint32_t index = 9;
    begin(1);
    assert_int_equal(lg_barrier_wait(&b, LG_TRY, &index), LG_OK);
    assert_int_equal(index, 0);
    assert_int_equal(lg_barrier_wait(&b, 1, NULL), LG_OK);
    lg_barrier_destroy(&b);
}

/* Without waiting only the last may arrive; whoever is not has changed nothing. */
static void test_trying(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(lg_barrier_wait(&b, LG_TRY, NULL), LG_EBUSY);
    assert_int_equal(lg_barrier_wait(&b, 1, NULL), LG_ETIMEDOUT);
    assert_string_equal(lg_report_last()->noun, "barrier");
    assert_int_equal(lg_barrier_is_broken(&b), 0);
    assert_int_equal(lg_barrier_waiting(&b), 0);
    let_wait(0);
    assert_int_equal(lg_barrier_wait(&b, LG_TRY, NULL), LG_OK);
    assert_int_equal(crew_wait(crew[0]), LG_OK);
    lg_barrier_destroy(&b);
}

/* ---- Breaking ---------------------------------------------------------------------------------- */

static void test_a_timeout_breaks_it_for_all(void **state)
{
    (void)state;
    begin(4);
    let_wait(0);
    let_wait(1);
    at[2].deadline = lg_after_ms(2);
    assert_int_equal(crew_do(crew[2], step_arrive, &at[2]), LG_ETIMEDOUT);
    expect_detail(crew[2], LG_REPORT_TIMEOUT, "");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(crew_wait(crew[i]), LG_EBROKEN);
        expect_detail(crew[i], LG_REPORT_BROKEN, "w2 has waited until its deadline");
    }
    assert_int_equal(lg_barrier_is_broken(&b), 1);
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_EBROKEN);
    assert_int_equal(lg_barrier_wait(&b, LG_TRY, NULL), LG_EBROKEN);
    lg_barrier_reset(&b);
    assert_int_equal(lg_barrier_is_broken(&b), 0);
    at[2].deadline = LG_FOREVER;
    for (unsigned i = 0; i < 3; i++)
        let_wait(i);
    assert_int_equal(crew_do(crew[3], step_arrive, &at[3]), LG_OK);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(crew_wait(crew[i]), LG_OK);
    lg_barrier_destroy(&b);
}

static void test_a_cancel_breaks_it(void **state)
{
    (void)state;
    struct scope its;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    begin(3);
    struct crew_worker *d = hire_in(&its, token, "D");
    let_wait(0);
    crew_run(d, step_barrier_wait, &b);
    crew_wait_blocked_on(d, &b);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(d), LG_ECANCELED);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    expect_detail(crew[0], LG_REPORT_BROKEN, "D was cancelled");
    (void)crew_do(d, step_leave, &its);
    lg_cancel_destroy(token);
    lg_barrier_destroy(&b);
}

static void test_abort_and_reset(void **state)
{
    (void)state;
    begin(3);
    let_wait(0);
    let_wait(1);
    lg_barrier_abort(&b);
    lg_barrier_abort(&b);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(crew_wait(crew[i]), LG_EBROKEN);
        expect_detail(crew[i], LG_REPORT_BROKEN, "main has called lg_barrier_abort");
    }
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_EBROKEN);
    lg_barrier_reset(&b);
    let_wait(0);
    lg_barrier_reset(&b);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    expect_detail(crew[0], LG_REPORT_BROKEN, "main has called lg_barrier_reset");
    assert_int_equal(lg_barrier_is_broken(&b), 0);
    lg_barrier_destroy(&b);
}

/* ---- The action -------------------------------------------------------------------------------- */

struct act {
    uint32_t runs;
    int status;
    uint32_t is_held;   /* atomic; it waits while this is set */
    uint32_t is_inside; /* atomic */
    int status_of_wait; /* of a wait for its own barrier */
};

static int run_act(void *arg)
{
    struct act *act = arg;
    act->runs++;
    __atomic_store_n(&act->is_inside, 1, __ATOMIC_SEQ_CST);
    act->status_of_wait = lg_barrier_wait(&b, LG_FOREVER, NULL);
    while (__atomic_load_n(&act->is_held, __ATOMIC_SEQ_CST))
        sched_yield();
    __atomic_store_n(&act->is_inside, 0, __ATOMIC_SEQ_CST);
    return act->status;
}

static void wait_inside(const struct act *act)
{
    while (!__atomic_load_n(&act->is_inside, __ATOMIC_SEQ_CST))
        sched_yield();
}

static void let_go_on(struct act *act)
{
    __atomic_store_n(&act->is_held, 0, __ATOMIC_SEQ_CST);
}

static void test_the_last_runs_the_action(void **state)
{
    (void)state;
    struct act act = {.is_held = 1};
    begin_with(2, run_act, &act);
    let_wait(0);
    crew_run(crew[1], step_arrive, &at[1]);
    wait_inside(&act);
    assert_true(crew_is_blocked(crew[0]));
    let_wait(2); /* early: belongs to the next round */
    assert_int_equal(lg_barrier_wait(&b, LG_TRY, NULL), LG_EBUSY);
    let_go_on(&act);
    assert_int_equal(crew_wait(crew[0]), LG_OK);
    assert_int_equal(crew_wait(crew[1]), LG_OK);
    assert_int_equal(at[0].index, 0);
    assert_int_equal(at[1].index, 1);
    assert_int_equal(act.status_of_wait, LG_EINVAL);
    crew_wait_blocked_on(crew[2], &b);
    assert_int_equal(crew_do(crew[3], step_arrive, &at[3]), LG_OK);
    assert_int_equal(crew_wait(crew[2]), LG_OK);
    assert_int_equal(at[2].index, 0);
    assert_int_equal(act.runs, 2);
    lg_barrier_destroy(&b);
}

static void test_an_action_that_fails_breaks_it(void **state)
{
    (void)state;
    struct act act = {.status = LG_EDRIVER};
    begin_with(2, run_act, &act);
    let_wait(0);
    assert_int_equal(crew_do(crew[1], step_arrive, &at[1]), LG_EDRIVER);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    expect_detail(crew[0], LG_REPORT_BROKEN, "w1 has run the action, which failed");
    assert_int_equal(lg_barrier_is_broken(&b), 1);
    lg_barrier_destroy(&b);
}

/* One of those who wait gives up while the action runs; and a reset meanwhile. */
static void test_breaking_during_the_action(void **state)
{
    (void)state;
    struct act act = {.is_held = 1};
    begin_with(3, run_act, &act);
    let_wait(0);
    at[1].deadline = lg_after_ms(30);
    crew_run(crew[1], step_arrive, &at[1]);
    crew_wait_blocked(crew[1]);
    crew_run(crew[2], step_arrive, &at[2]);
    wait_inside(&act);
    assert_int_equal(crew_wait(crew[1]), LG_ETIMEDOUT);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    lg_barrier_reset(&b);
    let_wait(0); /* of the new round */
    let_go_on(&act);
    assert_int_equal(crew_wait(crew[2]), LG_EBROKEN);
    assert_true(crew_is_blocked(crew[0]));
    lg_barrier_abort(&b);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    lg_barrier_destroy(&b);
}

/* ---- Lifetime and fork ------------------------------------------------------------------------- */

static int destroy(void *barrier)
{
    lg_barrier_destroy(barrier);
    return 0;
}

static void test_destroy_while_waited_for(void **state)
{
    (void)state;
    begin(2);
    let_wait(0);
    struct support_panic panic = support_panic_of(destroy, &b);
    assert_true(panic.has_happened);
    assert_string_equal(panic.object, "b");
    lg_barrier_abort(&b);
    assert_int_equal(crew_wait(crew[0]), LG_EBROKEN);
    lg_barrier_destroy(&b);
}

/* Whoever is back first destroys and frees it, while the others are on their way (ASan). */
struct shared {
    struct lg_barrier *barrier;
    uint32_t back; /* atomic */
};

static int wait_and_free(void *arg)
{
    struct shared *shared = arg;
    struct lg_barrier *barrier = shared->barrier;
    int status = lg_barrier_wait(barrier, LG_FOREVER, NULL);
    if (__atomic_fetch_add(&shared->back, 1, __ATOMIC_SEQ_CST) == 0) {
        lg_barrier_destroy(barrier);
        free(barrier);
    }
    return status;
}

/* In every second round with registered parties: then the detector looks at it too. */
static void test_the_first_who_is_back_may_free_it(void **state)
{
    (void)state;
    begin(1);
    for (unsigned i = 0; i < SUPPORT_ROUNDS(2000u); i++) {
        struct shared shared = {.barrier = malloc(sizeof(struct lg_barrier))};
        assert_int_equal(lg_barrier_init(shared.barrier, "short", 3, NULL, NULL), LG_OK);
        for (unsigned j = 0; i % 2 && j < 3; j++)
            assert_int_equal(lg_barrier_register(shared.barrier, crew_context(crew[j])), LG_OK);
        for (unsigned j = 0; j < 3; j++)
            crew_run(crew[j], wait_and_free, &shared);
        for (unsigned j = 0; j < 3; j++)
            assert_int_equal(crew_wait(crew[j]), LG_OK);
    }
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_barrier_waiting(&b) == 0);
    SUPPORT_CHECK(lg_barrier_wait(&b, LG_TRY, NULL) == LG_EBUSY); /* one is not enough */
    SUPPORT_CHECK(lg_barrier_is_broken(&b) == 0);
    lg_barrier_destroy(&b);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    begin(2);
    let_wait(0);
    assert_int_equal(support_fork(check_child, NULL), 0);
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_OK);
    assert_int_equal(crew_wait(crew[0]), LG_OK);
    lg_barrier_destroy(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_bad_arguments),
        SUPPORT_TEST(test_rounds_and_indices),
        SUPPORT_TEST(test_a_barrier_of_one),
        SUPPORT_TEST(test_trying),
        SUPPORT_TEST(test_a_timeout_breaks_it_for_all),
        SUPPORT_TEST(test_a_cancel_breaks_it),
        SUPPORT_TEST(test_abort_and_reset),
        SUPPORT_TEST(test_the_last_runs_the_action),
        SUPPORT_TEST(test_an_action_that_fails_breaks_it),
        SUPPORT_TEST(test_breaking_during_the_action),
        SUPPORT_TEST(test_destroy_while_waited_for),
        SUPPORT_TEST(test_the_first_who_is_back_may_free_it),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
