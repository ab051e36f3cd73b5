/* finds: deadlock */
/* The handler takes a lock that the thread may have already. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void add_one(int unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    count++;
    pthread_mutex_unlock(&mutex);
}

static void *work(void *unused)
{
    add_one(0);
    return unused;
}

int main(void)
{
    pthread_t thread;
    signal(SIGUSR1, add_one);
    pthread_create(&thread, NULL, work, NULL);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    return 0;
}
