/* The robust mutex and other processes: what is left by the killed, what a forked child has, and whose priority
 * the holder runs with. */
#include "support/locks.h"
#include "support/robust.h"

#include "graph/context.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint32_t private_sorts[] = {0, LG_ROBUST_INHERIT};
static const uint32_t shared_sorts[] = {LG_ROBUST_SHARED, LG_ROBUST_SHARED | LG_ROBUST_INHERIT};

/* ---- Killed ---------------------------------------------------------------------------------- */

/* What a child does with a mutex, and how far it is. */
struct errand {
    struct lg_robust_mutex *mutex;
    uint32_t *progress; /* atomic, shared */
};

static pid_t run_child(void (*run)(struct errand *errand), struct errand *errand)
{
    fflush(NULL);
    *errand->progress = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(50);
        run(errand);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

static void wait_progress(const uint32_t *progress, uint32_t wanted)
{
    while (__atomic_load_n(progress, __ATOMIC_SEQ_CST) < wanted)
        sched_yield();
}

static void go_to(const struct errand *errand, uint32_t progress)
{
    __atomic_store_n(errand->progress, progress, __ATOMIC_SEQ_CST);
}

static void kill_and_wait(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void hold_for_ever(struct errand *errand)
{
    if (step_robust_lock(errand->mutex) != LG_OK)
        _exit(1);
    go_to(errand, 1);
    for (;;)
        pause();
}

static void wait_for_it(struct errand *errand)
{
    go_to(errand, 1);
    if (step_robust_lock(errand->mutex) != LG_OK)
        _exit(1);
    go_to(errand, 2);
    step_robust_unlock(errand->mutex);
}

static void try_kill_of_holder(struct errand *errand)
{
    struct lg_robust_mutex *m = errand->mutex;
    struct crew_worker *a = crew_hire("A");
    pid_t child = run_child(hold_for_ever, errand);
    wait_progress(errand->progress, 1);
    assert_int_equal(step_robust_try(m), LG_EBUSY);
    assert_int_equal(step_robust_recover(m), LG_EBUSY);
    struct robust_until soon = {m, lg_after_ms(3), "soon.c:1"};
    assert_int_equal(step_robust_until(&soon), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->member_count, 1); /* whoever holds it is not of here */
    crew_run(a, step_robust_lock, m);
    robust_wait_blocked(a, m);
    kill_and_wait(child);
    assert_int_equal(crew_wait(a), LG_EOWNERDEAD);
    assert_int_equal(step_robust_lock(m), LG_EOWNERDEAD);
    assert_int_equal(step_robust_recover(m), LG_OK);
    assert_int_equal(crew_do(a, step_robust_try, m), LG_EBUSY);
    (void)step_robust_unlock(m);
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    (void)crew_do(a, step_robust_unlock, m);
    crew_leave(a);
}

static void test_a_killed_holder(void **state)
{
    (void)state;
    struct errand errand = {.progress = robust_map(sizeof(uint32_t))};
    for (unsigned i = 0; i < 2; i++) {
        errand.mutex = robust_make(shared_sorts[i], "m");
        try_kill_of_holder(&errand);
        robust_free(errand.mutex);
    }
    robust_unmap(errand.progress, sizeof(uint32_t));
}

/* One that recovers it dies at that, in a process of its own. */
static void recover_and_hold(struct errand *errand)
{
    if (step_robust_lock(errand->mutex) != LG_EOWNERDEAD ||
        step_robust_recover(errand->mutex) != LG_OK)
        _exit(1);
    go_to(errand, 1);
    for (;;)
        pause();
}

static void test_killed_recoverers(void **state)
{
    (void)state;
    struct errand errand = {.progress = robust_map(sizeof(uint32_t))};
    for (unsigned i = 0; i < 2; i++) {
        errand.mutex = robust_make(shared_sorts[i], "m");
        for (int round = 0; round < 4; round++) {
            pid_t child = run_child(round ? recover_and_hold : hold_for_ever, &errand);
            wait_progress(errand.progress, 1);
            kill_and_wait(child);
        }
        assert_int_equal(step_robust_recover(errand.mutex), LG_OK);
        (void)step_robust_unlock(errand.mutex);
        robust_free(errand.mutex);
    }
    robust_unmap(errand.progress, sizeof(uint32_t));
}

/* A waiter in another process gets it; one that is killed is in nobody's way. */
static void test_waiters_elsewhere(void **state)
{
    (void)state;
    struct errand errand = {.progress = robust_map(sizeof(uint32_t))};
    int status;
    for (unsigned i = 0; i < 2; i++) {
        struct lg_robust_mutex *m = errand.mutex = robust_make(shared_sorts[i], "m");
        assert_int_equal(step_robust_lock(m), LG_OK);
        pid_t child = run_child(wait_for_it, &errand);
        wait_progress(errand.progress, 1);
        kill_and_wait(child);
        child = run_child(wait_for_it, &errand);
        wait_progress(errand.progress, 1);
        assert_int_equal(__atomic_load_n(errand.progress, __ATOMIC_SEQ_CST), 1);
        (void)step_robust_unlock(m);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        robust_free(m);
    }
    robust_unmap(errand.progress, sizeof(uint32_t));
}

/* Another process' holder is no part of a deadlock here, although its id could be one of ours. */
static void test_a_holder_elsewhere_is_unknown(void **state)
{
    (void)state;
    struct errand errand = {.progress = robust_map(sizeof(uint32_t))};
    struct lg_mutex a = LG_MUTEX_INIT("a");
    struct crew_worker *worker = crew_hire("A");
    errand.mutex = robust_make(LG_ROBUST_SHARED, "m");
    pid_t child =
        run_child(hold_for_ever, &errand); /* by its main thread, whose id is that of ours */
    wait_progress(errand.progress, 1);
    assert_int_equal(crew_do(worker, step_lock, &a), LG_OK);
    struct robust_until hours = {errand.mutex, lg_after_ms(3600000), "A.c:1"};
    crew_run(worker, step_robust_until, &hours);
    robust_wait_blocked(worker, errand.mutex);
    struct lock_until soon = {&a, lg_after_ms(3), "main.c:1"};
    assert_int_equal(step_lock_until(&soon), LG_ETIMEDOUT);
    assert_int_equal(step_robust_is_held(errand.mutex), 0);
    kill_and_wait(child);
    assert_int_equal(crew_wait(worker), LG_EOWNERDEAD);
    (void)crew_do(worker, step_unlock, &a);
    robust_free(errand.mutex);
    robust_unmap(errand.progress, sizeof(uint32_t));
}

/* ---- Forked ---------------------------------------------------------------------------------- */

struct family {
    struct lg_robust_mutex *mine, *theirs, *idle, *in_transit, *detached;
};

static int check_private_child(void *arg)
{
    const struct family *family = arg;
    SUPPORT_CHECK(step_robust_is_held(family->mine) == 1);
    SUPPORT_CHECK(step_robust_try(family->mine) == LG_EBUSY);
    SUPPORT_CHECK(step_robust_lock(family->mine) == LG_EDEADLK);
    step_robust_unlock(family->mine);
    SUPPORT_CHECK(step_robust_is_held(family->mine) == 0);
    SUPPORT_CHECK(step_robust_lock(family->mine) == LG_OK);
    step_robust_unlock(family->mine);
    SUPPORT_CHECK(step_robust_try(family->theirs) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_robust_lock(family->theirs) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_robust_recover(family->theirs) == LG_OK);
    SUPPORT_CHECK(step_robust_recover(family->theirs) == LG_EBUSY);
    step_robust_unlock(family->theirs);
    SUPPORT_CHECK(step_robust_lock(family->theirs) == LG_OK);
    step_robust_unlock(family->theirs);
    SUPPORT_CHECK(step_robust_lock(family->idle) == LG_OK);
    step_robust_unlock(family->idle);
    SUPPORT_CHECK(step_robust_lock(family->in_transit) == LG_OK);
    step_robust_unlock(family->in_transit);
    SUPPORT_CHECK(step_robust_recover(family->detached) == LG_OK);
    step_robust_unlock(family->detached);
    SUPPORT_CHECK(lg__held_count(lg_context_self()) == 0);
    lg_robust_mutex_destroy(family->mine);
    lg_robust_mutex_destroy(family->theirs);
    return 0;
}

static int check_grandchild(void *arg)
{
    const struct family *family = arg;
    SUPPORT_CHECK(step_robust_is_held(family->mine) == 1);
    SUPPORT_CHECK(support_fork(check_private_child, arg) == 0);
    SUPPORT_CHECK(step_robust_is_held(family->mine) == 1);
    SUPPORT_CHECK(step_robust_lock(family->theirs) == LG_EOWNERDEAD);
    return 0;
}

static int check_shared_child(void *arg)
{
    const struct family *family = arg;
    struct robust_until soon = {family->mine, lg_after_ms(3), "child.c:1"};
    SUPPORT_CHECK(lg__held_count(lg_context_self()) == 0);
    SUPPORT_CHECK(step_robust_is_held(family->mine) == 0);
    SUPPORT_CHECK(step_robust_try(family->mine) == LG_EBUSY);
    SUPPORT_CHECK(step_robust_until(&soon) == LG_ETIMEDOUT);
    SUPPORT_CHECK(step_robust_recover(family->mine) == LG_EBUSY);
    SUPPORT_CHECK(step_robust_try(family->theirs) == LG_EBUSY);
    SUPPORT_CHECK(step_robust_lock(family->idle) == LG_OK);
    step_robust_unlock(family->idle);
    return 0;
}

static int lock_in_kernel(void *mutex)
{
    return pthread_mutex_lock((pthread_mutex_t *)((struct lg_robust_mutex *)mutex)->kernel);
}

static int unlock_in_kernel(void *mutex)
{
    return pthread_mutex_unlock((pthread_mutex_t *)((struct lg_robust_mutex *)mutex)->kernel);
}

/* main holds "mine" and, in a context that it has put aside, "detached"; A holds "theirs", for which B waits,
 * and is between two steps of "in transit". */
static void try_fork(uint32_t sort, support_step *check)
{
    struct family family = {robust_make(sort, "mine"), robust_make(sort, "theirs"),
                            robust_make(sort, "idle"), robust_make(sort, "in transit"),
                            robust_make(sort, "detached")};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct lg_context *self = lg_context_detach();
    assert_int_equal(step_robust_lock(family.detached), LG_OK);
    struct lg_context *aside = lg_context_detach();
    assert_int_equal(lg_context_resume(self), LG_OK);
    assert_int_equal(step_robust_lock(family.mine), LG_OK);
    assert_int_equal(crew_do(a, step_robust_lock, family.theirs), LG_OK);
    assert_int_equal(crew_do(a, lock_in_kernel, family.in_transit), 0);
    crew_run(b, step_robust_lock, family.theirs);
    robust_wait_blocked(b, family.theirs);
    assert_int_equal(support_fork(check, &family), 0);
    assert_int_equal(step_robust_is_held(family.mine), 1);
    (void)step_robust_unlock(family.mine);
    assert_int_equal(crew_do(a, unlock_in_kernel, family.in_transit), 0);
    (void)crew_do(a, step_robust_unlock, family.theirs);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_robust_unlock, family.theirs);
    self = lg_context_detach();
    assert_int_equal(lg_context_resume(aside), LG_OK);
    (void)step_robust_unlock(family.detached);
    assert_ptr_equal(lg_context_detach(), aside);
    assert_int_equal(lg_context_resume(self), LG_OK);
    assert_int_equal(lg_context_end(aside), LG_OK);
    crew_leave(a);
    crew_leave(b);
    robust_free(family.mine);
    robust_free(family.theirs);
    robust_free(family.idle);
    robust_free(family.in_transit);
    robust_free(family.detached);
}

static void test_a_child_has_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        try_fork(private_sorts[i], check_private_child);
        try_fork(private_sorts[i], check_grandchild);
    }
}

static void test_a_child_shares(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        try_fork(shared_sorts[i], check_shared_child);
}

/* ---- Priority -------------------------------------------------------------------------------- */

/* The kernel's word for the priority that a thread runs with: -1 - N for real time priority N. */
static long priority_of(int32_t thread)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    const char *field = strrchr(text, ')') + 1; /* the fields after the name: state is the third */
    for (int i = 3; i < 18; i++)
        field = strchr(field + 1, ' ');
    return strtol(field, NULL, 10);
}

static bool set_real_time(struct crew_worker *worker, int priority)
{
    struct sched_param parameter = {.sched_priority = priority};
    return pthread_setschedparam(crew_thread(worker), SCHED_FIFO, &parameter) == 0;
}

static void test_a_holder_inherits_priority(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("under the thread sanitizer waits poll, and lend no priority");
    struct lg_robust_mutex *m = robust_make(LG_ROBUST_INHERIT, "m");
    struct crew_worker *low = crew_hire("low"), *high = crew_hire("high");
    bool may_set = set_real_time(low, 5) && set_real_time(high, 20);
    int32_t thread = crew_context(low)->thread;
    if (may_set) {
        assert_int_equal(crew_do(low, step_robust_lock, m), LG_OK);
        assert_int_equal(priority_of(thread), -1 - 5);
        crew_run(high, step_robust_lock, m);
        while (priority_of(thread) != -1 - 20) /* not between two slices */
            sched_yield();
        (void)crew_do(low, step_robust_unlock, m);
        assert_int_equal(crew_wait(high), LG_OK);
        assert_int_equal(priority_of(thread), -1 - 5);
        (void)crew_do(high, step_robust_unlock, m);
    }
    robust_free(m);
    if (!may_set)
        SUPPORT_SKIP("SCHED_FIFO is refused here: priority inheritance was NOT looked at");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_killed_holder),
        SUPPORT_TEST(test_killed_recoverers),
        SUPPORT_TEST(test_waiters_elsewhere),
        SUPPORT_TEST(test_a_holder_elsewhere_is_unknown),
        SUPPORT_TEST(test_a_child_has_its_own),
        SUPPORT_TEST(test_a_child_shares),
        SUPPORT_TEST(test_a_holder_inherits_priority),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
