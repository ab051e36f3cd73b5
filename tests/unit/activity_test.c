/* What a context does now: waiting, running, off its thread, or gone. */
#define _GNU_SOURCE /* gettid */
#include "graph/activity.h"

#include "support/locks.h"

#include <string.h>
#include <unistd.h>

static struct lg__activity activity_of(const struct crew_worker *worker)
{
    struct lg__activity activity;
    lg__activity_read(crew_context(worker)->id, &activity);
    return activity;
}

static void a_running_one_has_its_thread(void **state)
{
    (void)state;
    struct lg__activity activity;
    lg__activity_read(lg_context_self()->id, &activity);
    assert_int_equal(activity.kind, LG__ACTIVITY_RUNS);
    assert_int_equal(activity.thread, gettid());
}

static void a_waiting_one_has_the_place(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    struct lock_until lock = {&mutex, LG_FOREVER, "here.c:7"};
    assert_int_equal(step_lock(&mutex), LG_OK);
    crew_run(a, step_lock_until, &lock);
    crew_wait_blocked_on(a, &mutex);
    struct lg__activity activity = activity_of(a);
    assert_int_equal(activity.kind, LG__ACTIVITY_WAITS);
    assert_string_equal(activity.noun, "mutex");
    assert_string_equal(activity.name, "m");
    assert_string_equal(activity.place, "here.c:7");
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(activity_of(a).kind, LG__ACTIVITY_RUNS);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
}

/* A wait that anybody may end counts as well. */
static void a_wait_for_a_signal_is_one(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT(NULL);
    struct lg_condition condition = LG_CONDITION_INIT("c");
    struct crew_worker *a = crew_hire("A");
    struct wait_until wait = {&condition, &mutex, LG_FOREVER, "there.c:8"};
    assert_int_equal(crew_do(a, step_lock, &mutex), LG_OK);
    crew_run(a, step_wait, &wait);
    crew_wait_blocked_on(a, &condition);
    struct lg__activity activity = activity_of(a);
    assert_int_equal(activity.kind, LG__ACTIVITY_WAITS);
    assert_string_equal(activity.noun, "condition");
    assert_string_equal(activity.place, "there.c:8");
    assert_int_equal(step_signal(&condition), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
}

static int step_detach(void *arg)
{
    *(struct lg_context **)arg = lg_context_detach();
    return LG_OK;
}

static int step_resume(void *arg)
{
    return lg_context_resume(*(struct lg_context **)arg);
}

static int step_tell_thread(void *arg)
{
    *(int *)arg = gettid();
    return LG_OK;
}

static void a_detached_one_moves_on(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct lg_context *context = NULL;
    struct lg__activity activity;
    int thread = 0;
    assert_int_equal(crew_do(a, step_detach, &context), LG_OK);
    lg__activity_read(context->id, &activity);
    assert_int_equal(activity.kind, LG__ACTIVITY_PARKED);
    assert_int_equal(crew_do(b, step_resume, &context), LG_OK);
    assert_int_equal(crew_do(b, step_tell_thread, &thread), LG_OK);
    lg__activity_read(context->id, &activity);
    assert_int_equal(activity.kind, LG__ACTIVITY_RUNS);
    assert_int_equal(activity.thread, thread);
}

/* Also when its struct is somebody else's by now. */
static void an_ended_one_does_nothing(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    struct lg__activity activity;
    uint64_t id = crew_context(a)->id;
    crew_leave(a);
    lg__activity_read(id, &activity);
    assert_int_equal(activity.kind, LG__ACTIVITY_ENDED);
    lg__activity_read(0, &activity);
    assert_int_equal(activity.kind, LG__ACTIVITY_ENDED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_running_one_has_its_thread), SUPPORT_TEST(a_waiting_one_has_the_place),
        SUPPORT_TEST(a_wait_for_a_signal_is_one),   SUPPORT_TEST(a_detached_one_moves_on),
        SUPPORT_TEST(an_ended_one_does_nothing),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
