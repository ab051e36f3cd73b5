/* Two wait for a unit each, of which one is posted under a wait and one before. */
#include "core.h"

static struct lg_semaphore semaphore;
static uint32_t taken;

static void *wait(void *arg)
{
    OK(lg_semaphore_wait(&semaphore, LG_FOREVER));
    count_up(&taken);
    return arg;
}

static void *post(void *arg)
{
    OK(lg_semaphore_post(&semaphore, 1));
    OK(lg_semaphore_post(&semaphore, 1));
    return arg;
}

int main(void)
{
    OK(lg_semaphore_init(&semaphore, "semaphore", 0, 2));
    run_three(wait, post, wait);
    assert(taken == 2 && lg_semaphore_value(&semaphore) == 0);
    lg_semaphore_destroy(&semaphore);
    return 0;
}
