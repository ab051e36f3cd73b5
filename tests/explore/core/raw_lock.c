/* The lock below all locks, which the explored library has replaced by one that the explorer knows. */
#undef LG_EXPLORED
#include "plat/raw_lock.c"
#include "core.h"
#include "plat/futex.c"

static struct lg__raw_lock lock;
static uint32_t inside, total;

static void *work(void *arg)
{
    lg__raw_lock(&lock);
    assert(inside++ == 0);
    total++;
    assert(--inside == 0);
    lg__raw_unlock(&lock);
    return arg;
}

int main(void)
{
    run_three(work, work, work);
    assert(total == 3);
    return 0;
}
