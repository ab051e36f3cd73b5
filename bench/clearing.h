/* Clearing: a thousand idle resources are cleared while another thread checks out without pause.
 *
 * It checks out with LG_TRY, which neither waits for a resource nor for an open: what is left of
 * its time is the path itself and whatever clear makes it wait for inside the pool. */
#ifndef BENCH_CLEARING_H
#define BENCH_CLEARING_H

#include "tools.h"

struct clearing_figures {
    struct lg_histogram checkouts; /* those that overlap a clear, in ticks */
    double *calls_us;              /* of each clear: its call, */
    double *longest_us;            /* and the longest of these checkouts */
};

/* So many clears.  `clock` is what the checkouts are timed by: ticks of the calling thread so far, of some kind.
 * Not for single-core machines. */
void clearing_run(unsigned rounds, uint64_t (*clock)(void), struct clearing_figures *figures);

#endif
