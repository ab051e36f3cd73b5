/* One wants more units than come back and is cancelled: who stands behind it and fits is served then. */
#include "core.h"

static struct lg_permits permits = LG_PERMITS_INIT("permits", 2);
static struct lg_cancel *token;

static void *take_both(void *arg)
{
    struct lg_cancel_scope scope;
    OK(lg_cancel_enter(token, &scope));
    assert(lg_permits_acquire(&permits, 2, LG_FOREVER) == LG_ECANCELED);
    lg_cancel_leave(&scope);
    return arg;
}

static void *take_one(void *arg)
{
    OK(lg_permits_acquire(&permits, 1, LG_FOREVER));
    OK(lg_permits_release(&permits, 1));
    return arg;
}

int main(void)
{
    pthread_t threads[2];
    OK(lg_cancel_create(NULL, LG_FOREVER, &token));
    OK(lg_permits_acquire(&permits, 2, LG_FOREVER));
    assert(!pthread_create(&threads[0], NULL, take_both, NULL));
    assert(!pthread_create(&threads[1], NULL, take_one, NULL));
    OK(lg_permits_release(&permits, 1)); /* the other when both have ended */
    lg_cancel_request(token);
    for (int i = 0; i < 2; i++)
        assert(!pthread_join(threads[i], NULL));
    OK(lg_permits_release(&permits, 1));
    lg_cancel_destroy(token);
    return 0;
}
