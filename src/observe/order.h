/* Order: which things have been taken while which others were held, and whether that could close a ring.
 *
 * A node is a class of things: those of one kind and one name, or an unnamed thing by itself.  An edge says
 * that somebody who held one of the first took one of the second and would have waited for it.  A class of
 * which two are ever held together is taken apart: from then on each of its things is a node, so that an order
 * by address, or from parent to child, is as good as any, and only the very same things count.
 *
 * An edge keeps a few examples: who did it, when, with how many units, and what else it held alone.  A ring
 * of edges is reported if there is one example of each such that all of them could happen at once:
 *   - they are of different contexts, all alive;
 *   - no two have a gate in common, which is a thing that both held all units of: it lets them go one by one;
 *   - none was over before another's context had begun (see below);
 *   - each holds enough of what the one before wants: readers do not keep readers out, and a pool is empty
 *     only if as many contexts take the same way as it has units.
 *
 * Time is a counter that grows with each beginning of a context.  What a context did before another began
 * may be ordered by the start of that one's thread, which is not known of threads that the library has not
 * started.  So an example counts against those contexts only that had begun when it was last seen; the same
 * order taken once more counts against all that live.  A context that has ended counts no more: whoever has
 * joined it comes after.  Who has waited for others to come to some point begins anew.
 *
 * Bounded: when nodes or edges are full, those of single things go, all at once; if names alone fill the
 * tables, new ones are left out, which is said once.  What was left out is in no ring.
 *
 * Lock rank: the order lock, then one pin (names of contexts).  It is taken with nothing held. */
#ifndef LG_OBSERVE_ORDER_H
#define LG_OBSERVE_ORDER_H

#include "graph/context.h"

#include <lifeguard/predict.h>

/* One thing that a context holds. */
struct lg__thing {
    const void *object;
    const struct lg__resource_class *class;
    const char *place;
    uint32_t serial; /* no other object has had it; 0: it has none */
    uint32_t units;  /* held */
    uint32_t capacity;
    char name[LG_NAME_SIZE];
};

/* Who takes something, and since when it counts. */
struct lg__taker {
    uint64_t context;
    uint64_t birth;
};

/* What is new: the warnings from `first` on, and whether something was left out for the first time. */
struct lg__order_news {
    uint32_t first;
    uint32_t count;
    bool is_full;
};

struct lg__order_counts {
    uint32_t classes;
    uint32_t edges;
    uint32_t found;    /* warnings */
    uint32_t left_out; /* takings */
};

/* Room for all of it, before anything else.  False: no memory. */
bool lg__order_get_ready(void);

/* The taker holds `count` things, and has taken things[count] by a call that could have waited. */
struct lg__order_news lg__order_take(const struct lg__taker *taker, const struct lg__thing *things,
                                     uint32_t count);

/* A warning that is kept.  False: there is none of this number. */
bool lg__order_get(uint32_t index, struct lg_prediction *out);
struct lg__order_counts lg__order_counts(void);

/* Forget orders and warnings, but no ranks. */
void lg__order_reset(void);

#endif
