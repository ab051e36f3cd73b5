/* Prediction: each correct program stays silent, each wrong one is said once. */
#include "support/json.h"
#include "support/locks.h"
#include "support/owners.h"
#include "support/permits.h"

#include "graph/context.h"

#include <lifeguard/lifeguard.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lg_mutex a, b, c, gate;

static int begin_test(void **state)
{
    a = (struct lg_mutex)LG_MUTEX_INIT("a");
    b = (struct lg_mutex)LG_MUTEX_INIT("b");
    c = (struct lg_mutex)LG_MUTEX_INIT("c");
    gate = (struct lg_mutex)LG_MUTEX_INIT("gate");
    int status = support_setup(state);
    support_log_begin(LG_LOG_WARN);
    lg_predict_reset();
    return status == 0 ? lg_predict_start() : status;
}

static int end_test(void **state)
{
    lg_predict_stop();
    lg_predict_reset();
    return support_teardown(state);
}

#define PREDICT_TEST(test) cmocka_unit_test_setup_teardown((test), begin_test, end_test)

/* ---- Steps ---------------------------------------------------------------------------------------- */

/* Take these in this order, and let go of them in the other. */
struct chain {
    struct lg_mutex *mutexes[4];
    lg_deadline last_deadline; /* of the last one; 0: LG_TRY */
};

static int take_chain(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct chain *chain = arg;
    int count = 0;
    while (count < 4 && chain->mutexes[count])
        count++;
    for (int i = 0; i < count; i++) {
        lg_deadline deadline = i == count - 1 ? chain->last_deadline : LG_FOREVER;
        int status = lg_mutex_lock(chain->mutexes[i], deadline);
        if (status != LG_OK)
            return status;
    }
    for (int i = count; i > 0; i--)
        lg_mutex_unlock(chain->mutexes[i - 1]);
    return LG_OK;
}

#define CHAIN(...)                                                                                 \
    &(struct chain)                                                                                \
    {                                                                                              \
        {__VA_ARGS__}, LG_FOREVER                                                                  \
    }
#define CHAIN_TRYING_LAST(...)                                                                     \
    &(struct chain)                                                                                \
    {                                                                                              \
        {__VA_ARGS__}, LG_TRY                                                                      \
    }

/* A worker whose context has taken something already. */
static struct crew_worker *hire(const char *name)
{
    static struct lg_mutex first = LG_MUTEX_INIT("first");
    struct crew_worker *worker = crew_hire(name);
    assert_int_equal(crew_do(worker, take_chain, CHAIN(&first)), LG_OK);
    return worker;
}

static void take(struct crew_worker *worker, struct chain *chain)
{
    assert_int_equal(crew_do(worker, take_chain, chain), LG_OK);
}

static void assert_silent(void)
{
    assert_string_equal(support_log_text(NULL), "");
    assert_int_equal(lg_predict_count(), 0);
}

static void assert_said_once(const char *code)
{
    assert_int_equal(lg_predict_count(), 1);
    assert_int_equal(support_log_count(code), 1);
    assert_int_equal(support_log_count(NULL), 1);
}

/* ---- Wrong ---------------------------------------------------------------------------------------- */

static void two_orders(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &b));
    assert_silent();
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
    for (int i = 0; i < 10; i++) {
        take(x, CHAIN(&a, &b));
        take(y, CHAIN(&b, &a));
    }
    assert_said_once("lock-order");
    struct lg_prediction found;
    assert_int_equal(lg_predict_get(0, &found), LG_OK);
    assert_int_equal(found.kind, LG_PREDICTION_ORDER);
    assert_int_equal(found.step_count, 2);
    assert_string_equal(found.steps[0].context, "Y");
    assert_string_equal(found.steps[0].held_name, "b");
    assert_string_equal(found.steps[0].taken_name, "a");
    assert_string_equal(found.steps[1].context, "X");
    assert_string_equal(found.steps[1].taken_noun, "mutex");
    assert_non_null(strstr(found.steps[1].taken_place, "predict_test.c:"));
    assert_non_null(strstr(support_log_text("lock-order"), "Y held mutex \"b\" ("));
    assert_non_null(strstr(support_log_text("lock-order"), "X held mutex \"a\" ("));
    assert_int_equal(lg_predict_get(1, &found), LG_EINVAL);
    assert_int_equal(lg_predict_get(0, NULL), LG_EINVAL);
}

static void three_in_a_ring(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    take(x, CHAIN(&a, &b));
    take(y, CHAIN(&b, &c));
    assert_silent();
    take(z, CHAIN(&c, &a));
    assert_said_once("lock-order");
    struct lg_prediction found;
    assert_int_equal(lg_predict_get(0, &found), LG_OK);
    assert_int_equal(found.step_count, 3);
    take(x, CHAIN(&a, &b)); /* entered elsewhere it is the same */
    take(hire("W"), CHAIN(&b, &c));
    take(x, CHAIN(&a, &b));
    assert_said_once("lock-order");
}

/* What lies between does not hide it. */
static void with_others_in_between(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &c, &b));
    take(y, CHAIN(&b, &gate, &a));
    assert_said_once("lock-order");
}

/* Two of one name, each for itself, but the very same two. */
static void the_same_two_of_one_name(void **state)
{
    (void)state;
    struct lg_mutex accounts[3] = {LG_MUTEX_INIT("account"), LG_MUTEX_INIT("account"),
                                   LG_MUTEX_INIT("account")};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&accounts[0], &accounts[1]));
    take(y, CHAIN(&accounts[1], &accounts[2]));
    assert_silent();
    take(y, CHAIN(&accounts[1], &accounts[0]));
    assert_said_once("lock-order");
    take(x, CHAIN(&accounts[2], &accounts[1])); /* no more about this name */
    assert_int_equal(support_log_count(NULL), 1);
}

static void without_names(void **state)
{
    (void)state;
    struct lg_mutex some[2] = {LG_MUTEX_INIT(NULL), LG_MUTEX_INIT(NULL)};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&some[0], &some[1]));
    take(y, CHAIN(&some[1], &some[0]));
    assert_said_once("lock-order");
    assert_non_null(strstr(support_log_text(NULL), "an unnamed mutex"));
}

/* A class is warned of by any of its things. */
static void classes_by_name(void **state)
{
    (void)state;
    struct lg_mutex accounts[2] = {LG_MUTEX_INIT("account"), LG_MUTEX_INIT("account")};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&accounts[0], &a));
    take(y, CHAIN(&a, &accounts[1]));
    assert_said_once("lock-order");
}

/* Done before the other began, it says nothing; done once more, it does. */
static void once_more_when_both_live(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X");
    take(x, CHAIN(&a, &b));
    struct crew_worker *y = hire("Y");
    take(y, CHAIN(&b, &a));
    assert_silent();
    take(x, CHAIN(&a, &b));
    assert_said_once("lock-order");
}

/* Only one of them is under the gate. */
static void a_gate_for_one(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&gate, &a, &b));
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

/* First with the gate, and then without. */
static void a_gate_left_out_once(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 3; i++) {
        take(x, CHAIN(&gate, &a, &b));
        take(y, CHAIN(&gate, &b, &a));
    }
    assert_silent();
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

static void a_try_that_holds(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &b));
    assert_int_equal(crew_do(y, step_try, &b), LG_OK); /* held all the same */
    take(y, CHAIN(&a));
    assert_int_equal(crew_do(y, step_unlock, &b), LG_OK);
    assert_said_once("lock-order");
}

/* A condition takes its mutex back while another is held. */
static void a_condition_that_takes_back(void **state)
{
    (void)state;
    struct lg_condition condition = LG_CONDITION_INIT("condition");
    struct crew_worker *x = hire("X"), *y = hire("Y");
    struct wait_until wait = {&condition, &a, lg_after_ms(1), LG_HERE};
    assert_int_equal(crew_do(x, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(x, step_lock, &b), LG_OK);
    assert_int_equal(crew_do(x, step_wait, &wait), LG_ETIMEDOUT);
    assert_int_equal(crew_do(x, step_unlock, &b), LG_OK);
    assert_int_equal(crew_do(x, step_unlock, &a), LG_OK);
    assert_silent();
    take(y, CHAIN(&a, &b));
    assert_said_once("lock-order");
}

/* ---- Right ---------------------------------------------------------------------------------------- */

static void one_order(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 10; i++) {
        take(i % 2 ? x : y, CHAIN(&a, &b, &c));
        take(i % 3 ? x : y, CHAIN(&a, &c));
        take(i % 4 ? x : y, CHAIN(&b, &c));
    }
    assert_silent();
}

static void one_thread_both_ways(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X");
    (void)hire("Y");
    take(x, CHAIN(&a, &b));
    take(x, CHAIN(&b, &a));
    assert_silent();
}

static void under_a_gate(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    for (int i = 0; i < 3; i++) {
        take(x, CHAIN(&gate, &a, &b));
        take(y, CHAIN(&gate, &b, &a));
        take(z, CHAIN(&gate, &b, &c, &a));
    }
    assert_silent();
}

/* A gate that is taken between the two counts as well. */
static void under_a_gate_taken_late(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    take(x, CHAIN(&gate, &a, &b));
    take(y, CHAIN(&gate, &b, &c));
    take(z, CHAIN(&gate, &c, &a));
    assert_silent();
}

/* A ring of three of which two share a gate. */
static void a_gate_for_two_of_three(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    take(x, CHAIN(&gate, &a, &b));
    take(y, CHAIN(&b, &c));
    take(z, CHAIN(&gate, &c, &a));
    assert_silent();
}

static void *run_chain(void *chain)
{
    return (void *)(intptr_t)take_chain(chain);
}

static int take_in_thread(struct chain *chain)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_chain, chain) != 0)
        return 1;
    return pthread_join(thread, NULL);
}

/* The order of one is over before the other begins, or after it has ended. */
static void before_a_start_and_after_a_join(void **state)
{
    (void)state;
    assert_int_equal(take_chain(CHAIN(&a, &b)), LG_OK);
    assert_int_equal(take_in_thread(CHAIN(&b, &a)), 0);
    assert_int_equal(take_chain(CHAIN(&a, &b)), LG_OK);
    assert_int_equal(take_in_thread(CHAIN(&b, &c)), 0);
    assert_int_equal(take_in_thread(CHAIN(&c, &a)), 0);
    assert_silent();
}

struct phases {
    struct lg_barrier *barrier;
    struct chain *before, *after;
};

static int take_in_phases(void *arg)
{
    const struct phases *phases = arg;
    if (phases->before && take_chain(phases->before) != LG_OK)
        return 1;
    int status = lg_barrier_wait(phases->barrier, LG_FOREVER, NULL);
    return status == LG_OK && phases->after ? take_chain(phases->after) : status;
}

/* Whether the one who comes after is the last at the barrier or waits there. */
static void apart_by_a_barrier(void **state)
{
    (void)state;
    static struct lg_barrier barrier;
    assert_int_equal(lg_barrier_init(&barrier, "phases", 2, NULL, NULL), LG_OK);
    struct crew_worker *x = hire("X"), *y = hire("Y");
    struct phases first = {&barrier, CHAIN(&a, &b), NULL};
    struct phases second = {&barrier, NULL, CHAIN(&b, &a)};
    crew_run(x, take_in_phases, &first);
    crew_wait_blocked(x);
    assert_int_equal(crew_do(y, take_in_phases, &second), LG_OK);
    assert_int_equal(crew_wait(x), LG_OK);
    first = (struct phases){&barrier, CHAIN(&b, &c), NULL};
    second = (struct phases){&barrier, NULL, CHAIN(&c, &b)};
    crew_run(y, take_in_phases, &second);
    crew_wait_blocked(y);
    assert_int_equal(crew_do(x, take_in_phases, &first), LG_OK);
    assert_int_equal(crew_wait(y), LG_OK);
    assert_silent();
    lg_barrier_destroy(&barrier);
}

static int take_after_event(void *arg)
{
    int status = lg_event_wait(arg, LG_FOREVER);
    return status == LG_OK ? take_chain(CHAIN(&b, &a)) : status;
}

static void apart_by_an_event(void **state)
{
    (void)state;
    static struct lg_event event = LG_EVENT_INIT("done");
    struct crew_worker *x = hire("X"), *y = hire("Y");
    crew_run(y, take_after_event, &event);
    crew_wait_blocked(y);
    take(x, CHAIN(&a, &b));
    lg_event_set(&event);
    assert_int_equal(crew_wait(y), LG_OK);
    assert_silent();
}

static int take_after_any(void *event)
{
    static struct lg_semaphore other = LG_SEMAPHORE_INIT("other", 0, 0);
    struct lg_waitable things[] = {lg_waitable_semaphore(&other), lg_waitable_event(event)};
    int status = lg_wait_any(things, 2, LG_FOREVER, NULL);
    return status == LG_OK ? take_chain(CHAIN(&b, &a)) : status;
}

static int take_after_all(void *event)
{
    struct lg_waitable things[] = {lg_waitable_mutex(&gate), lg_waitable_event(event)};
    int status = lg_wait_all(things, 2, LG_FOREVER, NULL);
    if (status == LG_OK)
        step_unlock(&gate);
    return status == LG_OK ? take_chain(CHAIN(&b, &a)) : status;
}

/* The event is one of several things that are waited for. */
static void apart_by_one_of_several(void **state)
{
    (void)state;
    support_step *const ways[] = {take_after_any, take_after_all};
    for (int i = 0; i < 2; i++) {
        struct lg_event event = LG_EVENT_INIT("done");
        struct crew_worker *x = hire("X"), *y = hire("Y");
        crew_run(y, ways[i], &event);
        crew_wait_blocked(y);
        take(x, CHAIN(&a, &b));
        lg_event_set(&event);
        assert_int_equal(crew_wait(y), LG_OK);
        assert_silent();
        lg_event_destroy(&event);
    }
}

/* Whoever only tried has not waited. */
static void a_try_in_the_other_order(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &b));
    take(y, CHAIN_TRYING_LAST(&b, &a));
    assert_silent();
}

static int compare_addresses(const void *left, const void *right)
{
    uintptr_t first = (uintptr_t) * (struct lg_mutex *const *)left;
    uintptr_t second = (uintptr_t) * (struct lg_mutex *const *)right;
    return first < second ? -1 : first > second;
}

static void one_name_by_address(void **state)
{
    (void)state;
    struct lg_mutex accounts[8];
    struct crew_worker *workers[2] = {hire("X"), hire("Y")};
    struct support_random random;
    support_random_begin(&random, 1);
    for (int i = 0; i < 8; i++)
        accounts[i] = (struct lg_mutex)LG_MUTEX_INIT("account");
    for (int i = 0; i < 300; i++) {
        struct lg_mutex *two[2] = {&accounts[support_below(&random, 8)],
                                   &accounts[support_below(&random, 8)]};
        if (two[0] == two[1])
            continue;
        qsort(two, 2, sizeof two[0], compare_addresses);
        take(workers[i % 2], CHAIN(two[0], two[1], i % 3 ? &a : NULL));
    }
    assert_silent();
}

/* From parent to child, whatever their addresses. */
static void one_name_along_a_tree(void **state)
{
    (void)state;
    struct lg_mutex tree[7];
    struct crew_worker *workers[2] = {hire("X"), hire("Y")};
    for (int i = 0; i < 7; i++)
        tree[i] = (struct lg_mutex)LG_MUTEX_INIT("node");
    for (int i = 1; i < 7; i++) {
        take(workers[i % 2], CHAIN(&tree[(i - 1) / 2], &tree[i]));
        take(workers[(i + 1) % 2], CHAIN(&tree[(i - 1) / 2], &tree[i]));
    }
    assert_silent();
}

/* Another object at the same address is another object. */
static void an_address_used_again(void **state)
{
    (void)state;
    struct lg_mutex some[2];
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 10; i++) {
        int first = i % 2;
        assert_int_equal(lg_mutex_init(&some[0], NULL, 0), LG_OK);
        assert_int_equal(lg_mutex_init(&some[1], NULL, 0), LG_OK);
        take(x, CHAIN(&some[first], &some[1 - first]));
        take(y, CHAIN(&some[first], &some[1 - first]));
        lg_mutex_destroy(&some[0]);
        lg_mutex_destroy(&some[1]);
    }
    assert_silent();
}

/* Copied while it was free, number and all. */
static void a_copied_object(void **state)
{
    (void)state;
    struct lg_mutex some[2] = {LG_MUTEX_INIT(NULL), LG_MUTEX_INIT(NULL)};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&some[0], &some[1]));
    struct lg_mutex copies[2] = {some[1], some[0]};
    take(y, CHAIN(&copies[0], &copies[1]));
    assert_silent();
}

static void a_recursive_mutex(void **state)
{
    (void)state;
    struct lg_mutex recursive = LG_MUTEX_RECURSIVE_INIT("recursive");
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&recursive, &a, &recursive));
    take(y, CHAIN(&recursive, &a));
    assert_silent();
}

/* What was let go out of order is not held. */
static void let_go_in_between(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(x, step_lock, &b), LG_OK);
    assert_int_equal(crew_do(x, step_unlock, &a), LG_OK);
    assert_int_equal(crew_do(x, step_lock, &c), LG_OK);
    assert_int_equal(crew_do(x, step_unlock, &b), LG_OK);
    assert_int_equal(crew_do(x, step_unlock, &c), LG_OK);
    take(y, CHAIN(&c, &a));
    assert_silent();
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

/* What was let go while nobody watched is not held. */
static void let_go_unseen(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, step_lock, &a), LG_OK);
    lg_predict_stop();
    assert_int_equal(crew_do(x, step_unlock, &a), LG_OK);
    assert_int_equal(lg_predict_start(), LG_OK);
    take(x, CHAIN(&b));
    take(y, CHAIN(&b, &a));
    assert_silent();
}

/* A gate that was taken before anybody watched is a gate. */
static void a_gate_from_before(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &b));
    lg_predict_stop();
    assert_int_equal(crew_do(y, step_lock, &gate), LG_OK);
    assert_int_equal(lg_predict_start(), LG_OK);
    take(y, CHAIN(&b, &a));
    assert_silent();
    assert_int_equal(crew_do(y, step_unlock, &gate), LG_OK);
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

/* ---- Pools ---------------------------------------------------------------------------------------- */

/* A lease and the mutex a, one after the other. */
struct pair {
    struct lg_pool *pool;
    bool is_lease_first;
};

static int take_pair(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct pair *pair = arg;
    struct lg_lease lease;
    if (!pair->is_lease_first)
        SUPPORT_CHECK(lg_mutex_lock(&a, LG_FOREVER) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkout(pair->pool, LG_FOREVER, &lease) == LG_OK);
    if (pair->is_lease_first)
        SUPPORT_CHECK(lg_mutex_lock(&a, LG_FOREVER) == LG_OK);
    lg_mutex_unlock(&a);
    SUPPORT_CHECK(lg_pool_checkin(pair->pool, &lease) == LG_OK);
    return LG_OK;
}

static void a_pool_of_one(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct pair lease_first = {pool, true}, lock_first = {pool, false};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, take_pair, &lease_first), LG_OK);
    assert_silent();
    assert_int_equal(crew_do(y, take_pair, &lock_first), LG_OK);
    assert_said_once("lock-order");
    assert_non_null(strstr(support_log_text("lock-order"), "pool \""));
    null_end(driver, pool);
}

/* Two contexts that hold a lease each and want the mutex make a pool of two empty; one does not. */
static void a_pool_is_emptied_by_a_crowd(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct pair lease_first = {pool, true}, lock_first = {pool, false};
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    assert_int_equal(crew_do(x, take_pair, &lease_first), LG_OK);
    assert_int_equal(crew_do(z, take_pair, &lock_first), LG_OK);
    assert_silent();
    assert_int_equal(crew_do(y, take_pair, &lease_first), LG_OK);
    assert_said_once("lock-order");
    null_end(driver, pool);
}

/* The rest of a large pool is always free. */
static void a_pool_that_is_large_enough(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 3);
    struct pair lease_first = {pool, true}, lock_first = {pool, false};
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_do(x, take_pair, &lease_first), LG_OK);
        assert_int_equal(crew_do(y, take_pair, &lease_first), LG_OK);
        assert_int_equal(crew_do(z, take_pair, &lock_first), LG_OK);
    }
    assert_silent();
    null_end(driver, pool);
}

/* A lease that somebody else has given back is held no more. */
static void a_lease_given_back_by_another(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    struct pair lock_first = {pool, false};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, loan_checkout, &loan), LG_OK);
    loan.is_untouched = 1; /* the owner word knows of no such thing */
    null_drop(driver, loan.lease.resource, &loan);
    assert_int_equal(crew_do(y, loan_checkin, &loan), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 1);
    take(x, CHAIN(&a));
    take(x, CHAIN(&c, &a));
    assert_int_equal(crew_do(y, take_pair, &lock_first), LG_OK);
    assert_int_equal(lg_predict_count(), 0);
    null_end(driver, pool);
}

/* ---- Permits -------------------------------------------------------------------------------------- */

/* So many units and the mutex a, or a lease, one after the other. */
struct permits_pair {
    struct units units;
    struct lg_pool *pool; /* NULL: the mutex */
    bool are_units_first;
};

static int take_other(const struct permits_pair *pair, struct lg_lease *lease)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    return pair->pool ? lg_pool_checkout(pair->pool, LG_FOREVER, lease)
                      : lg_mutex_lock(&a, LG_FOREVER);
}

static int give_other(const struct permits_pair *pair, struct lg_lease *lease)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (pair->pool)
        return lg_pool_checkin(pair->pool, lease);
    lg_mutex_unlock(&a);
    return LG_OK;
}

static int take_permits_pair(void *arg)
{
    struct permits_pair *pair = arg;
    struct lg_lease lease;
    if (!pair->are_units_first)
        SUPPORT_CHECK(take_other(pair, &lease) == LG_OK);
    SUPPORT_CHECK(step_acquire(&pair->units) == LG_OK);
    if (pair->are_units_first)
        SUPPORT_CHECK(take_other(pair, &lease) == LG_OK);
    SUPPORT_CHECK(give_other(pair, &lease) == LG_OK);
    SUPPORT_CHECK(step_release(&pair->units) == LG_OK);
    return LG_OK;
}

static void permits_and_a_mutex(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("tickets", 1);
    struct permits_pair units_first = {{.permits = &p, .count = 1}, NULL, true};
    struct permits_pair mutex_first = {{.permits = &p, .count = 1}, NULL, false};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, take_permits_pair, &units_first), LG_OK);
    assert_silent();
    for (int i = 0; i < 3; i++)
        assert_int_equal(crew_do(y, take_permits_pair, &mutex_first), LG_OK);
    assert_said_once("lock-order");
    assert_non_null(strstr(support_log_text("lock-order"), "permits \"tickets\""));
}

static void permits_and_a_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_permits p = LG_PERMITS_INIT("tickets", 1);
    struct permits_pair units_first = {{.permits = &p, .count = 1}, pool, true};
    struct permits_pair lease_first = {{.permits = &p, .count = 1}, pool, false};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, take_permits_pair, &units_first), LG_OK);
    assert_silent();
    for (int i = 0; i < 3; i++)
        assert_int_equal(crew_do(y, take_permits_pair, &lease_first), LG_OK);
    assert_said_once("lock-order");
    assert_non_null(strstr(support_log_text("lock-order"), "pool \""));
    assert_non_null(strstr(support_log_text("lock-order"), "permits \"tickets\""));
    null_end(driver, pool);
}

/* Units count: who holds 2 of 3 keeps out who wants 2, and not who wants 1. */
static void permits_by_their_units(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("tickets", 3);
    struct permits_pair two_first = {{.permits = &p, .count = 2}, NULL, true};
    struct permits_pair one_later = {{.permits = &p, .count = 1}, NULL, false};
    struct permits_pair two_later = {{.permits = &p, .count = 2}, NULL, false};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_do(x, take_permits_pair, &two_first), LG_OK);
        assert_int_equal(crew_do(y, take_permits_pair, &one_later), LG_OK);
    }
    assert_silent();
    assert_int_equal(crew_do(y, take_permits_pair, &two_later), LG_OK);
    assert_said_once("lock-order");
}

/* Two contexts that hold a unit each and want the mutex take both of them; one does not. */
static void permits_emptied_by_a_crowd(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("tickets", 2);
    struct permits_pair unit_first = {{.permits = &p, .count = 1}, NULL, true};
    struct permits_pair mutex_first = {{.permits = &p, .count = 1}, NULL, false};
    struct crew_worker *x = hire("X"), *y = hire("Y"), *z = hire("Z");
    assert_int_equal(crew_do(x, take_permits_pair, &unit_first), LG_OK);
    assert_int_equal(crew_do(z, take_permits_pair, &mutex_first), LG_OK);
    assert_silent();
    assert_int_equal(crew_do(y, take_permits_pair, &unit_first), LG_OK);
    assert_said_once("lock-order");
}

/* All units of permits, taken first, let their holders go one by one. */
static void permits_as_a_gate(void **state)
{
    (void)state;
    struct lg_permits p = LG_PERMITS_INIT("tickets", 2);
    struct units both = {.permits = &p, .count = 2}, one = {.permits = &p, .count = 1};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    struct chain *orders[] = {CHAIN(&a, &b), CHAIN(&b, &a)};
    for (int i = 0; i < 6; i++) {
        struct crew_worker *worker = i % 2 ? x : y;
        assert_int_equal(crew_do(worker, step_acquire, &both), LG_OK);
        take(worker, orders[i % 2]);
        assert_int_equal(crew_do(worker, step_release, &both), LG_OK);
    }
    assert_silent();
    for (int i = 0; i < 2; i++) {
        struct crew_worker *worker = i % 2 ? x : y;
        assert_int_equal(crew_do(worker, step_acquire, &one), LG_OK);
        take(worker, orders[i % 2]);
        assert_int_equal(crew_do(worker, step_release, &one), LG_OK);
    }
    assert_said_once("lock-order");
}

/* ---- Readers and writers -------------------------------------------------------------------------- */

static struct lg_rwlock first_lock = LG_RWLOCK_INIT("first lock"),
                        second_lock = LG_RWLOCK_INIT("second lock");

/* The two, in one order or the other, each to read or to write. */
struct reading {
    bool is_second_first;
    bool writes_first, writes_second;
};

static int lock_one(struct lg_rwlock *rwlock, bool must_write) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return must_write ? lg_rwlock_write(rwlock, LG_FOREVER) : lg_rwlock_read(rwlock, LG_FOREVER);
}

static int take_reading(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct reading *reading = arg;
    struct lg_rwlock *one = reading->is_second_first ? &second_lock : &first_lock;
    struct lg_rwlock *other = reading->is_second_first ? &first_lock : &second_lock;
    SUPPORT_CHECK(lock_one(one, reading->writes_first) == LG_OK);
    SUPPORT_CHECK(lock_one(other, reading->writes_second) == LG_OK);
    lg_rwlock_unlock(other);
    lg_rwlock_unlock(one);
    return LG_OK;
}

static void readers(void **state)
{
    (void)state;
    struct reading both = {false, false, false}, both_back = {true, false, false};
    struct reading writer_back = {true, false, true}, writer = {false, false, true};
    struct crew_worker *x = hire("X"), *y = hire("Y");
    assert_int_equal(crew_do(x, take_reading, &both), LG_OK);
    assert_int_equal(crew_do(y, take_reading, &both_back), LG_OK);
    assert_silent(); /* no reader keeps a reader out */
    assert_int_equal(crew_do(y, take_reading, &writer_back), LG_OK);
    assert_silent(); /* who reads both waits for nobody */
    assert_int_equal(crew_do(x, take_reading, &writer), LG_OK);
    assert_said_once("lock-order"); /* each reads what the other wants to write */
}

/* ---- Ranks ---------------------------------------------------------------------------------------- */

static void ranks(void **state)
{
    (void)state;
    struct lg_mutex low = LG_MUTEX_INIT("low"), high = LG_MUTEX_INIT("high");
    assert_int_equal(lg_rank_declare("low", 10, 0), LG_OK);
    assert_int_equal(lg_rank_declare("high", 20, 0), LG_OK);
    assert_int_equal(take_chain(CHAIN(&low, &a, &high)), LG_OK);
    assert_int_equal(take_chain(CHAIN(&high, &a)), LG_OK);
    assert_int_equal(take_chain(CHAIN_TRYING_LAST(&high, &low)), LG_OK);
    assert_silent();
    for (int i = 0; i < 3; i++)
        assert_int_equal(take_chain(CHAIN(&high, &low)), LG_OK); /* by one thread alone */
    assert_said_once("rank");
    struct lg_prediction found;
    assert_int_equal(lg_predict_get(0, &found), LG_OK);
    assert_int_equal(found.kind, LG_PREDICTION_RANK);
    assert_int_equal(found.held_rank, 20);
    assert_int_equal(found.taken_rank, 10);
    assert_int_equal(found.step_count, 1);
    assert_string_equal(found.steps[0].held_name, "high");
}

static void ranks_of_one_name(void **state)
{
    (void)state;
    struct lg_mutex some[3][2];
    const char *names[] = {"alone", "nests", "by-address"};
    uint32_t flags[] = {0, LG_RANK_NESTS, LG_RANK_BY_ADDRESS};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lg_rank_declare(names[i], 7, flags[i]), LG_OK);
        for (int j = 0; j < 2; j++)
            assert_int_equal(lg_mutex_init(&some[i][j], names[i], 0), LG_OK);
    }
    assert_int_equal(take_chain(CHAIN(&some[1][0], &some[1][1])), LG_OK);
    assert_int_equal(take_chain(CHAIN(&some[1][1], &some[1][0])), LG_OK);
    assert_int_equal(take_chain(CHAIN(&some[2][0], &some[2][1])), LG_OK);
    assert_silent();
    assert_int_equal(take_chain(CHAIN(&some[2][1], &some[2][0])), LG_OK);
    assert_int_equal(support_log_count("rank"), 1);
    assert_int_equal(take_chain(CHAIN(&some[0][0], &some[0][1])), LG_OK);
    assert_int_equal(support_log_count("rank"), 2);
    assert_int_equal(lg_predict_count(), 2);
}

/* A rank that is declared late counts for what was taken before as well. */
static void a_rank_declared_late(void **state)
{
    (void)state;
    struct lg_mutex late = LG_MUTEX_INIT("late"), later = LG_MUTEX_INIT("later");
    assert_int_equal(take_chain(CHAIN(&late, &later)), LG_OK);
    assert_int_equal(lg_rank_declare("late", 2, 0), LG_OK);
    assert_int_equal(lg_rank_declare("later", 1, 0), LG_OK);
    assert_int_equal(take_chain(CHAIN(&late, &later)), LG_OK);
    assert_said_once("rank");
    assert_int_equal(lg_rank_declare("later", 3, 0), LG_OK); /* anew */
    lg_predict_reset();
    assert_int_equal(take_chain(CHAIN(&late, &later)), LG_OK);
    assert_int_equal(lg_predict_count(), 0);
}

static void bad_ranks(void **state)
{
    (void)state;
    assert_int_equal(lg_rank_declare(NULL, 1, 0), LG_EINVAL);
    assert_int_equal(lg_rank_declare("", 1, 0), LG_EINVAL);
    assert_int_equal(lg_rank_declare("bad", 1, 4), LG_EINVAL);
}

/* ---- Written -------------------------------------------------------------------------------------- */

static void as_json(void **state)
{
    (void)state;
    struct lg_mutex odd = LG_MUTEX_INIT("a \"name\"\n");
    struct crew_worker *x = hire("X"), *y = hire("Y");
    char text[8192], value[128];
    assert_true(lg_predict_write(LG_REPORT_JSON, text, sizeof text) < sizeof text);
    assert_true(json_is_valid(text));
    take(x, CHAIN(&odd, &b));
    take(y, CHAIN(&b, &odd));
    size_t length = lg_predict_write(LG_REPORT_JSON, text, sizeof text);
    assert_int_equal(strlen(text), length);
    assert_true(json_is_valid(text));
    assert_true(json_get(text, "found", value, sizeof value));
    assert_string_equal(value, "1");
    assert_true(json_get(text, "warnings.0.steps.0.taken.name", value, sizeof value));
    assert_string_equal(value, "a \"name\"\n");
    assert_true(json_get(text, "warnings.0.steps.1.context", value, sizeof value));
    assert_string_equal(value, "X");
    assert_int_equal(lg_predict_write(LG_REPORT_JSON, NULL, 0), length);
    assert_true(lg_predict_write(LG_REPORT_TEXT, text, sizeof text) > 0);
    assert_non_null(strstr(text, "1 warning; "));
    assert_int_equal(lg_predict_write(LG_REPORT_DOT, text, sizeof text), 0);
}

/* ---- Bounds --------------------------------------------------------------------------------------- */

/* Unnamed ones by the thousand: the oldest go, and nothing is said. */
static void many_things_without_names(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 10000; i++) {
        struct lg_mutex some[2] = {LG_MUTEX_INIT(NULL), LG_MUTEX_INIT(NULL)};
        assert_int_equal(take_chain(CHAIN(&some[0], &some[1])), LG_OK);
    }
    assert_silent();
    take(x, CHAIN(&a, &b));
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

/* More names than there is room for: said once, and those that were there are still watched. */
static void many_names(void **state)
{
    (void)state;
    static char names[6000][LG_NAME_SIZE];
    struct crew_worker *x = hire("X"), *y = hire("Y");
    take(x, CHAIN(&a, &b));
    for (int i = 0; i < 6000; i++) {
        snprintf(names[i], sizeof names[i], "name %d", i);
        struct lg_mutex mutex = LG_MUTEX_INIT(names[i]);
        assert_int_equal(take_chain(CHAIN(&a, &mutex)), LG_OK);
    }
    assert_int_equal(support_log_count("lock-order-full"), 1);
    assert_int_equal(support_log_count(NULL), 1);
    take(y, CHAIN(&b, &a));
    assert_int_equal(support_log_count("lock-order"), 1);
}

/* More than the list has room for: what is beyond is not known, and nothing is wrong afterwards. */
static void many_at_once(void **state)
{
    (void)state;
    static struct lg_mutex many[100];
    struct crew_worker *x = hire("X"), *y = hire("Y");
    for (int i = 0; i < 100; i++) {
        many[i] = (struct lg_mutex)LG_MUTEX_INIT(NULL);
        assert_int_equal(crew_do(x, step_lock, &many[i]), LG_OK);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(crew_do(x, step_unlock, &many[i * 37 % 100]), LG_OK);
    take(x, CHAIN(&a, &b));
    assert_silent();
    take(y, CHAIN(&b, &a));
    assert_said_once("lock-order");
}

/* ---- Fork ----------------------------------------------------------------------------------------- */

/* In the child the others have ended: what they did counts no more, and what it does is watched. */
static int take_in_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(take_chain(CHAIN(&b, &a)) == LG_OK);
    SUPPORT_CHECK(lg_predict_count() == 0);
    SUPPORT_CHECK(lg_rank_declare("a", 2, 0) == LG_OK && lg_rank_declare("b", 1, 0) == LG_OK);
    SUPPORT_CHECK(take_chain(CHAIN(&a, &b)) == LG_OK);
    SUPPORT_CHECK(lg_predict_count() == 1);
    return 0;
}

static void in_a_child(void **state)
{
    (void)state;
    struct crew_worker *x = hire("X");
    assert_int_equal(take_chain(CHAIN(&c, &gate)), LG_OK);
    take(x, CHAIN(&a, &b));
    assert_int_equal(support_fork(take_in_child, NULL), 0);
    assert_silent();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        PREDICT_TEST(two_orders),
        PREDICT_TEST(three_in_a_ring),
        PREDICT_TEST(with_others_in_between),
        PREDICT_TEST(the_same_two_of_one_name),
        PREDICT_TEST(without_names),
        PREDICT_TEST(classes_by_name),
        PREDICT_TEST(once_more_when_both_live),
        PREDICT_TEST(a_gate_for_one),
        PREDICT_TEST(a_gate_left_out_once),
        PREDICT_TEST(a_try_that_holds),
        PREDICT_TEST(a_condition_that_takes_back),
        PREDICT_TEST(one_order),
        PREDICT_TEST(one_thread_both_ways),
        PREDICT_TEST(under_a_gate),
        PREDICT_TEST(under_a_gate_taken_late),
        PREDICT_TEST(a_gate_for_two_of_three),
        PREDICT_TEST(before_a_start_and_after_a_join),
        PREDICT_TEST(apart_by_a_barrier),
        PREDICT_TEST(apart_by_an_event),
        PREDICT_TEST(apart_by_one_of_several),
        PREDICT_TEST(a_try_in_the_other_order),
        PREDICT_TEST(one_name_by_address),
        PREDICT_TEST(one_name_along_a_tree),
        PREDICT_TEST(an_address_used_again),
        PREDICT_TEST(a_copied_object),
        PREDICT_TEST(a_recursive_mutex),
        PREDICT_TEST(let_go_in_between),
        PREDICT_TEST(let_go_unseen),
        PREDICT_TEST(a_gate_from_before),
        PREDICT_TEST(a_pool_of_one),
        PREDICT_TEST(a_pool_is_emptied_by_a_crowd),
        PREDICT_TEST(a_pool_that_is_large_enough),
        PREDICT_TEST(a_lease_given_back_by_another),
        PREDICT_TEST(permits_and_a_mutex),
        PREDICT_TEST(permits_and_a_pool),
        PREDICT_TEST(permits_by_their_units),
        PREDICT_TEST(permits_emptied_by_a_crowd),
        PREDICT_TEST(permits_as_a_gate),
        PREDICT_TEST(readers),
        PREDICT_TEST(ranks),
        PREDICT_TEST(ranks_of_one_name),
        PREDICT_TEST(a_rank_declared_late),
        PREDICT_TEST(bad_ranks),
        PREDICT_TEST(as_json),
        PREDICT_TEST(many_things_without_names),
        PREDICT_TEST(many_names),
        PREDICT_TEST(many_at_once),
        PREDICT_TEST(in_a_child),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
