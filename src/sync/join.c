/* Join of a context: waiting until it has ended.
 *
 * The waiter queues by the address of the context's struct, which is never freed; a slot may be used
 * again, so what it waits for is an id, in memory of its own.
 *
 * J1  The waiter counts itself, queues, and then looks whether the id is alive; an ending context takes
 *     its id back and then looks at the count (store-load on both sides): the waiter sees that it has
 *     ended, or the end sees that somebody waits, and finds it in the queue. */
#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/text.h"
#include "sync/waitable.h"

static uint32_t joiners; /* atomic full, J1; of all contexts */

static void survey(const void *object, lg__visit *visit, void *arg)
{
    struct lg__holding holding = {
        .holder = ((const struct lg__join_target *)object)->id,
        .units = 1,
        .unit = LG_NO_UNIT,
    };
    visit(arg, &holding);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg__join_target *)object)->name);
}

static const struct lg__resource_class context_class = {
    .noun = "context",
    .is_meeting = true,
    .capacity = lg__capacity_of_one,
    .survey = survey,
    .copy_name = copy_name,
};

/* The first in the queue who waits for this id and has not ended, taken out. */
static struct lg__wait *grant_next(struct lg_context *context, uint64_t id)
{
    struct lg__bucket *bucket = lg__park_lock(context);
    struct lg__wait *wait = lg__park_next(bucket, NULL, context);
    while (wait && (wait->stamp != id || !lg__wait_end(wait, LG__WAIT_GRANTED, 0)))
        wait = lg__park_next(bucket, wait, context);
    if (wait)
        lg__park_remove(bucket, wait);
    lg__park_unlock(bucket);
    return wait;
}

static void tell_joiners(struct lg_context *context, uint64_t id)
{
    struct lg__wait *wait;
    if (lg__load_full(&joiners) == 0) /* J1: after the id went */
        return;
    while ((wait = grant_next(context, id)) != NULL)
        lg__wait_wake(wait);
}

static void queue_up(struct lg_context *self, struct lg_context *context,
                     const struct lg__want *want, uint64_t id)
{
    struct lg__bucket *bucket = lg__park_lock(context);
    lg__add_full(&joiners, 1u);
    (void)lg__wait_begin(&self->wait, want, LG__WAIT_WAITING);
    lg__park_push(bucket, &self->wait, context, false);
    self->wait.stamp = id;
    lg__park_unlock(bucket);
}

int lg_context_join_at(uint64_t id, lg_deadline deadline, const char *place)
{
    struct lg__join_target target = {.id = id};
    struct lg__want want = {&context_class, &target, 1, false, deadline, place, 0};
    struct lg_context *self = lg__context_self();
    if (id == 0)
        return LG_EINVAL;
    if (!self)
        return LG_ENOMEM;
    struct lg_context *context = lg__context_find(id);
    if (!context)
        return LG_OK;
    lg__context_copy_name(id, target.name);
    if (context == self || lg__deadline_has_passed(deadline))
        return lg__park_give_up(self, &want,
                                context == self ? LG_REPORT_DEADLOCK : LG_REPORT_TIMEOUT);
    queue_up(self, context, &want, id);
    if (lg__context_is_alive(id)) /* J1 */
        lg__detector_look(self);
    else
        (void)lg__wait_end(&self->wait, LG__WAIT_GRANTED, 0);
    int status = lg__park_sleep(self, context);
    lg__sub_full(&joiners, 1u);
    if (status == LG_EDEADLK)
        lg__detector_log(self);
    return status;
}

/* ---- One of several things ---------------------------------------------------------------------- */

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    target->id = thing->id;
    lg__context_copy_name(thing->id, target->name);
    branch->want.class = &context_class;
    branch->want.object = target;
    branch->want.need = 1;
}

static int take(const struct lg_waitable *thing, struct lg__wait *branch, const char *place)
{
    (void)branch, (void)place;
    return lg__context_is_alive(thing->id) ? LG_EBUSY : LG_OK;
}

/* The companion of a branch that is counted is its context, which can be told after its end no more. */
static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    (void)was_known; /* it never changes */
    struct lg_context *context = lg__context_find(thing->id);
    if (!context)
        return true;
    struct lg__bucket *bucket = lg__park_lock(context);
    if (!branch->companion)
        lg__add_full(&joiners, 1u);
    branch->companion = context;
    if (lg__load_relaxed(&branch->queue) != context)
        lg__park_push(bucket, branch, context, false);
    branch->stamp = thing->id;
    lg__park_unlock(bucket);
    return !lg__context_is_alive(thing->id); /* J1 */
}

static void leave(const struct lg_waitable *thing, struct lg__wait *branch)
{
    (void)thing;
    if (!branch->companion)
        return;
    lg__park_leave(branch, branch->companion);
    branch->companion = NULL;
    lg__sub_full(&joiners, 1u);
}

const struct lg__waitable_class lg__context_waitable = {
    .describe = describe,
    .take = take,
    .enter = enter,
    .leave = leave,
};

static __attribute__((constructor)) void set_hook(void)
{
    lg__end_any_add(tell_joiners);
}
