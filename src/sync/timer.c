/* Timer: a thread that sleeps in the queue of its timer until the deadline, or until it is cancelled.
 *
 * The state changes under the lock of the timer's bucket, once: from ARMED to CANCELLED by whoever
 * cancels, or to FIRED by the thread, whichever comes first.  Who sleeps here waits for time: it is
 * OUTSIDE, and no join of it can be a deadlock before it runs. */
#include <lifeguard/timer.h>

#include "plat/clock.h"
#include "plat/text.h"
#include "sync/park.h"

enum state { STATE_NONE, STATE_ARMED, STATE_CANCELLED, STATE_FIRED };

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_timer *)object)->thread.name);
}

static const struct lg__resource_class timer_class = {
    .noun = "timer",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
};

/* What its thread queues by: who joins that thread queues by the timer's own address. */
static const void *key_of(const struct lg_timer *timer)
{
    return &timer->state;
}

/* Sleep until the deadline, or the cancel.  True: it is armed no more, or its time has come. */
static bool sleep_once(struct lg_timer *timer)
{
    struct lg_context *self = lg__self;
    struct lg__want want = {&timer_class, timer, 1, false, timer->deadline, timer->thread.place, 0};
    struct lg__bucket *bucket = lg__park_lock(key_of(timer));
    bool is_armed = timer->state == STATE_ARMED;
    bool must_sleep = is_armed && !lg__deadline_has_passed(timer->deadline);
    if (must_sleep) {
        (void)lg__wait_begin(&self->wait, &want, LG__WAIT_OUTSIDE);
        lg__park_push(bucket, &self->wait, key_of(timer), false);
    } else if (is_armed) {
        timer->state = STATE_FIRED;
    }
    lg__park_unlock(bucket);
    if (!must_sleep)
        return true;
    (void)lg__wait_sleep(&self->wait);
    lg__park_leave(&self->wait, key_of(timer));
    lg__wait_retract(&self->wait);
    return false;
}

static void *run(void *arg)
{
    struct lg_timer *timer = arg;
    while (!sleep_once(timer))
        continue;
    if (timer->state == STATE_FIRED) /* by this thread; else it stays CANCELLED */
        timer->run(timer->arg);
    return NULL;
}

int lg_timer_start_at(struct lg_timer *timer, const char *name, lg_deadline deadline,
                      lg_timer_run *function, void *arg, const char *place)
{
    if (!timer || !function)
        return LG_EINVAL;
    *timer =
        (struct lg_timer){.deadline = deadline, .run = function, .arg = arg, .state = STATE_ARMED};
    int status = lg_thread_start_at(&timer->thread, name, run, timer, place);
    if (status != LG_OK)
        *timer = (struct lg_timer){0};
    return status;
}

int lg_timer_cancel(struct lg_timer *timer)
{
    static const int statuses[] = {LG_EINVAL, LG_OK, LG_OK, LG_EBUSY};
    if (!timer)
        return LG_EINVAL;
    struct lg__wait *woken = NULL;
    struct lg__bucket *bucket = lg__park_lock(key_of(timer));
    int status = statuses[timer->state];
    if (timer->state == STATE_ARMED) {
        timer->state = STATE_CANCELLED;
        struct lg__wait *wait = lg__park_next(bucket, NULL, key_of(timer));
        if (wait && lg__wait_end(wait, LG__WAIT_WOKEN, 0))
            woken = wait;
    }
    lg__park_unlock(bucket);
    if (woken)
        lg__wait_wake(woken);
    return status;
}

int lg_timer_join_at(struct lg_timer *timer, lg_deadline deadline, const char *place)
{
    return timer ? lg_thread_join_at(&timer->thread, deadline, place, NULL) : LG_EINVAL;
}
