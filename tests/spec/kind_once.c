/* Onces.  What stands behind a call in its step is the function, which fails if that does. */
#include "spec/kinds.h"

#include <stdlib.h>

struct call {
    struct actor *actor;
    const struct action *action;
};

static int run(void *arg)
{
    const struct call *call = arg;
    return actor_do_rest(call->actor, call->action);
}

static int call_once(struct actor *actor, const struct action *action)
{
    struct call call = {actor, action};
    return lg_once_call_at(action->object->live, run, &call, action_deadline(action),
                           action->object->name);
}

static int create(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_once));
    return object->live ? LG_OK : LG_ENOMEM;
}

static void destroy(struct object *object)
{
    free(object->live);
}

static const struct verb verbs[] = {
    {.name = "call", .perform = call_once, .has_deadline = true, .has_body = true},
    {0},
};

const struct kind spec_once = {
    .noun = "once",
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
};
