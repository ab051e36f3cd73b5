/* Resource: anything that can be waited for, as the detector sees it.
 *
 * The graph knows no mutex and no pool: each kind above it describes itself by a class with a
 * capacity and a survey of who holds how many units.  Units that the survey does not mention are
 * free, or held by the environment: both make progress. */
#ifndef LG_GRAPH_RESOURCE_H
#define LG_GRAPH_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

/* One holder and what it has.  A holder may be visited several times. */
struct lg__holding {
    uint64_t holder; /* context id; an ended one counts as environment */
    uint32_t units;
    uint32_t unit;     /* which one, or LG_NO_UNIT */
    const char *place; /* where it was taken */
    uint64_t age_ms;   /* how long ago; 0: unknown, or just now */
};

/* Returns false to stop the survey. */
typedef bool lg__visit(void *arg, const struct lg__holding *holding);

/* The lower bits of a tag's word are the object's own. */
#define LG__TAG_SHIFT 4

struct lg__wait;

/* Returns false to stop the visits.  Runs under the lock of the object's queue: takes no lock. */
typedef bool lg__visit_wait(void *arg, const struct lg__wait *wait);

/* All functions run without the object's lock, while a waiter of the object is pinned, so the
 * object exists.  They read atomically and may see a state between two steps: the detector reads
 * twice before it trusts them.
 *
 * Where somebody may wait for several units, and nobody passes whom comes first, a waiter also waits
 * for those ahead of it in the queue.  Such a class has `visit_ahead` and `let_pass`; both take the
 * lock of the object's queue, below the pin. */
struct lg__resource_class {
    const char *noun;
    uint32_t (*capacity)(const void *object);
    void (*survey)(const void *object, lg__visit *visit, void *arg);
    void (*copy_name)(const void *object, char *out); /* LG_NAME_SIZE bytes */
    /* How a holder gives it back where that is no checkin or unlock, LG_REPORT_ADVICE bytes; "": it is.
     * NULL: it always is. */
    void (*copy_advice)(const void *object, char *out);
    bool is_robust; /* waiters are woken when the context of a holder ends */
    /* Its units weigh modes, and are no numbers for people: a report counts 1 for each. */
    bool has_modes;
    /* More units may be held than there are: the capacity can fall while they are out. */
    bool may_exceed;
    /* For observers.  A 32-bit word of each object, atomic, of which they have the upper bits, all zero
     * where an object begins; 0: there is none, and unnamed objects are not told apart. */
    uint32_t tag_offset;
    bool may_wander; /* units may become another's without the holder's doing */
    bool is_meeting; /* whoever has waited for it comes after all that led to it */
    /* Visit whom a waiter cannot be served before, the first one first, and at last itself.  May visit
     * none where nobody in the queue wants more than one unit, or the waiter is in no queue.  Their
     * stamps are their places: unique, and fixed while their wait is not let pass. */
    void (*visit_ahead)(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                        void *arg);
    /* Let the waiter go ahead of all others from now on, and serve it if it can be, unless the wait that
     * had this word is over.  Caller holds the detector lock. */
    void (*let_pass)(const void *object, struct lg__wait *wait, uint64_t word);
};

/* For classes: there is one unit; and nobody is known to hold any, or to owe it.  (What a report of a timeout
 * says.  Searches come upon such a thing only where something else is waited for as well.) */
uint32_t lg__capacity_of_one(const void *object);
void lg__survey_nobody(const void *object, lg__visit *visit, void *arg);

#endif
