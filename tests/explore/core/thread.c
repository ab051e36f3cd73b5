/* Two join one thread, which ends with a mutex that a third wants: it is told so and recovers it. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
static struct lg_thread thread;
static uint32_t recovered;

static void *leave(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    return arg;
}

static void *join(void *arg)
{
    void *result = NULL;
    OK(lg_thread_join(&thread, LG_FOREVER, &result));
    assert(result == &thread);
    return arg;
}

static void *recover(void *arg)
{
    int status = lg_mutex_lock(&mutex, LG_FOREVER);
    if (status == LG_EOWNERDEAD) {
        OK(lg_mutex_recover(&mutex));
        recovered++;
    } else {
        assert(status == LG_OK);
    }
    lg_mutex_unlock(&mutex);
    return arg;
}

int main(void)
{
    assert(lg_context_self());
    OK(lg_thread_start(&thread, "leaver", leave, &thread));
    run_three(join, recover, join);
    assert(lg_mutex_lock(&mutex, LG_TRY) == (recovered ? LG_OK : LG_EOWNERDEAD));
    return 0;
}
