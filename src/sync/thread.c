/* Thread.
 *
 * States, changed under the lock of the bucket of the struct's address:
 *
 *     NONE     no thread          start: RUNS
 *     RUNS     has not ended      its exit: ENDING; detach: NONE
 *     ENDING   nothing of ours is left to do on it, but pthread_join has not returned
 *                                 a joiner: REAPING; detach: NONE
 *     REAPING  a joiner is in pthread_join                    that joiner: JOINED
 *     JOINED   gone; the result is there                      detach: NONE
 *
 * The exit says ENDING in a destructor of a thread-local value, in the last round but one, as a context
 * ends (graph/context.c): until then whatever the thread waits for can be seen, and so also a joiner that
 * holds it.  It wakes one joiner; whoever finds ENDING first reaps, and then grants the others.
 *   Invariant: while joiners are queued and the state is ENDING, one of them is awake inside join.
 *
 * In the graph a thread has capacity 1, held by its context until that ends.  A thread whose context has
 * ended before it (lg_context_resume) or has left it (lg_context_detach) is held by nobody we know.
 *
 * The struct is the starter's, who may detach the thread and free it while the thread runs.  So the
 * thread knows it by a pointer on its own side, in `struct starter`, which detach clears:
 *   T1  `starter->thread` is cleared, and the struct's state read, under the bucket's lock; the exit
 *       takes that lock by the address alone and then looks whether the pointer is still there.
 * The starter is freed by its thread, after it has said ENDING: detach, which looks at the state first
 * under the same lock, does not touch it from then on. */
#include <lifeguard/thread.h>

#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "plat/seam.h"
#include "plat/text.h"
#include "sync/waitable.h"

#include <limits.h>
#include <pthread.h>
#include <sys/prctl.h>

enum state { STATE_NONE, STATE_RUNS, STATE_ENDING, STATE_REAPING, STATE_JOINED };

#define GRANTS 16 /* waits ended under one hold of the bucket's lock */

/* The thread's own side. */
struct starter {
    struct lg_thread *thread; /* atomic; cleared under the bucket's lock, T1 */
    struct lg_context *context;
    lg_thread_run *run;
    void *arg;
    uint32_t rounds; /* of destructors */
};

static uint32_t starter_key; /* atomic; a pthread_key_t + 1; 0: none has been made yet */

/* A context that has left its thread says nothing about the thread.  Who saw it blocked on another thread
 * sees that it has left: it left before it could be resumed there. */
static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_thread *thread = object;
    struct lg__holding holding = {
        .holder = lg__load_relaxed(&thread->context),
        .units = 1,
        .unit = LG_NO_UNIT,
        .place = thread->place,
    };
    const struct lg_context *context = lg__context_find(holding.holder);
    if (context && !lg__load_relaxed(&context->has_left))
        visit(arg, &holding);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_thread *)object)->name);
}

static const struct lg__resource_class thread_class = {
    .noun = "thread",
    .is_meeting = true,
    .capacity = lg__capacity_of_one,
    .survey = survey,
    .copy_name = copy_name,
};

static void wake(struct lg__wait *wait)
{
    if (wait)
        lg__wait_wake(wait);
}

/* Under the bucket's lock: end the first wait in the queue that has not ended, and take it out. */
static struct lg__wait *end_first(struct lg__bucket *bucket, struct lg_thread *thread,
                                  enum lg__wait_state end)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, thread);
    while (wait && !lg__wait_end(wait, end, 0))
        wait = lg__park_next(bucket, wait, thread);
    if (wait)
        lg__park_remove(bucket, wait);
    return wait;
}

/* The thread's last word, with what its join is to return.  Once the bucket is unlocked the struct may
 * be gone. */
static void say_ended(struct starter *starter, int status)
{
    struct lg__wait *woken = NULL;
    struct lg_thread *thread = lg__load_acquire(&starter->thread);
    if (thread) {
        struct lg__bucket *bucket = lg__park_lock(thread);
        if (lg__load_relaxed(&starter->thread)) { /* T1 */
            thread->status = status;
            lg__store_release(&thread->state, (uint32_t)STATE_ENDING);
            woken = end_first(bucket, thread, LG__WAIT_WOKEN);
        }
        lg__park_unlock(bucket);
    }
    lg__free(starter);
    wake(woken);
}

static pthread_key_t get_key(void)
{
    return (pthread_key_t)(lg__load_acquire(&starter_key) - 1);
}

static void end_on_thread_exit(void *value)
{
    struct starter *starter = value;
    if (++starter->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 &&
        pthread_setspecific(get_key(), starter) == 0)
        return;
    say_ended(starter, LG_OK);
}

/* Two threads may both make one: the first to say so wins.  False: there is none, and none to be had. */
static bool make_key(void)
{
    pthread_key_t key;
    uint32_t none = 0;
    if (lg__load_acquire(&starter_key) != 0)
        return true;
    if (lg__seam_fails(LG__SEAM_KEY) || pthread_key_create(&key, end_on_thread_exit) != 0)
        return false;
    if (!lg__cas_full(&starter_key, &none, (uint32_t)key + 1))
        (void)pthread_key_delete(key);
    return true;
}

static void *run(void *arg)
{
    struct starter *starter = arg;
    if (lg__context_enter(starter->context) && !lg__seam_fails(LG__SEAM_KEY) &&
        pthread_setspecific(get_key(), starter) == 0) {
        if (starter->context->name[0])
            (void)prctl(PR_SET_NAME, starter->context->name); /* for debuggers; cut to 15 bytes */
        return starter->run(starter->arg);
    }
    say_ended(starter, LG_ESYS);
    return NULL;
}

static int start(struct lg_thread *thread, struct starter *starter)
{
    pthread_t handle;
    starter->context = lg__context_prepare(thread->name[0] ? thread->name : NULL);
    if (!starter->context)
        return LG_ENOMEM;
    thread->context = starter->context->id;
    thread->starter = starter;
    thread->state = STATE_RUNS;
    if (lg__seam_fails(LG__SEAM_THREAD) || pthread_create(&handle, NULL, run, starter) != 0) {
        lg__context_discard(starter->context);
        return LG_ESYS;
    }
    thread->handle = (uint64_t)(uintptr_t)handle;
    return LG_OK;
}

int lg_thread_start_at(struct lg_thread *thread, const char *name, lg_thread_run *function,
                       void *arg, const char *place)
{
    if (!thread || !function)
        return LG_EINVAL;
    *thread = (struct lg_thread){.place = place, .forks = lg__fork_count()};
    lg__copy_name(thread->name, sizeof thread->name, name);
    struct starter *starter = make_key() ? lg__alloc(sizeof *starter) : NULL;
    if (!starter)
        return LG_ENOMEM;
    *starter = (struct starter){.thread = thread, .run = function, .arg = arg};
    int status = start(thread, starter);
    if (status == LG_OK)
        return LG_OK;
    lg__free(starter);
    *thread = (struct lg_thread){0};
    return status;
}

/* pthread_join is a point of cancellation, and the caller is promised to the others. */
static void *reap_handle(uint64_t handle)
{
    void *result = NULL;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_join((pthread_t)(uintptr_t)handle, &result);
    pthread_setcancelstate(before, NULL);
    return result;
}

/* The state changes with the last grant, in one step: as long as there are others to grant, the struct
 * is theirs, and no other object can have come to its address. */
static bool grant_some(struct lg_thread *thread)
{
    struct lg__wait *woken[GRANTS];
    uint32_t count = 0;
    struct lg__bucket *bucket = lg__park_lock(thread);
    while (count < GRANTS && (woken[count] = end_first(bucket, thread, LG__WAIT_GRANTED)))
        count++;
    bool is_last = count < GRANTS;
    if (is_last)
        lg__store_release(&thread->state, (uint32_t)STATE_JOINED);
    lg__park_unlock(bucket);
    for (uint32_t i = 0; i < count; i++)
        lg__wait_wake(woken[i]);
    return !is_last;
}

/* Its own exit is not waited for by the thread itself: it has said ENDING, and runs.  What is left of it
 * are the last rounds of other thread-local values' destructors. */
static void reap(struct lg_thread *thread)
{
    thread->result = reap_handle(thread->handle); /* nobody reads it before the state or a grant */
    while (grant_some(thread))
        continue;
}

static bool is_own(const struct lg_thread *thread)
{
    if (lg__load_acquire(&starter_key) == 0)
        return false;
    const struct starter *starter = pthread_getspecific(get_key());
    return starter && lg__load_relaxed(&starter->thread) == thread;
}

static int result_of(const struct lg_thread *thread, void **result)
{
    if (thread->status == LG_OK && result)
        *result = thread->result;
    return thread->status;
}

/* One attempt.  LG_EBUSY of one that slept: look again. */
static int try_join(struct lg_context *self, struct lg_thread *thread, struct lg__want *want,
                    void **result)
{
    struct lg__bucket *bucket = lg__park_lock(thread);
    uint32_t state = lg__load_relaxed(&thread->state);
    bool must_reap = state == STATE_ENDING;
    bool must_sleep =
        (state == STATE_RUNS || state == STATE_REAPING) && !lg__deadline_has_passed(want->deadline);
    if (must_reap)
        lg__store_relaxed(&thread->state, (uint32_t)STATE_REAPING);
    if (must_sleep) {
        (void)lg__wait_begin(&self->wait, want, LG__WAIT_WAITING);
        lg__park_push(bucket, &self->wait, thread, false);
        want->since_ns = self->wait.since_ns; /* a second wait goes on from here */
    }
    lg__park_unlock(bucket);
    if (must_reap)
        reap(thread);
    if (must_reap || state == STATE_JOINED)
        return result_of(thread, result);
    if (!must_sleep)
        return state == STATE_NONE ? LG_EINVAL : lg__park_give_up(self, want, LG_REPORT_TIMEOUT);
    lg__detector_look(self);
    int status = lg__park_sleep(self, thread);
    if (status == LG_EDEADLK)
        lg__detector_log(self);
    return status == LG_OK ? result_of(thread, result) : status;
}

int lg_thread_join_at(struct lg_thread *thread, lg_deadline deadline, const char *place,
                      void **result)
{
    uint32_t state = thread ? lg__load_acquire(&thread->state) : STATE_NONE;
    if (state == STATE_NONE)
        return LG_EINVAL;
    if (state == STATE_JOINED)
        return result_of(thread, result);
    if (thread->forks != lg__fork_count())
        return LG_EFORK;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct lg__want want = {&thread_class, thread, 1, false, deadline, place, 0};
    if (is_own(thread))
        return lg__park_give_up(self, &want, LG_REPORT_DEADLOCK);
    int status;
    do
        status = try_join(self, thread, &want, result);
    while (status == LG_EBUSY && deadline != LG_TRY);
    if (status == LG_OK) /* for who predicts: it comes after all that led to the thread's end */
        self->birth = lg__observe_tick();
    return status;
}

int lg_thread_detach(struct lg_thread *thread)
{
    if (!thread)
        return LG_EINVAL;
    struct lg__bucket *bucket = lg__park_lock(thread);
    uint32_t state = lg__load_relaxed(&thread->state);
    bool is_ours = thread->forks == lg__fork_count();
    bool is_joined = state == STATE_REAPING || lg__park_next(bucket, NULL, thread);
    bool must_detach = is_ours && !is_joined && (state == STATE_RUNS || state == STATE_ENDING);
    uint64_t handle = thread->handle;
    if (must_detach && state == STATE_RUNS)
        lg__store_release(&((struct starter *)thread->starter)->thread,
                          (struct lg_thread *)NULL); /* T1 */
    if (!is_ours || !is_joined)
        lg__store_relaxed(&thread->state, (uint32_t)STATE_NONE);
    lg__park_unlock(bucket);
    if (must_detach)
        (void)pthread_detach((pthread_t)(uintptr_t)handle);
    if (state == STATE_NONE)
        return LG_EINVAL;
    return is_ours && is_joined ? LG_EBUSY : LG_OK;
}

int lg_thread_is_running(const struct lg_thread *thread)
{
    return thread && lg__load_acquire(&thread->state) == STATE_RUNS &&
           thread->forks == lg__fork_count();
}

uint64_t lg_thread_context(const struct lg_thread *thread)
{
    return thread && lg__load_acquire(&thread->state) != STATE_NONE ? thread->context : 0;
}

/* ---- One of several things ---------------------------------------------------------------------- */

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    (void)target;
    branch->want.class = &thread_class;
    branch->want.object = thing->object;
    branch->want.need = 1;
}

static int take(const struct lg_waitable *thing, struct lg__wait *branch, const char *place)
{
    (void)branch;
    return lg_thread_join_at(thing->object, LG_TRY, place, NULL);
}

static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    (void)was_known; /* it never changes */
    const struct lg_thread *thread = thing->object;
    struct lg__bucket *bucket = lg__park_lock(thread);
    uint32_t state = lg__load_relaxed(&thread->state);
    bool must_queue = state == STATE_RUNS || state == STATE_REAPING;
    if (must_queue && lg__load_relaxed(&branch->queue) != thread)
        lg__park_push(bucket, branch, thread, false);
    lg__park_unlock(bucket);
    return !must_queue;
}

/* It may have been woken to reap, and has had something else. */
static void leave(const struct lg_waitable *thing, struct lg__wait *branch)
{
    struct lg__wait *woken = NULL;
    struct lg_thread *thread = thing->object;
    struct lg__bucket *bucket = lg__park_lock(thread);
    if (lg__load_relaxed(&branch->queue) == thread)
        lg__park_remove(bucket, branch);
    if (lg__load_relaxed(&thread->state) == STATE_ENDING)
        woken = end_first(bucket, thread, LG__WAIT_WOKEN);
    lg__park_unlock(bucket);
    wake(woken);
}

const struct lg__waitable_class lg__thread_waitable = {
    .describe = describe,
    .take = take,
    .enter = enter,
    .leave = leave,
};
