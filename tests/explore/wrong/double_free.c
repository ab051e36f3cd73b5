/* finds: double-free */
#include <pthread.h>
#include <stdlib.h>

static char *_Atomic shared;

static void *drop(void *unused)
{
    char *memory = shared;
    if (memory) {
        free(memory);
        shared = NULL;
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = malloc(100);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, drop, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
