/* Permits: units that change hands without a wait: gifts, and the ends of contexts.
 *
 * Nobody writes another context's table, so a gift is a line in the ledger (ledger.h), added before the giver
 * takes it out of its own notes: in between it is counted twice, but the giver runs, and what it holds keeps
 * nobody stuck.  The receiver may be blocked, and the gift close a deadlock: so the giver looks, in the
 * receiver's place.  It need not look for others: a deadlock that this gift closes has the receiver in it.
 *
 * When a context ends, what it has noted and what the ledger has for it comes back: a permit protects no data
 * that might be half changed.  A gift that meets the end either is refused or finds its line taken back.
 *
 * In a forked child all other contexts have ended at once, some in the middle of a call; see permits.h for
 * how the count is right all the same. */
#include "sync/permits.h"

#include "graph/detector.h"
#include "plat/log.h"
#include "plat/text.h"
#include "sync/ledger.h"

#include <stdio.h>

int lg_permits_give_at(struct lg_permits *permits, uint32_t units, struct lg_context *context,
                       const char *place)
{
    uint64_t id = context ? lg__load_acquire(&context->id) : 0;
    if (!permits || units == 0 || id == 0)
        return LG_EINVAL;
    struct lg_context *self = lg__self;
    uint32_t held = self ? lg__permits_noted(self, permits) : 0;
    if (held < units)
        return lg__permits_refuse(permits, units, held);
    if (context == self)
        return LG_OK;
    struct lg__line line = {lg__permits_tagged(permits), id, place, units, 0};
    enum lg__ledger_result result = lg__ledger_add(&line);
    if (result != LG__LEDGER_ADDED)
        return result == LG__LEDGER_FULL ? LG_ENOMEM : LG_EINVAL;
    lg__permits_unnote(self, permits, units);
    lg__ledger_publish(); /* L2 */
    lg__detector_look(context);
    return LG_OK;
}

/* ---- The end of a context -------------------------------------------------------------------- */

/* The permits exist: units of them are out. */
static void bring_back(struct lg_permits *permits, uint64_t id, uint32_t units,
                       const char *taken_at)
{
    char context[LG_NAME_SIZE];
    char name[LG_NAME_SIZE];
    char place[LG_PLACE_SIZE];
    char text[256];
    lg__context_copy_name(id, context);
    lg__copy_name(name, sizeof name, permits->name ? permits->name : "(unnamed permits)");
    lg__copy_place(place, sizeof place, taken_at);
    snprintf(text, sizeof text, "%s held %u of %s, taken at %s: brought back", context, units, name,
             place[0] ? place : "(unknown)");
    struct lg_log_field fields[] = {{"permits", name}, {"context", context}};
    lg__log(LG_LOG_WARN, "permits-brought-back", fields, 2, text);
    lg__permits_put(permits, units);
}

static void bring_all_back(struct lg_context *context, uint64_t id)
{
    struct lg__line line;
    uint32_t count = lg__held_known(context);
    for (uint32_t i = 0; i < count; i++) {
        const struct lg__held *entry = &context->held[i];
        struct lg_permits *permits = lg__permits_of(entry->object);
        if (permits)
            bring_back(permits, id, entry->units, entry->place);
    }
    while (lg__ledger_take_any(id, &line))
        bring_back(lg__permits_of(line.object), id, line.units, line.place);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

/* In the child, of which this is the only thread, and its context the only one. */
static void keep_own(const void *object)
{
    struct lg_permits *permits = lg__permits_of(object);
    if (!permits)
        return; /* another thing's note */
    int64_t in = (int64_t)permits->capacity - lg__permits_noted(lg__self, permits);
    permits->word = lg__permits_era | (uint64_t)in * LG__PERMITS_UNIT;
    permits->many = 0;
}

static void begin_era(void)
{
    struct lg_context *self = lg__self;
    lg__ledger_fork_child();
    lg__ledger_keep_only(self ? self->id : 0);
    lg__permits_era += LG__PERMITS_ONE_ERA;
    for (uint32_t i = 0; self && i < lg__held_known(self); i++)
        keep_own(self->held[i].object);
    lg__ledger_each(keep_own);
}

static __attribute__((constructor)) void add_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lg__ledger_fork_prepare, lg__ledger_fork_parent,
                                                begin_era};
    lg__fork_add(&hooks);
    lg__end_add(bring_all_back);
}
