/* Detector: looks for a deadlock when a wait begins, chooses the victim, and explains. */
#ifndef LG_GRAPH_DETECTOR_H
#define LG_GRAPH_DETECTOR_H

#include "graph/context.h"

/* Look, after lg__wait_begin and before sleeping, whether this wait closed a deadlock.  If it did,
 * one member's wait has ended as VICTIM on return, and its report says why; that may be the
 * waiter's own.  Also for a wait that something else than its beginning may have closed. */
void lg__detector_look(struct lg_context *waiter);

/* Fill the context's report for a wait that it has ended itself but not yet retracted: who holds
 * what it wanted, and what they wait for in turn. */
void lg__detector_explain(struct lg_context *waiter);

/* The same for a wait that is not even begun: its deadline has passed (LG_REPORT_TIMEOUT), or the
 * caller itself holds the only unit (LG_REPORT_DEADLOCK: a mutex locked again). */
void lg__detector_explain_want(struct lg_context *self, const struct lg__want *want,
                               enum lg_report_kind kind);

/* Say in the log that the context got LG_EDEADLK.  Outside of locks. */
void lg__detector_log(struct lg_context *victim);

/* Keep judgements from running until it is let go of; outside of all locks. */
void lg__detector_hold(void);
void lg__detector_let_go(void);

/* For the handlers of fork(), in context.c. */
void lg__detector_fork_prepare(void);
void lg__detector_fork_parent(void);
void lg__detector_fork_child(void);

#endif
