/* Long loops that read one shared place again and again are no livelock: they end. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define ROUNDS 20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int factor;

static void *work(void *unused)
{
    long total = 0;
    pthread_mutex_lock(&mutex);
    factor++;
    for (int i = 0; i < ROUNDS; i++)
        total += factor;
    pthread_mutex_unlock(&mutex);
    assert(total >= ROUNDS);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
