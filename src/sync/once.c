/* Once.
 *
 * The word is
 *     0     the function has not run, or has failed: whoever comes may run it;
 *     1     it has run (LG_ONCE_DONE), for good;
 *     else  the id of the context that runs it, with a flag:
 *     WAITERS  Set under the bucket's lock.  Invariant: if somebody is queued, then WAITERS is set, or the
 *              word is being changed by who ran the function, and who will wake, or somebody woken from the
 *              queue is on the way and will set it, or run the function, or find it done.
 * So it is a mutex that is unlocked in two ways: "done" wakes everybody; "failed" wakes the first, who is
 * then the next to run it, if nobody else was quicker.  Who was quicker does not know of the queue; so a
 * woken waiter that finds it done wakes the others.
 *
 * Order pairs:
 *   O1  done's compare-and-swap (release) with the load of every later call (acquire): what the function
 *       wrote.  A failure is published alike, to who runs it next.
 *   O2  WAITERS is set by a compare-and-swap on the word that the end of the function changes: either that
 *       end sees the flag and takes the bucket's lock, or the waiter sees that it is over.
 * Owner death: who runs the function ends within it.  Who waits is woken by the end of that context; whoever
 * is first then changes the dead id to its own and runs the function.  A context that goes on after all
 * (a coroutine that was ended by another) finds another id in the word and leaves it alone.
 *
 * Lifetime: once the word says done the memory may be another's; only the address is used then.  What is
 * woken by it may be a waiter of another once, who looks in vain. */
#include <lifeguard/once.h>

#include "graph/detector.h"
#include "graph/search.h"
#include "plat/clock.h"
#include "plat/log.h"
#include "plat/text.h"
#include "sync/park.h"

#include <stdio.h>
#include <string.h>

#define WAITERS 2ull

static uint64_t owner_of(uint64_t word)
{
    return word == LG_ONCE_DONE ? 0 : word & ~WAITERS;
}

/* Where its runner was called, from what the runner has written down; NULL: unknown. */
static const char *place_of(const struct lg_once *once, uint64_t owner)
{
    const struct lg_context *context = lg__context_find(owner);
    uint32_t count = context ? lg__held_known(context) : 0;
    for (uint32_t i = 0; i < count; i++)
        if (lg__load_relaxed(&context->held[i].object) == once)
            return lg__load_relaxed(&context->held[i].place);
    return NULL;
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_once *once = object;
    struct lg__holding holding = {
        .holder = owner_of(lg__load_full(&once->word)), /* W1: after the begin */
        .units = 1,
        .unit = LG_NO_UNIT,
    };
    if (holding.holder == 0)
        return;
    holding.place = place_of(once, holding.holder);
    visit(arg, &holding);
}

/* The file and line of the call that runs it, without folders. */
static void copy_name(const void *object, char *out)
{
    const struct lg_once *once = object;
    char place[LG_PLACE_SIZE];
    lg__copy_place(place, sizeof place, place_of(once, owner_of(lg__load_relaxed(&once->word))));
    const char *slash = strrchr(place, '/');
    lg__copy_name(out, LG_NAME_SIZE, slash ? slash + 1 : place);
}

static void copy_advice(const void *object, char *out)
{
    (void)object;
    lg__copy_name(out, LG_REPORT_ADVICE, "return from its function");
}

static const struct lg__resource_class once_class = {
    .noun = "once",
    .is_meeting = true,
    .capacity = lg__capacity_of_one,
    .survey = survey,
    .copy_name = copy_name,
    .copy_advice = copy_advice,
    .is_robust = true,
};

static const void *key_of(const struct lg_once *once)
{
    return lg__park_tagged(once, LG__PARK_ONCE);
}

int lg_once_is_done(const struct lg_once *once)
{
    return once && lg__load_acquire(&once->word) == LG_ONCE_DONE; /* O1 */
}

/* ---- Running it ------------------------------------------------------------------------------ */

/* End the waits of those in the queue, one after the other: of all, or of the first.  Who queues again
 * meanwhile (at the front; it is a waiter of another once by then) is not woken twice. */
static void wake(const void *key, bool must_wake_all)
{
    struct lg__wait *wait;
    uint64_t place = 0;
    do {
        struct lg__bucket *bucket = lg__park_lock(key);
        wait = lg__park_next(bucket, NULL, key);
        while (wait && (wait->stamp <= place || !lg__wait_end(wait, LG__WAIT_WOKEN, 0)))
            wait = lg__park_next(bucket, wait, key);
        if (wait) {
            place = wait->stamp;
            lg__park_remove(bucket, wait);
        }
        lg__park_unlock(bucket);
        if (wait)
            lg__wait_wake(wait);
    } while (wait && must_wake_all);
}

static void finish(struct lg_once *once, uint64_t id, bool is_done)
{
    uint64_t word = lg__load_relaxed(&once->word);
    do
        if (owner_of(word) != id)
            return; /* this context was ended, and another has taken over */
    while (!lg__cas_release(&once->word, &word, is_done ? (uint64_t)LG_ONCE_DONE : 0)); /* O1 */
    if (word & WAITERS)
        wake(key_of(once), is_done); /* O2; only its address is used */
}

/* One call: its arguments, and what is kept from attempt to attempt. */
struct call {
    struct lg_context *self;
    struct lg_once *once;
    lg_once_function *function;
    void *arg;
    struct lg__want want;
    uint64_t dead; /* whose run this one takes over; 0: nobody's */
    bool was_queued;
};

static void log_takeover(const struct call *call)
{
    char name[LG_NAME_SIZE];
    char place[LG_PLACE_SIZE];
    char text[256];
    lg__context_copy_name(call->dead, name);
    lg__copy_place(place, sizeof place, call->want.place);
    snprintf(text, sizeof text, "%s left a once's function in the middle; it is run again at %s",
             name, place);
    struct lg_log_field field = {"context", name};
    lg__log(LG_LOG_WARN, "once-again", &field, 1, text);
}

/* The caller's id is in the word. */
static int run(const struct call *call)
{
    uint64_t id = call->self->id;
    lg__held_push(call->self, &once_class, call->once, call->want.deadline, call->want.place);
    if (call->dead != 0)
        log_takeover(call);
    int status = call->function(call->arg);
    lg__held_pop(call->self, call->once);
    finish(call->once, id, status == LG_OK);
    return status;
}

/* ---- Waiting for it -------------------------------------------------------------------------- */

enum outcome { OUTCOME_DONE, OUTCOME_MINE, OUTCOME_QUEUED, OUTCOME_LATE };

/* Whether somebody who lives runs the function. */
static bool is_running(uint64_t word)
{
    uint64_t owner = owner_of(word);
    return owner != 0 && lg__context_is_alive(owner);
}

/* Make the caller the one that runs the function.  Nobody did just now, or who did had ended; if that one
 * was quicker to finish, the word is another, because ids never return. */
static bool claim(struct call *call, uint64_t word, uint64_t flags)
{
    if (!lg__cas_acquire(&call->once->word, &word,
                         call->self->id | flags | (word & WAITERS))) /* O1 */
        return false;
    call->dead = owner_of(word);
    return true;
}

/* Under the bucket's lock.  Whatever the outcome, the invariant of WAITERS holds afterwards. */
static enum outcome claim_or_queue(struct call *call, struct lg__bucket *bucket)
{
    struct lg_once *once = call->once;
    bool is_late = lg__deadline_has_passed(call->want.deadline);
    bool has_others = lg__park_next(bucket, NULL, key_of(once)) != NULL;
    uint64_t flags = !is_late || has_others ? WAITERS : 0;
    for (;;) {
        uint64_t word = lg__load_acquire(&once->word); /* O1 */
        if (word == LG_ONCE_DONE)
            return OUTCOME_DONE;
        if (!is_running(word)) {
            if (claim(call, word, has_others ? WAITERS : 0))
                return OUTCOME_MINE;
        } else if ((word | flags) == word || lg__cas_acquire(&once->word, &word, word | flags)) {
            break; /* O2 */
        }
    }
    if (is_late)
        return OUTCOME_LATE;
    struct lg__wait *wait = &call->self->wait;
    (void)lg__wait_begin(wait, &call->want, LG__WAIT_WAITING);
    lg__park_push(bucket, wait, key_of(once), call->was_queued);
    call->want.since_ns = wait->since_ns; /* a second wait goes on from here */
    call->was_queued = true;
    return OUTCOME_QUEUED;
}

/* LG_EBUSY: look again. */
static int sleep_in_queue(const struct call *call)
{
    lg__detector_look(call->self);
    /* Who runs it may have ended after claim_or_queue saw it alive and before our begin was visible to
     * it; its end either finds our wait, or is seen here (store-load on both sides). */
    uint64_t owner = owner_of(lg__load_full(&call->once->word));
    if (owner != 0 && !lg__context_is_alive(owner))
        (void)lg__wait_end(&call->self->wait, LG__WAIT_WOKEN, 0);
    return lg__park_sleep(call->self, key_of(call->once));
}

static int wait_or_run(struct call *call)
{
    for (;;) {
        struct lg__bucket *bucket = lg__park_lock(key_of(call->once));
        enum outcome outcome = claim_or_queue(call, bucket);
        lg__park_unlock(bucket);
        int status = LG_OK;
        switch (outcome) {
        case OUTCOME_DONE:
            if (call->was_queued) /* who finished it may have seen no flag, with this one on the way */
                wake(key_of(call->once), true);
            return LG_OK;
        case OUTCOME_MINE:
            return run(call);
        case OUTCOME_LATE:
            lg__detector_explain_want(call->self, &call->want, LG_REPORT_TIMEOUT);
            return LG_ETIMEDOUT;
        case OUTCOME_QUEUED:
            status = sleep_in_queue(call);
            break;
        }
        if (status == LG_EDEADLK)
            lg__detector_log(call->self);
        if (status != LG_EBUSY)
            return status;
    }
}

/* From within the function itself. */
static int refuse_recursion(const struct call *call)
{
    if (call->want.deadline == LG_TRY)
        return LG_EBUSY;
    lg__detector_explain_want(call->self, &call->want, LG_REPORT_DEADLOCK);
    lg__detector_log(call->self);
    return LG_EDEADLK;
}

int lg_once_run_at(struct lg_once *once, lg_once_function *function, void *arg,
                   lg_deadline deadline, const char *place)
{
    if (!once || !function)
        return LG_EINVAL;
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    struct call call = {
        .self = self,
        .once = once,
        .function = function,
        .arg = arg,
        .want = {&once_class, once, 1, false, deadline, place, 0},
    };
    for (;;) {
        uint64_t word = lg__load_acquire(&once->word); /* O1 */
        if (word == LG_ONCE_DONE)
            return LG_OK;
        if (owner_of(word) == self->id)
            return refuse_recursion(&call);
        if (is_running(word))
            return deadline == LG_TRY ? LG_EBUSY : wait_or_run(&call);
        if (claim(&call, word, 0))
            return run(&call);
    }
}
