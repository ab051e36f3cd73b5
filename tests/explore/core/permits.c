/* Two units: one thread wants both, two want one each. */
#include "core.h"

static struct lg_permits permits = LG_PERMITS_INIT("permits", 2);
static uint32_t out;

static void take(uint32_t units)
{
    OK(lg_permits_acquire(&permits, units, LG_FOREVER));
    assert(__atomic_add_fetch(&out, units, __ATOMIC_RELAXED) <= 2);
    __atomic_sub_fetch(&out, units, __ATOMIC_RELAXED);
    OK(lg_permits_release(&permits, units));
}

static void *take_one(void *arg)
{
    take(1);
    return arg;
}

static void *take_both(void *arg)
{
    take(2);
    return arg;
}

int main(void)
{
    run_three(take_one, take_both, take_one);
    assert(lg_permits_available(&permits) == 2);
    lg_permits_destroy(&permits);
    return 0;
}
