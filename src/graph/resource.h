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

/* All functions run without the object's lock, while a waiter of the object is pinned, so the
 * object exists.  They read atomically and may see a state between two steps: the detector reads
 * twice before it trusts them. */
struct lg__resource_class {
    const char *noun;
    uint32_t (*capacity)(const void *object);
    void (*survey)(const void *object, lg__visit *visit, void *arg);
    void (*copy_name)(const void *object, char *out); /* LG_NAME_SIZE bytes */
    bool is_robust; /* waiters are woken when the context of a holder ends */
};

#endif
