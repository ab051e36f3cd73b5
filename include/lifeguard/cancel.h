/* Cancel: end the waits of a piece of work, from outside or at its deadline.
 *
 * A token stands for a piece of work.  Work has parts, so tokens form a tree: a request cancels a
 * token and all below it, and a token's deadline is the earliest on the way up.  It takes effect on
 * a context, not on a call: a context enters a token for the length of a scope, and every wait of
 * that context (mutex, condition, checkout, close, lg_retry) then ends with LG_ECANCELED when the
 * token is requested, and at its deadline at the latest as if that were the call's own.
 *
 *     struct lg_cancel *request;                     // one of the server's: 2 s and no longer
 *     struct lg_cancel_scope scope;
 *     int status = lg_cancel_create(server, lg_after_ms(2000), &request);
 *     if (status == LG_OK && (status = lg_cancel_enter(request, &scope)) == LG_OK) {
 *         status = answer(connection);               // its waits, however deep, belong to request
 *         lg_cancel_leave(&scope);
 *     }
 *     lg_cancel_destroy(request);
 *
 *     lg_cancel_request(server);                     // elsewhere: all that the server does stops
 *
 * To hand work to threads, give each the token and let each enter it; keep the token until they have
 * (they may leave it after you have destroyed it).  Work that is to end with the scope around it
 * needs a token below that scope's: lg_cancel_create(lg_cancel_current(), ...).  Only the innermost
 * scope counts, so entering NULL is a shield: nothing cancels the waits of a clean-up in there.
 *
 * Only waits look at tokens: an uncontended lock or checkout pays nothing for them and succeeds,
 * cancelled or not, and so does a wait that was granted what it wants before it was cancelled.  Work
 * that does not wait asks lg_cancel_is_requested from time to time.  A wait that begins when the
 * token is requested already fails at once.
 *
 * LG_ECANCELED says that nothing was taken.  It fills no report: there is nobody to blame.  From a
 * condition's wait it means that THE MUTEX IS HELD AGAIN, as after LG_ETIMEDOUT; taking it back is not
 * cancelled.  Release what you hold and return: a request is never taken back.  A deadlock that a
 * cancel would have ended some day is reported all the same.
 *
 * Leave all scopes before their thread ends: only the innermost is left for it, the tokens of those
 * around it are never freed.  In a forked child tokens are what they were, and those of other
 * threads' scopes are never freed. */
#ifndef LIFEGUARD_CANCEL_H
#define LIFEGUARD_CANCEL_H

#include <lifeguard/status.h>

struct lg_cancel;

/* A scope: what enter has to put back at leave.  The fields belong to the library; their size is
 * frozen. */
struct lg_cancel_scope {
    struct lg_cancel *outer;
    uint64_t context;
    uint64_t depth;
};

LG_BEGIN_DECLS

/* Create a token below another, or the root of a tree.
 * Shape:   parent NULL for a root; out not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_FOREVER: the parent's alone counts.
 * Returns: LG_OK; LG_EINVAL (no out); LG_ENOMEM.  *out is NULL unless LG_OK.
 * Threads: any; parent must not be destroyed meanwhile.
 * Source:  cancel scopes of Trio (Smith 2018), contexts of Go. */
LG_API LG_MUST_CHECK int lg_cancel_create(struct lg_cancel *parent, lg_deadline deadline,
                                          struct lg_cancel **out);

/* Give a token back.  NULL is fine.  It is no request: children and scopes that are still in it go on
 * as before, and keep what they need of it.
 * Threads: any; the caller uses it no more. */
LG_API void lg_cancel_destroy(struct lg_cancel *token);

/* Cancel a token and all below it, for good.  When it returns, all waits that had begun in its scopes
 * have ended, in this way or another.  NULL is fine; to ask twice changes nothing.
 * Threads: any, also while others enter and leave; not signal-safe; looks at each living context. */
LG_API void lg_cancel_request(struct lg_cancel *token);

/* Whether the work of this token is no longer wanted: it, or one above it, was requested, or its
 * deadline has passed.
 * Returns: 1 or 0; 0 for NULL.
 * Threads: any; signal-safe. */
LG_API int lg_cancel_is_requested(const struct lg_cancel *token);

/* The earliest deadline on the way up from a token.
 * Returns: the deadline, absolute; LG_FOREVER for NULL.
 * Threads: any; signal-safe. */
LG_API lg_deadline lg_cancel_deadline(const struct lg_cancel *token);

/* Make a token the calling context's, until the scope is left.
 * Shape:   token NULL: none, a shield; scope not NULL, its memory lives until it is left.
 * Returns: LG_OK; LG_EINVAL (no scope); LG_ENOMEM (no context for this thread): nothing was entered.
 * Threads: any; a context that is detached takes its scopes along; allocates nothing after the
 *          thread's first use. */
LG_API LG_MUST_CHECK int lg_cancel_enter(struct lg_cancel *token, struct lg_cancel_scope *scope);

/* Leave the innermost scope: what was the context's token before is again.  Panics if the scope is
 * not the innermost one of the calling context.
 * Threads: the context that entered it. */
LG_API void lg_cancel_leave(struct lg_cancel_scope *scope);

/* The calling context's token, to create others below it.
 * Returns: the token, which lives as long as the scope; NULL outside of scopes and in a shield.
 * Threads: any. */
LG_API struct lg_cancel *lg_cancel_current(void);

LG_END_DECLS

#endif
