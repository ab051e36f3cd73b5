/* finds: lost-wakeup */
#include <pthread.h>
#include <stddef.h>

static pthread_barrier_t barrier;
static int is_over;

static void *work(void *unused)
{
    if (!is_over)
        pthread_barrier_wait(&barrier);
    is_over = 1;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&threads[0], NULL, work, NULL);
    is_over = 1;
    pthread_create(&threads[1], NULL, work, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
