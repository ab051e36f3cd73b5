/* Each line of a log is written in two parts: lines are mixed. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static char text[32];
static atomic_int length;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void add(const char *part)
{
    for (; *part; part++)
        text[atomic_fetch_add(&length, 1)] = *part;
}

static void *work(void *unused)
{
    add("ab");
    add("\n");
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&mutex);
    assert(!strcmp(text, "ab\nab\n"));
    pthread_mutex_unlock(&mutex);
    return 0;
}
