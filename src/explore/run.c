#include "explore/run.h"

#include "explore/kernel.h"
#include "explore/reuse.h"
#include "explore/room.h"
#include "explore/table.h"
#include "explore/together.h"
#include "explore/variable.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct lg__campaign *lg__campaign;
LG__TOGETHER struct lg__run lg__run;
__thread struct lg__thread *lg__self;
__thread struct lg__thread *lg__watched;

/* The first memory that a run asks for lies right before the threads' records, and is given out from there
 * downwards; what is more has a region of its own. */
#define FAR_SIZE   ((size_t)4 << 30)
#define PAGE       ((size_t)4096)
#define FILLED_MAX ((size_t)256 << 10)
static char *far_end;
static struct lg__thread *threads;
static struct lg__thread **live;
static struct lg__thread **candidates;
LG__TOGETHER static struct {
    char *first; /* the last that was given out */
    size_t rest; /* bytes before it */
    bool is_far;
} memory;

static void *reserve(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

bool lg__run_reserve(void)
{
    char *far = reserve(FAR_SIZE);
    live = reserve(LG__NAMES_MAX * sizeof(struct lg__thread *));
    candidates = reserve(LG__NAMES_MAX * sizeof(struct lg__thread *));
    if (!far || !live || !candidates ||
        !lg__room_reserve(LG__VARS_MAX * sizeof(struct lg__variable),
                          LG__NAMES_MAX * sizeof *threads))
        return false;
    far_end = far + FAR_SIZE;
    threads = (struct lg__thread *)lg__room.threads;
    memory.first = lg__room.memory_end;
    memory.rest = LG__ROOM_NEAR;
    return true;
}

void *lg__run_allocate(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > memory.rest && !memory.is_far) {
        memory.first = far_end;
        memory.rest = FAR_SIZE;
        memory.is_far = true;
    }
    if (size > memory.rest)
        lg__run_cannot("the run needs more than 4 GB for what explore remembers of it");
    memory.rest -= size;
    return memory.first -= size;
}

static void fill(char *begin, char *end)
{
    uintptr_t first = (uintptr_t)begin & ~(PAGE - 1);
    lg__kernel_call(SYS_madvise, (long)first, (long)((uintptr_t)end - first), MADV_POPULATE_WRITE,
                    0);
}

/* Two calls instead of a fault for each page: what every run writes to, the first variables and the begin of main's
 * heap; and as much memory and as many records as the last run had.  A process that has had a run has them. */
static void fill_pages(void)
{
    const struct lg__campaign *campaign = lg__campaign;
    char *end = (char *)(threads + campaign->threads_used);
    if (lg__reuse_is_again())
        return;
    fill(lg__room.variables_end - 1, lg__room.variables_end + PAGE);
    if (campaign->memory_used <= FILLED_MAX &&
        campaign->threads_used <= FILLED_MAX / sizeof *threads)
        fill(lg__room.memory_end - campaign->memory_used, end);
}

void lg__run_end(void)
{
    lg__campaign->memory_used = memory.is_far ? LG__ROOM_NEAR : LG__ROOM_NEAR - memory.rest;
    lg__campaign->threads_used = lg__run.created;
}

/* splitmix64 (Steele, Lea, Flood, 2014). */
uint64_t lg__run_random(void)
{
    uint64_t z = lg__run.random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t lg__run_events(void)
{
    const struct lg__thread *current = lg__run.current;
    return lg__run.retired + current->events - current->resumed_at;
}

uint64_t lg__run_now_ns(void)
{
    return lg__run.leapt_ns + lg__run_events() * LG__EVENT_NS;
}

/* A child has one parent, so its name is found among the names that its parent has given; they are few
 * where they are made, and the search begins behind the parent. */
uint32_t lg__name_find(uint32_t parent, uint32_t ordinal)
{
    struct lg__campaign *campaign = lg__campaign;
    uint32_t guess = parent + ordinal;
    if (guess < campaign->name_count && campaign->names[guess].parent == parent &&
        campaign->names[guess].ordinal == ordinal)
        return guess;
    for (uint32_t i = parent + 1; i < campaign->name_count; i++)
        if (campaign->names[i].parent == parent && campaign->names[i].ordinal == ordinal)
            return i;
    if (campaign->name_count == LG__NAMES_MAX)
        lg__run_cannot("the program starts more than 65,535 threads");
    campaign->names[campaign->name_count] = (struct lg__name){.parent = parent, .ordinal = ordinal};
    return campaign->name_count++;
}

void lg__name_write(uint32_t index, char *out, size_t size)
{
    uint32_t path[16], depth = 0;
    for (; index && depth < 16; index = lg__campaign->names[index].parent)
        path[depth++] = lg__campaign->names[index].ordinal;
    int length = snprintf(out, size, depth ? "T" : "main");
    while (depth-- && (size_t)length < size)
        length += snprintf(out + length, size - length, "%u%s", path[depth], depth ? "." : "");
}

void lg__run_make_room(void)
{
    if (lg__run.live_count != LG__FEW || lg__run.live == live)
        return;
    memcpy(live, lg__run.live, LG__FEW * sizeof(struct lg__thread *));
    lg__run.live = live;
    lg__run.candidates = candidates;
}

void lg__run_begin(void)
{
    struct lg__thread *first = &threads[0];
    fill_pages();
    lg__run = (struct lg__run){.threads = threads,
                               .live = lg__run.first_live,
                               .live_count = 1,
                               .candidates = lg__run.first_candidates,
                               .created = 1,
                               .current = first,
                               .patience = lg__campaign->plan.steps_max / 2,
                               .random = lg__campaign->plan.seed};
    lg__run.live[0] = first;
    first->tag = LG__TABLE_TAG(0);
    first->stop = UINT64_MAX;
    first->handle = pthread_self();
    lg__clock_set(&first->clock, 0, 1);
    lg__self = first;
}
