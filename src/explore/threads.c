/* Threads: real ones, each on a stack of its own at a place that depends on its name alone, so that
 * addresses are the same in all runs.  None is joined or detached in libc: their memory goes with the
 * run's process, and their stacks are not used twice. */
#include "explore/threads.h"
#include "explore/access.h"
#include "explore/intercept.h"
#include "explore/journal.h"
#include "explore/kernel.h"
#include "explore/residue.h"
#include "explore/reuse.h"
#include "explore/room.h"
#include "explore/signal.h"
#include "explore/strategy.h"
#include "explore/table.h"
#include "explore/verdict.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_STACK ((size_t)256 << 10)
#define STACK_TOP   ((size_t)8 << 10)  /* what each thread writes to */
#define STACK_GUARD ((size_t)64 << 10) /* of each stack, where no call may begin */
#define STACK_SIZE  (LG__ROOM_STACK - STACK_GUARD)

static pthread_key_t end_key;

static void end_thread(void *argument);

bool lg__threads_reserve(void)
{
    return !pthread_key_create(&end_key, end_thread);
}

static void *do_nothing(void *argument)
{
    return argument;
}

/* With the first thread, libc gives each stream a lock, and more; each run would copy the pages for that.  The
 * stack goes again: libc would keep one of its own. */
void lg__threads_prepare(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *stack = lg__real()->mmap(NULL, FIRST_STACK, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        return;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, FIRST_STACK);
    if (!lg__real()->pthread_create(&thread, &attributes, do_nothing, NULL))
        lg__real()->pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    munmap(stack, FIRST_STACK);
}

void lg__threads_begin(void)
{
    pthread_setspecific(end_key, lg__self);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static void leave_locks(struct lg__thread *self)
{
    for (uint32_t i = self->held_count; i-- > 0;) {
        if (i >= LG__HELD_MAX)
            continue;
        struct lg__object *object = self->held[i].object;
        if (object->is_robust) {
            object->is_owner_dead = true;
            lg__mutex_give_up(self, object);
            continue;
        }
        if (self->held[i].is_shared)
            continue;
        lg__verdict_add("a thread ended and still has the lock " LG__PLACE_DATA
                        ", taken at " LG__PLACE_CODE "\n",
                        (unsigned long)object->address, (unsigned long)self->held[i].site);
        lg__verdict_found_by(self, LG__FINDING_LOCK_LEAK, self->held[i].site);
    }
}

static void leave_process(void) __attribute__((noreturn));

/* What libc would still do is for stacks that are used again, and lies on many pages.  It would count the thread
 * off, and the last one ends the process. */
static void leave_process(void)
{
    if (!lg__run.live_count)
        lg__real()->exit(0);
    for (;;)
        lg__kernel_call(SYS_exit, 0, 0, 0, 0);
}

/* Destructors of thread-specific data run in rounds; this one asks for another until the last, so that the
 * program's have all run, under control, when the thread ends. */
static void end_thread(void *argument)
{
    struct lg__thread *self = argument;
    if (self != lg__self)
        return;
    if (++self->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(end_key, self);
        return;
    }
    leave_locks(self);
    lg__baton_changed();
    lg__baton_leave(self);
    lg__self = NULL;
    lg__watched = NULL;
    leave_process();
}

/* ---- The begin --------------------------------------------------------------------------------------- */

static void *enter_thread(void *argument)
{
    struct lg__thread *self = argument;
    lg__baton_await(self);
    lg__self = self;
    lg__watched = self;
    pthread_setspecific(end_key, self);
    if (self->has_signal)
        lg__signal_deliver(self);
    self->result = self->start(self->argument);
    return self->result;
}

/* A stack is guarded by __tsan_func_entry: a mapping of its own with other rights would cost more than all
 * else that is done for a thread here. */
static int set_stack(pthread_attr_t *own, const pthread_attr_t *given, struct lg__thread *thread)
{
    size_t size = 0;
    void *stack = NULL;
    if (given && pthread_attr_getstack(given, &stack, &size))
        return EINVAL;
    /* Without a stack of the caller's libc says where one of that size would begin. */
    char *place = lg__room_stack(thread->index) + STACK_GUARD;
    if (given && (uintptr_t)stack > (uintptr_t)place && size > STACK_SIZE)
        return pthread_attr_setstack(own, stack, size);
    thread->stack_limit = (uintptr_t)place;
    if (!lg__reuse_is_again())
        lg__kernel_call(SYS_madvise, (long)(place + STACK_SIZE - STACK_TOP), STACK_TOP,
                        MADV_POPULATE_WRITE, 0);
    return pthread_attr_setstack(own, place, STACK_SIZE);
}

static int start_thread(struct lg__thread *thread, const pthread_attr_t *given)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int status = set_stack(&attributes, given, thread);
    bool was_clean = lg__residue_pause();
    if (!status)
        status = lg__real()->pthread_create(&thread->handle, &attributes, enter_thread, thread);
    lg__residue_go_on(was_clean);
    pthread_attr_destroy(&attributes);
    return status;
}

static void prepare(struct lg__thread *thread, const struct lg__thread *parent, uint32_t index,
                    uint64_t site)
{
    thread->index = index;
    thread->tag = LG__TABLE_TAG(index);
    thread->parent = parent->index;
    thread->created_at = site;
    thread->blocked = parent->blocked;
    thread->pending = LG__EVENT_BEGIN;
    thread->pending_site = site;
    thread->wait.deadline = LG__NEVER;
    lg__clock_copy(&thread->clock, &parent->clock);
    lg__clock_set(&thread->clock, index, 1);
}

void lg__thread_watch(struct lg__thread *self)
{
    lg__run.is_concurrent = true;
    lg__watched = self;
}

int lg__thread_create(struct lg__thread *self, pthread_t *handle, const pthread_attr_t *attributes,
                      void *(*start)(void *), void *argument, uint64_t site)
{
    uint32_t index = lg__name_find(self->index, ++self->children);
    struct lg__thread *thread = &lg__run.threads[index];
    prepare(thread, self, index, site);
    thread->start = start;
    thread->argument = argument;
    lg__campaign->names[index].kind = site * 31 + (uint64_t)(uintptr_t)start;
    int state = PTHREAD_CREATE_JOINABLE;
    if (attributes)
        pthread_attr_getdetachstate(attributes, &state);
    thread->is_joinable = state == PTHREAD_CREATE_JOINABLE;
    lg__thread_watch(self);
    int status = start_thread(thread, attributes);
    if (status)
        return status;
    *handle = thread->handle;
    lg__clock_set(&self->clock, self->index, lg__clock_of(&self->clock, self->index) + 1);
    lg__strategy_born(thread, self);
    lg__baton_enter(thread);
    lg__baton_changed();
    lg__baton_point(self, LG__EVENT_CREATE, 0, 0, site);
    return 0;
}

/* ---- Join and detach --------------------------------------------------------------------------------- */

struct lg__thread *lg__thread_of(pthread_t handle)
{
    for (uint32_t i = 0; i < lg__campaign->name_count; i++)
        if (lg__run.threads[i].handle == handle)
            return &lg__run.threads[i];
    return NULL;
}

struct lg__thread *lg__thread_by_tid(int32_t tid)
{
    if (tid == (int32_t)getpid())
        return &lg__run.threads[0];
    for (uint32_t i = 0; i < lg__campaign->name_count; i++)
        if (lg__run.threads[i].tid == tid)
            return &lg__run.threads[i];
    return NULL;
}

int lg__thread_join(struct lg__thread *self, pthread_t handle, void **result, uint64_t deadline,
                    uint64_t site)
{
    struct lg__thread *thread = lg__thread_of(handle);
    if (!thread)
        return ESRCH;
    if (thread == self)
        return EDEADLK;
    if (!thread->is_joinable)
        return EINVAL;
    lg__thread_look_for_cancel(self);
    self->pending = LG__EVENT_JOIN;
    self->pending_var = 0;
    self->pending_address = 0;
    self->pending_site = site;
    self->wait = (struct lg__wait){.kind = LG__WAIT_END,
                                   .thread = thread,
                                   .deadline = deadline,
                                   .site = site,
                                   .is_cancellable = true};
    bool has_ended = lg__baton_wait(self);
    lg__thread_look_for_cancel(self);
    if (!has_ended)
        return ETIMEDOUT;
    thread->is_joinable = false;
    lg__clock_join(&self->clock, &thread->clock);
    lg__baton_changed();
    if (result)
        *result = thread->result;
    return 0;
}

int lg__thread_detach(pthread_t handle)
{
    struct lg__thread *thread = lg__thread_of(handle);
    if (!thread)
        return ESRCH;
    if (!thread->is_joinable)
        return EINVAL;
    thread->is_joinable = false;
    return 0;
}

/* A request meets the thread at its next cancellation point; libc then unwinds it. */
void lg__thread_look_for_cancel(struct lg__thread *self)
{
    int state;
    if (!self->is_cancelled)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    pthread_setcancelstate(state, NULL);
    if (state != PTHREAD_CANCEL_ENABLE)
        return;
    self->is_cancelled = false;
    self->result = PTHREAD_CANCELED;
    lg__real()->pthread_cancel(pthread_self());
    pthread_testcancel();
}

/* ---- The names ---------------------------------------------------------------------------------------- */

LG__EXPORT int pthread_create(pthread_t *handle, const pthread_attr_t *attributes,
                              void *(*start)(void *), void *argument)
{
    struct lg__thread *self = lg__self;
    return self ? lg__thread_create(self, handle, attributes, start, argument, LG__SITE)
                : lg__real()->pthread_create(handle, attributes, start, argument);
}

LG__EXPORT int pthread_join(pthread_t handle, void **result)
{
    struct lg__thread *self = lg__self;
    return self ? lg__thread_join(self, handle, result, LG__NEVER, LG__SITE)
                : lg__real()->pthread_join(handle, result);
}

LG__EXPORT int pthread_clockjoin_np(pthread_t handle, void **result, clockid_t clock,
                                    const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_clockjoin_np(handle, result, clock, time);
    uint64_t deadline = LG__NEVER;
    int status = time ? lg__time_deadline(clock, time, &deadline) : 0;
    return status ? status : lg__thread_join(self, handle, result, deadline, LG__SITE);
}

LG__EXPORT int pthread_timedjoin_np(pthread_t handle, void **result, const struct timespec *time)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_timedjoin_np(handle, result, time);
    uint64_t deadline = LG__NEVER;
    int status = time ? lg__time_deadline(CLOCK_REALTIME, time, &deadline) : 0;
    return status ? status : lg__thread_join(self, handle, result, deadline, LG__SITE);
}

LG__EXPORT int pthread_tryjoin_np(pthread_t handle, void **result)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_tryjoin_np(handle, result);
    lg__baton_point(self, LG__EVENT_JOIN, 0, 0, LG__SITE);
    struct lg__thread *thread = lg__thread_of(handle);
    if (thread && thread->state != LG__THREAD_ENDED)
        return EBUSY;
    return lg__thread_join(self, handle, result, LG__NEVER, LG__SITE);
}

LG__EXPORT int pthread_setname_np(pthread_t handle, const char *name)
{
    const struct lg__thread *thread = lg__self ? lg__thread_of(handle) : NULL;
    if (thread && lg__journal_is_on)
        lg__journal_call(thread, name);
    return lg__real()->pthread_setname_np(handle, name);
}

LG__EXPORT int pthread_detach(pthread_t handle)
{
    return lg__self ? lg__thread_detach(handle) : lg__real()->pthread_detach(handle);
}

LG__EXPORT void pthread_exit(void *result)
{
    if (lg__self)
        lg__self->result = result;
    lg__real()->pthread_exit(result);
    __builtin_unreachable();
}

LG__EXPORT int pthread_cancel(pthread_t handle)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->pthread_cancel(handle);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    struct lg__thread *thread = lg__thread_of(handle);
    if (!thread || thread->state == LG__THREAD_ENDED)
        return ESRCH;
    thread->is_cancelled = true;
    return 0;
}

/* ---- Calls, for reports ------------------------------------------------------------------------------ */

/* The stack grows downwards: calls that began below where it is now were left by a jump. */
static inline void drop_below(struct lg__thread *self, uintptr_t stack)
{
    while (self->depth && self->depth <= LG__FRAMES_MAX &&
           self->frames[self->depth - 1].stack < stack)
        self->depth--;
}

static void end_of_stack(struct lg__thread *self, uint64_t site) __attribute__((noreturn));

static void end_of_stack(struct lg__thread *self, uint64_t site)
{
    lg__verdict_add("the stack of %zu kB is full: calls without end, or very large variables\n",
                    STACK_SIZE >> 10);
    self->stack_limit = 0;
    lg__verdict_found_by(self, LG__FINDING_CRASH, site);
}

LG__EXPORT void __tsan_func_entry(void *caller);
LG__EXPORT void __tsan_func_exit(void);

void __tsan_func_entry(void *caller)
{
    struct lg__thread *self = lg__self;
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    if (!self)
        return;
    if (__builtin_expect(stack < self->stack_limit, 0))
        end_of_stack(self, (uint64_t)(uintptr_t)caller);
    drop_below(self, stack + 1); /* no two are at one place */
    if (self->depth < LG__FRAMES_MAX)
        self->frames[self->depth] = (struct lg__frame){(uint64_t)(uintptr_t)caller, stack};
    self->depth++;
}

void __tsan_func_exit(void)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return;
    drop_below(self, (uintptr_t)__builtin_frame_address(0));
    if (self->depth)
        self->depth--;
}
