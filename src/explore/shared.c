#include "explore/shared.h"

#include "explore/kernel.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define ROOM ((size_t)448 << 20)
#define PAGE ((size_t)4096)

/* What a page table is for; where the first allocation begins in one. */
#define TABLE ((size_t)2 << 20)
#define FIRST ((size_t)128 << 10)

/* More pages are not mapped before a fork: it copies them all, and a run need not touch them. */
#define MAPPED_MAX 96

static char *memory;
static size_t used;
static bool has_tables; /* forks copy the page tables */

void *lg__shared_allocate(size_t size)
{
    if (!memory) {
        void *mapped = mmap(NULL, ROOM + TABLE, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED)
            return NULL;
        memory = (char *)(((uintptr_t)mapped + TABLE - 1) & ~(TABLE - 1));
        used = FIRST;
    }
    size = (size + PAGE - 1) & ~(PAGE - 1);
    if (used > ROOM || size > ROOM - used)
        return NULL;
    used += size;
    return memory + used - size;
}

void lg__shared_begin_table(void)
{
    used = (used + TABLE - 1) & ~(TABLE - 1);
}

/* A fork leaves out the page tables of a shared mapping, and each run would fault every page of it in again.  Of a
 * mapping that has ever had a guard page they are copied (Linux 6.15): put one where nothing lies, and take
 * it away.  Older kernels refuse. */
void lg__shared_keep_tables(void)
{
    long last = (long)(memory + ROOM - PAGE);
    if (used > ROOM - PAGE || lg__kernel_call(SYS_madvise, last, (long)PAGE, MADV_GUARD_INSTALL, 0))
        return;
    has_tables = true;
    lg__kernel_call(SYS_madvise, last, (long)PAGE, MADV_GUARD_REMOVE, 0);
}

void lg__shared_map(const void *address)
{
    unsigned char is_there[TABLE / PAGE];
    char *begin = (char *)((uintptr_t)address & ~(TABLE - 1));
    size_t mapped = 0;
    if (!has_tables || mincore(begin, TABLE, is_there))
        return;
    for (size_t i = 0; i < TABLE / PAGE && mapped < MAPPED_MAX; i++) {
        if (!(is_there[i] & 1))
            continue;
        (void)*(volatile char *)(begin + i * PAGE);
        mapped++;
    }
}
