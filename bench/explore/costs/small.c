/* A small program without a bug, as they are explored by the thousand: three threads, a lock, a counter, and
 * memory from the heap. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define THREADS 3

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int balance;

static void *deposit(void *amount)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&mutex);
        int before = balance;
        balance = before + *(int *)amount;
        pthread_mutex_unlock(&mutex);
    }
    free(amount);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        int *amount = malloc(sizeof *amount);
        assert(amount);
        *amount = i + 1;
        pthread_create(&threads[i], NULL, deposit, amount);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert(balance == 12);
    return 0;
}
