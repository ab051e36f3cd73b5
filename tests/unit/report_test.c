/* Reports: the words, the three formats at every size, and what is gone by the time they are
 * read. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create, pipe2 */
#endif
#include "support/dot.h"
#include "support/json.h"
#include "support/locks.h"
#include "support/thing.h"

#include "graph/detector.h"
#include "plat/text.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char text[65536];

static const char *write_as(const struct lg_report *report, enum lg_report_format format)
{
    size_t length = lg_report_write(report, format, text, sizeof text);
    assert_true(length < sizeof text);
    assert_int_equal(strlen(text), length);
    return text;
}

static void expect_valid(const struct lg_report *report)
{
    assert_true(json_is_valid(write_as(report, LG_REPORT_JSON)));
    assert_true(dot_is_valid(write_as(report, LG_REPORT_DOT)));
    (void)write_as(report, LG_REPORT_TEXT);
}

/* ---- The words ------------------------------------------------------------------------------- */

static struct lg_report_hold hold_of(const char *name, uint32_t unit, const char *place,
                                     uint64_t age_ms)
{
    struct lg_report_hold hold = {.unit = unit, .units = 1, .age_ms = age_ms};
    snprintf(hold.name, sizeof hold.name, "%s", name);
    snprintf(hold.place, sizeof hold.place, "%s", place);
    return hold;
}

static struct lg_report_member member_of(const char *context, const char *waits_name, uint32_t need)
{
    struct lg_report_member member = {.need = need};
    snprintf(member.context, sizeof member.context, "%s", context);
    snprintf(member.waits_name, sizeof member.waits_name, "%s", waits_name);
    snprintf(member.waits_noun, sizeof member.waits_noun, "pool");
    return member;
}

/* The example of the design, but for the places of waits, which reports of locks need. */
static struct lg_report pool_deadlock(void)
{
    struct lg_report report = {
        .kind = LG_REPORT_DEADLOCK,
        .noun = "pool",
        .name = "db",
        .capacity = 4,
        .held = 4,
        .closer = "worker-3",
        .place = "bank.c:211",
        .victim = "worker-3",
        .found_ns = 38999,
        .minimum = 9,
        .users = 8,
        .member_count = 4,
    };
    static const char *const names[] = {"worker-3", "worker-1", "worker-11", "w"};
    for (uint32_t i = 0; i < 4; i++) {
        report.members[i] = member_of(names[i], "db", 1);
        report.members[i].holds[0] = hold_of("db", i, "bank.c:204", 12 + i);
        report.members[i].hold_count = 1;
    }
    return report;
}

static void test_text_of_a_deadlock_on_a_pool(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    assert_string_equal(
        write_as(&report, LG_REPORT_TEXT),
        "deadlock on pool \"db\" (4 of 4 out), closed by worker-3 at bank.c:211, found in 38 us\n"
        "  worker-3   holds db#0 (bank.c:204, 12 ms)  waits for 1 of db\n"
        "  worker-1   holds db#1 (bank.c:204, 13 ms)  waits for 1 of db\n"
        "  worker-11  holds db#2 (bank.c:204, 14 ms)  waits for 1 of db\n"
        "  w          holds db#3 (bank.c:204, 15 ms)  waits for 1 of db\n"
        "worker-3 got LG_EDEADLK: check in db#0, then try again. To make it impossible: a pool of"
        " 9 (contexts seen: 8), or nested = share.\n");
}

static void expect_cure(const struct lg_report *report, const char *cure)
{
    const char *said = strstr(write_as(report, LG_REPORT_TEXT), "To make it impossible: ");
    assert_non_null(said);
    assert_string_equal(said + strlen("To make it impossible: "), cure);
}

/* The advice names whom it is for, and nothing that would not help. */
static void test_the_cure_fits(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    report.users = 4;
    report.declared = 8;
    expect_cure(&report, "a pool of 9 (threads declared: 8), or nested = share.\n");
    report.members[1].need = 2;
    expect_cure(&report, "a pool of 9 (threads declared: 8).\n");
    report.minimum = 0;
    report.member_count = 1;
    snprintf(report.noun, sizeof report.noun, "mutex");
    expect_cure(&report, "take it once, or make it recursive.\n");
    snprintf(report.noun, sizeof report.noun, "robust mutex");
    expect_cure(&report, "take it once.\n");
}

/* Lines and commands to terminals are the report's alone. */
static void test_text_keeps_names_in_their_line(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    report.member_count = 1;
    report.kind = LG_REPORT_TIMEOUT;
    report.cause = LG_EXHAUSTION_OPENS_FAIL;
    snprintf(report.closer, sizeof report.closer, "a\nb\x1b[2J");
    snprintf(report.name, sizeof report.name, "\xe2\x82\xac\xff\xc2\x9b");
    snprintf(report.detail, sizeof report.detail, "no\r\nroute");
    snprintf(report.members[0].context, sizeof report.members[0].context, "\t\x7f");
    assert_string_equal(write_as(&report, LG_REPORT_TEXT),
                        "a?b?[2J waited 0 ms for pool \"\xe2\x82\xac???\" (4 of 4 out) at "
                        "bank.c:211: timed out\n"
                        "  cause: opens fail: no??route\n"
                        "  ??  holds db#0 (bank.c:204, 12 ms)  waits for 1 of db\n");
}

static void test_text_of_a_deadlock_on_locks(void **state)
{
    (void)state;
    struct lg_report report = {
        .kind = LG_REPORT_DEADLOCK,
        .noun = "mutex",
        .capacity = 1,
        .held = 1,
        .closer = "B",
        .victim = "A",
        .found_ns = 1000,
        .member_count = 18,
    };
    report.members[0] = member_of("B", "", 1);
    report.members[0].holds[0] = hold_of("", LG_NO_UNIT, "", 0);
    report.members[0].hold_count = 1;
    report.members[1] = member_of("A", "b", 1);
    for (uint32_t i = 0; i < LG_REPORT_HOLDS; i++)
        report.members[1].holds[i] = hold_of("a", LG_NO_UNIT, i % 2 ? "" : "a.c:1", 7);
    report.members[1].hold_count = LG_REPORT_HOLDS + 3;
    snprintf(report.members[1].waits_place, LG_PLACE_SIZE, "a.c:2");
    for (uint32_t i = 2; i < LG_REPORT_MEMBERS; i++)
        report.members[i] = member_of(i == 2 ? "C" : "(ended)", "c", 0);
    const char *expected =
        "deadlock on mutex (unnamed), closed by B, found in 1 us\n"
        "  B        holds (unnamed)  waits for 1 of (unnamed)\n"
        "  A        holds a (a.c:1), a, a (a.c:1), a and 3 more  waits for 1 of b (a.c:2)\n"
        "  C        runs\n"
        "  (ended)\n";
    (void)write_as(&report, LG_REPORT_TEXT);
    assert_memory_equal(text, expected, strlen(expected));
    const char *end = strstr(text, "  ... and 2 more\n");
    assert_non_null(end);
    assert_string_equal(end, "  ... and 2 more\n"
                             "A got LG_EDEADLK: release a, then try again. To make it impossible:"
                             " take them in one order everywhere.\n");
}

/* A thread holds its own end, for those who join it; it cannot give that back. */
static void test_text_of_a_deadlock_on_a_join(void **state)
{
    (void)state;
    struct lg_report report = {
        .kind = LG_REPORT_DEADLOCK,
        .noun = "thread",
        .name = "worker",
        .capacity = 1,
        .held = 1,
        .closer = "main",
        .victim = "worker",
        .found_ns = 1000,
        .member_count = 2,
    };
    report.members[0] = member_of("main", "worker", 1);
    snprintf(report.members[0].waits_noun, sizeof report.members[0].waits_noun, "thread");
    report.members[0].holds[0] = hold_of("m", LG_NO_UNIT, "a.c:1", 0);
    report.members[0].hold_count = 1;
    report.members[1] = member_of("worker", "m", 1);
    report.members[1].holds[0] = hold_of("worker", LG_NO_UNIT, "a.c:2", 0);
    report.members[1].hold_count = 1;
    assert_string_equal(write_as(&report, LG_REPORT_TEXT),
                        "deadlock on thread \"worker\", closed by main, found in 1 us\n"
                        "  main    holds m (a.c:1)  waits for 1 of worker\n"
                        "  worker  holds worker (a.c:2)  waits for 1 of m\n"
                        "worker got LG_EDEADLK: give up and return, for its end is waited for. To "
                        "make it impossible: let"
                        " go of what the others need before you wait for them.\n");
    report.members[1].holds[1] = hold_of("slots", 3, "a.c:3", 5);
    report.members[1].hold_count = 2;
    assert_non_null(strstr(write_as(&report, LG_REPORT_TEXT),
                           "worker got LG_EDEADLK: check in slots#3, then try again."));
    /* Oneself. */
    report.members[1] = member_of("worker", "worker", 1);
    snprintf(report.members[1].waits_noun, sizeof report.members[1].waits_noun, "thread");
    report.members[0] = report.members[1];
    report.member_count = 1;
    report.members[0].holds[0] = hold_of("worker", LG_NO_UNIT, "a.c:2", 0);
    report.members[0].hold_count = 1;
    assert_non_null(
        strstr(write_as(&report, LG_REPORT_TEXT),
               "for its end is waited for. To make it impossible: have another thread wait for"
               " its end.\n"));
}

static void test_text_of_timeouts(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    report.kind = LG_REPORT_TIMEOUT;
    report.waited_ms = 1500;
    report.cause = LG_EXHAUSTION_LEAK;
    report.waiting = 3;
    report.oldest_ms = 700;
    report.member_count = 1;
    snprintf(report.detail, sizeof report.detail, "thread X ended holding it");
    assert_string_equal(
        write_as(&report, LG_REPORT_TEXT),
        "worker-3 waited 1500 ms for pool \"db\" (4 of 4 out) at bank.c:211: timed out\n"
        "  cause: likely leak: thread X ended holding it\n"
        "  3 still wait, the first for 700 ms\n"
        "  worker-3  holds db#0 (bank.c:204, 12 ms)  waits for 1 of db\n");
    report.kind = LG_REPORT_OPEN;
    report.cause = LG_EXHAUSTION_NONE;
    report.waiting = 0;
    report.member_count = 0;
    assert_string_equal(write_as(&report, LG_REPORT_TEXT),
                        "worker-3 waited 1500 ms for pool \"db\" (4 of 4 out) at bank.c:211: the"
                        " open failed\n");
}

static void test_nothing_to_report(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    static struct lg_report fresh;
    memset(&fresh, 0xff, sizeof fresh);
    (void)crew_do(a, step_copy_report, &fresh);
    assert_int_equal(fresh.kind, LG_REPORT_NONE);
    assert_string_equal(write_as(&fresh, LG_REPORT_TEXT), "no failed wait to report\n");
    assert_string_equal(write_as(NULL, LG_REPORT_TEXT), "no failed wait to report\n");
    expect_valid(&(struct lg_report){0});
}

static void test_causes_have_words(void **state)
{
    (void)state;
    for (int i = LG_EXHAUSTION_NONE; i <= LG_EXHAUSTION_OPENS_HANG; i++) {
        struct lg_report report = {.kind = LG_REPORT_TIMEOUT, .cause = (enum lg_exhaustion)i};
        assert_true(strlen(lg_exhaustion_text((enum lg_exhaustion)i)) > 5);
        assert_string_not_equal(lg_exhaustion_text((enum lg_exhaustion)i), "unknown");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(lg_exhaustion_text((enum lg_exhaustion)i),
                                    lg_exhaustion_text((enum lg_exhaustion)j));
        expect_valid(&report);
    }
    assert_string_equal(lg_exhaustion_text((enum lg_exhaustion)77), "unknown");
}

/* ---- JSON and DOT ---------------------------------------------------------------------------- */

static void expect_json(const char *path, const char *expected)
{
    char value[256];
    if (!json_get(text, path, value, sizeof value))
        fail_msg("no %s in %s", path, text);
    assert_string_equal(value, expected);
}

static void test_json_has_all_of_it(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    report.members[1].holds[0].unit = LG_NO_UNIT;
    report.members[2].need = 0;
    assert_true(json_is_valid(write_as(&report, LG_REPORT_JSON)));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    expect_json("kind", "deadlock");
    expect_json("noun", "pool");
    expect_json("name", "db");
    expect_json("capacity", "4");
    expect_json("held", "4");
    expect_json("closer", "worker-3");
    expect_json("place", "bank.c:211");
    expect_json("victim", "worker-3");
    expect_json("found_ns", "38999");
    expect_json("minimum", "9");
    expect_json("declared", "0");
    expect_json("cause", "none");
    expect_json("member_count", "4");
    expect_json("members.0.context", "worker-3");
    expect_json("members.0.hold_count", "1");
    expect_json("members.0.holds.0.unit", "0");
    expect_json("members.0.holds.0.age_ms", "12");
    expect_json("members.0.waits_for.need", "1");
    expect_json("members.3.waits_for.name", "db");
    expect_json("members.2.waits_for", "null");
    char value[8];
    assert_false(json_get(text, "members.1.holds.0.unit", value, sizeof value));
    assert_false(json_get(text, "members.4", value, sizeof value));
}

static void test_dot_shows_the_ring(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    assert_true(dot_is_valid(write_as(&report, LG_REPORT_DOT)));
    assert_int_equal(dot_count_edges(text), 8);
    report.members[3].need = 0;
    assert_int_equal(dot_count_edges(write_as(&report, LG_REPORT_DOT)), 7);
    assert_non_null(strstr(text, "fillcolor")); /* the victim */
}

/* Two contexts may have one name; in a picture they are still two. */
static void test_dot_keeps_namesakes_apart(void **state)
{
    (void)state;
    struct lg_report report = pool_deadlock();
    const char *first = NULL, *s = write_as(&report, LG_REPORT_DOT);
    unsigned nodes = 0;
    for (uint32_t i = 0; i < 4; i++)
        snprintf(report.members[i].context, LG_NAME_SIZE, "worker");
    s = write_as(&report, LG_REPORT_DOT);
    while ((s = strstr(s, " [label=\"worker\""))) {
        const char *id = s;
        while (id[-1] != ' ')
            id--;
        assert_false(first && strncmp(first, id, (size_t)(s - id) + 1) == 0);
        first = id;
        nodes++;
        s++;
    }
    assert_int_equal(nodes, 4);
}

static void test_checker_of_dot_is_strict(void **state)
{
    (void)state;
    assert_true(dot_is_valid("digraph g { a=b; \"x\" -> y [k=\"\\\"\", l=m]; }\n"));
    assert_false(dot_is_valid("digraph g { a }"));
    assert_false(dot_is_valid("digraph g { a; "));
    assert_false(dot_is_valid("digraph g { \"a; }"));
    assert_false(dot_is_valid("digraph g { \"a\nb\"; }"));
    assert_false(dot_is_valid("digraph g { a [k]; }"));
    assert_false(dot_is_valid("digraph g { a -> ; }"));
    assert_false(dot_is_valid("digraph g { \"\xff\"; }"));
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

/* A report whose every field is as long, and as nasty, as it may be. */
static void fill_with(struct lg_report *report, const char *bytes)
{
    char nasty[256];
    memset(report, 0, sizeof *report);
    for (size_t i = 0; i + 1 < sizeof nasty; i++)
        nasty[i] = bytes[i % strlen(bytes)];
    nasty[sizeof nasty - 1] = 0;
#define FILL(field) lg__copy_name((field), sizeof(field), nasty)
    report->kind = LG_REPORT_DEADLOCK;
    report->capacity = report->held = report->minimum = UINT32_MAX;
    report->found_ns = report->waited_ms = report->oldest_ms = UINT64_MAX;
    report->waiting = UINT32_MAX;
    report->member_count = UINT32_MAX;
    FILL(report->noun);
    FILL(report->name);
    FILL(report->closer);
    FILL(report->place);
    FILL(report->victim);
    FILL(report->detail);
    for (uint32_t i = 0; i < LG_REPORT_MEMBERS; i++) {
        struct lg_report_member *member = &report->members[i];
        FILL(member->context);
        FILL(member->waits_noun);
        FILL(member->waits_name);
        FILL(member->waits_place);
        member->hold_count = member->need = UINT32_MAX;
        member->waited_ms = UINT64_MAX;
        for (uint32_t j = 0; j < LG_REPORT_HOLDS; j++) {
            FILL(member->holds[j].name);
            FILL(member->holds[j].place);
            member->holds[j].unit = member->holds[j].units = UINT32_MAX - 1;
            member->holds[j].age_ms = UINT64_MAX;
        }
    }
#undef FILL
}

static const char *const nasties[] = {
    "x",         "\"",
    "\\",        "\n",
    "\x01",      "\x7f",
    "\xff",      "\xc3",
    "\xc3\xa9",  "\xf0\x9f\x98\x80",
    "%s%n",      "\"];}\n\"",
    "</a>&amp;", "a\\\"\n\xe2\x82",
};

static void test_nasty_names_break_nothing(void **state)
{
    (void)state;
    static struct lg_report report;
    for (size_t i = 0; i < sizeof nasties / sizeof nasties[0]; i++) {
        fill_with(&report, nasties[i]);
        expect_valid(&report);
        for (int kind = LG_REPORT_NONE; kind <= LG_REPORT_BROKEN; kind++) {
            report.kind = (enum lg_report_kind)kind;
            expect_valid(&report);
        }
    }
}

/* As snprintf: the length of the whole at every size, the beginning of it as far as it fits, a 0,
 * and nothing behind. */
static void sweep(const struct lg_report *report, enum lg_report_format format)
{
    static char part[65536];
    const char *whole = write_as(report, format);
    size_t length = strlen(whole);
    assert_int_equal(lg_report_write(report, format, NULL, 0), length);
    size_t step = length > 2000 ? 397 : 1;
    for (size_t size = 1; size <= length + 2; size += step) {
        memset(part, '#', length + 8);
        assert_int_equal(lg_report_write(report, format, part, size), length);
        size_t fits = size - 1 < length ? size - 1 : length;
        assert_memory_equal(part, whole, fits);
        assert_int_equal(part[fits], 0);
        assert_int_equal(part[size], '#');
    }
}

static void test_every_size_is_kept(void **state)
{
    (void)state;
    static struct lg_report report;
    for (int format = LG_REPORT_TEXT; format <= LG_REPORT_DOT; format++) {
        report = pool_deadlock();
        sweep(&report, (enum lg_report_format)format);
        report.kind = LG_REPORT_TIMEOUT;
        sweep(&report, (enum lg_report_format)format);
        fill_with(&report, "\x01");
        sweep(&report, (enum lg_report_format)format);
    }
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* What is printed is what is written, also when it is long. */
static void test_print_cuts_nothing(void **state)
{
    (void)state;
    static struct lg_report report;
    static char printed[65536];
    fill_with(&report, "\x01");
    for (int format = LG_REPORT_TEXT; format <= LG_REPORT_DOT; format++) {
        int fd = memfd_create("report", 0);
        assert_true(fd >= 0);
        assert_int_equal(lg_report_print(&report, (enum lg_report_format)format, fd), LG_OK);
        ssize_t length = pread(fd, printed, sizeof printed - 1, 0);
        close(fd);
        assert_true(length > 0);
        printed[length] = 0;
        assert_string_equal(printed, write_as(&report, (enum lg_report_format)format));
    }
}

static void test_print_says_when_it_cannot(void **state)
{
    (void)state;
    static struct lg_report report;
    char bytes[4096];
    int channel[2];
    fill_with(&report, "x");
    assert_int_equal(lg_report_print(&report, LG_REPORT_TEXT, -1), LG_ESYS);
    assert_int_equal(pipe2(channel, O_NONBLOCK), 0);
    memset(bytes, 'x', sizeof bytes);
    while (write(channel[1], bytes, sizeof bytes) > 0)
        continue; /* full */
    assert_int_equal(lg_report_print(&report, LG_REPORT_TEXT, channel[1]), LG_ESYS);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    close(channel[0]);
    assert_int_equal(lg_report_print(&report, LG_REPORT_TEXT, channel[1]), LG_ESYS);
    close(channel[1]);
    signal(SIGPIPE, before);
}

/* ---- What the library fills in --------------------------------------------------------------- */

#define CROWD 20

static struct lg_mutex crowd_locks[CROWD];
static struct crew_worker *crowd[CROWD];

/* T0 has m0 and wants m1, and so on to T19, who closes the ring.  T12 has the only deadline. */
static void test_sixteen_members_and_a_count(void **state)
{
    (void)state;
    static struct lg_report report;
    struct lock_until waits[CROWD];
    char name[LG_NAME_SIZE];
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = crew_hire_numbered("T", i);
        struct lock_until take = {&crowd_locks[i], LG_FOREVER, "take.c:1"};
        waits[i] = (struct lock_until){&crowd_locks[(i + 1) % CROWD], LG_FOREVER, "want.c:2"};
        assert_int_equal(crew_do(crowd[i], step_lock_until, &take), LG_OK);
    }
    for (unsigned i = 0; i + 1 < CROWD; i++) {
        crew_run(crowd[i], step_lock_until, &waits[i]);
        crew_wait_blocked(crowd[i]);
    }
    assert_int_equal(crew_do(crowd[CROWD - 1], step_lock_until, &waits[CROWD - 1]), LG_EDEADLK);
    (void)crew_do(crowd[CROWD - 1], step_copy_report, &report);
    assert_int_equal(report.member_count, CROWD);
    assert_string_equal(report.noun, "mutex");
    assert_string_equal(report.place, "want.c:2");
    assert_int_equal(report.capacity, 1);
    assert_int_equal(report.held, 1);
    for (unsigned i = 0; i < LG_REPORT_MEMBERS; i++) { /* along the ring from the closer */
        const struct lg_report_member *member = &report.members[i];
        snprintf(name, sizeof name, "T%u", (CROWD - 1 + i) % CROWD);
        assert_string_equal(member->context, name);
        assert_int_equal(member->hold_count, 1);
        assert_string_equal(member->holds[0].place, "take.c:1");
        assert_int_equal(member->holds[0].unit, LG_NO_UNIT);
        assert_int_equal(member->need, 1);
        assert_string_equal(member->waits_noun, "mutex");
        assert_string_equal(member->waits_place, "want.c:2");
    }
    expect_valid(&report);
    assert_non_null(strstr(write_as(&report, LG_REPORT_TEXT), "\n  ... and 4 more\n"));
    (void)crew_do(crowd[CROWD - 1], step_unlock, &crowd_locks[CROWD - 1]);
    for (unsigned i = CROWD - 1; i-- > 0;) {
        assert_int_equal(crew_wait(crowd[i]), LG_OK);
        (void)crew_do(crowd[i], step_unlock, waits[i].mutex);
        (void)crew_do(crowd[i], step_unlock, &crowd_locks[i]);
    }
}

/* A thing of 40, each unit with another context that runs: all are counted, each once. */
static void test_a_timeout_counts_all_holders(void **state)
{
    (void)state;
    enum { HOLDERS = 40 };
    struct lg_context *ghosts[HOLDERS];
    struct thing t = {.name = "t", .capacity = HOLDERS + 1};
    char name[LG_NAME_SIZE];
    for (unsigned i = 0; i < HOLDERS; i++) {
        snprintf(name, sizeof name, "G%u", i);
        ghosts[i] = thing_ghost(name);
        thing_hold(&t, ghosts[i], 1);
    }
    thing_hold(&t, ghosts[HOLDERS - 1], 1); /* one has two, and no row */
    struct lg__want want = thing_want(&t, 1);
    want.deadline = 1;
    assert_int_equal(step_want(&want), LG__WAIT_TIMED_OUT);
    const struct lg_report *report = lg_report_last();
    assert_int_equal(report->kind, LG_REPORT_TIMEOUT);
    assert_int_equal(report->held, HOLDERS + 1);
    assert_int_equal(report->member_count, HOLDERS + 1);
    assert_string_equal(report->members[0].context, "main");
    for (unsigned i = 1; i < LG_REPORT_MEMBERS; i++) {
        snprintf(name, sizeof name, "G%u", i - 1);
        assert_string_equal(report->members[i].context, name);
        assert_int_equal(report->members[i].need, 0);
        assert_int_equal(report->members[i].hold_count, 1);
    }
    expect_valid(report);
    for (unsigned i = 0; i < HOLDERS; i++)
        thing_bury(ghosts[i]);
}

/* A locks m at a place in a module's constant text, and the module goes.  Then B's wait fails, and
 * its report says where A took m: nowhere that can be read, or where another module is by now. */
static void test_a_place_in_a_module_that_is_gone(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lg_report report;
    void *module = dlopen(PLACE_MODULE, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(module);
    const char *(*module_place)(void);
    *(void **)&module_place = dlsym(module, "module_place");
    assert_non_null(module_place);
    struct lock_until take = {&m, LG_FOREVER, module_place()}, late = {&m, 1, "late.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock_until, &take), LG_OK);
    assert_int_equal(crew_do(b, step_lock_until, &late), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy_report, &report);
    assert_non_null(strstr(report.members[1].holds[0].place, "place.c:"));
    assert_int_equal(dlclose(module), 0);
    assert_int_equal(crew_do(b, step_lock_until, &late), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy_report, &report);
    assert_string_equal(report.members[1].holds[0].name, "m");
    assert_string_equal(report.members[1].holds[0].place, "");
    expect_valid(&report);
    support_log_begin(LG_LOG_WARN);
    crew_leave(a); /* and the log says what it left */
    assert_non_null(strstr(support_log_text("ended-holding"), "taken at (unknown)"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_text_of_a_deadlock_on_a_pool),
        SUPPORT_TEST(test_the_cure_fits),
        SUPPORT_TEST(test_text_keeps_names_in_their_line),
        SUPPORT_TEST(test_text_of_a_deadlock_on_locks),
        SUPPORT_TEST(test_text_of_a_deadlock_on_a_join),
        SUPPORT_TEST(test_text_of_timeouts),
        SUPPORT_TEST(test_nothing_to_report),
        SUPPORT_TEST(test_causes_have_words),
        SUPPORT_TEST(test_json_has_all_of_it),
        SUPPORT_TEST(test_dot_shows_the_ring),
        SUPPORT_TEST(test_dot_keeps_namesakes_apart),
        SUPPORT_TEST(test_checker_of_dot_is_strict),
        SUPPORT_TEST(test_nasty_names_break_nothing),
        SUPPORT_TEST(test_every_size_is_kept),
        SUPPORT_TEST(test_print_cuts_nothing),
        SUPPORT_TEST(test_print_says_when_it_cannot),
        SUPPORT_TEST(test_sixteen_members_and_a_count),
        SUPPORT_TEST(test_a_timeout_counts_all_holders),
        SUPPORT_TEST(test_a_place_in_a_module_that_is_gone),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
