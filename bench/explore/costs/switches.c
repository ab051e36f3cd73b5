/* What a switch costs: two threads, each of which gives way again and again. */
#include "real_time.h"

#include <pthread.h>
#include <sched.h>

#define SWITCHES 50000

static void *give_way(void *unused)
{
    for (int i = 0; i < SWITCHES; i++)
        sched_yield();
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t threads[2];
    if (count != 2)
        return 2;
    long begin = used_ns();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, give_way, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    write_figure(arguments[1], (double)(used_ns() - begin) / (2 * SWITCHES));
    return 0;
}
