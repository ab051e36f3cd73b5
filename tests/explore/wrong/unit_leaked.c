/* finds: lost-wakeup */
/* Who has the only unit ends without giving it back: nobody holds it any more. */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static sem_t unit;
static int has_failed;

static void *fails(void *unused)
{
    sem_wait(&unit);
    if (!has_failed)
        sem_post(&unit);
    return unused;
}

static void *works(void *unused)
{
    has_failed = 1;
    sem_wait(&unit);
    sem_post(&unit);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&unit, 0, 1);
    pthread_create(&threads[0], NULL, fails, NULL);
    pthread_create(&threads[1], NULL, works, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
