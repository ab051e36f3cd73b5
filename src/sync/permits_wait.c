/* Permits: the queue.
 *
 * Waiters queue by address, in order.  Who returns units adds them to the word; if WAITERS is set it does so
 * under the bucket's lock, and then wakes as many from the front as there are units for.  A woken waiter
 * is not given its units, but takes them, if there is enough for those ahead of it too; its record stays in
 * the queue, at its place, until it has got them or leaves.  A newcomer may be quicker.  If the first has been
 * passed for longer than LG__STARVED_NS, also one that was never woken because there was never enough, STARVED
 * closes the door: then nobody takes what is in but who is in the queue, from the front.
 *
 * Call a record in the queue awake if its wait has ended, else asleep; and a guest if it is asleep and
 * OUTSIDE.  That is a branch of a wait for any that something unknown may end as well.  The graph cannot say of
 * one that it is stuck, so it could not have anybody pass it either: nobody is held up by a guest.
 *   Invariant F: while a record is in the queue, WAITERS is set.  Flags change under the bucket's lock only.
 *   Invariant N: the first that is asleep and no guest wants more than is in, unless an awake one is ahead of
 *   it; and so does a guest, unless somebody is ahead of it.
 * So whoever could go on is awake, or behind one that wants more, or somebody awake is about to see to it:
 *   - units come in by a release, which finds WAITERS and so takes the lock, or by a resize: served at once;
 *   - a record leaves the queue, with units or without, or is let pass: then the others are served;
 *   - one that goes to sleep and is first has seen less than it wants in the word, which without the lock only
 *     falls while WAITERS is set; any other has somebody ahead, awake (N says nothing of it) or asleep;
 *   - a branch begins its wait without the lock, and looks afterwards (enter).  From awake it may become a
 *     guest, behind which others fit: so if it was in the queue, it serves it.  Between its begin and
 *     its look it counts for N as awake: it looks, or it leaves.
 *
 * Order pairs:
 *   P1  put's compare-and-swap (release) with take's (acquire): what was done while the units were held.
 *   P2  WAITERS is set by a compare-and-swap on the word that put swaps: either put sees it and takes the
 *       bucket's lock, or the waiter sees the units.
 *
 * In the graph a waiter waits for units, and, where somebody wants several, for those ahead of it in the
 * queue (DESIGN.md, "In order and out of order").  That a newcomer may be quicker changes nothing: it runs,
 * and what runs does not hold a deadlock together.
 *
 * Lifetime: a put without flags touches nothing after its compare-and-swap.  With flags and nobody in the
 * queue, it clears them by that same compare-and-swap.  With somebody in the queue, who cannot return
 * before he has had the bucket's lock, the permits are there until it lets go of that; and again, if somebody
 * is there when it comes back for more. */
#include "sync/permits.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "sync/spin.h"
#include "sync/waitable.h"

#define WAKES 16 /* at a time */

/* ---- Under the bucket's lock ----------------------------------------------------------------- */

void lg__permits_renew(struct lg_permits *permits)
{
    if (lg__permits_is_of_era(lg__load_relaxed(&permits->word)))
        return;
    /* Nobody else changes it: fast paths leave a word of another era alone.  Nobody in this process holds any
     * units: permits that the forking context held were renewed by the fork. */
    permits->many = 0;
    lg__store_release(&permits->word, lg__permits_era | permits->capacity * LG__PERMITS_UNIT);
}

static bool is_guest(const struct lg__wait *wait)
{
    return LG__WAIT_STATE(lg__load_relaxed(&lg__wait_own(wait)->word)) == LG__WAIT_OUTSIDE;
}

/* Somebody is in the queue, so WAITERS stays. */
static void set_starved(struct lg_permits *permits, bool is_starved)
{
    uint64_t word = lg__load_relaxed(&permits->word);
    uint64_t next;
    do
        next = is_starved ? word | LG__PERMITS_STARVED : word & ~LG__PERMITS_STARVED;
    while (word != next && !lg__cas_relaxed(&permits->word, &word, next));
}

struct woken {
    struct lg__wait *waits[WAKES];
    uint32_t count;
};

/* End the waits of those at the front of the queue for whom there are units; somebody is in it.  The
 * caller wakes them.  The door is closed while one of them, or the next, starves.  True: there may be more. */
static bool serve(struct lg_permits *permits, const struct lg__bucket *bucket, struct woken *woken)
{
    const void *tagged = lg__permits_tagged(permits);
    int64_t in = lg__permits_in(lg__load_relaxed(&permits->word));
    uint64_t now_ns = lg__now_ns();
    bool is_starved = false;
    bool is_enough = true;
    woken->count = 0;
    struct lg__wait *wait = lg__park_next(bucket, NULL, tagged);
    for (; wait && is_enough && woken->count < WAKES; wait = lg__park_next(bucket, wait, tagged)) {
        bool fits = in >= wait->want.need;
        if (!fits && is_guest(wait))
            continue;
        is_starved = is_starved || now_ns - wait->since_ns > LG__STARVED_NS;
        is_enough = fits || !lg__wait_goes_on(wait);
        if (is_enough && lg__wait_end(wait, LG__WAIT_WOKEN, 0))
            woken->waits[woken->count++] = wait;
        in -= wait->want.need;
    }
    set_starved(permits, is_starved);
    return wait && is_enough;
}

/* ---- Giving back ----------------------------------------------------------------------------- */

/* Unlock the bucket and wake; go on as long as there are more to be woken.  Somebody is in the queue. */
static void serve_and_unlock(struct lg_permits *permits, struct lg__bucket *bucket)
{
    const void *tagged = lg__permits_tagged(permits);
    bool has_more = true;
    while (has_more) {
        struct woken woken;
        has_more = serve(permits, bucket, &woken);
        lg__park_unlock(bucket);
        for (uint32_t i = 0; i < woken.count; i++)
            lg__wait_wake(woken.waits[i]);
        if (!has_more)
            return;
        bucket = lg__park_lock(tagged);
        if (!lg__park_next(bucket, NULL, tagged))
            break; /* and with them the permits may have gone */
    }
    lg__park_unlock(bucket);
}

/* The word is of this era: the units were held in it. */
__attribute__((noinline)) void lg__permits_put_slow(struct lg_permits *permits, uint32_t units)
{
    const void *tagged = lg__permits_tagged(permits);
    struct lg__bucket *bucket = lg__park_lock(tagged);
    bool has_any = lg__park_next(bucket, NULL, tagged) != NULL;
    uint64_t kept = has_any ? ~0ull : ~LG__PERMITS_FLAGS;
    uint64_t word = lg__load_relaxed(&permits->word);
    while (!lg__cas_release(&permits->word, &word, (word & kept) + units * LG__PERMITS_UNIT))
        continue; /* P1 */
    if (has_any)
        serve_and_unlock(permits, bucket); /* P2 */
    else
        lg__park_unlock(bucket);
}

/* Wake whoever is in the queue, one after the other; who sleeps anew sleeps on. */
static void wake_all(const void *tagged)
{
    struct lg__wait *wait;
    uint64_t place = 0;
    do {
        struct lg__bucket *bucket = lg__park_lock(tagged);
        wait = lg__park_next(bucket, NULL, tagged);
        while (wait && wait->stamp <= place)
            wait = lg__park_next(bucket, wait, tagged);
        place = wait ? wait->stamp : 0;
        lg__park_unlock(bucket);
        if (wait)
            lg__wait_wake(wait);
    } while (wait);
}

int lg_permits_resize(struct lg_permits *permits, uint32_t capacity)
{
    if (!permits || capacity > LG_PERMITS_MAX)
        return LG_EINVAL;
    const void *tagged = lg__permits_tagged(permits);
    lg__detector_hold(); /* no judgement spans the change, also of a wait for all that queues elsewhere */
    struct lg__bucket *bucket = lg__park_lock(tagged);
    lg__permits_renew(permits);
    /* All who wait look again, and first of all: a look that spans the change is void, because it meets
     * a wait that is over; and a deadlock that the change closes is found by those who begin to wait anew. */
    struct lg__wait *wait = lg__park_next(bucket, NULL, tagged);
    bool has_any = wait != NULL;
    for (; wait; wait = lg__park_next(bucket, wait, tagged))
        (void)lg__wait_end(wait, LG__WAIT_WOKEN, 0);
    int64_t change = (int64_t)capacity - permits->capacity;
    uint64_t word = lg__load_relaxed(&permits->word);
    while (!lg__cas_release(&permits->word, &word, word + (uint64_t)change * LG__PERMITS_UNIT))
        continue;
    lg__store_relaxed(&permits->capacity, capacity);
    lg__park_unlock(bucket);
    lg__detector_let_go();
    if (has_any)
        wake_all(tagged);
    return LG_OK;
}

/* The pin keeps the waiter, and so the permits. */
void lg__permits_let_pass(const void *object, struct lg__wait *wait, uint64_t word)
{
    struct lg_permits *permits = lg__permits_of(object);
    struct lg__bucket *bucket = lg__park_lock(object);
    if (lg__load_relaxed(&wait->queue) != object ||
        lg__load_acquire(&lg__wait_own(wait)->word) != word) {
        lg__park_unlock(bucket);
        return;
    }
    lg__park_remove(bucket, wait);
    lg__park_push(bucket, wait, object, true);
    serve_and_unlock(permits, bucket);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* One acquire: its arguments, and what is kept from attempt to attempt. */
struct attempt {
    struct lg_context *self;
    struct lg__wait *record; /* the context's wait, or a branch of it */
    struct lg_permits *permits;
    struct lg__want want;
    bool is_queued;
};

enum outcome { OUTCOME_TAKEN, OUTCOME_MUST_WAIT, OUTCOME_LATE, OUTCOME_TOO_MANY };

/* Under the bucket's lock: what those want who are ahead of the caller in the queue, but for guests. */
static int64_t wanted_ahead(const struct attempt *attempt, const struct lg__bucket *bucket)
{
    const void *tagged = attempt->want.object;
    const struct lg__wait *wait = lg__park_next(bucket, NULL, tagged);
    int64_t wanted = 0;
    for (; wait != attempt->record; wait = lg__park_next(bucket, wait, tagged))
        wanted += is_guest(wait) ? 0 : wait->want.need;
    return wanted;
}

static void count_many(struct attempt *attempt, uint32_t by)
{
    struct lg_permits *permits = attempt->permits;
    if (attempt->want.need > 1)
        lg__store_relaxed(&permits->many, permits->many + by);
}

/* Under the bucket's lock: the record is in the queue from here on, and the caller asleep. */
static void fall_asleep(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg__wait *wait = &attempt->self->wait;
    if (!attempt->is_queued)
        count_many(attempt, 1);
    (void)lg__wait_begin(wait, &attempt->want, LG__WAIT_WAITING);
    if (!attempt->is_queued)
        lg__park_push(bucket, wait, attempt->want.object, false);
    attempt->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    attempt->is_queued = true;
}

/* Under the bucket's lock: take the units, or have WAITERS set: then the caller must wait.  Who does not has
 * yet to leave. */
static enum outcome take_queued(struct attempt *attempt, const struct lg__bucket *bucket)
{
    struct lg_permits *permits = attempt->permits;
    bool is_late = lg__deadline_has_passed(attempt->want.deadline);
    uint64_t flags =
        lg__park_has_starved(attempt->want.since_ns) ? LG__PERMITS_FLAGS : LG__PERMITS_WAITERS;
    lg__permits_renew(permits);
    int64_t wanted = attempt->want.need + (attempt->is_queued ? wanted_ahead(attempt, bucket) : 0);
    bool is_newcomer = !attempt->is_queued && lg__park_next(bucket, NULL, attempt->want.object);
    if (attempt->want.need > permits->capacity)
        return OUTCOME_TOO_MANY;
    uint64_t word = lg__load_relaxed(&permits->word);
    for (;;) {
        bool is_enough = lg__permits_in(word) >= wanted;
        if (is_enough && !(is_newcomer && (word & LG__PERMITS_STARVED))) {
            uint64_t left = word - attempt->want.need * LG__PERMITS_UNIT;
            if (lg__cas_acquire(&permits->word, &word, left)) /* P1 */
                return OUTCOME_TAKEN;
        } else if (is_late) {
            return OUTCOME_LATE;
        } else if ((word | flags) == word || lg__cas_relaxed(&permits->word, &word, word | flags)) {
            return OUTCOME_MUST_WAIT; /* P2 */
        }
    }
}

/* Out of the queue, if in it, and serve those who are left; unlocks the bucket. */
static void leave(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg_permits *permits = attempt->permits;
    if (attempt->is_queued) {
        lg__park_remove(bucket, attempt->record);
        count_many(attempt, UINT32_MAX); /* one less */
    }
    attempt->is_queued = false;
    if (lg__park_next(bucket, NULL, attempt->want.object)) {
        serve_and_unlock(permits, bucket);
        return;
    }
    uint64_t word = lg__load_relaxed(&permits->word);
    while ((word & LG__PERMITS_FLAGS) &&
           !lg__cas_relaxed(&permits->word, &word, word & ~LG__PERMITS_FLAGS))
        continue;
    lg__park_unlock(bucket);
}

/* Sleep in the queue, and stay there.  LG_EBUSY: look again. */
static int sleep_in_queue(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    lg__detector_look(attempt->self);
    int status = lg__wait_status(wait, lg__wait_sleep(wait));
    if (status == LG_ETIMEDOUT)
        lg__detector_explain(attempt->self);
    lg__wait_retract(wait);
    return status;
}

static int wait_queued(struct attempt *attempt)
{
    int status = LG_EBUSY;
    while (status == LG_EBUSY) {
        struct lg__bucket *bucket = lg__park_lock(attempt->want.object);
        enum outcome outcome = take_queued(attempt, bucket);
        if (outcome != OUTCOME_MUST_WAIT) {
            leave(attempt, bucket);
            if (outcome == OUTCOME_LATE)
                return lg__park_give_up(attempt->self, &attempt->want, LG_REPORT_TIMEOUT);
            return outcome == OUTCOME_TAKEN ? LG_OK : LG_EINVAL;
        }
        fall_asleep(attempt, bucket);
        lg__park_unlock(bucket);
        status = sleep_in_queue(attempt);
    }
    leave(attempt, lg__park_lock(attempt->want.object));
    if (status == LG_EDEADLK)
        lg__detector_log(attempt->self);
    return status;
}

/* A few looks whether there is enough.  Nobody spins while others are queued. */
static bool spin_to_take(struct lg_permits *permits, uint32_t units)
{
    struct lg__spin spin = lg__spin_begin();
    do {
        uint64_t word = lg__load_relaxed(&permits->word);
        if ((word & LG__PERMITS_FLAGS) || !lg__permits_is_of_era(word))
            return false;
        if (lg__permits_in(word) >= (int32_t)units &&
            lg__cas_acquire(&permits->word, &word, word - units * LG__PERMITS_UNIT)) /* P1 */
            return true;
    } while (lg__spin_pause(&spin));
    return false;
}

int lg__permits_wait(struct lg_context *self, struct lg_permits *permits, uint32_t units,
                     lg_deadline deadline, const char *place)
{
    struct attempt attempt = {
        .self = self,
        .record = &self->wait,
        .permits = permits,
        .want = {&lg__permits_class, lg__permits_tagged(permits), units, false, deadline, place, 0},
    };
    if (deadline == LG_TRY) {
        uint64_t word = lg__load_relaxed(&permits->word);
        bool may_be_enough = !lg__permits_is_of_era(word) || lg__permits_in(word) >= (int32_t)units;
        return may_be_enough ? wait_queued(&attempt) : LG_EBUSY;
    }
    return spin_to_take(permits, units) ? LG_OK : wait_queued(&attempt);
}

/* ---- One of several things ---------------------------------------------------------------------- */

static struct lg_permits *permits_of(const struct lg_waitable *thing)
{
    return thing->object;
}

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    (void)target;
    branch->want.class = &lg__permits_class;
    branch->want.object = lg__permits_tagged(permits_of(thing));
    branch->want.need = thing->need;
}

/* With the bucket locked. */
static struct attempt attempt_of(const struct lg_waitable *thing, struct lg__wait *branch,
                                 const char *place)
{
    const void *tagged = lg__permits_tagged(permits_of(thing));
    return (struct attempt){
        .self = lg__self,
        .record = branch,
        .permits = permits_of(thing),
        .want = {&lg__permits_class, tagged, thing->need, false, LG_TRY, place, 0},
        .is_queued = lg__load_relaxed(&branch->queue) == tagged,
    };
}

/* The branch stays in the queue, at its place, until it leaves. */
static int take_waitable(const struct lg_waitable *thing, struct lg__wait *branch,
                         const char *place)
{
    struct lg_permits *permits = permits_of(thing);
    if (!branch)
        return lg_permits_acquire_at(permits, thing->need, LG_TRY, place);
    struct lg__bucket *bucket = lg__park_lock(lg__permits_tagged(permits));
    struct attempt attempt = attempt_of(thing, branch, place);
    enum outcome outcome = take_queued(&attempt, bucket);
    lg__park_unlock(bucket);
    if (outcome != OUTCOME_TAKEN)
        return outcome == OUTCOME_TOO_MANY ? LG_EINVAL : LG_EBUSY;
    if (lg__permits_note(attempt.self, permits, thing->need, LG_TRY, place))
        return LG_OK;
    lg__permits_put(permits, thing->need);
    return LG_ENOMEM;
}

static void give_back(const struct lg_waitable *thing)
{
    (void)!lg_permits_release(permits_of(thing), thing->need); /* the caller holds them */
}

/* Under the bucket's lock: as take_queued, but nothing is taken.  True: there is enough, or there never will
 * be. */
static bool is_worth_a_look(const struct attempt *attempt, const struct lg__bucket *bucket)
{
    struct lg_permits *permits = attempt->permits;
    uint32_t need = attempt->want.need;
    int64_t wanted = need + (attempt->is_queued ? wanted_ahead(attempt, bucket) : 0);
    bool is_newcomer = !attempt->is_queued && lg__park_next(bucket, NULL, attempt->want.object);
    bool must_close = lg__park_has_starved(attempt->want.since_ns) && !is_guest(attempt->record);
    uint64_t flags = must_close ? LG__PERMITS_FLAGS : LG__PERMITS_WAITERS;
    uint64_t word = lg__load_relaxed(&permits->word);
    do
        if (need > permits->capacity ||
            (lg__permits_in(word) >= wanted && !(is_newcomer && (word & LG__PERMITS_STARVED))))
            return true;
    while ((word | flags) != word &&
           !lg__cas_relaxed(&permits->word, &word, word | flags)); /* P2 */
    return false;
}

static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    (void)was_known; /* it never changes */
    struct lg__bucket *bucket = lg__park_lock(lg__permits_tagged(permits_of(thing)));
    struct attempt attempt = attempt_of(thing, branch, NULL);
    attempt.want.since_ns = lg__wait_own(branch)->since_ns;
    lg__permits_renew(attempt.permits);
    bool is_there = is_worth_a_look(&attempt, bucket);
    if (!is_there && attempt.is_queued) {
        serve_and_unlock(attempt.permits, bucket); /* N: it may have become a guest */
        return false;
    }
    if (!is_there) {
        count_many(&attempt, 1);
        branch->since_ns =
            attempt.want.since_ns; /* its own may be begun while others look at this */
        lg__park_push(bucket, branch, attempt.want.object, false);
    }
    lg__park_unlock(bucket);
    return is_there;
}

static void leave_waitable(const struct lg_waitable *thing, struct lg__wait *branch)
{
    struct lg__bucket *bucket = lg__park_lock(lg__permits_tagged(permits_of(thing)));
    struct attempt attempt = attempt_of(thing, branch, NULL);
    leave(&attempt, bucket);
}

const struct lg__waitable_class lg__permits_waitable = {
    .describe = describe,
    .take = take_waitable,
    .give_back = give_back,
    .enter = enter,
    .leave = leave_waitable,
};
