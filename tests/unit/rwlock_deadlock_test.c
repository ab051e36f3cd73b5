/* Rwlocks in the graph: rings through readers and writers are told, what only looks like one is not, and
 * who is stuck for his place alone passes.
 *
 * "A -> x(w)" is A waiting to write x. */
#include "support/locks.h"
#include "support/rwlocks.h"
#include "support/thing.h"

#include "plat/clock.h"
#include "sync/rwlock.h"

#include <string.h>

static struct lg_report report;
static struct lg_rwlock x = LG_RWLOCK_INIT("x"), y = LG_RWLOCK_INIT("y");
static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct crew_worker *A, *B, *C, *D;

static void hire_all(void)
{
    support_log_begin(LG_LOG_ERROR);
    A = crew_hire("A");
    B = crew_hire("B");
    C = crew_hire("C");
    D = crew_hire("D");
}

static void wait_for(struct crew_worker *worker, support_step *step, void *arg)
{
    crew_run_blocked_on(worker, step, arg, arg == &m ? arg : lg__rwlock_tagged(arg));
}

static void expect_quiet(void)
{
    assert_true(x.word == 0 && y.word == 0 && (m.word & ~3ull) == 0);
}

static bool names(const struct lg_report *it, const char *context)
{
    for (uint32_t i = 0; i < it->member_count && i < LG_REPORT_MEMBERS; i++)
        if (strcmp(it->members[i].context, context) == 0)
            return true;
    return false;
}

/* ---- With oneself ---------------------------------------------------------------------------- */

static void test_what_one_holds_keeps_one_from_it(void **state)
{
    (void)state;
    static const struct {
        support_step *held[2];
        support_step *wanted, *tried;
    } cases[] = {
        {{step_write}, step_write, step_try_write},
        {{step_write}, step_read, step_try_read},
        {{step_write}, step_upgradable, step_try_upgradable},
        {{step_upgradable}, step_write, step_try_write},
        {{step_upgradable}, step_upgradable, step_try_upgradable},
        {{step_read}, step_write, step_try_write},
        {{step_upgradable, step_read}, step_upgrade, step_try_upgrade},
    };
    support_log_begin(LG_LOG_ERROR);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int held = cases[i].held[1] ? 2 : 1;
        for (int j = 0; j < held; j++)
            assert_int_equal(cases[i].held[j](&x), LG_OK);
        uint64_t word = x.word;
        assert_int_equal(cases[i].tried(&x), LG_EBUSY);
        assert_int_equal(cases[i].wanted(&x), LG_EDEADLK);
        assert_true(x.word == word); /* it is held as before */
        assert_int_equal(lg__held_count(lg_context_self()), held);
        const struct lg_report *own = lg_report_last();
        assert_int_equal(own->kind, LG_REPORT_DEADLOCK);
        assert_int_equal(own->member_count, 1);
        assert_string_equal(own->noun, "rwlock");
        assert_string_equal(own->members[0].holds[0].name, "x");
        assert_int_equal(own->members[0].holds[0].units, 1); /* not what modes weigh */
        assert_int_equal(own->members[0].need, 1);
        assert_int_equal(own->capacity, 1);
        assert_string_equal(own->victim, "main");
        char text[1024];
        (void)lg_report_write(own, LG_REPORT_TEXT, text, sizeof text);
        assert_non_null(strstr(text, "in the strongest mode")); /* no rwlock is recursive */
        while (held-- > 0)
            step_let_go(&x);
        expect_quiet();
    }
}

/* ---- Rings ----------------------------------------------------------------------------------- */

/* A writes x, B and C read y; A -> y(w); B -> x(r) closes it, although C runs. */
static void test_a_ring_through_one_of_several_readers(void **state)
{
    (void)state;
    hire_all();
    struct rwlock_until soon = {&x, lg_after_ms(900000), "soon.c:1"};
    assert_int_equal(crew_do(A, step_write, &x), LG_OK);
    assert_int_equal(crew_do(B, step_read, &y), LG_OK);
    assert_int_equal(crew_do(C, step_read, &y), LG_OK);
    wait_for(A, step_write, &y);
    assert_int_equal(crew_do(B, step_read_until, &soon), LG_EDEADLK);
    (void)crew_do(B, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_true(names(&report, "A") && names(&report, "B"));
    assert_true(crew_is_blocked(A));
    (void)crew_do(B, step_let_go, &y);
    (void)crew_do(C, step_let_go, &y);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_let_go, &y);
    (void)crew_do(A, step_let_go, &x);
    expect_quiet();
}

/* The same closed by the writer: B reads y and -> x(r), A writes x and -> y(w). */
static void test_the_writer_closes_it(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_write, &x), LG_OK);
    assert_int_equal(crew_do(B, step_read, &y), LG_OK);
    wait_for(B, step_read, &x);
    assert_int_equal(crew_do(A, step_write, &y), LG_EDEADLK);
    (void)crew_do(A, step_copy_report, &report);
    assert_string_equal(report.name, "y");
    assert_true(names(&report, "A") && names(&report, "B"));
    (void)crew_do(A, step_let_go, &x);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_let_go, &x);
    (void)crew_do(B, step_let_go, &y);
    expect_quiet();
}

/* A, upgradable, holds m and upgrades; B reads and wants m. */
static void test_an_upgrade_in_a_ring(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_upgradable, &x), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    wait_for(A, step_upgrade, &x);
    assert_int_equal(crew_do(B, step_lock, &m), LG_EDEADLK);
    (void)crew_do(B, step_let_go, &x);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    (void)crew_do(A, step_let_go, &x);
    assert_int_equal(crew_do(B, step_read, &x), LG_OK); /* and the other way round */
    assert_int_equal(crew_do(A, step_upgradable, &x), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    wait_for(B, step_lock, &m);
    assert_int_equal(crew_do(A, step_upgrade, &x), LG_EDEADLK);
    assert_int_equal(crew_do(A, step_mode, &x), LG_RWLOCK_UPGRADABLE);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_let_go, &x);
    (void)crew_do(A, step_let_go, &x);
    expect_quiet();
}

/* Two readers that both want to write, in the mode that is for it: the second waits for the first, who
 * does not wait for it. */
static void test_two_who_want_to_upgrade(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_upgradable, &x), LG_OK);
    wait_for(B, step_upgradable, &x);
    assert_int_equal(crew_do(A, step_upgrade, &x), LG_OK);
    (void)crew_do(A, step_let_go, &x);
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(crew_do(B, step_upgrade, &x), LG_OK);
    (void)crew_do(B, step_let_go, &x);
    expect_quiet();
}

/* Two upgradable holders of different locks, each of whom reads what the other upgrades. */
static void test_crossed_upgrades(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_upgradable, &x), LG_OK);
    assert_int_equal(crew_do(B, step_upgradable, &y), LG_OK);
    assert_int_equal(crew_do(A, step_read, &y), LG_OK);
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    wait_for(A, step_upgrade, &x);
    assert_int_equal(crew_do(B, step_upgrade, &y), LG_EDEADLK);
    (void)crew_do(B, step_let_go, &x);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_let_go, &y);
    (void)crew_do(A, step_let_go, &x);
    assert_int_equal(crew_do(B, step_upgrade, &y), LG_OK);
    (void)crew_do(B, step_let_go, &y);
    expect_quiet();
}

/* ---- For his place alone --------------------------------------------------------------------- */

/* B reads x; W (C) -> x(w); T (A) holds m and -> x(r), behind C; B -> m.  Nobody but C keeps A from
 * reading: A passes. */
static void end_of_passing(void)
{
    assert_int_equal(crew_wait(A), LG_OK);
    assert_true(crew_is_blocked(B) && crew_is_blocked(C));
    (void)crew_do(A, step_let_go, &x);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_let_go, &x);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_let_go, &x);
    expect_quiet();
}

static void test_a_reader_passes_a_writer_that_waits_for_it(void **state)
{
    (void)state;
    hire_all();
    for (int closer = 0; closer < 2; closer++) {
        assert_int_equal(crew_do(B, step_read, &x), LG_OK);
        assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
        wait_for(C, step_write, &x);
        if (closer == 0) {
            wait_for(A, step_read, &x);
            crew_run(B, step_lock, &m); /* closes it */
        } else {
            wait_for(B, step_lock, &m);
            crew_run(A, step_read, &x); /* closes it */
        }
        end_of_passing();
    }
}

/* The same with more in the queue: only who has to passes.  D -> x(r) stays behind C. */
static void test_who_need_not_pass_stays(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    wait_for(C, step_write, &x);
    wait_for(D, step_read, &x);
    wait_for(A, step_read, &x);
    crew_run(B, step_lock, &m);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_true(crew_is_blocked(D));
    (void)crew_do(A, step_let_go, &x);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_let_go, &x);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_let_go, &x);
    assert_int_equal(crew_wait(D), LG_OK);
    (void)crew_do(D, step_let_go, &x);
    expect_quiet();
}

/* B reads x and wants to be upgradable, behind C who waits to write: B holds it, so it goes first. */
static void test_a_holder_goes_ahead(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    wait_for(C, step_write, &x);
    assert_int_equal(crew_do(B, step_upgradable, &x), LG_OK);
    assert_int_equal(crew_do(B, step_upgrade, &x), LG_EDEADLK); /* for its own reading */
    (void)crew_do(B, step_let_go, &x);
    (void)crew_do(B, step_let_go, &x);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_let_go, &x);
    expect_quiet();
}

/* ---- What only looks like one ---------------------------------------------------------------- */

/* A reads x and -> m; B holds m and runs; C -> x(w); D -> x(r): B lets go, and all go on. */
static void test_a_chain_is_no_ring(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_read, &x), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &m), LG_OK);
    wait_for(A, step_lock, &m);
    wait_for(C, step_write, &x);
    wait_for(D, step_read, &x);
    (void)crew_do(B, step_unlock, &m);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &m);
    (void)crew_do(A, step_let_go, &x);
    assert_int_equal(crew_wait(C), LG_OK);
    (void)crew_do(C, step_let_go, &x);
    assert_int_equal(crew_wait(D), LG_OK);
    (void)crew_do(D, step_let_go, &x);
    expect_quiet();
}

/* Readers do not wait for readers: A reads x and -> y(r) behind nobody, B reads y and has x as well. */
static void test_readers_in_both_orders(void **state)
{
    (void)state;
    hire_all();
    assert_int_equal(crew_do(A, step_read, &x), LG_OK);
    assert_int_equal(crew_do(B, step_read, &y), LG_OK);
    assert_int_equal(crew_do(A, step_read, &y), LG_OK);
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    for (int i = 0; i < 2; i++) {
        (void)crew_do(i ? A : B, step_let_go, &x);
        (void)crew_do(i ? A : B, step_let_go, &y);
    }
    expect_quiet();
}

static int fill_table(void *locks)
{
    for (int i = 0; i < LG__HELD_MAX; i++)
        if (step_read(&((struct lg_rwlock *)locks)[i]) != LG_OK)
            return LG_EBUSY;
    return LG_OK;
}

static int empty_table(void *locks)
{
    for (int i = 0; i < LG__HELD_MAX; i++)
        step_let_go(&((struct lg_rwlock *)locks)[i]);
    return LG_OK;
}

/* A ring through a reader that the graph does not know, for its table is full: silence, until the deadline
 * ends it. */
static void test_an_unknown_reader_is_environment(void **state)
{
    (void)state;
    static struct lg_rwlock many[LG__HELD_MAX];
    hire_all();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(B, fill_table, many), LG_OK);
    assert_int_equal(crew_do(B, step_read, &x), LG_OK);
    wait_for(B, step_lock, &m);
    wait_for(A, step_write, &x);
    assert_true(thing_time_out(crew_context(A)));
    assert_int_equal(crew_wait(A), LG_ETIMEDOUT);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    (void)crew_do(B, step_let_go, &x);
    (void)crew_do(B, empty_table, many);
    expect_quiet();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_what_one_holds_keeps_one_from_it),
        SUPPORT_TEST(test_a_ring_through_one_of_several_readers),
        SUPPORT_TEST(test_the_writer_closes_it),
        SUPPORT_TEST(test_an_upgrade_in_a_ring),
        SUPPORT_TEST(test_two_who_want_to_upgrade),
        SUPPORT_TEST(test_crossed_upgrades),
        SUPPORT_TEST(test_a_reader_passes_a_writer_that_waits_for_it),
        SUPPORT_TEST(test_who_need_not_pass_stays),
        SUPPORT_TEST(test_a_holder_goes_ahead),
        SUPPORT_TEST(test_a_chain_is_no_ring),
        SUPPORT_TEST(test_readers_in_both_orders),
        SUPPORT_TEST(test_an_unknown_reader_is_environment),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
