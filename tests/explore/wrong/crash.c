/* finds: crash */
#include <pthread.h>
#include <stddef.h>

static int value;
static int *pointer = &value;

static void *reset(void *unused)
{
    pointer = NULL;
    return unused;
}

static void *use(void *unused)
{
    if (pointer)
        *pointer = 1;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, use, NULL);
    pthread_create(&threads[1], NULL, reset, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
