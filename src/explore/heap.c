#include "explore/heap.h"

#include "explore/access.h"
#include "explore/baton.h"
#include "explore/caller.h"
#include "explore/intercept.h"
#include "explore/journal.h"
#include "explore/quarantine.h"
#include "explore/room.h"
#include "explore/verdict.h"

#include <dlfcn.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>

/* Each thread has a piece (room.h); what is larger, or more than a piece, is in a region for all. */
#define LARGE_SIZE    ((size_t)1 << 40)
#define LARGE_MIN     ((size_t)256 << 10) /* blocks from here on have pages of their own */
#define PAGE          ((size_t)4096)
#define PROTECTED_MAX 8192 /* large blocks whose pages cannot be touched after they were freed */
#define ALIGNMENT     ((size_t)16)

enum block_state { BLOCK_LIVE = 0x6c697665, BLOCK_FREED = 0x66726565 };

/* Lies right before the memory that the program gets. */
struct block {
    size_t size;
    uint64_t allocated_at; /* site */
    uint64_t freed_at;
    uint32_t allocated_by : 31; /* index of the thread */
    uint32_t is_aligned : 1;    /* to more than all blocks are */
    enum block_state state;
};

static char *large_region;
static char *large_next;

/* libc's own, for what happens outside of runs. */
void *__libc_malloc(size_t size);
void __libc_free(void *memory);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

bool lg__heap_reserve(void)
{
    large_region = reserve(LARGE_SIZE);
    large_next = large_region;
    return large_region && lg__quarantine_reserve();
}

static bool is_in(const void *memory, const char *region, size_t size)
{
    return region && (uintptr_t)memory - (uintptr_t)region < size;
}

static bool is_ours(const void *memory)
{
    return lg__room_piece_at((uintptr_t)memory) || is_in(memory, large_region, LARGE_SIZE);
}

static struct block *block_of(void *memory)
{
    return (struct block *)memory - 1;
}

/* ---- Allocation -------------------------------------------------------------------------------------- */

static char *round_up(char *address, size_t alignment)
{
    return (char *)(((uintptr_t)address + alignment - 1) & ~(uintptr_t)(alignment - 1));
}

static size_t pages_of(size_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

static char *take_large(size_t alignment, size_t size)
{
    char *memory = round_up(large_next + PAGE, alignment < PAGE ? PAGE : alignment);
    if (size > LARGE_SIZE / 2)
        return NULL;
    if (memory + size > large_region + LARGE_SIZE - PAGE)
        lg__run_cannot(
            "the program allocates more than 1 TB in large blocks, one after the other\n");
    large_next = round_up(memory + size, PAGE);
    return memory;
}

static char *take_small(struct lg__thread *self, size_t alignment, size_t size)
{
    struct lg__piece *piece = &self->piece;
    if (!piece->next) {
        piece->next = lg__room_piece(self->index);
        piece->end = piece->next + LG__ROOM_PIECE;
    }
    char *memory = round_up(piece->next + sizeof(struct block), alignment);
    if (memory + size > piece->end) {
        piece->is_second = true;
        piece->next = take_large(PAGE, LG__ROOM_PIECE);
        if (!piece->next)
            return NULL;
        piece->end = piece->next + LG__ROOM_PIECE;
        memory = round_up(piece->next + sizeof(struct block), alignment);
    }
    piece->next = memory + size;
    return memory;
}

/* One that was in use before; NULL: none that is due. */
static char *take_again(const struct lg__thread *self, size_t alignment, size_t room)
{
    if (!self->piece.is_second || alignment > ALIGNMENT)
        return NULL;
    char *memory = lg__quarantine_leave(self->index, room);
    if (memory)
        lg__access_reuse((uintptr_t)memory, room);
    return memory;
}

static char *take_large_again(size_t alignment, size_t room)
{
    char *memory = alignment > PAGE ? NULL : lg__quarantine_leave_large(room);
    if (!memory)
        return NULL;
    mprotect(memory, room, PROT_READ | PROT_WRITE);
    lg__access_reuse((uintptr_t)memory, room);
    return memory;
}

/* Memory of a run is fresh, and so zero, or made so. */
static void *allocate(struct lg__thread *self, size_t alignment, size_t size, bool must_clear,
                      uint64_t site)
{
    if (alignment < ALIGNMENT)
        alignment = ALIGNMENT;
    bool is_large = size >= LARGE_MIN || alignment > PAGE;
    size_t room = is_large ? pages_of(size) : lg__quarantine_room(size ? size : 1);
    char *memory = is_large ? take_large_again(alignment, room) : take_again(self, alignment, room);
    bool is_again = memory != NULL;
    if (is_again && must_clear && !is_large)
        lg__real()->memset(memory, 0, size);
    if (!memory)
        memory = is_large ? take_large(alignment, size) : take_small(self, alignment, room);
    if (!memory) {
        errno = ENOMEM;
        return NULL;
    }
    *block_of(memory) = (struct block){.size = size,
                                       .allocated_at = site,
                                       .allocated_by = self->index,
                                       .is_aligned = alignment > ALIGNMENT,
                                       .state = BLOCK_LIVE};
    if (!is_again)
        lg__access_renew((uintptr_t)memory, size);
    return memory;
}

/* ---- Freeing ----------------------------------------------------------------------------------------- */

static void add_block(const struct block *block)
{
    char name[64];
    lg__name_write(block->allocated_by, name, sizeof name);
    lg__verdict_add("    the block of %zu bytes was allocated by %s at " LG__PLACE_CODE "\n",
                    block->size, name, (unsigned long)block->allocated_at);
    if (block->state == BLOCK_FREED)
        lg__verdict_add("    and freed at " LG__PLACE_CODE "\n", (unsigned long)block->freed_at);
}

static void check_block(const struct lg__thread *self, void *memory, uint64_t site)
{
    const struct block *block = block_of(memory);
    if ((uintptr_t)memory % ALIGNMENT ||
        (block->state != BLOCK_LIVE && block->state != BLOCK_FREED)) {
        lg__verdict_add("free of %p, where no block begins\n", memory);
        lg__verdict_found_by(self, LG__FINDING_BAD_FREE, site);
    }
    if (block->state == BLOCK_FREED) {
        if (lg__journal_is_on)
            lg__journal_wrong(self, LG__EVENT_FREE, (uintptr_t)memory, block->size, site);
        lg__verdict_add("free of a block that is free already\n");
        add_block(block);
        lg__verdict_found_by(self, LG__FINDING_DOUBLE_FREE, site);
    }
}

/* Its pages go.  A mapping in pieces is more than one for the kernel, which has a limit; without the
 * protection, an access is still found by the table. */
static void release_large(void *memory, size_t size)
{
    static uint32_t protected;
    madvise(memory, size, MADV_DONTNEED);
    if (protected ++ < PROTECTED_MAX)
        mprotect(memory, size, PROT_NONE);
    lg__quarantine_enter_large(memory, size);
}

/* Freeing is a write to the whole block. */
static void release(struct lg__thread *self, void *memory, uint64_t site)
{
    struct block *block = block_of(memory);
    check_block(self, memory, site);
    lg__access_free(self, (uintptr_t)memory, block->size, block->size >= LARGE_MIN, site);
    /* Others may have freed it meanwhile. */
    check_block(self, memory, site);
    block->state = BLOCK_FREED;
    block->freed_at = site;
    lg__object_forget((uintptr_t)memory, block->size);
    if (block->size >= LARGE_MIN)
        release_large(memory, pages_of(block->size));
    else if (lg__run.threads[block->allocated_by].piece.is_second && !block->is_aligned)
        lg__quarantine_enter(block->allocated_by,
                             lg__quarantine_room(block->size ? block->size : 1), memory);
}

bool lg__heap_is_gone(uintptr_t address)
{
    return is_in((void *)address, large_region, LARGE_SIZE) && (char *)address < large_next;
}

static const struct block *find_block(uintptr_t address)
{
    uintptr_t piece = (uintptr_t)lg__room_piece_at(address);
    if (!piece)
        return NULL;
    /* Blocks lie one behind the other; the nearest header below is the block's. */
    for (uintptr_t at = address & ~(uintptr_t)15; at >= piece + sizeof(struct block); at -= 16) {
        const struct block *block = block_of((void *)at);
        if ((block->state == BLOCK_LIVE || block->state == BLOCK_FREED) &&
            block->size >= address - at)
            return block;
    }
    return NULL;
}

void lg__heap_describe(uintptr_t address)
{
    const struct block *block = find_block(address);
    if (block)
        add_block(block);
}

/* Who goes through an array asks for one block again and again. */
void lg__heap_find(uintptr_t address, uint64_t *begin, uint64_t *size, uint64_t *site)
{
    static const struct block *last;
    bool is_same = last && address - (uintptr_t)(last + 1) < last->size &&
                   (last->state == BLOCK_LIVE || last->state == BLOCK_FREED);
    const struct block *block = is_same ? last : find_block(address);
    *begin = block ? (uintptr_t)(block + 1) : 0;
    *size = block ? block->size : 0;
    *site = block ? block->allocated_at : 0;
    last = block;
}

/* ---- The names ---------------------------------------------------------------------------------------- */

LG__EXPORT void *malloc(size_t size)
{
    struct lg__thread *self = lg__self;
    return self ? allocate(self, ALIGNMENT, size, false, LG__SITE) : __libc_malloc(size);
}

/* A thread that has ended has no baton, and its memory goes with the run. */
static void release_any(void *memory, uint64_t site)
{
    struct lg__thread *self = lg__self;
    if (memory && !is_ours(memory))
        __libc_free(memory);
    else if (memory && self)
        release(self, memory, site);
}

LG__EXPORT void free(void *memory)
{
    release_any(memory, LG__SITE);
}

LG__EXPORT void *calloc(size_t count, size_t size)
{
    struct lg__thread *self = lg__self;
    size_t total;
    if (!self)
        return __libc_calloc(count, size);
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate(self, ALIGNMENT, total, true, LG__SITE);
}

static void *reallocate(struct lg__thread *self, void *memory, size_t size, uint64_t site)
{
    if (!memory)
        return allocate(self, ALIGNMENT, size, false, site);
    if (!size) {
        release(self, memory, site);
        return NULL;
    }
    check_block(self, memory, site);
    size_t old = block_of(memory)->size;
    size_t copied = old < size ? old : size;
    void *moved = allocate(self, ALIGNMENT, size, false, site);
    if (!moved)
        return NULL;
    if (lg__caller_is_watched(site))
        lg__access_range((uintptr_t)memory, copied, false, site);
    /* Others may have freed it meanwhile. */
    check_block(self, memory, site);
    lg__real()->memcpy(moved, memory, copied);
    release(self, memory, site);
    return moved;
}

LG__EXPORT void *realloc(void *memory, size_t size)
{
    struct lg__thread *self = lg__self;
    if (memory ? !is_ours(memory) : !self)
        return __libc_realloc(memory, size);
    if (!self)
        return NULL;
    return reallocate(self, memory, size, LG__SITE);
}

LG__EXPORT void *reallocarray(void *memory, size_t count, size_t size)
{
    struct lg__thread *self = lg__self;
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    if (memory ? !is_ours(memory) : !self)
        return __libc_realloc(memory, total);
    return self ? reallocate(self, memory, total, LG__SITE) : NULL;
}

static void *align(size_t alignment, size_t size, uint64_t site)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return __libc_memalign(alignment, size);
    if (!alignment || (alignment & (alignment - 1))) {
        errno = EINVAL;
        return NULL;
    }
    return allocate(self, alignment, size, false, site);
}

LG__EXPORT void *memalign(size_t alignment, size_t size)
{
    return align(alignment, size, LG__SITE);
}

LG__EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return align(alignment, size, LG__SITE);
}

LG__EXPORT void *valloc(size_t size)
{
    return align(PAGE, size, LG__SITE);
}

LG__EXPORT void *pvalloc(size_t size)
{
    return align(PAGE, (size + PAGE - 1) & ~(PAGE - 1), LG__SITE);
}

LG__EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    void *memory = align(alignment, size, LG__SITE);
    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}

/* ---- C++'s, under the names that compilers give them: for a block the place is the program's, not the library's --- */

/* The library's calls the handler and throws. */
static void *allocate_object(size_t size, const char *name, uint64_t site)
{
    struct lg__thread *self = lg__self;
    size_t wanted = size ? size : 1;
    void *memory = self ? allocate(self, ALIGNMENT, wanted, false, site) : __libc_malloc(wanted);
    if (memory)
        return memory;
    void *(*library)(size_t) = NULL;
    *(void **)&library = dlsym(RTLD_NEXT, name);
    return library ? library(size) : NULL;
}

void *_Znwm(size_t size);
void *_Znam(size_t size);
void _ZdlPv(void *memory);
void _ZdaPv(void *memory);
void _ZdlPvm(void *memory, size_t size);
void _ZdaPvm(void *memory, size_t size);

LG__EXPORT void *_Znwm(size_t size)
{
    return allocate_object(size, "_Znwm", LG__SITE);
}

LG__EXPORT void *_Znam(size_t size)
{
    return allocate_object(size, "_Znam", LG__SITE);
}

LG__EXPORT void _ZdlPv(void *memory)
{
    release_any(memory, LG__SITE);
}

LG__EXPORT void _ZdaPv(void *memory)
{
    release_any(memory, LG__SITE);
}

LG__EXPORT void _ZdlPvm(void *memory, size_t size)
{
    (void)size;
    release_any(memory, LG__SITE);
}

LG__EXPORT void _ZdaPvm(void *memory, size_t size)
{
    (void)size;
    release_any(memory, LG__SITE);
}

LG__EXPORT size_t malloc_usable_size(void *memory)
{
    if (is_ours(memory))
        return block_of(memory)->size;
    return memory ? lg__real()->malloc_usable_size(memory) : 0;
}
