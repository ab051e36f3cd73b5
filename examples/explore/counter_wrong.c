/* Two threads count without a lock: increments are lost. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *unused)
{
    for (int i = 0; i < 3; i++)
        count++;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&mutex);
    assert(count == 6);
    pthread_mutex_unlock(&mutex);
    return 0;
}
