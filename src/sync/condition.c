/* Condition.
 *
 * Waiters queue by the condition's address in state OUTSIDE: anyone may signal, so the detector sees
 * the environment.  What a signal does with the first of them depends on who signals:
 *   - the holder of the mutex moves it to the mutex's queue, asleep (rule 7: the new edge is created
 *     by the one it points to, who runs);
 *   - anybody else wakes it, and it blocks for the mutex and looks for itself.
 * A broadcast by the holder moves all.  Any other broadcast wakes one and leaves a mark: waiters
 * whose stamp is older than `broadcasts` have been told.  Whoever of them takes the mutex next moves
 * the rest; if taking it back fails, it wakes the next instead.  So a broadcast never makes two
 * threads fight for the mutex, and no told waiter is forgotten:
 *   Invariant: while a told waiter is queued here, another told waiter is awake inside wait.
 * A waiter whose deadline passes or whose token is requested keeps it as any other: it leaves the queue
 * awake, and passes on what is due when it has the mutex back.  It swallows no signal either, because a
 * signal counts as given only where it has ended or moved the wait by itself.
 *
 * `waiters` counts the queue; it changes under the bucket's lock and is read without it by signal:
 *   C1  wait adds to it before it releases the mutex; a signaller that has held the mutex since sees
 *       it.  One that never held the mutex has no order with the wait, and may miss it, as it may
 *       come a moment too early. */
#include <lifeguard/condition.h>

#include "graph/detector.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/mutex.h"

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_condition *)object)->name);
}

static const struct lg__resource_class condition_class = {
    .noun = "condition",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
};

static const void *key_of(const struct lg_condition *condition)
{
    return lg__park_tagged(condition, LG__PARK_CONDITION);
}

static const char *name_of(const struct lg_condition *condition)
{
    return condition->name ? condition->name : "(unnamed condition)";
}

/* Under the bucket's lock. */
static void leave(struct lg_condition *condition, struct lg__bucket *bucket, struct lg__wait *wait)
{
    lg__park_remove(bucket, wait);
    lg__store_relaxed(&condition->waiters, condition->waiters - 1);
}

/* Move one sleeper to the queue of the mutex, which the caller holds.  Both buckets are locked.
 * False: its wait has ended; it leaves by itself. */
static bool move_one(struct lg_condition *condition, struct lg__bucket *bucket,
                     struct lg__bucket *second, struct lg__wait *wait)
{
    struct lg_mutex *mutex = wait->companion;
    struct lg__want want;
    lg__mutex_want_relock(&want, mutex, wait->want.place);
    if (!lg__wait_move(wait, &want))
        return false;
    leave(condition, bucket, wait);
    lg__park_push(second, wait, mutex, false);
    lg__or_relaxed(&mutex->word, LG__MUTEX_WAITERS); /* held by the caller, and under its bucket */
    return true;
}

/* Whether a broadcast has reached a waiter that is still queued. */
static bool was_told(const struct lg_condition *condition, const struct lg__wait *wait)
{
    return wait->stamp < condition->broadcasts;
}

/* Wake the first waiter, of those who were told or of those who were not, whose wait has not ended. */
static struct lg__wait *end_first(struct lg_condition *condition, struct lg__bucket *bucket,
                                  bool is_told)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, key_of(condition));
    for (; wait; wait = lg__park_next(bucket, wait, key_of(condition)))
        if (was_told(condition, wait) == is_told && lg__wait_end(wait, LG__WAIT_WOKEN, 0)) {
            leave(condition, bucket, wait);
            return wait;
        }
    return NULL;
}

/* Whether the caller holds the mutex that the first waiter has released, with its bucket locked. */
static struct lg__bucket *lock_second(struct lg_condition *condition, struct lg__bucket *bucket)
{
    struct lg__wait *first = lg__park_next(bucket, NULL, key_of(condition));
    /* The mutex exists: its waiter cannot return before it has left this queue. */
    if (!first || !lg_mutex_is_held(first->companion))
        return NULL;
    return lg__park_try_second(bucket, first->companion);
}

/* Who was told has its signal already: this one is for another, who might else sleep for ever. */
void lg_condition_signal(struct lg_condition *condition)
{
    if (lg__load_full(&condition->waiters) == 0) /* C1 */
        return;
    struct lg__wait *woken = NULL;
    struct lg__bucket *bucket = lg__park_lock(condition);
    struct lg__bucket *second = lock_second(condition, bucket);
    if (second) {
        struct lg__wait *wait = lg__park_next(bucket, NULL, key_of(condition));
        while (wait && (was_told(condition, wait) || !move_one(condition, bucket, second, wait)))
            wait = lg__park_next(bucket, wait, key_of(condition));
        lg__park_unlock_second(bucket, second);
    } else {
        woken = end_first(condition, bucket, false);
    }
    lg__park_unlock(bucket);
    if (woken)
        lg__wait_wake(woken);
}

/* Move all told waiters.  Both buckets are locked and the caller holds the mutex. */
static void move_told(struct lg_condition *condition, struct lg__bucket *bucket,
                      struct lg__bucket *second)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, key_of(condition));
    while (wait && was_told(condition, wait)) { /* stamps grow along the queue */
        struct lg__wait *next = lg__park_next(bucket, wait, key_of(condition));
        (void)move_one(condition, bucket, second, wait);
        wait = next;
    }
}

/* Do for those who have been told what is due: move them if the caller holds the mutex, else wake
 * one of them. */
static void pass_on(struct lg_condition *condition, struct lg__bucket *bucket)
{
    struct lg__wait *woken = NULL;
    struct lg__bucket *second = lock_second(condition, bucket);
    if (second) {
        move_told(condition, bucket, second);
        lg__park_unlock_second(bucket, second);
    } else {
        woken = end_first(condition, bucket, true);
    }
    lg__park_unlock(bucket);
    if (woken)
        lg__wait_wake(woken);
}

void lg_condition_broadcast(struct lg_condition *condition)
{
    if (lg__load_full(&condition->waiters) == 0) /* C1 */
        return;
    struct lg__bucket *bucket = lg__park_lock(condition);
    lg__store_relaxed(&condition->broadcasts, condition->broadcasts + 1);
    pass_on(condition, bucket);
}

static void queue_up(struct lg_context *self, struct lg_condition *condition,
                     struct lg_mutex *mutex, lg_deadline deadline, const char *place)
{
    struct lg__want want = {&condition_class, condition, 1, false, deadline, place, 0};
    struct lg__bucket *bucket = lg__park_lock(condition);
    (void)lg__wait_begin(&self->wait, &want, LG__WAIT_OUTSIDE);
    lg__park_push(bucket, &self->wait, key_of(condition), false);
    self->wait.stamp = condition->broadcasts;
    self->wait.companion = mutex;
    lg__store_full(&condition->waiters, condition->waiters + 1); /* C1 */
    lg__park_unlock(bucket);
}

/* Leave the condition's queue if still in it, and say whether told waiters remain. */
static bool leave_queue(struct lg_context *self, struct lg_condition *condition)
{
    struct lg__bucket *bucket = lg__park_lock(condition);
    if (lg__load_acquire(&self->wait.queue) == key_of(condition))
        leave(condition, bucket, &self->wait);
    struct lg__wait *first = lg__park_next(bucket, NULL, key_of(condition));
    bool has_told = first && was_told(condition, first);
    lg__park_unlock(bucket);
    return has_told;
}

/* Get the mutex back after the wait ended in one of its ways. */
static int take_back(struct lg_context *self, struct lg_mutex *mutex, enum lg__wait_state end,
                     const char *place)
{
    lg__park_leave(&self->wait, mutex); /* it may have been moved there */
    bool was_moved = self->wait.want.is_relock;
    lg__wait_retract(&self->wait);
    if (end == LG__WAIT_VICTIM) {
        lg__detector_log(self);
        return LG_EDEADLK;
    }
    if (end != LG__WAIT_GRANTED)
        return lg__mutex_relock(self, mutex, place, was_moved);
    lg__mutex_note_owned(self, mutex, LG_FOREVER, place);
    return LG_OK;
}

int lg_condition_wait_at(struct lg_condition *condition, struct lg_mutex *mutex,
                         lg_deadline deadline, const char *place) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!condition || !mutex)
        return LG_EINVAL;
    if (!lg_mutex_is_held(mutex))
        lg__panic("a condition was waited for without holding the mutex", name_of(condition));
    struct lg_context *self = lg__self;
    if (lg__cancel_was_requested(self->wait.cancel))
        return LG_ECANCELED; /* without letting go of the mutex */
    queue_up(self, condition, mutex, deadline, place);
    uint32_t depth = lg__mutex_release(self, mutex);
    enum lg__wait_state end = lg__wait_sleep(&self->wait);
    bool has_told = leave_queue(self, condition);
    if (end == LG__WAIT_TIMED_OUT)
        lg__detector_explain(self);
    int status = take_back(self, mutex, end, place);
    if (status == LG_OK)
        mutex->depth = depth;
    if (has_told)
        pass_on(condition, lg__park_lock(condition));
    if (status == LG_OK && end == LG__WAIT_TIMED_OUT)
        return LG_ETIMEDOUT;
    return status == LG_OK && end == LG__WAIT_CANCELLED ? LG_ECANCELED : status;
}

int lg_condition_wait_for_at(struct lg_condition *condition, struct lg_mutex *mutex,
                             lg_predicate *predicate, void *arg, lg_deadline deadline,
                             const char *place) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!condition || !mutex || !predicate)
        return LG_EINVAL;
    if (!lg_mutex_is_held(mutex))
        lg__panic("a condition was waited for without holding the mutex", name_of(condition));
    int status = LG_OK;
    while (!predicate(arg)) {
        if (status != LG_OK) /* the wait is over, and the mutex held */
            return status;
        if (deadline == LG_TRY)
            return LG_EBUSY;
        status = lg_condition_wait_at(condition, mutex, deadline, place);
        if (status == LG_EDEADLK ||
            status == LG_EOWNERDEAD) /* not held: nothing may be looked at */
            return status;
    }
    return LG_OK;
}

void lg_condition_destroy(struct lg_condition *condition)
{
    /* Not by `waiters`: after a fork those who waited in the parent are no longer queued. */
    struct lg__bucket *bucket = lg__park_lock(condition);
    bool is_waited_for = lg__park_next(bucket, NULL, key_of(condition)) != NULL;
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic("a condition was destroyed while waited for", name_of(condition));
}
