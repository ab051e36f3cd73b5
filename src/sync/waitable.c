/* Waiting for any, or for all, of several things.
 *
 * Any: the waiter tries one thing after the other; if none can be had it queues for all of them and sleeps.
 * Whoever ends its wait either grants it a thing, and then that one is had, or wakes it to look again.
 * It looks from the first on, so it may have another than the one it was woken for.  Branches stay in the
 * queues from look to look, and leave when all is over.
 *
 * All: the waiter tries to take one after the other.  If one of them cannot be had, it gives back the others
 * and queues for that one alone; once that is had, it tries the rest.  So it sleeps with nothing in its
 * hands, and what it takes for the blink of a try goes back by the usual way, which tells whoever waits.  In
 * the graph it waits for all of them all the time, which is so.
 *
 * No wake is lost: the order is begin, enter, sleep; a thing that comes after `enter` has seen that it
 * cannot be had finds the branch, in a wait that goes on, and one that was there is seen by `enter`.
 * Nothing is taken between begin and the end: then the context counts as blocked (fact 1 of graph/search.c). */
#include "sync/waitable.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "plat/text.h"

#include <sched.h>

#define LOOKS 4 /* in vain, one after the other, before others get a turn */

static const struct lg__waitable_class *const classes[] = {
    [LG_WAITABLE_EVENT] = &lg__event_waitable,
    [LG_WAITABLE_LATCH] = &lg__event_waitable,
    [LG_WAITABLE_MUTEX] = &lg__mutex_waitable,
    [LG_WAITABLE_SEMAPHORE] = &lg__semaphore_waitable,
    [LG_WAITABLE_THREAD] = &lg__thread_waitable,
    [LG_WAITABLE_CONTEXT] = &lg__context_waitable,
    [LG_WAITABLE_PERMITS] = &lg__permits_waitable,
};

#define KINDS (sizeof classes / sizeof *classes)

/* ---- What the graph sees ----------------------------------------------------------------------- */

/* Of the group as a whole only the names are used: searches look at the branches. */
static void copy_name(const void *object, char *out)
{
    const struct lg__group *group = object;
    struct lg__text text;
    char name[LG_NAME_SIZE];
    lg__text_begin(&text, out, LG_NAME_SIZE);
    for (uint32_t i = 0; i < group->count; i++) {
        const struct lg__want *want = &group->branches[i].want;
        want->class->copy_name(want->object, name);
        lg__text_addf(&text, "%s%s", i ? ", " : "", name[0] ? name : want->class->noun);
    }
}

/* Among the things may be one whose holder ends. */
static const struct lg__resource_class any_class = {
    .noun = "any of",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
    .is_robust = true,
};

static const struct lg__resource_class all_class = {
    .noun = "all of",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
    .is_robust = true,
};

/* ---- The waiter -------------------------------------------------------------------------------- */

struct several {
    struct lg_context *self;
    const struct lg_waitable *things;
    uint32_t count;
    bool is_all;
    bool has_queued; /* branches may stand in queues */
    struct lg__want want;
    enum lg__wait_state state; /* to begin in */
    uint64_t known;            /* a bit for each thing whose holders were known before it began */
    uint32_t first;            /* all: the one that could not be had, for which it queues */
    uint32_t index;            /* of whom the status is */
};

static const struct lg__waitable_class *class_of(const struct several *several, uint32_t i)
{
    return classes[several->things[i].kind];
}

static struct lg__wait *branch_of(const struct several *several, uint32_t i)
{
    return &several->self->room->branches[i];
}

static bool is_valid(const struct lg_waitable *things, uint32_t count)
{
    if (!things || count == 0 || count > LG_WAITABLES_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = things[i].kind;
        bool is_there = kind == LG_WAITABLE_CONTEXT ? things[i].id != 0 : things[i].object != NULL;
        if (kind == LG_WAITABLE_NONE || kind >= KINDS || !is_there || things[i].need == 0)
            return false;
    }
    return true;
}

/* Of this kind, or of any (NONE). */
static bool has_one_twice(const struct lg_waitable *things, uint32_t count,
                          enum lg_waitable_kind kind)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if ((kind == LG_WAITABLE_NONE || things[i].kind == kind) &&
                things[i].kind == things[j].kind && things[i].object == things[j].object &&
                things[i].id == things[j].id)
                return true;
    return false;
}

/* A branch's memory was in no queue of this process when it was used last; after a fork it may look so. */
static void describe(struct several *several, uint32_t i)
{
    struct lg__wait *branch = branch_of(several, i);
    if (!branch->own)
        branch->own = &several->self->wait;
    if (lg__load_relaxed(&branch->queue))
        lg__store_relaxed(&branch->queue, (const void *)NULL);
    branch->companion = NULL;
    branch->want =
        (struct lg__want){.deadline = several->want.deadline, .place = several->want.place};
    class_of(several, i)->describe(&several->things[i], branch, &several->self->room->targets[i]);
}

static bool set_up(struct several *several)
{
    struct lg_context *self = several->self;
    if (!self->room)
        self->room = lg__map(sizeof *self->room);
    if (!self->room)
        return false;
    self->room->group = (struct lg__group){self->room->branches, several->count, several->is_all};
    for (uint32_t i = 0; i < several->count; i++)
        describe(several, i);
    several->want.class = several->is_all ? &all_class : &any_class;
    several->want.object = &self->room->group;
    self->wait.group = &self->room->group;
    return true;
}

/* Of an any the state is OUTSIDE if the holders of one thing are not known, of an all if those of no thing
 * are. */
static void choose_state(struct several *several)
{
    uint32_t count = 0;
    several->known = 0;
    for (uint32_t i = 0; i < several->count; i++) {
        const struct lg__waitable_class *class = class_of(several, i);
        bool is_known = !class->is_known || class->is_known(&several->things[i]);
        several->known |= (uint64_t)is_known << i;
        count += is_known;
    }
    bool is_waiting = several->is_all ? count > 0 : count == several->count;
    several->state = is_waiting ? LG__WAIT_WAITING : LG__WAIT_OUTSIDE;
}

static bool enter_one(struct several *several, uint32_t i)
{
    return class_of(several, i)
        ->enter(&several->things[i], branch_of(several, i), several->known >> i & 1);
}

/* True: one of those that are waited for can be had. */
static bool enter(struct several *several)
{
    if (several->is_all)
        return enter_one(several, several->first);
    for (uint32_t i = 0; i < several->count; i++)
        if (enter_one(several, i))
            return true;
    return false;
}

static void leave(const struct several *several, uint32_t i)
{
    class_of(several, i)->leave(&several->things[i], branch_of(several, i));
}

/* The wait from its begin until it has ended and is taken back.  *epoch says which it was. */
static enum lg__wait_state sleep_once(struct several *several, uint64_t *epoch)
{
    struct lg__wait *wait = &several->self->wait;
    choose_state(several);
    (void)lg__wait_begin(wait, &several->want, several->state);
    *epoch = LG__WAIT_EPOCH(lg__load_relaxed(&wait->word));
    several->want.since_ns = wait->since_ns; /* the next one goes on from here */
    several->has_queued = true;
    if (enter(several))
        (void)lg__wait_end(wait, LG__WAIT_WOKEN, 0);
    else if (several->state == LG__WAIT_WAITING)
        lg__detector_look(several->self);
    enum lg__wait_state end = lg__wait_sleep(wait);
    if (end == LG__WAIT_TIMED_OUT)
        lg__detector_explain(several->self);
    lg__wait_retract(wait);
    return end;
}

/* Out of queue `i`, whether the wait of this epoch was ended by way of it: who has done so held the lock of
 * that queue until he had said it. */
static bool leave_winner(struct several *several, uint32_t i, uint64_t epoch)
{
    leave(several, i);
    return LG__WAIT_EPOCH(branch_of(several, i)->won) == epoch;
}

/* The status of a wait that was not woken to look again: granted (LG_OK), refused, or over. */
static int status_of(struct several *several, enum lg__wait_state end, uint32_t winner)
{
    if (end == LG__WAIT_REFUSED)
        return (int)(uint32_t)branch_of(several, winner)->grant;
    int status = lg__wait_status(&several->self->wait, end);
    if (status == LG_EDEADLK)
        lg__detector_log(several->self);
    return status;
}

static void note_granted(const struct several *several, uint32_t i)
{
    const struct lg__waitable_class *class = class_of(several, i);
    if (class->note_granted)
        class->note_granted(&several->things[i], several->want.place);
}

static bool is_late(const struct several *several)
{
    return lg__deadline_has_passed(several->want.deadline) ||
           lg__deadline_has_passed(lg_cancel_deadline(several->self->wait.cancel));
}

/* No wait has begun yet, or the last one was woken in vain. */
static int give_up(struct several *several)
{
    if (several->want.deadline != LG_TRY && !several->self->wait.group && !set_up(several))
        return LG_ENOMEM;
    return lg__park_give_up(several->self, &several->want, LG_REPORT_TIMEOUT);
}

/* ---- Any --------------------------------------------------------------------------------------- */

/* The first that can be had, or that says why it never can be. */
static int take_any(struct several *several)
{
    for (uint32_t i = 0; i < several->count; i++) {
        struct lg__wait *branch = several->has_queued ? branch_of(several, i) : NULL;
        int status = class_of(several, i)->take(&several->things[i], branch, several->want.place);
        several->index = i;
        if (status != LG_EBUSY)
            return status;
    }
    return LG_EBUSY;
}

/* Out of all queues; the last that has ended the wait is the one that did. */
static uint32_t leave_all(struct several *several, uint64_t epoch)
{
    uint32_t winner = 0;
    for (uint32_t i = 0; several->has_queued && i < several->count; i++)
        if (leave_winner(several, i, epoch))
            winner = i;
    return winner;
}

static int wait_any(struct several *several)
{
    for (uint32_t looks = 1;; looks++) {
        uint64_t epoch;
        enum lg__wait_state end = sleep_once(several, &epoch);
        int status = LG_EBUSY;
        if (end == LG__WAIT_WOKEN && (status = take_any(several)) == LG_EBUSY &&
            !is_late(several)) {
            if (looks % LOOKS == 0)
                sched_yield();
            continue;
        }
        uint32_t winner = leave_all(several, epoch);
        if (end == LG__WAIT_WOKEN)
            return status == LG_EBUSY ? give_up(several) : status;
        status = status_of(several, end, winner);
        several->index = winner;
        if (end == LG__WAIT_GRANTED)
            note_granted(several, winner);
        return status;
    }
}

/* ---- All --------------------------------------------------------------------------------------- */

/* The order in which they are taken: the one that could not be had before, then the others. */
static uint32_t nth(const struct several *several, uint32_t n)
{
    if (n == 0)
        return several->first;
    return n <= several->first ? n - 1 : n;
}

static void give_back(const struct several *several, uint32_t taken)
{
    while (taken > 0) {
        uint32_t i = nth(several, --taken);
        if (class_of(several, i)->give_back)
            class_of(several, i)->give_back(&several->things[i]);
    }
}

/* Take all of them but the first `taken`, which are had.  LG_EBUSY: nothing is had, and *failing could not
 * be. */
static int take_all(struct several *several, uint32_t taken, uint32_t *failing)
{
    for (; taken < several->count; taken++) {
        uint32_t i = nth(several, taken);
        struct lg__wait *branch =
            several->has_queued && i == several->first ? branch_of(several, i) : NULL;
        int status = class_of(several, i)->take(&several->things[i], branch, several->want.place);
        if (status == LG_OK)
            continue;
        give_back(several, taken);
        several->index = *failing = i;
        return status;
    }
    return LG_OK;
}

/* One wait for the first, and a try.  LG_EBUSY: again, for another, or the same. */
static int wait_for_first(struct several *several)
{
    uint64_t epoch;
    uint32_t failing = several->first;
    enum lg__wait_state end = sleep_once(several, &epoch);
    bool is_granted = end == LG__WAIT_GRANTED;
    int status = LG_EBUSY;
    if (end != LG__WAIT_WOKEN) {
        leave(several, several->first);
        several->has_queued = false;
        several->index = several->first;
        status = status_of(several, end, several->first);
    }
    if (is_granted)
        note_granted(several, several->first);
    if (is_granted || end == LG__WAIT_WOKEN)
        status = take_all(several, is_granted, &failing);
    if (several->has_queued && (status != LG_EBUSY || failing != several->first)) {
        leave(several, several->first);
        several->has_queued = false;
    }
    several->first = failing;
    return status;
}

static int wait_all(struct several *several)
{
    for (uint32_t looks = 1;; looks++) {
        int status = wait_for_first(several);
        if (status != LG_EBUSY)
            return status;
        if (is_late(several)) {
            if (several->has_queued)
                leave(several, several->first);
            return give_up(several);
        }
        if (looks % LOOKS == 0)
            sched_yield();
    }
}

/* ---- Both -------------------------------------------------------------------------------------- */

/* Who has waited for a signal, or an end, comes after what others did before. */
static bool is_meeting(const struct several *several)
{
    bool has_any = false;
    for (uint32_t i = 0; i < several->count; i++)
        if (several->is_all || i == several->index)
            has_any = has_any || branch_of(several, i)->want.class->is_meeting;
    return has_any;
}

static int wait_for(struct several *several)
{
    if (is_late(several))
        return give_up(several);
    if (!set_up(several))
        return LG_ENOMEM;
    int status = several->is_all ? wait_all(several) : wait_any(several);
    if (status == LG_OK && is_meeting(several))
        lg__observe_met(several->self);
    return status;
}

static int run(struct several *several, uint32_t *index)
{
    several->self = lg__context_self();
    if (!several->self)
        return LG_ENOMEM;
    int status = several->is_all ? take_all(several, 0, &several->first) : take_any(several);
    if (status == LG_EBUSY) {
        status = wait_for(several);
        several->self->wait.group = NULL;
    }
    if (index)
        *index = several->index;
    return status;
}

int lg_wait_any_at(const struct lg_waitable *things, uint32_t count, lg_deadline deadline,
                   const char *place, uint32_t *index)
{
    struct several several = {
        .things = things,
        .count = count,
        .want = {.need = 1, .deadline = deadline, .place = place},
    };
    /* In a queue with an order a branch would stand in another's way. */
    bool is_good = is_valid(things, count) && !has_one_twice(things, count, LG_WAITABLE_PERMITS);
    return is_good ? run(&several, index) : LG_EINVAL;
}

int lg_wait_all_at(const struct lg_waitable *things, uint32_t count, lg_deadline deadline,
                   const char *place, uint32_t *index)
{
    struct several several = {
        .things = things,
        .count = count,
        .is_all = true,
        .want = {.need = count, .deadline = deadline, .place = place},
    };
    bool is_good = is_valid(things, count) && !has_one_twice(things, count, LG_WAITABLE_NONE);
    return is_good ? run(&several, index) : LG_EINVAL;
}
