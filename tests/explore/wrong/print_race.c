/* finds: race --races=fail */
/* Two print into the same text. */
#include <pthread.h>
#include <stdio.h>

static char text[32];

static void *write_text(void *number)
{
    snprintf(text, sizeof text, "number %d", *(int *)number);
    return NULL;
}

int main(void)
{
    static int numbers[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, write_text, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
