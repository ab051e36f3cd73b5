/* finds: deadlock */
/* No wait begins when it closes: a signal makes the sleeper want its mutex back, and who has that waits for
 * what the sleeper holds.  A fourth thread goes on for ever. */
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *sleeper(void *unused)
{
    pthread_mutex_lock(&outer);
    pthread_mutex_lock(&inner);
    pthread_cond_wait(&condition, &inner);
    pthread_mutex_unlock(&inner);
    pthread_mutex_unlock(&outer);
    return unused;
}

static void *backwards(void *unused)
{
    usleep(10000);
    pthread_mutex_lock(&inner);
    pthread_mutex_lock(&outer);
    pthread_mutex_unlock(&outer);
    pthread_mutex_unlock(&inner);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, sleeper, NULL);
    pthread_create(&threads[1], NULL, backwards, NULL);
    usleep(1000000);
    pthread_cond_signal(&condition);
    for (;;)
        usleep(1000000);
}
