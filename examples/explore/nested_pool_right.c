/* The pool has one more than the threads that nest: one of them always gets its second. */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

#define POOL 3

static sem_t idle;

static void *work(void *unused)
{
    sem_wait(&idle);
    sem_wait(&idle);
    sem_post(&idle);
    sem_post(&idle);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&idle, 0, POOL);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
