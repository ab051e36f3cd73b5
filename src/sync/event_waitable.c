/* An event or a latch as one of several things that are waited for.
 *
 * Whoever finds his branch taken out of the queue has passed, as every waiter of an event has.  The
 * companion of a branch that was queued is the event. */
#include "sync/event.h"
#include "sync/waitable.h"

static struct lg_event *event_of(const struct lg_waitable *thing)
{
    return thing->object; /* a latch begins with its own */
}

static const struct lg__event_kind *kind_of(const struct lg_waitable *thing)
{
    return thing->kind == LG_WAITABLE_LATCH ? &lg__latch_kind : &lg__event_kind;
}

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    (void)target;
    branch->want.class = &kind_of(thing)->class;
    branch->want.object = thing->object;
    branch->want.need = kind_of(thing)->need(event_of(thing));
}

static bool is_known(const struct lg_waitable *thing)
{
    return lg__load_relaxed(&event_of(thing)->word) & LG__EVENT_DECLARED;
}

/* Whether a branch that was queued has been taken out by who served it. */
static bool was_served(const struct lg_waitable *thing, const struct lg__wait *branch)
{
    if (!branch || !branch->companion)
        return false;
    struct lg__bucket *bucket = lg__park_lock(event_of(thing));
    bool is_out = !lg__load_relaxed(&branch->queue);
    lg__park_unlock(bucket);
    return is_out;
}

static int take(const struct lg_waitable *thing, struct lg__wait *branch, const char *place)
{
    if (was_served(thing, branch))
        return LG_OK;
    return thing->kind == LG_WAITABLE_LATCH ? lg_latch_wait_at(thing->object, LG_TRY, place)
                                            : lg_event_wait_at(thing->object, LG_TRY, place);
}

static void give_back(const struct lg_waitable *thing)
{
    if (thing->kind == LG_WAITABLE_EVENT)
        lg__event_put_back(thing->object);
}

/* Under the bucket's lock, under which alone DECLARED and WAITERS change. */
static bool set_waiters(const struct lg_waitable *thing, bool was_known)
{
    struct lg_event *event = event_of(thing);
    uint64_t word = lg__load_relaxed(&event->word);
    do {
        bool is_declared = word & LG__EVENT_DECLARED;
        if (kind_of(thing)->is_open(word) || is_declared != was_known ||
            (is_declared && kind_of(thing)->is_broken(event)))
            return false;
    } while (!(word & LG__EVENT_WAITERS) &&
             !lg__cas_relaxed(&event->word, &word, word | LG__EVENT_WAITERS)); /* E2 */
    return true;
}

static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    const void *key = lg__event_key(event_of(thing));
    struct lg__bucket *bucket = lg__park_lock(event_of(thing));
    bool is_in = lg__load_relaxed(&branch->queue) == key;
    bool is_served = branch->companion && !is_in;
    bool must_wait = !is_served && set_waiters(thing, was_known);
    if (must_wait && !is_in) {
        branch->companion = event_of(thing);
        lg__park_push(bucket, branch, key, false);
    }
    lg__park_unlock(bucket);
    return !must_wait;
}

/* Nobody is woken to look in another's place: a set is handed to one whose wait goes on, or stays for
 * whoever comes. */
static void leave(const struct lg_waitable *thing, struct lg__wait *branch)
{
    struct lg__bucket *bucket = lg__park_lock(event_of(thing));
    if (lg__load_relaxed(&branch->queue) == lg__event_key(event_of(thing)))
        lg__park_remove(bucket, branch);
    branch->companion = NULL;
    lg__park_unlock(bucket);
}

const struct lg__waitable_class lg__event_waitable = {
    .describe = describe,
    .is_known = is_known,
    .take = take,
    .give_back = give_back,
    .enter = enter,
    .leave = leave,
};
