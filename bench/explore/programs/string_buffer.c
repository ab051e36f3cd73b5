/* Append takes the other's length, and then its characters, with the lock let go in between. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char text[16] = "abc";
static int length = 3;

static int get_length(void)
{
    pthread_mutex_lock(&lock);
    int got = length;
    pthread_mutex_unlock(&lock);
    return got;
}

static void copy(char *out, int count)
{
    pthread_mutex_lock(&lock);
    assert(count <= length);
    memcpy(out, text, (size_t)count);
    pthread_mutex_unlock(&lock);
}

static void *erase(void *unused)
{
    pthread_mutex_lock(&lock);
    length = 0;
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(void)
{
    pthread_t eraser;
    char out[16];
    pthread_create(&eraser, NULL, erase, NULL);
    copy(out, get_length());
    pthread_join(eraser, NULL);
    return 0;
}
