#include "threads.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thread {
    const char *name; /* r/o */
    struct threads *threads;
    pthread_t id;
    bool is_joined; /* main thread only */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t given, begun;    /* under lock */
    bool is_ending;         /* under lock; to end when it has nothing to do */
    bool is_dead;           /* under lock; an operation went wrong */
    struct outcome outcome; /* under lock; of the operation that went wrong */
    const struct operation *queue[];
};

struct outcome outcome_broken(const char *format, ...)
{
    struct outcome outcome = {.kind = OUTCOME_BROKEN};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outcome.text, sizeof outcome.text, format, arguments);
    va_end(arguments);
    return outcome;
}

/* The next operation; NULL: the thread is to end. */
static const struct operation *take(struct thread *thread)
{
    const struct operation *operation = NULL;
    pthread_mutex_lock(&thread->lock);
    while (thread->begun == thread->given && !thread->is_ending)
        pthread_cond_wait(&thread->changed, &thread->lock);
    if (thread->begun < thread->given)
        operation = thread->queue[thread->begun++];
    pthread_mutex_unlock(&thread->lock);
    return operation;
}

static void count_done(struct threads *threads, size_t count)
{
    __atomic_sub_fetch(&threads->busy, (uint32_t)count, __ATOMIC_SEQ_CST);
}

/* The rest of its operations will not be done. */
static void die(struct thread *thread, const struct outcome *outcome)
{
    pthread_mutex_lock(&thread->lock);
    thread->outcome = *outcome;
    thread->is_dead = true;
    count_done(thread->threads, thread->given - thread->begun);
    thread->given = thread->begun;
    pthread_mutex_unlock(&thread->lock);
}

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    const struct operation *operation;
    while ((operation = take(thread)) != NULL) {
        struct outcome outcome = thread->threads->perform(thread->threads->arg, operation);
        if (outcome.kind != OUTCOME_FINE)
            die(thread, &outcome);
        count_done(thread->threads, 1);
        if (outcome.kind != OUTCOME_FINE)
            break;
    }
    return NULL;
}

static struct thread *find(struct threads *threads, const char *name)
{
    for (size_t i = 0; i < threads->count; i++)
        if (!strcmp(threads->list[i]->name, name))
            return threads->list[i];
    return NULL;
}

static void free_thread(struct thread *thread)
{
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}

struct outcome threads_start(struct threads *threads, const char *name)
{
    if (find(threads, name))
        return outcome_broken("thread \"%s\" was started before", name);
    if (threads->count == SCENARIO_THREADS_MAX)
        return outcome_broken("more than %d threads", SCENARIO_THREADS_MAX);
    struct thread *thread = calloc(1, sizeof *thread + threads->room * sizeof thread->queue[0]);
    if (!thread)
        return outcome_broken("out of memory");
    thread->name = name;
    thread->threads = threads;
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->changed, NULL);
    if (pthread_create(&thread->id, NULL, run_thread, thread) != 0) {
        free_thread(thread);
        return outcome_broken("thread \"%s\" cannot be started", name);
    }
    threads->list[threads->count++] = thread;
    return (struct outcome){0};
}

struct outcome threads_hand(struct threads *threads, const struct operation *operation)
{
    struct thread *thread = find(threads, operation->thread);
    if (!thread || thread->is_joined)
        return outcome_broken("thread \"%s\" does not run", operation->thread);
    pthread_mutex_lock(&thread->lock);
    if (!thread->is_dead) {
        thread->queue[thread->given++] = operation;
        __atomic_add_fetch(&threads->busy, 1, __ATOMIC_SEQ_CST);
        pthread_cond_signal(&thread->changed);
    }
    pthread_mutex_unlock(&thread->lock);
    return (struct outcome){0};
}

static void end(struct thread *thread, bool must_finish)
{
    pthread_mutex_lock(&thread->lock);
    thread->is_ending = true;
    if (!must_finish)
        thread->given = thread->begun;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    if (!thread->is_joined)
        pthread_join(thread->id, NULL);
    thread->is_joined = true;
}

struct outcome threads_join(struct threads *threads, const char *name)
{
    struct thread *thread = find(threads, name);
    if (!thread || thread->is_joined)
        return outcome_broken("thread \"%s\" does not run", name);
    end(thread, true);
    return thread->outcome;
}

struct outcome threads_look(struct threads *threads)
{
    struct outcome outcome = {0};
    for (size_t i = 0; i < threads->count && outcome.kind != OUTCOME_BROKEN; i++) {
        struct thread *thread = threads->list[i];
        pthread_mutex_lock(&thread->lock);
        outcome = thread->outcome;
        pthread_mutex_unlock(&thread->lock);
    }
    return outcome.kind == OUTCOME_BROKEN ? outcome : (struct outcome){0};
}

void threads_end(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        end(threads->list[i], false);
        free_thread(threads->list[i]);
    }
    threads->count = 0;
}
