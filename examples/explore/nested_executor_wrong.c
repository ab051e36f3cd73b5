/* A task waits for a task of its own executor, which has no worker left for it. */
#include <pthread.h>
#include <stddef.h>

/* One worker; a queue of one task. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_queued, is_done;

/* The mutex is held. */
static void run_queued(void)
{
    is_queued = 0;
    is_done = 1;
    pthread_cond_broadcast(&changed);
}

static void outer_task(void)
{
    pthread_mutex_lock(&mutex);
    is_queued = 1;
    pthread_cond_broadcast(&changed);
    while (!is_done)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void *worker(void *unused)
{
    outer_task();
    pthread_mutex_lock(&mutex);
    if (is_queued)
        run_queued();
    pthread_mutex_unlock(&mutex);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    pthread_join(thread, NULL);
    return 0;
}
