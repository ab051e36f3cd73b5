/* Lines that stay whole: under the stream's own lock, or in one call.  What flockfile guards is no race. */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *lines;
static int count; /* guarded by the stream's lock */

static void *say(void *text)
{
    flockfile(lines);
    fwrite(text, 1, strlen(text), lines);
    fputc('\n', lines);
    count++;
    funlockfile(lines);
    return NULL;
}

static void *print(void *text)
{
    fprintf(lines, "%s%c", (char *)text, '\n');
    if (!ftrylockfile(lines)) {
        count++;
        funlockfile(lines);
    }
    return NULL;
}

static void check(char *text)
{
    char line[16];
    FILE *in = fmemopen(text, strlen(text), "r");
    int found = 0;
    for (; fgets(line, sizeof line, in); found++)
        assert(!strcmp(line, "one\n") || !strcmp(line, "two\n") || !strcmp(line, "three\n"));
    assert(found == 3);
    fclose(in);
}

int main(void)
{
    pthread_t threads[3];
    char *text;
    size_t size;
    lines = open_memstream(&text, &size);
    pthread_create(&threads[0], NULL, say, "one");
    pthread_create(&threads[1], NULL, say, "two");
    pthread_create(&threads[2], NULL, print, "three");
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    fclose(lines);
    check(text);
    assert(count == 2 || count == 3);
    free(text);
    return 0;
}
