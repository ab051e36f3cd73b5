/* One waits for any of a mutex and a semaphore, another holds the one and posts the other: exactly one thing is
 * had, and nothing of the other is taken.  A third wants all, with nothing in its hands meanwhile. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex"), other = LG_MUTEX_INIT("other");
static struct lg_semaphore semaphore;
static uint32_t inside, units;

static void be_inside(void)
{
    assert(inside++ == 0);
    assert(--inside == 0);
}

static void *any(void *arg)
{
    struct lg_waitable things[] = {lg_waitable_mutex(&mutex), lg_waitable_semaphore(&semaphore)};
    uint32_t index = 2;
    OK(lg_wait_any(things, 2, LG_FOREVER, &index));
    if (index == 0) {
        be_inside();
        lg_mutex_unlock(&mutex);
    } else {
        assert(index == 1);
        count_up(&units);
    }
    return arg;
}

static void *give(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    be_inside();
    OK(lg_semaphore_post(&semaphore, 1));
    lg_mutex_unlock(&mutex);
    return arg;
}

static void *all(void *arg)
{
    struct lg_waitable things[] = {lg_waitable_mutex(&other), lg_waitable_mutex(&mutex)};
    OK(lg_wait_all(things, 2, LG_FOREVER, NULL));
    be_inside();
    lg_mutex_unlock(&mutex);
    lg_mutex_unlock(&other);
    return arg;
}

int main(void)
{
    OK(lg_semaphore_init(&semaphore, "semaphore", 0, 1));
    run_three(any, give, all);
    assert(lg_semaphore_value(&semaphore) + units == 1);
    return 0;
}
