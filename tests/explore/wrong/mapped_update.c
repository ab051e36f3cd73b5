/* finds: assert */
#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>

/* An update is lost in memory that a thread has mapped, beside other mappings that come before it. */
static int *volatile shared;
static pthread_barrier_t mapped;

static void *map_one(void *unused)
{
    void *place = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(place != MAP_FAILED);
    shared = place;
    pthread_barrier_wait(&mapped);
    (*shared)++;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_barrier_init(&mapped, 0, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, map_one, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    assert(*shared == 2);
    return 0;
}
