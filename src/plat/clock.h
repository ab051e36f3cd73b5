/* Time: CLOCK_MONOTONIC only, so that a change of the wall clock changes nothing. */
#ifndef LG_PLAT_CLOCK_H
#define LG_PLAT_CLOCK_H

#include <lifeguard/base.h>

/* Exact, about 25 ns. */
uint64_t lg__now_ns(void);

/* To the kernel's tick (1 to 10 ms), about 5 ns: for ages. */
uint64_t lg__now_coarse_ns(void);

/* LG_TRY and everything that is over. */
int lg__deadline_has_passed(lg_deadline deadline);

#endif
