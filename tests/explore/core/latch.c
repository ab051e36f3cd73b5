/* Two count down, one waits for both, and reads what they have written. */
#include "core.h"

static struct lg_latch latch = LG_LATCH_INIT("latch", 2);
static uint32_t written[2];

static void *write_mine(void *arg)
{
    written[(uintptr_t)arg] = 1;
    OK(lg_latch_count_down(&latch, 1));
    return arg;
}

static void *read_both(void *arg)
{
    OK(lg_latch_wait(&latch, LG_FOREVER));
    assert(written[0] && written[1]);
    return arg;
}

int main(void)
{
    run_three(write_mine, write_mine, read_both);
    lg_latch_destroy(&latch);
    return 0;
}
