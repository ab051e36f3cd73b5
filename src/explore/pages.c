#include "explore/pages.h"

#include "explore/kernel.h"
#include "explore/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define PAGE       ((size_t)4096)
#define LISTED_MAX 4096 /* with more, a new process is not dearer than to restore one */
#define SPARED     ((size_t)512 << 10)
#define AT_ONCE    512 /* entries read by one system call */

/* What the headers of older systems do not have (Linux 6.7). */
struct region {
    uint64_t begin, end, categories;
};
struct scan {
    uint64_t size, flags, begin, end, came_to, regions, region_count, pages_max;
    uint64_t inverted, all_of, any_of, returned;
};
#define SCAN       _IOWR('f', 16, struct scan)
#define IS_FILE    ((uint64_t)1 << 2) /* or shared memory */
#define IS_PRESENT ((uint64_t)1 << 3)
#define IS_SWAPPED ((uint64_t)1 << 4)
#define REGIONS    64

/* Of an entry of /proc/self/pagemap. */
#define ENTRY_IS_OWN     ((uint64_t)1 << 56) /* nobody else has it */
#define ENTRY_IS_FILE    ((uint64_t)1 << 61)
#define ENTRY_IS_SWAPPED ((uint64_t)1 << 62)
#define ENTRY_IS_PRESENT ((uint64_t)1 << 63)

/* Shared by all processes.  The first are in order; what a run adds comes behind. */
static struct list {
    uint32_t count;
    uint64_t pages[LISTED_MAX];
} * list;

/* Private, and not restored. */
static struct spared {
    char memory[SPARED];
    size_t used;
    uint32_t kept;
    uint64_t entries[AT_ONCE];
    struct region regions[REGIONS];
    char copies[LISTED_MAX][PAGE] __attribute__((aligned(4096)));
} * spared;

bool lg__pages_reserve(void)
{
    void *mapped = mmap(NULL, sizeof *spared, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    list = lg__shared_allocate(sizeof *list);
    if (mapped == MAP_FAILED || !list)
        return false;
    spared = mapped;
    return true;
}

void *lg__pages_spare(size_t size)
{
    size = (size + PAGE - 1) & ~(PAGE - 1);
    if (size > SPARED - spared->used)
        return NULL;
    spared->used += size;
    return spared->memory + spared->used - size;
}

/* ---- Copies ------------------------------------------------------------------------------------------ */

/* By insertion: nearly all are. */
static void put_in_order(void)
{
    for (uint32_t i = 1; i < list->count; i++) {
        uint64_t page = list->pages[i];
        uint32_t place = i;
        for (; place && list->pages[place - 1] > page; place--)
            list->pages[place] = list->pages[place - 1];
        list->pages[place] = page;
    }
}

/* The kernel looks at the new mask before it sees that there is nothing to do with it.  It lets the stack grow to
 * the page, as an access would, and does not crash where there is nothing. */
static bool is_readable(uint64_t page)
{
    return lg__kernel_call(SYS_rt_sigprocmask, ~0l, (long)page, 0, 8) != -EFAULT;
}

/* Not memcpy, which the program's pages may be in. */
static void copy_page(void *to, const void *from)
{
#if defined(__x86_64__)
    size_t words = PAGE / sizeof(uint64_t);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
    for (size_t i = 0; i < PAGE / sizeof(uint64_t); i++)
        ((volatile uint64_t *)to)[i] = ((const uint64_t *)from)[i];
#endif
}

bool lg__pages_keep(void)
{
    put_in_order();
    spared->kept = list->count;
    for (uint32_t i = 0; i < spared->kept; i++) {
        if (!is_readable(list->pages[i]))
            return false;
        copy_page(spared->copies[i], (const void *)(uintptr_t)list->pages[i]);
    }
    return true;
}

void lg__pages_restore(void)
{
    for (uint32_t i = 0; i < spared->kept; i++)
        copy_page((void *)(uintptr_t)list->pages[i], spared->copies[i]);
}

/* ---- What was written to ----------------------------------------------------------------------------- */

static bool is_kept(uint64_t page)
{
    uint32_t begin = 0, end = spared->kept;
    while (begin < end) {
        uint32_t middle = (begin + end) / 2;
        if (list->pages[middle] == page)
            return true;
        if (list->pages[middle] < page)
            begin = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* A page that the campaign has written to meanwhile is the process's own as well: it is listed for nothing. */
static bool is_written(uint64_t entry)
{
    if (entry & ENTRY_IS_SWAPPED)
        return true;
    return (entry & ENTRY_IS_PRESENT) && (entry & ENTRY_IS_OWN) && !(entry & ENTRY_IS_FILE);
}

static bool look_at_page(uint64_t page, uint64_t entry)
{
    if (page - (uintptr_t)spared < sizeof *spared || !is_written(entry) || is_kept(page))
        return true;
    if (list->count < LISTED_MAX)
        list->pages[list->count++] = page;
    return false;
}

static bool look_at_region(int file, const struct region *region)
{
    bool are_kept = true;
    for (uint64_t page = region->begin; page < region->end;) {
        uint64_t count = (region->end - page) / PAGE;
        size_t size = (count < AT_ONCE ? count : AT_ONCE) * sizeof(uint64_t);
        if (lg__kernel_call(SYS_pread64, file, (long)spared->entries, (long)size,
                            (long)(page / PAGE * sizeof(uint64_t))) != (long)size)
            return false;
        for (size_t i = 0; i < size / sizeof(uint64_t); i++, page += PAGE)
            are_kept = look_at_page(page, spared->entries[i]) && are_kept;
    }
    return are_kept;
}

/* Pages that are in memory and belong to no file, a batch of regions at a time: most of the address space is
 * reserved and empty, and the kernel passes over that fast. */
static bool look_at_all(int file)
{
    bool are_kept = true;
    struct scan scan = {.size = sizeof scan,
                        .end = (uint64_t)0x7ffffffff000,
                        .regions = (uint64_t)(uintptr_t)spared->regions,
                        .region_count = REGIONS,
                        .inverted = IS_FILE,
                        .all_of = IS_FILE,
                        .any_of = IS_PRESENT | IS_SWAPPED,
                        .returned = IS_PRESENT};
    for (; scan.begin < scan.end; scan.begin = scan.came_to) {
        long count = lg__kernel_call(SYS_ioctl, file, SCAN, (long)&scan, 0);
        if (count < 0 || scan.came_to <= scan.begin)
            return false;
        for (long i = 0; i < count; i++)
            are_kept = look_at_region(file, &spared->regions[i]) && are_kept;
    }
    return are_kept;
}

bool lg__pages_are_kept(void)
{
    long file =
        lg__kernel_call(SYS_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return false;
    bool are_kept = look_at_all((int)file);
    lg__kernel_call(SYS_close, file, 0, 0, 0);
    return are_kept;
}
