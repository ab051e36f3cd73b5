/* Barrier.
 *
 * All of it is under the lock of the bucket in which its waiters queue.  The rounds are numbered; who has
 * arrived in this one and waits is in the queue, with his index as stamp.  barrier.h has the states.
 *
 * Who is served is decided by the queue (as in event.c): whoever settles a round takes its waiters out and
 * leaves each its fate in its own record.  So a waiter that finds itself taken out has its outcome, whatever
 * has ended its wait, and does not touch the barrier: of those who pass, none does once the lock is free.
 * A waiter that finds itself still in the queue has not passed, and the barrier is there: if its deadline
 * has passed it settles the round itself, by breaking it.  One outcome each, and the same for all of a round.
 *
 * Early arrivals, while the action of the round before still runs, queue uncounted, and arrive after it.
 *
 * Duties (duty.h): a registered party that has not arrived holds one unit, and a waiter needs all, so one
 * that is stuck is enough for a deadlock; the other units are the environment's, but for that of who runs the
 * action.  A party's duty is done for a round (done_in) before its wait begins; and when a round is over, all
 * its waits are ended before the number of the round is changed:
 *   R1  No party is seen both to wait at a barrier and to be missing there, but by a look that is void. */
#include "sync/barrier.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/linger.h"

#include <stdio.h>

/* What has become of an arrival; with those who have been taken out of the queue it is in the upper half of
 * the stamp. */
enum fate {
    FATE_WAITS,   /* is in the queue */
    FATE_PASSED,  /* all have arrived */
    FATE_BROKEN,  /* somebody has given up */
    FATE_GAVE_UP, /* the caller has: its status says why */
    FATE_FAILED,  /* the action has, which the caller has run: its status */
    FATE_EARLY,   /* arrive now: the round before is over */
    FATE_ACTS,    /* is the last, and has to run the action */
    FATE_LATE,    /* its deadline had passed: it has not arrived */
    FATE_NO_PLACE /* it may not arrive */
};

#define FATE_SHIFT  32
#define STAMP_EARLY UINT64_MAX /* of one in the queue that has not arrived */

/* What is left to the barrier's waiters to wait for: all its parties. */
static uint32_t get_capacity(const void *object)
{
    return lg__load_relaxed(&((const struct lg_barrier *)object)->parties);
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_barrier *barrier = object;
    uint64_t round = lg__load_acquire(&barrier->round); /* R1 */
    if (lg__load_acquire(&barrier->state) == LG__BARRIER_ACTING) {
        struct lg__holding actor = {
            .holder = lg__load_relaxed(&barrier->breaker), .units = 1, .unit = LG_NO_UNIT};
        if (!visit(arg, &actor))
            return;
    }
    lg__duty_survey(lg__load_relaxed(&barrier->serial), round + 1, visit, arg);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_barrier *)object)->name);
}

static void copy_advice(const void *object, char *out)
{
    char name[LG_NAME_SIZE];
    copy_name(object, name);
    snprintf(out, LG_REPORT_ADVICE, "come to \"%s\" first", name[0] ? name : "(unnamed)");
}

static const struct lg__resource_class barrier_class = {
    .noun = "barrier",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .copy_advice = copy_advice,
};

int lg_barrier_init(struct lg_barrier *barrier, const char *name, uint32_t parties,
                    lg_barrier_action *action, void *arg)
{
    if (!barrier || parties == 0 || parties > LG_BARRIER_MAX)
        return LG_EINVAL;
    *barrier = (struct lg_barrier)LG_BARRIER_INIT(name, parties);
    barrier->action = action;
    barrier->arg = arg;
    return LG_OK;
}

void lg_barrier_destroy(struct lg_barrier *barrier)
{
    if (!barrier)
        return;
    struct lg__bucket *bucket = lg__park_lock(barrier);
    bool is_waited_for = lg__park_next(bucket, NULL, lg__barrier_key(barrier)) != NULL;
    if (!is_waited_for)
        lg__duty_forget(barrier->serial);
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic("a barrier was destroyed while waited for",
                  barrier->name ? barrier->name : "(unnamed barrier)");
    lg__store_relaxed(&barrier->serial, (uint64_t)0);
}

/* ---- Settling a round, with the bucket's lock -------------------------------------------------- */

/* Take one out of the queue, with its fate.  Whoever looks at the barrier by way of this wait does so with
 * the record pinned, and is through when this returns: the waiter need not be back before the barrier may go.
 * (The pin of one who waits here is a leaf: its holders take no bucket's lock.) */
static void settle(struct lg__bucket *bucket, struct lg__wait *wait, enum fate fate,
                   struct lg__wakes *wakes)
{
    enum lg__wait_state end = fate == FATE_PASSED ? LG__WAIT_GRANTED : LG__WAIT_WOKEN;
    bool is_early = wait->stamp == STAMP_EARLY;
    if (is_early && fate == FATE_PASSED)
        fate = FATE_EARLY;
    bool is_ended = lg__wait_end(wait, end, 0);
    lg__raw_lock(&lg__wait_own(wait)->pin);
    lg__raw_unlock(&lg__wait_own(wait)->pin);
    lg__park_remove(bucket, wait);
    wait->stamp = (uint64_t)fate << FATE_SHIFT | (uint32_t)wait->stamp;
    if (is_ended)
        lg__wakes_add(wakes, wait);
}

static void settle_all(struct lg_barrier *barrier, struct lg__bucket *bucket, enum fate fate,
                       struct lg__wakes *wakes)
{
    struct lg__wait *wait;
    while ((wait = lg__park_next(bucket, NULL, lg__barrier_key(barrier))) != NULL)
        settle(bucket, wait, fate, wakes);
}

static void set_state(struct lg_barrier *barrier, enum lg__barrier_state state)
{
    lg__store_release(&barrier->state, (uint32_t)state);
}

void lg__barrier_begin_round(struct lg_barrier *barrier)
{
    barrier->arrived = barrier->unnamed = 0;
    set_state(barrier, LG__BARRIER_FILLING);
    lg__store_release(&barrier->round, barrier->round + 1);
}

static void pass_all(struct lg_barrier *barrier, struct lg__bucket *bucket, struct lg__wakes *wakes)
{
    const struct lg__wait *first = lg__park_next(bucket, NULL, lg__barrier_key(barrier));
    if (first)
        lg__linger_note(&barrier->spin, first);
    settle_all(barrier, bucket, FATE_PASSED, wakes);
    lg__barrier_begin_round(barrier);
}

void lg__barrier_break(struct lg_barrier *barrier, struct lg__bucket *bucket,
                       enum lg__barrier_cause cause, uint64_t breaker, struct lg__wakes *wakes)
{
    settle_all(barrier, bucket, FATE_BROKEN, wakes);
    barrier->arrived = barrier->unnamed = 0;
    set_state(barrier, LG__BARRIER_BROKEN);
    barrier->cause = cause;
    lg__store_relaxed(&barrier->breaker, breaker);
}

void lg__barrier_catch_up(struct lg_barrier *barrier, struct lg__bucket *bucket,
                          struct lg__wakes *wakes)
{
    if (barrier->era != lg__park_era()) {
        barrier->era = lg__park_era();
        if (barrier->state != LG__BARRIER_BROKEN)
            lg__barrier_begin_round(barrier);
    }
    if (barrier->registered > 0 && barrier->state != LG__BARRIER_BROKEN &&
        lg__duty_sum(barrier->serial).holders != barrier->registered)
        lg__barrier_break(barrier, bucket, LG__CAUSE_ENDED, 0, wakes);
}

/* ---- Arriving ---------------------------------------------------------------------------------- */

struct arrival {
    struct lg_context *self;
    struct lg_barrier *barrier;
    struct lg__want want;
    uint64_t round; /* of which it is the last */
    uint32_t index;
    int status; /* of who gave up */
    bool is_named;
    bool is_early;
    bool must_linger;
    enum lg__barrier_cause cause; /* as the barrier had it when it was broken */
    uint64_t breaker;
};

/* Begin to wait, in the queue already: so that whoever sees it wait sees all of it (R1). */
static void begin_wait(struct arrival *arrival, struct lg__bucket *bucket)
{
    struct lg_barrier *barrier = arrival->barrier;
    struct lg__wait *wait = &arrival->self->wait;
    bool is_known = barrier->registered > 0 && !arrival->is_early;
    arrival->want.need = barrier->parties;
    bool is_first = lg__park_next(bucket, NULL, lg__barrier_key(barrier)) == wait;
    arrival->must_linger = is_first && lg__linger_is_worth_it(&barrier->spin);
    (void)lg__wait_begin(wait, &arrival->want, is_known ? LG__WAIT_WAITING : LG__WAIT_OUTSIDE);
}

static enum fate queue_up(struct arrival *arrival, struct lg__bucket *bucket, uint64_t stamp)
{
    struct lg__wait *wait = &arrival->self->wait;
    lg__park_push(bucket, wait, lg__barrier_key(arrival->barrier), false);
    wait->stamp = stamp;
    arrival->is_early = stamp == STAMP_EARLY;
    begin_wait(arrival, bucket);
    return FATE_WAITS;
}

/* The last one: its duty is not done before the action is. */
static enum fate arrive_last(struct arrival *arrival, struct lg__bucket *bucket,
                             struct lg__wakes *wakes)
{
    struct lg_barrier *barrier = arrival->barrier;
    arrival->round = barrier->round;
    if (!barrier->action) {
        pass_all(barrier, bucket, wakes);
        return FATE_PASSED;
    }
    lg__store_relaxed(&barrier->breaker, arrival->self->id);
    set_state(barrier, LG__BARRIER_ACTING);
    return FATE_ACTS;
}

/* Whether one who is not registered finds a place. */
static bool has_unnamed_place(const struct lg_barrier *barrier)
{
    return barrier->registered == 0 || barrier->registered + barrier->unnamed < barrier->parties;
}

/* With the bucket's lock. */
static enum fate arrive(struct arrival *arrival, struct lg__bucket *bucket, struct lg__wakes *wakes)
{
    struct lg_barrier *barrier = arrival->barrier;
    uint64_t id = arrival->self->id;
    bool is_late = lg__deadline_has_passed(arrival->want.deadline);
    lg__barrier_catch_up(barrier, bucket, wakes);
    if (barrier->parties == 0)
        return FATE_NO_PLACE;
    if (barrier->state == LG__BARRIER_BROKEN)
        return FATE_BROKEN;
    if (barrier->state == LG__BARRIER_ACTING) {
        if (barrier->breaker == id)
            return FATE_NO_PLACE;
        return is_late ? FATE_LATE : queue_up(arrival, bucket, STAMP_EARLY);
    }
    arrival->is_named = barrier->registered > 0 && lg__duty_is_held_by(barrier->serial, id);
    if (!arrival->is_named && !has_unnamed_place(barrier))
        return FATE_NO_PLACE;
    bool is_last = barrier->arrived + 1 >= barrier->parties;
    if (is_late && !is_last)
        return FATE_LATE;
    arrival->index = barrier->arrived++;
    barrier->unnamed += !arrival->is_named;
    if (is_last)
        return arrive_last(arrival, bucket, wakes);
    if (arrival->is_named)
        (void)lg__duty_do_round(barrier->serial, id, barrier->round + 1);
    return queue_up(arrival, bucket, arrival->index);
}

/* A victim takes its arrival back: those who came after it move up.  With the bucket's lock. */
static void take_back(struct arrival *arrival, struct lg__bucket *bucket)
{
    struct lg_barrier *barrier = arrival->barrier;
    struct lg__wait *wait = &arrival->self->wait;
    for (struct lg__wait *behind = lg__park_next(bucket, wait, lg__barrier_key(barrier)); behind;
         behind = lg__park_next(bucket, behind, lg__barrier_key(barrier)))
        if (behind->stamp != STAMP_EARLY)
            behind->stamp--;
    lg__park_remove(bucket, wait);
    barrier->arrived--;
    barrier->unnamed -= !arrival->is_named;
    if (arrival->is_named)
        (void)lg__duty_do_round(barrier->serial, arrival->self->id, 0);
}

/* The caller's wait has ended without anybody's having settled it.  With the bucket's lock. */
static enum fate give_up(struct arrival *arrival, struct lg__bucket *bucket, int status,
                         struct lg__wakes *wakes)
{
    struct lg_barrier *barrier = arrival->barrier;
    bool is_filling = barrier->state == LG__BARRIER_FILLING;
    enum lg__barrier_cause cause = status == LG_ETIMEDOUT   ? LG__CAUSE_TIMED_OUT
                                   : status == LG_ECANCELED ? LG__CAUSE_CANCELLED
                                                            : LG__CAUSE_DEADLOCK;
    arrival->status = status;
    if (arrival->is_early)
        lg__park_remove(bucket, &arrival->self->wait);
    else if (status == LG_EDEADLK && is_filling)
        take_back(arrival, bucket);
    else
        lg__barrier_break(barrier, bucket, cause, arrival->self->id, wakes);
    return FATE_GAVE_UP;
}

/* Without the lock: sleep until the wait has ended, and take it back. */
static int sleep_once(struct arrival *arrival)
{
    struct lg__wait *wait = &arrival->self->wait;
    arrival->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    if (LG__WAIT_STATE(lg__load_relaxed(&wait->word)) == LG__WAIT_WAITING)
        lg__detector_look(arrival->self);
    if (arrival->must_linger)
        (void)lg__wait_spin(wait, LG__LINGER_NS);
    int status = lg__wait_status(wait, lg__wait_sleep(wait));
    lg__wait_retract(wait);
    return status;
}

/* The fate that somebody has left in the caller's record. */
static enum fate read_fate(struct arrival *arrival)
{
    uint64_t stamp = arrival->self->wait.stamp;
    arrival->index = (uint32_t)stamp;
    return (enum fate)(stamp >> FATE_SHIFT);
}

/* From the bucket's lock to the bucket's lock: wait until one's fate is settled. */
static enum fate wait_in_queue(struct arrival *arrival, struct lg__bucket *bucket,
                               struct lg__wakes *wakes)
{
    struct lg_barrier *barrier = arrival->barrier;
    const struct lg__wait *wait = &arrival->self->wait;
    for (;;) {
        lg__park_unlock(bucket);
        lg__wakes_end(wakes);
        int status = sleep_once(arrival);
        (void)lg__park_lock(barrier);
        if (lg__load_acquire(&wait->queue) != lg__barrier_key(barrier))
            return read_fate(arrival);
        if (status != LG_EBUSY)
            return give_up(arrival, bucket, status, wakes);
        lg__barrier_catch_up(barrier, bucket, wakes);
        if (lg__load_acquire(&wait->queue) != lg__barrier_key(barrier))
            return read_fate(arrival);
        begin_wait(arrival, bucket);
    }
}

/* Run the action, from the bucket's lock to the bucket's lock. */
static enum fate act(struct arrival *arrival, struct lg__bucket *bucket, struct lg__wakes *wakes)
{
    struct lg_barrier *barrier = arrival->barrier;
    lg_barrier_action *action = barrier->action;
    void *arg = barrier->arg;
    lg__park_unlock(bucket);
    lg__wakes_end(wakes);
    arrival->status = action(arg);
    (void)lg__park_lock(barrier);
    bool is_ours = barrier->state == LG__BARRIER_ACTING && barrier->round == arrival->round;
    if (is_ours && arrival->status == LG_OK)
        pass_all(barrier, bucket, wakes);
    else if (is_ours)
        lg__barrier_break(barrier, bucket, LG__CAUSE_ACTION, arrival->self->id, wakes);
    if (arrival->status != LG_OK)
        return FATE_FAILED;
    return is_ours ? FATE_PASSED : FATE_BROKEN;
}

int lg__barrier_complete(struct lg_context *self, struct lg_barrier *barrier,
                         struct lg__bucket *bucket, struct lg__wakes *wakes)
{
    struct arrival arrival = {.self = self, .barrier = barrier};
    if (arrive_last(&arrival, bucket, wakes) == FATE_ACTS)
        (void)act(&arrival, bucket, wakes);
    return arrival.status;
}

static void explain_broken(const struct arrival *arrival)
{
    static const char *const what[] = {
        [LG__CAUSE_TIMED_OUT] = "has waited until its deadline",
        [LG__CAUSE_CANCELLED] = "was cancelled",
        [LG__CAUSE_DEADLOCK] = "was the victim of a deadlock",
        [LG__CAUSE_ACTION] = "has run the action, which failed",
        [LG__CAUSE_ABORT] = "has called lg_barrier_abort",
        [LG__CAUSE_RESET] = "has called lg_barrier_reset",
    };
    char who[LG_NAME_SIZE];
    char detail[sizeof lg__report_of(arrival->self)->detail];
    if (arrival->cause == LG__CAUSE_ENDED) {
        lg__duty_copy_lapse(lg__load_relaxed(&arrival->barrier->serial), detail, sizeof detail);
    } else {
        lg__context_copy_name(arrival->breaker, who);
        snprintf(detail, sizeof detail, "%s %s", who, what[arrival->cause]);
    }
    lg__duty_explain(arrival->self, &arrival->want, detail);
}

/* Without locks: the status that an arrival's fate means. */
static int status_of(struct arrival *arrival, enum fate fate)
{
    struct lg_context *self = arrival->self;
    switch (fate) {
    case FATE_PASSED:
        lg__store_relaxed(&self->has_been_told, 0u); /* it has let the others go on */
        return LG_OK;
    case FATE_BROKEN:
        explain_broken(arrival);
        return LG_EBROKEN;
    case FATE_LATE:
        arrival->status = arrival->want.deadline == LG_TRY ? LG_EBUSY : LG_ETIMEDOUT;
        break;
    case FATE_GAVE_UP:
        break;
    case FATE_FAILED:
        return arrival->status;
    default:
        return LG_EINVAL;
    }
    if (arrival->status == LG_ETIMEDOUT)
        lg__detector_explain_want(self, &arrival->want, LG_REPORT_TIMEOUT);
    if (arrival->status == LG_EDEADLK)
        lg__detector_log(self);
    return arrival->status;
}

int lg_barrier_wait_at(struct lg_barrier *barrier, lg_deadline deadline, const char *place,
                       uint32_t *index)
{
    struct lg__wakes wakes;
    if (!barrier)
        return LG_EINVAL;
    struct arrival arrival = {
        .self = lg__context_self(),
        .barrier = barrier,
        .want = {&barrier_class, barrier, 0, false, deadline, place, 0},
    };
    if (!arrival.self)
        return LG_ENOMEM;
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(barrier);
    enum fate fate;
    do {
        fate = arrive(&arrival, bucket, &wakes);
        if (fate == FATE_WAITS)
            fate = wait_in_queue(&arrival, bucket, &wakes);
    } while (fate == FATE_EARLY);
    if (fate == FATE_ACTS)
        fate = act(&arrival, bucket, &wakes);
    if (fate == FATE_BROKEN) { /* then it is still there */
        arrival.cause = barrier->cause;
        arrival.breaker = barrier->breaker;
    }
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (fate == FATE_PASSED) {
        lg__observe_met(arrival.self);
        if (index)
            *index = arrival.index;
    }
    return status_of(&arrival, fate);
}
