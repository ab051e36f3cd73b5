/* Rwlock: the queue and the ways into it and out.
 *
 * Order pairs:
 *   R1  A release (subtraction, release) with whoever takes the lock after it (addition or
 *       compare-and-swap, acquire): what the lock protects.  All changes of the word are read-modify-write
 *       operations, so a release is seen through those that come after it.
 *   R2  A reader adds itself and reads what was there in one step.  WRITER is only ever set in a word
 *       without readers and without BIASED.  So a reader that has counted itself reads from the moment at
 *       which it has seen the word without WRITER, be it the first look or a later one, until it subtracts
 *       itself.
 *   R3  QUEUED is set on the same word that releases change: either the release sees it, and serves the
 *       queue, or who has set it sees the release in what it gets back, and serves.
 *   R4  Hand-over: what makes the lock the waiter's is written before or after the wait's end, see
 *       hand_over, all under the bucket's lock; the waiter takes that lock before it believes in it.
 *
 * Invariants, whenever a bucket's lock is let go:
 *   I1  If somebody is queued, then QUEUED is set, or somebody who left the queue is on his way to this
 *       lock of the bucket, and will see to it.  (Who is woken comes back to try; who gave up, to settle.)
 *   I2  If QUEUED is set, the first in the queue does not fit what the word says, or a release that makes
 *       it fit has seen the flag and is on its way, or somebody who has counted himself without right is.
 *   I3  If somebody is queued, then BIASED is not set (V5 of rwlock_bias.h).
 * From these it follows that nobody sleeps who could go on: a word that nobody holds gets its last release
 * from somebody who serves.
 *
 * Who lets go touches the lock afterwards only while somebody is queued for it, under the bucket's lock:
 * such a one takes that lock before it returns, so the memory is there.
 *
 * Barging: who is woken finds the lock free, or taken by a newcomer, and queues again, in front.  Once one
 * has waited for LG__STARVED_NS, the lock is handed over, and newcomers take it no more. */
#include "sync/rwlock.h"

#include "graph/detector.h"
#include "graph/search.h"
#include "plat/clock.h"
#include "sync/rwlock_bias.h"
#include "sync/spin.h"

#define WOKEN_MAX 16 /* at a time; the woken wake more */

/* The units that a wait of each kind needs, and what each adds to the word. */
static uint32_t need_of(enum lg__rwlock_want mode)
{
    static const uint32_t needs[] = {LG__RWLOCK_READ_UNITS, LG__RWLOCK_UPGRADABLE_UNITS,
                                     LG__RWLOCK_UNITS,
                                     LG__RWLOCK_UNITS - LG__RWLOCK_UPGRADABLE_UNITS};
    return needs[mode];
}

static uint64_t gain_of(enum lg__rwlock_want mode, uint64_t id)
{
    const uint64_t gains[] = {LG__RWLOCK_READER, lg__rwlock_key(id),
                              lg__rwlock_key(id) | LG__RWLOCK_WRITER, LG__RWLOCK_WRITER};
    return gains[mode];
}

static enum lg__rwlock_want mode_of(const struct lg__wait *wait)
{
    enum lg__rwlock_want mode = LG__RWLOCK_WANT_READ;
    while (need_of(mode) != wait->want.need)
        mode++;
    return mode;
}

static bool fits(uint64_t word, enum lg__rwlock_want mode)
{
    switch (mode) {
    case LG__RWLOCK_WANT_READ:
        return !(word & LG__RWLOCK_WRITER);
    case LG__RWLOCK_WANT_UPGRADABLE:
        return !(word & (LG__RWLOCK_KEY | LG__RWLOCK_WRITER));
    case LG__RWLOCK_WANT_WRITE:
        return !(word & ~LG__RWLOCK_FLAGS);
    default:
        return !(word & (LG__RWLOCK_READERS | LG__RWLOCK_BIASED | LG__RWLOCK_WRITER));
    }
}

static bool is_free(uint64_t word)
{
    return fits(word, LG__RWLOCK_WANT_WRITE);
}

/* The word is read again after the context was seen ended: a writer that unlocked first and ended then
 * has left another word. */
bool lg__rwlock_is_writer_dead(const struct lg_rwlock *rwlock)
{
    const uint64_t mask = LG__RWLOCK_KEY | LG__RWLOCK_WRITER;
    uint64_t word = lg__load_full(&rwlock->word) & mask;
    return (word & LG__RWLOCK_WRITER) && (word & LG__RWLOCK_KEY) &&
           !lg__context_key_is_alive((uint32_t)(word >> 32)) &&
           (lg__load_full(&rwlock->word) & mask) == word;
}

/* ---- Serving the queue ----------------------------------------------------------------------- */

/* Whom to wake when the bucket is unlocked. */
struct woken {
    struct lg__wait *waits[WOKEN_MAX];
    uint32_t count;
};

static void wake_all(const struct woken *woken)
{
    for (uint32_t i = 0; i < woken->count; i++)
        lg__wait_wake(woken->waits[i]);
}

/* The first in the queue whose wait has not ended. */
static struct lg__wait *first_waiting(const struct lg__bucket *bucket,
                                      const struct lg_rwlock *rwlock)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock));
    while (wait && !lg__wait_goes_on(wait))
        wait = lg__park_next(bucket, wait, lg__rwlock_tagged(rwlock));
    return wait;
}

void lg__rwlock_put_holders_first(const struct lg_rwlock *rwlock, struct lg__bucket *bucket,
                                  const struct lg__wait *first)
{
    const void *tagged = lg__rwlock_tagged(rwlock);
    struct lg__wait *last;
    do {
        last = NULL;
        struct lg__wait *wait = lg__park_next(bucket, first, tagged);
        for (; wait; wait = lg__park_next(bucket, wait, tagged))
            last = wait->companion ? wait : last;
        if (last) {
            lg__park_remove(bucket, last);
            lg__park_push(bucket, last, tagged, true);
        }
    } while (last);
}

static bool end_wait(struct lg__bucket *bucket, struct lg__wait *wait, enum lg__wait_state end,
                     struct woken *woken)
{
    if (!lg__wait_end(wait, end, 0))
        return false;
    lg__park_remove(bucket, wait);
    woken->waits[woken->count++] = wait;
    return true;
}

/* Rule 2 of the graph: a wait ends before its unit has a new holder.  What is put into the word before
 * that names nobody: a reader is a count, and a writer's key comes afterwards (of an upgradable holder,
 * who waits, it goes meanwhile, or it would look as if it held what it waits for).  False: it does not fit,
 * because somebody has counted himself, who will serve when he goes. */
static bool hand_over(struct lg_rwlock *rwlock, struct lg__bucket *bucket, struct lg__wait *wait,
                      struct woken *woken)
{
    enum lg__rwlock_want mode = mode_of(wait);
    uint64_t key = lg__rwlock_key(lg__load_relaxed(&lg__context_of(wait)->id));
    const uint64_t befores[] = {LG__RWLOCK_READER, 0, LG__RWLOCK_WRITER, LG__RWLOCK_WRITER - key};
    uint64_t before = befores[mode];
    uint64_t after = mode == LG__RWLOCK_WANT_READ ? 0 : key;
    uint64_t word = lg__load_relaxed(&rwlock->word);
    do
        if (!fits(word, mode))
            return false;
    while (!lg__cas_full(&rwlock->word, &word, word + before)); /* R1, R2, R4 */
    bool is_ended = end_wait(bucket, wait, LG__WAIT_GRANTED, woken);
    (void)lg__add_full(&rwlock->word, is_ended ? after : -before); /* R4 */
    return true;
}

/* Hand the lock to the first in the queue, and to those behind as long as they fit. */
static void hand_on(struct lg_rwlock *rwlock, struct lg__bucket *bucket, struct woken *woken)
{
    struct lg__wait *wait;
    while (woken->count < WOKEN_MAX && (wait = first_waiting(bucket, rwlock)) != NULL)
        if (!hand_over(rwlock, bucket, wait, woken))
            break;
    if (woken->count > 0) {
        bool has_more = lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock)) != NULL;
        lg__and_relaxed(&rwlock->word, has_more ? ~LG__RWLOCK_STARVED : ~LG__RWLOCK_FLAGS);
    }
}

/* Wake the first in the queue, and if it wants to read or to be upgradable, the readers right behind.
 * From here on the lock is open to all, until one of them comes and queues again or finds others. */
static void wake_on(struct lg_rwlock *rwlock, struct lg__bucket *bucket, struct woken *woken)
{
    bool is_exclusive = false;
    struct lg__wait *wait;
    while (woken->count < WOKEN_MAX && !is_exclusive &&
           (wait = first_waiting(bucket, rwlock)) != NULL) {
        enum lg__rwlock_want mode = mode_of(wait);
        if (woken->count > 0 && mode != LG__RWLOCK_WANT_READ)
            break;
        is_exclusive =
            end_wait(bucket, wait, LG__WAIT_WOKEN, woken) && mode == LG__RWLOCK_WANT_WRITE;
    }
    if (woken->count > 0)
        lg__and_relaxed(&rwlock->word, ~LG__RWLOCK_FLAGS);
}

/* Under the bucket's lock, while somebody is queued: make I2 true. */
static void serve(struct lg_rwlock *rwlock, struct lg__bucket *bucket, struct woken *woken)
{
    const struct lg__wait *first = first_waiting(bucket, rwlock);
    if (!first)
        return; /* all have given up, and will come to settle */
    uint64_t word = lg__or_relaxed(&rwlock->word, LG__RWLOCK_QUEUED); /* R3 */
    if (!fits(word, mode_of(first)))
        return;
    if ((word & LG__RWLOCK_STARVED) || mode_of(first) == LG__RWLOCK_WANT_UPGRADE)
        hand_on(rwlock, bucket, woken);
    else
        wake_on(rwlock, bucket, woken);
}

void lg__rwlock_serve(struct lg_rwlock *rwlock)
{
    struct woken woken = {.count = 0};
    struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(rwlock));
    if (lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock)))
        serve(rwlock, bucket, &woken);
    lg__park_unlock(bucket);
    wake_all(&woken);
}

/* The end of each visit of the bucket by somebody who uses the lock: make I1 and I2 true, and unlock. */
static void settle(struct lg_rwlock *rwlock, struct lg__bucket *bucket)
{
    struct woken woken = {.count = 0};
    if (lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock)))
        serve(rwlock, bucket, &woken);
    else if (lg__load_relaxed(&rwlock->word) & LG__RWLOCK_FLAGS)
        lg__and_relaxed(&rwlock->word, ~LG__RWLOCK_FLAGS);
    lg__park_unlock(bucket);
    wake_all(&woken);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* One attempt to lock: its arguments, and what is kept from attempt to attempt. */
struct attempt {
    struct lg_context *self;
    struct lg_rwlock *rwlock;
    struct lg__want want;
    enum lg__rwlock_want mode;
    bool is_counted; /* a reader, noted in its table and counted in the word, without right */
    bool goes_first; /* was queued before, or holds the lock: goes to the front */
    bool is_holder;  /* holds the lock, or may */
};

enum outcome { OUTCOME_OWNED, OUTCOME_QUEUED, OUTCOME_BIASED, OUTCOME_DEAD, OUTCOME_LATE };

/* Take a reader's count and entry back.  Returns the word as it was. */
static uint64_t uncount(struct attempt *attempt)
{
    uint64_t old = lg__sub_release(&attempt->rwlock->word, LG__RWLOCK_READER); /* R3 */
    lg__store_relaxed(&attempt->self->held_end, /* it was noted last */
                      attempt->self->held_end - LG__HELD_SIZE);
    attempt->is_counted = false;
    return old;
}

/* Whether nobody who is queued has to be waited for. */
static bool may_take(const struct attempt *attempt, uint64_t word, bool has_others)
{
    return attempt->goes_first || !has_others || (is_free(word) && !(word & LG__RWLOCK_STARVED));
}

static void push(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg__wait *wait = &attempt->self->wait;
    lg__park_push(bucket, wait, lg__rwlock_tagged(attempt->rwlock), attempt->goes_first);
    wait->companion = attempt->is_holder ? wait : NULL;
    if (attempt->goes_first && !attempt->is_holder)
        lg__rwlock_put_holders_first(attempt->rwlock, bucket, wait);
}

/* Under the bucket's lock: take the lock if it fits, else join the queue. */
static enum outcome take_or_queue(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg_rwlock *rwlock = attempt->rwlock;
    struct lg__wait *wait = &attempt->self->wait;
    bool has_others = first_waiting(bucket, rwlock) != NULL;
    uint64_t word = lg__load_relaxed(&rwlock->word);
    while (may_take(attempt, word, has_others) && fits(word, attempt->mode)) {
        uint64_t taken = word + gain_of(attempt->mode, attempt->self->id);
        if (attempt->goes_first)
            taken &= ~LG__RWLOCK_STARVED; /* who else has starved says so when it queues again */
        if (lg__cas_acquire(&rwlock->word, &word, taken)) { /* R1, R2 */
            lg__rwlock_note(attempt->self, rwlock, attempt->mode, attempt->want.place);
            return OUTCOME_OWNED;
        }
    }
    if (word & LG__RWLOCK_BIASED) /* and then nobody is queued, nor is while it is: I3 */
        return OUTCOME_BIASED;
    if (lg__rwlock_is_writer_dead(rwlock))
        return OUTCOME_DEAD;
    if (lg__deadline_has_passed(attempt->want.deadline))
        return OUTCOME_LATE;
    if (lg__park_has_starved(attempt->want.since_ns))
        lg__or_relaxed(&rwlock->word, LG__RWLOCK_STARVED);
    (void)lg__wait_begin(wait, &attempt->want, LG__WAIT_WAITING);
    push(attempt, bucket);
    attempt->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    return OUTCOME_QUEUED;
}

/* Sleep in the queue.  LG_OK: the lock was handed over; LG_EBUSY: try again. */
static int sleep_in_queue(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    const void *tagged = lg__rwlock_tagged(attempt->rwlock);
    lg__detector_look(attempt->self);
    /* The writer may have ended after take_or_queue saw it alive and before our begin was visible to it;
     * its end either finds our wait, or is seen here (store-load on both sides). */
    if (lg__rwlock_is_writer_dead(attempt->rwlock))
        (void)lg__wait_end(wait, LG__WAIT_WOKEN, 0);
    enum lg__wait_state end = lg__wait_sleep(wait);
    if (end == LG__WAIT_TIMED_OUT)
        lg__detector_explain(attempt->self); /* before others come in, who were not in the way */
    struct lg__bucket *bucket = lg__park_lock(tagged); /* R4 */
    if (lg__load_relaxed(&wait->queue) == tagged)
        lg__park_remove(bucket, wait);
    if (end == LG__WAIT_GRANTED)
        lg__rwlock_note(attempt->self, attempt->rwlock, attempt->mode, attempt->want.place);
    if (end == LG__WAIT_WOKEN)
        lg__park_unlock(bucket); /* and comes back at once, I1 */
    else
        settle(attempt->rwlock, bucket);
    int status = lg__wait_status(wait, end);
    lg__wait_retract(wait);
    attempt->goes_first = true; /* should it try again */
    return status;
}

static int lock_queued(struct attempt *attempt)
{
    for (;;) {
        struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(attempt->rwlock));
        if (attempt->is_counted)
            (void)uncount(attempt);
        enum outcome outcome = take_or_queue(attempt, bucket);
        settle(attempt->rwlock, bucket);
        switch (outcome) {
        case OUTCOME_OWNED:
            return LG_OK;
        case OUTCOME_BIASED:
            lg__rwlock_revoke(attempt->self, attempt->rwlock);
            continue;
        case OUTCOME_DEAD:
            return LG_EOWNERDEAD;
        case OUTCOME_LATE:
            return lg__park_give_up(attempt->self, &attempt->want, LG_REPORT_TIMEOUT);
        case OUTCOME_QUEUED:
            break;
        }
        int status = sleep_in_queue(attempt);
        if (status != LG_EBUSY)
            return status;
    }
}

/* Whether the one whose key is in the word is blocked: then nobody spins. */
static bool is_holder_blocked(uint64_t word)
{
    uint64_t blocked_word;
    uint64_t holder = lg__context_of_key((uint32_t)(word >> 32));
    return holder != 0 && lg__blocked_holder(holder, &blocked_word);
}

/* A few looks whether the lock comes free by itself.  Nobody spins while others are queued or, from the
 * second look on, the writer is blocked.  (Whether readers are takes too long to find out.) */
static bool spin_to_lock(struct attempt *attempt)
{
    struct lg__spin spin = lg__spin_begin();
    uint64_t gain = gain_of(attempt->mode, attempt->self->id);
    bool is_first = true;
    do {
        uint64_t word = lg__load_relaxed(&attempt->rwlock->word);
        if (word & LG__RWLOCK_FLAGS)
            return false;
        if (fits(word, attempt->mode) &&
            lg__cas_acquire(&attempt->rwlock->word, &word, word + gain)) { /* R1, R2 */
            lg__rwlock_note(attempt->self, attempt->rwlock, attempt->mode, attempt->want.place);
            return true;
        }
        if (word & LG__RWLOCK_BIASED)
            return false;
        if (!is_first && attempt->mode != LG__RWLOCK_WANT_UPGRADE && is_holder_blocked(word))
            return false;
        is_first = false;
    } while (lg__spin_pause(&spin));
    return false;
}

/* The same for a reader that has counted itself: it only has to see the writer go. */
static bool spin_to_read(const struct lg_rwlock *rwlock)
{
    struct lg__spin spin = lg__spin_begin();
    bool is_first = true;
    do {
        uint64_t word = lg__load_acquire(&rwlock->word);
        if (!(word & LG__RWLOCK_WRITER))
            return true; /* R1, R2 */
        if ((word & LG__RWLOCK_FLAGS) || (!is_first && is_holder_blocked(word)))
            return false;
        is_first = false;
    } while (lg__spin_pause(&spin));
    return false;
}

/* What the caller has keeps it from ever getting what it wants. */
static int refuse(struct attempt *attempt)
{
    return lg__park_give_up(attempt->self, &attempt->want, LG_REPORT_DEADLOCK);
}

static bool holds_too_much(const struct attempt *attempt)
{
    uint64_t word = lg__load_relaxed(&attempt->rwlock->word);
    bool has_key = (word & LG__RWLOCK_KEY) == lg__rwlock_key(attempt->self->id);
    bool reads = lg__rwlock_count_own(attempt->self, attempt->rwlock, LG__RWLOCK_READ_UNITS) > 0;
    switch (attempt->mode) {
    case LG__RWLOCK_WANT_UPGRADABLE:
        return has_key;
    case LG__RWLOCK_WANT_WRITE:
        return has_key || reads;
    default:
        return reads;
    }
}

static int finish(const struct attempt *attempt, int status)
{
    const struct lg__want *want = &attempt->want;
    if (status == LG_OK)
        lg__rwlock_tell(attempt->self, attempt->rwlock, attempt->mode, want->deadline, want->place);
    if (status == LG_EDEADLK)
        lg__detector_log(attempt->self);
    return status;
}

/* Whether but for the bias it would fit. */
static bool must_revoke(uint64_t word, enum lg__rwlock_want mode)
{
    return !fits(word, mode) && fits(word & ~LG__RWLOCK_BIASED, mode);
}

__attribute__((noinline)) int lg__rwlock_wait(struct lg_context *self, struct lg_rwlock *rwlock,
                                              enum lg__rwlock_want mode, lg_deadline deadline,
                                              const char *place)
{
    struct attempt attempt = {
        .self = self,
        .rwlock = rwlock,
        .want = {&lg__rwlock_class, lg__rwlock_tagged(rwlock), need_of(mode), false, deadline,
                 place, 0},
        .mode = mode,
        .is_holder = lg__rwlock_may_be_held(self, rwlock),
    };
    attempt.goes_first = attempt.is_holder;
    if (holds_too_much(&attempt))
        return refuse(&attempt);
    if (must_revoke(lg__load_relaxed(&rwlock->word), mode))
        lg__rwlock_revoke(self, rwlock);
    if (deadline == LG_TRY && !fits(lg__load_relaxed(&rwlock->word), mode))
        return lg__rwlock_is_writer_dead(rwlock) ? LG_EOWNERDEAD : LG_EBUSY;
    return finish(&attempt, spin_to_lock(&attempt) ? LG_OK : lock_queued(&attempt));
}

/* A reader goes without having been there.  If the writer has gone meanwhile, it may be the last. */
static void withdraw(struct attempt *attempt)
{
    uint64_t old = uncount(attempt);
    if ((old & LG__RWLOCK_QUEUED) && (old & LG__RWLOCK_READERS) == LG__RWLOCK_READER)
        lg__rwlock_serve(attempt->rwlock);
}

__attribute__((noinline)) int lg__rwlock_wait_to_read(struct lg_context *self,
                                                      struct lg_rwlock *rwlock, uint64_t old,
                                                      lg_deadline deadline, const char *place)
{
    struct attempt attempt = {
        .self = self,
        .rwlock = rwlock,
        .want = {&lg__rwlock_class, lg__rwlock_tagged(rwlock), LG__RWLOCK_READ_UNITS, false,
                 deadline, place, 0},
        .mode = LG__RWLOCK_WANT_READ,
        .is_counted = true,
    };
    bool is_had = false;
    if (!(old & LG__RWLOCK_WRITER)) {                    /* somebody is queued */
        is_had = lg__rwlock_holds_besides(self, rwlock); /* R2 */
    } else if ((old & LG__RWLOCK_KEY) == lg__rwlock_key(self->id)) {
        withdraw(&attempt);
        return refuse(&attempt);
    } else if (deadline == LG_TRY) {
        withdraw(&attempt);
        return lg__rwlock_is_writer_dead(rwlock) ? LG_EOWNERDEAD : LG_EBUSY;
    } else {
        is_had = spin_to_read(rwlock);
    }
    return finish(&attempt, is_had ? LG_OK : lock_queued(&attempt));
}
