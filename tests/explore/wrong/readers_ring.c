/* finds: deadlock */
/* Two read each what the other wants to write, while a third thread goes on for ever: it is found when it
 * closes. */
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_rwlock_t locks[2] = {PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER};

static void *work(void *first)
{
    pthread_rwlock_t *own = first;
    pthread_rwlock_t *other = own == locks ? locks + 1 : locks;
    pthread_rwlock_rdlock(own);
    pthread_rwlock_wrlock(other);
    pthread_rwlock_unlock(other);
    pthread_rwlock_unlock(own);
    return NULL;
}

static void *tick(void *unused)
{
    for (;;)
        usleep(1000);
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, tick, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i + 1], NULL, work, &locks[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i + 1], NULL);
    return 0;
}
