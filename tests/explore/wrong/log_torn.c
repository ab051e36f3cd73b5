/* finds: assert */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *lines;

/* Each of the two is whole; the line is not. */
static void *say(void *text)
{
    fwrite(text, 1, strlen(text), lines);
    fwrite("\n", 1, 1, lines);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    char *text;
    size_t size;
    lines = open_memstream(&text, &size);
    pthread_create(&threads[0], NULL, say, "one");
    pthread_create(&threads[1], NULL, say, "two");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    fclose(lines);
    assert(!strcmp(text, "one\ntwo\n") || !strcmp(text, "two\none\n"));
    free(text);
    return 0;
}
