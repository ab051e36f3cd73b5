/* The pool as an outsider: this program, in a process that is not allowed everything. */
#include "outsider.h"

#include "harness.h"
#include "peers.h"

#include <string.h>

#define PAIRS       2048 /* a batch, as in the process that asks */
#define BATCHES_MAX 1024

/* The median of as many batches as the time is enough for. */
static double ns_a_pair(void *pool, unsigned ms)
{
    static double batches[BATCHES_MAX];
    size_t count = 0;
    uint64_t end = bench_now() + ms * 1000000ull;
    do {
        uint64_t start = bench_now();
        peer_lg_pool.pairs(pool, PAIRS);
        batches[count++] = (double)(bench_now() - start) / PAIRS;
    } while (bench_now() < end && count < BATCHES_MAX);
    return bench_quartiles(batches, count).median;
}

void outsider_be(void)
{
    char question[128];
    unsigned ms;
    void *pool = peer_lg_pool.create(8);
    bench_pin(bench_core(bench_core_count() - 1));
    (void)ns_a_pair(pool, 50);
    printf("{\"peer\": \"%s\"}\n", peer_lg_pool.name);
    fflush(stdout);
    while (fgets(question, sizeof(question), stdin) != NULL) {
        if (sscanf(question, "alone %u", &ms) == 1)
            printf("{\"ns_a_pair\": %.3f}\n", ns_a_pair(pool, ms));
        else
            printf("{}\n");
        fflush(stdout);
    }
}
