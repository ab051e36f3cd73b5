/* Tokens when memory is out, scopes when there can be no context, and cancelled waits whose futexes
 * come back for no reason. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/scope.h"

#include "graph/cancel.h"
#include "graph/context.h"

#include <pthread.h>
#include <sched.h>

#define DEPTH 4

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_condition c = LG_CONDITION_INIT("c");

/* A chain as long as memory allows; what is left of it is whole. */
static int grow(void *arg)
{
    struct lg_cancel *tokens[DEPTH] = {NULL};
    int count = 0, status = LG_OK;
    (void)arg;
    while (count < DEPTH && status == LG_OK) {
        struct lg_cancel *parent = count ? tokens[count - 1] : NULL;
        status = lg_cancel_create(parent, LG_FOREVER, &tokens[count]);
        SUPPORT_CHECK(status == LG_OK || status == LG_ENOMEM);
        SUPPORT_CHECK((status == LG_OK) == (tokens[count] != NULL));
        count += status == LG_OK;
    }
    for (int i = 0; i < count; i++)
        SUPPORT_CHECK(tokens[i]->references == (i + 1 < count ? 2u : 1u));
    lg_cancel_request(tokens[0]);
    for (int i = 0; i < count; i++)
        SUPPORT_CHECK(lg_cancel_is_requested(tokens[i]) == 1);
    for (int i = 0; i < count; i++)
        lg_cancel_destroy(tokens[i]);
    return 0;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(ALLOC), 20, grow, NULL) == 2 * DEPTH);
}

/* A thread's first use of the library is to enter a scope. */
static void *enter_first(void *result)
{
    struct lg_cancel_scope scope;
    int status = lg_cancel_enter(NULL, &scope);
    *(int *)result = status != LG_OK && status != LG_ENOMEM;
    if (status == LG_OK)
        lg_cancel_leave(&scope);
    else
        *(int *)result |= scope.depth != 0;
    return NULL;
}

static int enter_on_a_fresh_thread(void *arg)
{
    pthread_t thread;
    int result = 1;
    (void)arg;
    SUPPORT_CHECK(pthread_create(&thread, NULL, enter_first, &result) == 0);
    pthread_join(thread, NULL);
    return result;
}

static void test_no_context(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(KEY), 20, enter_on_a_fresh_thread, NULL) >= 2);
}

/* A sleeper whose futex fails is never seen asleep, so the record has to do. */
static void wait_until_waiting(struct crew_worker *worker)
{
    while (!crew_is_blocked(worker) && !crew_is_idle(worker))
        sched_yield();
}

static int cancel_all(void *worker)
{
    struct wait_until wait = {&c, &m, LG_FOREVER, "wait.c:1"};
    struct scope scope = {.token = NULL};
    SUPPORT_CHECK(lg_cancel_create(NULL, LG_FOREVER, &scope.token) == LG_OK);
    SUPPORT_CHECK(crew_do(worker, step_enter, &scope) == LG_OK);
    SUPPORT_CHECK(crew_do(worker, step_lock, &m) == LG_OK);
    crew_run(worker, step_wait, &wait);
    wait_until_waiting(worker);
    lg_cancel_request(scope.token);
    SUPPORT_CHECK(crew_wait(worker) == LG_ECANCELED);
    SUPPORT_CHECK(crew_do(worker, step_is_held, &m) == 1);
    (void)crew_do(worker, step_unlock, &m);
    SUPPORT_CHECK(step_lock(&m) == LG_OK);
    SUPPORT_CHECK(crew_do(worker, step_lock, &m) == LG_ECANCELED);
    step_unlock(&m);
    (void)crew_do(worker, step_leave, &scope);
    lg_cancel_destroy(scope.token);
    SUPPORT_CHECK(c.waiters == 0);
    return 0;
}

static void test_futexes_that_fail(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    assert_true(faults_loop(FAULT_BIT(FUTEX_WAIT), SUPPORT_ROUNDS(60), cancel_all, a) > 0);
    assert_int_equal(faults_loop(FAULT_BIT(MAP), 1, cancel_all, a), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_out_of_memory),
        SUPPORT_TEST(test_no_context),
        SUPPORT_TEST(test_futexes_that_fail),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
