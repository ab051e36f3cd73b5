/* Ledger: what contexts hold beside their own tables.
 *
 * A context's table is written by itself alone, and has 32 entries.  So units that another context gave to
 * it, and those for which its table had no room, stand here: who holds, of what, how many, from where.
 *
 * The lines are few, preallocated, and under one lock, which is taken in rare cases only: nobody who has
 * nothing here looks for it.  The detector reads them as it reads the tables:
 *   L1  a context that is blocked does not take from its lines; others only ever add to them.  What the
 *       detector has counted of a blocked context stays true while it is blocked.
 *   L2  a change is followed by a read-modify-write of the count of lines (full), and then by the giver's
 *       look at the receiver's wait; a waiter's begin (W1, full) is followed by a load of that count
 *       (lg__ledger_is_used), and then by its survey.  One of the two sees the other (store-load on both
 *       sides), so no deadlock that a gift closes is missed.
 *
 * Lock rank: below a pin; nothing is taken under it. */
#ifndef LG_SYNC_LEDGER_H
#define LG_SYNC_LEDGER_H

#include "graph/resource.h"

#include <stdbool.h>

#define LG__LEDGER_LINES 1024

struct lg__line {
    const void *object;
    uint64_t holder;
    const char *place;
    uint32_t units;
    uint32_t next; /* line + 1 */
};

enum lg__ledger_result { LG__LEDGER_ADDED, LG__LEDGER_FULL, LG__LEDGER_ENDED };

/* Add to what a living context holds. */
enum lg__ledger_result lg__ledger_add(const struct lg__line *line);

/* L2, for what the caller has changed elsewhere, in its own table. */
void lg__ledger_publish(void);

/* Take away up to so many units; of the caller's own, or of a context that has ended.  Returns how many. */
uint32_t lg__ledger_take(const void *object, uint64_t holder, uint32_t units);

/* How many units a context holds by the ledger. */
uint32_t lg__ledger_count(const void *object, uint64_t holder);

/* L2: whether the ledger has anything; before a survey of the tables. */
bool lg__ledger_is_used(void);

/* Visit the holdings of an object, under the lock. */
void lg__ledger_visit(const void *object, lg__visit *visit, void *arg);

/* Take out a line of a context that has ended.  False: it has none. */
bool lg__ledger_take_any(uint64_t holder, struct lg__line *line);

/* In a forked child, whose only context is `holder`, or 0: forget the lines of all others. */
void lg__ledger_keep_only(uint64_t holder);

/* The same child: call visit(object) with each object of a line. */
void lg__ledger_each(void (*visit)(const void *object));

/* For the handlers of fork(). */
void lg__ledger_fork_prepare(void);
void lg__ledger_fork_parent(void);
void lg__ledger_fork_child(void);

#endif
