/* Cancel: tokens, and how a request finds the waits that it has to end.
 *
 * A context's token is in its wait record.  A request sets its token's flag, then walks the living
 * contexts and ends the waits of those whose token is the requested one or below it.  Each such end
 * is a compare-and-swap of the word that was seen, so it hits no later wait, which may have left the
 * scope.
 *
 * Order pair:
 *   K1  a wait begins with a full exchange of its word and then loads the flags of its token and all
 *       above; a request sets the flag by a full exchange and then loads the words (store-load on both
 *       sides).  So either the request sees the wait and ends it, or the wait sees the flag and ends
 *       itself.  A wait that has been moved meanwhile is a re-lock, which nobody cancels.
 *
 * Lifetime: a token counts its user, its children and the scopes that are in it.  A request reads
 * another context's token only with that context's waiting record pinned: a pinned waiter does not
 * return, so it leaves no scope, and the scope's count keeps the token, as the token keeps all above
 * it.  Memory order of the counts: whoever drops the last one has seen all others dropped. */
#ifndef LG_GRAPH_CANCEL_H
#define LG_GRAPH_CANCEL_H

#include <lifeguard/cancel.h>

#include <stdbool.h>

struct lg_context;

struct lg_cancel {
    struct lg_cancel *parent; /* r/o; alive as long as this one */
    lg_deadline deadline;     /* r/o; the earliest of its own and those above */
    uint32_t is_requested;    /* atomic full, K1; never taken back */
    uint32_t references;      /* atomic full */
    uint32_t is_embedded;     /* r/o; others own its memory and its parent */
};

/* Make a token in memory of the caller's, who keeps it, and the parent, until nobody is in it and
 * nothing below it is left.  It needs no end. */
void lg__cancel_init(struct lg_cancel *token, struct lg_cancel *parent, lg_deadline deadline);

/* Whether the token or one above it was requested, whatever the time is.  K1. */
bool lg__cancel_was_requested(const struct lg_cancel *token);

/* The two halves of a request, for who may not walk under its lock, or does not know whether the token
 * will still be there: the flag; and, without any lock, the end of all waits in tokens at or below
 * this one that were requested. */
void lg__cancel_mark(struct lg_cancel *token);
void lg__cancel_end_requested(struct lg_cancel *above);

/* The begin of a context that waits for another: it is in that one's innermost scope, until it ends.  Not
 * in one of an embedded token, or below: the context may outlive its memory. */
void lg__cancel_inherit(struct lg_context *context, const struct lg_context *from);

/* The end of a context: leave its innermost scope. */
void lg__cancel_forget(struct lg_context *context);

#endif
