/* schedules: 20 */
/* Many threads, a block of 10 GB, blocks of all sizes that are freed by others, a child process. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 16

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *blocks[THREADS];

static void *fill(void *argument)
{
    int mine = *(int *)argument;
    char *block = malloc(1 + 20000u * (unsigned)mine);
    assert(block);
    memset(block, mine, 1 + 20000u * (unsigned)mine);
    pthread_mutex_lock(&mutex);
    blocks[mine] = block;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void fork_once(void)
{
    int status = 0;
    pid_t child = fork();
    if (!child) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        free(malloc(100));
        _exit(3);
    }
    assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

int main(void)
{
    static pthread_t threads[THREADS];
    static int numbers[THREADS];
    size_t huge = (size_t)10 << 30;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert(!pthread_create(&threads[i], NULL, fill, &numbers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert(blocks[i][20000 * i] == i);
        free(blocks[i]);
    }
    char *block = malloc(huge);
    assert(block);
    block[0] = block[huge - 1] = 1;
    block = realloc(block, 100);
    assert(block[0] == 1);
    free(block);
    fork_once();
    return 0;
}
