/* Shared: the memory that all runs of a campaign share, one mapping for all of it: a fork is the cheaper, the
 * fewer there are. */
#ifndef LG_EXPLORE_SHARED_H
#define LG_EXPLORE_SHARED_H

#include <stddef.h>

/* Zeroed, on pages of its own, before the first run.  NULL: not enough address space. */
void *lg__shared_allocate(size_t size);

#endif
