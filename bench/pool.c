/* Pool: a pair of checkout and checkin on a pool of 8, alone and contended. */
#include "pool.h"

#include "harness.h"

void bench_pool(void)
{
    pool_bench_alone();
    pool_bench_contended();
}
