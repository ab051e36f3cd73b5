/* finds: use-after-free */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *name;

static void *print(void *unused)
{
    char line[64];
    snprintf(line, sizeof line, "%5.1f %-*s %ld", 1.0, 12, name, 2L);
    return unused;
}

int main(void)
{
    pthread_t thread;
    name = strdup("somebody");
    pthread_create(&thread, NULL, print, NULL);
    free(name);
    pthread_join(thread, NULL);
    return 0;
}
