/* The resource for tests. */
#include "support/thing.h"

#include "graph/detector.h"
#include "plat/text.h"

#include <string.h>

static uint32_t get_capacity(const void *object)
{
    return lg__load_relaxed(&((const struct thing *)object)->capacity);
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct thing *thing = object;
    for (uint32_t i = 0; i < THING_HOLDINGS_MAX; i++) {
        struct lg__holding holding = {
            .holder = lg__load_relaxed(&thing->holdings[i].holder),
            .units = lg__load_relaxed(&thing->holdings[i].units),
            .unit = LG_NO_UNIT,
        };
        if (holding.holder != 0 && !visit(arg, &holding))
            return;
    }
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct thing *)object)->name);
}

static uint32_t index_in_queue(const struct thing *thing, const struct lg__wait *wait)
{
    uint32_t i = 0;
    while (i < thing->queued && thing->queue[i] != wait)
        i++;
    return i;
}

static void visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                        void *arg)
{
    const struct thing *thing = object;
    uint32_t index = index_in_queue(thing, wait);
    for (uint32_t i = 0; index < thing->queued && i <= index; i++)
        if (!visit(arg, thing->queue[i]))
            return;
}

static void let_pass(const void *object, struct lg__wait *wait, uint64_t word)
{
    if (lg__load_acquire(&lg__wait_own(wait)->word) == word)
        thing_queue_first((struct thing *)(uintptr_t)object, wait);
}

const struct lg__resource_class thing_class = {
    .noun = "thing",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .visit_ahead = visit_ahead,
    .let_pass = let_pass,
};

void thing_queue(struct thing *thing, struct lg__wait *wait, uint64_t place)
{
    if (thing->queued == THING_QUEUE_MAX)
        fail_msg("too many queue for %s", thing->name);
    wait->stamp = place;
    thing->queue[thing->queued++] = wait;
}

void thing_group_begin(struct thing_group *group, struct lg_context *ghost, bool is_all)
{
    memset(group->branches, 0, sizeof group->branches);
    group->group = (struct lg__group){group->branches, 0, is_all};
    for (int i = 0; i < THING_WANTS_MAX; i++)
        group->branches[i].own = &ghost->wait;
    ghost->wait.group = &group->group;
}

void thing_group_add(struct thing_group *group, const struct lg__want *want)
{
    group->branches[group->group.count++].want = *want;
}

void thing_unqueue(struct thing *thing, const struct lg__wait *wait)
{
    uint32_t index = index_in_queue(thing, wait);
    thing->queued -= index < thing->queued;
    for (uint32_t i = index; i < thing->queued; i++)
        thing->queue[i] = thing->queue[i + 1];
}

void thing_queue_first(struct thing *thing, struct lg__wait *wait)
{
    thing_unqueue(thing, wait);
    for (uint32_t i = thing->queued++; i > 0; i--)
        thing->queue[i] = thing->queue[i - 1];
    thing->queue[0] = wait;
    wait->stamp = thing->queued > 1 ? thing->queue[1]->stamp - 1 : wait->stamp;
}

void thing_hold(struct thing *thing, const struct lg_context *context, uint32_t units)
{
    uint32_t i = 0;
    while (i < THING_HOLDINGS_MAX && thing->holdings[i].holder != 0)
        i++;
    if (i == THING_HOLDINGS_MAX)
        fail_msg("too many hold %s", thing->name);
    lg__store_relaxed(&thing->holdings[i].units, units);
    lg__store_relaxed(&thing->holdings[i].holder, context->id);
}

void thing_let_go(struct thing *thing, const struct lg_context *context)
{
    for (uint32_t i = 0; i < THING_HOLDINGS_MAX; i++)
        if (thing->holdings[i].holder == context->id)
            lg__store_relaxed(&thing->holdings[i].holder, (uint64_t)0);
}

struct lg__want thing_want(const struct thing *thing, uint32_t need)
{
    return (struct lg__want){&thing_class, thing, need, false, LG_FOREVER, "thing.c:1", 0};
}

struct lg_context *thing_ghost(const char *name)
{
    struct lg_context *mine = lg_context_detach();
    if (!mine || lg_context_set_name(name) != LG_OK)
        fail_msg("no context for %s", name);
    struct lg_context *ghost = lg_context_detach();
    if (lg_context_resume(mine) != LG_OK)
        fail_msg("no way back from %s", name);
    return ghost;
}

void thing_bury(struct lg_context *ghost)
{
    thing_ghost_runs(ghost);
    if (lg_context_end(ghost) != LG_OK)
        fail_msg("a ghost was none");
}

enum lg__wait_state thing_state(const struct lg_context *context)
{
    return LG__WAIT_STATE(lg__load_acquire(&context->wait.word));
}

enum lg__wait_state thing_ghost_waits(struct lg_context *ghost, const struct lg__want *want)
{
    lg__wait_begin(&ghost->wait, want, LG__WAIT_WAITING);
    lg__detector_look(ghost);
    return thing_state(ghost);
}

void thing_ghost_runs(struct lg_context *ghost)
{
    if (thing_state(ghost) == LG__WAIT_IDLE)
        return;
    (void)lg__wait_end(&ghost->wait, LG__WAIT_WOKEN, 0);
    lg__wait_retract(&ghost->wait);
    ghost->wait.group = NULL;
}

static int want_and_sleep(const struct lg__want *want, bool looks)
{
    struct lg_context *self = lg__context_self();
    lg__wait_begin(&self->wait, want, LG__WAIT_WAITING);
    if (looks)
        lg__detector_look(self);
    enum lg__wait_state end = lg__wait_sleep(&self->wait);
    if (end == LG__WAIT_TIMED_OUT)
        lg__detector_explain(self);
    lg__wait_retract(&self->wait);
    return (int)end;
}

int step_want(void *want)
{
    return want_and_sleep(want, true);
}

int step_want_quietly(void *want)
{
    return want_and_sleep(want, false);
}

static bool end_and_wake(struct lg_context *context, enum lg__wait_state end)
{
    if (!lg__wait_end(&context->wait, end, 0))
        return false;
    lg__wait_wake(&context->wait);
    return true;
}

bool thing_wake(struct lg_context *context)
{
    return end_and_wake(context, LG__WAIT_WOKEN);
}

bool thing_time_out(struct lg_context *context)
{
    return end_and_wake(context, LG__WAIT_TIMED_OUT);
}
