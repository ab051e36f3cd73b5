/* Threads when there is no memory, no key or no thread: a start says so, or the join does, and then
 * nothing has run; otherwise all is as ever. */
#include "support/faults.h"

#include "graph/context.h"

#include <lifeguard/timer.h>

#include <sched.h>

#define MASK (FAULT_BIT(ALLOC) | FAULT_BIT(MAP) | FAULT_BIT(THREAD) | FAULT_BIT(KEY))
#define MOST 40

static uint32_t runs; /* atomic */

static void *run(void *arg)
{
    lg__add_full(&runs, 1u);
    return arg;
}

static void fire(void *arg)
{
    (void)run(arg);
}

static bool is_refused(int status)
{
    return status == LG_ENOMEM || status == LG_ESYS;
}

static int start_and_join(void *arg)
{
    (void)arg;
    struct lg_thread thread = {.state = 77};
    void *result = NULL;
    lg__store_full(&runs, 0u);
    int status = lg_thread_start(&thread, "T", run, &runs);
    SUPPORT_CHECK(status == LG_OK || is_refused(status));
    int joined = lg_thread_join(&thread, LG_FOREVER, &result);
    if (status != LG_OK) {
        SUPPORT_CHECK(joined == LG_EINVAL);
        SUPPORT_CHECK(runs == 0);
        return 0;
    }
    SUPPORT_CHECK(joined == LG_OK || joined == LG_ESYS);
    SUPPORT_CHECK(lg_thread_join(&thread, LG_TRY, NULL) == joined);
    SUPPORT_CHECK(runs == (joined == LG_OK ? 1 : 0));
    SUPPORT_CHECK((result == &runs) == (joined == LG_OK));
    SUPPORT_CHECK(!lg__context_find(lg_thread_context(&thread)));
    return 0;
}

static int start_and_detach(void *arg)
{
    (void)arg;
    struct lg_thread thread;
    int status = lg_thread_start(&thread, "T", run, &runs);
    if (status != LG_OK)
        return is_refused(status) ? 0 : 1;
    uint64_t context = lg_thread_context(&thread);
    SUPPORT_CHECK(lg_thread_detach(&thread) == LG_OK);
    while (lg__context_find(context))
        sched_yield();
    return 0;
}

static int start_timer(void *arg)
{
    (void)arg;
    struct lg_timer timer;
    lg__store_full(&runs, 0u);
    int status = lg_timer_start(&timer, "T", lg_after_ms(0), fire, NULL);
    SUPPORT_CHECK(status == LG_OK || is_refused(status));
    int joined = lg_timer_join(&timer, LG_FOREVER);
    SUPPORT_CHECK(joined == (status == LG_OK ? LG_OK : LG_EINVAL) || joined == LG_ESYS);
    SUPPORT_CHECK(runs == (joined == LG_OK ? 1 : 0));
    return 0;
}

static void test_start_and_join(void **state)
{
    (void)state;
    assert_true(faults_loop(MASK, MOST, start_and_join, NULL) > 0);
}

static void test_start_and_detach(void **state)
{
    (void)state;
    assert_true(faults_loop(MASK, MOST, start_and_detach, NULL) > 0);
}

static void test_timer(void **state)
{
    (void)state;
    assert_true(faults_loop(MASK, MOST, start_timer, NULL) > 0);
}

/* ---- The first of a process -------------------------------------------------------------------- */

static int first_start(void)
{
    SUPPORT_CHECK(lg_context_self() !=
                  NULL); /* what a caller without one gets is not a thread's matter */
    faults_begin();
    return faults_end(start_and_join(NULL));
}

static void test_the_first_start(void **state)
{
    (void)state;
    assert_true(faults_loop_fresh(MASK, MOST, "first_start") > 0);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {{"first_start", first_start}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_start_and_join),
        SUPPORT_TEST(test_start_and_detach),
        SUPPORT_TEST(test_timer),
        SUPPORT_TEST(test_the_first_start),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
