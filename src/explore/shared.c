#include "explore/shared.h"

#include <sys/mman.h>

#define ROOM ((size_t)2 << 30)
#define PAGE ((size_t)4096)

void *lg__shared_allocate(size_t size)
{
    static char *memory;
    static size_t used;
    if (!memory) {
        void *mapped = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED)
            return NULL;
        memory = mapped;
    }
    size = (size + PAGE - 1) & ~(PAGE - 1);
    if (size > ROOM - used)
        return NULL;
    used += size;
    return memory + used - size;
}
