/* A stack whose pop looks at the top before it has the lock. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define ITEMS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int items[ITEMS], top;

static void *push(void *unused)
{
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&lock);
        if (top < ITEMS)
            items[top++] = i;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void *pop(void *unused)
{
    for (int i = 0; i < ITEMS; i++) {
        if (top > 0) {
            pthread_mutex_lock(&lock);
            assert(top > 0);
            top--;
            pthread_mutex_unlock(&lock);
        }
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, push, NULL);
    pthread_create(&threads[1], NULL, pop, NULL);
    pthread_create(&threads[2], NULL, pop, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
