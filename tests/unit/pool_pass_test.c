/* Rule 4: who is let pass when the order of the queue itself is the deadlock, and what is a deadlock all
 * the same. */
#include "pool/pool.h"
#include "support/bundle.h"
#include "support/locks.h"
#include "support/thing.h"

#include <string.h>

#define HOLDERS 4

static struct lg_pool_stats stats_of(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats;
}

/* A pool, a lock m, and who plays: T has m; H, K, ... hold one unit each. */
struct play {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_mutex m;
    struct crew_worker *t, *head, *second, *holders[HOLDERS];
    struct loan held[HOLDERS], wanted; /* T wants one */
    struct bundle bundle, other;       /* what the head and the second want */
};

static void begin_play(struct play *play, uint32_t capacity, uint32_t holders, uint64_t us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = capacity;
    options.overtaking_us = us;
    options.check_after_ms = NULL_CHECK_MS;
    *play = (struct play){.driver = null_begin(), .m = LG_MUTEX_INIT("m")};
    play->pool = null_pool(play->driver, &options);
    struct bundle all = bundle_of(play->driver, play->pool, capacity);
    assert_status(bundle_checkout(&all), LG_OK); /* all are open now */
    assert_status(bundle_checkin(&all), LG_OK);
    null_wait_no_openers(play->pool);
    play->t = crew_hire("T");
    play->head = crew_hire("head");
    play->second = crew_hire("second");
    play->wanted = loan_of(play->driver, play->pool, LG_FOREVER);
    for (uint32_t i = 0; i < holders; i++) {
        play->holders[i] = crew_hire_numbered("H", i);
        play->held[i] = play->wanted;
        assert_status(crew_do(play->holders[i], loan_checkout, &play->held[i]), LG_OK);
    }
    assert_status(crew_do(play->t, step_lock, &play->m), LG_OK);
}

static void end_play(struct play *play)
{
    null_end(play->driver, play->pool);
    lg_mutex_destroy(&play->m);
}

static void head_wants(struct play *play, uint32_t count)
{
    play->bundle = bundle_of(play->driver, play->pool, count);
    crew_run(play->head, bundle_checkout, &play->bundle);
    crew_wait_blocked_on(play->head, play->pool);
}

static void second_wants(struct play *play, uint32_t count)
{
    play->other = bundle_of(play->driver, play->pool, count);
    crew_run(play->second, bundle_checkout, &play->other);
    crew_wait_blocked_on(play->second, play->pool);
}

static void holder_wants_m(struct play *play, uint32_t i)
{
    crew_run(play->holders[i], step_lock, &play->m);
    crew_wait_blocked_on(play->holders[i], &play->m);
}

static uint64_t place_of(struct play *play, const struct crew_worker *worker)
{
    lg__raw_lock(&play->pool->lock);
    uint64_t place = crew_context(worker)->wait.stamp;
    lg__raw_unlock(&play->pool->lock);
    return place;
}

/* T has got its unit: it lets go of all, and H gets m, and lets go of all. */
static void unwind(struct play *play)
{
    assert_status(crew_wait(play->t), LG_OK);
    assert_status(crew_do(play->t, step_unlock, &play->m), LG_OK);
    assert_status(crew_do(play->t, loan_checkin, &play->wanted), LG_OK);
    assert_status(crew_wait(play->holders[0]), LG_OK);
    assert_status(crew_do(play->holders[0], step_unlock, &play->m), LG_OK);
    assert_status(crew_do(play->holders[0], loan_checkin, &play->held[0]), LG_OK);
}

static void head_goes_on(struct play *play)
{
    assert_status(crew_wait(play->head), LG_OK);
    assert_status(crew_do(play->head, bundle_checkin, &play->bundle), LG_OK);
}

/* The rule's scenario: a pool of two, one free.  The head wants two; H has the other unit and waits for
 * m; T has m and wants one, which is free, but not for it.  Whoever of T and H comes last closes it. */
static void who_fits_is_let_pass(void **state)
{
    (void)state;
    struct play play;
    for (uint64_t us = 0; us <= 1000; us += 1000)
        for (int t_is_last = 0; t_is_last < 2; t_is_last++) {
            begin_play(&play, 2, 1, us);
            head_wants(&play, 2);
            if (us > 0)
                null_grow_old(); /* or T would just overtake */
            if (t_is_last)
                holder_wants_m(&play, 0);
            crew_run(play.t, loan_checkout, &play.wanted);
            if (!t_is_last) {
                crew_wait_blocked_on(play.t, play.pool);
                crew_run(play.holders[0], step_lock, &play.m);
            }
            unwind(&play);
            head_goes_on(&play);
            assert_int_equal(stats_of(play.pool).deadlocks, 0);
            end_play(&play);
        }
}

/* Nobody has a unit for T yet: H0 runs with one of two.  When it comes back it is T's, not the head's. */
static void who_will_fit_is_let_pass(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 2, 2, 0);
    head_wants(&play, 2);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    holder_wants_m(&play, 0);
    assert_true(crew_is_blocked(play.t));
    assert_status(crew_do(play.holders[1], loan_checkin, &play.held[1]), LG_OK);
    unwind(&play);
    head_goes_on(&play);
    assert_int_equal(stats_of(play.pool).deadlocks, 0);
    end_play(&play);
}

/* The head can go on, but the second cannot: H0 has one of four, and waits for T behind it.  It is found
 * at once, for when the head has been served nobody begins to wait any more. */
static void it_is_found_behind_one_that_goes_on(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 4, 3, 0);
    head_wants(&play, 3);
    second_wants(&play, 4);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    assert_true(place_of(&play, play.t) > place_of(&play, play.head)); /* so far */
    crew_run(play.holders[0], step_lock, &play.m);
    unwind(&play); /* T had the one that was idle */
    assert_status(crew_do(play.holders[1], loan_checkin, &play.held[1]), LG_OK);
    head_goes_on(&play);
    assert_true(crew_is_blocked(play.second));
    assert_status(crew_do(play.holders[2], loan_checkin, &play.held[2]), LG_OK);
    assert_status(crew_wait(play.second), LG_OK);
    assert_status(crew_do(play.second, bundle_checkin, &play.other), LG_OK);
    assert_int_equal(stats_of(play.pool).deadlocks, 0);
    end_play(&play);
}

/* Two are behind the head, each with a lock that a holder waits for; one passes after the other. */
static void several_are_let_pass(void **state)
{
    (void)state;
    struct play play;
    struct lg_mutex n = LG_MUTEX_INIT("n");
    begin_play(&play, 3, 2, 0);
    assert_status(crew_do(play.second, step_lock, &n), LG_OK);
    head_wants(&play, 3);
    second_wants(&play, 1);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    holder_wants_m(&play, 0); /* and T passes the second, too, being the only one it helps */
    crew_run(play.holders[1], step_lock, &n);
    unwind(&play);
    assert_status(crew_wait(play.second), LG_OK);
    assert_status(crew_do(play.second, step_unlock, &n), LG_OK);
    assert_status(crew_do(play.second, bundle_checkin, &play.other), LG_OK);
    assert_status(crew_wait(play.holders[1]), LG_OK);
    assert_status(crew_do(play.holders[1], step_unlock, &n), LG_OK);
    assert_status(crew_do(play.holders[1], loan_checkin, &play.held[1]), LG_OK);
    head_goes_on(&play);
    assert_int_equal(stats_of(play.pool).deadlocks, 0);
    end_play(&play);
    lg_mutex_destroy(&n);
}

/* What it was handed is not fit: its place before the head is kept. */
static void who_passes_keeps_its_new_place(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 2, 1, 0);
    head_wants(&play, 2);
    holder_wants_m(&play, 0);
    null_age(play.pool);
    null_set(play.driver, fail_checks, 1);
    null_hold(&play.driver->opens);
    crew_run(play.t, loan_checkout, &play.wanted);
    NULL_WAIT_UNTIL(null_get(play.driver, closed) == 1);
    crew_wait_blocked_on(play.t, play.pool);
    null_let_all(&play.driver->opens);
    unwind(&play);
    head_goes_on(&play);
    null_wait_no_openers(play.pool);
    end_play(&play);
}

/* The head itself has m, and no passing helps: a deadlock, by rule 3. */
static void where_no_passing_helps_it_is_a_deadlock(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 2, 1, 0);
    assert_status(crew_do(play.t, step_unlock, &play.m), LG_OK);
    assert_status(crew_do(play.head, step_lock, &play.m), LG_OK);
    holder_wants_m(&play, 0);
    play.bundle = bundle_of(play.driver, play.pool, 2);
    assert_status(crew_do(play.head, bundle_checkout, &play.bundle), LG_EDEADLK);
    const struct lg_report *report = &play.bundle.report;
    assert_true(bundle_is_empty(&play.bundle));
    assert_string_equal(report->victim, "head");
    assert_int_equal(report->member_count, 2);
    assert_int_equal(report->members[0].need, 2);
    assert_int_equal(report->held, 1);
    assert_int_equal(stats_of(play.pool).idle, 1);
    assert_status(crew_do(play.head, step_unlock, &play.m), LG_OK);
    assert_status(crew_wait(play.holders[0]), LG_OK);
    assert_status(crew_do(play.holders[0], step_unlock, &play.m), LG_OK);
    assert_status(crew_do(play.holders[0], loan_checkin, &play.held[0]), LG_OK);
    end_play(&play);
}

static void assert_says(const struct lg_report *report, enum lg_report_format format,
                        const char *part)
{
    char text[8192];
    assert_true(lg_report_write(report, format, text, sizeof text) < sizeof text);
    if (!strstr(text, part))
        fail_msg("no \"%s\" in: %s", part, text);
}

/* H0 and H1 hold one of four each, and both want three more.  T, who only wants one behind them, is
 * none of it, and is served when one of them is told. */
static void two_who_want_several_more(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 4, 2, 0);
    struct bundle more[2];
    for (int i = 0; i < 2; i++)
        more[i] = bundle_of(play.driver, play.pool, 4 - 1);
    crew_run(play.holders[0], bundle_checkout, &more[0]);
    crew_wait_blocked_on(play.holders[0], play.pool);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    assert_status(crew_do(play.holders[1], bundle_checkout, &more[1]), LG_EDEADLK);
    assert_says(&more[1].report, LG_REPORT_TEXT, "deadlock on pool \"db\" (2 of 4 out)");
    assert_says(&more[1].report, LG_REPORT_TEXT, "waits for 3 of db");
    assert_says(&more[1].report, LG_REPORT_TEXT, "a pool of ");
    assert_says(&more[1].report, LG_REPORT_JSON, "\"need\":3");
    assert_says(&more[1].report, LG_REPORT_DOT, "label=\"3 at tests/support/bundle.c:");
    assert_int_equal(more[1].report.member_count, 2);
    assert_int_equal(more[1].report.minimum, 3 * 1 + 3); /* one each of three who were seen */
    assert_true(crew_is_blocked(play.t));
    assert_status(crew_do(play.holders[1], loan_checkin, &play.held[1]), LG_OK);
    assert_status(crew_wait(play.holders[0]), LG_OK);
    assert_status(crew_do(play.holders[0], bundle_checkin, &more[0]), LG_OK);
    assert_status(crew_wait(play.t), LG_OK);
    assert_status(crew_do(play.holders[0], loan_checkin, &play.held[0]), LG_OK);
    assert_status(crew_do(play.t, loan_checkin, &play.wanted), LG_OK);
    assert_status(crew_do(play.t, step_unlock, &play.m), LG_OK);
    end_play(&play);
}

/* A unit that somebody runs with is no reason to let anybody pass, nor for an alarm. */
static void nobody_passes_while_somebody_runs(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 2, 1, 0);
    head_wants(&play, 2);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    assert_int_equal(stats_of(play.pool).idle, 1);
    assert_status(crew_do(play.holders[0], loan_checkin, &play.held[0]), LG_OK);
    assert_status(crew_wait(play.head), LG_OK);
    assert_true(crew_is_blocked(play.t));
    assert_status(crew_do(play.head, bundle_checkin, &play.bundle), LG_OK);
    assert_status(crew_wait(play.t), LG_OK);
    assert_status(crew_do(play.t, loan_checkin, &play.wanted), LG_OK);
    assert_status(crew_do(play.t, step_unlock, &play.m), LG_OK);
    end_play(&play);
}

/* A unit on its way back: its slot is idle, and its returner has not looked at the queue yet.  The moment
 * is made by hand: the flag goes and comes back around the return.  There is enough for the head then,
 * so T, who begins to wait and closes what would be a ring, makes nobody pass. */
static void a_return_in_flight_makes_no_difference(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 3, 2, 0);
    play.pool->control &= ~LG__POOL_RESET;
    play.driver->table.reset = NULL;
    head_wants(&play, 2);
    holder_wants_m(&play, 0);
    lg__pool_clear_flag(play.pool, LG__POOL_WAITERS);
    assert_status(crew_do(play.holders[1], loan_checkin, &play.held[1]), LG_OK);
    lg__pool_set_flag(play.pool, LG__POOL_WAITERS);
    assert_int_equal(stats_of(play.pool).idle, 2);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    assert_true(crew_is_blocked(play.head));
    lg__queue_serve_idle(play.pool); /* the returner goes on */
    head_goes_on(&play);
    unwind(&play);
    assert_int_equal(stats_of(play.pool).deadlocks, 0);
    end_play(&play);
}

/* ---- Switched to the log, and off, each in a process of its own ---------------------------------- */

static void passes_in_log_mode(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    who_will_fit_is_let_pass(state);
    assert_int_equal(support_log_count(NULL), 0);
}

static void stays_in_off_mode(void **state)
{
    (void)state;
    struct play play;
    begin_play(&play, 2, 1, 0);
    head_wants(&play, 2);
    holder_wants_m(&play, 0);
    crew_run(play.t, loan_checkout, &play.wanted);
    crew_wait_blocked_on(play.t, play.pool);
    assert_true(thing_time_out(crew_context(play.head)));
    assert_status(crew_wait(play.head), LG_ETIMEDOUT);
    assert_int_equal(play.bundle.report.kind, LG_REPORT_TIMEOUT);
    unwind(&play);
    end_play(&play);
}

static int run_one(void (*test)(void **state))
{
    const struct CMUnitTest tests[] = {{"one", test, support_setup, support_teardown, NULL}};
    return support_end(cmocka_run_group_tests(tests, support_begin, NULL));
}

static int log_case(void)
{
    return run_one(passes_in_log_mode);
}

static int off_case(void)
{
    return run_one(stays_in_off_mode);
}

static void expect_case(const char *name, const char *setting)
{
    static char output[16384];
    int status = support_spawn(name, setting, output, sizeof output);
    if (status != 0)
        fail_msg("%s", output);
}

static void the_switch_says_whether_anybody_passes(void **state)
{
    (void)state;
    expect_case("log", "LIFEGUARD_DETECT=log");
    expect_case("off", "LIFEGUARD_DETECT=off");
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {{"log", log_case}, {"off", off_case}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(who_fits_is_let_pass),
        SUPPORT_TEST(who_will_fit_is_let_pass),
        SUPPORT_TEST(it_is_found_behind_one_that_goes_on),
        SUPPORT_TEST(several_are_let_pass),
        SUPPORT_TEST(who_passes_keeps_its_new_place),
        SUPPORT_TEST(where_no_passing_helps_it_is_a_deadlock),
        SUPPORT_TEST(two_who_want_several_more),
        SUPPORT_TEST(nobody_passes_while_somebody_runs),
        SUPPORT_TEST(a_return_in_flight_makes_no_difference),
        SUPPORT_TEST(the_switch_says_whether_anybody_passes),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
