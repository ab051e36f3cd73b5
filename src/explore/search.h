/* Search: which schedules are run, one after the other. */
#ifndef LG_EXPLORE_SEARCH_H
#define LG_EXPLORE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

/* What all plans have in common: the seed, limits, options; the strategy is the
 * options' too.  `length` is how many decisions runs have had. */
void lg__plan_make(uint64_t number, uint64_t length);

/* Search until something is found or the campaign is over.  Returns, true, in runs only. */
bool lg__search(void);

/* The next schedule of small periods; false: there is none left. */
bool lg__enumerate(void);
/* Begin with the first again. */
void lg__enumerate_again(void);
/* What the last one has shown about the lengths of threads. */
void lg__enumerate_learn(void);

#endif
