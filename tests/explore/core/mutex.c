/* Three threads and one mutex: never two within, and nobody is forgotten in the queue. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
static uint32_t inside, total;

static void *work(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    assert(inside++ == 0);
    total++;
    assert(--inside == 0);
    lg_mutex_unlock(&mutex);
    return arg;
}

int main(void)
{
    run_three(work, work, work);
    assert(total == 3);
    lg_mutex_destroy(&mutex);
    return 0;
}
