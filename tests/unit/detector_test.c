/* The detector: what is a deadlock, what is none, and whom it costs.
 *
 * Each scenario says its edges in prose: "A -> b" is A waiting for b.  Capital letters are contexts,
 * small ones mutexes, unless it says that something has several units. */
#include "support/locks.h"
#include "support/oracle.h"
#include "support/thing.h"

#include "graph/detector.h"
#include "plat/memory.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE (LG_FOREVER - 1) /* a deadline that is none of ours to see */

static struct lg_report report;

/* ---- Rings of mutexes --------------------------------------------------------------------------- */

#define RING_MAX 1000

static struct lg_mutex ring_locks[RING_MAX];
static struct lock_until ring_waits[RING_MAX];
static struct crew_worker *ring[RING_MAX];

/* T0 holds m0 and wants m1, T1 holds m1 and wants m2, and so on; all but the last wait. */
static void open_ring(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ring_locks[i] = (struct lg_mutex)LG_MUTEX_INIT("m");
        ring[i] = crew_hire_numbered("T", i);
        ring_waits[i] = (struct lock_until){&ring_locks[(i + 1) % n], LG_FOREVER, "ring.c:1"};
        assert_int_equal(crew_do(ring[i], step_lock, &ring_locks[i]), LG_OK);
    }
}

static void let_wait(unsigned i)
{
    crew_run(ring[i], step_lock_until, &ring_waits[i]);
    crew_wait_blocked_on(ring[i], ring_waits[i].mutex);
}

/* The victim lets go of its own; then one after the other, backwards, gets what it waits for and
 * lets go of both. */
static void unwind_ring(unsigned n, unsigned victim)
{
    for (unsigned i = 0; i < n; i++)
        if (i != victim)
            assert_true(crew_is_blocked(ring[i]));
    (void)crew_do(ring[victim], step_unlock, &ring_locks[victim]);
    for (unsigned k = 1; k < n; k++) {
        unsigned i = (victim + n - k) % n;
        assert_int_equal(crew_wait(ring[i]), LG_OK);
        (void)crew_do(ring[i], step_unlock, ring_waits[i].mutex);
        (void)crew_do(ring[i], step_unlock, &ring_locks[i]);
    }
}

/* Nobody has a deadline: the one who closes it is told, at once, and the others live on. */
static void try_ring(unsigned n)
{
    open_ring(n);
    for (unsigned i = 0; i + 1 < n; i++)
        let_wait(i);
    assert_int_equal(crew_do(ring[n - 1], step_lock_until, &ring_waits[n - 1]), LG_EDEADLK);
    (void)crew_do(ring[n - 1], step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, n);
    assert_string_equal(report.members[0].context, report.closer);
    assert_string_equal(report.victim, report.closer);
    unwind_ring(n, n - 1);
}

static void test_two_in_a_ring(void **state)
{
    (void)state;
    try_ring(2);
}

static void test_three_in_a_ring(void **state)
{
    (void)state;
    try_ring(3);
}

static void test_as_many_as_the_small_search_has_room_for(void **state)
{
    (void)state;
    try_ring(64);
}

static void test_a_hundred_in_a_ring(void **state)
{
    (void)state;
    try_ring(100);
}

static void test_a_thousand_in_a_ring(void **state)
{
    (void)state;
    try_ring(SUPPORT_TSAN ? 200 : RING_MAX);
}

/* The holder itself. */
static void test_a_lock_taken_again_by_its_holder(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    struct lg_mutex m = LG_MUTEX_INIT("m");
    assert_int_equal(step_lock(&m), LG_OK);
    uint64_t word = m.word;
    struct lock_until again = {&m, LG_FOREVER, "again.c:7"};
    assert_int_equal(step_lock_until(&again), LG_EDEADLK);
    again.deadline = lg_after_ms(60000);
    assert_int_equal(step_lock_until(&again), LG_EDEADLK);
    assert_int_equal(step_try(&m), LG_EBUSY);
    const struct lg_report *last = lg_report_last();
    assert_int_equal(last->kind, LG_REPORT_DEADLOCK);
    assert_int_equal(last->member_count, 1);
    assert_string_equal(last->members[0].context, "main");
    assert_string_equal(last->members[0].holds[0].name, "m");
    assert_string_equal(last->members[0].waits_name, "m");
    assert_string_equal(last->members[0].waits_place, "again.c:7");
    assert_string_equal(last->victim, "main");
    assert_true(m.word == word);
    step_unlock(&m);
    assert_int_equal(m.word, 0);
}

/* ---- The victim --------------------------------------------------------------------------------- */

static int close_ring(unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++)
        let_wait(i);
    crew_run(ring[n - 1], step_lock_until, &ring_waits[n - 1]);
    for (;;)
        for (unsigned i = 0; i < n; i++)
            if (crew_is_idle(ring[i])) {
                assert_int_equal(crew_wait(ring[i]), LG_EDEADLK);
                return (int)i;
            }
}

/* Until the earliest deadline nothing in the ring can move: failing that member early changes
 * nothing but the time. */
static void test_the_earliest_deadline_is_the_victim(void **state)
{
    (void)state;
    open_ring(4);
    ring_waits[0].deadline = lg_after_ms(900000);
    ring_waits[1].deadline = lg_after_ms(600000);
    ring_waits[2].deadline = lg_after_ms(700000);
    assert_int_equal(close_ring(4), 1);
    (void)crew_do(ring[1], step_copy_report, &report);
    assert_string_equal(report.victim, "T1");
    assert_string_equal(report.closer, "T3");
    assert_string_equal(report.members[0].context, "T3");
    assert_int_equal(report.member_count, 4);
    crew_wait_blocked(ring[3]);
    unwind_ring(4, 1);
}

static void test_the_closer_is_first_among_equals(void **state)
{
    (void)state;
    lg_deadline same = lg_after_ms(900000);
    open_ring(4);
    for (unsigned i = 0; i < 4; i++)
        ring_waits[i].deadline = same;
    assert_int_equal(close_ring(4), 3);
    unwind_ring(4, 3);
}

static void test_else_the_youngest_is(void **state)
{
    (void)state;
    lg_deadline same = lg_after_ms(900000);
    open_ring(4);
    for (unsigned i = 0; i < 3; i++)
        ring_waits[i].deadline = same;
    assert_int_equal(close_ring(4), 2);
    crew_wait_blocked(ring[3]);
    unwind_ring(4, 2);
}

/* A -> b, B -> a; C -> a, holds nothing, and has the earliest deadline.  To fail C would leave the
 * ring for ever. */
static void test_who_waits_behind_the_ring_is_no_victim(void **state)
{
    (void)state;
    struct crew_worker *c = crew_hire("C");
    open_ring(2);
    let_wait(0);
    struct lock_until behind = {&ring_locks[0], lg_after_ms(600000), "behind.c:1"};
    crew_run(c, step_lock_until, &behind);
    crew_wait_blocked_on(c, &ring_locks[0]);
    assert_int_equal(crew_do(ring[1], step_lock_until, &ring_waits[1]), LG_EDEADLK);
    assert_true(crew_is_blocked(c));
    assert_true(crew_is_blocked(ring[0]));
    (void)crew_do(ring[1], step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    unwind_ring(2, 1);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &ring_locks[0]);
}

/* A -> b, B -> a: A is told.  A lets go of nothing and wants b again: B, who has not been told, is
 * taken.  B lets go of nothing either and wants a: both were told, so B, who closes it, is told
 * again, which is said once in the log; the third time is not said. */
static void test_told_again_without_a_release(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(B, step_lock, &a);
    crew_wait_blocked_on(B, &a);
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    crew_run(A, step_lock, &b);
    assert_int_equal(crew_wait(B), LG_EDEADLK);
    crew_wait_blocked_on(A, &b);
    assert_int_equal(support_log_count(NULL), 0);
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    assert_int_equal(support_log_count("deadlock-again"), 1);
    assert_non_null(strstr(support_log_text("deadlock-again"), "B got LG_EDEADLK twice"));
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    assert_int_equal(support_log_count(NULL), 1);
    (void)crew_do(B, step_unlock, &b);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &b);
    (void)crew_do(A, step_unlock, &a);
}

/* After a release the count begins anew: the second time is a first time. */
static void test_a_release_in_between_counts(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b"), c = LG_MUTEX_INIT("c");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &c), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(B, step_lock, &a);
    crew_wait_blocked_on(B, &a);
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    (void)crew_do(A, step_unlock, &c); /* does not help, but it is a release */
    assert_int_equal(crew_do(A, step_lock, &b), LG_EDEADLK);
    assert_int_equal(support_log_count(NULL), 0);
    (void)crew_do(A, step_unlock, &a);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &a);
    (void)crew_do(B, step_unlock, &b);
}

/* ---- What is no deadlock ------------------------------------------------------------------------ */

/* A holds a and waits at a condition, which anybody may signal; B holds b and waits for a.  When the
 * mutex of the condition is b, A's way on leads through B, and still main may signal. */
static void test_who_waits_for_a_signal_is_not_stuck(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct lg_condition c = LG_CONDITION_INIT("c");
    struct wait_until wait = {&c, &b, LG_FOREVER, "wait.c:1"};
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    struct lock_until timed = {&a, 0, "timed.c:1"};
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &b), LG_OK);
    crew_run(A, step_wait, &wait);
    crew_wait_blocked_on(A, &c);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    timed.deadline = lg_after_ms(2);
    assert_int_equal(crew_do(B, step_lock_until, &timed), LG_ETIMEDOUT);
    (void)crew_do(B, step_unlock, &b);
    lg_condition_signal(&c);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &a);
    (void)crew_do(A, step_unlock, &b);
}

static struct lg_context *X, *Y, *Z;
static struct thing p, q;

static void set_stage(uint32_t units_of_p, uint32_t units_of_q)
{
    X = thing_ghost("X");
    Y = thing_ghost("Y");
    Z = thing_ghost("Z");
    p = (struct thing){.name = "p", .capacity = units_of_p};
    q = (struct thing){.name = "q", .capacity = units_of_q};
}

static void clear_stage(void)
{
    thing_bury(X);
    thing_bury(Y);
    thing_bury(Z);
}

static enum lg__wait_state waits(struct lg_context *who, struct thing *what, uint32_t need)
{
    struct lg__want want = thing_want(what, need);
    return thing_ghost_waits(who, &want);
}

/* Begins to wait without a look: as between the begin and the look of another thread. */
static void has_begun(struct lg_context *who, struct thing *what, uint32_t need)
{
    struct lg__want want = thing_want(what, need);
    lg__wait_begin(&who->wait, &want, LG__WAIT_WAITING);
}

/* p of 2.  X holds q, waited for p, has been granted a unit and has not run; Y holds the other and
 * waits for q.  X will run. */
static void test_a_grant_that_has_not_run_yet(void **state)
{
    (void)state;
    set_stage(2, 1);
    thing_hold(&q, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    assert_int_equal(waits(X, &p, 1), LG__WAIT_WAITING);
    assert_true(lg__wait_end(&X->wait, LG__WAIT_GRANTED, 0)); /* first the end, then the holder */
    thing_let_go(&p, Z);
    assert_int_equal(waits(Y, &q, 1), LG__WAIT_WAITING);
    thing_ghost_runs(Y);
    thing_hold(&p, X, 1);
    assert_int_equal(waits(Y, &q, 1), LG__WAIT_WAITING);
    clear_stage();
}

/* The same units, the same holders, but both want one more: that is one. */
static void test_two_who_hold_all_and_want_more(void **state)
{
    (void)state;
    set_stage(2, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    assert_int_equal(waits(X, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(waits(Y, &p, 1), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(lg__report_of(Y)->capacity, 2);
    assert_int_equal(lg__report_of(Y)->held, 2);
    assert_int_equal(lg__report_of(Y)->member_count, 2);
    clear_stage();
}

/* p of 1, held and wanted by X alone. */
static void test_one_who_waits_for_itself(void **state)
{
    (void)state;
    set_stage(1, 1);
    thing_hold(&p, X, 1);
    assert_int_equal(waits(X, &p, 1), LG__WAIT_VICTIM);
    clear_stage();
}

/* p of 3, and nobody says where the third unit is: it may come back. */
static void test_a_unit_of_the_environment(void **state)
{
    (void)state;
    set_stage(3, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    assert_int_equal(waits(X, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(waits(Y, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(waits(Z, &p, 1), LG__WAIT_WAITING);
    clear_stage();
}

/* p of 2: X waits for p, Y holds a unit and waits for q, which X holds; the last holder, Z, has
 * ended.  Its unit belongs to the environment. */
static void test_a_holder_that_has_ended(void **state)
{
    (void)state;
    set_stage(2, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    thing_hold(&q, X, 1);
    thing_bury(Z);
    assert_int_equal(waits(Y, &q, 1), LG__WAIT_WAITING);
    assert_int_equal(waits(X, &p, 1), LG__WAIT_WAITING);
    Z = thing_ghost("Z");
    clear_stage();
}

/* ---- Several units ------------------------------------------------------------------------------ */

/* p of 3: each of X, Y, Z reads it, and each wants to write it, which takes the two units of the
 * others.  All have begun when the first of them looks.  No single victim helps: two are told, the
 * third goes on. */
static void test_one_victim_may_not_be_enough(void **state)
{
    (void)state;
    set_stage(3, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    has_begun(X, &p, 2);
    has_begun(Y, &p, 2);
    assert_int_equal(waits(Z, &p, 2), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    lg__detector_look(X);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    clear_stage();
}

/* q held by X; p of 2, one unit each with Y and Z, who wait for q.  X wants both units of p: the
 * earliest deadlines, Y and Z, would help only together; X helps alone. */
static void test_a_victim_must_let_the_closer_go_on(void **state)
{
    (void)state;
    set_stage(2, 1);
    thing_hold(&q, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    struct lg__want soon = thing_want(&q, 1);
    soon.deadline = lg_after_ms(600000);
    assert_int_equal(thing_ghost_waits(Y, &soon), LG__WAIT_WAITING);
    assert_int_equal(thing_ghost_waits(Z, &soon), LG__WAIT_WAITING);
    assert_int_equal(waits(X, &p, 2), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
    clear_stage();
}

/* ---- Lassos ------------------------------------------------------------------------------------- */

/* X -> q, Y -> p, each holding the other's, and neither has looked yet; Z -> p only hangs off their
 * ring.  Z looks first: one of the ring is told, not Z, and the others' looks find it gone. */
static void test_who_hangs_off_a_ring_is_not_told(void **state)
{
    (void)state;
    set_stage(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    has_begun(X, &q, 1);
    has_begun(Y, &p, 1);
    assert_int_equal(waits(Z, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    lg__detector_look(X);
    lg__detector_look(Y);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    clear_stage();
}

/* The same, but Z holds a unit of what it waits for: r of 2, one with Z and one with X.  Its own unit
 * would let Z go on and nobody else, so to tell Z would be for nothing. */
static void test_who_hangs_off_a_ring_with_a_unit_of_its_own(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 2};
    set_stage(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&r, X, 1);
    thing_hold(&r, Z, 1);
    has_begun(X, &q, 1);
    has_begun(Y, &p, 1);
    assert_int_equal(waits(Z, &r, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    clear_stage();
}

/* X -> q, Y -> p is the ring; Z holds r and waits for p, behind it, and has a deadline, as nobody else
 * has; main's ghost W -> r looks first.  Z would let W go on, but the ring would stay. */
static void test_who_is_between_is_not_told(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 1};
    struct lg__want timed;
    set_stage(1, 1);
    struct lg_context *w = thing_ghost("W");
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&r, Z, 1);
    timed = thing_want(&p, 1);
    timed.deadline = LATE;
    lg__wait_begin(&Z->wait, &timed, LG__WAIT_WAITING);
    has_begun(X, &q, 1);
    has_begun(Y, &p, 1);
    assert_int_equal(waits(w, &r, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM); /* the youngest of the ring */
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    thing_bury(w);
    clear_stage();
}

/* Two rings, X and Y, V and W, and Z who needs both units of r, which X and V hold: nobody alone lets Z
 * go on, and still one of each ring is told, and not Z. */
static void test_who_hangs_off_two_rings_is_not_told(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 2};
    struct thing s = {.name = "s", .capacity = 1}, t = {.name = "t", .capacity = 1};
    set_stage(1, 1);
    struct lg_context *v = thing_ghost("V"), *w = thing_ghost("W");
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&s, v, 1);
    thing_hold(&t, w, 1);
    thing_hold(&r, X, 1);
    thing_hold(&r, v, 1);
    has_begun(X, &q, 1);
    has_begun(Y, &p, 1);
    has_begun(v, &t, 1);
    has_begun(w, &s, 1);
    assert_int_equal(waits(Z, &r, 2), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(w), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(thing_state(v), LG__WAIT_WAITING);
    thing_bury(v);
    thing_bury(w);
    clear_stage();
}

/* A -> b, B -> a: B is told and lets go of b only.  A second ring through what B still holds:
 * C holds d and waits for c (B's); B -> d closes it, and is told as if nothing had been. */
static void test_a_second_ring_after_the_first_was_broken(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct lg_mutex c = LG_MUTEX_INIT("c"), d = LG_MUTEX_INIT("d");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B"), *C = crew_hire("C");
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &c), LG_OK);
    assert_int_equal(crew_do(C, step_lock, &d), LG_OK);
    crew_run(A, step_lock, &b);
    crew_wait_blocked_on(A, &b);
    crew_run(C, step_lock, &c);
    crew_wait_blocked_on(C, &c);
    assert_int_equal(crew_do(B, step_lock, &a), LG_EDEADLK);
    (void)crew_do(B, step_unlock, &b);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &d), LG_EDEADLK);
    (void)crew_do(B, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.members[1].context, "C");
    (void)crew_do(B, step_unlock, &c);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_unlock, &c);
    (void)crew_do(C, step_unlock, &d);
    (void)crew_do(A, step_unlock, &b);
    (void)crew_do(A, step_unlock, &a);
}

/* ---- Evidence that moves ------------------------------------------------------------------------ */

/* What may happen between two reads of a search happens here inside one: the survey of a thing calls
 * the test, which changes the graph as another thread would.  Ends of waits need no pin. */
static unsigned surveys_seen, survey_to_disturb;
static void (*disturb)(void);

static void survey_and_disturb(const void *object, lg__visit *visit, void *arg)
{
    if (++surveys_seen == survey_to_disturb)
        disturb();
    thing_class.survey(object, visit, arg);
}

static struct lg__resource_class moving_class;

static struct lg__want moving_want(const struct thing *thing)
{
    struct lg__want want = thing_want(thing, 1);
    moving_class = thing_class;
    moving_class.survey = survey_and_disturb;
    want.class = &moving_class;
    return want;
}

static void x_times_out(void)
{
    (void)lg__wait_end(&X->wait, LG__WAIT_TIMED_OUT, 0);
}

static void x_begins_again(void)
{
    struct lg__want same = X->wait.want;
    if (lg__wait_end(&X->wait, LG__WAIT_WOKEN, 0)) {
        lg__store_full(&X->wait.word,
                       X->wait.word & ~(LG__WAIT_EPOCH_ONE - 1)); /* without the pin */
        lg__wait_begin(&X->wait, &same, LG__WAIT_WAITING);
    }
}

/* X holds p and waits for q, Y holds q, waits for p and looks; at the n-th survey it comes otherwise. */
static void look_and_disturb(unsigned n, void (*what)(void))
{
    set_stage(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    struct lg__want want_p = moving_want(&p), want_q = moving_want(&q);
    lg__wait_begin(&X->wait, &want_q, LG__WAIT_WAITING);
    lg__wait_begin(&Y->wait, &want_p, LG__WAIT_WAITING);
    surveys_seen = 0;
    survey_to_disturb = n;
    disturb = what;
    lg__detector_look(Y);
}

/* How many surveys a look takes that finds the ring. */
static unsigned count_surveys(void)
{
    look_and_disturb(0, NULL);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    clear_stage();
    return surveys_seen;
}

/* X times out while the search still reads: as long as nobody has been struck, nobody is.  (After the
 * last read that matters the reports are composed, with surveys of their own: then Y may be told.) */
static void test_a_wait_that_ends_during_the_look(void **state)
{
    (void)state;
    enum { READS = 6 }; /* two things; the small search, the large one, and its verification */
    assert_true(count_surveys() > READS);
    for (unsigned n = 1; n <= READS; n++) {
        look_and_disturb(n, x_times_out);
        assert_true(surveys_seen >= n);
        assert_int_equal(thing_state(X), LG__WAIT_TIMED_OUT);
        assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
        clear_stage();
    }
}

/* X's wait ends and begins again as before: what was read of the first is no evidence about the
 * second, but the ring is there, and is found by looking again. */
static void test_a_wait_that_begins_again_during_the_look(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        look_and_disturb(n, x_begins_again);
        lg__detector_look(X); /* its second wait looks too */
        assert_int_equal((thing_state(X) == LG__WAIT_VICTIM) + (thing_state(Y) == LG__WAIT_VICTIM),
                         1);
        clear_stage();
    }
}

static struct thing elsewhere = {.name = "elsewhere", .capacity = 1};

static void x_begins_elsewhere(void)
{
    struct lg__want other = thing_want(&elsewhere, 1);
    (void)lg__wait_end(&X->wait, LG__WAIT_WOKEN, 0);
    lg__wait_retract(&X->wait);
    lg__wait_begin(&X->wait, &other, LG__WAIT_WAITING);
}

/* Y -> p (X), X -> q (Z), Z -> r (Y).  Y looks, and while it does X's wait ends and X waits for something
 * else, which it will get.  The state of X's word is as it was; only its epoch tells.  (Not while X is
 * pinned, in the second read of each three: then its wait cannot be taken back.) */
static void test_a_wait_for_something_else_during_the_look(void **state)
{
    (void)state;
    static const unsigned reads[] = {1, 3, 4, 6, 7, 9};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        struct thing r = {.name = "r", .capacity = 1};
        set_stage(1, 1);
        thing_hold(&p, X, 1);
        thing_hold(&q, Z, 1);
        thing_hold(&r, Y, 1);
        struct lg__want want_p = moving_want(&p), want_q = moving_want(&q),
                        want_r = moving_want(&r);
        lg__wait_begin(&X->wait, &want_q, LG__WAIT_WAITING);
        lg__wait_begin(&Z->wait, &want_r, LG__WAIT_WAITING);
        lg__wait_begin(&Y->wait, &want_p, LG__WAIT_WAITING);
        surveys_seen = 0;
        survey_to_disturb = reads[i];
        disturb = x_begins_elsewhere;
        lg__detector_look(Y);
        assert_true(surveys_seen >= reads[i]);
        assert_int_equal(thing_state(X), LG__WAIT_WAITING);
        assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
        assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
        clear_stage();
    }
}

/* ---- All closers at once ------------------------------------------------------------------------ */

struct party {
    struct lg_mutex locks[4];
    uint32_t count;
    uint32_t arrived; /* atomic; a spinning barrier: it only grows */
    uint32_t told;    /* atomic; LG_EDEADLK in this round */
    uint32_t wrong;   /* atomic */
};

struct guest {
    struct party *party;
    uint32_t index;
    uint32_t meetings; /* how often it was at the barrier */
};

static void meet(struct guest *guest)
{
    uint32_t goal = ++guest->meetings * guest->party->count;
    (void)lg__add_full(&guest->party->arrived, 1u);
    for (int i = 0; lg__load_acquire(&guest->party->arrived) < goal; i++)
        if (i < 200)
            lg__cpu_relax();
        else
            sched_yield(); /* there may be fewer processors than guests */
}

/* Everybody has one lock and wants the next, all at the same moment.  Whoever is told lets go; the
 * others go on one after the other; so in each round exactly one is told. */
static int close_all_at_once(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct guest *guest = arg;
    struct party *party = guest->party;
    struct lg_mutex *own = &party->locks[guest->index];
    struct lg_mutex *next = &party->locks[(guest->index + 1) % party->count];
    for (int i = 0; i < SUPPORT_ROUNDS(1500); i++) {
        if (lg_mutex_lock(own, LG_FOREVER) != LG_OK)
            return 1;
        meet(guest);
        int status = lg_mutex_lock(next, LG_FOREVER);
        if (status == LG_OK)
            lg_mutex_unlock(next);
        else
            (void)lg__add_full(status == LG_EDEADLK ? &party->told : &party->wrong, 1u);
        lg_mutex_unlock(own);
        meet(guest);
        if (guest->index == 0 && lg__swap_full(&party->told, 0u) != 1)
            (void)lg__add_full(&party->wrong, 1u);
    }
    return 0;
}

static void try_party(uint32_t count)
{
    struct party party = {.count = count};
    struct guest guests[4];
    struct crew_worker *workers[4];
    for (uint32_t i = 0; i < count; i++) {
        guests[i] = (struct guest){&party, i, 0};
        workers[i] = crew_hire_numbered("guest", i);
    }
    for (uint32_t i = 0; i < count; i++)
        crew_run(workers[i], close_all_at_once, &guests[i]);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(party.wrong, 0);
}

static void test_two_closers_at_once_cost_one_victim(void **state)
{
    (void)state;
    try_party(2);
}

static void test_more_closers_at_once_cost_one_victim(void **state)
{
    (void)state;
    try_party(3);
    try_party(4);
}

/* ---- Lives: the detector against the oracle ----------------------------------------------------- */

/* Contexts take, wait, are granted, time out, are told, release (or do not), at random.  Some look for
 * a deadlock only a while after they have begun to wait, as when threads begin at once.  When all have
 * looked nobody is stuck (no miss); whoever was told is exactly whom rule 3 names (no false alarm, no
 * victim too many), and its report has as many members as were stuck. */
struct life {
    struct oracle oracle;
    struct lg_context *ghosts[12];
    struct thing things[8];
    bool owes_look[12]; /* has begun and not looked yet */
    struct support_random random;
    uint64_t ticks;
    unsigned told, most_told; /* in all, and by one look */
};

static void release_all(struct life *life, uint32_t who, uint32_t thing)
{
    thing_let_go(&life->things[thing], life->ghosts[who]);
    if (life->oracle.context[who].held[thing] > 0) /* as every release of a lock or lease does */
        lg__store_relaxed(&life->ghosts[who]->has_been_told, 0u);
    life->oracle.context[who].held[thing] = 0;
}

static void take(struct life *life, uint32_t who, uint32_t thing, uint32_t units)
{
    thing_hold(&life->things[thing], life->ghosts[who], units);
    life->oracle.context[who].held[thing] += units;
}

static void stop_waiting(struct life *life, uint32_t who)
{
    thing_ghost_runs(life->ghosts[who]);
    life->oracle.context[who].waits = false;
    life->owes_look[who] = false;
}

/* Whoever can be served is, in an order that is nobody's. */
static void grant(struct life *life)
{
    uint32_t n = life->oracle.contexts;
    uint32_t first = support_below(&life->random, n);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t who = (first + k) % n;
        const struct oracle_context *context = &life->oracle.context[who];
        if (!context->waits || oracle_free(&life->oracle, context->wants) < context->need)
            continue;
        assert_true(lg__wait_end(&life->ghosts[who]->wait, LG__WAIT_GRANTED, 0));
        stop_waiting(life, who);
        take(life, who, context->wants, context->need);
    }
}

/* Those that the oracle would tell, one after the other, until nobody in the closure is stuck, and how
 * many were stuck each time.  Who is not stuck tells nobody. */
static void predict(const struct life *life, uint32_t root, uint32_t *stuck_at)
{
    static struct oracle copy;
    bool is_in[ORACLE_CONTEXTS], is_stuck[ORACLE_CONTEXTS];
    copy = life->oracle;
    (void)oracle_closure(&copy, root, is_in);
    (void)oracle_stuck(&copy, ORACLE_NONE, is_stuck);
    memset(stuck_at, 0, copy.contexts * sizeof *stuck_at);
    if (!is_stuck[root])
        return;
    for (;;) {
        uint32_t victim = oracle_victim(&copy, root);
        if (victim == ORACLE_NONE)
            return;
        (void)oracle_stuck(&copy, ORACLE_NONE, is_stuck);
        for (uint32_t i = 0; i < copy.contexts; i++)
            stuck_at[victim] += is_in[i] && is_stuck[i];
        copy.context[victim].is_struck = true;
    }
}

static void note_categories(struct life *life)
{
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        if (life->oracle.context[i].category < 2)
            life->oracle.context[i].category = life->ghosts[i]->has_been_told != 0;
}

static void release_after_told(struct life *life, uint32_t who)
{
    stop_waiting(life, who);
    life->oracle.context[who].category = 0;
    for (uint32_t t = 0; t < life->oracle.things; t++)
        if (support_below(&life->random, 20) != 0)
            release_all(life, who, t);
}

static void look(struct life *life, uint32_t who)
{
    uint32_t stuck_at[ORACLE_CONTEXTS];
    unsigned told = 0;
    note_categories(life);
    predict(life, who, stuck_at);
    life->owes_look[who] = false;
    lg__detector_look(life->ghosts[who]);
    for (uint32_t i = 0; i < life->oracle.contexts; i++) {
        bool is_told = thing_state(life->ghosts[i]) == LG__WAIT_VICTIM;
        assert_int_equal(is_told, stuck_at[i] > 0);
        if (is_told)
            assert_int_equal(lg__report_of(life->ghosts[i])->member_count, stuck_at[i]);
    }
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        if (stuck_at[i] > 0) {
            release_after_told(life, i);
            told++;
        }
    life->told += told;
    life->most_told = told > life->most_told ? told : life->most_told;
}

static void want(struct life *life, uint32_t who, uint32_t thing, uint32_t need)
{
    static const lg_deadline deadlines[] = {LG_FOREVER, LG_FOREVER, LATE, LATE - 1};
    struct oracle_context *context = &life->oracle.context[who];
    struct lg__want want = thing_want(&life->things[thing], need);
    want.deadline = deadlines[support_below(&life->random, 4)];
    want.is_relock = support_below(&life->random, 8) == 0;
    context->waits = true;
    context->wants = thing;
    context->need = need;
    context->deadline = want.is_relock ? LG_FOREVER : want.deadline;
    context->since = ++life->ticks;
    context->category = want.is_relock ? 2 : 0;
    lg__wait_begin(&life->ghosts[who]->wait, &want, LG__WAIT_WAITING);
    if (support_below(&life->random, 3) == 0)
        life->owes_look[who] = true;
    else
        look(life, who);
}

/* Somebody looks who owes it; false if nobody does. */
static bool look_late(struct life *life)
{
    uint32_t n = life->oracle.contexts;
    uint32_t first = support_below(&life->random, n);
    for (uint32_t k = 0; k < n; k++)
        if (life->owes_look[(first + k) % n]) {
            look(life, (first + k) % n);
            return true;
        }
    return false;
}

static void live_one_step(struct life *life)
{
    uint32_t who = support_below(&life->random, life->oracle.contexts);
    uint32_t thing = support_below(&life->random, life->oracle.things);
    uint32_t need = 1 + support_below(&life->random, life->oracle.capacity[thing]);
    bool is_stuck[ORACLE_CONTEXTS];
    if (life->oracle.context[who].waits) {
        if (support_below(&life->random, 10) == 0)
            stop_waiting(life, who); /* it timed out */
    } else if (support_below(&life->random, 5) == 0) {
        release_all(life, who, thing);
    } else if (oracle_free(&life->oracle, thing) >= need) {
        take(life, who, thing, need);
    } else {
        want(life, who, thing, need);
    }
    grant(life);
    if (support_below(&life->random, 3) == 0)
        while (look_late(life))
            grant(life);
    bool all_have_looked = true;
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        all_have_looked &= !life->owes_look[i];
    if (all_have_looked)
        assert_int_equal(oracle_stuck(&life->oracle, ORACLE_NONE, is_stuck), 0);
}

static void live(struct life *life, uint64_t stream, uint32_t contexts, uint32_t things,
                 uint32_t most_units, unsigned steps)
{
    memset(&life->oracle, 0, sizeof life->oracle);
    memset(life->owes_look, 0, sizeof life->owes_look);
    support_random_begin(&life->random, stream);
    life->oracle.contexts = contexts;
    life->oracle.things = things;
    for (uint32_t i = 0; i < contexts; i++)
        life->ghosts[i] = thing_ghost("ghost");
    for (uint32_t t = 0; t < things; t++) {
        life->oracle.capacity[t] = 1 + support_below(&life->random, most_units);
        life->things[t] = (struct thing){.name = "r", .capacity = life->oracle.capacity[t]};
    }
    for (unsigned i = 0; i < steps; i++)
        live_one_step(life);
    for (uint32_t i = 0; i < contexts; i++)
        thing_bury(life->ghosts[i]);
}

static void test_lives_with_locks(void **state)
{
    (void)state;
    static struct life life;
    support_log_begin(LG_LOG_ERROR);
    for (unsigned seed = 0; seed < SUPPORT_ROUNDS(60u); seed++)
        live(&life, 100 + seed, 2 + seed % 8, 2 + seed % 6, 1, 400);
    assert_true(life.told > SUPPORT_ROUNDS(60u));
}

static void test_lives_with_many_units(void **state)
{
    (void)state;
    static struct life life;
    support_log_begin(LG_LOG_ERROR);
    for (unsigned seed = 0; seed < SUPPORT_ROUNDS(120u); seed++)
        live(&life, 1000 + seed, 2 + seed % 11, 1 + seed % 8, 4, 400);
    assert_true(life.told > SUPPORT_ROUNDS(120u));
    if (!SUPPORT_TSAN && !SUPPORT_ASAN)
        assert_true(life.most_told > 1); /* some looks took more than one victim */
}

/* ---- It costs no memory ------------------------------------------------------------------------- */

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct lock_until late = {&ring_locks[0], 1, "late.c:1"};
    struct crew_worker *c = crew_hire("C");
    support_log_begin(LG_LOG_ERROR);
    open_ring(100);
    uint64_t before = lg__alloc_count();
    for (unsigned i = 0; i < 99; i++)
        let_wait(i);
    assert_int_equal(crew_do(c, step_lock_until, &late), LG_ETIMEDOUT);
    late.deadline = lg_after_ms(1);
    assert_int_equal(crew_do(c, step_lock_until, &late), LG_ETIMEDOUT);
    assert_int_equal(crew_do(ring[99], step_lock_until, &ring_waits[99]), LG_EDEADLK);
    assert_int_equal(crew_do(ring[99], step_lock, &ring_locks[99]), LG_EDEADLK);
    unwind_ring(100, 99);
    assert_true(lg__alloc_count() == before);
}

/* ---- The operator's switch ---------------------------------------------------------------------- */

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
    open_ring(2);
    let_wait(0);
    let_wait(1);
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
    unwind_ring(2, 0);
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

/* The ring A -> b, B -> a stays, and is said once.  T -> a hangs off it: not said again.  U holds u;
 * V holds v and waits for u, U -> v: another ring, said. */
static void lasso_in_log_mode(void **state)
{
    (void)state;
    struct lg_mutex u = LG_MUTEX_INIT("u"), v = LG_MUTEX_INIT("v");
    struct crew_worker *t = crew_hire("T"), *U = crew_hire("U"), *V = crew_hire("V");
    support_log_begin(LG_LOG_WARN);
    open_ring(2);
    let_wait(0);
    let_wait(1);
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
    unwind_ring(2, 0);
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
    open_ring(2);
    let_wait(0);
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
    unwind_ring(2, 0);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &ring_locks[0]);
}

static void ring_in_error_mode(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_DEBUG);
    try_ring(2);
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
        SUPPORT_TEST(test_a_lock_taken_again_by_its_holder),
        SUPPORT_TEST(test_two_in_a_ring),
        SUPPORT_TEST(test_three_in_a_ring),
        SUPPORT_TEST(test_as_many_as_the_small_search_has_room_for),
        SUPPORT_TEST(test_a_hundred_in_a_ring),
        SUPPORT_TEST(test_a_thousand_in_a_ring),
        SUPPORT_TEST(test_the_earliest_deadline_is_the_victim),
        SUPPORT_TEST(test_the_closer_is_first_among_equals),
        SUPPORT_TEST(test_else_the_youngest_is),
        SUPPORT_TEST(test_who_waits_behind_the_ring_is_no_victim),
        SUPPORT_TEST(test_told_again_without_a_release),
        SUPPORT_TEST(test_a_release_in_between_counts),
        SUPPORT_TEST(test_who_waits_for_a_signal_is_not_stuck),
        SUPPORT_TEST(test_a_grant_that_has_not_run_yet),
        SUPPORT_TEST(test_two_who_hold_all_and_want_more),
        SUPPORT_TEST(test_one_who_waits_for_itself),
        SUPPORT_TEST(test_a_unit_of_the_environment),
        SUPPORT_TEST(test_a_holder_that_has_ended),
        SUPPORT_TEST(test_one_victim_may_not_be_enough),
        SUPPORT_TEST(test_a_victim_must_let_the_closer_go_on),
        SUPPORT_TEST(test_who_hangs_off_a_ring_is_not_told),
        SUPPORT_TEST(test_who_hangs_off_a_ring_with_a_unit_of_its_own),
        SUPPORT_TEST(test_who_is_between_is_not_told),
        SUPPORT_TEST(test_who_hangs_off_two_rings_is_not_told),
        SUPPORT_TEST(test_a_second_ring_after_the_first_was_broken),
        SUPPORT_TEST(test_a_wait_that_ends_during_the_look),
        SUPPORT_TEST(test_a_wait_that_begins_again_during_the_look),
        SUPPORT_TEST(test_a_wait_for_something_else_during_the_look),
        SUPPORT_TEST(test_two_closers_at_once_cost_one_victim),
        SUPPORT_TEST(test_more_closers_at_once_cost_one_victim),
        SUPPORT_TEST(test_lives_with_locks),
        SUPPORT_TEST(test_lives_with_many_units),
        SUPPORT_TEST(test_nothing_is_allocated),
        SUPPORT_TEST(test_off_looks_for_nothing),
        SUPPORT_TEST(test_log_says_and_waits_on),
        SUPPORT_TEST(test_log_callback_may_wait),
        SUPPORT_TEST(test_error_is_the_default),
        SUPPORT_TEST(test_another_word_is_said_once_and_means_error),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
