/* Memory: the only door to the allocator, so that tests can count and fail each call. */
#ifndef LG_PLAT_MEMORY_H
#define LG_PLAT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, aligned to a cache line; NULL when memory is out. */
void *lg__alloc(size_t size);
void lg__free(void *memory);

/* Zeroed pages straight from the kernel; NULL when memory is out. */
void *lg__map(size_t size);

/* The same for a large array of which little may ever be touched: each page is had when it is first
 * written, and on its own, not as a part of a huge one. */
void *lg__reserve(size_t size);
void lg__unmap(void *memory,
               size_t size); /* what was mapped or reserved with this size; NULL is fine */

/* How often lg__alloc, lg__map and lg__reserve were called: tests assert that hot paths do not. */
uint64_t lg__alloc_count(void);

#endif
