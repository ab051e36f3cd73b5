/* The relay: two threads that hand something to and fro, as often as asked. */
#ifndef BENCH_HANDOFF_H
#define BENCH_HANDOFF_H

#include "harness.h"
#include "peers.h"

#include <stdlib.h>

/* Start two threads, each pinned to its core; the cores may be one. */
struct relay *relay_start(int core_a, int core_b);
void relay_stop(struct relay *relay);

/* Hand to and fro over RELAY_POOLS pools of one, RELAY_CYCLE hand-offs a cycle; whoever holds works
 * for work_ns before it gives, which does not count.
 * Returns: nanoseconds of one hand-off, one way. */
double relay_run(struct relay *relay, const struct pool_peer *peer, void *const *pools,
                 unsigned cycles, unsigned work_ns);

#endif
