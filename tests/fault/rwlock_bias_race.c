/* Rwlocks that are read by bias, with a thread held up between any two steps: whoever reads is seen, whoever
 * has gone owes nothing, and what a fork leaves behind is put right.  And where membarrier is refused. */
#include "support/faults.h"
#include "support/hold.h"
#include "support/rwlocks.h"

#include "support/null_driver.h"
#include "sync/rwlock_bias.h"

#include <string.h>

static struct lg_rwlock r = LG_RWLOCK_INIT("r");
static struct crew_worker *A, *W;

static bool is_biased(void)
{
    return lg__load_full(&r.word) & LG__RWLOCK_BIASED;
}

/* A has learned that r is biased, and reads it or not. */
static void begin(bool reads)
{
    skip_without_bias();
    A = crew_hire("A");
    W = crew_hire("W");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(A, step_read_by_bias, &r), LG_OK);
    if (!reads)
        (void)crew_do(A, step_let_go, &r);
}

static void expect_free(void)
{
    assert_int_equal(crew_do(W, step_try_write, &r), LG_OK);
    (void)crew_do(W, step_let_go, &r);
    assert_true(r.word == 0);
}

/* ---- A reader is held up --------------------------------------------------------------------- */

static void held_before_it_looks(void **state)
{
    (void)state;
    begin(false);
    hold_next_at(LG__STOP_READ);
    crew_run(A, step_try_read, &r);
    wait_held();
    assert_int_equal(crew_do(W, step_try_write, &r), LG_EBUSY); /* so A is counted */
    assert_true(r.word == LG__RWLOCK_READER);
    let_go();
    assert_int_equal(crew_wait(A), LG_OK); /* too late for the bias, and reads */
    assert_int_equal(crew_do(A, step_mode, &r), LG_RWLOCK_READ);
    (void)crew_do(A, step_let_go, &r);
    expect_free();
}

static void held_before_it_looks_and_one_waits(void **state)
{
    (void)state;
    begin(false);
    hold_next_at(LG__STOP_READ);
    crew_run(A, step_read, &r);
    wait_held();
    crew_run_blocked_on(W, step_write, &r, lg__rwlock_tagged(&r));
    let_go();
    assert_int_equal(crew_wait(A), LG_OK);
    assert_true(crew_is_blocked(W));
    (void)crew_do(A, step_let_go, &r);
    assert_int_equal(crew_wait(W), LG_OK);
    (void)crew_do(W, step_let_go, &r);
    expect_free();
}

static void held_before_it_looks_and_the_bias_is_back(void **state)
{
    (void)state;
    begin(false);
    hold_next_at(LG__STOP_READ);
    crew_run(A, step_read, &r);
    wait_held();
    assert_int_equal(crew_do(W, step_try_write, &r), LG_EBUSY);
    assert_int_equal(step_bias(&r), LG_OK); /* A sees that, and is counted all the same */
    let_go();
    assert_int_equal(crew_wait(A), LG_OK);
    assert_true(r.word == (LG__RWLOCK_READER | LG__RWLOCK_BIASED));
    assert_int_equal(crew_do(W, step_try_write, &r), LG_EBUSY);
    (void)crew_do(A, step_let_go, &r);
    expect_free();
}

static void held_before_it_takes_its_word_back(void **state)
{
    (void)state;
    begin(true);
    hold_next_at(LG__STOP_READ_END);
    crew_run(A, step_let_go, &r);
    wait_held();
    crew_run(W, step_write, &r);
    NULL_WAIT_UNTIL(!is_biased() && crew_is_blocked(W));
    let_go();
    (void)crew_wait(A);
    assert_int_equal(crew_wait(W), LG_OK); /* A has served it */
    (void)crew_do(W, step_let_go, &r);
    expect_free();
}

/* ---- A revoker is held up -------------------------------------------------------------------- */

/* W, who would write if nobody read. */
static void hold_revoker_at(enum lg__stop stop)
{
    hold_next_at(stop);
    crew_run(W, step_try_write, &r);
    wait_held();
}

static void held_before_the_barrier(void **state)
{
    (void)state;
    begin(true);
    struct crew_worker *v = crew_hire("V"), *b = crew_hire("B");
    hold_next_at(LG__STOP_REVOKE);
    crew_run(W, step_write, &r);
    wait_held();
    assert_int_equal(crew_do(v, step_try_write, &r), LG_EBUSY); /* W stands for all readers */
    assert_int_equal(crew_do(b, step_read, &r), LG_OK);
    (void)crew_do(b, step_let_go, &r);
    crew_run_blocked_on(v, step_write, &r, lg__rwlock_tagged(&r));
    (void)crew_do(A, step_let_go, &r); /* not counted, and wakes nobody */
    assert_true(crew_is_blocked(v));
    let_go();
    NULL_WAIT_UNTIL(crew_is_idle(v) || crew_is_idle(W)); /* either may be first */
    struct crew_worker *first = crew_is_idle(v) ? v : W, *second = first == v ? W : v;
    assert_int_equal(crew_wait(first), LG_OK);
    (void)crew_do(first, step_let_go, &r);
    assert_int_equal(crew_wait(second), LG_OK);
    (void)crew_do(second, step_let_go, &r);
    expect_free();
}

static void held_before_it_tells_one_that_goes(void **state)
{
    (void)state;
    begin(true);
    hold_revoker_at(LG__STOP_COUNT);
    (void)crew_do(A, step_let_go, &r);
    assert_true(r.word == 2 * LG__RWLOCK_READER);
    let_go();
    assert_int_equal(crew_wait(W), LG_OK);
    (void)crew_do(W, step_let_go, &r);
    expect_free();
}

/* It is gone, and reads anew, when it is told: counted, and needs no more. */
static void held_before_it_tells_one_that_comes_again(void **state)
{
    (void)state;
    begin(true);
    hold_revoker_at(LG__STOP_COUNT);
    (void)crew_do(A, step_let_go, &r);
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(A, step_read_by_bias, &r), LG_OK);
    let_go();
    assert_int_equal(crew_wait(W), LG_EBUSY);
    (void)crew_do(A, step_let_go, &r);
    expect_free();
}

static void held_before_it_tells_one_that_ends(void **state)
{
    (void)state;
    begin(true);
    support_log_begin(LG_LOG_ERROR);
    hold_revoker_at(LG__STOP_COUNT);
    crew_leave(A);
    let_go();
    assert_int_equal(crew_wait(W), LG_OK);
    (void)crew_do(W, step_let_go, &r);
    expect_free();
}

/* A's id is gone, and what it held is not given back yet. */
static void held_at_its_end(void **state)
{
    (void)state;
    begin(true);
    support_log_begin(LG_LOG_ERROR);
    hold_next_at(LG__STOP_END);
    crew_send_home(A);
    wait_held();
    assert_int_equal(crew_do(W, step_try_write, &r), LG_OK); /* it reads no more */
    (void)crew_do(W, step_let_go, &r);
    let_go();
    crew_leave(A);
    expect_free();
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static int write_in_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(!is_biased());
    SUPPORT_CHECK(step_try_write(&r) == LG_OK); /* nobody of those lives */
    step_let_go(&r);
    SUPPORT_CHECK(r.word == 0);
    return 0;
}

static int read_in_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_mode(&r) == LG_RWLOCK_READ);
    struct lg_context *reader = lg_context_detach();
    SUPPORT_CHECK(step_try_write(&r) == LG_EBUSY);
    SUPPORT_CHECK(lg_context_end(lg_context_detach()) == LG_OK);
    SUPPORT_CHECK(lg_context_resume(reader) == LG_OK);
    step_let_go(&r);
    return write_in_child(NULL);
}

/* The revoker stays in the parent, before the barrier or before it tells A. */
static void held_while_another_forks(void **state)
{
    (void)state;
    static const struct {
        enum lg__stop stop;
        bool a_reads, main_reads;
    } cases[] = {{LG__STOP_REVOKE, false, false}, {LG__STOP_REVOKE, false, true},
                 {LG__STOP_REVOKE, true, false},  {LG__STOP_REVOKE, true, true},
                 {LG__STOP_COUNT, true, false},   {LG__STOP_COUNT, true, true}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool reads_too = cases[i].main_reads, a_reads = cases[i].a_reads;
        begin(a_reads);
        if (reads_too)
            assert_int_equal(step_read_by_bias(&r), LG_OK);
        hold_revoker_at(cases[i].stop);
        assert_int_equal(support_fork(reads_too ? read_in_child : write_in_child, NULL), 0);
        let_go();
        bool is_read = a_reads || reads_too;
        assert_int_equal(crew_wait(W), is_read ? LG_EBUSY : LG_OK);
        if (a_reads || !is_read)
            (void)crew_do(a_reads ? A : W, step_let_go, &r);
        if (reads_too)
            step_let_go(&r);
        expect_free();
        crew_leave(A);
        crew_leave(W);
    }
}

/* ---- Everywhere, at random ------------------------------------------------------------------- */

static void yield_now_and_then(enum lg__stop at)
{
    static _Thread_local uint32_t random = 1;
    random = random * 1664525 + 1013904223 + (uint32_t)at;
    if (random >> 30 == 0)
        null_yield();
}

struct visitor {
    unsigned rounds, wrong;
    struct support_random random;
};

static uint32_t readers, writers; /* atomic; by their own word */

static int come_and_go(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct visitor *visitor = arg;
    for (unsigned i = 0; i < visitor->rounds; i++) {
        bool writes = support_below(&visitor->random, 8) == 0;
        lg_deadline deadline = support_deadline(&visitor->random, 100000);
        if ((writes ? lg_rwlock_write(&r, deadline) : lg_rwlock_read(&r, deadline)) != LG_OK)
            continue;
        (void)lg__add_full(writes ? &writers : &readers, 1u);
        if (!writes && !(lg__load_relaxed(&r.word) & LG__RWLOCK_BIASED))
            lg__rwlock_bias(&r); /* also if the caller is not counted any more, or not yet */
        visitor->wrong += lg__load_full(&writers) != writes;
        visitor->wrong += writes && lg__load_full(&readers) != 0;
        (void)lg__sub_full(writes ? &writers : &readers, 1u);
        lg_rwlock_unlock(&r);
    }
    return LG_OK;
}

static void held_up_everywhere(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    skip_without_bias();
    struct crew_worker *workers[THREADS];
    struct visitor visitors[THREADS];
    lg__store_release(&lg__seam_stop, yield_now_and_then);
    for (unsigned i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.rounds = SUPPORT_ROUNDS(20000u)};
        support_random_begin(&visitors[i].random, i);
        workers[i] = crew_hire_numbered("T", i);
        crew_run(workers[i], come_and_go, &visitors[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), LG_OK);
        assert_int_equal(visitors[i].wrong, 0);
    }
    lg__store_release(&lg__seam_stop, NULL);
    assert_int_equal(step_try_write(&r), LG_OK);
    step_let_go(&r);
    assert_true(r.word == 0);
}

/* ---- No barrier ------------------------------------------------------------------------------ */

static void refused(void **state)
{
    (void)state;
    A = crew_hire("A");
    W = crew_hire("W");
    assert_int_equal(crew_do(A, step_read, &r), LG_OK);
    lg__seam_arm(1, FAULT_BIT(MEMBARRIER), true);
    for (unsigned i = 0; i < 2 * LG__BIAS_LOOK; i++) {
        assert_int_equal(step_read(&r), LG_OK);
        step_let_go(&r);
    }
    assert_true(lg__seam_disarm() || !lg__barrier_is_there());
    assert_true(r.word == LG__RWLOCK_READER);
    (void)crew_do(A, step_let_go, &r);
    expect_free();
}

/* The sandbox comes while a lock is biased. */
static void refused_when_it_is_taken_back(void **state)
{
    (void)state;
    begin(true);
    lg__seam_arm(1, FAULT_BIT(MEMBARRIER), true);
    assert_int_equal(crew_do(W, step_try_write, &r), LG_EBUSY);
    assert_true(r.word == LG__RWLOCK_READER);
    for (unsigned i = 0; i < 2 * LG__BIAS_LOOK; i++) {
        assert_int_equal(step_read(&r), LG_OK);
        step_let_go(&r);
    }
    assert_true(r.word == LG__RWLOCK_READER); /* and no other bias comes */
    (void)crew_do(A, step_let_go, &r);
    expect_free();
    assert_true(lg__seam_disarm());
}

static int panic_in_child(void *arg)
{
    (void)arg;
    lg__seam_arm(1, FAULT_BIT(MEMBARRIER) | FAULT_BIT(AFFINITY), true);
    struct support_panic panic = support_panic_of(step_try_write, &r);
    SUPPORT_CHECK(panic.has_happened && strstr(panic.rule, "sched_setaffinity"));
    return 0;
}

/* Nothing orders what was relied on: then it says so. */
static void refused_in_all_ways(void **state)
{
    (void)state;
    skip_without_bias();
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(support_fork(panic_in_child, NULL), 0);
    assert_int_equal(step_try_write(&r), LG_OK);
    step_let_go(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(held_before_it_looks),
        SUPPORT_TEST(held_before_it_looks_and_one_waits),
        SUPPORT_TEST(held_before_it_looks_and_the_bias_is_back),
        SUPPORT_TEST(held_before_it_takes_its_word_back),
        SUPPORT_TEST(held_before_the_barrier),
        SUPPORT_TEST(held_before_it_tells_one_that_goes),
        SUPPORT_TEST(held_before_it_tells_one_that_comes_again),
        SUPPORT_TEST(held_before_it_tells_one_that_ends),
        SUPPORT_TEST(held_at_its_end),
        SUPPORT_TEST(held_while_another_forks),
        SUPPORT_TEST(held_up_everywhere),
        SUPPORT_TEST(refused),
        SUPPORT_TEST(refused_when_it_is_taken_back),
        SUPPORT_TEST(refused_in_all_ways),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
