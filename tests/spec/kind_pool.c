/* Pools.  All that they may lend is open from the beginning, so no step waits for an opener. */
#include "spec/kinds.h"

#include <lifeguard/pool.h>
#include <lifeguard/stats.h>

#include <sched.h>
#include <stdlib.h>

static int open_resource(void *arg, const struct lg_open *open, void **resource)
{
    (void)arg, (void)open;
    *resource = malloc(1);
    return *resource ? LG_OK : LG_ENOMEM;
}

static void close_resource(void *arg, void *resource)
{
    (void)arg;
    free(resource);
}

static const struct lg_driver driver = LG_DRIVER_INIT("resource", open_resource, close_resource);

static int checkout_until(struct actor *actor, struct object *object, lg_deadline deadline)
{
    struct hold hold = {.object = object};
    int status = lg_pool_checkout_at(object->live, deadline, &hold.lease, object->name);
    if (status == LG_OK)
        actor_hold(actor, &hold);
    return status;
}

static int checkout(struct actor *actor, const struct action *action)
{
    return checkout_until(actor, action->object, action_deadline(action));
}

static int try_checkout(struct actor *actor, const struct action *action)
{
    return checkout_until(actor, action->object, LG_TRY);
}

static int checkin(struct actor *actor, const struct action *action)
{
    struct hold *hold = actor_find(actor, action->object);
    if (!hold)
        return SPEC_NOT_HELD;
    int status = lg_pool_checkin(action->object->live, &hold->lease);
    actor_drop(actor, hold);
    return status;
}

static int create(struct object *object)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_pool *pool = NULL;
    options.name = object->name;
    options.capacity = options.min_size = object->number;
    options.overtaking_us = 0;
    int status = lg_pool_create(&driver, NULL, &options, &pool);
    object->live = pool;
    do {
        sched_yield();
        status = status == LG_OK ? lg_pool_stats(pool, &stats) : status;
    } while (status == LG_OK && stats.idle < object->number);
    return status;
}

static void destroy(struct object *object)
{
    if (object->live)
        lg_pool_destroy(object->live);
}

static void let_go(struct hold *hold)
{
    if (lg_pool_checkin(hold->object->live, &hold->lease) != LG_OK)
        abort();
}

static const struct verb verbs[] = {
    {.name = "checkout", .perform = checkout, .has_deadline = true},
    {.name = "try-checkout", .perform = try_checkout},
    {.name = "checkin", .perform = checkin},
    {0},
};

const struct kind spec_pool = {
    .noun = "pool",
    .has_number = true,
    .verbs = verbs,
    .create = create,
    .destroy = destroy,
    .let_go = let_go,
};
