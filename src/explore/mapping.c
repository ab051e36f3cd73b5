/* Mappings: what the program maps wherever there is room comes one behind the other in a region of its own, so
 * that it lies at the same place when the same schedule runs again.  The kernel would take what else is mapped
 * in the process into account, and that differs between a search and a replay.  What is unmapped is not used
 * again. */
#include "explore/mapping.h"

#include "explore/intercept.h"

#include <sys/mman.h>

#define REGION_SIZE ((size_t)1 << 40)
#define PAGE        ((size_t)4096)

/* These come at places of their own. */
#define PLACED (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_HUGETLB)

static char *region;
static size_t used;

bool lg__mapping_reserve(void)
{
    region = mmap(NULL, REGION_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return region != MAP_FAILED;
}

/* A page is left between two, as a guard.  NULL: there is no room. */
static char *take(size_t size)
{
    size_t rounded = ((size + PAGE - 1) & ~(PAGE - 1)) + PAGE;
    if (rounded <= size || rounded > REGION_SIZE - used)
        return NULL;
    used += rounded;
    return region + used - rounded;
}

LG__EXPORT void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    char *place = lg__self && !address && size && !(flags & PLACED) ? take(size) : NULL;
    if (!place)
        return lg__real()->mmap(address, size, protection, flags, file, offset);
    return lg__real()->mmap(place, size, protection, flags | MAP_FIXED, file, offset);
}

LG__EXPORT void *mmap64(void *address, size_t size, int protection, int flags, int file,
                        off64_t offset) __attribute__((alias("mmap")));
