/* finds: crash */
/* The handler is set too late. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static void ignore(int unused)
{
    (void)unused;
}

static void *work(void *unused)
{
    signal(SIGTERM, ignore);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    usleep(1000);
    kill(getpid(), SIGTERM);
    pthread_join(thread, NULL);
    return 0;
}
