/* Semaphores, which begin without units. */
#include "spec/kinds.h"

#include <stdlib.h>

static int wait(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_semaphore_wait_at(action->object->live, action_deadline(action),
                                action->object->name);
}

static int try_wait(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_semaphore_wait_at(action->object->live, LG_TRY, action->object->name);
}

static int post(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_semaphore_post(action->object->live, action->number);
}

static int create(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_semaphore));
    return object->live ? lg_semaphore_init(object->live, object->name, 0, 0) : LG_ENOMEM;
}

static void destroy(struct object *object)
{
    lg_semaphore_destroy(object->live);
    free(object->live);
}

static struct lg_waitable waitable(const struct object *object)
{
    return lg_waitable_semaphore(object->live);
}

static const struct verb verbs[] = {
    {.name = "wait", .perform = wait, .has_deadline = true},
    {.name = "try", .perform = try_wait},
    {.name = "post", .perform = post, .has_number = true},
    {0},
};

const struct kind spec_semaphore = {
    .noun = "semaphore",
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
    .waitable = waitable,
};
