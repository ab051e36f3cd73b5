/* The detector and graphs that no lock can make: units, grants in flight, ends, lassos.
 *
 * Each scenario says its edges in prose: "A -> b" is A waiting for b.  Capital letters are
 * contexts, small ones things.  The contexts have no threads. */
#include "support/stage.h"

#include "graph/detector.h"

#define LATE (LG_FOREVER - 1) /* a deadline that is none of ours to see */

/* ---- What is a deadlock and what is none ----------------------------------------------------- */

/* p of 2.  X holds q, waited for p, has been granted a unit and has not run; Y holds the other and
 * waits for q.  X will run. */
static void test_a_grant_that_has_not_run_yet(void **state)
{
    (void)state;
    stage_set(2, 1);
    thing_hold(&q, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    assert_int_equal(stage_waits(X, &p, 1), LG__WAIT_WAITING);
    assert_true(lg__wait_end(&X->wait, LG__WAIT_GRANTED, 0)); /* first the end, then the holder */
    thing_let_go(&p, Z);
    assert_int_equal(stage_waits(Y, &q, 1), LG__WAIT_WAITING);
    thing_ghost_runs(Y);
    thing_hold(&p, X, 1);
    assert_int_equal(stage_waits(Y, &q, 1), LG__WAIT_WAITING);
    stage_clear();
}

/* The same units, the same holders, but both want one more: that is one. */
static void test_two_who_hold_all_and_want_more(void **state)
{
    (void)state;
    stage_set(2, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    assert_int_equal(stage_waits(X, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(stage_waits(Y, &p, 1), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(lg__report_of(Y)->capacity, 2);
    assert_int_equal(lg__report_of(Y)->held, 2);
    assert_int_equal(lg__report_of(Y)->member_count, 2);
    stage_clear();
}

/* p of 1, held and wanted by X alone. */
static void test_one_who_waits_for_itself(void **state)
{
    (void)state;
    stage_set(1, 1);
    thing_hold(&p, X, 1);
    assert_int_equal(stage_waits(X, &p, 1), LG__WAIT_VICTIM);
    stage_clear();
}

/* p of 3, and nobody says where the third unit is: it may come back. */
static void test_a_unit_of_the_environment(void **state)
{
    (void)state;
    stage_set(3, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    assert_int_equal(stage_waits(X, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(stage_waits(Y, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(stage_waits(Z, &p, 1), LG__WAIT_WAITING);
    stage_clear();
}

/* p of 2: X waits for p, Y holds a unit and waits for q, which X holds; the last holder, Z, has
 * ended.  Its unit belongs to the environment. */
static void test_a_holder_that_has_ended(void **state)
{
    (void)state;
    stage_set(2, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    thing_hold(&q, X, 1);
    thing_bury(Z);
    assert_int_equal(stage_waits(Y, &q, 1), LG__WAIT_WAITING);
    assert_int_equal(stage_waits(X, &p, 1), LG__WAIT_WAITING);
    Z = thing_ghost("Z");
    stage_clear();
}

/* ---- Several units --------------------------------------------------------------------------- */

/* p of 3: each of X, Y, Z reads it, and each wants to write it, which takes the two units of the
 * others.  All have begun when the first of them looks.  No single victim helps: two are told, the
 * third goes on. */
static void test_one_victim_may_not_be_enough(void **state)
{
    (void)state;
    stage_set(3, 1);
    thing_hold(&p, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    stage_has_begun(X, &p, 2);
    stage_has_begun(Y, &p, 2);
    assert_int_equal(stage_waits(Z, &p, 2), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    lg__detector_look(X);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    stage_clear();
}

/* q held by X; p of 2, one unit each with Y and Z, who wait for q.  X wants both units of p: the
 * earliest deadlines, Y and Z, would help only together; X helps alone. */
static void test_a_victim_must_let_the_closer_go_on(void **state)
{
    (void)state;
    stage_set(2, 1);
    thing_hold(&q, X, 1);
    thing_hold(&p, Y, 1);
    thing_hold(&p, Z, 1);
    struct lg__want soon = thing_want(&q, 1);
    soon.deadline = lg_after_ms(600000);
    assert_int_equal(thing_ghost_waits(Y, &soon), LG__WAIT_WAITING);
    assert_int_equal(thing_ghost_waits(Z, &soon), LG__WAIT_WAITING);
    assert_int_equal(stage_waits(X, &p, 2), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
    stage_clear();
}

/* ---- Lassos ---------------------------------------------------------------------------------- */

/* X -> q, Y -> p, each holding the other's, and neither has looked yet; Z -> p only hangs off their
 * ring.  Z looks first: one of the ring is told, not Z, and the others' looks find it gone. */
static void test_who_hangs_off_a_ring_is_not_told(void **state)
{
    (void)state;
    stage_set(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    stage_has_begun(X, &q, 1);
    stage_has_begun(Y, &p, 1);
    assert_int_equal(stage_waits(Z, &p, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    lg__detector_look(X);
    lg__detector_look(Y);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    stage_clear();
}

/* The same, but Z holds a unit of what it waits for: r of 2, one with Z and one with X.  Its own
 * unit would let Z go on and nobody else, so to tell Z would be for nothing. */
static void test_who_hangs_off_a_ring_with_a_unit_of_its_own(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 2};
    stage_set(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&r, X, 1);
    thing_hold(&r, Z, 1);
    stage_has_begun(X, &q, 1);
    stage_has_begun(Y, &p, 1);
    assert_int_equal(stage_waits(Z, &r, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(X) == LG__WAIT_VICTIM, thing_state(Y) != LG__WAIT_VICTIM);
    stage_clear();
}

/* X -> q, Y -> p is the ring; Z holds r and waits for p, behind it, and has a deadline, as nobody
 * else has; main's ghost W -> r looks first.  Z would let W go on, but the ring would stay. */
static void test_who_is_between_is_not_told(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 1};
    struct lg__want timed;
    stage_set(1, 1);
    struct lg_context *w = thing_ghost("W");
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&r, Z, 1);
    timed = thing_want(&p, 1);
    timed.deadline = LATE;
    lg__wait_begin(&Z->wait, &timed, LG__WAIT_WAITING);
    stage_has_begun(X, &q, 1);
    stage_has_begun(Y, &p, 1);
    assert_int_equal(stage_waits(w, &r, 1), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM); /* the youngest of the ring */
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    thing_bury(w);
    stage_clear();
}

/* Two rings, X and Y, V and W, and Z who needs both units of r, which X and V hold: nobody alone
 * lets Z go on, and still one of each ring is told, and not Z. */
static void test_who_hangs_off_two_rings_is_not_told(void **state)
{
    (void)state;
    struct thing r = {.name = "r", .capacity = 2};
    struct thing s = {.name = "s", .capacity = 1}, t = {.name = "t", .capacity = 1};
    stage_set(1, 1);
    struct lg_context *v = thing_ghost("V"), *w = thing_ghost("W");
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    thing_hold(&s, v, 1);
    thing_hold(&t, w, 1);
    thing_hold(&r, X, 1);
    thing_hold(&r, v, 1);
    stage_has_begun(X, &q, 1);
    stage_has_begun(Y, &p, 1);
    stage_has_begun(v, &t, 1);
    stage_has_begun(w, &s, 1);
    assert_int_equal(stage_waits(Z, &r, 2), LG__WAIT_WAITING);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(w), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(X), LG__WAIT_WAITING);
    assert_int_equal(thing_state(v), LG__WAIT_WAITING);
    thing_bury(v);
    thing_bury(w);
    stage_clear();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
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
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
