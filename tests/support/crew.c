/* The crew. */
#include "support/crew.h"

#include "graph/context.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE                                                                                 \
    ((size_t)1 << 19) /* enough for a sanitizer's frames; untouched pages cost nothing */

struct todo {
    crew_step *step;
    void *arg;
};

struct crew_worker {
    pthread_t thread;
    char name[LG_NAME_SIZE];
    bool has_name;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct todo todo[CREW_STEPS_MAX];    /* under mutex; a ring */
    uint32_t first, count;               /* under mutex; the first is being done */
    int result;                          /* under mutex; of the last step */
    bool must_leave;                     /* under mutex */
    struct lg_context *context;          /* atomic */
    struct crew_worker *next, *previous; /* main thread */
};

static struct crew_worker *all;

static void set_ready(struct crew_worker *worker)
{
    lg__store_release(&worker->context, lg_context_self());
}

/* The next step, or false to leave. */
static bool next_step(struct crew_worker *worker, struct todo *todo)
{
    pthread_mutex_lock(&worker->mutex);
    while (worker->count == 0 && !worker->must_leave)
        pthread_cond_wait(&worker->changed, &worker->mutex);
    bool has_step = worker->count > 0;
    if (has_step)
        *todo = worker->todo[worker->first];
    pthread_mutex_unlock(&worker->mutex);
    return has_step;
}

static void finish_step(struct crew_worker *worker, int result)
{
    /* A step may have left the thread without a context, and that is to stay so. */
    lg__store_release(&worker->context, lg__self);
    pthread_mutex_lock(&worker->mutex);
    worker->result = result;
    worker->first = (worker->first + 1) % CREW_STEPS_MAX;
    worker->count--;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
}

static void *work(void *arg)
{
    struct crew_worker *worker = arg;
    struct todo todo;
    if (worker->has_name && lg_context_set_name(worker->name) != LG_OK)
        abort();
    set_ready(worker);
    while (next_step(worker, &todo))
        finish_step(worker, todo.step(todo.arg));
    return NULL;
}

struct crew_worker *crew_hire(const char *name)
{
    struct crew_worker *worker = calloc(1, sizeof *worker);
    pthread_attr_t attributes;
    if (!worker)
        fail_msg("out of memory for a worker");
    worker->has_name = name != NULL;
    if (name)
        snprintf(worker->name, sizeof worker->name, "%s", name);
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->changed, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(&worker->thread, &attributes, work, worker) != 0)
        fail_msg("no thread for worker %s", worker->name);
    pthread_attr_destroy(&attributes);
    worker->next = all;
    if (all)
        all->previous = worker;
    all = worker;
    while (!lg__load_acquire(&worker->context))
        sched_yield();
    return worker;
}

struct crew_worker *crew_hire_numbered(const char *prefix, unsigned number)
{
    char name[LG_NAME_SIZE];
    snprintf(name, sizeof name, "%s%u", prefix, number);
    return crew_hire(name);
}

void crew_run(struct crew_worker *worker, crew_step *step, void *arg)
{
    pthread_mutex_lock(&worker->mutex);
    bool has_room = worker->count < CREW_STEPS_MAX;
    if (has_room) {
        worker->todo[(worker->first + worker->count++) % CREW_STEPS_MAX] = (struct todo){step, arg};
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->mutex);
    if (!has_room)
        fail_msg("worker %s has too much to do", worker->name);
}

int crew_wait(struct crew_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (worker->count > 0)
        pthread_cond_wait(&worker->changed, &worker->mutex);
    int result = worker->result;
    pthread_mutex_unlock(&worker->mutex);
    return result;
}

int crew_do(struct crew_worker *worker, crew_step *step, void *arg)
{
    crew_run(worker, step, arg);
    return crew_wait(worker);
}

bool crew_is_idle(struct crew_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    bool is_idle = worker->count == 0;
    pthread_mutex_unlock(&worker->mutex);
    return is_idle;
}

struct lg_context *crew_context(const struct crew_worker *worker)
{
    return lg__load_acquire(&worker->context);
}

pthread_t crew_thread(const struct crew_worker *worker)
{
    return worker->thread;
}

bool crew_is_blocked(const struct crew_worker *worker)
{
    struct lg_context *context = crew_context(worker);
    if (!context)
        return false;
    enum lg__wait_state state = LG__WAIT_STATE(lg__load_acquire(&context->wait.word));
    return state == LG__WAIT_WAITING || state == LG__WAIT_OUTSIDE;
}

/* A context that is WAITING may not have looked for a deadlock yet.  That it sleeps shows in a
 * futex call that finds it there; the wake-up it gets tells it nothing new, so it sleeps again. */
static bool sleeps_on_its_word(struct lg_context *context)
{
    uint32_t *half = (uint32_t *)&context->wait.word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    half++;
#endif
    return syscall(SYS_futex, half, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) == 1;
}

static bool waits_for(struct lg_context *context, const void *object)
{
    uint64_t word = lg__load_acquire(&context->wait.word);
    enum lg__wait_state state = LG__WAIT_STATE(word);
    if (state != LG__WAIT_WAITING && state != LG__WAIT_OUTSIDE)
        return false;
    if (!object)
        return true;
    if (!lg__wait_pin(&context->wait, word))
        return false;
    bool is_it = context->wait.want.object == object;
    lg__wait_unpin(&context->wait);
    return is_it;
}

void crew_wait_blocked_on(struct crew_worker *worker, const void *object)
{
    for (;;) {
        struct lg_context *context = crew_context(worker);
        if (context && waits_for(context, object) && sleeps_on_its_word(context))
            return;
        if (crew_is_idle(worker))
            fail_msg("worker %s did not block: its last step returned %s", worker->name,
                     lg_status_name(worker->result));
        sched_yield();
    }
}

void crew_wait_blocked(struct crew_worker *worker)
{
    crew_wait_blocked_on(worker, NULL);
}

void crew_run_blocked(struct crew_worker *worker, crew_step *step, void *arg)
{
    crew_run(worker, step, arg);
    crew_wait_blocked(worker);
}

void crew_run_blocked_on(struct crew_worker *worker, crew_step *step, void *arg, const void *object)
{
    crew_run(worker, step, arg);
    crew_wait_blocked_on(worker, object);
}

void crew_wait_asleep(uint64_t id)
{
    for (;;) {
        struct lg_context *context = lg__context_find(id);
        if (!context)
            fail_msg("a context that was to block has ended");
        if (waits_for(context, NULL) && sleeps_on_its_word(context))
            return;
        sched_yield();
    }
}

static uint32_t stalled, may_go_on; /* atomic */

static void stall(int signal_number)
{
    (void)signal_number;
    lg__store_release(&stalled, 1u);
    while (!lg__load_acquire(&may_go_on))
        lg__cpu_relax();
}

void crew_stall(struct crew_worker *worker)
{
    struct sigaction action = {.sa_handler = stall};
    sigaction(SIGUSR2, &action, NULL);
    lg__store_full(&stalled, 0u);
    lg__store_full(&may_go_on, 0u);
    if (pthread_kill(worker->thread, SIGUSR2) != 0)
        fail_msg("no signal to worker %s", worker->name);
    while (!lg__load_acquire(&stalled))
        sched_yield();
}

void crew_go_on(void)
{
    lg__store_release(&may_go_on, 1u);
}

static void unlink_worker(struct crew_worker *worker)
{
    if (worker->previous)
        worker->previous->next = worker->next;
    else
        all = worker->next;
    if (worker->next)
        worker->next->previous = worker->previous;
}

void crew_send_home(struct crew_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    worker->must_leave = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
}

static void dismiss(struct crew_worker *worker)
{
    unlink_worker(worker);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

void crew_leave(struct crew_worker *worker)
{
    crew_send_home(worker);
    dismiss(worker);
}

/* A worker whose step has not ended may be on its way to the end, unless it is seen asleep. */
static bool is_stuck(struct crew_worker *worker)
{
    while (!crew_is_idle(worker)) {
        struct lg_context *context = crew_context(worker);
        if (context && waits_for(context, NULL) && sleeps_on_its_word(context))
            return true;
        sched_yield();
    }
    return false;
}

bool crew_end(void)
{
    bool is_clean = true;
    crew_go_on();
    struct crew_worker *next;
    for (struct crew_worker *worker = all; worker; worker = worker->next)
        crew_send_home(worker);
    for (struct crew_worker *worker = all; worker; worker = next) {
        next = worker->next;
        if (!is_stuck(worker)) {
            dismiss(worker);
            continue;
        }
        unlink_worker(worker);
        pthread_detach(worker->thread);
        support_say("worker %s still blocks at the end of the test\n", worker->name);
        is_clean = false;
    }
    return is_clean;
}
