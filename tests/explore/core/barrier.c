/* Two rounds of a barrier of two, which is gone as soon as one is back from the second. */
#include "core.h"

#include <stdlib.h>

static struct lg_barrier *barrier;
static uint32_t arrived, back;

static void *work(void *arg)
{
    for (uint32_t round = 1; round <= 2; round++) {
        count_up(&arrived);
        OK(lg_barrier_wait(barrier, LG_FOREVER, NULL));
        assert(__atomic_load_n(&arrived, __ATOMIC_RELAXED) >= 2 * round);
    }
    if (count_up(&back) == 0)
        free(barrier);
    return arg;
}

int main(void)
{
    barrier = malloc(sizeof *barrier);
    OK(lg_barrier_init(barrier, "barrier", 2, NULL, NULL));
    run_two(work, work);
    return 0;
}
