/* A mutex as one of several things that are waited for. */
#include "sync/mutex.h"
#include "sync/waitable.h"

static struct lg_mutex *mutex_of(const struct lg_waitable *thing)
{
    return thing->object;
}

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    (void)target;
    branch->want.class = &lg__mutex_class;
    branch->want.object = thing->object;
    branch->want.need = 1;
}

static int take(const struct lg_waitable *thing, struct lg__wait *branch, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)branch; /* whoever is there first gets it; `leave` sees to the others */
    return lg_mutex_lock_at(mutex_of(thing), LG_TRY, place);
}

static void give_back(const struct lg_waitable *thing) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_mutex_unlock(mutex_of(thing));
}

static void note_granted(const struct lg_waitable *thing, const char *place)
{
    lg__mutex_note_owned(lg__self, mutex_of(thing), LG_FOREVER, place);
}

/* Say that there are waiters.  False: it is free, or its owner has ended. */
static bool set_waiters(struct lg_mutex *mutex)
{
    uint64_t word = lg__load_relaxed(&mutex->word);
    do {
        uint64_t owner = word & ~LG__MUTEX_FLAGS;
        if (owner == 0 || lg__mutex_is_owner_dead(mutex, owner))
            return false;
    } while (!(word & LG__MUTEX_WAITERS) &&
             !lg__cas_acquire(&mutex->word, &word, word | LG__MUTEX_WAITERS)); /* M2 */
    return true;
}

/* Who was woken in vain goes to the front.  That the owner may have ended before this wait began is seen
 * here, for it has begun. */
static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    (void)was_known; /* it never changes */
    struct lg_mutex *mutex = mutex_of(thing);
    struct lg__bucket *bucket = lg__park_lock(mutex);
    bool is_held = set_waiters(mutex);
    if (is_held && lg__load_relaxed(&branch->queue) != mutex) {
        lg__park_push(bucket, branch, mutex, branch->companion != NULL);
        branch->companion = mutex;
    }
    lg__park_unlock(bucket);
    return !is_held;
}

/* Whoever is left in the queue is owed what a waiter that was woken does: to say that there are waiters, or,
 * if the mutex is free, to take it, which is then for the next of them to do. */
static void leave(const struct lg_waitable *thing, struct lg__wait *branch)
{
    struct lg_mutex *mutex = mutex_of(thing);
    struct lg__bucket *bucket = lg__park_lock(mutex);
    if (lg__load_relaxed(&branch->queue) == mutex)
        lg__park_remove(bucket, branch);
    bool must_wake = lg__park_next(bucket, NULL, mutex) && !set_waiters(mutex);
    lg__park_unlock(bucket);
    if (must_wake)
        lg__mutex_wake_first(mutex);
}

const struct lg__waitable_class lg__mutex_waitable = {
    .describe = describe,
    .take = take,
    .give_back = give_back,
    .note_granted = note_granted,
    .enter = enter,
    .leave = leave,
};
