/* A request meets waits that are about to begin, have begun, or are over: each ends, in one way. */
#include "core.h"

static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
static struct lg_event never = LG_EVENT_INIT("never");
static struct lg_cancel *token;

static void *wait(void *arg)
{
    struct lg_cancel_scope scope;
    OK(lg_cancel_enter(token, &scope));
    assert(lg_event_wait(&never, LG_FOREVER) == LG_ECANCELED);
    lg_cancel_leave(&scope);
    return arg;
}

static void *lock(void *arg)
{
    struct lg_cancel_scope scope;
    OK(lg_cancel_enter(token, &scope));
    int status = lg_mutex_lock(&mutex, LG_FOREVER);
    assert(status == LG_OK || status == LG_ECANCELED);
    if (status == LG_OK)
        lg_mutex_unlock(&mutex);
    lg_cancel_leave(&scope);
    return arg;
}

static void *request(void *arg)
{
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    lg_cancel_request(token);
    lg_mutex_unlock(&mutex);
    return arg;
}

int main(void)
{
    OK(lg_cancel_create(NULL, LG_FOREVER, &token));
    run_three(wait, lock, request);
    OK(lg_mutex_lock(&mutex, LG_FOREVER));
    lg_mutex_unlock(&mutex);
    lg_cancel_destroy(token);
    return 0;
}
