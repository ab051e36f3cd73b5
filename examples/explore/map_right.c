/* The map is changed under a lock. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define SLOTS 4

static int keys[SLOTS]; /* 0: empty */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void put(int key)
{
    int slot = 0;
    pthread_mutex_lock(&mutex);
    while (keys[slot])
        slot++;
    keys[slot] = key;
    pthread_mutex_unlock(&mutex);
}

static void *first(void *unused)
{
    put(1);
    return unused;
}

static void *second(void *unused)
{
    put(2);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, first, NULL);
    pthread_create(&threads[1], NULL, second, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&mutex);
    assert(keys[0] + keys[1] == 3);
    pthread_mutex_unlock(&mutex);
    return 0;
}
