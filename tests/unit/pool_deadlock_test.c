/* Deadlocks through pools: the scenarios of the rules, and what their reports say. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/locks.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <signal.h>
#include <string.h>

#define MANY 20

static struct lg_pool *pool_of(struct null_driver *driver, const char *name, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = name;
    options.capacity = capacity;
    return null_pool(driver, &options);
}

static uint64_t deadlocks(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats.deadlocks;
}

/* Workers that each hold one lease, or `depth` of them, and will want one more. */
struct nesters {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *workers[MANY];
    struct loan held[MANY][4];
    struct loan wanted[MANY];
    uint32_t count, depth;
};

static void hire_nesters(struct nesters *all, uint32_t capacity, uint32_t count, uint32_t depth)
{
    all->driver = null_begin();
    all->pool = pool_of(all->driver, "db", capacity);
    all->count = count;
    all->depth = depth;
    for (uint32_t i = 0; i < count; i++) {
        all->workers[i] = crew_hire_numbered("worker-", i);
        all->wanted[i] = loan_of(all->driver, all->pool, LG_FOREVER);
        for (uint32_t j = 0; j < depth; j++) {
            all->held[i][j] = all->wanted[i];
            assert_status(crew_do(all->workers[i], loan_checkout, &all->held[i][j]), LG_OK);
        }
    }
}

static void want_one_more(struct nesters *all, uint32_t i)
{
    crew_run(all->workers[i], loan_checkout, &all->wanted[i]);
}

static void want_and_block(struct nesters *all, uint32_t i)
{
    want_one_more(all, i);
    crew_wait_blocked_on(all->workers[i], all->pool);
}

static void return_held(struct nesters *all, uint32_t i)
{
    for (uint32_t j = 0; j < all->depth; j++)
        assert_status(crew_do(all->workers[i], loan_checkin, &all->held[i][j]), LG_OK);
}

static void return_all(struct nesters *all, uint32_t i)
{
    assert_status(crew_do(all->workers[i], loan_checkin, &all->wanted[i]), LG_OK);
    return_held(all, i);
}

static void end_nesters(struct nesters *all)
{
    null_end(all->driver, all->pool);
    for (uint32_t i = 0; i < all->count; i++)
        crew_leave(all->workers[i]);
}

static void assert_text_has(const struct lg_report *report, enum lg_report_format format,
                            const char *part)
{
    char text[16384];
    assert_true(lg_report_write(report, format, text, sizeof text) < sizeof text);
    if (!strstr(text, part))
        fail_msg("no \"%s\" in: %s", part, text);
}

static void a_pool_of_one_waited_for_by_its_holder(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 1);
    struct lg_lease first, second;
    assert_status(lg_pool_checkout_at(pool, LG_FOREVER, &first, "app.c:10"), LG_OK);
    assert_status(lg_pool_checkout_at(pool, LG_FOREVER, &second, "app.c:20"), LG_EDEADLK);
    assert_null(second.resource);
    const struct lg_report *report = lg_report_last();
    assert_int_equal(report->kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report->cause, LG_EXHAUSTION_DEADLOCK);
    assert_string_equal(report->noun, "pool");
    assert_string_equal(report->name, "db");
    assert_string_equal(report->closer, "main");
    assert_string_equal(report->victim, "main");
    assert_string_equal(report->place, "app.c:20");
    assert_int_equal(report->capacity, 1);
    assert_int_equal(report->held, 1);
    assert_int_equal(report->minimum, 2);
    assert_int_equal(report->member_count, 1);
    assert_int_equal(report->members[0].need, 1);
    assert_int_equal(report->members[0].hold_count, 1);
    assert_string_equal(report->members[0].holds[0].name, "db");
    assert_string_equal(report->members[0].holds[0].place, "app.c:10");
    assert_int_equal(report->members[0].holds[0].unit, first.slot);
    assert_text_has(report, LG_REPORT_TEXT, "deadlock on pool \"db\" (1 of 1 out), closed by main");
    assert_text_has(report, LG_REPORT_TEXT, "holds db#0 (app.c:10, ");
    assert_text_has(report, LG_REPORT_TEXT, "waits for 1 of db");
    assert_text_has(report, LG_REPORT_TEXT, "main got LG_EDEADLK: check in db#0");
    assert_text_has(report, LG_REPORT_TEXT, "a pool of 2");
    assert_text_has(report, LG_REPORT_JSON, "\"cause\":\"deadlock\"");
    assert_text_has(report, LG_REPORT_JSON, "\"minimum\":2");
    assert_text_has(report, LG_REPORT_DOT, "digraph");
    assert_int_equal(deadlocks(pool), 1);
    assert_status(lg_pool_checkin(pool, &first), LG_OK);
    null_end(driver, pool);
}

/* Seeds/004: all hold one, all want one more.  One is told, and gives back what it has: then all
 * the others finish one after the other, and nobody else is told. */
static void a_pool_drained_by_its_holders_has_one_victim(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= 6; n++) {
        struct nesters all;
        hire_nesters(&all, n, n, 1);
        for (uint32_t i = 0; i + 1 < n; i++)
            want_and_block(&all, i);
        want_one_more(&all, n - 1);
        assert_status(crew_wait(all.workers[n - 1]), LG_EDEADLK);
        const struct lg_report *report = &all.wanted[n - 1].report;
        assert_int_equal(report->member_count, n);
        assert_int_equal(report->held, n);
        assert_int_equal(report->capacity, n);
        assert_int_equal(report->minimum, n * (2 - 1) + 1);
        assert_string_equal(report->victim, report->closer);
        for (uint32_t i = 0; i + 1 < n; i++)
            assert_true(crew_is_blocked(all.workers[i]));
        return_held(&all, n - 1);
        for (uint32_t i = 0; i + 1 < n; i++) {
            assert_status(crew_wait(all.workers[i]), LG_OK);
            return_all(&all, i);
        }
        assert_int_equal(deadlocks(all.pool), 1);
        end_nesters(&all);
    }
}

/* Three contexts, four leases each at the most: 3 * (4 - 1) + 1 = 10 would have done. */
static void the_minimum_counts_contexts_and_their_depth(void **state)
{
    (void)state;
    struct nesters all;
    hire_nesters(&all, 9, 3, 3);
    want_and_block(&all, 0);
    want_and_block(&all, 1);
    want_one_more(&all, 2);
    assert_status(crew_wait(all.workers[2]), LG_EDEADLK);
    assert_int_equal(all.wanted[2].report.minimum, 10);
    assert_int_equal(all.wanted[2].report.members[0].hold_count, 3);
    assert_text_has(&all.wanted[2].report, LG_REPORT_TEXT, "a pool of 10");
    return_held(&all, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_status(crew_wait(all.workers[i]), LG_OK);
    return_all(&all, 0);
    return_all(&all, 1);
    end_nesters(&all);
}

/* And those who hold nothing yet count too: eight nest, four have come through the first door. */
static void the_minimum_counts_those_who_wait_outside(void **state)
{
    (void)state;
    struct nesters all;
    struct crew_worker *others[4];
    struct loan loans[4];
    hire_nesters(&all, 4, 4, 1);
    for (uint32_t i = 0; i < 4; i++) {
        others[i] = crew_hire_numbered("other-", i);
        loans[i] = loan_of(all.driver, all.pool, LG_FOREVER);
        crew_run(others[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(others[i], all.pool);
    }
    for (uint32_t i = 0; i < 3; i++)
        want_and_block(&all, i);
    want_one_more(&all, 3);
    assert_status(crew_wait(all.workers[3]), LG_EDEADLK);
    assert_int_equal(all.wanted[3].report.minimum, 9);
    assert_int_equal(all.wanted[3].report.member_count, 4);
    return_held(&all, 3);
    for (uint32_t i = 0; i < 4; i++) {
        assert_status(crew_wait(others[i]), LG_OK);
        assert_status(crew_do(others[i], loan_checkin, &loans[i]), LG_OK);
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_status(crew_wait(all.workers[i]), LG_OK);
        return_all(&all, i);
    }
    end_nesters(&all);
}

/* Rule 3: whoever would have given up first goes. */
static void the_victim_is_the_one_with_the_earliest_deadline(void **state)
{
    (void)state;
    struct nesters all;
    hire_nesters(&all, 3, 3, 1);
    all.wanted[1].deadline = lg_after_ms(50000);
    all.wanted[2].deadline = lg_after_ms(55000);
    for (uint32_t i = 0; i < 2; i++)
        want_and_block(&all, i);
    want_one_more(&all, 2);
    assert_status(crew_wait(all.workers[1]), LG_EDEADLK);
    assert_string_equal(all.wanted[1].report.victim, "worker-1");
    assert_string_equal(all.wanted[1].report.closer, "worker-2");
    assert_true(crew_is_blocked(all.workers[0]));
    assert_true(crew_is_blocked(all.workers[2]));
    return_held(&all, 1);
    assert_status(crew_wait(all.workers[0]), LG_OK);
    return_all(&all, 0);
    assert_status(crew_wait(all.workers[2]), LG_OK);
    return_all(&all, 2);
    end_nesters(&all);
}

/* Rule 3: who is told, releases nothing and tries again is told once more at the most; then it is
 * another's turn. */
static void a_victim_that_releases_nothing_is_passed_over(void **state)
{
    (void)state;
    struct nesters all;
    support_log_begin(LG_LOG_INFO);
    hire_nesters(&all, 2, 2, 1);
    want_and_block(&all, 0);
    want_one_more(&all, 1);
    assert_status(crew_wait(all.workers[1]), LG_EDEADLK);
    want_and_block(&all, 1);
    assert_status(crew_wait(all.workers[0]), LG_EDEADLK);
    assert_int_equal(deadlocks(all.pool), 2);
    assert_int_equal(support_log_count("deadlock"), 2);
    assert_non_null(strstr(support_log_text("deadlock"), "deadlock on pool \"db\" (2 of 2 out)"));
    return_held(&all, 0);
    assert_status(crew_wait(all.workers[1]), LG_OK);
    return_all(&all, 1);
    end_nesters(&all);
}

/* One holder runs: it will return its lease. */
static void while_one_holder_runs_it_is_no_deadlock(void **state)
{
    (void)state;
    struct nesters all;
    hire_nesters(&all, 4, 4, 1);
    for (uint32_t i = 0; i < 3; i++)
        want_and_block(&all, i);
    return_held(&all, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_status(crew_wait(all.workers[i]), LG_OK);
        return_all(&all, i);
    }
    assert_int_equal(deadlocks(all.pool), 0);
    end_nesters(&all);
}

/* Rule 3's scenario: A and B in a ring, timed C waits before them and holds nothing.  Failing C would
 * leave the ring. */
static void a_bystander_is_no_victim(void **state)
{
    (void)state;
    struct nesters all;
    struct crew_worker *bystander = crew_hire("C");
    hire_nesters(&all, 2, 2, 1);
    struct loan loan = loan_of(all.driver, all.pool, lg_after_ms(50000));
    crew_run(bystander, loan_checkout, &loan);
    crew_wait_blocked_on(bystander, all.pool);
    want_and_block(&all, 0);
    want_one_more(&all, 1);
    assert_status(crew_wait(all.workers[1]), LG_EDEADLK);
    assert_true(crew_is_blocked(bystander));
    return_held(&all, 1);
    assert_status(crew_wait(bystander), LG_OK);
    assert_true(crew_is_blocked(all.workers[0]));
    assert_status(crew_do(bystander, loan_checkin, &loan), LG_OK);
    assert_status(crew_wait(all.workers[0]), LG_OK);
    return_all(&all, 0);
    end_nesters(&all);
}

static void a_report_lists_sixteen_and_counts_all(void **state)
{
    (void)state;
    struct nesters all;
    hire_nesters(&all, MANY, MANY, 1);
    for (uint32_t i = 0; i + 1 < MANY; i++)
        want_and_block(&all, i);
    want_one_more(&all, MANY - 1);
    assert_status(crew_wait(all.workers[MANY - 1]), LG_EDEADLK);
    const struct lg_report *report = &all.wanted[MANY - 1].report;
    assert_int_equal(report->member_count, MANY);
    assert_int_equal(report->minimum, MANY + 1);
    assert_text_has(report, LG_REPORT_TEXT, "and 4 more");
    assert_text_has(report, LG_REPORT_JSON, "\"member_count\":20");
    return_held(&all, MANY - 1);
    for (uint32_t i = 0; i + 1 < MANY; i++) {
        assert_status(crew_wait(all.workers[i]), LG_OK);
        return_all(&all, i);
    }
    end_nesters(&all);
}

/* ---- With locks --------------------------------------------------------------------------------- */

static void a_ring_of_a_pool_and_a_mutex(void **state)
{
    (void)state;
    struct nesters all;
    struct lg_mutex mutex = LG_MUTEX_INIT("state");
    struct crew_worker *locker = crew_hire("locker");
    hire_nesters(&all, 1, 1, 1);
    struct loan loan = loan_of(all.driver, all.pool, LG_FOREVER);
    assert_status(crew_do(locker, step_lock, &mutex), LG_OK);
    crew_run(all.workers[0], step_lock, &mutex);
    crew_wait_blocked_on(all.workers[0], &mutex);
    assert_status(crew_do(locker, loan_checkout, &loan), LG_EDEADLK);
    assert_int_equal(loan.report.member_count, 2);
    assert_int_equal(loan.report.minimum, 0); /* no size helps against an order of locks */
    assert_text_has(&loan.report, LG_REPORT_TEXT, "waits for 1 of db");
    assert_text_has(&loan.report, LG_REPORT_TEXT, "waits for 1 of state");
    assert_text_has(&loan.report, LG_REPORT_TEXT, "locker got LG_EDEADLK: ");
    assert_status(crew_do(locker, step_unlock, &mutex), LG_OK);
    assert_status(crew_wait(all.workers[0]), LG_OK);
    assert_status(crew_do(all.workers[0], step_unlock, &mutex), LG_OK);
    return_held(&all, 0);
    end_nesters(&all);
    lg_mutex_destroy(&mutex);
}

/* Five hold the five connections and wait for the load lock; its holder waits for a connection. */
static void holders_of_all_wait_for_a_lock_whose_holder_wants_one(void **state)
{
    (void)state;
    struct nesters all;
    struct lg_mutex mutex = LG_MUTEX_INIT("load");
    struct crew_worker *loader = crew_hire("loader");
    hire_nesters(&all, 5, 5, 1);
    struct loan loan = loan_of(all.driver, all.pool, LG_FOREVER);
    assert_status(crew_do(loader, step_lock, &mutex), LG_OK);
    for (uint32_t i = 0; i < 5; i++) {
        crew_run(all.workers[i], step_lock, &mutex);
        crew_wait_blocked_on(all.workers[i], &mutex);
    }
    assert_status(crew_do(loader, loan_checkout, &loan), LG_EDEADLK);
    assert_int_equal(loan.report.member_count, 6);
    assert_status(crew_do(loader, step_unlock, &mutex), LG_OK);
    for (uint32_t left = 5, i = 0; left > 0; left--) {
        while (all.held[i][0].lease.resource == NULL || !crew_is_idle(all.workers[i]))
            i = (i + 1) % 5; /* whoever has got the lock, in whatever order */
        assert_status(crew_wait(all.workers[i]), LG_OK);
        assert_status(crew_do(all.workers[i], step_unlock, &mutex), LG_OK);
        return_held(&all, i);
    }
    assert_status(crew_do(loader, loan_checkout, &loan), LG_OK);
    assert_status(crew_do(loader, loan_checkin, &loan), LG_OK);
    end_nesters(&all);
    lg_mutex_destroy(&mutex);
}

static void two_pools_in_opposite_order(void **state)
{
    (void)state;
    struct null_driver *red = null_begin(), *blue = null_begin();
    struct lg_pool *reds = pool_of(red, "red", 1), *blues = pool_of(blue, "blue", 1);
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct loan a_red = loan_of(red, reds, LG_FOREVER), a_blue = loan_of(blue, blues, LG_FOREVER);
    struct loan b_red = a_red, b_blue = a_blue;
    assert_status(crew_do(a, loan_checkout, &a_red), LG_OK);
    assert_status(crew_do(b, loan_checkout, &b_blue), LG_OK);
    crew_run(a, loan_checkout, &a_blue);
    crew_wait_blocked_on(a, blues);
    assert_status(crew_do(b, loan_checkout, &b_red), LG_EDEADLK);
    assert_int_equal(b_red.report.member_count, 2);
    assert_text_has(&b_red.report, LG_REPORT_TEXT, "waits for 1 of blue");
    assert_text_has(&b_red.report, LG_REPORT_TEXT, "waits for 1 of red");
    assert_status(crew_do(b, loan_checkin, &b_blue), LG_OK);
    assert_status(crew_wait(a), LG_OK);
    assert_status(crew_do(a, loan_checkin, &a_blue), LG_OK);
    assert_status(crew_do(a, loan_checkin, &a_red), LG_OK);
    null_end(red, reds);
    null_end(blue, blues);
}

/* An orphan's unit belongs to the environment: anyone may return it. */
static void an_orphan_is_no_reason_for_a_deadlock(void **state)
{
    (void)state;
    struct nesters all;
    struct crew_worker *mortal = crew_hire("mortal");
    support_log_begin(LG_LOG_WARN);
    hire_nesters(&all, 2, 1, 1);
    struct loan orphan = loan_of(all.driver, all.pool, LG_FOREVER);
    assert_status(crew_do(mortal, loan_checkout, &orphan), LG_OK);
    crew_leave(mortal);
    want_and_block(&all, 0);
    assert_status(loan_checkin(&orphan), LG_OK);
    assert_status(crew_wait(all.workers[0]), LG_OK);
    return_all(&all, 0);
    assert_int_equal(deadlocks(all.pool), 0);
    end_nesters(&all);
}

/* A holder that ends while others wait for it: they wait on, for whoever returns its lease. */
static void a_holder_may_end_while_it_is_waited_for(void **state)
{
    (void)state;
    struct nesters all;
    struct crew_worker *mortal = crew_hire("mortal");
    support_log_begin(LG_LOG_WARN);
    hire_nesters(&all, 2, 1, 1);
    struct loan orphan = loan_of(all.driver, all.pool, LG_FOREVER);
    assert_status(crew_do(mortal, loan_checkout, &orphan), LG_OK);
    want_and_block(&all, 0);
    crew_leave(mortal);
    assert_true(crew_is_blocked(all.workers[0]));
    assert_status(loan_checkin(&orphan), LG_OK);
    assert_status(crew_wait(all.workers[0]), LG_OK);
    return_all(&all, 0);
    end_nesters(&all);
}

/* ---- Rule 2's scenario: W holds m and was granted a unit but has not run; V holds the other unit and
 * locks m.  No deadlock: W has what it wants.  A signal handler keeps W from running. --------------- */

static struct {
    uint32_t is_in, may_leave; /* atomic */
} handler;

static void stay(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&handler.is_in, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&handler.may_leave, __ATOMIC_SEQ_CST))
        null_yield();
}

static void granted_but_not_running_is_not_blocked(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("this sanitizer delays signals until the library has returned");
    struct sigaction action = {.sa_handler = stay}, before;
    struct nesters all;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *w = crew_hire("W");
    sigaction(SIGUSR1, &action, &before);
    handler.is_in = handler.may_leave = 0;
    hire_nesters(&all, 2, 1, 1); /* V is worker-0 */
    struct crew_worker *v = all.workers[0];
    struct loan mine = loan_of(all.driver, all.pool, LG_FOREVER), its = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    assert_status(crew_do(w, step_lock, &mutex), LG_OK);
    crew_run(w, loan_checkout, &its);
    crew_wait_blocked_on(w, all.pool);
    pthread_kill(crew_thread(w), SIGUSR1);
    NULL_WAIT_UNTIL(__atomic_load_n(&handler.is_in, __ATOMIC_SEQ_CST));
    assert_status(loan_checkin(&mine), LG_OK); /* to W, which does not know yet */
    assert_false(crew_is_blocked(w));
    crew_run(v, step_lock, &mutex);
    crew_wait_blocked_on(v, &mutex);
    __atomic_store_n(&handler.may_leave, 1, __ATOMIC_SEQ_CST);
    assert_status(crew_wait(w), LG_OK);
    assert_true(crew_is_blocked(v));
    assert_status(crew_do(w, step_unlock, &mutex), LG_OK);
    assert_status(crew_wait(v), LG_OK);
    assert_status(crew_do(v, step_unlock, &mutex), LG_OK);
    assert_status(crew_do(w, loan_checkin, &its), LG_OK);
    return_held(&all, 0);
    sigaction(SIGUSR1, &before, NULL);
    end_nesters(&all);
    lg_mutex_destroy(&mutex);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_pool_of_one_waited_for_by_its_holder),
        SUPPORT_TEST(a_pool_drained_by_its_holders_has_one_victim),
        SUPPORT_TEST(the_minimum_counts_contexts_and_their_depth),
        SUPPORT_TEST(the_minimum_counts_those_who_wait_outside),
        SUPPORT_TEST(the_victim_is_the_one_with_the_earliest_deadline),
        SUPPORT_TEST(a_victim_that_releases_nothing_is_passed_over),
        SUPPORT_TEST(while_one_holder_runs_it_is_no_deadlock),
        SUPPORT_TEST(a_bystander_is_no_victim),
        SUPPORT_TEST(a_report_lists_sixteen_and_counts_all),
        SUPPORT_TEST(a_ring_of_a_pool_and_a_mutex),
        SUPPORT_TEST(holders_of_all_wait_for_a_lock_whose_holder_wants_one),
        SUPPORT_TEST(two_pools_in_opposite_order),
        SUPPORT_TEST(an_orphan_is_no_reason_for_a_deadlock),
        SUPPORT_TEST(a_holder_may_end_while_it_is_waited_for),
        SUPPORT_TEST(granted_but_not_running_is_not_blocked),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
