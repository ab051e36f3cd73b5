/* Mapping: where the program's own mappings lie. */
#ifndef LG_EXPLORE_MAPPING_H
#define LG_EXPLORE_MAPPING_H

#include <stdbool.h>

/* Address space for runs, before the fork.  False: there is not enough. */
bool lg__mapping_reserve(void);

#endif
