/* Four threads copy a token from one to the next; at the end all copies should differ. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int tokens[4] = {1, 2, 3, 4};

static void *copy(void *argument)
{
    int mine = *(int *)argument;
    pthread_mutex_lock(&lock);
    tokens[mine] = tokens[(mine + 3) % 4] + 1;
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    int numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, copy, &numbers[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(!(tokens[0] == 5 && tokens[3] == 4 && tokens[2] == 3 && tokens[1] == 2));
    return 0;
}
