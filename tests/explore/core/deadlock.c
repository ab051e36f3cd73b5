/* Two threads take two mutexes in either order: if they meet, exactly one is told, and nobody hangs. */
#include "core.h"

static struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
static uint32_t victims, both;

static void take_two(struct lg_mutex *first, struct lg_mutex *second)
{
    OK(lg_mutex_lock(first, LG_FOREVER));
    int status = lg_mutex_lock(second, LG_FOREVER);
    if (status == LG_OK) {
        count_up(&both);
        lg_mutex_unlock(second);
    } else {
        assert(status == LG_EDEADLK);
        count_up(&victims);
    }
    lg_mutex_unlock(first);
}

static void *forward(void *arg)
{
    take_two(&a, &b);
    return arg;
}

static void *backward(void *arg)
{
    take_two(&b, &a);
    return arg;
}

int main(void)
{
    run_two(forward, backward);
    assert(victims <= 1 && victims + both == 2);
    return 0;
}
