/* A reference count that is read and written in two steps: both see that they are the last. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct thing {
    atomic_int references;
};

static struct thing *shared;

static void *drop(void *unused)
{
    atomic_store(&shared->references, atomic_load(&shared->references) - 1);
    if (atomic_load(&shared->references) == 0)
        free(shared);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = malloc(sizeof *shared);
    atomic_init(&shared->references, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, drop, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
