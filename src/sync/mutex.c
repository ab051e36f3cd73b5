/* Mutex.
 *
 * The word is 0 when free, else the owner's context id with two flags in its low bits:
 *     WAITERS  Legal to set only under the bucket's lock while the mutex is held.  Invariant: if
 *              somebody is queued, then WAITERS is set, or the mutex is being released, or somebody
 *              woken from the queue is on the way and will set it or get the mutex.
 *     STARVED  As WAITERS; set by a waiter who was passed by for longer than LG__STARVED_NS.
 * Lock is one compare-and-swap of 0 to the id; unlock one exchange to 0.  A released mutex is free
 * for anyone (barging), so no switch of threads is forced; a waiter woken in vain queues again at
 * the front, and once it has starved the next unlock hands the mutex to it.  At most one thread is
 * on its way from the queue.
 *
 * Order pairs:
 *   M1  unlock's exchange (release) with lock's compare-and-swap (acquire): what the mutex protects.
 *   M2  the flags are set by a compare-and-swap on the same word that unlock exchanges: either the
 *       unlock sees the flag and takes the bucket's lock, or the waiter sees the mutex free.
 *   M3  hand-over: the waiter's wait ends (GRANTED) first, then its id is stored in the word, both
 *       under the bucket's lock; the waiter takes that lock before it believes in the grant.  In
 *       between the releaser is still the owner, and it runs: no false edge.
 * Owner death: an owner's id whose context has ended.  Nobody takes such a mutex but recover; who
 * sleeps when the owner ends is woken by the end of its context. */
#include "sync/mutex.h"

#include "graph/detector.h"
#include "graph/search.h"
#include "plat/clock.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/spin.h"

static uint32_t get_capacity(const void *object)
{
    (void)object;
    return 1;
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_mutex *mutex = object;
    struct lg__holding holding = {
        .holder = lg__load_full(&mutex->word) & ~LG__MUTEX_FLAGS, /* W1: after the begin */
        .units = 1,
        .unit = LG_NO_UNIT,
        .place = lg__load_relaxed(&mutex->place),
    };
    if (holding.holder != 0)
        visit(arg, &holding);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_mutex *)object)->name);
}

const struct lg__resource_class lg__mutex_class = {
    .noun = "mutex",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .is_robust = true,
    .tag_offset = offsetof(struct lg_mutex, flags),
};

/* Whether the mutex is held by a context that has ended.  The word is read again after the context
 * was seen ended: an owner that unlocked first and ended then has left another word, and ids never
 * return. */
bool lg__mutex_is_owner_dead(const struct lg_mutex *mutex, uint64_t owner)
{
    return owner != 0 && !lg__context_is_alive(owner) && lg__mutex_owner(mutex) == owner;
}

static const char *name_of(const struct lg_mutex *mutex)
{
    return mutex->name ? mutex->name : "(unnamed mutex)";
}

int lg_mutex_init(struct lg_mutex *mutex, const char *name, uint32_t flags)
{
    if (!mutex || (flags & ~LG_MUTEX_RECURSIVE))
        return LG_EINVAL;
    *mutex = (struct lg_mutex){.name = name, .flags = flags};
    return LG_OK;
}

void lg_mutex_destroy(struct lg_mutex *mutex)
{
    if (!mutex)
        return;
    struct lg__bucket *bucket = lg__park_lock(mutex);
    bool is_waited_for = lg__park_next(bucket, NULL, mutex) != NULL;
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic("a mutex was destroyed while waited for", name_of(mutex));
    if (lg__mutex_owner(mutex) != 0)
        lg__panic("a mutex was destroyed while held", name_of(mutex));
}

/* One attempt to lock: its arguments, and what is kept from attempt to attempt. */
struct attempt {
    struct lg_context *self;
    struct lg_mutex *mutex;
    struct lg__want want;
    bool was_queued; /* goes to the front */
};

enum outcome { OUTCOME_OWNED, OUTCOME_QUEUED, OUTCOME_DEAD, OUTCOME_LATE };

/* Under the bucket's lock: take the mutex if it is free, else say that there are waiters and join
 * them.  Whatever the outcome, the invariant of WAITERS holds afterwards. */
static enum outcome take_or_queue(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg_mutex *mutex = attempt->mutex;
    bool is_late = lg__deadline_has_passed(attempt->want.deadline);
    bool has_others = lg__park_next(bucket, NULL, mutex) != NULL;
    uint64_t flags = !is_late || has_others ? LG__MUTEX_WAITERS : 0;
    if (!is_late && lg__park_has_starved(attempt->want.since_ns))
        flags |= LG__MUTEX_STARVED;
    uint64_t word = lg__load_relaxed(&mutex->word);
    for (;;) {
        uint64_t owner = word & ~LG__MUTEX_FLAGS;
        if (owner == 0) {
            uint64_t mine = attempt->self->id | (has_others ? LG__MUTEX_WAITERS : 0);
            if (lg__cas_acquire(&mutex->word, &word, mine)) /* M1 */
                return OUTCOME_OWNED;
        } else if (lg__mutex_is_owner_dead(mutex, owner)) {
            return OUTCOME_DEAD;
        } else if ((word | flags) == word || lg__cas_acquire(&mutex->word, &word, word | flags)) {
            break; /* M2 */
        }
    }
    if (is_late)
        return OUTCOME_LATE;
    (void)lg__wait_begin(&attempt->self->wait, &attempt->want, LG__WAIT_WAITING);
    lg__park_push(bucket, &attempt->self->wait, mutex, attempt->was_queued);
    attempt->want.since_ns = attempt->self->wait.since_ns; /* a second wait goes on from here */
    return OUTCOME_QUEUED;
}

/* Sleep in the queue.  LG_OK: the mutex was handed over; LG_EBUSY: try again. */
static int sleep_in_queue(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    lg__detector_look(attempt->self);
    /* The owner may have ended after take_or_queue saw it alive and before our begin was visible
     * to it; its end either finds our wait, or is seen here (store-load on both sides). */
    uint64_t owner = lg__load_full(&attempt->mutex->word) & ~LG__MUTEX_FLAGS;
    if (owner != 0 && !lg__context_is_alive(owner))
        (void)lg__wait_end(wait, LG__WAIT_WOKEN, 0);
    int status = lg__park_sleep(attempt->self, attempt->mutex); /* M3 */
    attempt->was_queued = true;                                 /* should it try again */
    return status;
}

static int lock_queued(struct attempt *attempt)
{
    for (;;) {
        struct lg__bucket *bucket = lg__park_lock(attempt->mutex);
        enum outcome outcome = take_or_queue(attempt, bucket);
        lg__park_unlock(bucket);
        int status = LG_OK;
        switch (outcome) {
        case OUTCOME_OWNED:
            break;
        case OUTCOME_QUEUED:
            status = sleep_in_queue(attempt);
            break;
        case OUTCOME_DEAD:
            status = LG_EOWNERDEAD;
            break;
        case OUTCOME_LATE:
            if (attempt->want.deadline != LG_TRY)
                lg__detector_explain_want(attempt->self, &attempt->want, LG_REPORT_TIMEOUT);
            status = LG_ETIMEDOUT;
            break;
        }
        if (status != LG_EBUSY)
            return status;
    }
}

/* A few looks whether the mutex comes free by itself.  Nobody spins while others are queued or, from the
 * second look on, the holder is blocked. */
static bool spin_to_lock(struct lg_context *self, struct lg_mutex *mutex)
{
    struct lg__spin spin = lg__spin_begin();
    bool is_first = true;
    do {
        uint64_t blocked_word;
        uint64_t word = lg__load_relaxed(&mutex->word);
        if (word == 0 && lg__cas_acquire(&mutex->word, &word, self->id)) /* M1 */
            return true;
        if ((word & LG__MUTEX_FLAGS) || (!is_first && lg__blocked_holder(word, &blocked_word)))
            return false;
        is_first = false;
    } while (lg__spin_pause(&spin));
    return false;
}

/* The same, where somebody wants to know how long it takes. */
static bool spin_observed(struct lg_context *self, struct lg_mutex *mutex,
                          const struct lg__want *want)
{
    if (lg__likely(lg__load_relaxed(&self->wait.observed) == 0))
        return spin_to_lock(self, mutex);
    uint64_t begun_ns = lg__now_ns();
    bool is_locked = spin_to_lock(self, mutex);
    if (is_locked)
        lg__observe_spun(self, want, lg__now_ns() - begun_ns);
    return is_locked;
}

static int lock_again(struct lg_context *self, struct lg_mutex *mutex, const struct lg__want *want)
{
    if ((mutex->flags & LG_MUTEX_RECURSIVE) && mutex->depth < UINT32_MAX) {
        mutex->depth++;
        return LG_OK;
    }
    if (want->deadline == LG_TRY)
        return LG_EBUSY;
    lg__detector_explain_want(self, want, LG_REPORT_DEADLOCK);
    lg__detector_log(self);
    return LG_EDEADLK;
}

/* Everything but the first compare-and-swap. */
static __attribute__((noinline)) int lock_slow(struct lg_context *self, struct lg_mutex *mutex,
                                               lg_deadline deadline, const char *place)
{
    struct attempt attempt = {
        .self = self,
        .mutex = mutex,
        .want = {&lg__mutex_class, mutex, 1, false, deadline, place, 0},
    };
    uint64_t owner = lg__mutex_owner(mutex);
    if (owner == self->id)
        return lock_again(self, mutex, &attempt.want);
    if (deadline == LG_TRY && owner != 0)
        return lg__mutex_is_owner_dead(mutex, owner) ? LG_EOWNERDEAD : LG_EBUSY;
    int status = spin_observed(self, mutex, &attempt.want) ? LG_OK : lock_queued(&attempt);
    if (status == LG_OK)
        lg__mutex_note_owned(self, mutex, deadline, place);
    if (status == LG_ETIMEDOUT && deadline == LG_TRY)
        return LG_EBUSY;
    if (status == LG_EDEADLK)
        lg__detector_log(self);
    return status;
}

/* Where there is no context yet, or the mutex is not free. */
static __attribute__((noinline)) int lock_otherwise(struct lg_mutex *mutex, lg_deadline deadline,
                                                    const char *place)
{
    if (!mutex)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    return self ? lock_slow(self, mutex, deadline, place) : LG_ENOMEM;
}

/* The same; or there is no context, and the mutex was free and still is. */
static __attribute__((noinline)) int note_observed(struct lg_mutex *mutex, lg_deadline deadline,
                                                   const char *place)
{
    struct lg_context *self = lg__self;
    if (!self)
        return lock_otherwise(mutex, deadline, place);
    lg__store_relaxed(&mutex->place, place);
    lg__held_push_slow(self, &lg__mutex_class, mutex, 1, deadline, place);
    return LG_OK;
}

/* The fast path: a leaf, which saves no registers. */
int lg_mutex_lock_at(struct lg_mutex *mutex, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self_or_nobody; /* whose id is that of a free mutex */
    uint64_t free = 0;
    if (lg__unlikely(!mutex || !lg__cas_acquire(&mutex->word, &free, self->id))) /* M1 */
        return lock_otherwise(mutex, deadline, place);
    if (lg__unlikely(!lg__held_try_push(self, mutex, place)))
        return note_observed(mutex, deadline, place);
    lg__store_relaxed(&mutex->place, place);
    return LG_OK;
}

int lg_mutex_lock_into(struct lg_mutex *mutex, lg_deadline deadline, const char *place, int *status)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    return *status = lg_mutex_lock_at(mutex, deadline, place);
}

void lg__mutex_wake_first(struct lg_mutex *mutex)
{
    struct lg__bucket *bucket = lg__park_lock(mutex);
    struct lg__wait *wait = lg__park_next(bucket, NULL, mutex);
    while (wait && !lg__wait_end(wait, LG__WAIT_WOKEN, 0))
        wait = lg__park_next(bucket, wait, mutex);
    if (wait)
        lg__park_remove(bucket, wait);
    lg__park_unlock(bucket);
    if (wait)
        lg__wait_wake(wait);
}

/* Hand the mutex to the first in the queue whose wait has not ended; free it if there is none. */
static void hand_over(struct lg_mutex *mutex)
{
    struct lg__bucket *bucket = lg__park_lock(mutex);
    struct lg__wait *wait = lg__park_next(bucket, NULL, mutex);
    while (wait && !lg__wait_end(wait, LG__WAIT_GRANTED, 0))
        wait = lg__park_next(bucket, wait, mutex);
    uint64_t word = 0;
    if (wait) {
        lg__park_remove(bucket, wait);
        word = lg__load_relaxed(&lg__context_of(wait)->id);
        if (lg__park_next(bucket, NULL, mutex))
            word |= LG__MUTEX_WAITERS;
    }
    /* Nobody else writes a held word but to set flags under this lock. */
    lg__store_release(&mutex->word, word); /* M1, M3 */
    lg__park_unlock(bucket);
    if (wait)
        lg__wait_wake(wait);
}

static inline void release_word(struct lg_mutex *mutex, bool is_starved)
{
    if (lg__unlikely(is_starved))
        hand_over(mutex);
    else if (lg__unlikely(lg__swap_release(&mutex->word, (uint64_t)0) & LG__MUTEX_WAITERS)) /* M1 */
        lg__mutex_wake_first(
            mutex); /* M2; the mutex may be gone by now: only its address is used */
}

/* Where it was not taken last, or is not let go yet, or an observer is to be told, or it is not held. */
static __attribute__((noinline)) void unlock_otherwise(struct lg_mutex *mutex)
{
    struct lg_context *self = lg__self;
    uint64_t word = lg__load_relaxed(&mutex->word);
    if (!self || (word & ~LG__MUTEX_FLAGS) != self->id)
        lg__panic("a mutex was unlocked by a context that does not hold it", name_of(mutex));
    if (mutex->depth > 0) {
        mutex->depth--;
        return;
    }
    lg__held_pop(self, mutex);
    release_word(mutex, word & LG__MUTEX_STARVED);
}

/* The fast path: a leaf, as lock's. */
void lg_mutex_unlock(struct lg_mutex *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self_or_nobody;
    uint64_t flags =
        lg__load_relaxed(&mutex->word) ^ self->id; /* and no more, if it is the caller's */
    const struct lg__held *top = lg__held_top(self, mutex);
    if (lg__unlikely(!top || flags > LG__MUTEX_FLAGS || mutex->depth > 0)) {
        unlock_otherwise(mutex);
        return;
    }
    lg__held_drop(self, top);
    release_word(mutex, flags >= LG__MUTEX_STARVED);
}

int lg_mutex_recover_at(struct lg_mutex *mutex, const char *place) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!mutex)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct lg__bucket *bucket = lg__park_lock(mutex); /* flags stay as they are meanwhile */
    uint64_t word = lg__load_relaxed(&mutex->word);
    uint64_t owner = word & ~LG__MUTEX_FLAGS;
    bool is_dead = owner != 0 && !lg__context_is_alive(owner);
    if (is_dead)
        is_dead = lg__cas_acquire(&mutex->word, &word, self->id | (word & LG__MUTEX_FLAGS));
    lg__park_unlock(bucket);
    if (!is_dead)
        return LG_EBUSY;
    mutex->depth = 0;
    lg__mutex_note_owned(self, mutex, LG_TRY, place);
    return LG_OK;
}

int lg_mutex_is_held(const struct lg_mutex *mutex)
{
    return mutex && lg__self && lg__mutex_owner(mutex) == lg__self->id;
}

uint32_t lg__mutex_release(struct lg_context *self, struct lg_mutex *mutex)
{
    uint32_t depth = mutex->depth;
    mutex->depth = 0;
    lg__held_pop(self, mutex);
    release_word(mutex, lg__load_relaxed(&mutex->word) & LG__MUTEX_STARVED);
    return depth;
}

void lg__mutex_want_relock(struct lg__want *want, const struct lg_mutex *mutex, const char *place)
{
    *want = (struct lg__want){&lg__mutex_class, mutex, 1, true, LG_FOREVER, place, 0};
}

int lg__mutex_relock(struct lg_context *self, struct lg_mutex *mutex, const char *place,
                     bool was_queued)
{
    struct attempt attempt = {.self = self, .mutex = mutex, .was_queued = was_queued};
    lg__mutex_want_relock(&attempt.want, mutex, place);
    int status = lock_queued(&attempt);
    if (status == LG_OK)
        lg__mutex_note_owned(self, mutex, LG_FOREVER, place);
    if (status == LG_EDEADLK)
        lg__detector_log(self);
    return status;
}
