/* Heap: the program's malloc while it is explored.
 *
 * Where a block lies depends on its thread and how much that thread has asked for before, so addresses are
 * the same in all runs.  What is freed is not used again for long (quarantine.h), and never by another
 * thread: an access to it is found. */
#ifndef LG_EXPLORE_HEAP_H
#define LG_EXPLORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the fork.  False: not enough address space. */
bool lg__heap_reserve(void);

/* Say in the verdict which block an address is in, if it is in one. */
void lg__heap_describe(uintptr_t address);
/* Where its block begins, its size, and the place that has allocated it; 0: it is in none. */
void lg__heap_find(uintptr_t address, uint64_t *begin, uint64_t *size, uint64_t *site);

/* Whether the address is in a large block that was freed: its pages are gone. */
bool lg__heap_is_gone(uintptr_t address);

#endif
