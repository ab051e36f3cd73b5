/* finds: use-after-free */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static char *_Atomic shared;
static size_t length;

static void *measure(void *unused)
{
    char *text = shared;
    if (text)
        length = strlen(text);
    return unused;
}

static void *drop(void *unused)
{
    char *text = shared;
    shared = NULL;
    free(text);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = strdup("a text of some length");
    pthread_create(&threads[0], NULL, measure, NULL);
    pthread_create(&threads[1], NULL, drop, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return length > 21;
}
