/* A set is emptied by swapping it out, in more than one step: a socket that is
 * returned in between is lost. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

struct set {
    int count;
};

static struct set sets[2];
static struct set *current = &sets[0];
static int closed;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *reset(void *unused)
{
    struct set *old = current;
    current = &sets[1];
    closed += old->count;
    old->count = 0;
    return unused;
}

static void *give_back(void *unused)
{
    pthread_mutex_lock(&mutex);
    current->count++;
    pthread_mutex_unlock(&mutex);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, reset, NULL);
    pthread_create(&threads[1], NULL, give_back, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(closed + current->count == 1);
    return 0;
}
