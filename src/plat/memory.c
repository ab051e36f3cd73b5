/* Allocation. */
#include "plat/memory.h"

#include "plat/atomic.h"
#include "plat/seam.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CACHE_LINE 64

static uint64_t alloc_count; /* atomic, counter */

void *lg__alloc(size_t size)
{
    lg__add_relaxed(&alloc_count, (uint64_t)1);
    if (lg__seam_fails(LG__SEAM_ALLOC))
        return NULL;
    size_t rounded = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    void *memory = aligned_alloc(CACHE_LINE, rounded);
    if (memory)
        memset(memory, 0, rounded);
    return memory;
}

void lg__free(void *memory)
{
    free(memory);
}

void *lg__map(size_t size)
{
    lg__add_relaxed(&alloc_count, (uint64_t)1);
    if (lg__seam_fails(LG__SEAM_MAP))
        return NULL;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void *lg__reserve(size_t size)
{
    void *memory = lg__map(size);
    if (memory)
        (void)madvise(memory, size, MADV_NOHUGEPAGE); /* refused where there are none */
    return memory;
}

void lg__unmap(void *memory, size_t size)
{
    if (memory)
        (void)munmap(memory, size);
}

uint64_t lg__alloc_count(void)
{
    return lg__load_relaxed(&alloc_count);
}
