/* Shared: the memory that all runs of a campaign share, one mapping for all of it: a fork is the cheaper, the
 * fewer there are. */
#ifndef LG_EXPLORE_SHARED_H
#define LG_EXPLORE_SHARED_H

#include <stddef.h>

/* Zeroed, on pages of its own, before the first run.  NULL: not enough address space. */
void *lg__shared_allocate(size_t size);

/* The next allocation begins a page table. */
void lg__shared_begin_table(void);

/* After the last allocation: have forks copy the page tables, where the kernel can be brought to it. */
void lg__shared_keep_tables(void);

/* Before a fork: map what runs have touched in the address's page table, so that the next one finds it mapped. */
void lg__shared_map(const void *address);

#endif
