/* fork(): in the child all contexts but the caller's are dead, and everything still works.
 *
 * The child has one thread; contexts without a thread stand for the others there, because the
 * thread sanitizer starts no threads after a fork. */
#include "support/locks.h"
#include "support/thing.h"

#include "graph/detector.h"
#include "plat/log.h"
#include "sync/park.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lg_mutex mine = LG_MUTEX_INIT("mine"), theirs = LG_MUTEX_INIT("theirs");
static struct lg_mutex levels = LG_MUTEX_RECURSIVE_INIT("levels"), idle = LG_MUTEX_INIT("idle");

/* ---- What is held ---------------------------------------------------------------------------- */

static int check_child(void *arg)
{
    const struct lg_context *parent_self = arg;
    char name[LG_NAME_SIZE];
    SUPPORT_CHECK(lg_context_self() == parent_self);
    SUPPORT_CHECK(support_count_contexts() == 1);
    lg_context_name(lg_context_self(), name);
    SUPPORT_CHECK(strcmp(name, "main") == 0);
    SUPPORT_CHECK(lg_mutex_is_held(&mine) == 1);
    SUPPORT_CHECK(lg_mutex_is_held(&levels) == 1);
    SUPPORT_CHECK(lg_mutex_is_held(&theirs) == 0);
    SUPPORT_CHECK(step_try(&theirs) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_lock(&theirs) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_recover(&theirs) == LG_OK);
    SUPPORT_CHECK(step_recover(&theirs) == LG_EBUSY);
    step_unlock(&theirs);
    SUPPORT_CHECK(theirs.word == 0); /* who waited for it is not here */
    step_unlock(&mine);
    SUPPORT_CHECK(mine.word == 0);
    step_unlock(&levels);
    SUPPORT_CHECK(lg_mutex_is_held(&levels) == 1);
    step_unlock(&levels);
    SUPPORT_CHECK(lg_mutex_is_held(&levels) == 0);
    SUPPORT_CHECK(step_lock(&idle) == LG_OK);
    SUPPORT_CHECK(step_lock(&idle) == LG_EDEADLK);
    step_unlock(&idle);
    SUPPORT_CHECK(lg__held_count(lg_context_self()) == 0);
    return 0;
}

/* A holds "theirs", B waits for it, C waits for "mine", D waits at a condition; main forks. */
static void test_own_locks_stay_held_and_others_are_dead(void **state)
{
    (void)state;
    static struct lg_condition changed = LG_CONDITION_INIT("changed");
    struct wait_until wait = {&changed, &idle, LG_FOREVER, "wait.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct crew_worker *c = crew_hire("C"), *d = crew_hire("D");
    assert_int_equal(crew_do(a, step_lock, &theirs), LG_OK);
    assert_int_equal(step_lock(&mine), LG_OK);
    assert_int_equal(step_lock(&levels), LG_OK);
    assert_int_equal(step_lock(&levels), LG_OK);
    crew_run(b, step_lock, &theirs);
    crew_wait_blocked_on(b, &theirs);
    crew_run(c, step_lock, &mine);
    crew_wait_blocked_on(c, &mine);
    assert_int_equal(crew_do(d, step_lock, &idle), LG_OK);
    crew_run(d, step_wait, &wait);
    crew_wait_blocked_on(d, &changed);
    assert_int_equal(support_fork(check_child, lg_context_self()), 0);
    /* The parent has not noticed. */
    (void)crew_do(a, step_unlock, &theirs);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &theirs);
    step_unlock(&mine);
    step_unlock(&levels);
    step_unlock(&levels);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &mine);
    lg_condition_signal(&changed);
    assert_int_equal(crew_wait(d), LG_OK);
    (void)crew_do(d, step_unlock, &idle);
}

static int fork_and_check(void *arg)
{
    return support_fork(check_child, arg);
}

static int keep_own(void *arg)
{
    (void)arg;
    return step_lock(&mine) == LG_OK && step_lock(&levels) == LG_OK && step_lock(&levels) == LG_OK
               ? LG_OK
               : LG_EBUSY;
}

static int name_main(void *arg)
{
    return lg_context_set_name(arg);
}

static int drop_own(void *arg)
{
    step_unlock(&mine);
    step_unlock(&levels);
    step_unlock(&levels);
    return (int)(intptr_t)arg;
}

/* Any thread may fork: then it is main's context that is dead in the child. */
static void test_any_thread_may_fork(void **state)
{
    (void)state;
    static char name[] = "main";
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_lock(&theirs), LG_OK);
    assert_int_equal(crew_do(a, keep_own, NULL), LG_OK);
    assert_int_equal(crew_do(a, name_main, name), LG_OK);
    assert_int_equal(crew_do(a, fork_and_check, crew_context(a)), 0);
    (void)crew_do(a, drop_own, NULL);
    assert_int_equal(lg_mutex_is_held(&theirs), 1);
    step_unlock(&theirs);
}

/* ---- The detector ---------------------------------------------------------------------------- */

static int deadlock_in_child(void *arg)
{
    struct thing p = {.name = "p", .capacity = 1}, q = {.name = "q", .capacity = 1};
    struct lg__want want_p = thing_want(&p, 1), want_q = thing_want(&q, 1);
    (void)arg;
    struct lg_context *x = thing_ghost("X"), *y = thing_ghost("Y");
    thing_hold(&p, x, 1);
    thing_hold(&q, y, 1);
    SUPPORT_CHECK(thing_ghost_waits(x, &want_q) == LG__WAIT_WAITING);
    SUPPORT_CHECK(thing_ghost_waits(y, &want_p) == LG__WAIT_VICTIM);
    SUPPORT_CHECK(lg__report_of(y)->member_count == 2);
    thing_bury(y);
    SUPPORT_CHECK(lg__context_find(x->id) == x);
    thing_bury(x);
    return 0;
}

static void test_the_detector_works_in_the_child(void **state)
{
    (void)state;
    assert_int_equal(support_fork(deadlock_in_child, NULL), 0);
}

static struct thing parents = {.name = "parents", .capacity = 1};

/* A, in the parent, holds the thing and waits for it.  In the child A is gone, and what it held
 * belongs to the environment: whoever waits for it there is not deadlocked. */
static int wait_for_the_dead(void *arg)
{
    struct lg__want want = thing_want(&parents, 1);
    (void)arg;
    struct lg_context *x = thing_ghost("X");
    SUPPORT_CHECK(thing_ghost_waits(x, &want) == LG__WAIT_WAITING);
    thing_bury(x);
    return 0;
}

static void test_the_dead_are_environment(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    thing_hold(&parents, crew_context(a), 1);
    struct lg__want want = thing_want(&parents, 1);
    assert_int_equal(crew_do(a, step_want, &want), LG__WAIT_VICTIM); /* for itself: in the parent */
    crew_run(a, step_want_quietly, &want);
    crew_wait_blocked_on(a, &parents);
    assert_int_equal(support_fork(wait_for_the_dead, NULL), 0);
    thing_let_go(&parents, crew_context(a));
    assert_true(thing_wake(crew_context(a)));
    assert_int_equal(crew_wait(a), LG__WAIT_WOKEN);
}

/* ---- Ids ------------------------------------------------------------------------------------- */

struct old_ids {
    uint64_t ids[8];
    struct lg_context *detached;
};

static int reuse_slots(void *arg)
{
    const struct old_ids *old = arg;
    struct lg_context *all[16];
    for (int i = 0; i < 16; i++)
        all[i] = thing_ghost("new");
    for (int i = 0; i < 8; i++) {
        SUPPORT_CHECK(!lg__context_is_alive(old->ids[i]));
        for (int j = 0; j < 16; j++)
            SUPPORT_CHECK(all[j]->id != old->ids[i]);
    }
    SUPPORT_CHECK(support_count_contexts() == 17);
    for (int i = 0; i < 16; i++)
        thing_bury(all[i]);
    SUPPORT_CHECK(lg_context_resume(old->detached) == LG_EINVAL);
    SUPPORT_CHECK(lg_context_end(old->detached) == LG_EINVAL);
    return 0;
}

/* Slots of the dead are used again in the child; their ids are not.  A context that was detached in
 * the parent is dead too. */
static void test_slots_are_reclaimed_in_the_child(void **state)
{
    (void)state;
    struct old_ids old;
    for (unsigned i = 0; i < 8; i++)
        old.ids[i] = crew_context(crew_hire_numbered("A", i))->id;
    old.detached = thing_ghost("detached");
    assert_int_equal(support_fork(reuse_slots, &old), 0);
    assert_int_equal(lg_context_end(old.detached), LG_OK);
}

/* ---- Fork while everything is in motion ------------------------------------------------------ */

static uint32_t is_over; /* atomic */

static void swallow(void *arg, const struct lg_log_event *event)
{
    (void)arg, (void)event;
}

/* Takes every lock of the library as often as it can: the registry, buckets, the detector, pins,
 * the sink.  Whichever the fork finds taken must be free in the child. */
static int keep_all_locks_busy(void *arg)
{
    struct lg_mutex own = LG_MUTEX_INIT("own");
    struct lg_mutex *shared = arg;
    struct lock_until late = {shared, 1, "late.c:1"};
    while (!lg__load_acquire(&is_over)) {
        if (step_lock(&own) != LG_OK || step_lock(&own) != LG_EDEADLK)
            return 1;
        step_unlock(&own);
        if (step_lock_until(&late) == LG_OK)
            step_unlock(shared);
        LG_WITH_MUTEX(shared, lg_after_ms(1), status) {
            sched_yield();
        }
        struct lg_context *ghost = lg_context_detach();
        lg_log_set(LG_LOG_DEBUG, swallow, NULL);
        lg__log(LG_LOG_INFO, "busy", NULL, 0, "busy");
        lg_panic_set(NULL, NULL);
        if (status == LG_EDEADLK || lg_context_end(ghost) != LG_OK ||
            lg_context_set_name("busy") != LG_OK)
            return 2;
    }
    return 0;
}

#define GHOSTS 64

static int use_everything(void *arg)
{
    struct lg_mutex own = LG_MUTEX_INIT("own");
    (void)arg;
    alarm(20);
    lg_log_set(LG_LOG_DEBUG, swallow, NULL);
    lg_panic_set(NULL, NULL);
    SUPPORT_CHECK(support_count_contexts() == 1);
    SUPPORT_CHECK(step_lock(&own) == LG_OK);
    SUPPORT_CHECK(step_lock(&own) == LG_EDEADLK);
    step_unlock(&own);
    lg__log(LG_LOG_INFO, "child", NULL, 0, "child");
    for (size_t i = 0; i < 4096; i++) /* all buckets */
        lg__park_unlock(lg__park_lock((const char *)&own + 8 * i));
    for (unsigned i = 0; i < GHOSTS; i++) { /* all slots, with their pins */
        struct lg_context *ghost = thing_ghost("ghost");
        lg__wait_retract(&ghost->wait);
        SUPPORT_CHECK(lg_context_end(ghost) == LG_OK);
    }
    return deadlock_in_child(NULL);
}

/* Takes and drops one pin all the time. */
static int keep_a_pin_busy(void *arg)
{
    (void)arg;
    while (!lg__load_acquire(&is_over))
        if (lg_context_set_name("busy with its name") != LG_OK)
            return 1;
    return 0;
}

static void test_fork_while_all_locks_are_busy(void **state)
{
    (void)state;
    static struct lg_mutex shared = LG_MUTEX_INIT("shared");
    struct crew_worker *workers[3];
    lg__store_full(&is_over, 0u);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("busy", i);
        crew_run(workers[i], i ? keep_all_locks_busy : keep_a_pin_busy, &shared);
    }
    for (unsigned i = 0; i < SUPPORT_ROUNDS(150u); i++)
        assert_int_equal(support_fork(use_everything, NULL), 0);
    lg__store_full(&is_over, 1u);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    lg_log_set(LG_LOG_WARN, NULL, NULL);
}

static int fork_again(void *arg)
{
    SUPPORT_CHECK(step_lock(&mine) == LG_OK);
    int result = support_fork(arg ? fork_again : deadlock_in_child, NULL);
    return result;
}

static int fork_in_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_lock(&mine) == LG_OK);
    SUPPORT_CHECK(support_fork(deadlock_in_child, NULL) == 0);
    step_unlock(&mine);
    return support_fork(fork_again, NULL);
}

static void test_a_child_may_fork(void **state)
{
    (void)state;
    assert_int_equal(support_fork(fork_in_child, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_own_locks_stay_held_and_others_are_dead),
        SUPPORT_TEST(test_any_thread_may_fork),
        SUPPORT_TEST(test_the_detector_works_in_the_child),
        SUPPORT_TEST(test_the_dead_are_environment),
        SUPPORT_TEST(test_slots_are_reclaimed_in_the_child),
        SUPPORT_TEST(test_fork_while_all_locks_are_busy),
        SUPPORT_TEST(test_a_child_may_fork),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
