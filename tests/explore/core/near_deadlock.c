/* One takes two mutexes, another the same two, but one after the other: nobody is ever told of a deadlock,
 * however the looks at the graph meet what changes in it. */
#include "core.h"

static struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");

static void *both(void *arg)
{
    OK(lg_mutex_lock(&a, LG_FOREVER));
    OK(lg_mutex_lock(&b, LG_FOREVER));
    lg_mutex_unlock(&a);
    lg_mutex_unlock(&b);
    return arg;
}

static void *one_by_one(void *arg)
{
    OK(lg_mutex_lock(&b, LG_FOREVER));
    lg_mutex_unlock(&b);
    int status = lg_mutex_lock(&a, lg_after_ms(1000)); /* whoever can wait least would be told */
    assert(status == LG_OK || status == LG_ETIMEDOUT);
    if (status == LG_OK)
        lg_mutex_unlock(&a);
    return arg;
}

int main(void)
{
    run_two(both, one_by_one);
    return 0;
}
