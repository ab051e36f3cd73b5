/* An event of the automatic kind hands each of two sets to one waiter; one of the manual kind lets all pass. */
#include "core.h"

static struct lg_event turn = LG_EVENT_AUTO_RESET_INIT("turn");
static struct lg_event done = LG_EVENT_INIT("done");
static uint32_t passed;

static void *wait_turn(void *arg)
{
    OK(lg_event_wait(&turn, LG_FOREVER));
    if (count_up(&passed) == 1)
        lg_event_set(&done);
    else
        lg_event_set(&turn);
    OK(lg_event_wait(&done, LG_FOREVER));
    return arg;
}

static void *set(void *arg)
{
    lg_event_set(&turn);
    OK(lg_event_wait(&done, LG_FOREVER));
    return arg;
}

int main(void)
{
    run_three(wait_turn, wait_turn, set);
    assert(passed == 2 && !lg_event_is_set(&turn));
    lg_event_destroy(&turn);
    lg_event_destroy(&done);
    return 0;
}
