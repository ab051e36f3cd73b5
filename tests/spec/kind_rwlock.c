/* Rwlocks. */
#include "spec/kinds.h"

#include <stdlib.h>

typedef int take_at(struct lg_rwlock *rwlock, lg_deadline deadline, const char *place);

static int take(struct actor *actor, const struct action *action, take_at *how,
                lg_deadline deadline)
{
    int status = how(action->object->live, deadline, action->object->name);
    if (status == LG_OK)
        actor_hold(actor, &(struct hold){.object = action->object});
    return status;
}

static int read_lock(struct actor *actor, const struct action *action)
{
    return take(actor, action, lg_rwlock_read_at, action_deadline(action));
}

static int write_lock(struct actor *actor, const struct action *action)
{
    return take(actor, action, lg_rwlock_write_at, action_deadline(action));
}

static int upgradable_lock(struct actor *actor, const struct action *action)
{
    return take(actor, action, lg_rwlock_upgradable_at, action_deadline(action));
}

static int try_read(struct actor *actor, const struct action *action)
{
    return take(actor, action, lg_rwlock_read_at, LG_TRY);
}

static int try_write(struct actor *actor, const struct action *action)
{
    return take(actor, action, lg_rwlock_write_at, LG_TRY);
}

static bool holds_as(const struct action *action, enum lg_rwlock_mode mode)
{
    return lg_rwlock_is_held(action->object->live) == (int)mode;
}

static int upgrade(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)actor;
    if (!holds_as(action, LG_RWLOCK_UPGRADABLE))
        return SPEC_NOT_HELD;
    return lg_rwlock_upgrade_at(action->object->live, action_deadline(action),
                                action->object->name);
}

static int downgrade(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)actor;
    if (!holds_as(action, LG_RWLOCK_WRITE))
        return SPEC_NOT_HELD;
    lg_rwlock_downgrade(action->object->live);
    return LG_OK;
}

static int unlock(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct hold *hold = actor_find(actor, action->object);
    if (!hold)
        return SPEC_NOT_HELD;
    actor_drop(actor, hold);
    lg_rwlock_unlock(action->object->live);
    return LG_OK;
}

static int recover(struct actor *actor, const struct action *action) LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_rwlock_recover((struct lg_rwlock *)action->object->live);
    if (status == LG_OK)
        actor_hold(actor, &(struct hold){.object = action->object});
    return status;
}

static int create(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_rwlock));
    return object->live ? lg_rwlock_init(object->live, object->name) : LG_ENOMEM;
}

static void destroy(struct object *object)
{
    lg_rwlock_destroy(object->live);
    free(object->live);
}

/* Of an ended thread: a reader's is given back, a writer's has to be recovered. */
static void let_go(struct hold *hold) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_rwlock *rwlock = hold->object->live;
    if (lg_rwlock_is_held(rwlock) != LG_RWLOCK_NOT_HELD || lg_rwlock_recover(rwlock) == LG_OK)
        lg_rwlock_unlock(rwlock);
}

static const struct verb verbs[] = {
    {.name = "read", .perform = read_lock, .has_deadline = true},
    {.name = "write", .perform = write_lock, .has_deadline = true},
    {.name = "upgradable", .perform = upgradable_lock, .has_deadline = true},
    {.name = "try-read", .perform = try_read},
    {.name = "try-write", .perform = try_write},
    {.name = "upgrade", .perform = upgrade, .has_deadline = true},
    {.name = "downgrade", .perform = downgrade},
    {.name = "unlock", .perform = unlock},
    {.name = "recover", .perform = recover},
    {0},
};

const struct kind spec_rwlock = {
    .noun = "rwlock",
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
    .let_go = let_go,
};
