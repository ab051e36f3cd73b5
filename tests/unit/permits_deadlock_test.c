/* Permits in the graph: every deadlock that they can make is told to one of its members, with who holds how
 * many and from where; and what only looks like one is not. */
#include "support/locks.h"
#include "support/permits.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>

static struct lg_report report;
static char text[8192];

static void read_report(struct crew_worker *worker)
{
    (void)crew_do(worker, step_copy_report, &report);
    lg_report_write(&report, LG_REPORT_TEXT, text, sizeof text);
}

static void expect_in_report(const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in the report:\n%s", part, text);
}

/* ---- Permits alone --------------------------------------------------------------------------- */

static void test_who_holds_all_and_wants_more(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 3);
    struct units two = {.permits = &p, .count = 2, .place = "a.c:1"};
    struct units more = {.permits = &p, .count = 2, .place = "a.c:2"};
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &more), LG_EDEADLK);
    read_report(a);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, 1);
    assert_int_equal(report.members[0].need, 2);
    assert_int_equal(report.members[0].holds[0].units, 2);
    assert_int_equal(report.capacity, 3);
    expect_in_report("deadlock on permits \"slots\" (2 of 3 out), closed by A at a.c:2");
    expect_in_report("A  holds 2 of slots (a.c:1)  waits for 2 of slots (a.c:2)");
    expect_in_report("A got LG_EDEADLK: release slots, then try again.");
    expect_in_report("acquire at once what you need together");
    assert_int_equal(crew_do(a, step_count_held, &p), 2);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 3);
}

/* All hold one, and all want one more: the last to ask closes it, and with what it gives back all others
 * get theirs, one after the other. */
static void test_drained_by_their_holders(void **state)
{
    (void)state;
    enum { N = 4 };
    static struct lg_permits p = LG_PERMITS_INIT("slots", N);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *workers[N];
    for (unsigned i = 0; i < N; i++) {
        workers[i] = crew_hire_numbered("worker-", i);
        assert_int_equal(crew_do(workers[i], step_acquire, &one), LG_OK);
    }
    for (unsigned i = 0; i < N - 1; i++)
        wait_for_units(workers[i], &one);
    assert_int_equal(crew_do(workers[N - 1], step_acquire, &one), LG_EDEADLK);
    read_report(workers[N - 1]);
    assert_int_equal(report.member_count, N);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(report.members[i].hold_count, 1);
        assert_non_null(strstr(report.members[i].holds[0].place, "support/permits.c:"));
        assert_int_equal(report.members[i].need, 1);
    }
    for (unsigned i = 0; i < N - 1; i++)
        assert_true(crew_is_blocked(workers[i]));
    assert_int_equal(crew_do(workers[N - 1], step_release, &one), LG_OK);
    for (unsigned i = 0; i < N - 1; i++) {
        assert_int_equal(crew_wait(workers[i]), LG_OK);
        assert_int_equal(crew_do(workers[i], step_release, &two), LG_OK);
    }
    expect_permits_quiet(&p, N);
}

/* The victim is the one whose deadline is the nearest, not who closed it. */
static void test_the_nearest_deadline_is_told(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 2);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct units timed = {&p, 1, lg_after_ms(1000000), NULL, NULL};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    wait_for_units(a, &timed);
    crew_run(b, step_acquire, &one);
    assert_int_equal(crew_wait(a), LG_EDEADLK);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* Of five, A and B hold two each and want two more; one is in, and does for neither. */
static void test_several_at_once(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 5);
    struct units two = {.permits = &p, .count = 2}, four = {.permits = &p, .count = 4};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &two), LG_OK);
    wait_for_units(a, &two);
    assert_int_equal(crew_do(b, step_acquire, &two), LG_EDEADLK);
    read_report(b);
    assert_int_equal(report.member_count, 2);
    expect_in_report("holds 2 of slots");
    expect_in_report("waits for 2 of slots");
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_release, &four), LG_OK);
    expect_permits_quiet(&p, 5);
}

/* ---- With other things ----------------------------------------------------------------------- */

static void test_a_ring_with_a_mutex(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 2);
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    assert_int_equal(crew_do(a, step_acquire, &two), LG_EDEADLK);
    read_report(a);
    expect_in_report("A  holds m");
    expect_in_report("B  holds slots");
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 2);
}

static void test_two_of_them_in_opposite_order(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 2), q = LG_PERMITS_INIT("q", 1);
    struct units of_p = {.permits = &p, .count = 2}, of_q = {.permits = &q, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_acquire, &of_p), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &of_q), LG_OK);
    wait_for_units(a, &of_q);
    assert_int_equal(crew_do(b, step_acquire, &of_p), LG_EDEADLK);
    assert_int_equal(crew_do(b, step_release, &of_q), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_release, &of_p), LG_OK);
    assert_int_equal(crew_do(a, step_release, &of_q), LG_OK);
    expect_permits_quiet(&p, 2);
    expect_permits_quiet(&q, 1);
}

/* ---- The order of the queue ------------------------------------------------------------------ */

/* One is free, W wants two and is first; T has m and wants one; H has the other and waits for m: there are
 * units enough, and T is let pass. */
static void test_who_fits_is_let_pass(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 2);
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *h = crew_hire("H"), *w = crew_hire("W"), *t = crew_hire("T"),
                       *x = crew_hire("X");
    assert_int_equal(crew_do(h, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(x, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(t, step_lock, &m), LG_OK);
    wait_for_units(w, &two);
    wait_for_units(t, &one); /* X runs, so there is no deadlock yet */
    assert_int_equal(crew_do(x, step_release, &one), LG_OK);
    assert_true(crew_is_blocked(t)); /* one is in, and W is first */
    crew_run(h, step_lock, &m);      /* closes it */
    assert_int_equal(crew_wait(t), LG_OK);
    assert_true(crew_is_blocked(w));
    assert_int_equal(crew_do(t, step_release, &one), LG_OK);
    assert_true(crew_is_blocked(w));
    (void)crew_do(t, step_unlock, &m);
    assert_int_equal(crew_wait(h), LG_OK);
    (void)crew_do(h, step_unlock, &m);
    assert_int_equal(crew_do(h, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(w), LG_OK);
    assert_int_equal(crew_do(w, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* ---- Without a wait -------------------------------------------------------------------------- */

/* B waits for m of A; A waits for a unit, which G holds and gives to B.  Nobody begins a wait then. */
static void test_a_gift_closes_it(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 1);
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct units one = {.permits = &p, .count = 1, .place = "giver.c:3"};
    struct units timed = {&p, 1, lg_after_ms(1000000), "a.c:4", NULL};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *g = crew_hire("G");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(g, step_acquire, &one), LG_OK);
    wait_for_units(a, &timed);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    one.context = crew_context(b);
    assert_int_equal(crew_do(g, step_give, &one), LG_OK);
    assert_int_equal(crew_wait(a), LG_EDEADLK); /* its deadline is the nearest */
    read_report(a);
    assert_int_equal(report.member_count, 2);
    expect_in_report("B  holds slots (giver.c:3)  waits for 1 of m");
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 1);
}

/* The same gift to one that is blocked on nothing of theirs: silence. */
static void test_a_gift_that_closes_nothing(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 1);
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct units one = {.permits = &p, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *g = crew_hire("G");
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(crew_do(g, step_acquire, &one), LG_OK);
    wait_for_units(a, &one);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    one.context = crew_context(b);
    assert_int_equal(crew_do(g, step_give, &one), LG_OK);
    assert_true(crew_is_blocked(a) && crew_is_blocked(b));
    step_unlock(&m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 1);
}

/* A gift that the receiver asks for, so that its units and its need meet in one: a ring of one. */
static void test_a_gift_to_who_waits_for_all(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 2);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *g = crew_hire("G");
    assert_int_equal(crew_do(g, step_acquire, &one), LG_OK);
    wait_for_units(a, &two);
    one.context = crew_context(a);
    assert_int_equal(crew_do(g, step_give, &one), LG_OK);
    assert_int_equal(crew_wait(a), LG_EDEADLK); /* it holds one, and of two wants two */
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* A, B and X hold one of three each; A and B want one more, and X will give its one back.  Once there are
 * only two of them, that will not do. */
static void test_a_shrink_closes_it(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 3);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *x = crew_hire("X");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(x, step_acquire, &one), LG_OK);
    wait_for_units(a, &one);
    struct units timed = {&p, 1, lg_after_ms(1000000), NULL, NULL};
    wait_for_units(b, &timed);
    assert_int_equal(lg_permits_resize(&p, 2), LG_OK);
    assert_int_equal(crew_wait(b), LG_EDEADLK);
    read_report(b);
    assert_int_equal(report.member_count, 2);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_true(crew_is_blocked(a)); /* two are out, and there are two */
    assert_int_equal(crew_do(x, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* Of two there are three out: A's two, which it will give back once it has g, and B's one.  Then one is in;
 * but T wants both, and has what B waits for. */
static void test_more_is_out_than_there_is(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 3);
    static struct lg_mutex g = LG_MUTEX_INIT("g"), m = LG_MUTEX_INIT("m");
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *t = crew_hire("T");
    assert_int_equal(step_lock(&g), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(t, step_lock, &m), LG_OK);
    assert_int_equal(lg_permits_resize(&p, 2), LG_OK);
    crew_run(a, step_lock, &g);
    crew_wait_blocked_on(a, &g);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    assert_int_equal(crew_do(t, step_acquire, &two), LG_EDEADLK);
    read_report(t);
    expect_in_report("(3 of 2 out)");
    (void)crew_do(t, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    step_unlock(&g);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &g);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* ---- What only looks like one ---------------------------------------------------------------- */

/* One of the holders runs, or waits for a signal: it may give back. */
static void test_a_holder_that_may_go_on(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 3);
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    static struct lg_condition c = LG_CONDITION_INIT("c");
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct wait_until for_ever = {&c, &m, LG_FOREVER, "here"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *s = crew_hire("S");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(s, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(s, step_lock, &m), LG_OK);
    crew_run(s, step_wait, &for_ever);
    crew_wait_blocked_on(s, &c);
    wait_for_units(a, &one);
    wait_for_units(b, &one);
    assert_true(crew_is_blocked(a) && crew_is_blocked(b));
    lg_condition_signal(&c);
    assert_int_equal(crew_wait(s), LG_OK);
    (void)crew_do(s, step_unlock, &m);
    assert_int_equal(crew_do(s, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 3);
}

/* A ring there would be, but one unit is in: A's wait is not for the whole of it. */
static void test_there_is_enough_for_one(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 4);
    struct units one = {.permits = &p, .count = 1}, three = {.permits = &p, .count = 3};
    struct units two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    wait_for_units(a, &three); /* with B's it has all: B runs */
    assert_int_equal(crew_do(b, step_acquire, &two),
                     LG_OK); /* two are in, and A is not starved yet */
    assert_true(crew_is_blocked(a));
    assert_int_equal(crew_do(b, step_release, &three), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    struct units four = {.permits = &p, .count = 4};
    assert_int_equal(crew_do(a, step_release, &four), LG_OK);
    expect_permits_quiet(&p, 4);
}

/* A holds a unit that its table has no room for: it is in the ledger, and known all the same. */
static void test_a_holder_with_a_full_table(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 1);
    static struct lg_mutex mutexes[LG__HELD_MAX + 1];
    struct units one = {.permits = &p, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int i = 0; i < LG__HELD_MAX; i++)
        assert_int_equal(crew_do(a, step_lock, &mutexes[i]), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_lock, &mutexes[LG__HELD_MAX]), LG_OK);
    wait_for_units(b, &one);
    assert_int_equal(crew_do(a, step_lock, &mutexes[LG__HELD_MAX]), LG_EDEADLK);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    (void)crew_do(b, step_unlock, &mutexes[LG__HELD_MAX]);
    for (int i = 0; i < LG__HELD_MAX; i++)
        (void)crew_do(a, step_unlock, &mutexes[i]);
    expect_permits_quiet(&p, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_who_holds_all_and_wants_more),
        SUPPORT_TEST(test_drained_by_their_holders),
        SUPPORT_TEST(test_the_nearest_deadline_is_told),
        SUPPORT_TEST(test_several_at_once),
        SUPPORT_TEST(test_a_ring_with_a_mutex),
        SUPPORT_TEST(test_two_of_them_in_opposite_order),
        SUPPORT_TEST(test_who_fits_is_let_pass),
        SUPPORT_TEST(test_a_gift_closes_it),
        SUPPORT_TEST(test_a_gift_that_closes_nothing),
        SUPPORT_TEST(test_a_gift_to_who_waits_for_all),
        SUPPORT_TEST(test_a_shrink_closes_it),
        SUPPORT_TEST(test_more_is_out_than_there_is),
        SUPPORT_TEST(test_a_holder_that_may_go_on),
        SUPPORT_TEST(test_there_is_enough_for_one),
        SUPPORT_TEST(test_a_holder_with_a_full_table),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
