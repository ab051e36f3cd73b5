/* The parts of the pool's bench. */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

void pool_bench_alone(void);
void pool_bench_contended(void);

#endif
