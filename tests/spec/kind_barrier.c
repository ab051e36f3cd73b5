/* Barriers, whose places belong to registered threads or to nobody. */
#include "spec/kinds.h"

#include <stdlib.h>

static int arrive(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_barrier_wait_at(action->object->live, action_deadline(action), action->object->name,
                              NULL);
}

static int register_self(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_barrier_register(action->object->live, NULL);
}

static int unregister_self(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_barrier_unregister(action->object->live, NULL);
}

static int abort_it(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_barrier_abort(action->object->live);
    return LG_OK;
}

static int reset(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_barrier_reset(action->object->live);
    return LG_OK;
}

static int create(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_barrier));
    return object->live ? lg_barrier_init(object->live, object->name, object->number, NULL, NULL)
                        : LG_ENOMEM;
}

static void destroy(struct object *object)
{
    if (object->live)
        lg_barrier_destroy(object->live);
    free(object->live);
}

static const struct verb verbs[] = {
    {.name = "arrive", .perform = arrive, .has_deadline = true},
    {.name = "register", .perform = register_self},
    {.name = "unregister", .perform = unregister_self},
    {.name = "abort", .perform = abort_it},
    {.name = "reset", .perform = reset},
    {0},
};

const struct kind spec_barrier = {
    .noun = "barrier",
    .has_number = true,
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
};
