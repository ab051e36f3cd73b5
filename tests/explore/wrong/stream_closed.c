/* finds: use-after-free */
#include <pthread.h>
#include <stdio.h>

static FILE *file;

static void *print(void *unused)
{
    fputs("a line\n", file);
    return unused;
}

int main(void)
{
    pthread_t thread;
    file = fopen("/dev/null", "w");
    pthread_create(&thread, NULL, print, NULL);
    fclose(file);
    pthread_join(thread, NULL);
    return 0;
}
