/* Journal: what the threads of one run do to what they share, in order, with the values, for explaining what
 * was found.  Only runs whose plan asks for it keep one; the campaign reads it when the run is over.
 *
 * A compiler's call comes before the access, so what a write leaves is read before anything else happens:
 * at the same thread's next entry, or at the next decision. */
#ifndef LG_EXPLORE_JOURNAL_H
#define LG_EXPLORE_JOURNAL_H

#include "explore/run.h"

enum lg__entry_state {
    LG__ENTRY_DONE,
    LG__ENTRY_BLOCKED,   /* it cannot be done: the thread waits from here on */
    LG__ENTRY_TIMED_OUT, /* the wait ended by its deadline */
    LG__ENTRY_PENDING,   /* the thread stood before it when the run ended */
    LG__ENTRY_FAILED,    /* the run ended here */
    LG__ENTRY_MISSING,   /* not of the run: what would have come later */
    LG__ENTRY_STATES
};

#define LG__ENTRY_VALUE 16 /* bytes of a value that are kept */
#define LG__ENTRY_HELD  4  /* locks that are kept, the innermost */
#define LG__ENTRY_CALLS 4  /* calls that are kept, the innermost */

struct lg__entry_lock {
    uint64_t address;
    uint64_t site;
    uint64_t ordinal; /* of the event by which the thread has it */
};

struct lg__entry {
    uint64_t ordinal; /* of the event, the thread's own */
    uint64_t site;
    uint64_t calls[LG__ENTRY_CALLS]; /* where the function was called, and that one; 0: unknown */
    uint64_t address;                /* 0: none; of a CREATE the function's */
    uint64_t size;                   /* bytes of memory; 0: no access */
    uint64_t block;                  /* the block of the heap that the address is in; 0: none */
    uint64_t block_size;
    uint64_t block_site;
    uint32_t thread;
    uint32_t other; /* index + 1 of the thread that has what it waits for, or is started; 0: none */
    uint32_t turn;  /* switches before it */
    uint16_t event; /* enum lg__event_kind */
    uint8_t state;  /* enum lg__entry_state */
    uint8_t object; /* enum lg__object_kind */
    bool is_range;  /* the value is bytes, no number */
    bool has_before;
    bool has_after;
    uint8_t before[LG__ENTRY_VALUE];
    uint8_t after[LG__ENTRY_VALUE];
    uint32_t held_count;
    struct lg__entry_lock held[LG__ENTRY_HELD];
};

#define LG__JOURNAL_MAX (1u << 18) /* the last so many entries are there */

/* Address space, shared with all runs, before the fork.  False: there is not enough. */
bool lg__journal_reserve(void);

/* The begin of a run, in its process. */
void lg__journal_begin(void);

/* Whether this run keeps one; what follows is called only if so. */
extern bool lg__journal_is_on __attribute__((visibility("hidden")));

/* An access is about to be done. */
void lg__journal_access(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                        size_t size, uint64_t site);
/* The same of a range: its value is bytes, no number. */
void lg__journal_range(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                       size_t size, uint64_t site);
/* The same, and the run ends by it. */
void lg__journal_wrong(const struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                       size_t size, uint64_t site);
/* The pending event of a thread is done, cannot be done now, ... . */
void lg__journal_event(const struct lg__thread *self, enum lg__entry_state state);
/* The program calls a thread by this name. */
void lg__journal_call(const struct lg__thread *thread, const char *name);
/* A decision: what was written until now is there. */
void lg__journal_settle(void);
/* The end of the run; `where` is the place that a finding is known by, 0: none. */
void lg__journal_end(uint64_t where);

/* In the campaign: how many entries there are, at most LG__JOURNAL_MAX, and one of them in order. */
uint32_t lg__journal_count(void);
const struct lg__entry *lg__journal_at(uint32_t place);
/* What the program has called a thread; "": nothing, or it is one of many. */
const char *lg__journal_name_of(uint32_t thread);

#endif
