/* finds: race --races=fail */
/* realloc copies what another thread writes. */
#include <pthread.h>
#include <stdlib.h>

static int *block;

static void *grow(void *unused)
{
    int *grown = realloc(block, 1000);
    free(grown);
    return unused;
}

int main(void)
{
    pthread_t thread;
    int *mine = block = calloc(8, sizeof *block);
    pthread_create(&thread, NULL, grow, NULL);
    mine[5] = 1;
    pthread_join(thread, NULL);
    return 0;
}
