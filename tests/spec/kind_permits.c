/* Permits: units with holders. */
#include "spec/kinds.h"

#include <lifeguard/permits.h>

#include <stdlib.h>

static int acquire(struct actor *actor, const struct action *action)
{
    int status = lg_permits_acquire_at(action->object->live, action->number,
                                       action_deadline(action), action->object->name);
    if (status == LG_OK)
        actor_hold(actor, &(struct hold){.object = action->object, .units = action->number});
    return status;
}

static int give_back(struct actor *actor, const struct action *action)
{
    struct hold *hold = actor_find(actor, action->object);
    if (!hold)
        return SPEC_NOT_HELD;
    int status = lg_permits_release(action->object->live, hold->units);
    actor_drop(actor, hold);
    return status;
}

static int create(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_permits));
    return object->live ? lg_permits_init(object->live, object->name, object->number) : LG_ENOMEM;
}

static void destroy(struct object *object)
{
    lg_permits_destroy(object->live);
    free(object->live);
}

/* What an ended thread held has come back by itself. */
static void let_go(struct hold *hold)
{
    (void)!lg_permits_release(hold->object->live, hold->units);
}

static struct lg_waitable waitable(const struct object *object)
{
    return lg_waitable_permits(object->live, 1);
}

static const struct verb verbs[] = {
    {.name = "acquire", .perform = acquire, .has_number = true, .has_deadline = true},
    {.name = "give-back", .perform = give_back},
    {0},
};

const struct kind spec_permits = {
    .noun = "permits",
    .has_number = true,
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
    .let_go = let_go,
    .waitable = waitable,
};
