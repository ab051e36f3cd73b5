/* What a step at shared memory costs that is no switch: two threads, each of which goes through all its steps,
 * at every one of which the other could go on. */
#include "real_time.h"

#include <pthread.h>

#define STEPS 200000

static volatile int shared;

static void *step(void *unused)
{
    for (int i = 0; i < STEPS / 2; i++)
        shared = shared + 1;
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t threads[2];
    if (count != 2)
        return 2;
    long begin = used_ns();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, step, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    write_figure(arguments[1], (double)(used_ns() - begin) / (2 * STEPS));
    return 0;
}
