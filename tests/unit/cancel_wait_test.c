/* Cancelled waits, kind by kind: what ends, with which status, and what does not.
 *
 * "A -> m" is A waiting for m; A, unless it is said otherwise, is in a scope of `token`. */
#include "support/scope.h"
#include "support/thing.h"
#include "support/waiters.h"

#include "graph/cancel.h"
#include "plat/clock.h"

#include <limits.h>
#include <sched.h>
#include <string.h>

static struct lg_cancel *token;
static struct scope its;
static struct crew_worker *A;
static struct lg_report report;

static void begin(void)
{
    token = token_below(NULL, LG_FOREVER);
    A = hire_in(&its, token, "A");
}

static void end(void)
{
    (void)crew_do(A, step_leave, &its);
    crew_leave(A);
    assert_int_equal(token->references, 1);
    lg_cancel_destroy(token);
    expect_all_quiet();
}

/* A waits at c, in its scope. */
static void let_it_wait_at_c(void)
{
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    crew_run(A, step_wait, &for_ever);
    crew_wait_blocked_on(A, &c);
}

/* The waits at c of so many workers end with these statuses, whoever gets m first. */
static void expect_in_any_order(struct crew_worker **workers, const int *statuses, int count)
{
    bool is_done[4] = {false};
    for (int left = count; left > 0; sched_yield())
        for (int i = 0; i < count; i++)
            if (!is_done[i] && crew_is_idle(workers[i])) {
                expect_and_unlock(workers[i], statuses[i]);
                is_done[i] = true;
                left--;
            }
}

/* ---- The record ------------------------------------------------------------------------------ */

static enum lg__wait_state ghost_begins(struct lg_context *ghost, struct thing *thing)
{
    struct lg__want want = thing_want(thing, 1);
    lg__wait_begin(&ghost->wait, &want, LG__WAIT_WAITING);
    return thing_state(ghost);
}

/* K1, its two orders one after the other: the request comes first, or the wait. */
static void test_the_later_of_the_two_ends_the_wait(void **state)
{
    (void)state;
    struct thing thing = {.name = "thing", .capacity = 1};
    struct lg_cancel *root = token_below(NULL, LG_FOREVER), *leaf = token_below(root, LG_FOREVER);
    struct lg_context *ghost = thing_ghost("ghost");
    ghost->wait.cancel = leaf;
    assert_int_equal(ghost_begins(ghost, &thing), LG__WAIT_WAITING);
    lg_cancel_request(root);
    assert_int_equal(thing_state(ghost), LG__WAIT_CANCELLED);
    thing_ghost_runs(ghost);
    assert_int_equal(ghost_begins(ghost, &thing), LG__WAIT_CANCELLED);
    thing_ghost_runs(ghost);
    ghost->wait.cancel = NULL;
    assert_int_equal(ghost_begins(ghost, &thing), LG__WAIT_WAITING);
    lg_cancel_request(root);
    assert_int_equal(thing_state(ghost), LG__WAIT_WAITING);
    thing_ghost_runs(ghost);
    thing_bury(ghost);
    lg_cancel_destroy(leaf);
    lg_cancel_destroy(root);
}

static void test_the_earlier_deadline_is_the_waits(void **state)
{
    (void)state;
    struct thing thing = {.name = "thing", .capacity = 1};
    lg_deadline soon = lg_after_ms(1000000), later = lg_after_ms(2000000);
    struct lg__want want = thing_want(&thing, 1);
    struct lg_context *ghost = thing_ghost("ghost");
    ghost->wait.cancel = token_below(NULL, soon);
    const lg_deadline wanted[] = {LG_FOREVER, later, soon - 1}, got[] = {soon, soon, soon - 1};
    for (int i = 0; i < 3; i++) {
        want.deadline = wanted[i];
        lg__wait_begin(&ghost->wait, &want, LG__WAIT_WAITING);
        assert_true(ghost->wait.deadline == got[i]);
        assert_true(ghost->wait.want.deadline == got[i]);
        thing_ghost_runs(ghost);
    }
    want.deadline = LG_FOREVER;
    want.is_relock = true;
    lg_cancel_request(ghost->wait.cancel);
    lg__wait_begin(&ghost->wait, &want, LG__WAIT_WAITING);
    assert_true(ghost->wait.deadline == LG_FOREVER);
    assert_int_equal(thing_state(ghost), LG__WAIT_WAITING);
    lg_cancel_request(ghost->wait.cancel);
    assert_int_equal(thing_state(ghost), LG__WAIT_WAITING);
    thing_ghost_runs(ghost);
    lg_cancel_destroy(ghost->wait.cancel);
    ghost->wait.cancel = NULL;
    thing_bury(ghost);
}

/* ---- Mutex ----------------------------------------------------------------------------------- */

static void test_a_lock_is_cancelled(void **state)
{
    (void)state;
    begin();
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    assert_int_equal(crew_do(A, step_is_held, &m), 0);
    (void)crew_do(A, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_NONE);
    step_unlock(&m);
    end();
}

static void test_it_is_too_late_when_granted(void **state)
{
    (void)state;
    begin();
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    step_unlock(&m);
    assert_int_equal(crew_wait(A), LG_OK);
    lg_cancel_request(token);
    assert_int_equal(crew_do(A, step_is_held, &m), 1);
    (void)crew_do(A, step_unlock, &m);
    end();
}

/* Only a wait looks. */
static void test_after_the_request(void **state)
{
    (void)state;
    begin();
    lg_cancel_request(token);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(crew_do(A, step_try, &m), LG_EBUSY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(crew_do(A, step_lock, &m), LG_ECANCELED);
    step_unlock(&m);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    end();
}

/* A mutex locked twice is a mistake, cancelled or not, and is explained. */
static void test_a_report_of_a_deadlock_is_whole(void **state)
{
    (void)state;
    begin();
    lg_cancel_request(token);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_EDEADLK);
    (void)crew_do(A, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_string_equal(report.name, "m");
    assert_string_equal(report.members[0].waits_name, "m");
    (void)crew_do(A, step_unlock, &m);
    end();
}

/* What another token is asked does not concern it, and neither does one below. */
static void test_others_requests_pass_by(void **state)
{
    (void)state;
    begin();
    struct lg_cancel *below = token_below(token, LG_FOREVER),
                     *other = token_below(NULL, LG_FOREVER);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    lg_cancel_request(below);
    lg_cancel_request(other);
    assert_true(crew_is_blocked(A));
    step_unlock(&m);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    lg_cancel_destroy(below);
    lg_cancel_destroy(other);
    end();
}

static void test_what_is_above_ends_it(void **state)
{
    (void)state;
    begin();
    struct scope inner = {.token = token_below(token, LG_FOREVER)};
    assert_int_equal(crew_do(A, step_enter, &inner), LG_OK);
    lg_cancel_destroy(inner.token);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    step_unlock(&m);
    (void)crew_do(A, step_leave, &inner);
    end();
}

static void test_a_shield(void **state)
{
    (void)state;
    begin();
    struct scope shield = {.token = NULL};
    lg_cancel_request(token);
    assert_int_equal(crew_do(A, step_enter, &shield), LG_OK);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    lg_cancel_request(token);
    assert_true(crew_is_blocked(A));
    step_unlock(&m);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    (void)crew_do(A, step_leave, &shield);
    end();
}

static void test_a_tokens_deadline_ends_it(void **state)
{
    (void)state;
    begin();
    struct scope inner = {.token = token_below(token, lg_after_ms(5))};
    lg_deadline deadline = lg_cancel_deadline(inner.token);
    assert_int_equal(crew_do(A, step_enter, &inner), LG_OK);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_ETIMEDOUT);
    assert_true(lg__now_ns() >= deadline);
    (void)crew_do(A, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.name, "m");
    assert_int_equal(crew_do(A, step_lock, &m), LG_ETIMEDOUT); /* it has passed */
    step_unlock(&m);
    (void)crew_do(A, step_leave, &inner);
    lg_cancel_destroy(inner.token);
    end();
}

/* The one behind a cancelled waiter is woken all the same. */
static void test_the_next_in_the_queue_is_served(void **state)
{
    (void)state;
    begin();
    struct crew_worker *b = crew_hire("B");
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    step_unlock(&m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    end();
}

/* ---- The detector ---------------------------------------------------------------------------- */

/* A holds x, A -> m, B holds m, B -> x closes it.  A's token makes A's the earlier deadline. */
static void test_the_victim_goes_by_the_tokens_deadline(void **state)
{
    (void)state;
    struct lg_mutex x = LG_MUTEX_INIT("x");
    struct crew_worker *b = crew_hire("B");
    begin();
    struct scope inner = {.token = token_below(token, lg_after_ms(1000000))};
    assert_int_equal(crew_do(A, step_enter, &inner), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &x), LG_OK);
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    crew_run(A, step_lock, &m);
    crew_wait_blocked_on(A, &m);
    crew_run(b, step_lock, &x);
    assert_int_equal(crew_wait(A), LG_EDEADLK);
    (void)crew_do(A, step_unlock, &x);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &x);
    (void)crew_do(b, step_unlock, &m);
    (void)crew_do(A, step_leave, &inner);
    lg_cancel_destroy(inner.token);
    end();
}

/* ---- Condition ------------------------------------------------------------------------------- */

static void test_a_wait_at_a_condition_is_cancelled(void **state)
{
    (void)state;
    begin();
    let_it_wait_at_c();
    lg_cancel_request(token);
    expect_and_unlock(A, LG_ECANCELED);
    end();
}

static void test_the_way_back_is_not_cancelled(void **state)
{
    (void)state;
    begin();
    let_it_wait_at_c();
    assert_int_equal(step_lock(&m), LG_OK);
    lg_cancel_request(token);
    crew_wait_blocked_on(A, &m);
    assert_true(relocks(A));
    lg_cancel_request(token);
    assert_true(relocks(A));
    step_unlock(&m);
    expect_and_unlock(A, LG_ECANCELED);
    end();
}

static void test_all_levels_come_back(void **state)
{
    (void)state;
    struct lg_mutex levels = LG_MUTEX_RECURSIVE_INIT("levels");
    struct wait_until wait = {&c, &levels, LG_FOREVER, "wait.c:1"};
    begin();
    for (int i = 0; i < 3; i++)
        assert_int_equal(crew_do(A, step_lock, &levels), LG_OK);
    crew_run(A, step_wait, &wait);
    crew_wait_blocked_on(A, &c);
    assert_int_equal(step_try(&levels), LG_OK);
    step_unlock(&levels);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_ECANCELED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_do(A, step_is_held, &levels), 1);
        (void)crew_do(A, step_unlock, &levels);
    }
    assert_int_equal(crew_do(A, step_is_held, &levels), 0);
    end();
}

/* The mutex is not even released: B, who wants it, does not get it. */
static void test_a_wait_after_the_request(void **state)
{
    (void)state;
    begin();
    struct crew_worker *b = crew_hire("B");
    lg_cancel_request(token);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    assert_int_equal(crew_do(A, step_wait, &for_ever), LG_ECANCELED);
    assert_int_equal(crew_do(A, step_is_held, &m), 1);
    assert_true(crew_is_blocked(b));
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    end();
}

static void test_a_tokens_deadline_ends_a_wait(void **state)
{
    (void)state;
    begin();
    struct scope inner = {.token = token_below(token, lg_after_ms(5))};
    assert_int_equal(crew_do(A, step_enter, &inner), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(A, step_wait, &for_ever), LG_ETIMEDOUT);
    assert_int_equal(crew_do(A, step_is_held, &m), 1);
    (void)crew_do(A, step_unlock, &m);
    (void)crew_do(A, step_leave, &inner);
    lg_cancel_destroy(inner.token);
    end();
}

/* A, cancelled, is first in the queue, or was: the signal, by the holder (0) or not (1), is B's. */
static void test_a_signal_passes_the_cancelled(void **state)
{
    (void)state;
    const int statuses[] = {LG_ECANCELED, LG_OK};
    for (int how = 0; how < 2; how++) {
        begin();
        let_it_wait_at_c();
        struct crew_worker *b = hire_waiter("B");
        struct crew_worker *both[] = {A, b};
        assert_int_equal(step_lock(&m), LG_OK);
        lg_cancel_request(token);
        if (how == 0)
            lg_condition_signal(&c);
        step_unlock(&m);
        if (how == 1)
            lg_condition_signal(&c);
        expect_in_any_order(both, statuses, 2);
        crew_leave(b);
        end();
    }
}

/* It came in time: A has the signal, and B goes on waiting. */
static void test_a_signal_before_the_request(void **state)
{
    (void)state;
    begin();
    let_it_wait_at_c();
    struct crew_worker *b = hire_waiter("B");
    assert_int_equal(step_lock(&m), LG_OK);
    lg_condition_signal(&c);
    lg_cancel_request(token);
    assert_true(relocks(A));
    step_unlock(&m);
    expect_and_unlock(A, LG_OK);
    assert_true(crew_is_blocked(b));
    lg_condition_signal(&c);
    expect_and_unlock(b, LG_OK);
    end();
}

/* main, who holds nothing, tells all while D has m: B is woken, A and C are told.  A's cancel leaves
 * nobody behind. */
static void test_the_told_are_not_forgotten(void **state)
{
    (void)state;
    struct crew_worker *d = crew_hire("D"), *b = hire_waiter("B");
    begin();
    let_it_wait_at_c();
    struct crew_worker *c2 = hire_waiter("C");
    assert_int_equal(crew_do(d, step_lock, &m), LG_OK);
    lg_condition_broadcast(&c);
    crew_wait_blocked_on(b, &m);
    assert_int_equal(state_of(A), LG__WAIT_OUTSIDE);
    lg_cancel_request(token);
    crew_wait_blocked_on(A, &m);
    assert_int_equal(state_of(c2), LG__WAIT_OUTSIDE);
    (void)crew_do(d, step_unlock, &m);
    struct crew_worker *all[] = {A, b, c2};
    const int statuses[] = {LG_ECANCELED, LG_OK, LG_OK};
    expect_in_any_order(all, statuses, 3);
    end();
}

/* ---- Retry ----------------------------------------------------------------------------------- */

static int retry_until_no(void *arg)
{
    (void)arg;
    while (lg_retry(UINT_MAX, LG_FOREVER))
        continue;
    return LG_OK;
}

static int retry_once(void *deadline)
{
    return lg_retry(0, *(lg_deadline *)deadline);
}

static void test_retry_stops(void **state)
{
    (void)state;
    lg_deadline for_long = LG_FOREVER;
    begin();
    assert_int_equal(crew_do(A, retry_once, &for_long), 1);
    crew_run(A, retry_until_no, NULL);
    crew_wait_blocked(A);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_do(A, retry_once, &for_long), 0);
    assert_int_equal(state_of(A), LG__WAIT_IDLE);
    end();
}

static void test_retry_leaves_a_tokens_deadline_alone(void **state)
{
    (void)state;
    begin();
    lg_deadline for_long = LG_FOREVER;
    struct scope inner = {.token = token_below(token, 1)};
    assert_int_equal(crew_do(A, step_enter, &inner), LG_OK);
    assert_int_equal(crew_do(A, retry_once, &for_long), 0);
    (void)crew_do(A, step_leave, &inner);
    lg_cancel_destroy(inner.token);
    end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_later_of_the_two_ends_the_wait),
        SUPPORT_TEST(test_the_earlier_deadline_is_the_waits),
        SUPPORT_TEST(test_a_lock_is_cancelled),
        SUPPORT_TEST(test_it_is_too_late_when_granted),
        SUPPORT_TEST(test_after_the_request),
        SUPPORT_TEST(test_a_report_of_a_deadlock_is_whole),
        SUPPORT_TEST(test_others_requests_pass_by),
        SUPPORT_TEST(test_what_is_above_ends_it),
        SUPPORT_TEST(test_a_shield),
        SUPPORT_TEST(test_a_tokens_deadline_ends_it),
        SUPPORT_TEST(test_the_next_in_the_queue_is_served),
        SUPPORT_TEST(test_the_victim_goes_by_the_tokens_deadline),
        SUPPORT_TEST(test_a_wait_at_a_condition_is_cancelled),
        SUPPORT_TEST(test_the_way_back_is_not_cancelled),
        SUPPORT_TEST(test_all_levels_come_back),
        SUPPORT_TEST(test_a_wait_after_the_request),
        SUPPORT_TEST(test_a_tokens_deadline_ends_a_wait),
        SUPPORT_TEST(test_a_signal_passes_the_cancelled),
        SUPPORT_TEST(test_a_signal_before_the_request),
        SUPPORT_TEST(test_the_told_are_not_forgotten),
        SUPPORT_TEST(test_retry_stops),
        SUPPORT_TEST(test_retry_leaves_a_tokens_deadline_alone),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
