/* Verbs that need no object, or several. */
#include "spec/spec.h"

static int exit_thread(struct actor *actor, const struct action *action)
{
    (void)actor, (void)action;
    return SPEC_EXIT;
}

static int release_all(struct actor *actor, const struct action *action)
{
    (void)action;
    int status = actor->held_count > 0 ? LG_OK : SPEC_NOT_HELD;
    actor_let_all_go(actor);
    return status;
}

static uint64_t id_of(const struct actor *actor, const struct thing *thing)
{
    return actor->crew[thing->actor].id;
}

/* A thread has ended for all others when its context has. */
static int join(struct actor *actor, const struct action *action)
{
    return lg_context_join_at(id_of(actor, &action->things[0]), action_deadline(action),
                              actor->name);
}

/* ---- Several things -------------------------------------------------------------------------- */

static void list(const struct actor *actor, const struct action *action, struct lg_waitable *out)
{
    for (uint32_t i = 0; i < action->thing_count; i++) {
        const struct thing *thing = &action->things[i];
        out[i] = thing->object ? thing->object->kind->waitable(thing->object)
                               : lg_waitable_context(id_of(actor, thing));
    }
}

/* What can be given back is held from here on. */
static void have(struct actor *actor, const struct thing *thing)
{
    if (thing->object && thing->object->kind->let_go)
        actor_hold(actor, &(struct hold){.object = thing->object, .units = 1});
}

static int wait_for_any(struct actor *actor, const struct action *action)
{
    struct lg_waitable things[SPEC_THINGS_MAX];
    uint32_t index = 0;
    list(actor, action, things);
    int status =
        lg_wait_any_at(things, action->thing_count, action_deadline(action), actor->name, &index);
    if (status == LG_OK) {
        have(actor, &action->things[index]);
        actor->had = &action->things[index];
    }
    return status;
}

static int wait_for_all(struct actor *actor, const struct action *action)
{
    struct lg_waitable things[SPEC_THINGS_MAX];
    list(actor, action, things);
    int status =
        lg_wait_all_at(things, action->thing_count, action_deadline(action), actor->name, NULL);
    for (uint32_t i = 0; i < action->thing_count && status == LG_OK; i++)
        have(actor, &action->things[i]);
    return status;
}

const struct verb spec_verbs_alone[] = {
    {.name = "exit", .perform = exit_thread},
    {.name = "release", .perform = release_all},
    {.name = "join", .perform = join, .has_thread = true, .has_deadline = true},
    {.name = "any", .perform = wait_for_any, .has_things = true, .has_deadline = true},
    {.name = "all", .perform = wait_for_all, .has_things = true, .has_deadline = true},
    {0},
};
