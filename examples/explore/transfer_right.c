/* Reading, computing and writing are one step under the lock. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static int accounts[3] = {100, 100, 100};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void move_money(int from, int to, int amount)
{
    pthread_mutex_lock(&mutex);
    int first = accounts[from], second = accounts[to];
    accounts[from] = first - amount;
    accounts[to] = second + amount;
    pthread_mutex_unlock(&mutex);
}

static void *work(void *unused)
{
    move_money(0, 1, 10);
    move_money(1, 2, 10);
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
    assert(accounts[0] + accounts[1] + accounts[2] == 300);
    pthread_mutex_unlock(&mutex);
    return 0;
}
