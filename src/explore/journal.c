#include "explore/journal.h"

#include "explore/heap.h"
#include "explore/kernel.h"
#include "explore/object.h"
#include "explore/shared.h"
#include "explore/together.h"

#include <errno.h>

#define NAMES_MAX 1024 /* threads, from the first */
#define NAME_SIZE 16   /* as in the kernel */

LG__TOGETHER bool lg__journal_is_on;
LG__TOGETHER static bool has_values; /* what is in memory is kept as well */

/* Shared; written by the thread of the run that has the baton, read when the run is over. */
static struct {
    uint64_t count; /* ever written: the last ones are kept */
    char names[NAMES_MAX][NAME_SIZE];
    struct lg__entry entries[LG__JOURNAL_MAX];
} * journal;

LG__TOGETHER static struct lg__entry *unsettled; /* a write whose value is not there yet */

bool lg__journal_reserve(void)
{
    journal = lg__shared_allocate(sizeof *journal);
    return journal != NULL;
}

void lg__journal_begin(void)
{
    lg__journal_is_on = lg__campaign->plan.must_journal;
    has_values = lg__campaign->plan.must_keep_values;
    unsettled = NULL;
    if (lg__journal_is_on)
        journal->count = 0;
}

uint32_t lg__journal_count(void)
{
    return journal->count < LG__JOURNAL_MAX ? (uint32_t)journal->count : LG__JOURNAL_MAX;
}

const struct lg__entry *lg__journal_at(uint32_t place)
{
    uint64_t first = journal->count < LG__JOURNAL_MAX ? 0 : journal->count;
    return &journal->entries[(first + place) % LG__JOURNAL_MAX];
}

void lg__journal_call(const struct lg__thread *thread, const char *name)
{
    if (!has_values || thread->index >= NAMES_MAX)
        return;
    size_t length = 0;
    for (; length < NAME_SIZE - 1 && name[length]; length++)
        journal->names[thread->index][length] = name[length];
    journal->names[thread->index][length] = 0;
}

const char *lg__journal_name_of(uint32_t thread)
{
    return thread < NAMES_MAX ? journal->names[thread] : "";
}

/* ---- Values ------------------------------------------------------------------------------------------ */

/* The kernel looks at the new mask before it sees that there is nothing to do with it: EFAULT says that the
 * word cannot be read, which a program's own bad access would show only later. */
static bool is_readable(uintptr_t address)
{
    return lg__kernel_call(SYS_rt_sigprocmask, ~0l, (long)(address & ~(uintptr_t)7), 0, 8) !=
           -EFAULT;
}

static bool read_value(const struct lg__entry *entry, uint8_t *out)
{
    uint64_t size = entry->size < LG__ENTRY_VALUE ? entry->size : LG__ENTRY_VALUE;
    if (!size || !is_readable(entry->address) || !is_readable(entry->address + size - 1))
        return false;
    for (uint64_t i = 0; i < size; i++)
        out[i] = ((const volatile uint8_t *)entry->address)[i];
    return true;
}

void lg__journal_settle(void)
{
    if (unsettled)
        unsettled->has_after = read_value(unsettled, unsettled->after);
    unsettled = NULL;
}

/* ---- Entries ----------------------------------------------------------------------------------------- */

static void copy_locks(const struct lg__thread *self, struct lg__entry *entry)
{
    uint32_t count = self->held_count < LG__HELD_MAX ? self->held_count : LG__HELD_MAX;
    while (count && entry->held_count < LG__ENTRY_HELD) {
        const struct lg__held *held = &self->held[--count];
        entry->held[entry->held_count++] =
            (struct lg__entry_lock){held->object->address, held->site, held->ordinal};
    }
}

/* The outermost call is libc's or the runtime's. */
static void copy_calls(const struct lg__thread *self, struct lg__entry *entry)
{
    uint32_t depth = self->depth < LG__FRAMES_MAX ? self->depth : 0;
    for (uint32_t i = 0; i < LG__ENTRY_CALLS && i + 1 < depth; i++)
        entry->calls[i] = self->frames[depth - 1 - i].site;
}

static struct lg__entry *add(const struct lg__thread *self, enum lg__entry_state state)
{
    lg__journal_settle();
    struct lg__entry *entry = &journal->entries[journal->count++ % LG__JOURNAL_MAX];
    *entry = (struct lg__entry){.ordinal = self->events,
                                .thread = self->index,
                                .turn = lg__campaign->outcome.switch_count,
                                .state = (uint8_t)state};
    copy_locks(self, entry);
    if (has_values)
        copy_calls(self, entry);
    return entry;
}

static struct lg__entry *add_access(const struct lg__thread *self, enum lg__event_kind kind,
                                    uintptr_t address, size_t size, uint64_t site)
{
    struct lg__entry *entry = add(self, LG__ENTRY_DONE);
    entry->event = (uint16_t)kind;
    entry->address = address;
    entry->size = size;
    entry->site = site;
    if (has_values)
        lg__heap_find(address, &entry->block, &entry->block_size, &entry->block_site);
    return entry;
}

void lg__journal_access(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                        size_t size, uint64_t site)
{
    struct lg__entry *entry = add_access(self, kind, address, size, site);
    if (!has_values)
        return;
    bool is_freed = kind == LG__EVENT_FREE;
    entry->has_before = !is_freed && read_value(entry, entry->before);
    if (kind == LG__EVENT_WRITE || kind == LG__EVENT_ATOMIC_WRITE)
        unsettled = entry;
}

void lg__journal_range(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                       size_t size, uint64_t site)
{
    lg__journal_access(self, kind, address, size, site);
    journal->entries[(journal->count - 1) % LG__JOURNAL_MAX].is_range = true;
}

void lg__journal_wrong(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                       size_t size, uint64_t site)
{
    struct lg__entry *last = &journal->entries[(journal->count - 1) % LG__JOURNAL_MAX];
    /* A part of a range is wrong: it is one access all the same. */
    if (journal->count && last->is_range && last->site == site && last->thread == self->index &&
        last->ordinal == self->events) {
        last->state = LG__ENTRY_FAILED;
        return;
    }
    add_access(self, kind, address, size, site)->state = LG__ENTRY_FAILED;
}

/* Reads and writes have entries of their own, of the access and not of the decision before it. */
static bool is_access(enum lg__event_kind kind)
{
    return kind == LG__EVENT_READ || kind == LG__EVENT_WRITE || kind == LG__EVENT_ATOMIC_READ ||
           kind == LG__EVENT_ATOMIC_WRITE || kind == LG__EVENT_FREE;
}

static uint32_t other_of(const struct lg__thread *self)
{
    const struct lg__wait *wait = &self->wait;
    if (self->pending == LG__EVENT_CREATE)
        return lg__name_find(self->index, self->children) + 1;
    if (wait->kind == LG__WAIT_END)
        return wait->thread->index + 1;
    if (wait->kind == LG__WAIT_SIGNAL && wait->is_signalled && wait->mutex->owner)
        return wait->mutex->owner->index + 1;
    return wait->kind != LG__WAIT_NONE && wait->object && wait->object->owner
               ? wait->object->owner->index + 1
               : 0;
}

void lg__journal_event(const struct lg__thread *self, enum lg__entry_state state)
{
    if (state != LG__ENTRY_BLOCKED && state != LG__ENTRY_PENDING && is_access(self->pending))
        return;
    struct lg__entry *entry = add(self, state);
    entry->event = (uint16_t)self->pending;
    entry->site = self->pending_site;
    entry->address = self->pending_address;
    entry->other = other_of(self);
    const struct lg__object *object = lg__object_at((void *)self->pending_address);
    entry->object = object ? (uint8_t)object->kind : LG__OBJECT_NONE;
    if (self->pending == LG__EVENT_CREATE)
        entry->address = (uint64_t)(uintptr_t)lg__run.threads[entry->other - 1].start;
    else if (entry->address && has_values)
        lg__heap_find(entry->address, &entry->block, &entry->block_size, &entry->block_site);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static bool was_said(const struct lg__thread *thread)
{
    uint32_t count = lg__journal_count();
    for (uint32_t i = count; i-- > 0;) {
        const struct lg__entry *entry = lg__journal_at(i);
        if (entry->thread == thread->index)
            return entry->ordinal == thread->events;
    }
    return false;
}

/* Who was about to do something has not done it. */
static void add_pending(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__thread *thread = lg__run.live[i];
        if (thread->pending != LG__EVENT_NONE && !was_said(thread))
            lg__journal_event(thread, LG__ENTRY_PENDING);
    }
}

void lg__journal_end(uint64_t where)
{
    const struct lg__thread *self = lg__run.current;
    struct lg__entry *last = &journal->entries[(journal->count - 1) % LG__JOURNAL_MAX];
    bool has_last = journal->count && last->thread == self->index;
    /* The access that a race was found at has not been done. */
    if (has_last && last->site == where && last->state == LG__ENTRY_DONE && last->size) {
        last->state = LG__ENTRY_FAILED;
        unsettled = NULL;
    }
    lg__journal_settle();
    if (where && !(has_last && last->state == LG__ENTRY_FAILED))
        add(self, LG__ENTRY_FAILED)->site = where;
    add_pending();
}
