/* Two threads hold one unit each of two and both want one more: exactly one is told. */
#include "core.h"

static struct lg_permits permits = LG_PERMITS_INIT("permits", 2);
static uint32_t victims, served;

static void *work(void *arg)
{
    OK(lg_permits_acquire(&permits, 1, LG_FOREVER));
    int status = lg_permits_acquire(&permits, 1, LG_FOREVER);
    assert(status == LG_OK || status == LG_EDEADLK);
    count_up(status == LG_OK ? &served : &victims);
    if (status == LG_OK)
        OK(lg_permits_release(&permits, 1));
    OK(lg_permits_release(&permits, 1));
    return arg;
}

int main(void)
{
    run_two(work, work);
    assert(victims <= 1 && victims + served == 2);
    assert(lg_permits_available(&permits) == 2);
    return 0;
}
