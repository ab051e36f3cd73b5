/* Declarations when memory is out, and waits whose futexes come back for no reason. */
#include "support/faults.h"
#include "support/signals.h"

#include "sync/duty.h"

static struct crew_worker *A;
static struct lg_event e;
static struct lg_latch l;
static struct lg_barrier b;

static void begin_all(void)
{
    (void)!lg_event_init(&e, "e", 0);
    (void)!lg_latch_init(&l, "l", 2);
    (void)!lg_barrier_init(&b, "b", 2, NULL, NULL);
}

static void end_all(void)
{
    lg_event_destroy(&e);
    lg_latch_destroy(&l);
    lg_barrier_destroy(&b);
}

/* What could not be declared has changed nothing. */
static int declare(void *arg)
{
    (void)arg;
    begin_all();
    int status = lg_event_add_setter(&e, NULL);
    SUPPORT_CHECK(status == LG_OK || status == LG_ENOMEM);
    SUPPORT_CHECK(lg__duty_sum(e.serial).holders == (status == LG_OK));
    SUPPORT_CHECK(lg_event_wait(&e, LG_TRY) == LG_EBUSY);
    status = lg_latch_add_party(&l, NULL, 2);
    SUPPORT_CHECK(status == LG_OK || status == LG_ENOMEM);
    SUPPORT_CHECK(lg__duty_sum(l.event.serial).units == (status == LG_OK ? 2u : 0u));
    SUPPORT_CHECK(lg_latch_wait(&l, LG_TRY) == LG_EBUSY);
    status = lg_barrier_register(&b, NULL);
    SUPPORT_CHECK(status == LG_OK || status == LG_ENOMEM);
    SUPPORT_CHECK(b.registered == (status == LG_OK));
    SUPPORT_CHECK(lg_barrier_wait(&b, LG_TRY, NULL) == LG_EBUSY);
    SUPPORT_CHECK(lg_barrier_parties(&b) == 2);
    end_all();
    return 0;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(ALLOC), 20, declare, NULL) == 6);
}

static int wait_for_each(void *arg)
{
    (void)arg;
    begin_all();
    crew_run(A, step_event_wait, &e);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    lg_event_set(&e);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    crew_run(A, step_latch_wait, &l);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    SUPPORT_CHECK(lg_latch_count_down(&l, 2) == LG_OK);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    crew_run(A, step_barrier_wait, &b);
    faults_wait_at_futex(A);
    SUPPORT_CHECK(!crew_is_idle(A));
    SUPPORT_CHECK(lg_barrier_wait(&b, LG_FOREVER, NULL) == LG_OK);
    SUPPORT_CHECK(crew_wait(A) == LG_OK);
    end_all();
    return 0;
}

static void test_futexes_that_fail(void **state)
{
    (void)state;
    A = crew_hire("A");
    assert_true(faults_loop(FAULT_BIT(FUTEX_WAIT), SUPPORT_ROUNDS(120), wait_for_each, NULL) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(ALLOC) | FAULT_BIT(MAP), 1, wait_for_each, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_out_of_memory),
        SUPPORT_TEST(test_futexes_that_fail),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
