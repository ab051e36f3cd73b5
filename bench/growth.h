/* The other part of the bench of spikes: that a pool grows when nothing will come back. */
#ifndef BENCH_GROWTH_H
#define BENCH_GROWTH_H

void growth_bench(void);

#endif
