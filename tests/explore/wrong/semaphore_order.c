/* finds: deadlock */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static sem_t units;

/* Each wants two units, one after the other, and there are two. */
static void *work(void *unused)
{
    sem_wait(&units);
    sem_wait(&units);
    sem_post(&units);
    sem_post(&units);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&units, 0, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
