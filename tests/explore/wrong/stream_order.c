/* finds: deadlock */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The stream, then the mutex. */
static void *lock_both(void *unused)
{
    flockfile(stderr);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    funlockfile(stderr);
    return unused;
}

/* The mutex, then the stream. */
static void *flush_locked(void *unused)
{
    pthread_mutex_lock(&mutex);
    fflush(stderr);
    pthread_mutex_unlock(&mutex);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, lock_both, NULL);
    pthread_create(&threads[1], NULL, flush_locked, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
