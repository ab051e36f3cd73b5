/* Permits: who holds how many, who gets them next, and every way to get none. */
#include "support/locks.h"
#include "support/permits.h"
#include "support/scope.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "sync/permits.h"

#include <sched.h>
#include <string.h>

static struct lg_report report;

/* ---- The count ------------------------------------------------------------------------------- */

static void test_all_bytes_zero_are_permits(void **state)
{
    (void)state;
    struct lg_permits p;
    memset(&p, 0, sizeof p);
    assert_int_equal(lg_permits_try_acquire(&p, 1), LG_EINVAL); /* there is none, ever */
    assert_int_equal(lg_permits_capacity(&p), 0);
    assert_int_equal(lg_permits_resize(&p, 2), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&p, 2), LG_OK);
    assert_int_equal(lg_permits_held(&p), 2);
    assert_int_equal(lg_permits_available(&p), 0);
    assert_int_equal(lg_permits_release(&p, 2), LG_OK);
    expect_permits_quiet(&p, 2);
    lg_permits_destroy(&p);
}

static void test_what_they_begin_with(void **state)
{
    (void)state;
    static const struct lg_permits fixed = LG_PERMITS_INIT("fixed", 3);
    struct lg_permits p;
    memset(&p, 0xff, sizeof p);
    assert_int_equal(lg_permits_init(&p, "named", 3), LG_OK);
    assert_int_equal(p.word, fixed.word);
    assert_int_equal(lg_permits_capacity(&p), 3);
    assert_int_equal(lg_permits_available(&p), 3);
    assert_string_equal(p.name, "named");
    assert_int_equal(lg_permits_init(&p, NULL, LG_PERMITS_MAX), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&p, LG_PERMITS_MAX), LG_OK);
    assert_int_equal(lg_permits_release(&p, LG_PERMITS_MAX), LG_OK);
    expect_permits_quiet(&p, LG_PERMITS_MAX);
    assert_int_equal(lg_permits_init(&p, NULL, LG_PERMITS_MAX + 1), LG_EINVAL);
    assert_int_equal(lg_permits_init(&p, NULL, (uint32_t)-1), LG_EINVAL);
    assert_int_equal(lg_permits_init(NULL, NULL, 1), LG_EINVAL);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("p", 2);
    struct lg_permits *null = NULL;
    assert_int_equal(lg_permits_acquire(null, 1, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_permits_acquire(&p, 0, LG_FOREVER), LG_EINVAL);
    assert_int_equal(lg_permits_acquire(&p, 3, LG_FOREVER), LG_EINVAL); /* could never succeed */
    assert_int_equal(lg_permits_acquire(&p, (uint32_t)-1, LG_TRY), LG_EINVAL);
    assert_int_equal(lg_permits_release(null, 1), LG_EINVAL);
    assert_int_equal(lg_permits_release(&p, 0), LG_EINVAL);
    assert_int_equal(lg_permits_give(null, 1, lg_context_self()), LG_EINVAL);
    assert_int_equal(lg_permits_give(&p, 0, lg_context_self()), LG_EINVAL);
    assert_int_equal(lg_permits_give(&p, 1, NULL), LG_EINVAL);
    assert_int_equal(lg_permits_resize(null, 1), LG_EINVAL);
    assert_int_equal(lg_permits_resize(&p, LG_PERMITS_MAX + 1), LG_EINVAL);
    lg_permits_destroy(NULL);
    assert_int_equal(lg_permits_held(NULL) + lg_permits_available(NULL) + lg_permits_capacity(NULL),
                     0);
    expect_permits_quiet(&p, 2);
}

static void test_units_come_and_go_in_any_parts(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("p", 10), q = LG_PERMITS_INIT("q", 10);
    for (uint32_t i = 1; i <= 4; i++) {
        assert_int_equal(lg_permits_try_acquire(&p, i), LG_OK);
        assert_int_equal(lg_permits_try_acquire(&q, 2), LG_OK);
    }
    assert_int_equal(lg_permits_held(&p), 10);
    assert_int_equal(lg_permits_release(&p, 5), LG_OK);
    assert_int_equal(lg_permits_held(&p), 5);
    assert_int_equal(lg_permits_available(&p), 5);
    assert_int_equal(lg_permits_held(&q), 8);
    assert_int_equal(lg_permits_release(&p, 4), LG_OK);
    assert_int_equal(lg_permits_release(&q, 8), LG_OK);
    assert_int_equal(lg_permits_release(&p, 1), LG_OK);
    assert_int_equal(lg_permits_held(&p) + lg_permits_held(&q), 0);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_permits_quiet(&p, 10);
    expect_permits_quiet(&q, 10);
}

/* A hundred from one place are one thing; and from many places they fit all the same. */
static void test_however_many_they_fit(void **state)
{
    (void)state;
    static char places[100][8];
    struct lg_permits p = LG_PERMITS_INIT("p", 200);
    struct lg_mutex mutexes[40];
    support_log_begin(LG_LOG_ERROR);
    memset(mutexes, 0, sizeof mutexes);
    for (int i = 0; i < 100; i++)
        assert_int_equal(lg_permits_try_acquire(&p, 1), LG_OK);
    assert_int_equal(lg__held_count(lg_context_self()), 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(lg_permits_acquire_at(&p, 1, LG_TRY, places[i]), LG_OK);
    assert_int_equal(lg__held_count(lg_context_self()), LG__HELD_MAX);
    assert_int_equal(lg_permits_held(&p), 200);
    assert_int_equal(lg_permits_release(&p, 201), LG_EOVERRELEASE);
    for (int i = 0; i < 50; i++)
        assert_int_equal(lg_permits_release(&p, 4), LG_OK);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_permits_quiet(&p, 200);
    for (int i = 0; i < 40; i++)
        assert_int_equal(step_lock(&mutexes[i]), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&p, 3),
                     LG_OK); /* no room in the table: by the ledger */
    assert_int_equal(lg_permits_try_acquire(&p, 4), LG_OK);
    assert_int_equal(lg_permits_held(&p), 7);
    assert_int_equal(lg_permits_release(&p, 8), LG_EOVERRELEASE);
    assert_int_equal(lg_permits_release(&p, 6), LG_OK);
    for (int i = 0; i < 40; i++)
        step_unlock(&mutexes[i]);
    assert_int_equal(lg_permits_release(&p, 1), LG_OK);
    assert_int_equal(lg_permits_release(&p, 1), LG_EOVERRELEASE);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_permits_quiet(&p, 200);
}

/* The ledger full as well: the call fails, and has taken nothing. */
static void test_no_room_anywhere(void **state)
{
    (void)state;
    static struct lg_permits many[1025];
    struct lg_mutex mutexes[LG__HELD_MAX];
    memset(mutexes, 0, sizeof mutexes);
    for (int i = 0; i < LG__HELD_MAX; i++)
        assert_int_equal(step_lock(&mutexes[i]), LG_OK);
    for (int i = 0; i < 1025; i++)
        assert_int_equal(lg_permits_init(&many[i], "many", 1), LG_OK);
    for (int i = 0; i < 1024; i++)
        assert_int_equal(lg_permits_try_acquire(&many[i], 1), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&many[1024], 1), LG_ENOMEM);
    expect_permits_quiet(&many[1024], 1);
    for (int i = 0; i < 1024; i++)
        assert_int_equal(lg_permits_release(&many[i], 1), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&many[1024], 1), LG_OK);
    assert_int_equal(lg_permits_release(&many[1024], 1), LG_OK);
    for (int i = 0; i < LG__HELD_MAX; i++)
        step_unlock(&mutexes[i]);
}

static void test_nobody_gives_back_what_it_does_not_hold(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 4);
    struct units two = {.permits = &p, .count = 2}, three = {.permits = &p, .count = 3};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(b, step_release, &two), LG_EOVERRELEASE);
    assert_int_equal(crew_do(a, step_release, &three), LG_EOVERRELEASE);
    assert_int_equal(support_log_count("over-release"), 1);
    assert_string_equal(support_log_text("over-release"),
                        "B gave back 2 of p and holds 0: nothing was changed");
    assert_int_equal(lg_permits_available(&p), 2);
    assert_int_equal(crew_do(a, step_count_held, &p), 2);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_do(a, step_release, &two), LG_EOVERRELEASE);
    expect_permits_quiet(&p, 4);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void test_deadlines(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 3);
    struct units two = {.permits = &p, .count = 2, .place = "holder.c:1"};
    struct units past = {&p, 2, 1, "past.c:1", NULL};
    struct units soon = {&p, 2, lg__now_ns() + 1000000, "soon.c:2", NULL};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    char text[2048];
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(b, step_try_acquire, &two), LG_EBUSY);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_NONE);
    assert_int_equal(crew_do(b, step_acquire, &past), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.place, "past.c:1");
    assert_int_equal(crew_do(b, step_acquire, &soon), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy_report, &report);
    assert_string_equal(report.noun, "permits");
    assert_string_equal(report.name, "slots");
    assert_int_equal(report.capacity, 3);
    assert_int_equal(report.held, 2);
    lg_report_write(&report, LG_REPORT_TEXT, text, sizeof text);
    assert_non_null(strstr(text, "permits \"slots\" (2 of 3 out) at soon.c:2: timed out"));
    assert_non_null(strstr(text, "A  holds 2 of slots (holder.c:1)  runs"));
    assert_int_equal(lg_permits_try_acquire(&p, 1), LG_OK);
    assert_int_equal(lg_permits_release(&p, 1), LG_OK);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &past),
                     LG_OK); /* there is enough: the deadline is no matter */
    assert_int_equal(crew_do(b, step_release, &past), LG_OK);
    expect_permits_quiet(&p, 3);
}

static void test_who_wants_many_is_not_passed_in_the_queue(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 3);
    struct units one = {.permits = &p, .count = 1}, three = {.permits = &p, .count = 3};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    for (int i = 0; i < 3; i++)
        assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    wait_for_units(b, &three);
    wait_for_units(c, &one);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_true(crew_is_blocked(b) && crew_is_blocked(c)); /* two are in, and C is behind B */
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_true(crew_is_blocked(c));
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(crew_do(c, step_release, &one), LG_OK);
    struct units two = {.permits = &p, .count = 2};
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 3);
}

static void test_a_release_serves_as_many_as_it_can(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 4);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct units four = {.permits = &p, .count = 4};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C"),
                       *d = crew_hire("D");
    assert_int_equal(crew_do(a, step_acquire, &four), LG_OK);
    wait_for_units(b, &one);
    wait_for_units(c, &two);
    wait_for_units(d, &two);
    assert_int_equal(crew_do(a, step_release, &four), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    crew_wait_blocked_on(d, permits_key(&p));
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(d), LG_OK);
    assert_int_equal(crew_do(c, step_release, &two), LG_OK);
    assert_int_equal(crew_do(d, step_release, &two), LG_OK);
    expect_permits_quiet(&p, 4);
}

/* The first leaves, and the one behind it, for whom there is enough, is served by that. */
static void test_a_wait_is_cancelled(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 2);
    struct scope scope;
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = crew_hire("A"), *b = hire_in(&scope, token, "B"), *c = crew_hire("C");
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    crew_run(b, step_acquire, &two);
    crew_wait_blocked_on(b, permits_key(&p));
    wait_for_units(c, &one);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_true(crew_is_blocked(c));
    lg_cancel_request(token);
    assert_int_equal(crew_wait(b), LG_ECANCELED);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(crew_do(b, step_count_held, &p), 0);
    (void)crew_do(b, step_leave, &scope);
    lg_cancel_destroy(token);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_do(c, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* B waits for many, and one unit comes and goes: after half a millisecond it goes no more. */
static void test_who_starves_closes_the_door(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 2);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    wait_for_units(b, &two);
    uint64_t since_ns = crew_context(b)->wait.since_ns;
    while (lg__now_ns() - since_ns <= 1000000)
        sched_yield();
    assert_int_equal(crew_do(c, step_try_acquire, &one),
                     LG_OK); /* nobody has looked at the time yet */
    assert_int_equal(crew_do(c, step_release, &one), LG_OK);
    assert_int_equal(lg_permits_available(&p), 1);
    assert_int_equal(crew_do(c, step_try_acquire, &one), LG_EBUSY);
    wait_for_units(c, &one);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_true(crew_is_blocked(c));
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(crew_do(c, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 2);
}

/* ---- More and fewer -------------------------------------------------------------------------- */

static void test_more_of_them(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 1);
    struct units one = {.permits = &p, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    wait_for_units(b, &one);
    wait_for_units(c, &one);
    assert_int_equal(lg_permits_resize(&p, 2), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    crew_wait_blocked_on(c, permits_key(&p));
    assert_int_equal(lg_permits_resize(&p, 4), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(lg_permits_available(&p), 1);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_int_equal(crew_do(c, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 4);
}

static void test_fewer_of_them(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 4);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct units three = {.permits = &p, .count = 3};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(crew_do(a, step_acquire, &three), LG_OK);
    wait_for_units(b, &two);
    wait_for_units(c, &three);
    assert_int_equal(lg_permits_resize(&p, 2), LG_OK); /* one more is out than there is */
    assert_int_equal(crew_wait(c), LG_EINVAL);         /* would never succeed */
    crew_wait_blocked_on(b, permits_key(&p));
    assert_int_equal(lg_permits_available(&p), 0);
    assert_int_equal(lg_permits_capacity(&p), 2);
    assert_int_equal(crew_do(c, step_acquire, &three), LG_EINVAL);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(lg_permits_available(&p), 1);
    assert_true(crew_is_blocked(b));
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    assert_int_equal(lg_permits_resize(&p, 0), LG_OK);
    expect_permits_quiet(&p, 0);
    lg_permits_destroy(&p);
}

/* ---- Gifts ----------------------------------------------------------------------------------- */

static void test_a_gift_is_the_receivers(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 4);
    struct units one = {.permits = &p, .count = 1}, two = {.permits = &p, .count = 2};
    struct units three = {.permits = &p, .count = 3};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_acquire, &three), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    two.context = crew_context(b);
    three.context = crew_context(b);
    assert_int_equal(crew_do(a, step_give, &two), LG_OK);
    assert_int_equal(crew_do(a, step_count_held, &p), 1);
    assert_int_equal(crew_do(b, step_count_held, &p), 3);
    assert_int_equal(crew_do(a, step_release, &two), LG_EOVERRELEASE);
    assert_int_equal(crew_do(a, step_give, &three), LG_EOVERRELEASE);
    assert_int_equal(crew_do(b, step_give, &three), LG_OK); /* to itself: all is as it was */
    assert_int_equal(crew_do(b, step_count_held, &p), 3);
    one.context = crew_context(a);
    assert_int_equal(crew_do(b, step_give, &one), LG_OK); /* and one back */
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    assert_int_equal(crew_do(b, step_count_held, &p), 0);
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_do(a, step_count_held, &p), 0);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    assert_int_equal(lg__held_count(crew_context(b)), 0);
    expect_permits_quiet(&p, 4);
}

static int give_to_the_ended(void *arg)
{
    struct units *units = arg;
    struct lg_context *mine = lg_context_detach();
    struct lg_context *other = lg_context_self();
    (void)lg_context_detach();
    if (lg_context_resume(mine) != LG_OK || lg_context_end(other) != LG_OK)
        return 1;
    units->context = other;
    return step_give(units);
}

static void test_no_gift_to_who_has_ended(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 1);
    struct units one = {.permits = &p, .count = 1};
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(a, give_to_the_ended, &one), LG_EINVAL);
    assert_int_equal(crew_do(a, step_count_held, &p), 1);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    expect_permits_quiet(&p, 1);
}

/* ---- The end of a holder --------------------------------------------------------------------- */

static void test_what_an_ended_context_held_comes_back(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("p", 6);
    struct units three = {.permits = &p, .count = 3, .place = "taker.c:7"};
    struct units two = {.permits = &p, .count = 2, .place = "giver.c:8"};
    struct units five = {.permits = &p, .count = 5}, one = {.permits = &p, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_acquire, &three), LG_OK);
    assert_int_equal(crew_do(b, step_acquire, &two), LG_OK);
    two.context = crew_context(a);
    assert_int_equal(crew_do(b, step_give, &two), LG_OK);
    wait_for_units(c, &five);
    crew_leave(a);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(support_log_count("permits-brought-back"), 2);
    assert_string_equal(support_log_text("permits-brought-back"),
                        "A (ended) held 2 of p, taken at giver.c:8: brought back");
    assert_int_equal(lg_permits_available(&p), 1);
    assert_int_equal(crew_do(b, step_acquire, &one), LG_OK);
    assert_int_equal(crew_do(b, step_release, &one), LG_OK);
    assert_int_equal(crew_do(c, step_release, &five), LG_OK);
    expect_permits_quiet(&p, 6);
}

/* ---- Misuse and fork ------------------------------------------------------------------------- */

static int destroy(void *permits)
{
    lg_permits_destroy(permits);
    return 0;
}

static void test_destroyed_while_in_use(void **state)
{
    (void)state;
    static struct lg_permits p = LG_PERMITS_INIT("slots", 2), unnamed = LG_PERMITS_INIT(NULL, 1);
    struct units two = {.permits = &p, .count = 2}, one = {.permits = &unnamed, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_acquire, &two), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &one), LG_OK);
    struct support_panic panic = support_panic_of(destroy, &p);
    assert_string_equal(panic.rule, "permits were destroyed while held");
    assert_string_equal(panic.object, "slots");
    panic = support_panic_of(destroy, &unnamed);
    assert_string_equal(panic.object, "(unnamed permits)");
    wait_for_units(b, &two);
    panic = support_panic_of(destroy, &p);
    assert_string_equal(panic.rule, "permits were destroyed while waited for");
    assert_int_equal(crew_do(a, step_release, &two), LG_OK);
    assert_int_equal(crew_do(a, step_release, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(b, step_release, &two), LG_OK);
    assert_false(support_panic_of(destroy, &p).has_happened);
}

static struct lg_permits mine = LG_PERMITS_INIT("mine", 5), theirs = LG_PERMITS_INIT("theirs", 3);
static struct lg_permits fresh = LG_PERMITS_INIT("fresh", 1), given = LG_PERMITS_INIT("given", 4);

/* The caller holds 2 of mine, A the other 3 and 2 of theirs; of given A gave 1 to the caller, which holds
 * 1, and the caller 1 to A, which holds 2.  In the child A is dead. */
static int use_in_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_permits_available(&mine) == 3);
    SUPPORT_CHECK(lg_permits_held(&mine) == 2);
    SUPPORT_CHECK(lg_permits_try_acquire(&mine, 4) == LG_EBUSY);
    SUPPORT_CHECK(lg_permits_try_acquire(&mine, 3) == LG_OK);
    SUPPORT_CHECK(lg_permits_release(&mine, 5) == LG_OK);
    SUPPORT_CHECK(lg_permits_release(&mine, 1) == LG_EOVERRELEASE);
    SUPPORT_CHECK(mine.word >> 32 == 5 && mine.many == 0);
    lg_permits_destroy(&mine);
    SUPPORT_CHECK(lg_permits_available(&theirs) == 3);
    SUPPORT_CHECK(lg_permits_release(&theirs, 1) == LG_EOVERRELEASE);
    SUPPORT_CHECK(lg_permits_acquire(&theirs, 3, LG_FOREVER) == LG_OK);
    SUPPORT_CHECK(lg_permits_release(&theirs, 3) == LG_OK);
    SUPPORT_CHECK(lg_permits_try_acquire(&fresh, 1) == LG_OK);
    SUPPORT_CHECK(lg_permits_release(&fresh, 1) == LG_OK);
    SUPPORT_CHECK(lg_permits_held(&given) == 1);
    SUPPORT_CHECK(lg_permits_available(&given) == 3);
    SUPPORT_CHECK(lg_permits_resize(&given, 5) == LG_OK);
    SUPPORT_CHECK(lg_permits_acquire(&given, 4, 1) == LG_OK);
    SUPPORT_CHECK(lg_permits_release(&given, 5) == LG_OK);
    return 0;
}

/* A fork below that: the same once more. */
static int fork_in_child(void *arg)
{
    SUPPORT_CHECK(support_fork(use_in_child, arg) == 0);
    return use_in_child(arg);
}

static void test_fork(void **state)
{
    (void)state;
    struct units three = {.permits = &mine, .count = 3},
                 of_theirs = {.permits = &theirs, .count = 2};
    struct units wanted = {.permits = &mine, .count = 2}, gift = {.permits = &given, .count = 1};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(lg_permits_try_acquire(&mine, 2), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &three), LG_OK);
    assert_int_equal(crew_do(a, step_acquire, &of_theirs), LG_OK);
    assert_int_equal(lg_permits_try_acquire(&given, 1), LG_OK);
    assert_int_equal(lg_permits_give(&given, 1, crew_context(a)), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(crew_do(a, step_acquire, &gift), LG_OK);
    gift.context = lg_context_self();
    assert_int_equal(crew_do(a, step_give, &gift), LG_OK);
    assert_int_equal(lg_permits_held(&given), 1);
    wait_for_units(b, &wanted);
    wait_for_units(c, &of_theirs);
    assert_int_equal(support_fork(fork_in_child, NULL), 0);
    assert_int_equal(lg_permits_release(&mine, 2), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(lg_permits_release(&given, 1), LG_OK);
    crew_leave(a);
    assert_int_equal(crew_wait(c), LG_OK);
    assert_int_equal(crew_do(b, step_release, &wanted), LG_OK);
    assert_int_equal(crew_do(c, step_release, &of_theirs), LG_OK);
    expect_permits_quiet(&mine, 5);
    expect_permits_quiet(&theirs, 3);
    expect_permits_quiet(&given, 4);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_bytes_zero_are_permits),
        SUPPORT_TEST(test_what_they_begin_with),
        SUPPORT_TEST(test_bad_arguments),
        SUPPORT_TEST(test_units_come_and_go_in_any_parts),
        SUPPORT_TEST(test_however_many_they_fit),
        SUPPORT_TEST(test_no_room_anywhere),
        SUPPORT_TEST(test_nobody_gives_back_what_it_does_not_hold),
        SUPPORT_TEST(test_deadlines),
        SUPPORT_TEST(test_who_wants_many_is_not_passed_in_the_queue),
        SUPPORT_TEST(test_a_release_serves_as_many_as_it_can),
        SUPPORT_TEST(test_a_wait_is_cancelled),
        SUPPORT_TEST(test_who_starves_closes_the_door),
        SUPPORT_TEST(test_more_of_them),
        SUPPORT_TEST(test_fewer_of_them),
        SUPPORT_TEST(test_a_gift_is_the_receivers),
        SUPPORT_TEST(test_no_gift_to_who_has_ended),
        SUPPORT_TEST(test_what_an_ended_context_held_comes_back),
        SUPPORT_TEST(test_destroyed_while_in_use),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
