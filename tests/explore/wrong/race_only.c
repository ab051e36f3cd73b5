/* finds: race --races=fail */
#include <pthread.h>
#include <stddef.h>

static int hint;

static void *work(void *unused)
{
    hint = 1;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
