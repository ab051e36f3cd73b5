#include "explore/quarantine.h"

#include "explore/campaign.h"

#include <sys/mman.h>

/* Steps of 16 bytes up to here; above, four sizes from one power of two to the next. */
#define FINE_MAX  ((size_t)512)
#define FINE_STEP ((size_t)16)
#define CLASSES   (32 + 4 * 16)

/* Bytes of a size that stay; and of all large blocks. */
#define KEPT       ((size_t)256 << 10)
#define KEPT_LARGE ((size_t)64 << 20)
#define LOOKED_AT  256 /* of the large ones, when one of a size is wanted */
#define PAGE       ((size_t)4096)

struct freed {
    struct freed *next;
};

struct line {
    struct freed *first;
    struct freed *last;
    size_t bytes;
};

static struct line (*lines)[CLASSES]; /* by thread index */

bool lg__quarantine_reserve(void)
{
    lines = mmap(NULL, LG__NAMES_MAX * sizeof *lines, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return lines != MAP_FAILED;
}

/* The step between sizes in the power of two below this size. */
static size_t step_of(size_t size)
{
    size_t step = FINE_MAX / 4;
    while (size > step * 8)
        step *= 2;
    return step;
}

size_t lg__quarantine_room(size_t size)
{
    size_t step = size <= FINE_MAX ? FINE_STEP : step_of(size);
    return (size + step - 1) / step * step;
}

static struct line *line_of(uint32_t thread, size_t room)
{
    size_t class = room / FINE_STEP - 1;
    if (room > FINE_MAX) {
        size_t step = step_of(room);
        size_t doubled = (size_t)__builtin_ctzl(step / (FINE_MAX / 4));
        class = FINE_MAX / FINE_STEP + doubled * 4 + room / step - 5;
    }
    return class < CLASSES ? &lines[thread][class] : NULL;
}

void lg__quarantine_enter(uint32_t thread, size_t room, void *memory)
{
    struct freed *freed = memory;
    struct line *line = line_of(thread, room);
    if (!line)
        return;
    freed->next = NULL;
    if (line->last)
        line->last->next = freed;
    else
        line->first = freed;
    line->last = freed;
    line->bytes += room;
}

void *lg__quarantine_leave(uint32_t thread, size_t room)
{
    struct line *line = line_of(thread, room);
    if (!line || line->bytes <= KEPT)
        return NULL;
    struct freed *freed = line->first;
    line->first = freed->next;
    if (!line->first)
        line->last = NULL;
    line->bytes -= room;
    return freed;
}

/* ---- Large blocks ---------------------------------------------------------------------------------------- */

/* In the page before the block. */
struct large {
    struct large *next;
    size_t size;
};

static struct large *first_large;
static struct large **last_large = &first_large;
static size_t large_bytes;

void lg__quarantine_enter_large(void *memory, size_t size)
{
    struct large *large = (struct large *)((char *)memory - PAGE);
    *large = (struct large){.size = size};
    *last_large = large;
    last_large = &large->next;
    large_bytes += size;
}

void *lg__quarantine_leave_large(size_t size)
{
    struct large **link = &first_large;
    for (uint32_t i = 0; i < LOOKED_AT && *link && (*link)->size != size; i++)
        link = &(*link)->next;
    struct large *found = *link;
    if (large_bytes <= KEPT_LARGE || !found || found->size != size)
        return NULL;
    *link = found->next;
    if (last_large == &found->next)
        last_large = link;
    large_bytes -= size;
    return (char *)found + PAGE;
}
