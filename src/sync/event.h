/* Event, as the latch needs it: a latch is an event that is set when its count comes to 0.
 *
 * The word has the count in its upper half (of an event: 0) and flags in the lower one:
 *     SET       Of an event.  Of the automatic kind: nobody who could take it is queued.
 *     WAITERS   Set only under the bucket's lock.  Invariant: if somebody is queued whose wait has not
 *               ended, WAITERS is set; so whoever opens it takes the lock.
 *     DECLARED  Set and cleared only under the bucket's lock: there are, or were, duties for it, and
 *               whoever does his part of it takes the lock. */
#ifndef LG_SYNC_EVENT_H
#define LG_SYNC_EVENT_H

#include "sync/duty.h"

#include <lifeguard/event.h>

#define LG__EVENT_SET       1ull
#define LG__EVENT_WAITERS   2ull
#define LG__EVENT_DECLARED  4ull
#define LG__EVENT_COUNT_ONE ((uint64_t)1 << 32)
#define LG__EVENT_VAGUE     0x80000000u /* of flags; under the bucket's lock: whoever likes opens it */

/* How the two differ. */
struct lg__event_kind {
    struct lg__resource_class class;
    uint32_t (*need)(const struct lg_event *event); /* of a waiter */
    bool (*is_open)(uint64_t word);
    /* With the bucket's lock: it is DECLARED, and will not be opened by who said so. */
    bool (*is_broken)(const struct lg_event *event);
    const char *foreign; /* what to say of who opened it undeclared */
};

extern const struct lg__event_kind lg__event_kind, lg__latch_kind;

static inline const void *lg__event_key(const struct lg_event *event)
{
    return lg__park_tagged(event, LG__PARK_EVENT);
}

void lg__event_copy_name(const void *object, char *out);

/* The slow half of a wait. */
int lg__event_wait(struct lg_event *event, const struct lg__event_kind *kind, lg_deadline deadline,
                   const char *place);

void lg__event_destroy(struct lg_event *event, const char *rule);

/* With the bucket's lock: before the event is opened, remember whether its waiters looked in vain; after
 * it, and without touching it, let all who are queued pass. */
void lg__event_note_opening(struct lg_event *event, struct lg__bucket *bucket);
void lg__event_serve_all(struct lg__bucket *bucket, const void *key, struct lg__wakes *wakes);

/* A set of an automatic event that was taken is not wanted: it is for the next, whoever set it. */
void lg__event_put_back(struct lg_event *event);

/* With the bucket's lock: somebody undeclared has opened it.  Then, without the lock, say so; `name` is the
 * event's, which may be gone. */
void lg__event_disown(struct lg_event *event);
void lg__event_log_foreign(const struct lg__event_kind *kind, const char *name);

/* Add, withdraw and move a duty; `permit` may refuse to add one, with the bucket's lock. */
typedef int lg__event_permit(struct lg_event *event, uint32_t units);
int lg__event_declare(struct lg_event *event, struct lg_context *context, uint32_t units,
                      const char *place, lg__event_permit *permit);
int lg__event_withdraw(struct lg_event *event, struct lg_context *context);
int lg__event_transfer(struct lg_event *event, struct lg_context *from, struct lg_context *to,
                       const char *place);

#endif
