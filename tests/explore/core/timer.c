/* A timer that is cancelled when its time has come, or is about to: it runs, or it was cancelled, never both and
 * never neither. */
#include "core.h"

static struct lg_timer timer;
static uint32_t runs;

static void run(void *arg)
{
    (void)arg;
    count_up(&runs);
}

int main(void)
{
    assert(lg_context_self());
    OK(lg_timer_start(&timer, "timer", lg_after_ms(1), run, NULL));
    int status = lg_timer_cancel(&timer);
    assert(status == LG_OK || status == LG_EBUSY);
    OK(lg_timer_join(&timer, LG_FOREVER));
    assert(runs == (status == LG_OK ? 0 : 1));
    return 0;
}
