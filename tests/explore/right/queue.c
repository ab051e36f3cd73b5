/* A bounded buffer between two producers and two consumers, by mutex and conditions. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define ROOM 2
#define EACH 3

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_room = PTHREAD_COND_INITIALIZER, has_item = PTHREAD_COND_INITIALIZER;
static int items[ROOM], count, sum;

static void *produce(void *unused)
{
    for (int i = 1; i <= EACH; i++) {
        pthread_mutex_lock(&mutex);
        while (count == ROOM)
            pthread_cond_wait(&has_room, &mutex);
        items[count++] = i;
        pthread_cond_signal(&has_item);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static void *consume(void *unused)
{
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&mutex);
        while (!count)
            pthread_cond_wait(&has_item, &mutex);
        sum += items[--count];
        pthread_cond_broadcast(&has_room);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 ? consume : produce, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(sum == EACH * (EACH + 1));
    return 0;
}
