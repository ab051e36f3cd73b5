/* clear_locks ROUNDS: how many nanoseconds, at p99.9 and at most, a checkout waits for the library's inner locks
 * and holds them while the pool is cleared.  Linked with the build of the library that says when it takes a lock, the tests' one; so
 * what it measures is a little more than what the others have. */
#include "clearing.h"

#include <stdlib.h>

#include "plat/seam.h"

/* Of the outermost, where one is taken within another. */
static _Thread_local struct {
    unsigned depth;
    uint64_t since;
    uint64_t sum;
} locked;

static void note(enum lg__stop at)
{
    if (at == LG__STOP_LOCK && locked.depth++ == 0)
        locked.since = bench_tick();
    else if (at == LG__STOP_UNLOCKED && locked.depth > 0 && --locked.depth == 0)
        locked.sum += bench_tick() - locked.since;
}

static uint64_t ticks_in_locks(void)
{
    return locked.sum;
}

int main(int argc, char **argv)
{
    static struct clearing_figures figures;
    unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (rounds == 0)
        return 2;
    bench_tools_init();
    figures.calls_us = bench_alloc(rounds * sizeof(double));
    figures.longest_us = bench_alloc(rounds * sizeof(double));
    __atomic_store_n(&lg__seam_stop, note, __ATOMIC_RELEASE); /* pairs with lg__seam_pass */
    clearing_run(rounds, ticks_in_locks, &figures);
    printf("%.1f %.1f\n",
           (double)lg_histogram_quantile(&figures.checkouts, 0.999) * bench_tick_ns(),
           (double)figures.checkouts.max * bench_tick_ns());
    return 0;
}
