/* The one instance is made by whoever finds none: two find none. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct settings {
    int value;
};

static struct settings *_Atomic instance;
static atomic_int made;

static void make(void)
{
    atomic_store(&instance, malloc(sizeof(struct settings)));
    atomic_fetch_add(&made, 1);
}

static struct settings *get(void)
{
    if (!atomic_load(&instance))
        make();
    return atomic_load(&instance);
}

static void *work(void *unused)
{
    assert(get());
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(atomic_load(&made) == 1);
    return 0;
}
