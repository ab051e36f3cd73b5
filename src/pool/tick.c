/* The ticker thread.  States of `ticker`: 0 no thread, 1 asleep, 2 ticking.  A thread that finds the
 * tick at 0 moves 0 or 1 to 2 by compare-and-swap; whoever succeeds starts or wakes the thread. */
#include "pool/tick.h"

#include "plat/clock.h"
#include "plat/futex.h"
#include "plat/thread.h"

#define NS_A_MS 1000000ull
#define PERIOD_NS                                                                                  \
    (4 * NS_A_MS) /* as often as the kernel's coarse clock: each tick disturbs somebody */
#define TICKS 64

enum { TICKER_NONE, TICKER_ASLEEP, TICKER_TICKING };

uint64_t lg__tick_ms;
static uint32_t ticker; /* atomic; a futex */

static void sleep_until(uint64_t until_ns)
{
    uint32_t never = 0;
    while (lg__now_ns() < until_ns)
        (void)lg__futex_wait(&never, 0, until_ns);
}

static void *run_ticker(void *arg)
{
    (void)arg;
    for (;;) {
        for (int i = 0; i < TICKS; i++) {
            uint64_t now_ns = lg__now_ns();
            lg__store_relaxed(&lg__tick_ms, now_ns / NS_A_MS);
            sleep_until(now_ns + PERIOD_NS);
        }
        lg__store_relaxed(&lg__tick_ms, (uint64_t)0);
        lg__store_release(&ticker, (uint32_t)TICKER_ASLEEP);
        while (lg__load_acquire(&ticker) == TICKER_ASLEEP)
            (void)lg__futex_wait(&ticker, TICKER_ASLEEP, LG_FOREVER);
    }
    return NULL;
}

uint64_t lg__tick_wake(void)
{
    uint32_t state = lg__load_acquire(&ticker);
    if (state == TICKER_TICKING || !lg__cas_full(&ticker, &state, (uint32_t)TICKER_TICKING))
        return lg__now_coarse_ns() / NS_A_MS; /* it is about to tick */
    if (state == TICKER_ASLEEP)
        lg__futex_wake(&ticker, 1);
    else if (!lg__thread_start(run_ticker, NULL))
        lg__store_release(&ticker, (uint32_t)TICKER_NONE); /* somebody else may try later */
    return lg__now_coarse_ns() / NS_A_MS;
}

void lg__tick_forget(void)
{
    lg__tick_ms = 0;
    ticker = TICKER_NONE;
}
