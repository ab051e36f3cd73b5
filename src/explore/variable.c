#include "explore/variable.h"

#include "explore/room.h"
#include "explore/verdict.h"

#include <stdio.h>

/* The first, and behind it, at lower addresses, the others: what is taken next is near the first. */
static struct lg__variable *first_variable;

void lg__variable_prepare(void)
{
    first_variable = (struct lg__variable *)lg__room.variables_end - 1;
}

struct lg__variable *lg__variable_of(uint32_t number)
{
    return first_variable - number;
}

void lg__variable_release(struct lg__thread *self, struct lg__clock *into)
{
    lg__clock_join(into, &self->clock);
    lg__clock_set(&self->clock, self->index, lg__clock_of(&self->clock, self->index) + 1);
}

/* Memory of its clocks and reads stays for the next accesses. */
void lg__variable_forget(uint32_t number)
{
    struct lg__variable *variable = lg__variable_of(number);
    variable->write.clock = 0;
    for (struct lg__access *read = &variable->read; read; read = read->next)
        read->clock = 0;
    lg__clock_clear(&variable->released);
    variable->guard_count = 0;
    variable->has_guards = false;
    variable->freed_site = 0;
}

/* ---- Guards ------------------------------------------------------------------------------------------ */

static bool is_held(const struct lg__thread *self, uint32_t lock)
{
    uint32_t count = self->held_count < LG__HELD_MAX ? self->held_count : LG__HELD_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (self->held[i].object->var == lock)
            return true;
    return false;
}

static void set_guards(struct lg__variable *variable, const struct lg__thread *self)
{
    uint32_t count = self->held_count < LG__GUARDS_MAX ? self->held_count : LG__GUARDS_MAX;
    for (uint32_t i = 0; i < count; i++)
        variable->guards[i] = self->held[i].object->var;
    variable->guard_count = count;
    variable->has_guards = true;
}

static void mark(uint32_t number, uint32_t flags)
{
    struct lg__var *var = &lg__campaign->vars[number];
    if ((var->flags & flags) == flags)
        return;
    var->flags |= flags;
    lg__campaign->learned++;
}

static void mark_racy(uint32_t number)
{
    mark(number, LG__VAR_UNGUARDED | LG__VAR_RACY);
}

/* What one thread does while it is alone needs no guard. */
static void check_guards(struct lg__variable *variable, uint32_t number,
                         const struct lg__thread *self)
{
    if (lg__run.live_count < 2 || (lg__campaign->vars[number].flags & LG__VAR_UNGUARDED))
        return;
    if (!variable->has_guards)
        set_guards(variable, self);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < variable->guard_count; i++)
        if (is_held(self, variable->guards[i]))
            variable->guards[kept++] = variable->guards[i];
    variable->guard_count = kept;
    if (!kept)
        mark(number, LG__VAR_UNGUARDED);
}

/* ---- Races ------------------------------------------------------------------------------------------- */

static bool is_known(const struct lg__race *race)
{
    for (uint32_t i = 0; i < lg__campaign->race_count; i++) {
        const struct lg__race *known = &lg__campaign->races[i];
        if ((known->sites[0] == race->sites[0] && known->sites[1] == race->sites[1]) ||
            (known->sites[0] == race->sites[1] && known->sites[1] == race->sites[0]))
            return true;
    }
    return false;
}

static const char *word_for(bool is_write, bool is_atomic)
{
    if (is_atomic)
        return is_write ? "atomic write" : "atomic read";
    return is_write ? "write" : "read";
}

static void fail_on(const struct lg__race *race)
{
    char first[64], second[64];
    lg__name_write(race->threads[0], first, sizeof first);
    lg__name_write(race->threads[1], second, sizeof second);
    lg__verdict_add("data race on " LG__PLACE_DATA "\n", (unsigned long)race->address);
    lg__verdict_add("    %s by %s at " LG__PLACE_CODE "\n",
                    word_for(race->is_write[0], race->is_atomic[0]), first,
                    (unsigned long)race->sites[0]);
    lg__verdict_add("    %s by %s at " LG__PLACE_CODE "\n",
                    word_for(race->is_write[1], race->is_atomic[1]), second,
                    (unsigned long)race->sites[1]);
    lg__campaign->outcome.rival_site = race->sites[0];
    lg__verdict_found(LG__FINDING_RACE, race->sites[1]);
}

static void report(const struct lg__access *earlier, bool was_write, const struct lg__thread *self,
                   uintptr_t address, uint32_t size, bool is_write, bool is_atomic, uint64_t site)
{
    struct lg__campaign *campaign = lg__campaign;
    struct lg__race race = {.sites = {earlier->site, site},
                            .address = address,
                            .schedule = campaign->plan.number,
                            .size = size,
                            .threads = {earlier->thread, self->index},
                            .is_write = {was_write, is_write},
                            .is_atomic = {earlier->is_atomic, is_atomic}};
    if (!is_known(&race)) {
        if (campaign->race_count < LG__RACES_MAX)
            campaign->races[campaign->race_count++] = race;
        else
            campaign->races_lost++;
    }
    if (campaign->plan.must_fail_on_race)
        fail_on(&race);
}

static bool is_unordered(const struct lg__access *earlier, const struct lg__thread *self)
{
    return earlier->clock && earlier->thread != self->index &&
           earlier->clock > lg__clock_of(&self->clock, earlier->thread);
}

static bool is_race(const struct lg__access *earlier, const struct lg__thread *self, uint8_t mask,
                    bool is_atomic)
{
    return (earlier->mask & mask) && !(earlier->is_atomic && is_atomic) &&
           is_unordered(earlier, self);
}

/* Field by field: the access was written so just before, and to read it in larger pieces would have to wait
 * for that. */
static inline void put(struct lg__access *place, const struct lg__access *access)
{
    place->thread = access->thread;
    place->clock = access->clock;
    place->mask = access->mask;
    place->is_atomic = access->is_atomic;
    place->site = access->site;
}

/* A read: in the place of an older one that it comes after, else beside it. */
static void remember_read(struct lg__variable *variable, const struct lg__thread *self,
                          const struct lg__access *access)
{
    struct lg__access *place = &variable->read;
    while (place->clock && place->thread != self->index && is_unordered(place, self)) {
        if (!place->next)
            place->next = lg__run_allocate(sizeof *place);
        place = place->next;
    }
    uint8_t mask = place->thread == self->index && place->clock == access->clock ? place->mask : 0;
    put(place, access);
    place->mask |= mask;
}

static void check_reads(const struct lg__variable *variable, const struct lg__thread *self,
                        const struct lg__access *access, uint32_t number, uintptr_t address,
                        uint32_t size)
{
    for (const struct lg__access *read = &variable->read; read; read = read->next) {
        if (!is_race(read, self, access->mask, access->is_atomic))
            continue;
        mark_racy(number);
        report(read, false, self, address, size, true, access->is_atomic, access->site);
        return;
    }
}

static uint8_t mask_of(uintptr_t address, uint32_t size)
{
    uint32_t begin = address & 7;
    uint32_t end = begin + size > 8 ? 8 : begin + size;
    return (uint8_t)((0xffu >> (8 - (end - begin))) << begin);
}

void lg__variable_access(struct lg__thread *self, uint32_t number, uintptr_t address, uint32_t size,
                         bool is_write, bool is_atomic, uint64_t site)
{
    struct lg__variable *variable = lg__variable_of(number);
    check_guards(variable, number, self);
    if (!lg__campaign->plan.must_check_races)
        return;
    struct lg__access access = {.thread = self->index,
                                .clock = lg__clock_of(&self->clock, self->index),
                                .mask = mask_of(address, size),
                                .is_atomic = is_atomic,
                                .site = site};
    if (is_race(&variable->write, self, access.mask, is_atomic)) {
        mark_racy(number);
        report(&variable->write, true, self, address, size, is_write, is_atomic, site);
    }
    if (!is_write) {
        remember_read(variable, self, &access);
        return;
    }
    check_reads(variable, self, &access, number, address, size);
    put(&variable->write, &access);
    for (struct lg__access *read = &variable->read; read; read = read->next)
        read->clock = 0;
}
