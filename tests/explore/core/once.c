/* A once whose function fails the first time: it has run to its end exactly once when all have it. */
#include "core.h"

static struct lg_once once = LG_ONCE_INIT;
static uint32_t runs, made, failures;

static int make(void *arg)
{
    (void)arg;
    if (runs++ == 0)
        return LG_EOPEN;
    made++;
    return LG_OK;
}

static void *work(void *arg)
{
    int status;
    while ((status = lg_once_call(&once, make, NULL, LG_FOREVER)) != LG_OK) {
        assert(status == LG_EOPEN);
        count_up(&failures);
    }
    assert(made == 1);
    return arg;
}

int main(void)
{
    run_three(work, work, work);
    assert(runs == 2 && failures == 1);
    return 0;
}
