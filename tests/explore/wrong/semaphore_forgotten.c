/* finds: lost-wakeup */
/* The producer has taken all the free places and not said that they are full: nobody holds them, a signal
 * is missing. */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

#define PLACES 2

static sem_t free_places, full_places;

static void *produce(void *unused)
{
    for (int i = 0; i <= PLACES; i++) {
        sem_wait(&free_places);
        if (i > 0)
            sem_post(&full_places);
    }
    return unused;
}

static void *consume(void *unused)
{
    for (int i = 0; i <= PLACES; i++) {
        sem_wait(&full_places);
        sem_post(&free_places);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&free_places, 0, PLACES);
    sem_init(&full_places, 0, 0);
    pthread_create(&threads[0], NULL, produce, NULL);
    pthread_create(&threads[1], NULL, consume, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
