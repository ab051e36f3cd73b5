/* Lines, chained by object. */
#include "sync/ledger.h"

#include "graph/context.h"

#define CHAINS 64

static struct lg__raw_lock lock;
static struct lg__line lines[LG__LEDGER_LINES]; /* under lock */
static uint32_t chains[CHAINS];                 /* under lock; line + 1, 0: none */
static uint32_t unused;  /* under lock; chain of lines that were in use, line + 1 */
static uint32_t touched; /* under lock; lines from here on were never in use */
static uint32_t in_use;  /* atomic, L2; written under lock */

static uint32_t *chain_of(const void *object)
{
    uint64_t mixed = ((uintptr_t)object >> 3) * 0x9e3779b97f4a7c15ull;
    return &chains[(mixed >> 48) % CHAINS];
}

/* Where the line is linked in; *it is 0 if there is none. */
static uint32_t *find_link(const void *object, uint64_t holder)
{
    uint32_t *link = chain_of(object);
    while (*link != 0 && (lines[*link - 1].object != object || lines[*link - 1].holder != holder))
        link = &lines[*link - 1].next;
    return link;
}

static void remove_line(uint32_t *link)
{
    uint32_t line = *link;
    *link = lines[line - 1].next;
    lines[line - 1] = (struct lg__line){.next = unused};
    unused = line;
    (void)lg__sub_full(&in_use, 1u);
}

/* A line that nobody uses, number + 1; 0: there is none. */
static uint32_t take_unused(void)
{
    uint32_t line = unused;
    if (line != 0)
        unused = lines[line - 1].next;
    else if (touched < LG__LEDGER_LINES)
        line = ++touched;
    return line;
}

static enum lg__ledger_result add_locked(const struct lg__line *line)
{
    if (!lg__context_is_alive(line->holder))
        return LG__LEDGER_ENDED; /* else its end has yet to look for its lines, with this lock */
    uint32_t *link = find_link(line->object, line->holder);
    if (*link != 0) {
        lines[*link - 1].units += line->units;
        lines[*link - 1].place = line->place;
        return LG__LEDGER_ADDED;
    }
    uint32_t index = take_unused();
    if (index == 0)
        return LG__LEDGER_FULL;
    lines[index - 1] = *line;
    lines[index - 1].next = 0;
    *link = index;
    (void)lg__add_full(&in_use, 1u);
    return LG__LEDGER_ADDED;
}

enum lg__ledger_result lg__ledger_add(const struct lg__line *line)
{
    lg__raw_lock(&lock);
    enum lg__ledger_result result = add_locked(line);
    lg__raw_unlock(&lock);
    return result;
}

void lg__ledger_publish(void)
{
    (void)lg__add_full(&in_use, 0u); /* L2 */
}

bool lg__ledger_is_used(void)
{
    return lg__load_full(&in_use) > 0; /* L2 */
}

uint32_t lg__ledger_take(const void *object, uint64_t holder, uint32_t units)
{
    uint32_t taken = 0;
    if (!lg__ledger_is_used())
        return taken;
    lg__raw_lock(&lock);
    uint32_t *link = find_link(object, holder);
    if (*link != 0) {
        struct lg__line *line = &lines[*link - 1];
        taken = units < line->units ? units : line->units;
        line->units -= taken;
        if (line->units == 0)
            remove_line(link);
    }
    lg__raw_unlock(&lock);
    return taken;
}

uint32_t lg__ledger_count(const void *object, uint64_t holder)
{
    uint32_t units = 0;
    if (!lg__ledger_is_used())
        return units;
    lg__raw_lock(&lock);
    uint32_t *link = find_link(object, holder);
    if (*link != 0)
        units = lines[*link - 1].units;
    lg__raw_unlock(&lock);
    return units;
}

void lg__ledger_visit(const void *object, lg__visit *visit, void *arg)
{
    bool may_go_on = true;
    lg__raw_lock(&lock);
    for (uint32_t i = *chain_of(object); i != 0 && may_go_on; i = lines[i - 1].next) {
        const struct lg__line *line = &lines[i - 1];
        struct lg__holding holding = {line->holder, line->units, LG_NO_UNIT, line->place, 0};
        may_go_on = line->object != object || visit(arg, &holding);
    }
    lg__raw_unlock(&lock);
}

/* The first line of a holder, or of all but this one, from this chain on; NULL: there is none. */
static uint32_t *find_of(uint64_t holder, bool is_wanted, uint32_t *chain)
{
    for (; *chain < CHAINS; ++*chain)
        for (uint32_t *link = &chains[*chain]; *link != 0; link = &lines[*link - 1].next)
            if ((lines[*link - 1].holder == holder) == is_wanted)
                return link;
    return NULL;
}

bool lg__ledger_take_any(uint64_t holder, struct lg__line *line)
{
    uint32_t chain = 0;
    if (!lg__ledger_is_used())
        return false;
    lg__raw_lock(&lock);
    uint32_t *link = find_of(holder, true, &chain);
    if (link) {
        *line = lines[*link - 1];
        remove_line(link);
    }
    lg__raw_unlock(&lock);
    return link != NULL;
}

void lg__ledger_keep_only(uint64_t holder)
{
    uint32_t chain = 0;
    uint32_t *link;
    while ((link = find_of(holder, false, &chain)) != NULL)
        remove_line(link);
}

void lg__ledger_each(void (*visit)(const void *object))
{
    for (uint32_t chain = 0; chain < CHAINS; chain++)
        for (uint32_t i = chains[chain]; i != 0; i = lines[i - 1].next)
            visit(lines[i - 1].object);
}

void lg__ledger_fork_prepare(void)
{
    lg__raw_lock(&lock);
}

void lg__ledger_fork_parent(void)
{
    lg__raw_unlock(&lock);
}

void lg__ledger_fork_child(void)
{
    lock = (struct lg__raw_lock){0};
}
