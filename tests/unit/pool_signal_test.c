/* Signals that interrupt a wait change nothing about it. */
#include "plat/clock.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <signal.h>

static uint32_t handled; /* atomic */

static void count_signal(int signal_number)
{
    (void)signal_number;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

/* Without SA_RESTART, as it interrupts most.  It stays: the last signal may come late. */
static void begin_signals(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    sigaction(SIGUSR1, &action, NULL);
}

static void a_waiter_waits_on(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    begin_signals();
    assert_status(loan_checkout(&mine), LG_OK);
    crew_run(worker, loan_checkout, &its);
    for (int i = 0; i < 100; i++) {
        crew_wait_blocked_on(worker, pool);
        pthread_kill(crew_thread(worker), SIGUSR1);
    }
    crew_wait_blocked_on(worker, pool);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
    assert_in_range(__atomic_load_n(&handled, __ATOMIC_SEQ_CST), 1, 100);
    null_end(driver, pool);
}

static void a_deadline_holds_in_a_storm(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    begin_signals();
    assert_status(loan_checkout(&mine), LG_OK);
    its.deadline = lg_after_ms(20);
    crew_run(worker, loan_checkout, &its);
    while (!crew_is_idle(worker)) {
        pthread_kill(crew_thread(worker), SIGUSR1);
        null_yield();
    }
    assert_status(crew_wait(worker), LG_ETIMEDOUT);
    assert_true(lg__now_ns() >= its.deadline);
    assert_status(loan_checkin(&mine), LG_OK);
    null_end(driver, pool);
}

static int step_close(void *pool)
{
    return lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL);
}

static void a_closer_waits_on(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct crew_worker *worker = crew_hire("closer");
    struct loan mine = loan_of(driver, pool, LG_FOREVER);
    begin_signals();
    assert_status(loan_checkout(&mine), LG_OK);
    crew_run(worker, step_close, pool);
    for (int i = 0; i < 20; i++) {
        crew_wait_blocked_on(worker, pool);
        pthread_kill(crew_thread(worker), SIGUSR1);
    }
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_waiter_waits_on),
        SUPPORT_TEST(a_deadline_holds_in_a_storm),
        SUPPORT_TEST(a_closer_waits_on),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
