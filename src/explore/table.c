#include "explore/table.h"

#include "explore/campaign.h"
#include "explore/shared.h"

struct lg__table_page *lg__table_pages;

#define PAGE_ENTRIES (4096 / LG__TABLE_GRANULE)
#define PAGES        (1u << LG__TABLE_BITS)

/* PAGES times PAGE_ENTRIES, from the end on, which lies by the directory; the last page, at the begin, is for what
 * finds no room. */
static uint32_t *entries;
static uint32_t *page_count; /* pages in use; shared, as the pages are */

static uint32_t *page_at(uint32_t place)
{
    return entries + (size_t)(PAGES - 1 - place) * PAGE_ENTRIES;
}

static uint32_t *page_of_the_rest(void)
{
    return page_at(PAGES - 1);
}

bool lg__table_begin(void)
{
    entries = lg__shared_allocate((size_t)PAGES * PAGE_ENTRIES * sizeof *entries);
    page_count = lg__shared_allocate(4096);
    lg__table_pages = lg__shared_allocate(PAGES * sizeof *lg__table_pages);
    if (!lg__table_pages || !entries || !page_count)
        return false;
    for (uint32_t i = 0; i < PAGE_ENTRIES; i++)
        page_of_the_rest()[i] = LG__TABLE_VAR;
    /* The page at address 0 looks like an empty place; the program is to fail there, and not we. */
    lg__table_pages[lg__table_hash(0)].entries = page_of_the_rest();
    return true;
}

uint32_t *lg__table_page_find(uint64_t number)
{
    uint64_t place = lg__table_hash(number);
    for (uint32_t i = 0; number && i < 64; i++, place = (place + 1) % PAGES) {
        struct lg__table_page *page = &lg__table_pages[place];
        if (page->number == number)
            return page->entries;
        if (page->number)
            continue;
        if (*page_count == PAGES - 1)
            break;
        page->entries = page_at((*page_count)++);
        page->number = number;
        return page->entries;
    }
    return page_of_the_rest();
}

uint32_t *lg__table_peek(uintptr_t address)
{
    uint64_t number = address >> 12, place = lg__table_hash(number);
    for (uint32_t i = 0; i < 64 && lg__table_pages[place].number; i++, place = (place + 1) % PAGES)
        if (lg__table_pages[place].number == number)
            return lg__table_pages[place].entries + (address & 4095) / LG__TABLE_GRANULE;
    return NULL;
}

uint32_t lg__table_var(uintptr_t address, uint32_t flags)
{
    uint32_t *entry = lg__table_find(address);
    uint32_t number = *entry & ~LG__TABLE_VAR;
    if (!(*entry & LG__TABLE_VAR)) {
        if (lg__campaign->var_count + 1 >= LG__VARS_MAX)
            return 0;
        number = ++lg__campaign->var_count;
        lg__campaign->vars[number] = (struct lg__var){.address = address};
        *entry = LG__TABLE_VAR | number;
        lg__campaign->learned++;
    }
    if (flags & ~lg__campaign->vars[number].flags) {
        lg__campaign->vars[number].flags |= flags;
        lg__campaign->learned++;
    }
    return number;
}
