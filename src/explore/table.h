/* Table: for each four bytes of the program's memory, whose they are.
 *
 * An entry is 0 (nobody has touched them), the tag of the one thread that has, READ_SHARED, FREED, or a
 * variable's number.  The table is the campaign's: what one run has learned the next one knows, because
 * addresses are the same in all of them.  The bytes of an aligned word of eight may share a variable. */
#ifndef LG_EXPLORE_TABLE_H
#define LG_EXPLORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define LG__TABLE_GRANULE     4
#define LG__TABLE_VAR         0x80000000u /* flag: the rest is a variable's number */
#define LG__TABLE_READ_SHARED 0x40000000u /* several threads have read, none has written */
#define LG__TABLE_FREED       0x20000000u /* in a block of the heap that was given back */
#define LG__TABLE_WRITTEN     1u          /* in a tag: written, not only read */
#define LG__TABLE_TAG(index)  (((uint32_t)(index) + 1) << 1)

#define LG__TABLE_BITS 16 /* of the directory: pages of 4 kB */

struct lg__table_page {
    uint64_t number; /* address >> 12; 0: empty */
    uint32_t *entries;
};

extern struct lg__table_page *lg__table_pages __attribute__((visibility("hidden")));

/* False: no memory. */
bool lg__table_begin(void);

/* Entries of a page that was not in its place in the directory.  Never NULL: when the directory is full it
 * is a page for all the rest, whose entries say variable 0, which nobody looks after. */
uint32_t *lg__table_page_find(uint64_t number);

static inline uint64_t lg__table_hash(uint64_t number)
{
    return number * 0x9e3779b97f4a7c15u >> (64 - LG__TABLE_BITS);
}

static inline uint32_t *lg__table_find(uintptr_t address)
{
    uint64_t number = address >> 12;
    struct lg__table_page *page = &lg__table_pages[lg__table_hash(number)];
    uint32_t *entries =
        __builtin_expect(page->number == number, 1) ? page->entries : lg__table_page_find(number);
    return entries + (address & 4095) / LG__TABLE_GRANULE;
}

/* The entry, or NULL if nobody has touched its page. */
uint32_t *lg__table_peek(uintptr_t address);

/* The number of the variable at the address, made if there is none; `flags` are added to its own.
 * 0: there are too many. */
uint32_t lg__table_var(uintptr_t address, uint32_t flags);

#endif
