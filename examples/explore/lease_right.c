/* Looking and taking are one step under the lock. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define CONNECTIONS 2

static int is_lent[CONNECTIONS];
static int idle[CONNECTIONS] = {0, 1}, idle_count = CONNECTIONS;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int get(void)
{
    pthread_mutex_lock(&mutex);
    int connection = idle[idle_count - 1];
    idle_count--;
    pthread_mutex_unlock(&mutex);
    return connection;
}

static void *work(void *unused)
{
    int mine = get();
    pthread_mutex_lock(&mutex);
    assert(!is_lent[mine]);
    is_lent[mine] = 1;
    pthread_mutex_unlock(&mutex);
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
