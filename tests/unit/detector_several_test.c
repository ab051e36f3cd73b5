/* Waits for any or all of several things, as the detector and the reports see them: shapes by hand.  The
 * random ones are in search_test and detector_life_test.
 *
 * "A -> a|b" waits for a or b, "A -> a&b" for both. */
#include "support/dot.h"
#include "support/json.h"
#include "support/thing.h"

#include "graph/detector.h"

#include <string.h>

enum { A, B, C, GHOSTS };

static struct lg_context *ghosts[GHOSTS];
static struct thing_group groups[GHOSTS];
static struct thing a = {.name = "a", .capacity = 1}, b = {.name = "b", .capacity = 1},
                    c = {.name = "c", .capacity = 3};

static void begin(void)
{
    static const char *const names[] = {"A", "B", "C"};
    struct thing *things[] = {&a, &b, &c};
    support_log_begin(LG_LOG_ERROR);
    for (int i = 0; i < GHOSTS; i++) {
        ghosts[i] = thing_ghost(names[i]);
        memset(things[i]->holdings, 0, sizeof things[i]->holdings);
        things[i]->queued = 0;
    }
}

static void end(void)
{
    for (int i = 0; i < GHOSTS; i++)
        thing_bury(ghosts[i]);
}

static enum lg__wait_state waits_for(int who, struct thing *thing, uint32_t need)
{
    struct lg__want want = thing_want(thing, need);
    return thing_ghost_waits(ghosts[who], &want);
}

static enum lg__wait_state waits_for_two(int who, bool is_all, struct thing *first,
                                         struct thing *second, uint32_t need)
{
    struct lg__want wants[] = {thing_want(first, 1), thing_want(second, need)};
    thing_group_begin(&groups[who], ghosts[who], is_all);
    thing_group_add(&groups[who], &wants[0]);
    thing_group_add(&groups[who], &wants[1]);
    return thing_ghost_waits(ghosts[who], &wants[0]);
}

/* A holds a, B holds b; B -> a; A -> b|c, and of c there is some. */
static void test_any_goes_on_by_one_way_out(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[B], 1);
    assert_int_equal(waits_for(B, &a, 1), LG__WAIT_WAITING);
    assert_int_equal(waits_for_two(A, false, &b, &c, 3), LG__WAIT_WAITING);
    end();
}

/* The same, but C, who runs, holds c; then C closes the ring. */
static void test_any_is_stuck_when_the_last_way_out_closes(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[B], 1);
    thing_hold(&c, ghosts[C], 3);
    assert_int_equal(waits_for(B, &a, 1), LG__WAIT_WAITING);
    assert_int_equal(waits_for_two(A, false, &b, &c, 1), LG__WAIT_WAITING);
    assert_int_equal(waits_for(C, &b, 1), LG__WAIT_VICTIM);
    assert_int_equal(thing_state(ghosts[A]), LG__WAIT_WAITING);
    assert_int_equal(lg__report_of(ghosts[C])->member_count, 3);
    end();
}

/* A holds a; B holds b, and B -> a; C, who runs, holds some of c; A -> b&c is stuck by b alone. */
static void test_all_is_stuck_by_one(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[B], 1);
    thing_hold(&c, ghosts[C], 1);
    assert_int_equal(waits_for(B, &a, 1), LG__WAIT_WAITING);
    assert_int_equal(waits_for_two(A, true, &b, &c, 3), LG__WAIT_VICTIM);
    assert_int_equal(lg__report_of(ghosts[A])->member_count, 2);
    end();
}

/* A -> b&c, both of whose holders run. */
static void test_all_goes_on_if_each_does(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[B], 1);
    thing_hold(&c, ghosts[C], 1);
    assert_int_equal(waits_for_two(A, true, &b, &c, 3), LG__WAIT_WAITING);
    assert_int_equal(waits_for(B, &c, 1), LG__WAIT_WAITING);
    end();
}

/* It holds all that there is of both itself: nobody else is to blame. */
static void test_any_of_what_it_holds_itself(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[A], 1);
    assert_int_equal(waits_for_two(A, false, &a, &b, 1), LG__WAIT_VICTIM);
    assert_int_equal(lg__report_of(ghosts[A])->member_count, 1);
    end();
}

/* Two who want all, each of what the other has some of. */
static void test_two_want_all(void **state)
{
    (void)state;
    begin();
    thing_hold(&a, ghosts[A], 1);
    thing_hold(&b, ghosts[B], 1);
    assert_int_equal(waits_for_two(A, true, &b, &c, 1), LG__WAIT_WAITING);
    assert_int_equal(waits_for_two(B, true, &c, &a, 1), LG__WAIT_VICTIM);
    end();
}

/* c is waited for in order: A, who wants all of it or a, is served by a; B behind it goes on then. */
static void test_who_is_behind_one_with_another_way_out(void **state)
{
    (void)state;
    begin();
    thing_hold(&c, ghosts[C], 1);
    struct lg__want all = thing_want(&c, 3), one = thing_want(&c, 1);
    struct lg__want way_out = thing_want(&a, 1);
    thing_group_begin(&groups[A], ghosts[A], false);
    thing_group_add(&groups[A], &all);
    thing_group_add(&groups[A], &way_out);
    thing_queue(&c, &groups[A].branches[0], 1);
    assert_int_equal(thing_ghost_waits(ghosts[A], &all), LG__WAIT_WAITING);
    thing_hold(&b, ghosts[B], 1);
    thing_queue(&c, &ghosts[B]->wait, 2);
    assert_int_equal(thing_ghost_waits(ghosts[B], &one), LG__WAIT_WAITING);
    assert_int_equal(waits_for(C, &b, 1), LG__WAIT_WAITING);
    assert_true(ghosts[B]->wait.stamp == 2); /* not let pass: it need not */
    end();
}

/* The same without the way out: who fits is let pass. */
static void test_who_is_behind_one_without(void **state)
{
    (void)state;
    begin();
    thing_hold(&c, ghosts[C], 1);
    struct lg__want all = thing_want(&c, 3), one = thing_want(&c, 1);
    thing_group_begin(&groups[A], ghosts[A], false);
    thing_group_add(&groups[A], &all);
    thing_queue(&c, &groups[A].branches[0], 1);
    assert_int_equal(thing_ghost_waits(ghosts[A], &all), LG__WAIT_WAITING);
    thing_hold(&b, ghosts[B], 1);
    thing_group_begin(&groups[B], ghosts[B], false);
    thing_group_add(&groups[B], &one);
    thing_queue(&c, &groups[B].branches[0], 2);
    assert_int_equal(thing_ghost_waits(ghosts[B], &one), LG__WAIT_WAITING);
    assert_int_equal(waits_for(C, &b, 1), LG__WAIT_WAITING);
    assert_true(groups[B].branches[0].stamp < groups[A].branches[0].stamp);
    end();
}

/* ---- Branches ---------------------------------------------------------------------------------- */

static void test_of_all_who_end_it_one_succeeds(void **state)
{
    (void)state;
    begin();
    assert_int_equal(waits_for_two(A, false, &a, &b, 1), LG__WAIT_WAITING);
    struct lg__wait *branches = groups[A].branches;
    uint64_t word = ghosts[A]->wait.word;
    assert_ptr_equal(lg__context_of(&branches[1]), ghosts[A]);
    assert_true(lg__wait_goes_on(&branches[0]) && lg__wait_goes_on(&ghosts[A]->wait));
    assert_true(lg__wait_end(&branches[1], LG__WAIT_GRANTED, 7));
    assert_false(lg__wait_end(&branches[0], LG__WAIT_GRANTED, 8));
    assert_false(lg__wait_end(&ghosts[A]->wait, LG__WAIT_WOKEN, 0));
    assert_false(lg__wait_goes_on(&branches[0]) || lg__wait_goes_on(&ghosts[A]->wait));
    assert_true(branches[1].won == word && branches[1].grant == 7);
    assert_true(branches[0].won != word);
    assert_int_equal(thing_state(ghosts[A]), LG__WAIT_GRANTED);
    end();
}

/* ---- Reports ----------------------------------------------------------------------------------- */

static char text[8192];

static const char *write_report(enum lg_report_format format)
{
    lg_report_write(lg__report_of(ghosts[A]), format, text, sizeof text);
    return text;
}

static void expect_json(const char *path, const char *expected)
{
    char value[64];
    assert_true(json_get(text, path, value, sizeof value));
    assert_string_equal(value, expected);
}

static void test_reports_name_them_all(void **state)
{
    (void)state;
    for (int is_all = 0; is_all < 2; is_all++) {
        begin();
        thing_hold(&b, ghosts[B], 1);
        thing_hold(&c, ghosts[B], 3);
        thing_hold(&a, ghosts[A], 1);
        assert_int_equal(waits_for(B, &a, 1), LG__WAIT_WAITING);
        assert_int_equal(waits_for_two(A, is_all, &b, &c, 2), LG__WAIT_VICTIM);
        assert_non_null(strstr(write_report(LG_REPORT_TEXT),
                               is_all ? "waits for all of: 1 of b, 2 of c (thing.c:1)\n"
                                      : "waits for any of: 1 of b, 2 of c (thing.c:1)\n"));
        assert_true(json_is_valid(write_report(LG_REPORT_JSON)));
        expect_json("members.0.waits_for.want_count", "2");
        expect_json(is_all ? "members.0.waits_for.all_of.1.name"
                           : "members.0.waits_for.any_of.1.name",
                    "c");
        assert_true(dot_is_valid(write_report(LG_REPORT_DOT)));
        assert_int_equal(dot_count_edges(text), 6); /* A waits for two, B for one; three are held */
        assert_non_null(
            strstr(text, is_all ? "\"all: 2 at thing.c:1\"" : "\"any: 2 at thing.c:1\""));
        end();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_any_goes_on_by_one_way_out),
        SUPPORT_TEST(test_any_is_stuck_when_the_last_way_out_closes),
        SUPPORT_TEST(test_all_is_stuck_by_one),
        SUPPORT_TEST(test_all_goes_on_if_each_does),
        SUPPORT_TEST(test_any_of_what_it_holds_itself),
        SUPPORT_TEST(test_two_want_all),
        SUPPORT_TEST(test_who_is_behind_one_with_another_way_out),
        SUPPORT_TEST(test_who_is_behind_one_without),
        SUPPORT_TEST(test_of_all_who_end_it_one_succeeds),
        SUPPORT_TEST(test_reports_name_them_all),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
