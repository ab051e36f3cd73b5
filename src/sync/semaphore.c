/* Semaphore.
 *
 * The word is the value, shifted, with two flags in its low bits:
 *     WAITERS  Invariant: while a wait record is in the queue, it is set.  It is set and cleared under the
 *              bucket's lock only.
 *     STARVED  As WAITERS.  A waiter has been passed by for longer than LG__STARVED_NS: who is not in the queue
 *              takes nothing while the queue has anybody.
 * Without flags, wait and post are one compare-and-swap each.  A post that meets a flag goes through the
 * bucket's lock: it adds, and then wakes as many waiters as it has added units.  A woken waiter is not
 * given a unit, but looks for one like everybody else; its record stays in the queue, at its place, until
 * it has got one or leaves.
 *
 * No wake is lost.  Call a record in the queue awake if its wait has ended, else asleep.
 *   Invariant: while one is asleep and the value is not 0, another is awake.  (But under the bucket's lock.)
 * Who goes to sleep has seen the value 0 by the compare-and-swap that set WAITERS, or under the lock, without
 * which it does not rise while WAITERS is set; or he is behind others, for whom the invariant held.  A post
 * that finds one asleep leaves one awake.  Who is awake sleeps again only if the value is 0.  Who leaves the
 * queue, with a unit or without, wakes the first that is asleep if there are units and no other is awake.
 *
 * Order pairs:
 *   S1  post's compare-and-swap (release) with wait's (acquire): what was done before the post.
 *   S2  WAITERS is set by a compare-and-swap on the word that post swaps: either the post sees it and takes
 *       the bucket's lock, or the waiter sees the unit.
 *
 * Lifetime.  A post without flags touches nothing after its compare-and-swap.  With flags, nobody is
 * in the queue or somebody is.  If nobody is, the flags go with the same compare-and-swap, after which only
 * the bucket's is touched, which is static.  If somebody is, he cannot return before he has had the bucket's
 * lock; and once the lock is let go of, only the address counts, to find whom else to wake.  Should
 * another semaphore have that address by then, one of its waiters looks in vain. */
#include <lifeguard/semaphore.h>

#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/spin.h"
#include "sync/waitable.h"

#define WAITERS 1ull
#define STARVED 2ull
#define FLAGS   (WAITERS | STARVED)
#define ONE     4ull
#define WAKES   16 /* at a time */

_Static_assert(ONE == 1ull << 2, "as LG_SEMAPHORE_INIT shifts");

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_semaphore *)object)->name);
}

static const struct lg__resource_class semaphore_class = {
    .noun = "semaphore",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
};

static const void *key_of(const struct lg_semaphore *semaphore)
{
    return lg__park_tagged(semaphore, LG__PARK_SEMAPHORE);
}

static uint32_t maximum_of(const struct lg_semaphore *semaphore)
{
    return semaphore->maximum ? semaphore->maximum : LG_SEMAPHORE_MAX;
}

int lg_semaphore_init(struct lg_semaphore *semaphore, const char *name, uint32_t value,
                      uint32_t maximum)
{
    if (!semaphore || maximum > LG_SEMAPHORE_MAX)
        return LG_EINVAL;
    if (value > (maximum ? maximum : LG_SEMAPHORE_MAX))
        return LG_EINVAL;
    *semaphore = (struct lg_semaphore){.word = value * ONE, .name = name, .maximum = maximum};
    return LG_OK;
}

void lg_semaphore_destroy(struct lg_semaphore *semaphore)
{
    struct lg__bucket *bucket = lg__park_lock(key_of(semaphore));
    bool is_waited_for = lg__park_next(bucket, NULL, key_of(semaphore)) != NULL;
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic("a semaphore was destroyed while waited for",
                  semaphore->name ? semaphore->name : "(unnamed semaphore)");
}

uint32_t lg_semaphore_value(const struct lg_semaphore *semaphore)
{
    return semaphore ? (uint32_t)(lg__load_relaxed(&semaphore->word) / ONE) : 0;
}

/* ---- Post ------------------------------------------------------------------------------------ */

/* Under the bucket's lock: end the wait of the first who sleeps. */
static struct lg__wait *end_first(const struct lg__bucket *bucket, const void *key)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, key);
    while (wait && !lg__wait_end(wait, LG__WAIT_WOKEN, 0))
        wait = lg__park_next(bucket, wait, key);
    return wait;
}

/* Wake as many as `count`, and unlock the bucket, which the caller has locked. */
static void wake(struct lg__bucket *bucket, const void *key, uint32_t count)
{
    for (;;) {
        struct lg__wait *ended[WAKES];
        uint32_t most = count < WAKES ? count : WAKES;
        uint32_t n = 0;
        while (n < most && (ended[n] = end_first(bucket, key)) != NULL)
            n++;
        lg__park_unlock(bucket);
        for (uint32_t i = 0; i < n; i++)
            lg__wait_wake(ended[i]);
        count -= n;
        if (n < WAKES || count == 0)
            return;
        bucket = lg__park_lock(key);
    }
}

/* Somebody may be queued. */
static __attribute__((noinline)) int post_slow(struct lg_semaphore *semaphore, uint32_t count)
{
    const void *key = key_of(semaphore);
    uint32_t maximum = maximum_of(semaphore);
    struct lg__bucket *bucket = lg__park_lock(key);
    bool has_any = lg__park_next(bucket, NULL, key) != NULL;
    uint64_t word = lg__load_relaxed(&semaphore->word);
    uint64_t next;
    do {
        if (word / ONE + count > maximum) {
            lg__park_unlock(bucket);
            return LG_EOVERRELEASE;
        }
        next = (has_any ? word : word & ~FLAGS) + count * ONE;
    } while (!lg__cas_release(&semaphore->word, &word, next)); /* S1 */
    if (has_any)
        wake(bucket, key, count); /* S2 */
    else
        lg__park_unlock(bucket);
    return LG_OK;
}

int lg_semaphore_post(struct lg_semaphore *semaphore, uint32_t count)
{
    if (lg__unlikely(!semaphore || count == 0 || count > LG_SEMAPHORE_MAX))
        return LG_EINVAL;
    uint32_t maximum = maximum_of(semaphore);
    uint64_t word = lg__load_relaxed(&semaphore->word);
    do {
        if (lg__unlikely(word & FLAGS))
            return post_slow(semaphore, count);
        if (lg__unlikely(word / ONE + count > maximum))
            return LG_EOVERRELEASE;
    } while (lg__unlikely(!lg__cas_release(&semaphore->word, &word, word + count * ONE))); /* S1 */
    return LG_OK;
}

/* ---- Wait ------------------------------------------------------------------------------------ */

/* One unit, unless there is none or those who are there are for one who starves. */
static inline bool take(struct lg_semaphore *semaphore)
{
    uint64_t word = lg__load_relaxed(&semaphore->word);
    while (lg__likely(word >= ONE && !(word & STARVED)))
        if (lg__likely(lg__cas_acquire(&semaphore->word, &word, word - ONE))) /* S1 */
            return true;
    return false;
}

/* Nobody spins while others are queued. */
static bool spin_to_take(struct lg_semaphore *semaphore)
{
    struct lg__spin spin = lg__spin_begin();
    do {
        if (take(semaphore))
            return true;
        if (lg__load_relaxed(&semaphore->word) & FLAGS)
            return false;
    } while (lg__spin_pause(&spin));
    return false;
}

/* One wait: its arguments, and what is kept from attempt to attempt. */
struct attempt {
    struct lg_context *self;
    struct lg_semaphore *semaphore;
    struct lg__want want;
    bool is_queued;
};

enum outcome { OUTCOME_TAKEN, OUTCOME_ASLEEP, OUTCOME_LATE };

/* Under the bucket's lock: whether somebody in the queue is awake. */
static bool is_one_awake(const struct lg__bucket *bucket, const void *key)
{
    const struct lg__wait *wait = lg__park_next(bucket, NULL, key);
    while (wait && lg__wait_goes_on(wait))
        wait = lg__park_next(bucket, wait, key);
    return wait != NULL;
}

/* Under the bucket's lock: leave the queue, unless in none (NULL), and keep the invariants for those who
 * are left.  Returns whom the caller has to wake. */
static struct lg__wait *leave(struct lg_semaphore *semaphore, struct lg__bucket *bucket,
                              struct lg__wait *queued)
{
    const void *key = key_of(semaphore);
    if (queued)
        lg__park_remove(bucket, queued);
    uint64_t word = lg__load_relaxed(&semaphore->word);
    if (lg__park_next(bucket, NULL, key))
        return word >= ONE && !is_one_awake(bucket, key) ? end_first(bucket, key) : NULL;
    while ((word & FLAGS) && !lg__cas_relaxed(&semaphore->word, &word, word & ~FLAGS))
        continue;
    return NULL;
}

/* Under the bucket's lock: take a unit, or have WAITERS set and begin to wait.  Who does not sleep then
 * has yet to leave. */
static enum outcome take_or_sleep(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg_semaphore *semaphore = attempt->semaphore;
    bool is_late = lg__deadline_has_passed(attempt->want.deadline);
    bool must_queue = !attempt->is_queued && lg__park_next(bucket, NULL, key_of(semaphore));
    uint64_t flags = lg__park_has_starved(attempt->want.since_ns) ? FLAGS : WAITERS;
    uint64_t word = lg__load_relaxed(&semaphore->word);
    for (;;) {
        if (word >= ONE && !(must_queue && (word & STARVED))) {
            uint64_t left = attempt->is_queued ? (word - ONE) & ~STARVED : word - ONE;
            if (lg__cas_acquire(&semaphore->word, &word, left)) /* S1 */
                return OUTCOME_TAKEN;
        } else if (is_late) {
            return OUTCOME_LATE;
        } else if ((word | flags) == word ||
                   lg__cas_relaxed(&semaphore->word, &word, word | flags)) {
            break; /* S2 */
        }
    }
    struct lg__wait *wait = &attempt->self->wait;
    (void)lg__wait_begin(wait, &attempt->want, LG__WAIT_OUTSIDE);
    attempt->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    if (!attempt->is_queued)
        lg__park_push(bucket, wait, key_of(semaphore), false);
    attempt->is_queued = true;
    return OUTCOME_ASLEEP;
}

/* Sleep in the queue, and stay there.  LG_EBUSY: look again. */
static int sleep_in_queue(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    int status = lg__wait_status(wait, lg__wait_sleep(wait));
    if (status == LG_ETIMEDOUT)
        lg__detector_explain(attempt->self);
    lg__wait_retract(wait);
    return status;
}

/* Unlock the bucket, outside the queue, and wake whom that concerns. */
static void go(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg__wait *next =
        leave(attempt->semaphore, bucket, attempt->is_queued ? &attempt->self->wait : NULL);
    attempt->is_queued = false;
    lg__park_unlock(bucket);
    if (next)
        lg__wait_wake(next);
}

static int wait_queued(struct attempt *attempt)
{
    for (;;) {
        struct lg__bucket *bucket = lg__park_lock(key_of(attempt->semaphore));
        enum outcome outcome = take_or_sleep(attempt, bucket);
        if (outcome != OUTCOME_ASLEEP) {
            go(attempt, bucket);
            if (outcome == OUTCOME_LATE && attempt->want.deadline != LG_TRY)
                lg__detector_explain_want(attempt->self, &attempt->want, LG_REPORT_TIMEOUT);
            return outcome == OUTCOME_TAKEN ? LG_OK : LG_ETIMEDOUT;
        }
        lg__park_unlock(bucket);
        int status = sleep_in_queue(attempt);
        if (status == LG_EBUSY)
            continue;
        go(attempt, lg__park_lock(key_of(attempt->semaphore)));
        return status;
    }
}

/* No unit was there, or none for newcomers. */
static __attribute__((noinline)) int wait_slow(struct lg_semaphore *semaphore, lg_deadline deadline,
                                               const char *place)
{
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct attempt attempt = {
        .self = self,
        .semaphore = semaphore,
        .want = {&semaphore_class, semaphore, 1, false, deadline, place, 0},
    };
    if (deadline == LG_TRY) {
        bool has_any = lg_semaphore_value(semaphore) > 0;
        return has_any && wait_queued(&attempt) == LG_OK ? LG_OK : LG_EBUSY;
    }
    return spin_to_take(semaphore) ? LG_OK : wait_queued(&attempt);
}

int lg_semaphore_wait_at(struct lg_semaphore *semaphore, lg_deadline deadline, const char *place)
{
    if (lg__unlikely(!semaphore))
        return LG_EINVAL;
    return lg__likely(take(semaphore)) ? LG_OK : wait_slow(semaphore, deadline, place);
}

/* ---- One of several things ---------------------------------------------------------------------- */

static void describe(const struct lg_waitable *thing, struct lg__wait *branch,
                     struct lg__join_target *target)
{
    (void)target;
    branch->want.class = &semaphore_class;
    branch->want.object = thing->object;
    branch->want.need = 1;
}

static bool is_known(const struct lg_waitable *thing)
{
    (void)thing; /* anybody may post */
    return false;
}

/* Whether the branch is in the queue, with the bucket locked. */
static bool is_queued(const struct lg_semaphore *semaphore, const struct lg__wait *branch)
{
    return lg__load_relaxed(&branch->queue) == key_of(semaphore);
}

/* Who is in the queue may take what newcomers may not. */
static int take_waitable(const struct lg_waitable *thing, struct lg__wait *branch,
                         const char *place)
{
    struct lg_semaphore *semaphore = thing->object;
    if (!branch)
        return lg_semaphore_wait_at(semaphore, LG_TRY, place);
    struct lg__bucket *bucket = lg__park_lock(key_of(semaphore));
    bool is_in = is_queued(semaphore, branch);
    bool is_taken = false;
    uint64_t word = lg__load_relaxed(&semaphore->word);
    while (!is_taken && word >= ONE && (is_in || !(word & STARVED)))
        is_taken = lg__cas_acquire(&semaphore->word, &word,
                                   is_in ? (word - ONE) & ~STARVED : word - ONE); /* S1 */
    lg__park_unlock(bucket);
    return is_taken ? LG_OK : LG_EBUSY;
}

static void give_back(const struct lg_waitable *thing)
{
    (void)!lg_semaphore_post(thing->object, 1); /* past its maximum: others have posted meanwhile */
}

/* As take_or_sleep, but nothing is taken. */
static bool enter(const struct lg_waitable *thing, struct lg__wait *branch, bool was_known)
{
    (void)was_known; /* it never changes */
    struct lg_semaphore *semaphore = thing->object;
    struct lg__bucket *bucket = lg__park_lock(key_of(semaphore));
    bool is_in = is_queued(semaphore, branch);
    bool must_queue = !is_in && lg__park_next(bucket, NULL, key_of(semaphore));
    uint64_t word = lg__load_relaxed(&semaphore->word);
    bool is_there;
    do
        is_there = word >= ONE && !(must_queue && (word & STARVED));
    while (!is_there && !(word & WAITERS) &&
           !lg__cas_relaxed(&semaphore->word, &word, word | WAITERS)); /* S2 */
    if (!is_there && !is_in)
        lg__park_push(bucket, branch, key_of(semaphore), false);
    lg__park_unlock(bucket);
    return is_there;
}

static void leave_waitable(const struct lg_waitable *thing, struct lg__wait *branch)
{
    struct lg_semaphore *semaphore = thing->object;
    struct lg__bucket *bucket = lg__park_lock(key_of(semaphore));
    struct lg__wait *next = leave(semaphore, bucket, is_queued(semaphore, branch) ? branch : NULL);
    lg__park_unlock(bucket);
    if (next)
        lg__wait_wake(next);
}

const struct lg__waitable_class lg__semaphore_waitable = {
    .describe = describe,
    .is_known = is_known,
    .take = take_waitable,
    .give_back = give_back,
    .enter = enter,
    .leave = leave_waitable,
};
