/* Memory: the only door to the allocator, so that tests can count and fail each call. */
#ifndef LG_PLAT_MEMORY_H
#define LG_PLAT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, aligned to a cache line; NULL when memory is out. */
void *lg__alloc(size_t size);
void lg__free(void *memory);

/* Zeroed pages straight from the kernel, never given back; NULL when memory is out. */
void *lg__map(size_t size);

/* How often lg__alloc and lg__map were called: tests assert that hot paths do not. */
uint64_t lg__alloc_count(void);

#endif
