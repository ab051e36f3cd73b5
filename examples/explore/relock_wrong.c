/* A method that locks calls another that locks the same: it waits for itself. */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void add_one(void)
{
    count++;
}

static void add_one_alone(void)
{
    pthread_mutex_lock(&mutex);
    add_one();
    pthread_mutex_unlock(&mutex);
}

static void *work(void *unused)
{
    pthread_mutex_lock(&mutex);
    add_one_alone();
    pthread_mutex_unlock(&mutex);
    add_one_alone();
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return count == 4 ? 0 : 1;
}
