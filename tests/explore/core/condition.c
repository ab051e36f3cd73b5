/* A buffer of one: what is put in is taken out, once, and both sides are woken. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
static struct lg_condition changed = LG_CONDITION_INIT("changed");
static uint32_t full, taken;

static void *put(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    while (full)
        OK(lg_condition_wait(&changed, &mutex, LG_FOREVER));
    full = 1;
    lg_condition_broadcast(&changed);
    lg_mutex_unlock(&mutex);
    return arg;
}

static void *take(void *arg)
{
    for (int i = 0; i < 2; i++) {
        OK(lg_mutex_lock(&mutex, LG_FOREVER));
        while (!full)
            OK(lg_condition_wait(&changed, &mutex, LG_FOREVER));
        full = 0;
        taken++;
        lg_mutex_unlock(&mutex);
        lg_condition_signal(&changed);
    }
    return arg;
}

int main(void)
{
    run_three(put, put, take);
    assert(taken == 2 && !full);
    lg_condition_destroy(&changed);
    return 0;
}
