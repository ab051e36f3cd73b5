/* An event whose only setter ends without having set it: who waits for it is told. */
#include "core.h"

static struct lg_event event = LG_EVENT_INIT("event");

static void *setter(void *arg)
{
    OK(lg_event_add_setter(&event, NULL));
    return arg;
}

static void *waiter(void *arg)
{
    int status = lg_event_wait(&event, LG_FOREVER);
    assert(status == LG_EBROKEN);
    return arg;
}

int main(void)
{
    assert(lg_context_self());
    OK(lg_event_add_setter(&event, NULL)); /* main, until the others are there */
    pthread_t threads[2];
    assert(!pthread_create(&threads[0], NULL, setter, NULL));
    assert(!pthread_create(&threads[1], NULL, waiter, NULL));
    OK(lg_event_withdraw_setter(&event, NULL));
    for (int i = 0; i < 2; i++)
        assert(!pthread_join(threads[i], NULL));
    lg_event_destroy(&event);
    return 0;
}
