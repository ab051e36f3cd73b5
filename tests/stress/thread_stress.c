/* Threads that come and go: each runs once, and whoever joins it gets its result, however many try at
 * once, give up and try again.  The books: a count for each thread, and the results of all joins. */
#include "support/locks.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <lifeguard/thread.h>
#include <lifeguard/timer.h>

#include <sched.h>

#define JOINERS  6
#define CHILDREN 8

/* One round's thread: who runs it, and how often. */
struct child {
    struct lg_thread thread;
    uint32_t runs;  /* atomic */
    uint32_t joins; /* atomic; that got LG_OK */
};

static struct child children[CHILDREN];
static uint32_t wrong;  /* atomic */
static uint32_t stream; /* atomic; the next stream of random numbers */
static struct lg_mutex locks[3] = {LG_MUTEX_INIT("l0"), LG_MUTEX_INIT("l1"), LG_MUTEX_INIT("l2")};

static void note_wrong(const char *what, int status)
{
    support_say("thread_stress: %s: %d\n", what, status);
    lg__add_full(&wrong, 1u);
}

/* A little work under a lock or none; a deadlock with joiners that hold locks is one's to give up. */
static void *work(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct child *child = arg;
    struct support_random random;
    support_random_begin(&random, lg__add_relaxed(&stream, 1u));
    lg__add_full(&child->runs, 1u);
    struct lg_mutex *lock = &locks[support_below(&random, 3)];
    if (support_below(&random, 2)) {
        int status = lg_mutex_lock(lock, LG_FOREVER);
        if (status == LG_OK)
            lg_mutex_unlock(lock);
        else if (status != LG_EDEADLK)
            note_wrong("a lock", status);
    }
    for (uint32_t i = support_below(&random, 4); i > 0; i--)
        sched_yield();
    return child;
}

static void join_until_done(struct support_random *random, struct child *child)
{
    for (;;) {
        void *result = NULL;
        uint32_t way = support_below(random, 4);
        lg_deadline deadline = way == 0   ? LG_TRY
                               : way == 1 ? lg__now_ns() + support_below(random, 200000)
                                          : LG_FOREVER;
        int status = lg_thread_join(&child->thread, deadline, &result);
        if (status == LG_OK) {
            if (result != child)
                note_wrong("a result", 0);
            lg__add_full(&child->joins, 1u);
            return;
        }
        if (status == LG_EDEADLK)
            return; /* the caller lets go of its lock first */
        if (status != (deadline == LG_TRY ? LG_EBUSY : LG_ETIMEDOUT) && status != LG_ETIMEDOUT)
            note_wrong("a join", status);
        if (deadline == LG_FOREVER)
            note_wrong("a join without a deadline", status);
        sched_yield();
    }
}

static void *join_all(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct support_random random;
    support_random_begin(&random, lg__add_relaxed(&stream, 1u));
    for (int i = 0; i < CHILDREN; i++) {
        struct child *child = &children[(i + (uintptr_t)arg) % CHILDREN];
        struct lg_mutex *lock = &locks[support_below(&random, 3)];
        bool is_locked = support_below(&random, 3) == 0 && lg_mutex_lock(lock, LG_FOREVER) == LG_OK;
        join_until_done(&random, child);
        if (is_locked)
            lg_mutex_unlock(lock);
        if (is_locked)
            join_until_done(&random, child);
    }
    return NULL;
}

static void test_many_join_many(void **state)
{
    (void)state;
    struct lg_thread joiners[JOINERS];
    for (int round = 0; round < SUPPORT_ROUNDS(300); round++) {
        for (int i = 0; i < CHILDREN; i++) {
            children[i].runs = children[i].joins = 0;
            assert_int_equal(lg_thread_start(&children[i].thread, "child", work, &children[i]),
                             LG_OK);
        }
        for (uintptr_t i = 0; i < JOINERS; i++)
            assert_int_equal(lg_thread_start(&joiners[i], "joiner", join_all, (void *)i), LG_OK);
        for (int i = 0; i < JOINERS; i++)
            assert_int_equal(lg_thread_join(&joiners[i], LG_FOREVER, NULL), LG_OK);
        for (int i = 0; i < CHILDREN; i++) {
            assert_int_equal(children[i].runs, 1);
            assert_in_range(children[i].joins, JOINERS, 2 * JOINERS);
            assert_int_equal(lg_thread_detach(&children[i].thread), LG_OK);
        }
    }
    assert_int_equal(wrong, 0);
}

/* The struct of a detached thread is used again at once, whether the thread has ended or not. */
static void test_detached_ones_in_one_struct(void **state)
{
    (void)state;
    enum { ROUNDS = 3000 };
    struct lg_thread thread;
    struct support_random random;
    uint64_t last = 0;
    support_random_begin(&random, 99);
    children[0].runs = 0;
    uint32_t rounds = SUPPORT_ROUNDS(ROUNDS);
    for (uint32_t i = 0; i < rounds; i++) {
        assert_int_equal(lg_thread_start(&thread, "lone", work, &children[0]), LG_OK);
        last = lg_thread_context(&thread);
        for (uint32_t turns = support_below(&random, 20); turns > 0; turns--)
            sched_yield();
        assert_int_equal(lg_thread_detach(&thread), LG_OK);
        if (i % 50 == 49)
            assert_int_equal(lg_context_join(last, LG_FOREVER), LG_OK);
    }
    assert_int_equal(lg_context_join(last, LG_FOREVER), LG_OK);
    while (lg__load_full(&children[0].runs) < rounds)
        sched_yield();
    assert_int_equal(children[0].runs, rounds);
    assert_int_equal(wrong, 0);
}

/* Contexts that end while others, late or early, come to wait for it. */
static void *join_context(void *arg)
{
    uint64_t id = lg__load_acquire((uint64_t *)arg);
    int status = lg_context_join(id, LG_FOREVER);
    if (status != LG_OK || lg__context_find(id))
        note_wrong("a join of a context", status);
    return NULL;
}

static void test_contexts_end_while_they_are_joined(void **state)
{
    (void)state;
    for (int round = 0; round < SUPPORT_ROUNDS(1000); round++) {
        struct lg_thread target, joiners[3];
        assert_int_equal(lg_thread_start(&target, "target", work, &children[0]), LG_OK);
        uint64_t id = lg_thread_context(&target);
        for (int i = 0; i < 3; i++)
            assert_int_equal(lg_thread_start(&joiners[i], "joiner", join_context, &id), LG_OK);
        for (int i = 0; i < 3; i++)
            assert_int_equal(lg_thread_join(&joiners[i], LG_FOREVER, NULL), LG_OK);
        assert_int_equal(lg_thread_join(&target, LG_FOREVER, NULL), LG_OK);
    }
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_many_join_many),
        SUPPORT_TEST(test_detached_ones_in_one_struct),
        SUPPORT_TEST(test_contexts_end_while_they_are_joined),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
