/* Registered parties: a barrier as a resource whose holders are those who have not arrived. */
#include "support/locks.h"
#include "support/signals.h"
#include "support/thing.h"

#include "graph/context.h"

#include <string.h>

static struct lg_barrier b;
static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct crew_worker *A, *B, *C;
static struct lg_report report;

static void begin(uint32_t parties)
{
    assert_int_equal(lg_barrier_init(&b, "b", parties, NULL, NULL), LG_OK);
    A = crew_hire("A");
    B = crew_hire("B");
    C = crew_hire("C");
}

static void register_all(void)
{
    assert_int_equal(crew_do(A, step_barrier_register_self, &b), LG_OK);
    assert_int_equal(crew_do(B, step_barrier_register_self, &b), LG_OK);
    assert_int_equal(crew_do(C, step_barrier_register_self, &b), LG_OK);
}

static void run_blocked(struct crew_worker *worker, crew_step *step, void *object)
{
    crew_run(worker, step, object);
    crew_wait_blocked_on(worker, object);
}

static void end(void)
{
    lg_barrier_destroy(&b);
    assert_int_equal(m.word, 0);
}

static void unlock_by(struct crew_worker *worker)
{
    (void)crew_do(worker, step_unlock, &m);
}

static int arrive_with_index(void *arrival)
{
    return step_arrive(arrival);
}

/* A waits at b with m, B wants m before it arrives: B closes it. */
static void test_a_missing_party_is_stuck(void **state)
{
    (void)state;
    begin(3);
    register_all();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(C, step_barrier_wait, &b);
    crew_run(B, step_lock, &m);
    assert_int_equal(crew_wait(B), LG_EDEADLK);
    assert_int_equal(crew_do(B, step_copy_report, &report), LG_OK);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, 2); /* C only hangs off it */
    assert_string_equal(report.members[1].waits_noun, "barrier");
    assert_int_equal(report.members[1].need, 3);
    assert_string_equal(report.members[0].holds[0].name, "b");
    assert_int_equal(crew_do(B, step_barrier_wait, &b), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(C), LG_OK);
    unlock_by(A);
    end();
}

/* B -> m of A first, then A arrives and is the victim: its arrival is taken back, and nothing is broken. */
static void test_a_victim_takes_its_arrival_back(void **state)
{
    (void)state;
    struct arrival_at a_at = {&b, LG_FOREVER, 9}, c_at = a_at, b_at = a_at;
    begin(3);
    register_all();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(B, step_lock, &m);
    crew_run(C, arrive_with_index, &c_at);
    crew_wait_blocked_on(C, &b);
    assert_int_equal(crew_do(A, arrive_with_index, &a_at), LG_EDEADLK);
    assert_int_equal(lg_barrier_waiting(&b), 1);
    assert_int_equal(lg_barrier_is_broken(&b), 0);
    unlock_by(A);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B);
    crew_run(A, arrive_with_index, &a_at);
    crew_wait_blocked_on(A, &b);
    assert_int_equal(crew_do(B, arrive_with_index, &b_at), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(C), LG_OK);
    assert_int_equal(c_at.index, 0);
    assert_int_equal(a_at.index, 1);
    assert_int_equal(b_at.index, 2);
    end();
}

/* The first of two is the victim: the other moves up, so that no index is given twice. */
static void test_indices_after_a_victim(void **state)
{
    (void)state;
    struct arrival_at early = {&b, lg_after_ms(3600000), 9}, late = {&b, LG_FOREVER, 9},
                      last = late;
    begin(3);
    register_all();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    crew_run(A, arrive_with_index, &early); /* the earliest deadline: the victim to be */
    crew_wait_blocked_on(A, &b);
    crew_run(C, arrive_with_index, &late);
    crew_wait_blocked_on(C, &b);
    run_blocked(B, step_lock, &m); /* B closes it, A is told */
    assert_int_equal(crew_wait(A), LG_EDEADLK);
    unlock_by(A);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(B);
    crew_run(A, arrive_with_index, &early);
    crew_wait_blocked_on(A, &b);
    assert_int_equal(crew_do(B, arrive_with_index, &last), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(C), LG_OK);
    assert_int_equal(late.index, 0);
    assert_int_equal(early.index, 1);
    assert_int_equal(last.index, 2);
    end();
}

/* Who has arrived owes nothing any more: A -> b, B -> b, and who wants A's mutex may wait. */
static void test_near_deadlocks(void **state)
{
    (void)state;
    begin(3);
    register_all();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(B, step_barrier_wait, &b);
    struct crew_worker *d = crew_hire("D");
    run_blocked(d, step_lock, &m);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(crew_do(C, step_barrier_wait, &b), LG_OK);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(crew_wait(B), LG_OK);
        run_blocked(B, step_barrier_wait, &b);
        run_blocked(A, step_barrier_wait, &b);
    }
    assert_int_equal(crew_do(C, step_barrier_wait, &b), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    unlock_by(A);
    assert_int_equal(crew_wait(d), LG_OK);
    unlock_by(d);
    end();
}

/* Two barriers, each missing who waits at the other. */
static void test_a_ring_of_barriers(void **state)
{
    (void)state;
    struct lg_barrier other;
    begin(2);
    assert_int_equal(lg_barrier_init(&other, "other", 2, NULL, NULL), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(B)), LG_OK);
    assert_int_equal(lg_barrier_register(&other, crew_context(A)), LG_OK);
    assert_int_equal(lg_barrier_register(&other, crew_context(B)), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    assert_int_equal(crew_do(B, step_barrier_wait, &other), LG_EDEADLK);
    assert_int_equal(crew_do(B, step_barrier_wait, &b), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    lg_barrier_destroy(&other);
    end();
}

/* The action waits for what one of those at the barrier holds. */
static int lock_m(void *arg)
{
    (void)arg;
    return step_lock(&m);
}

static void test_an_action_may_close_a_ring(void **state)
{
    (void)state;
    begin(2);
    b.action = lock_m;
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(B)), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    assert_int_equal(crew_do(B, step_barrier_wait, &b), LG_EDEADLK); /* the action's */
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    unlock_by(A);
    end();
}

/* ---- Who comes and goes ------------------------------------------------------------------------ */

static void test_a_party_that_ends_breaks_it(void **state)
{
    (void)state;
    begin(3);
    register_all();
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(B, step_barrier_wait, &b);
    crew_leave(C);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    assert_int_equal(crew_wait(B), LG_EBROKEN);
    expect_detail(A, LG_REPORT_BROKEN, "C has ended, declared at ");
    expect_detail(B, LG_REPORT_BROKEN, "C has ended, declared at ");
    assert_int_equal(lg_barrier_is_broken(&b), 1);
    lg_barrier_reset(&b); /* the place of C is anybody's */
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(B, step_barrier_wait, &b);
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    end();
}

/* Nobody waits when it ends: whoever comes is told. */
static void test_a_party_has_ended(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(B)), LG_OK);
    crew_leave(B);
    assert_int_equal(lg_barrier_is_broken(&b), 1);
    assert_int_equal(crew_do(A, step_barrier_wait, &b), LG_EBROKEN);
    end();
}

static void test_others_take_only_free_places(void **state)
{
    (void)state;
    begin(3);
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_EBUSY);
    assert_int_equal(lg_barrier_parties(&b), 3);
    run_blocked(B, step_barrier_wait, &b);
    run_blocked(C, step_barrier_wait, &b);
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_EINVAL); /* the place left is A's */
    assert_int_equal(crew_do(A, step_barrier_wait, &b), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(crew_wait(C), LG_OK);
    end();
}

/* A barrier that has no place but those of its parties. */
static void test_parties_come_and_go(void **state)
{
    (void)state;
    static struct lg_barrier zero;
    begin(1);
    b = zero;
    register_all();
    assert_int_equal(lg_barrier_parties(&b), 3);
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(B, step_barrier_wait, &b);
    assert_int_equal(lg_barrier_unregister(&b, crew_context(A)), LG_EBUSY); /* it waits there */
    assert_int_equal(lg_barrier_unregister(&b, NULL), LG_EINVAL);
    assert_int_equal(crew_do(C, step_barrier_unregister_self, &b), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK); /* the last one missing has gone */
    assert_int_equal(crew_wait(B), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    assert_int_equal(crew_do(C, step_barrier_register_self, &b), LG_OK);
    crew_wait_blocked_on(A, &b);
    run_blocked(B, step_barrier_wait, &b); /* now it takes three again */
    assert_int_equal(crew_do(C, step_barrier_wait, &b), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    end();
}

static int count_runs(void *runs)
{
    return ++*(int *)runs < 2 ? LG_OK : LG_EDRIVER;
}

static void test_who_goes_runs_the_action(void **state)
{
    (void)state;
    int runs = 0;
    begin(3);
    b.action = count_runs;
    b.arg = &runs;
    register_all();
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(B, step_barrier_wait, &b);
    assert_int_equal(lg_barrier_unregister(&b, crew_context(C)), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(runs, 1);
    run_blocked(A, step_barrier_wait, &b);
    assert_int_equal(lg_barrier_unregister(&b, crew_context(B)), LG_EDRIVER);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    end();
}

/* A and B wait, both anybody's to the detector; then C, who is stuck behind A, becomes a party. */
static void test_a_registration_closes_a_ring(void **state)
{
    (void)state;
    begin(3);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    run_blocked(C, step_lock, &m);
    assert_int_equal(lg_barrier_register(&b, crew_context(C)), LG_OK);
    assert_int_equal(crew_wait(A), LG_EDEADLK);
    assert_int_equal(lg_barrier_waiting(&b), 0);
    unlock_by(A);
    assert_int_equal(crew_wait(C), LG_OK);
    unlock_by(C);
    end();
}

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(lg_barrier_wait(&b, LG_FOREVER, NULL) == LG_EBROKEN);
    lg_barrier_reset(&b);
    SUPPORT_CHECK(lg_barrier_parties(&b) == 2);
    SUPPORT_CHECK(lg_barrier_wait(&b, LG_TRY, NULL) == LG_EBUSY);
    lg_barrier_destroy(&b);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(lg_barrier_register(&b, NULL), LG_OK);
    assert_int_equal(lg_barrier_register(&b, crew_context(A)), LG_OK);
    run_blocked(A, step_barrier_wait, &b);
    assert_int_equal(support_fork(check_child, NULL), 0);
    assert_int_equal(lg_barrier_wait(&b, LG_FOREVER, NULL), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_missing_party_is_stuck),
        SUPPORT_TEST(test_a_victim_takes_its_arrival_back),
        SUPPORT_TEST(test_indices_after_a_victim),
        SUPPORT_TEST(test_near_deadlocks),
        SUPPORT_TEST(test_a_ring_of_barriers),
        SUPPORT_TEST(test_an_action_may_close_a_ring),
        SUPPORT_TEST(test_a_party_that_ends_breaks_it),
        SUPPORT_TEST(test_a_party_has_ended),
        SUPPORT_TEST(test_others_take_only_free_places),
        SUPPORT_TEST(test_parties_come_and_go),
        SUPPORT_TEST(test_who_goes_runs_the_action),
        SUPPORT_TEST(test_a_registration_closes_a_ring),
        SUPPORT_TEST(test_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
