/* schedules: 3 */
/* Blocks come and go for long: the memory stays what is in use, and some. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#define KEPT 64

static void *work(void *seed_of)
{
    char *kept[KEPT] = {0};
    unsigned seed = *(unsigned *)seed_of;
    for (int i = 0; i < 40000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned place = (seed >> 16) % KEPT;
        size_t size = 1 + (seed >> 8) % 3000;
        free(kept[place]);
        kept[place] = i % 2 ? malloc(size) : calloc(1, size);
        assert(kept[place]);
        assert(i % 2 || (!kept[place][0] && !kept[place][size - 1]));
        kept[place][0] = kept[place][size - 1] = 1;
    }
    for (int i = 0; i < KEPT; i++)
        free(kept[i]);
    return NULL;
}

static void use_large(void)
{
    size_t size = (size_t)1 << 20;
    for (int i = 0; i < 500; i++) {
        char *block = malloc(size);
        assert(block);
        for (size_t at = 0; at < size; at += 4096)
            block[at] = 1;
        free(block);
    }
}

int main(void)
{
    pthread_t threads[2];
    unsigned seeds[2] = {1, 2};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, &seeds[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    use_large();
    struct rusage usage;
    assert(!getrusage(RUSAGE_SELF, &usage) && usage.ru_maxrss < 150 << 10);
    return 0;
}
