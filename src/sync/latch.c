/* Latch: an event that is set when its count comes to 0 (event.h).
 *
 * A count-down is one compare-and-swap of the word, unless it opens the latch while somebody is queued, or
 * duties are declared: then it is done under the bucket's lock.  It opens the latch first and serves the
 * queue by the address, as a set does (event.c).
 *
 *   E3  A count-down acquires as well (full): what the others wrote before they counted down comes by way of
 *       who opens the latch to those whom it serves in the queue, who do not look at the word again, and to
 *       itself.
 *
 * Duties: a party holds what it still has to count down; a waiter needs all there is.  So one party that is
 * stuck is enough for a deadlock, and what nobody has declared is the environment's.
 * Invariant: while DECLARED, the duties are not more than the count, and `declared` is their sum but for
 * those of contexts that have ended or withdrawn. */
#include <lifeguard/latch.h>

#include "sync/event.h"

#include <stdio.h>

static uint32_t get_need(const struct lg_event *event)
{
    return (uint32_t)((const struct lg_latch *)event)->total;
}

/* Not the count: it may change while others wait (D2). */
static uint32_t get_capacity(const void *object)
{
    return get_need(object);
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_event *event = object;
    lg__duty_survey(lg__load_relaxed(&event->serial), 0, visit, arg);
}

static uint32_t count_of(uint64_t word)
{
    return (uint32_t)(word / LG__EVENT_COUNT_ONE);
}

static bool is_open(uint64_t word)
{
    return count_of(word) == 0;
}

static bool is_broken(const struct lg_event *event)
{
    return lg__duty_sum(event->serial).units < event->declared;
}

static void copy_advice(const void *object, char *out)
{
    char name[LG_NAME_SIZE];
    lg__event_copy_name(object, name);
    snprintf(out, LG_REPORT_ADVICE, "count \"%s\" down first", name[0] ? name : "(unnamed)");
}

const struct lg__event_kind lg__latch_kind = {
    .class =
        {
            .noun = "latch",
            .capacity = get_capacity,
            .survey = survey,
            .copy_name = lg__event_copy_name,
            .copy_advice = copy_advice,
            .is_meeting = true,
        },
    .need = get_need,
    .is_open = is_open,
    .is_broken = is_broken,
    .foreign = "was counted down by more than what is left for those who are no declared parties",
};

int lg_latch_init(struct lg_latch *latch, const char *name, uint32_t count)
{
    if (!latch || count > LG_LATCH_MAX)
        return LG_EINVAL;
    *latch = (struct lg_latch)LG_LATCH_INIT(name, count);
    return LG_OK;
}

void lg_latch_destroy(struct lg_latch *latch)
{
    if (latch)
        lg__event_destroy(&latch->event, "a latch was destroyed while waited for");
}

/* ---- Counting down --------------------------------------------------------------------------- */

/* With the bucket's lock, before the count is changed: do one's duty.  True: what is left of the duties would
 * be more than the count, so somebody else has done theirs, and they say nothing any more. */
static bool do_duty(struct lg_event *event, uint32_t left, uint32_t count)
{
    uint64_t serial = event->serial;
    if (!(lg__load_relaxed(&event->word) & LG__EVENT_DECLARED))
        return false;
    uint32_t done = lg__self ? lg__duty_do(serial, lg__self->id, count) : 0;
    event->declared -= done;
    if (done > 0)
        lg__store_relaxed(&lg__self->has_been_told, 0u); /* it has let somebody go on */
    if (lg__duty_sum(serial).units <= left - count)
        return false;
    lg__event_disown(event);
    return true;
}

/* What has become of a count-down.  Who has opened the latch does not touch it any more. */
enum outcome { OUTCOME_REFUSED, OUTCOME_COUNTED, OUTCOME_OPENED };

static __attribute__((noinline)) enum outcome count_down_slow(struct lg_event *event,
                                                              uint32_t count)
{
    struct lg__wakes wakes;
    char name[LG_NAME_SIZE];
    enum outcome outcome = OUTCOME_REFUSED;
    const void *key = lg__event_key(event);
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(event);
    lg__event_copy_name(event, name);
    uint64_t word = lg__load_relaxed(&event->word);
    /* While it is DECLARED nobody counts down without the lock, so the count stays what was seen. */
    bool must_log = count <= count_of(word) && do_duty(event, count_of(word), count);
    word = lg__load_relaxed(&event->word);
    if (count == count_of(word))
        lg__event_note_opening(event, bucket);
    while (count <= count_of(word) && outcome == OUTCOME_REFUSED)
        if (lg__cas_full(&event->word, &word, word - count * LG__EVENT_COUNT_ONE)) /* E3 */
            outcome = count == count_of(word) ? OUTCOME_OPENED : OUTCOME_COUNTED;
    if (outcome == OUTCOME_OPENED)
        lg__event_serve_all(bucket, key, &wakes);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (must_log)
        lg__event_log_foreign(&lg__latch_kind, name);
    return outcome;
}

static enum outcome count_down(struct lg_latch *latch, uint32_t count)
{
    struct lg_event *event = &latch->event;
    uint64_t word = lg__load_relaxed(&event->word);
    while (count <= count_of(word)) {
        bool is_opening = count == count_of(word);
        if ((is_opening && (word & LG__EVENT_WAITERS)) || (word & LG__EVENT_DECLARED))
            return count_down_slow(event, count);
        if (lg__cas_full(&event->word, &word, word - count * LG__EVENT_COUNT_ONE)) /* E2, E3 */
            return is_opening ? OUTCOME_OPENED : OUTCOME_COUNTED;
    }
    return OUTCOME_REFUSED;
}

int lg_latch_count_down(struct lg_latch *latch, uint32_t count)
{
    return latch && count_down(latch, count) != OUTCOME_REFUSED ? LG_OK : LG_EINVAL;
}

uint32_t lg_latch_count(const struct lg_latch *latch)
{
    return latch ? count_of(lg__load_acquire(&latch->event.word)) : 0; /* E1 */
}

/* ---- Waiting --------------------------------------------------------------------------------- */

int lg_latch_wait_at(struct lg_latch *latch, lg_deadline deadline, const char *place)
{
    if (!latch)
        return LG_EINVAL;
    uint64_t word = lg__load_acquire(&latch->event.word); /* E1 */
    if (is_open(word))
        return LG_OK;
    if (deadline == LG_TRY && !(word & LG__EVENT_DECLARED))
        return LG_EBUSY;
    return lg__event_wait(&latch->event, &lg__latch_kind, deadline, place);
}

int lg_latch_arrive_and_wait_at(struct lg_latch *latch, lg_deadline deadline, const char *place)
{
    enum outcome outcome = latch ? count_down(latch, 1) : OUTCOME_REFUSED;
    if (outcome != OUTCOME_COUNTED)
        return outcome == OUTCOME_OPENED ? LG_OK : LG_EINVAL;
    return lg_latch_wait_at(latch, deadline, place);
}

/* ---- Parties --------------------------------------------------------------------------------- */

/* DECLARED is set already, so the count stands still. */
static int permit_share(struct lg_event *event, uint32_t units)
{
    uint32_t left = count_of(lg__load_relaxed(&event->word));
    uint32_t sum = lg__duty_sum(event->serial).units;
    return units <= left - sum ? LG_OK : LG_EINVAL;
}

int lg_latch_add_party_at(struct lg_latch *latch, struct lg_context *context, uint32_t count,
                          const char *place)
{
    if (!latch || count == 0)
        return LG_EINVAL;
    return lg__event_declare(&latch->event, context, count, place, permit_share);
}

int lg_latch_withdraw_party(struct lg_latch *latch, struct lg_context *context)
{
    return latch ? lg__event_withdraw(&latch->event, context) : LG_EINVAL;
}

int lg_latch_transfer_party_at(struct lg_latch *latch, struct lg_context *from,
                               struct lg_context *to, const char *place)
{
    return latch ? lg__event_transfer(&latch->event, from, to, place) : LG_EINVAL;
}
