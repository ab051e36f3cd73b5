/* Mutexes and conditions. */
#include "spec/kinds.h"

#include <stdlib.h>

static int lock_until(struct actor *actor, struct object *object, lg_deadline deadline)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_mutex_lock_at(object->live, deadline, object->name);
    if (status == LG_OK)
        actor_hold(actor, &(struct hold){.object = object});
    return status;
}

static int lock(struct actor *actor, const struct action *action)
{
    return lock_until(actor, action->object, action_deadline(action));
}

static int try_lock(struct actor *actor, const struct action *action)
{
    return lock_until(actor, action->object, LG_TRY);
}

static int recover(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_mutex_recover((struct lg_mutex *)action->object->live);
    if (status == LG_OK)
        actor_hold(actor, &(struct hold){.object = action->object});
    return status;
}

static int unlock(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct hold *hold = actor_find(actor, action->object);
    if (!hold)
        return SPEC_NOT_HELD;
    actor_drop(actor, hold);
    lg_mutex_unlock(action->object->live);
    return LG_OK;
}

static int create_mutex(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_mutex));
    return object->live ? lg_mutex_init(object->live, object->name,
                                        object->has_option ? LG_MUTEX_RECURSIVE : 0)
                        : LG_ENOMEM;
}

static void destroy_mutex(struct object *object)
{
    lg_mutex_destroy(object->live);
    free(object->live);
}

/* Of an ended thread: it has to be recovered first, once however often it was locked. */
static void let_mutex_go(struct hold *hold) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_mutex *mutex = hold->object->live;
    if (lg_mutex_is_held(mutex) || lg_mutex_recover(mutex) == LG_OK)
        lg_mutex_unlock(mutex);
}

static struct lg_waitable waitable(const struct object *object)
{
    return lg_waitable_mutex(object->live);
}

static const struct verb mutex_verbs[] = {
    {.name = "lock", .perform = lock, .has_deadline = true},
    {.name = "try", .perform = try_lock},
    {.name = "unlock", .perform = unlock},
    {.name = "recover", .perform = recover},
    {0},
};

const struct kind spec_mutex = {
    .noun = "mutex",
    .option = "recursive",
    .verbs = mutex_verbs,
    .create = create_mutex,
    .destroy = destroy_mutex,
    .let_go = let_mutex_go,
    .waitable = waitable,
};

/* ---- Conditions ------------------------------------------------------------------------------ */

static int wait(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct hold *hold = actor_find(actor, action->other);
    if (!hold)
        return SPEC_NOT_HELD;
    int status = lg_condition_wait_at(action->object->live, action->other->live,
                                      action_deadline(action), action->object->name);
    if (status == LG_EDEADLK || status == LG_EOWNERDEAD)
        while ((hold = actor_find(actor, action->other)) != NULL)
            actor_drop(actor, hold);
    return status;
}

static int signal_one(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_condition_signal(action->object->live);
    return LG_OK;
}

static int broadcast(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_condition_broadcast(action->object->live);
    return LG_OK;
}

static int create_condition(struct object *object)
{
    struct lg_condition *condition = calloc(1, sizeof *condition);
    object->live = condition;
    if (!condition)
        return LG_ENOMEM;
    condition->name = object->name;
    return LG_OK;
}

static void destroy_condition(struct object *object)
{
    lg_condition_destroy(object->live);
    free(object->live);
}

static const struct verb condition_verbs[] = {
    {.name = "wait", .perform = wait, .other = "mutex", .has_deadline = true},
    {.name = "signal", .perform = signal_one},
    {.name = "broadcast", .perform = broadcast},
    {0},
};

const struct kind spec_condition = {
    .noun = "condition",
    .verbs = condition_verbs,
    .create = create_condition,
    .destroy = destroy_condition,
};
