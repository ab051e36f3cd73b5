/* A broadcast meets a signal: two are told by the one, and the other is for a third, who waits for something
 * else since. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
static struct lg_condition changed = LG_CONDITION_INIT("changed");
static uint32_t is_first, is_second;

static void wait_for(const uint32_t *wanted)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    while (!*wanted)
        OK(lg_condition_wait(&changed, &mutex, LG_FOREVER));
    lg_mutex_unlock(&mutex);
}

static void set(uint32_t *wanted)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    *wanted = 1;
    lg_mutex_unlock(&mutex);
}

static void *wait_first(void *arg)
{
    wait_for(&is_first);
    return arg;
}

static void *wait_second(void *arg)
{
    wait_for(&is_second);
    return arg;
}

static void *tell(void *arg)
{
    set(&is_first);
    lg_condition_broadcast(&changed);
    set(&is_second);
    lg_condition_signal(&changed);
    return arg;
}

int main(void)
{
    run_all(4, (work_function *const[]){wait_first, wait_first, wait_second, tell});
    lg_condition_destroy(&changed);
    return 0;
}
