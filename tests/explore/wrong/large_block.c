/* finds: use-after-free */
#include <pthread.h>
#include <stdlib.h>

#define SIZE (1 << 20)

static char *_Atomic shared;

static void *use(void *unused)
{
    char *memory = shared;
    if (memory)
        memory[SIZE / 2] = 1;
    return unused;
}

static void *drop(void *unused)
{
    char *memory = shared;
    shared = NULL;
    free(memory);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = malloc(SIZE);
    pthread_create(&threads[0], NULL, use, NULL);
    pthread_create(&threads[1], NULL, drop, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
