/* A reader, a writer, and one that reads and then writes what it has read. */
#include "core.h"

static struct lg_rwlock lock = LG_RWLOCK_INIT("lock");
static uint32_t first, second;

static void *read_both(void *arg)
{
    OK(lg_rwlock_read(&lock, LG_FOREVER));
    assert(first == second);
    lg_rwlock_unlock(&lock);
    return arg;
}

static void *write_both(void *arg)
{
    OK(lg_rwlock_write(&lock, LG_FOREVER));
    first++;
    second++;
    lg_rwlock_unlock(&lock);
    return arg;
}

static void *upgrade(void *arg)
{
    OK(lg_rwlock_upgradable(&lock, LG_FOREVER));
    uint32_t seen = first;
    OK(lg_rwlock_upgrade(&lock, LG_FOREVER));
    assert(first == seen);
    first = seen + 1;
    second = seen + 1;
    lg_rwlock_unlock(&lock);
    return arg;
}

int main(void)
{
    run_three(read_both, write_both, upgrade);
    assert(first == 2 && second == 2);
    lg_rwlock_destroy(&lock);
    return 0;
}
