/* Shrink: the same failure with fewer switches. */
#ifndef LG_EXPLORE_SHRINK_H
#define LG_EXPLORE_SHRINK_H

#include <stdbool.h>

/* The last run has found something: leave in its place, in the campaign, the run with the fewest preemptions
 * that finds the same.  Returns true in runs only. */
bool lg__shrink(void);

#endif
