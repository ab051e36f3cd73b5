/* Contexts: who holds and who waits.
 *
 * Every thread that uses the library has a context, made at its first use and ended at thread exit.
 * A coroutine that moves between threads needs a context of its own, or what it holds would be
 * charged to the thread: detach it before it leaves a thread, resume it on the next one.
 *
 *     struct lg_context *mine = lg_context_detach();   // yield: this thread forgets me
 *     ...                                              // later, on any thread
 *     lg_context_resume(mine);                         // what I held is mine again
 *
 * Ids carry a generation: the id of an ended context never names a living one, so it can be kept as
 * long as you like, and its end can be waited for.  At most 60,000 contexts live at a time. */
#ifndef LIFEGUARD_CONTEXT_H
#define LIFEGUARD_CONTEXT_H

#include <lifeguard/status.h>

#define LG_CONTEXTS_MAX 60000

struct lg_context;

LG_BEGIN_DECLS

/* The calling thread's context, made now if there is none yet.
 * Returns: the context, or NULL when 60,000 are alive or memory is out.
 * Threads: any; not signal-safe. */
LG_API struct lg_context *lg_context_self(void);

/* A context's id.
 * Returns: the id, never 0; 0 for NULL.
 * Threads: any; the context must be alive: best called by itself, with lg_context_self(). */
LG_API uint64_t lg_context_id(const struct lg_context *context);

/* Wait until a context has ended: that of a thread that somebody else has started, or a coroutine's.
 * Its thread may still be on its way out then; to be sure of a thread that you have started yourself, use
 * lg_thread_join.  The wait is a row of the graph: it fails if that context waits, through any chain, for
 * what the caller holds.
 * Shape:   id from lg_context_id; one whose context has ended long ago is fine.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait.
 * Returns: LG_OK (it has ended); LG_ETIMEDOUT (LG_TRY: LG_EBUSY, without a report); LG_EDEADLK (with a
 *          report; also for the caller's own); LG_ECANCELED; LG_EINVAL (0); LG_ENOMEM (no context for this
 *          thread).
 * Threads: any; blocks; allocates nothing after the thread's first use. */
#define lg_context_join(id, deadline) lg_context_join_at((id), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_context_join_at(uint64_t id, lg_deadline deadline, const char *place);

/* Name the calling thread's context for reports; the default is "thread-TID".
 * Shape:   name is copied, cut to LG_NAME_SIZE - 1 bytes; NULL restores the default.
 * Returns: LG_OK, LG_ENOMEM.
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_context_set_name(const char *name);

/* A context's name.
 * Shape:   out has room for LG_NAME_SIZE bytes; it gets "" for NULL.
 * Threads: any; the context must be alive. */
LG_API void lg_context_name(const struct lg_context *context, char *out);

/* Take the calling thread's context off the thread, with all it holds; the thread gets a fresh one
 * at its next use of the library.
 * Returns: the context, or NULL if the thread has none and none can be made.
 * Threads: any; not while it waits. */
LG_API struct lg_context *lg_context_detach(void);

/* Put a detached context on the calling thread.  The context that the thread had is ended.
 * Returns: LG_OK; LG_EINVAL (not detached); LG_EBUSY (the thread's own context holds something:
 *          detach it or let go first); LG_ENOMEM.  On an error nothing has changed.
 * Threads: any; one context is on one thread at a time. */
LG_API LG_MUST_CHECK int lg_context_resume(struct lg_context *context);

/* End a detached context that will not be resumed.  What it still holds is treated as at thread
 * exit: LG_EOWNERDEAD for mutexes, orphans for leases.
 * Returns: LG_OK; LG_EINVAL (not detached).
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_context_end(struct lg_context *context);

LG_END_DECLS

#endif
