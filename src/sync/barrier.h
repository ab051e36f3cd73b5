/* Barrier, as its parties need it: what is done under the lock of the bucket in which its waiters queue.
 *
 *     state   | meaning                                          | left by                    | for
 *     --------+--------------------------------------------------+----------------------------+---------
 *     FILLING | some have not arrived                            | the last arrival           | ACTING
 *             |                                                  |   without an action, reset | FILLING
 *             |                                                  | who gives up; abort        | BROKEN
 *     ACTING  | all have; the last one runs the action           | the action's end, reset    | FILLING
 *             |                                                  | its failure, who gives up  | BROKEN
 *     BROKEN  | somebody has given up                            | reset                      | FILLING
 */
#ifndef LG_SYNC_BARRIER_H
#define LG_SYNC_BARRIER_H

#include "sync/duty.h"

#include <lifeguard/barrier.h>

enum lg__barrier_state { LG__BARRIER_FILLING, LG__BARRIER_ACTING, LG__BARRIER_BROKEN };

enum lg__barrier_cause {
    LG__CAUSE_ENDED,
    LG__CAUSE_TIMED_OUT,
    LG__CAUSE_CANCELLED,
    LG__CAUSE_DEADLOCK,
    LG__CAUSE_ACTION,
    LG__CAUSE_ABORT,
    LG__CAUSE_RESET
};

static inline const void *lg__barrier_key(const struct lg_barrier *barrier)
{
    return lg__park_tagged(barrier, LG__PARK_BARRIER);
}

/* What has happened without anybody's touching the barrier: a fork, which leaves those who had arrived in the
 * parent; and the end of a registered party, which must not be missed in vain. */
void lg__barrier_catch_up(struct lg_barrier *barrier, struct lg__bucket *bucket,
                          struct lg__wakes *wakes);

/* Begin a round, with nobody there.  R1: the waits of the one before have been ended. */
void lg__barrier_begin_round(struct lg_barrier *barrier);

/* `breaker` is a context's id.  The round keeps its number, so that a report can say who was missing. */
void lg__barrier_break(struct lg_barrier *barrier, struct lg__bucket *bucket,
                       enum lg__barrier_cause cause, uint64_t breaker, struct lg__wakes *wakes);

/* All have arrived, by the departure of one who had not: let them pass, with the action, for which the lock
 * is let go for a while.  Returns the action's status. */
int lg__barrier_complete(struct lg_context *self, struct lg_barrier *barrier,
                         struct lg__bucket *bucket, struct lg__wakes *wakes);

#endif
