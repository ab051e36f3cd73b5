/* Declared setters: an event as a resource whose holders are known.
 *
 * "A -> m" is A waiting for m.  main watches. */
#include "support/locks.h"
#include "support/signals.h"
#include "support/thing.h"

#include "graph/context.h"
#include "plat/memory.h"

#include <stdlib.h>
#include <string.h>

static struct lg_event e;
static struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
static struct crew_worker *A, *B, *C;
static struct lg_report report;

static void begin(uint32_t flags)
{
    assert_int_equal(lg_event_init(&e, "e", flags), LG_OK);
    A = crew_hire("A");
    B = crew_hire("B");
    C = crew_hire("C");
}

static void end(void)
{
    lg_event_destroy(&e);
    assert_int_equal(m.word, 0);
    assert_int_equal(n.word, 0);
}

/* A holds m and waits for e. */
static void let_A_wait_with_m(void)
{
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    crew_run_blocked_on(A, step_event_wait, &e, &e);
}

static void expect_deadlock(struct crew_worker *victim, uint32_t members)
{
    assert_int_equal(crew_wait(victim), LG_EDEADLK);
    assert_int_equal(crew_do(victim, step_copy_report, &report), LG_OK);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, members);
}

static void unlock_by(struct crew_worker *worker, struct lg_mutex *mutex)
{
    (void)crew_do(worker, step_unlock, mutex);
}

/* ---- Rings ------------------------------------------------------------------------------------- */

static void test_the_setter_closes_the_ring(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    crew_run(B, step_lock, &m);
    expect_deadlock(B, 2);
    assert_string_equal(report.noun, "mutex");
    assert_string_equal(report.members[1].waits_noun, "event");
    (void)crew_do(B, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A, &m);
    end();
}

static void test_the_waiter_closes_the_ring(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    crew_run_blocked_on(B, step_lock, &m, &m);
    crew_run(A, step_event_wait, &e);
    expect_deadlock(A, 2);
    assert_string_equal(report.noun, "event");
    assert_string_equal(report.members[1].holds[0].name, "e");
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

/* One who waits for what only it would set. */
static void test_waiting_for_oneself(void **state)
{
    (void)state;
    char text[2048];
    begin(LG_EVENT_AUTO_RESET);
    assert_int_equal(lg_event_add_setter(&e, NULL), LG_OK);
    assert_int_equal(lg_event_wait(&e, LG_FOREVER), LG_EDEADLK);
    lg_report_write(lg_report_last(), LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "deadlock on event \"e\""));
    assert_null(strstr(text, "recursive"));
    assert_int_equal(lg_event_wait(&e, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_event_withdraw_setter(&e, NULL), LG_OK);
    /* That was to let go of it: the next deadlock is told as a first one. */
    assert_int_equal(lg_event_add_setter(&e, NULL), LG_OK);
    assert_int_equal(lg_event_wait(&e, LG_FOREVER), LG_EDEADLK);
    assert_int_equal(lg_event_transfer_setter(&e, NULL, crew_context(B)), LG_OK);
    assert_int_equal(lg_event_add_setter(&e, NULL), LG_OK);
    assert_int_equal(lg_event_withdraw_setter(&e, crew_context(B)), LG_OK);
    assert_int_equal(lg_event_wait(&e, LG_FOREVER), LG_EDEADLK);
    assert_int_equal(support_log_count("deadlock-again"), 0);
    end();
}

/* With a second setter that runs there is none; it closes when that one blocks too. */
static void test_all_setters_must_be_stuck(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    assert_int_equal(crew_do(C, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    crew_run_blocked_on(B, step_lock, &m, &m);
    assert_true(crew_is_blocked(A));
    crew_run(C, step_lock, &m);
    expect_deadlock(C, 3);
    (void)crew_do(C, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

/* B -> n of C, who runs: no deadlock, whoever else waits. */
static void test_a_chain_that_ends_in_who_runs(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    assert_int_equal(crew_do(C, step_lock, &n), LG_OK);
    let_A_wait_with_m();
    crew_run_blocked_on(B, step_lock, &n, &n);
    assert_true(crew_is_blocked(A));
    crew_run(C, step_lock, &m); /* C -> m of A -> e of B -> n of C */
    expect_deadlock(C, 3);
    unlock_by(C, &n);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_event_set, &e);
    unlock_by(B, &n);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A, &m);
    end();
}

/* ---- What closes without a wait ---------------------------------------------------------------- */

static int withdraw(void *worker)
{
    return lg_event_withdraw_setter(&e, crew_context(worker));
}

/* A -> e, B -> m of A, C runs: then C withdraws. */
static void test_a_withdrawal_closes_a_ring(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    assert_int_equal(crew_do(C, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    crew_run_blocked_on(B, step_lock, &m, &m);
    assert_int_equal(crew_do(C, step_event_withdraw_self, &e), LG_OK);
    expect_deadlock(A, 2);
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

/* The same, but C ends. */
static void test_an_end_closes_a_ring(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    assert_int_equal(crew_do(C, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    crew_run_blocked_on(B, step_lock, &m, &m);
    crew_leave(C);
    expect_deadlock(A, 2);
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

static int transfer_C_to_B(void *unused)
{
    (void)unused;
    return lg_event_transfer_setter(&e, crew_context(C), crew_context(B));
}

/* C is the only setter, and hands that to B, who is blocked on the waiter. */
static void test_a_transfer_closes_a_ring(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(C, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    crew_run_blocked_on(B, step_lock, &m, &m);
    assert_int_equal(transfer_C_to_B(NULL), LG_OK);
    expect_deadlock(A, 2);
    assert_int_equal(transfer_C_to_B(NULL), LG_EINVAL); /* C is none any more */
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

/* The first setter is declared while A waits: until then anybody might have set it. */
static void test_a_declaration_closes_a_ring(void **state)
{
    (void)state;
    begin(0);
    let_A_wait_with_m();
    assert_int_equal(thing_state(crew_context(A)), LG__WAIT_OUTSIDE);
    crew_run_blocked_on(B, step_lock, &m, &m);
    assert_int_equal(lg_event_add_setter(&e, crew_context(B)), LG_OK);
    expect_deadlock(A, 2);
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    end();
}

/* Nothing closes, and who waits goes on waiting: a transfer among those who run. */
static void test_changes_that_close_nothing(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(C, step_event_add_self, &e), LG_OK);
    let_A_wait_with_m();
    assert_int_equal(transfer_C_to_B(NULL), LG_OK);
    crew_wait_blocked_on(A, &e);
    assert_int_equal(lg_event_add_setter(&e, crew_context(C)), LG_OK);
    crew_wait_blocked_on(A, &e);
    assert_int_equal(transfer_C_to_B(NULL), LG_EBUSY);
    assert_int_equal(withdraw(C), LG_OK);
    crew_wait_blocked_on(A, &e);
    assert_int_equal(thing_state(crew_context(A)), LG__WAIT_WAITING);
    (void)crew_do(B, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A, &m);
    end();
}

/* ---- Nobody is left ---------------------------------------------------------------------------- */

static void test_the_last_setter_ends(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    crew_run_blocked_on(A, step_event_wait, &e, &e);
    crew_run_blocked_on(C, step_event_wait, &e, &e);
    crew_leave(B);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    assert_int_equal(crew_wait(C), LG_EBROKEN);
    expect_detail(A, LG_REPORT_BROKEN, "B has ended, declared at ");
    expect_detail(C, LG_REPORT_BROKEN, "signals.c:");
    assert_int_equal(crew_do(A, step_event_try, &e), LG_EBROKEN);
    assert_int_equal(lg_event_add_setter(&e, crew_context(C)), LG_OK); /* that mends it */
    assert_int_equal(crew_do(A, step_event_try, &e), LG_EBUSY);
    (void)crew_do(C, step_event_set, &e);
    assert_int_equal(crew_do(A, step_event_wait, &e), LG_OK);
    end();
}

static void test_the_last_setter_withdraws(void **state)
{
    (void)state;
    char text[1024];
    begin(LG_EVENT_AUTO_RESET);
    assert_int_equal(lg_event_add_setter(&e, crew_context(B)), LG_OK);
    assert_int_equal(lg_event_add_setter(&e, crew_context(B)), LG_EBUSY);
    assert_int_equal(withdraw(A), LG_EINVAL);
    crew_run_blocked_on(A, step_event_wait, &e, &e);
    assert_int_equal(withdraw(B), LG_OK);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    expect_detail(A, LG_REPORT_BROKEN, "B has withdrawn");
    assert_int_equal(lg_event_wait(&e, lg_after_ms(1000)), LG_EBROKEN);
    lg_report_write(lg_report_last(), LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, ": it is broken\n  cause: B has withdrawn"));
    end();
}

/* The value was there before: an end after the set harms nobody. */
static void test_a_setter_may_end_after_the_set(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    (void)crew_do(B, step_event_set, &e);
    crew_leave(B);
    assert_int_equal(crew_do(A, step_event_wait, &e), LG_OK);
    lg_event_reset(&e);
    assert_int_equal(crew_do(A, step_event_wait, &e), LG_EBROKEN);
    end();
}

static void test_a_context_that_has_ended_is_no_setter(void **state)
{
    (void)state;
    begin(0);
    struct lg_context *ghost = lg_context_detach();
    assert_int_equal(lg_context_end(ghost), LG_OK);
    assert_int_equal(lg_event_add_setter(&e, ghost), LG_EINVAL);
    assert_int_equal(lg_event_add_setter(&e, crew_context(A)), LG_OK);
    assert_int_equal(lg_event_transfer_setter(&e, crew_context(A), ghost), LG_EINVAL);
    assert_int_equal(withdraw(A), LG_OK); /* nothing had changed */
    end();
}

/* ---- Anybody all the same ---------------------------------------------------------------------- */

static void test_a_foreign_set_is_logged_once(void **state)
{
    (void)state;
    begin(0);
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    crew_run_blocked_on(A, step_event_wait, &e, &e);
    (void)crew_do(C, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(support_log_count("undeclared"), 1);
    assert_non_null(strstr(support_log_text("undeclared"), "event \"e\" was set"));
    assert_non_null(strstr(support_log_text("undeclared"), ": C;"));
    lg_event_reset(&e);
    assert_int_equal(lg_event_add_setter(&e, crew_context(B)), LG_OK); /* and counts for nothing */
    let_A_wait_with_m();
    assert_int_equal(thing_state(crew_context(A)), LG__WAIT_OUTSIDE);
    crew_run_blocked_on(B, step_lock, &m, &m); /* no alarm */
    (void)crew_do(C, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    unlock_by(A, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B, &m);
    assert_int_equal(support_log_count("undeclared"), 1);
    assert_int_equal(withdraw(B), LG_OK);
    end();
}

/* ---- Lifetime ---------------------------------------------------------------------------------- */

/* Setters end after the event was destroyed and its memory is another's. */
static void test_destroy_frees_the_setters(void **state)
{
    (void)state;
    begin(0);
    uint64_t allocs = lg__alloc_count();
    struct lg_event *heap = malloc(sizeof *heap);
    assert_int_equal(lg_event_init(heap, "heap", 0), LG_OK);
    assert_int_equal(lg_event_add_setter(heap, crew_context(B)), LG_OK);
    assert_int_equal(lg_event_add_setter(heap, crew_context(C)), LG_OK);
    assert_true(lg__alloc_count() == allocs + 2);
    lg_event_destroy(heap);
    memset(heap, 0xff, sizeof *heap);
    free(heap);
    crew_leave(B);
    crew_leave(C);
    end();
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_event_wait(&e, LG_FOREVER) == LG_EBROKEN);
    SUPPORT_CHECK(strstr(lg_report_last()->detail, "of the parent process has ended"));
    SUPPORT_CHECK(lg_event_add_setter(&e, NULL) == LG_OK);
    SUPPORT_CHECK(lg_event_wait(&e, LG_FOREVER) == LG_EDEADLK);
    lg_event_set(&e);
    SUPPORT_CHECK(lg_event_wait(&e, LG_FOREVER) == LG_OK);
    lg_event_destroy(&e);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(crew_do(B, step_event_add_self, &e), LG_OK);
    crew_run_blocked_on(A, step_event_wait, &e, &e);
    assert_int_equal(support_fork(check_child, NULL), 0);
    (void)crew_do(B, step_event_set, &e);
    assert_int_equal(crew_wait(A), LG_OK);
    end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_setter_closes_the_ring),
        SUPPORT_TEST(test_the_waiter_closes_the_ring),
        SUPPORT_TEST(test_waiting_for_oneself),
        SUPPORT_TEST(test_all_setters_must_be_stuck),
        SUPPORT_TEST(test_a_chain_that_ends_in_who_runs),
        SUPPORT_TEST(test_a_withdrawal_closes_a_ring),
        SUPPORT_TEST(test_an_end_closes_a_ring),
        SUPPORT_TEST(test_a_transfer_closes_a_ring),
        SUPPORT_TEST(test_a_declaration_closes_a_ring),
        SUPPORT_TEST(test_changes_that_close_nothing),
        SUPPORT_TEST(test_the_last_setter_ends),
        SUPPORT_TEST(test_the_last_setter_withdraws),
        SUPPORT_TEST(test_a_setter_may_end_after_the_set),
        SUPPORT_TEST(test_a_context_that_has_ended_is_no_setter),
        SUPPORT_TEST(test_a_foreign_set_is_logged_once),
        SUPPORT_TEST(test_destroy_frees_the_setters),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
