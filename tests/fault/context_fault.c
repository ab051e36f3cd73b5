/* Contexts when memory or keys are out: every call says so, nothing is left half made, and when
 * there is room again everything works. */
#include "support/faults.h"
#include "support/locks.h"

#include "graph/context.h"

#include <pthread.h>
#include <stdio.h>

#define MASK (FAULT_BIT(MAP) | FAULT_BIT(KEY) | FAULT_BIT(ALLOC))

static bool is_done_or_refused(int status)
{
    return status == LG_OK || status == LG_ENOMEM;
}

/* ---- The first use --------------------------------------------------------------------------- */

static int use_whatever_there_is(void)
{
    struct lg_mutex m = LG_MUTEX_RECURSIVE_INIT("m");
    struct lg_condition c = LG_CONDITION_INIT("c");
    struct wait_until past = {&c, &m, 1, "past.c:1"};
    SUPPORT_CHECK(is_done_or_refused(lg_context_set_name("first")));
    struct lg_context *self = lg_context_self();
    SUPPORT_CHECK(!self || lg__context_find(self->id) == self);
    SUPPORT_CHECK(lg_report_last() != NULL);
    SUPPORT_CHECK(self || lg_report_last()->kind == LG_REPORT_NONE);
    int status = step_lock(&m);
    SUPPORT_CHECK(is_done_or_refused(status));
    SUPPORT_CHECK((status == LG_OK) == (lg_mutex_is_held(&m) == 1));
    if (status == LG_OK) { /* what has a context needs no more memory */
        SUPPORT_CHECK(step_lock(&m) == LG_OK);
        SUPPORT_CHECK(step_wait(&past) == LG_ETIMEDOUT);
        step_unlock(&m);
        step_unlock(&m);
    }
    status = step_try(&m);
    SUPPORT_CHECK(is_done_or_refused(status));
    if (status == LG_OK)
        step_unlock(&m);
    status = step_recover(&m);
    SUPPORT_CHECK(status == LG_EBUSY || status == LG_ENOMEM);
    SUPPORT_CHECK(m.word == 0);
    return 0;
}

static int first_use(void)
{
    faults_begin();
    int wrong = use_whatever_there_is();
    unsigned living = support_count_contexts();
    int result = faults_end(wrong);
    /* There is room now: what failed works, and no context was left behind. */
    SUPPORT_CHECK(living <= 1);
    SUPPORT_CHECK(use_whatever_there_is() == 0);
    SUPPORT_CHECK(lg_context_self() != NULL);
    SUPPORT_CHECK(support_count_contexts() == 1);
    return result;
}

static void test_the_first_use(void **state)
{
    (void)state;
    assert_true(faults_loop_fresh(FAULT_BIT(KEY), 50, "first use") >= 2);
    assert_true(faults_loop_fresh(FAULT_BIT(MAP), 50, "first use") >= 2);
    assert_true(faults_loop_fresh(MASK, 50, "first use") >= 4);
    assert_int_equal(faults_loop_fresh(FAULT_BIT(ALLOC), 50, "first use"), 0);
}

/* ---- Many ------------------------------------------------------------------------------------ */

/* Enough for more than one chunk of the table. */
static int make_many(void)
{
    enum { MANY = 600 };
    struct lg_context *all[MANY];
    unsigned count = 0, refused = 0;
    faults_begin();
    while (count + refused < MANY) {
        struct lg_context *context = lg_context_detach();
        if (context)
            all[count++] = context;
        else
            refused++;
    }
    int wrong = support_count_contexts() != count;
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            wrong |= all[i] == all[j] || all[i]->id == all[j]->id;
    int result = faults_end(wrong);
    for (unsigned i = 0; i < count; i++)
        SUPPORT_CHECK(lg_context_end(all[i]) == LG_OK);
    SUPPORT_CHECK(support_count_contexts() == 0);
    for (unsigned i = 0; i < MANY; i++) /* now all are to be had */
        SUPPORT_CHECK((all[i] = lg_context_detach()) != NULL);
    SUPPORT_CHECK(support_count_contexts() == MANY);
    return result;
}

static void test_many_contexts(void **state)
{
    (void)state;
    assert_true(faults_loop_fresh(FAULT_BIT(MAP), 50, "many") >= 6);
    for (unsigned n = 1; n < 600; n += 83) { /* each of them passes a key */
        char output[1024];
        char setting[64];
        snprintf(setting, sizeof setting, "LIFEGUARD_TEST_FAULT=%u,%u,%u", n, FAULT_BIT(KEY),
                 n % 2);
        assert_int_equal(support_spawn("many", setting, output, sizeof output), 10);
    }
}

/* ---- Detach and resume ----------------------------------------------------------------------- */

/* A resume that fails changes nothing: the context is still detached and still holds. */
static int wander(void *arg)
{
    struct lg_mutex m = LG_MUTEX_INIT("m");
    (void)arg;
    struct lg_context *mine = lg_context_self();
    SUPPORT_CHECK(step_lock(&m) == LG_OK);
    SUPPORT_CHECK(lg_context_detach() == mine);
    struct lg_context *fresh = lg_context_self(); /* may be refused */
    SUPPORT_CHECK(fresh != mine);
    int status = lg_context_resume(mine);
    for (int i = 0; i < 3 && status == LG_ENOMEM; i++) {
        SUPPORT_CHECK(lg__self == fresh);
        SUPPORT_CHECK(lg_mutex_is_held(&m) == 0);
        if (i == 2)
            (void)lg__seam_disarm();
        status = lg_context_resume(mine);
    }
    SUPPORT_CHECK(status == LG_OK);
    SUPPORT_CHECK(lg_context_self() == mine);
    SUPPORT_CHECK(!fresh || fresh->id == 0); /* it was ended */
    SUPPORT_CHECK(lg_mutex_is_held(&m) == 1);
    step_unlock(&m);
    return 0;
}

static void test_resume(void **state)
{
    (void)state;
    unsigned before = support_count_contexts();
    for (int is_persistent = 0; is_persistent < 2; is_persistent++)
        for (unsigned n = 1; n < 6; n++) {
            lg__seam_arm(n, MASK, is_persistent);
            assert_int_equal(wander(NULL), 0);
            (void)lg__seam_disarm();
            assert_int_equal(support_count_contexts(), before);
        }
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void *lock_and_leave(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_mutex *mutex = arg;
    for (int i = 0; i < 3; i++) {
        int status = lg_mutex_lock(mutex, LG_FOREVER);
        if (status == LG_OK)
            lg_mutex_unlock(mutex);
        else if (status != LG_ENOMEM)
            return mutex;
    }
    return NULL;
}

static int start_thread(void *arg)
{
    pthread_t thread;
    void *wrong = NULL;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    unsigned before = support_count_contexts();
    (void)arg;
    SUPPORT_CHECK(pthread_create(&thread, NULL, lock_and_leave, &m) == 0);
    SUPPORT_CHECK(pthread_join(thread, &wrong) == 0);
    SUPPORT_CHECK(wrong == NULL);
    SUPPORT_CHECK(m.word == 0);
    SUPPORT_CHECK(support_count_contexts() == before);
    return 0;
}

static void test_threads(void **state)
{
    (void)state;
    assert_true(faults_loop(MASK, 50, start_thread, NULL) >= 2);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {
        {"first use", first_use},
        {"many", make_many},
        {NULL, NULL},
    };
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_first_use),
        SUPPORT_TEST(test_many_contexts),
        SUPPORT_TEST(test_resume),
        SUPPORT_TEST(test_threads),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
