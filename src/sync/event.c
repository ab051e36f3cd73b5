/* Event.
 *
 * An event that is set is one acquire load to a waiter.  All else is under the lock of the bucket in which
 * its waiters queue; a set that finds neither WAITERS nor DECLARED is one compare-and-swap.
 *
 *   E1  A set's compare-and-swap (release) with a waiter's load or compare-and-swap (acquire) of the word:
 *       what was written before the set.  A waiter that is handed the set in the queue has the same from
 *       its wait's end (W2).
 *   E2  WAITERS is set by a compare-and-swap of the word that a set changes by another: either the set sees
 *       WAITERS and takes the bucket's lock, or the waiter sees SET and does not sleep.
 *
 * Who is served is decided by the queue, under its lock, and not by how a wait has ended: whoever finds
 * himself taken out of the queue has passed, and does not touch the event again; whoever finds himself still
 * in it has not, and the event is there.  So a set lets all pass who were queued then, also one whose
 * deadline passes at that moment, or who was just told to look again because a setter has ended; one outcome
 * each, and no set is lost.  (The automatic kind hands its set to somebody whose wait goes on; if there is
 * none it stays SET, for who is about to look again.)
 *
 * Memory: a set holds the bucket's lock, not the event.  The last it does to the event is the
 * compare-and-swap that opens it; after that only the address is used.  Nobody can queue at that address
 * before the lock is free, so those who are served are this event's, also if its memory is another's by
 * then.  A waiter that is served returns only after it has had the lock.
 *
 * Duties: with DECLARED, a wait that begins has known holders (WAITING), each setter one of as many units as
 * there are setters, and the waiter needs one: it is stuck when all of them are.  duty.h says why capacity
 * and holders may be read one after the other. */
#include "sync/event.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/log.h"
#include "plat/memory.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "sync/linger.h"

#include <stdio.h>

static uint32_t get_capacity(const void *object)
{
    const struct lg_event *event = object;
    uint32_t holders = lg__duty_sum(lg__load_relaxed(&event->serial)).holders;
    return holders > 0 ? holders : 1;
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_event *event = object;
    lg__duty_survey(lg__load_relaxed(&event->serial), 0, visit, arg);
}

void lg__event_copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_event *)object)->name);
}

static uint32_t get_need(const struct lg_event *event)
{
    (void)event;
    return 1;
}

static bool is_open(uint64_t word)
{
    return word & LG__EVENT_SET;
}

static bool is_broken(const struct lg_event *event)
{
    return lg__duty_sum(event->serial).holders == 0;
}

static bool is_automatic(const struct lg_event *event)
{
    return lg__load_relaxed(&event->flags) & LG_EVENT_AUTO_RESET;
}

static void copy_advice(const void *object, char *out)
{
    char name[LG_NAME_SIZE];
    lg__event_copy_name(object, name);
    snprintf(out, LG_REPORT_ADVICE, "set \"%s\" first", name[0] ? name : "(unnamed)");
}

const struct lg__event_kind lg__event_kind = {
    .class =
        {
            .noun = "event",
            .capacity = get_capacity,
            .survey = survey,
            .copy_name = lg__event_copy_name,
            .copy_advice = copy_advice,
            .is_meeting = true,
        },
    .need = get_need,
    .is_open = is_open,
    .is_broken = is_broken,
    .foreign = "was set by a context that is no declared setter",
};

int lg_event_init(struct lg_event *event, const char *name, uint32_t flags)
{
    if (!event || (flags & ~LG_EVENT_AUTO_RESET))
        return LG_EINVAL;
    *event = (struct lg_event){.name = name, .flags = flags};
    return LG_OK;
}

void lg__event_destroy(struct lg_event *event, const char *rule)
{
    struct lg__bucket *bucket = lg__park_lock(event);
    bool is_waited_for = lg__park_next(bucket, NULL, lg__event_key(event)) != NULL;
    if (!is_waited_for)
        lg__duty_forget(event->serial);
    lg__park_unlock(bucket);
    if (is_waited_for)
        lg__panic(rule, event->name ? event->name : "(unnamed)");
    event->serial = 0;
}

void lg_event_destroy(struct lg_event *event)
{
    if (event)
        lg__event_destroy(event, "an event was destroyed while waited for");
}

/* ---- Waiting --------------------------------------------------------------------------------- */

struct attempt {
    struct lg_context *self;
    struct lg_event *event;
    const struct lg__event_kind *kind;
    struct lg__want want;
    bool is_queued;   /* since an attempt before */
    bool must_linger; /* before it sleeps */
};

enum outcome { OUTCOME_PASSED, OUTCOME_QUEUED, OUTCOME_BROKEN, OUTCOME_LATE };

/* Pass if the word, just loaded, says so; an automatic event is taken by that.  E1. */
static bool try_to_pass(struct lg_event *event, uint64_t word)
{
    return !is_automatic(event) || lg__cas_acquire(&event->word, &word, word & ~LG__EVENT_SET);
}

/* Under the bucket's lock.  E2: a word that is marked was not open, nor can be before the lock is free. */
static enum outcome take_or_mark(const struct attempt *attempt)
{
    struct lg_event *event = attempt->event;
    for (;;) {
        uint64_t word = lg__load_acquire(&event->word); /* E1 */
        if (attempt->kind->is_open(word)) {
            if (try_to_pass(event, word))
                return OUTCOME_PASSED;
        } else if ((word & LG__EVENT_DECLARED) && attempt->kind->is_broken(event)) {
            return OUTCOME_BROKEN;
        } else if (lg__deadline_has_passed(attempt->want.deadline)) {
            return OUTCOME_LATE;
        } else if ((word & LG__EVENT_WAITERS) ||
                   lg__cas_relaxed(&event->word, &word, word | LG__EVENT_WAITERS)) {
            return OUTCOME_QUEUED;
        }
    }
}

/* Under the bucket's lock: pass, or be in the queue with a wait that has begun. */
static enum outcome take_or_queue(struct attempt *attempt, struct lg__bucket *bucket)
{
    struct lg__wait *wait = &attempt->self->wait;
    struct lg_event *event = attempt->event;
    enum outcome outcome = take_or_mark(attempt);
    if (outcome == OUTCOME_QUEUED) {
        bool is_known = lg__load_relaxed(&event->word) & LG__EVENT_DECLARED;
        if (!attempt->is_queued)
            lg__park_push(bucket, wait, lg__event_key(event), false);
        bool is_first = lg__park_next(bucket, NULL, lg__event_key(event)) == wait;
        attempt->must_linger = is_first && lg__linger_is_worth_it(&event->spin);
        (void)lg__wait_begin(wait, &attempt->want, is_known ? LG__WAIT_WAITING : LG__WAIT_OUTSIDE);
    } else if (attempt->is_queued) {
        lg__park_remove(bucket, wait);
    }
    attempt->is_queued = outcome == OUTCOME_QUEUED;
    return outcome;
}

/* Sleep until the wait ends, and take it back.  The event may be gone. */
static int sleep_in_queue(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    attempt->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    if (LG__WAIT_STATE(lg__load_relaxed(&wait->word)) == LG__WAIT_WAITING)
        lg__detector_look(attempt->self);
    if (attempt->must_linger)
        (void)lg__wait_spin(wait, LG__LINGER_NS);
    int status = lg__wait_status(wait, lg__wait_sleep(wait));
    lg__wait_retract(wait);
    return status;
}

static int explain(const struct attempt *attempt, enum outcome outcome, bool is_try)
{
    struct lg_context *self = attempt->self;
    if (outcome == OUTCOME_BROKEN) {
        char detail[sizeof lg__report_of(self)->detail];
        lg__duty_copy_lapse(lg__load_relaxed(&attempt->event->serial), detail, sizeof detail);
        lg__duty_explain(self, &attempt->want, detail);
        return LG_EBROKEN;
    }
    if (is_try)
        return LG_EBUSY;
    lg__detector_explain_want(self, &attempt->want, LG_REPORT_TIMEOUT);
    return LG_ETIMEDOUT;
}

/* After a sleep, with the bucket's lock: whether somebody has served the caller meanwhile. */
static bool was_served(const struct attempt *attempt)
{
    return lg__load_acquire(&attempt->self->wait.queue) != lg__event_key(attempt->event);
}

int lg__event_wait(struct lg_event *event, const struct lg__event_kind *kind, lg_deadline deadline,
                   const char *place)
{
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct attempt attempt = {
        .self = self,
        .event = event,
        .kind = kind,
        .want = {&kind->class, event, kind->need(event), false, deadline, place, 0},
    };
    struct lg__bucket *bucket = lg__park_lock(event);
    int status = LG_EBUSY;
    while (status == LG_EBUSY) {
        enum outcome outcome = take_or_queue(&attempt, bucket);
        lg__park_unlock(bucket);
        if (outcome != OUTCOME_QUEUED)
            return outcome == OUTCOME_PASSED ? LG_OK
                                             : explain(&attempt, outcome, deadline == LG_TRY);
        status = sleep_in_queue(&attempt);
        bucket = lg__park_lock(event);
        if (was_served(&attempt))
            status = LG_OK;
        else if (status != LG_EBUSY)
            lg__park_remove(bucket, &self->wait);
    }
    lg__park_unlock(bucket);
    if (status == LG_ETIMEDOUT)
        return explain(&attempt, OUTCOME_LATE, false);
    if (status == LG_EDEADLK)
        lg__detector_log(self);
    return status;
}

int lg_event_wait_at(struct lg_event *event, lg_deadline deadline, const char *place)
{
    if (lg__unlikely(!event))
        return LG_EINVAL;
    uint64_t word = lg__load_acquire(&event->word); /* E1 */
    if ((word & LG__EVENT_SET) && try_to_pass(event, word))
        return LG_OK;
    if (deadline == LG_TRY && !(word & (LG__EVENT_SET | LG__EVENT_DECLARED)))
        return LG_EBUSY;
    return lg__event_wait(event, &lg__event_kind, deadline, place);
}

int lg_event_is_set(const struct lg_event *event)
{
    return event && (lg__load_acquire(&event->word) & LG__EVENT_SET); /* E1 */
}

/* ---- Setting --------------------------------------------------------------------------------- */

void lg__event_note_opening(struct lg_event *event, struct lg__bucket *bucket)
{
    const struct lg__wait *first = lg__park_next(bucket, NULL, lg__event_key(event));
    if (first)
        lg__linger_note(&event->spin, first);
}

void lg__event_serve_all(struct lg__bucket *bucket, const void *key, struct lg__wakes *wakes)
{
    struct lg__wait *wait;
    while ((wait = lg__park_next(bucket, NULL, key)) != NULL) {
        lg__park_remove(bucket, wait);
        if (lg__wait_end(wait, LG__WAIT_GRANTED, 0))
            lg__wakes_add(wakes, wait);
    }
}

/* Hand the set to the first whose wait goes on.  False: there is none. */
static bool serve_one(struct lg__bucket *bucket, const void *key, struct lg__wakes *wakes)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, key);
    while (wait && !lg__wait_end(wait, LG__WAIT_GRANTED, 0))
        wait = lg__park_next(bucket, wait, key);
    if (!wait)
        return false;
    lg__park_remove(bucket, wait);
    lg__wakes_add(wakes, wait);
    return true;
}

/* Change the word's flags.  E1; with the bucket's lock, under which alone WAITERS and DECLARED change. */
static void change_flags(struct lg_event *event, uint64_t set, uint64_t cleared)
{
    uint64_t word = lg__load_relaxed(&event->word);
    while (!lg__cas_release(&event->word, &word, (word | set) & ~cleared))
        continue;
}

void lg__event_disown(struct lg_event *event)
{
    lg__duty_forget(event->serial);
    event->declared = 0;
    lg__or_relaxed(&event->flags, LG__EVENT_VAGUE);
    change_flags(event, 0, LG__EVENT_DECLARED);
}

void lg__event_log_foreign(const struct lg__event_kind *kind, const char *name)
{
    char who[LG_NAME_SIZE];
    char text[192];
    lg__context_copy_name(lg__self ? lg__self->id : 0, who);
    snprintf(text, sizeof text,
             "%s \"%s\" %s: %s; from now on the detector takes it that anybody may",
             kind->class.noun, name, kind->foreign, who);
    struct lg_log_field fields[] = {{"name", name}, {"context", who}};
    lg__log(LG_LOG_WARN, "undeclared", fields, 2, text);
}

/* Whether an event has setters and the caller is none of them. */
static bool is_foreign(const struct lg_event *event)
{
    return (lg__load_relaxed(&event->word) & LG__EVENT_DECLARED) &&
           !(lg__self && lg__duty_is_held_by(event->serial, lg__self->id));
}

static __attribute__((noinline)) void set_slow(struct lg_event *event)
{
    struct lg__wakes wakes;
    char name[LG_NAME_SIZE];
    const void *key = lg__event_key(event);
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(event);
    bool must_log = is_foreign(event);
    lg__event_copy_name(event, name);
    if (must_log)
        lg__event_disown(event);
    else if (lg__self)
        lg__store_relaxed(&lg__self->has_been_told, 0u); /* it has let somebody go on */
    lg__event_note_opening(event, bucket);
    if (!is_automatic(event)) {
        change_flags(event, LG__EVENT_SET, LG__EVENT_WAITERS);
        lg__event_serve_all(bucket, key, &wakes);
    } else if (!serve_one(bucket, key, &wakes)) {
        change_flags(event, LG__EVENT_SET, 0);
    }
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (must_log)
        lg__event_log_foreign(&lg__event_kind, name);
}

void lg__event_put_back(struct lg_event *event)
{
    struct lg__wakes wakes;
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(event);
    if (is_automatic(event) && !serve_one(bucket, lg__event_key(event), &wakes))
        change_flags(event, LG__EVENT_SET, 0);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
}

void lg_event_set(struct lg_event *event)
{
    if (lg__unlikely(!event))
        return;
    uint64_t word = lg__load_relaxed(&event->word);
    while (!(word & (LG__EVENT_WAITERS | LG__EVENT_DECLARED)))
        if (lg__cas_release(&event->word, &word, word | LG__EVENT_SET)) /* E1, E2 */
            return;
    set_slow(event);
}

void lg_event_reset(struct lg_event *event)
{
    uint64_t word = event ? lg__load_relaxed(&event->word) : 0;
    while ((word & LG__EVENT_SET) && !lg__cas_relaxed(&event->word, &word, word & ~LG__EVENT_SET))
        continue;
}

/* ---- Duties ---------------------------------------------------------------------------------- */

/* The id of a context, or of the calling one; 0: it has ended, or cannot be made. */
static uint64_t id_of(struct lg_context **context)
{
    if (!*context)
        *context = lg__context_self();
    return *context ? lg__load_full(&(*context)->id) : 0;
}

/* With the bucket's lock and all waits ended (D1). */
static int link_duty(struct lg_event *event, struct lg__duty *duty, lg__event_permit *permit)
{
    bool was_declared = lg__load_relaxed(&event->word) & LG__EVENT_DECLARED;
    change_flags(event, LG__EVENT_DECLARED, 0);
    int status = permit(event, duty->units);
    if (status == LG_OK)
        status = lg__duty_link(duty, lg__duty_serial(&event->serial));
    if (status == LG_OK)
        event->declared = lg__duty_sum(event->serial).units;
    else if (!was_declared)
        change_flags(event, 0, LG__EVENT_DECLARED);
    return status;
}

int lg__event_declare(struct lg_event *event, struct lg_context *context, uint32_t units,
                      const char *place, lg__event_permit *permit)
{
    struct lg__wakes wakes;
    uint64_t id = event ? id_of(&context) : 0;
    if (id == 0)
        return event && !context ? LG_ENOMEM : LG_EINVAL;
    struct lg__duty *duty = lg__duty_make(lg__event_key(event), id, units, place);
    if (!duty)
        return LG_ENOMEM;
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(event);
    bool is_vague = lg__load_relaxed(&event->flags) & LG__EVENT_VAGUE;
    if (!is_vague)
        lg__park_wake_all(bucket, lg__event_key(event), &wakes);
    int status = is_vague ? LG_OK : link_duty(event, duty, permit);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (status == LG_OK && !is_vague)
        lg__duty_settle(context, id);
    else
        lg__free(duty);
    return status;
}

int lg__event_withdraw(struct lg_event *event, struct lg_context *context)
{
    struct lg__wakes wakes;
    char who[LG_NAME_SIZE];
    uint32_t units;
    uint64_t id = event ? id_of(&context) : 0;
    if (id == 0)
        return LG_EINVAL;
    wakes.count = 0;
    lg__context_copy_name(id, who);
    struct lg__bucket *bucket = lg__park_lock(event);
    bool is_vague = lg__load_relaxed(&event->flags) & LG__EVENT_VAGUE;
    if (!is_vague)
        lg__park_wake_all(bucket, lg__event_key(event), &wakes);
    int status = is_vague ? LG_OK : lg__duty_withdraw(event->serial, id, who, &units);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    return status;
}

int lg__event_transfer(struct lg_event *event, struct lg_context *from, struct lg_context *to,
                       const char *place)
{
    struct lg__wakes wakes;
    uint64_t from_id = event && to ? id_of(&from) : 0;
    uint64_t to_id = to ? lg__load_full(&to->id) : 0;
    if (from_id == 0 || to_id == 0)
        return LG_EINVAL;
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(event);
    bool is_vague = lg__load_relaxed(&event->flags) & LG__EVENT_VAGUE;
    if (!is_vague)
        lg__park_wake_all(bucket, lg__event_key(event), &wakes);
    int status = is_vague ? LG_OK : lg__duty_move(event->serial, from_id, to_id, place);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (status == LG_OK)
        lg__duty_settle(to, to_id);
    return status;
}

static int permit_any(struct lg_event *event, uint32_t units)
{
    (void)event, (void)units;
    return LG_OK;
}

int lg_event_add_setter_at(struct lg_event *event, struct lg_context *context, const char *place)
{
    return lg__event_declare(event, context, 1, place, permit_any);
}

int lg_event_withdraw_setter(struct lg_event *event, struct lg_context *context)
{
    return lg__event_withdraw(event, context);
}

int lg_event_transfer_setter_at(struct lg_event *event, struct lg_context *from,
                                struct lg_context *to, const char *place)
{
    return lg__event_transfer(event, from, to, place);
}
