/* Events and latches, with those who have declared that they will open them. */
#include "spec/kinds.h"

#include <stdlib.h>

static int wait(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_event_wait_at(action->object->live, action_deadline(action), action->object->name);
}

static int set(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_event_set(action->object->live);
    return LG_OK;
}

static int reset(struct actor *actor, const struct action *action)
{
    (void)actor;
    lg_event_reset(action->object->live);
    return LG_OK;
}

static int declare(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_event_add_setter_at(action->object->live, NULL, action->object->name);
}

static int withdraw(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_event_withdraw_setter(action->object->live, NULL);
}

static int transfer(struct actor *actor, const struct action *action)
{
    struct lg_context *to = actor->crew[action->things[0].actor].context;
    return lg_event_transfer_setter_at(action->object->live, NULL, to, action->object->name);
}

static int create_event(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_event));
    return object->live ? lg_event_init(object->live, object->name,
                                        object->has_option ? LG_EVENT_AUTO_RESET : 0)
                        : LG_ENOMEM;
}

static void destroy_event(struct object *object)
{
    lg_event_destroy(object->live);
    free(object->live);
}

static struct lg_waitable waitable_event(const struct object *object)
{
    return lg_waitable_event(object->live);
}

static const struct verb event_verbs[] = {
    {.name = "wait", .perform = wait, .has_deadline = true},
    {.name = "set", .perform = set},
    {.name = "reset", .perform = reset},
    {.name = "declare", .perform = declare},
    {.name = "withdraw", .perform = withdraw},
    {.name = "transfer", .perform = transfer, .has_thread = true},
    {0},
};

const struct kind spec_event = {
    .noun = "event",
    .option = "auto",
    .verbs = event_verbs,
    .create = create_event,
    .destroy = destroy_event,
    .waitable = waitable_event,
};

/* ---- Latches --------------------------------------------------------------------------------- */

static int wait_for_all(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_latch_wait_at(action->object->live, action_deadline(action), action->object->name);
}

static int arrive(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_latch_arrive_and_wait_at(action->object->live, action_deadline(action),
                                       action->object->name);
}

static int count_down(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_latch_count_down(action->object->live, action->number);
}

static int declare_party(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_latch_add_party_at(action->object->live, NULL, action->number, action->object->name);
}

static int withdraw_party(struct actor *actor, const struct action *action)
{
    (void)actor;
    return lg_latch_withdraw_party(action->object->live, NULL);
}

static int create_latch(struct object *object)
{
    object->live = calloc(1, sizeof(struct lg_latch));
    return object->live ? lg_latch_init(object->live, object->name, object->number) : LG_ENOMEM;
}

static void destroy_latch(struct object *object)
{
    lg_latch_destroy(object->live);
    free(object->live);
}

static struct lg_waitable waitable_latch(const struct object *object)
{
    return lg_waitable_latch(object->live);
}

static const struct verb latch_verbs[] = {
    {.name = "wait", .perform = wait_for_all, .has_deadline = true},
    {.name = "arrive", .perform = arrive, .has_deadline = true},
    {.name = "count-down", .perform = count_down, .has_number = true},
    {.name = "declare", .perform = declare_party, .has_number = true},
    {.name = "withdraw", .perform = withdraw_party},
    {0},
};

const struct kind spec_latch = {
    .noun = "latch",
    .has_number = true,
    .verbs = latch_verbs,
    .create = create_latch,
    .destroy = destroy_latch,
    .waitable = waitable_latch,
};
