/* What a program asks about its surroundings is the same everywhere: processors, clocks, signals. */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

static void *look(void *unused)
{
    struct timespec first, second;
    assert(get_nprocs() == sysconf(_SC_NPROCESSORS_ONLN) && get_nprocs() > 1);
    clock_gettime(CLOCK_MONOTONIC, &first);
    sleep(10);
    clock_gettime(CLOCK_MONOTONIC, &second);
    /* A sleep may be cut short: it orders nothing. */
    assert(second.tv_sec >= first.tv_sec);
    struct sigaction action;
    assert(!sigaction(SIGTERM, NULL, &action) && action.sa_handler == SIG_DFL);
    assert(!sigaction(SIGALRM, NULL, &action) && action.sa_handler == SIG_DFL);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, look, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
