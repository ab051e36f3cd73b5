/* Texts that are handed on in the right order: copied under a lock, read before they are freed. */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char current[32] = "idle";
static char *shared;
static const char constant[] = "read by all";

static void *set(void *unused)
{
    char mine[32];
    memset(mine, 0, sizeof mine);
    strncpy(mine, "stopped", sizeof mine);
    pthread_mutex_lock(&mutex);
    memcpy(current, mine, sizeof mine);
    free(shared);
    shared = strdup(mine);
    pthread_mutex_unlock(&mutex);
    assert(strlen(constant) == 11 && strchr(constant, 'b') == constant + 5);
    return unused;
}

static void *look(void *unused)
{
    char copy[32] = "a";
    pthread_mutex_lock(&mutex);
    size_t length = strlen(current);
    strcat(copy, current);
    char *other = strndup(shared, 3);
    pthread_mutex_unlock(&mutex);
    assert(strlen(copy) == length + 1 && copy[0] == 'a');
    assert(!memcmp(other, "idl", 3) || !strcmp(other, "sto"));
    assert(strstr(constant, "all") == constant + 8 && strrchr(constant, 'a') == constant + 8);
    assert(strspn(constant, "dear") == 4 && strcspn(constant, " ") == 4);
    assert(memchr(constant, 'd', 5) == constant + 3 && !strncasecmp(constant, "READY", 4));
    free(other);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = strdup("idle");
    pthread_create(&threads[0], NULL, set, NULL);
    pthread_create(&threads[1], NULL, look, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert(!strcmp(shared, "stopped") && !strcmp(current, "stopped"));
    free(shared);
    return 0;
}
