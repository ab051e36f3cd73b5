/* A barrier of two registered parties, which is gone as soon as the second has come: the first may be looking
 * for a deadlock just then. */
#include "core.h"

#include <stdlib.h>

static struct lg_barrier *barrier;

static void *work(void *arg)
{
    uint32_t index = 0;
    OK(lg_barrier_register(barrier, NULL));
    OK(lg_barrier_wait(barrier, LG_FOREVER, &index));
    if (index == 1) {
        lg_barrier_destroy(barrier);
        free(barrier);
    }
    return arg;
}

int main(void)
{
    barrier = malloc(sizeof *barrier);
    OK(lg_barrier_init(barrier, "barrier", 2, NULL, NULL));
    run_two(work, work);
    return 0;
}
