/* finds: race --races=fail */
/* sscanf writes what another thread reads. */
#include <pthread.h>
#include <stdio.h>

static struct {
    int number;
    char word[8];
} shared;

static void *scan(void *unused)
{
    return sscanf("12 words", "%*d %7s", shared.word) == 1 ? unused : &shared;
}

static void *look(void *unused)
{
    return shared.word[2] == 'r' ? &shared : unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, scan, NULL);
    pthread_create(&threads[1], NULL, look, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
