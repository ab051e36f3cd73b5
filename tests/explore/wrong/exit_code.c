/* finds: exit-code */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int order;

static void *first(void *unused)
{
    atomic_store(&order, 1);
    return unused;
}

static void *second(void *unused)
{
    atomic_store(&order, 2);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, first, NULL);
    pthread_create(&threads[1], NULL, second, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return atomic_load(&order) == 2 ? 0 : 3;
}
