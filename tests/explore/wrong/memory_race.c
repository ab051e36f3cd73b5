/* finds: race --races=fail */
#include <pthread.h>
#include <string.h>

static char name[64];
static const char names[2][64] = {"first", "second"};

static void *rename_it(void *which)
{
    memcpy(name, which, sizeof name);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, rename_it, (void *)names[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
