/* The calls that -fsanitize=thread puts before each access of memory.
 *
 * Nearly all accesses are to bytes that one thread has to itself; the table says so in two loads, and
 * nothing else happens.  An access to shared bytes is an event that others may come before; it is one only
 * if the bytes were ever without a guard, because at guarded ones the lock is the event. */
#include "explore/access.h"

#include "explore/baton.h"
#include "explore/heap.h"
#include "explore/journal.h"
#include "explore/strategy.h"
#include "explore/table.h"
#include "explore/variable.h"
#include "explore/verdict.h"

/* Reads of one place with nothing changed, after which the thread is taken to be spinning; and how many
 * other places it may read in between. */
#define SPIN_READS  16
#define SPIN_OTHERS 16

#define SITE         ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define EXPORT(name) __attribute__((visibility("default"))) name

/* ---- Whose bytes they are ------------------------------------------------------------------------------ */

/* The number of the variable that an access meets; 0: the bytes are the thread's alone, or only read. */
static uint32_t classify(struct lg__thread *self, uintptr_t address, bool is_write)
{
    uint32_t *entry = lg__table_find(address);
    uint32_t owner = *entry & ~LG__TABLE_WRITTEN;
    if (*entry & LG__TABLE_VAR)
        return *entry & ~LG__TABLE_VAR;
    if (!*entry || owner == self->tag) {
        *entry = self->tag | (*entry & LG__TABLE_WRITTEN) | is_write;
        return 0;
    }
    if (*entry & LG__TABLE_FREED)
        return 0;
    if (!is_write && (owner == LG__TABLE_READ_SHARED || !(*entry & LG__TABLE_WRITTEN))) {
        *entry = LG__TABLE_READ_SHARED;
        return 0;
    }
    return lg__table_var(address, LG__VAR_MANY | LG__VAR_WRITTEN);
}

/* The two halves of an aligned word that is accessed as one are one variable. */
static uint32_t classify_word(struct lg__thread *self, uintptr_t address, bool is_write)
{
    uint32_t number = classify(self, address, is_write);
    uint32_t *second = lg__table_find(address + LG__TABLE_GRANULE);
    if (number && !(*second & LG__TABLE_VAR))
        *second = LG__TABLE_VAR | number;
    else if (!number)
        number = classify(self, address + LG__TABLE_GRANULE, is_write);
    return number;
}

static bool is_point(uint32_t number)
{
    return lg__variable_is_point(lg__campaign->vars[number].flags);
}

static bool is_spinning(struct lg__thread *self, uintptr_t address, uint64_t site)
{
    bool is_same = self->spin_site == site && self->spin_address == address;
    if (self->spin_stamp != lg__run.changes || (!is_same && ++self->spin_others > SPIN_OTHERS)) {
        self->spin_site = site;
        self->spin_address = address;
        self->spin_stamp = lg__run.changes;
        self->spin_count = 0;
        self->spin_others = 0;
        return false;
    }
    self->spin_count += is_same;
    return self->spin_count >= SPIN_READS && lg__run.live_count > 1;
}

/* Who reads the same place again and again while nothing changes waits for a change. */
void lg__access_look_for_spin(struct lg__thread *self, uintptr_t address, uint64_t site)
{
    if (lg__replay_knows(self) ? !lg__replay_spins(self) : !is_spinning(self, address, site))
        return;
    self->spin_count = 0;
    self->pending = LG__EVENT_READ;
    self->pending_address = address;
    self->pending_site = site;
    self->wait = (struct lg__wait){
        .kind = LG__WAIT_CHANGE, .stamp = lg__run.changes, .deadline = LG__NEVER, .site = site};
    lg__baton_wait(self);
}

static void check_freed(struct lg__thread *self, uint32_t number, uintptr_t address, uint32_t size,
                        bool is_write, uint64_t site)
{
    bool is_freed = number ? lg__variable_of(number)->freed_site != 0
                           : *lg__table_find(address) == LG__TABLE_FREED;
    if (!is_freed)
        return;
    if (lg__journal_is_on)
        lg__journal_wrong(self, is_write ? LG__EVENT_WRITE : LG__EVENT_READ, address, size, site);
    lg__verdict_add("%s of %u bytes in memory that was freed, " LG__PLACE_DATA "\n",
                    is_write ? "write" : "read", size, (unsigned long)address);
    lg__heap_describe(address);
    lg__verdict_found_by(self, LG__FINDING_USE_AFTER_FREE, site);
}

/* ---- Accesses that the fast path leaves ---------------------------------------------------------------- */

static void touch(struct lg__thread *self, uint32_t number, uintptr_t address, uint32_t size,
                  bool is_write, uint64_t site)
{
    lg__variable_access(self, number, address, size, is_write, false, site);
    if (is_write)
        lg__baton_changed();
}

static void be_fair(struct lg__thread *self, uintptr_t address, uint64_t site, bool is_write)
{
    enum lg__event_kind kind = is_write ? LG__EVENT_WRITE : LG__EVENT_READ;
    if (lg__campaign->plan.strategy != LG__STRATEGY_REPLAY && self->events >= self->fair)
        self->is_yielding = true;
    lg__baton_look(self, kind, 0, address, site);
    self->is_yielding = false;
}

static void access_slowly(struct lg__thread *self, uintptr_t address, uint32_t size, bool is_write,
                          uint64_t site)
{
    bool is_word = size == 8 && !(address & 7);
    uint32_t number =
        is_word ? classify_word(self, address, is_write) : classify(self, address, is_write);
    if (number && is_point(number)) {
        enum lg__event_kind kind = is_write ? LG__EVENT_WRITE : LG__EVENT_READ;
        lg__baton_look(self, kind, number, address, site);
    } else if (self->events >= self->stop) {
        be_fair(self, address, site, is_write);
    }
    if (!is_write && (number || lg__replay_knows(self)))
        lg__access_look_for_spin(self, address, site);
    check_freed(self, number, address, size, is_write, site);
    if (!number)
        return;
    if (lg__journal_is_on)
        lg__journal_access(self, is_write ? LG__EVENT_WRITE : LG__EVENT_READ, address, size, site);
    touch(self, number, address, size, is_write, site);
}

static inline void access_memory(void *memory, uint32_t size, bool is_write, uint64_t site)
{
    struct lg__thread *self = lg__watched;
    if (!self)
        return;
    uintptr_t address = (uintptr_t)memory;
    uint32_t entry = *lg__table_find(address);
    if (size == 8)
        entry = entry == lg__table_find(address)[1] ? entry : 0;
    uint32_t mine = is_write ? self->tag | LG__TABLE_WRITTEN : self->tag;
    if (!is_write)
        entry &= ~LG__TABLE_WRITTEN;
    bool is_due = ++self->events >= self->stop;
    if (__builtin_expect(entry == mine && !is_due, 1))
        return;
    access_slowly(self, address, size, is_write, site);
}

/* The first variable among the bytes that is a scheduling point; 0: none. */
static uint32_t find_point(struct lg__thread *self, uintptr_t address, size_t size, bool is_write)
{
    uintptr_t last = (address + size - 1) | (LG__TABLE_GRANULE - 1);
    for (uintptr_t at = address; at <= last; at += LG__TABLE_GRANULE) {
        uint32_t number = classify(self, at, is_write);
        if (number && is_point(number))
            return number;
    }
    return 0;
}

static void access_piece(struct lg__thread *self, uint32_t number, uintptr_t address, uint32_t size,
                         bool is_write, uint64_t site)
{
    check_freed(self, number, address, size, is_write, site);
    if (number)
        touch(self, number, address, size, is_write, site);
}

/* Bytes from the address on, within its page, that are the thread's alone, become so, or have no room in the
 * table: nothing else happens at them. */
static size_t claim(const struct lg__thread *self, uintptr_t address, size_t size, bool is_write)
{
    uint32_t *entry = lg__table_find(address);
    uintptr_t room = 4096 - (address & 4095);
    uintptr_t at = address, end = address + (size < room ? size : room);
    for (; at < end; at = (at | (LG__TABLE_GRANULE - 1)) + 1, entry++) {
        uint32_t written = *entry & LG__TABLE_WRITTEN;
        uint32_t mine = self->tag | written | is_write;
        if (!*entry || *entry == (self->tag | written))
            *entry = mine;
        else if (*entry != LG__TABLE_VAR)
            break;
    }
    return (at < end ? at : end) - address;
}

/* One scheduling point for all bytes of a range, at its first address, because which of its variables are
 * points is learned.  When it is due, it is looked for first: a replay decides there, whatever it knows. */
static void access_pieces(struct lg__thread *self, uintptr_t address, size_t size, bool is_write,
                          uint64_t site)
{
    enum lg__event_kind kind = is_write ? LG__EVENT_WRITE : LG__EVENT_READ;
    bool was_point = ++self->events >= self->stop, is_noted = !lg__journal_is_on;
    if (was_point) {
        uint32_t number = find_point(self, address, size, is_write);
        if (number)
            lg__baton_look(self, kind, number, address, site);
        else
            be_fair(self, address, site, is_write);
    }
    for (uintptr_t at = address, end = address + size; at < end;) {
        size_t claimed = claim(self, at, end - at, is_write);
        at += claimed;
        if (claimed)
            continue;
        uint32_t room = LG__TABLE_GRANULE - (at & (LG__TABLE_GRANULE - 1));
        uint32_t part = end - at < room ? (uint32_t)(end - at) : room;
        uint32_t number = classify(self, at, is_write);
        if (number && !was_point && is_point(number)) {
            lg__baton_look(self, kind, number, address, site);
            was_point = true;
        }
        if (number && !is_noted) {
            lg__journal_range(self, kind, address, size, site);
            is_noted = true;
        }
        access_piece(self, number, at, part, is_write, site);
        at += part;
    }
}

void lg__access_range(uintptr_t address, size_t size, bool is_write, uint64_t site)
{
    struct lg__thread *self = lg__watched;
    if (self && size)
        access_pieces(self, address, size, is_write, site);
}

static void renew_page(uint32_t *entries, uintptr_t page, uintptr_t begin, uintptr_t end)
{
    uintptr_t first = begin > page ? (begin - page + LG__TABLE_GRANULE - 1) / LG__TABLE_GRANULE : 0;
    for (uintptr_t i = first; i < 4096 / LG__TABLE_GRANULE; i++) {
        if (page + i * LG__TABLE_GRANULE >= end)
            return;
        if (entries[i] == LG__TABLE_FREED)
            entries[i] = 0;
    }
}

/* Page by page, or, if the block has more pages than the table, entry by entry of that. */
void lg__access_renew(uintptr_t address, size_t size)
{
    uintptr_t end = address + size;
    if (size / 4096 > 1u << LG__TABLE_BITS) {
        for (uint32_t i = 0; i < 1u << LG__TABLE_BITS; i++) {
            const struct lg__table_page *page = &lg__table_pages[i];
            if (page->number && page->number << 12 >= address && page->number << 12 < end)
                renew_page(page->entries, page->number << 12, address, end);
        }
        return;
    }
    for (uintptr_t page = address & ~(uintptr_t)4095; page < end; page += 4096) {
        uint32_t *entries = lg__table_peek(page);
        if (entries)
            renew_page(entries, page, address, end);
    }
}

/* Of a large block only what somebody has touched: its pages go. */
static uint32_t *entry_of(uintptr_t address, bool is_large)
{
    return is_large ? lg__table_peek(address) : lg__table_find(address);
}

/* The entry that follows one, which is looked up in each page; NULL: nobody has touched the page. */
static inline uint32_t *next_entry(uint32_t *entry, uintptr_t address, bool is_large)
{
    return entry && (address & 4095) ? entry + 1 : entry_of(address, is_large);
}

void lg__access_reuse(uintptr_t address, size_t size)
{
    uint32_t *entry = NULL;
    for (uintptr_t at = address; at < address + size; at += LG__TABLE_GRANULE) {
        entry = next_entry(entry, at, true);
        if (!entry)
            at |= 4095 & ~(uintptr_t)(LG__TABLE_GRANULE - 1);
        else if (*entry & LG__TABLE_VAR)
            lg__variable_forget(*entry & ~LG__TABLE_VAR);
        else
            *entry = 0;
    }
}

/* Bytes that another thread has touched are shared with whoever frees them: so many of a block, or one
 * that was filled by memset would take all variables. */
#define SHARED_MAX 1024

static bool share_with_owner(const struct lg__thread *self, uint32_t entry, uintptr_t address)
{
    uint32_t owner = entry & ~LG__TABLE_WRITTEN;
    if (!entry || owner == self->tag || (entry & (LG__TABLE_VAR | LG__TABLE_FREED)))
        return false;
    lg__table_var(address, LG__VAR_MANY | LG__VAR_WRITTEN);
    return true;
}

static void free_bytes(struct lg__thread *self, uint32_t *entry, uintptr_t address, uint64_t site)
{
    if (!(*entry & LG__TABLE_VAR)) {
        *entry = LG__TABLE_FREED;
        return;
    }
    struct lg__variable *variable = lg__variable_of(*entry & ~LG__TABLE_VAR);
    if (lg__watched && !variable->freed_site)
        lg__variable_access(self, *entry & ~LG__TABLE_VAR, address, LG__TABLE_GRANULE, true, false,
                            site);
    variable->freed_site = site;
    variable->freed_by = self->index;
}

/* The first variable in a block that is a scheduling point; 0: none. */
static uint32_t share_block(const struct lg__thread *self, uintptr_t address, size_t size,
                            bool is_large)
{
    uint32_t found = 0, shared = 0, *entry = NULL;
    for (uintptr_t at = address; at < address + size; at += LG__TABLE_GRANULE) {
        entry = next_entry(entry, at, is_large);
        if (!entry) {
            at |= 4095 & ~(uintptr_t)(LG__TABLE_GRANULE - 1);
            continue;
        }
        if (shared < SHARED_MAX)
            shared += share_with_owner(self, *entry, at);
        if (!found && (*entry & LG__TABLE_VAR) && is_point(*entry & ~LG__TABLE_VAR))
            found = *entry & ~LG__TABLE_VAR;
    }
    return found;
}

void lg__access_free(struct lg__thread *self, uintptr_t address, size_t size, bool is_large,
                     uint64_t site)
{
    uint32_t number = lg__watched ? share_block(self, address, size, is_large) : 0;
    /* An event in any case: a replay counts them, and may know less than the search of what is shared. */
    self->events += lg__watched != NULL;
    if (number || (lg__watched && self->events >= self->stop))
        lg__baton_look(self, LG__EVENT_FREE, number, address, site);
    if (lg__journal_is_on)
        lg__journal_access(self, LG__EVENT_FREE, address, size, site);
    uint32_t *entry = NULL;
    for (uintptr_t at = address; at < address + size; at += LG__TABLE_GRANULE) {
        entry = next_entry(entry, at, is_large);
        if (entry)
            free_bytes(self, entry, at, site);
        else
            at |= 4095 & ~(uintptr_t)(LG__TABLE_GRANULE - 1);
    }
}

/* ---- Atomics ----------------------------------------------------------------------------------------- */

static void note_thread(const struct lg__thread *self, struct lg__var *var, bool is_write)
{
    uint32_t flags = var->flags;
    if (!var->threads)
        var->threads = self->index + 1;
    if (var->threads != self->index + 1)
        flags |= LG__VAR_MANY;
    if (is_write && lg__run.live_count > 1)
        flags |= LG__VAR_WRITTEN;
    if (flags == var->flags)
        return;
    var->flags = flags;
    lg__campaign->learned++;
}

uint32_t lg__access_atomic(struct lg__thread *self, uintptr_t address, uint32_t size, bool is_write,
                           uint64_t site)
{
    uint32_t number = lg__table_var(address, LG__VAR_ATOMIC | LG__VAR_UNGUARDED);
    uint32_t *second = lg__table_find(address + LG__TABLE_GRANULE);
    if (size == 8 && !(*second & LG__TABLE_VAR))
        *second = LG__TABLE_VAR | number;
    note_thread(self, &lg__campaign->vars[number], is_write);
    self->events++;
    if (is_point(number) || self->events >= self->stop)
        lg__baton_look(self, is_write ? LG__EVENT_ATOMIC_WRITE : LG__EVENT_ATOMIC_READ, number,
                       address, site);
    check_freed(self, number, address, size, is_write, site);
    if (lg__journal_is_on)
        lg__journal_access(self, is_write ? LG__EVENT_ATOMIC_WRITE : LG__EVENT_ATOMIC_READ, address,
                           size, site);
    lg__variable_access(self, number, address, size, is_write, true, site);
    return number;
}

/* ---- The names that compilers call ----------------------------------------------------------------- */

#define ACCESS(size)                                                                               \
    void EXPORT(__tsan_read##size)(void *address);                                                 \
    void EXPORT(__tsan_write##size)(void *address);                                                \
    void EXPORT(__tsan_volatile_read##size)(void *address);                                        \
    void EXPORT(__tsan_volatile_write##size)(void *address);                                       \
    void EXPORT(__tsan_read_write##size)(void *address);                                           \
    void EXPORT(__tsan_read##size##_pc)(void *address, void *pc);                                  \
    void EXPORT(__tsan_write##size##_pc)(void *address, void *pc);                                 \
    void __tsan_read##size(void *address)                                                          \
    {                                                                                              \
        ACCESS_##size(address, false, SITE);                                                       \
    }                                                                                              \
    void __tsan_write##size(void *address)                                                         \
    {                                                                                              \
        ACCESS_##size(address, true, SITE);                                                        \
    }                                                                                              \
    void __tsan_volatile_read##size(void *address)                                                 \
    {                                                                                              \
        ACCESS_##size(address, false, SITE);                                                       \
    }                                                                                              \
    void __tsan_volatile_write##size(void *address)                                                \
    {                                                                                              \
        ACCESS_##size(address, true, SITE);                                                        \
    }                                                                                              \
    void __tsan_read_write##size(void *address)                                                    \
    {                                                                                              \
        ACCESS_##size(address, false, SITE);                                                       \
        ACCESS_##size(address, true, SITE);                                                        \
    }                                                                                              \
    void __tsan_read##size##_pc(void *address, void *pc)                                           \
    {                                                                                              \
        ACCESS_##size(address, false, (uint64_t)(uintptr_t)pc);                                    \
    }                                                                                              \
    void __tsan_write##size##_pc(void *address, void *pc)                                          \
    {                                                                                              \
        ACCESS_##size(address, true, (uint64_t)(uintptr_t)pc);                                     \
    }

#define ACCESS_1(address, is_write, site) access_memory(address, 1, is_write, site)
#define ACCESS_2(address, is_write, site) access_memory(address, 2, is_write, site)
#define ACCESS_4(address, is_write, site) access_memory(address, 4, is_write, site)
#define ACCESS_8(address, is_write, site) access_memory(address, 8, is_write, site)
#define ACCESS_16(address, is_write, site)                                                         \
    lg__access_range((uintptr_t)(address), 16, is_write, site)

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

/* What is not known to be aligned. */
#define UNALIGNED(size)                                                                            \
    void EXPORT(__tsan_unaligned_read##size)(void *address);                                       \
    void EXPORT(__tsan_unaligned_write##size)(void *address);                                      \
    void EXPORT(__tsan_unaligned_read_write##size)(void *address);                                 \
    void EXPORT(__tsan_unaligned_volatile_read##size)(void *address);                              \
    void EXPORT(__tsan_unaligned_volatile_write##size)(void *address);                             \
    void __tsan_unaligned_read##size(void *address)                                                \
    {                                                                                              \
        lg__access_range((uintptr_t)address, size, false, SITE);                                   \
    }                                                                                              \
    void __tsan_unaligned_write##size(void *address)                                               \
    {                                                                                              \
        lg__access_range((uintptr_t)address, size, true, SITE);                                    \
    }                                                                                              \
    void __tsan_unaligned_read_write##size(void *address)                                          \
    {                                                                                              \
        lg__access_range((uintptr_t)address, size, false, SITE);                                   \
        lg__access_range((uintptr_t)address, size, true, SITE);                                    \
    }                                                                                              \
    void __tsan_unaligned_volatile_read##size(void *address)                                       \
    {                                                                                              \
        lg__access_range((uintptr_t)address, size, false, SITE);                                   \
    }                                                                                              \
    void __tsan_unaligned_volatile_write##size(void *address)                                      \
    {                                                                                              \
        lg__access_range((uintptr_t)address, size, true, SITE);                                    \
    }

UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

void EXPORT(__tsan_read_range)(void *address, size_t size);
void EXPORT(__tsan_write_range)(void *address, size_t size);
void EXPORT(__tsan_read_range_pc)(void *address, size_t size, void *pc);
void EXPORT(__tsan_write_range_pc)(void *address, size_t size, void *pc);
void EXPORT(__tsan_vptr_update)(void **vptr, void *value);
void EXPORT(__tsan_vptr_read)(void **vptr);

void __tsan_read_range(void *address, size_t size)
{
    lg__access_range((uintptr_t)address, size, false, SITE);
}

void __tsan_write_range(void *address, size_t size)
{
    lg__access_range((uintptr_t)address, size, true, SITE);
}

void __tsan_read_range_pc(void *address, size_t size, void *pc)
{
    lg__access_range((uintptr_t)address, size, false, (uint64_t)(uintptr_t)pc);
}

void __tsan_write_range_pc(void *address, size_t size, void *pc)
{
    lg__access_range((uintptr_t)address, size, true, (uint64_t)(uintptr_t)pc);
}

/* A constructor stores the same pointer again where a base class has none of its own. */
void __tsan_vptr_update(void **vptr, void *value)
{
    if (*vptr != value)
        access_memory(vptr, 8, true, SITE);
}

void __tsan_vptr_read(void **vptr)
{
    access_memory(vptr, 8, false, SITE);
}
