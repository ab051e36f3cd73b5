/* Event: wait until somebody says that something has happened.
 *
 * An event is a value.  All bytes zero is a valid, unnamed event that is not set, of the manual kind: once
 * set it stays set, and lets everybody pass, until it is reset.  One of the automatic kind lets one waiter
 * pass for each set, and resets itself with that; sets that meet nobody count as one.
 *
 *     static struct lg_event loaded = LG_EVENT_INIT("loaded");
 *     static struct table table;                      // written before the set, read after the wait
 *
 *     table = load();                                 // one thread
 *     lg_event_set(&loaded);
 *
 *     status = lg_event_wait(&loaded, deadline);      // the others
 *     if (status == LG_OK) ...                        // table may be read
 *
 * Anyone may set an event, so a wait for it is never part of a deadlock, and one that nobody will ever set
 * waits in vain.  To have such a wait found, *declare the setters*: contexts of which at least one will set
 * it.  From then on
 *   - a wait whose setters all wait for the waiter, through any chain, fails with LG_EDEADLK;
 *   - a wait when no setter is left, because each has ended or withdrawn without setting the event, fails
 *     with LG_EBROKEN, and lg_report_last() says who was the last.  A new setter mends that.
 * A set by a context that is not declared works, is logged once, and shows that anybody may set this event
 * all the same: it is as if no setter had ever been declared.
 *
 * A waiter that comes back from the wait may free the event at once, if nobody else waits for it: the set
 * that woke it does not touch it any more.  But an event with declared setters is to be destroyed first.
 *
 * In a forked child the setters that were left behind in the parent have ended.  Illegal, and a panic with
 * the event's name: destroy while it is waited for.  Not for signal handlers, but for lg_event_is_set.  Not
 * shared between processes. */
#ifndef LIFEGUARD_EVENT_H
#define LIFEGUARD_EVENT_H

#include <lifeguard/context.h>
#include <lifeguard/status.h>

#define LG_EVENT_AUTO_RESET 1u

/* The fields belong to the library; their size is frozen. */
struct lg_event {
    uint64_t word;
    uint64_t serial;
    const char *name;
    uint32_t flags;
    uint32_t declared;
    uint64_t spin;
};

#define LG_EVENT_INIT(name_)                                                                       \
    {                                                                                              \
        0, 0, (name_), 0, 0, 0                                                                     \
    }
#define LG_EVENT_AUTO_RESET_INIT(name_)                                                            \
    {                                                                                              \
        0, 0, (name_), LG_EVENT_AUTO_RESET, 0, 0                                                   \
    }

LG_BEGIN_DECLS

/* Give an event a name and a kind at run time; a static one needs LG_EVENT_INIT only.
 * Shape:   name is constant text that outlives the event, or NULL; flags 0 or LG_EVENT_AUTO_RESET.
 * Returns: LG_OK; LG_EINVAL (NULL event, unknown flag).
 * Threads: nobody else uses it yet. */
LG_API LG_MUST_CHECK int lg_event_init(struct lg_event *event, const char *name, uint32_t flags);

/* End the use of an event; its setters are no longer declared.  Panics if it is waited for.
 * Threads: nobody else uses it any more. */
LG_API void lg_event_destroy(struct lg_event *event);

/* Wait until the event is set, or its deadline.  An event that is set lets the caller pass at once, also if
 * the deadline has passed.  Whoever waited when it was set has passed, however soon it is reset.
 * Shape:   event not NULL.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait; LG_FOREVER does.
 * Returns: LG_OK; LG_ETIMEDOUT; LG_ECANCELED (<lifeguard/cancel.h>); LG_EINVAL (NULL); LG_ENOMEM (no
 *          context for this thread).  With declared setters also LG_EDEADLK and LG_EBROKEN (with a report).
 *          LG_TRY gives LG_EBUSY instead of LG_ETIMEDOUT, and fills no report.
 * Threads: any; blocks; allocates nothing after the thread's first use; not signal-safe.
 * Source:  Event of Python's threading, events of Windows; DESIGN.md, "Event and latch". */
#define lg_event_wait(event, deadline) lg_event_wait_at((event), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_event_wait_at(struct lg_event *event, lg_deadline deadline,
                                          const char *place);

/* Set an event.  What was written before it is seen by whoever passes.
 * Threads: any; never blocks; not signal-safe. */
LG_API void lg_event_set(struct lg_event *event);

/* Take a set back; nothing happens if it is not set.
 * Threads: any; never blocks; signal-safe. */
LG_API void lg_event_reset(struct lg_event *event);

/* Whether an event is set at this moment.
 * Returns: 1 or 0; 0 for NULL.
 * Threads: any; signal-safe; one acquire load, so what was written before the set may be read. */
LG_API int lg_event_is_set(const struct lg_event *event);

/* Declare that a context will set the event.  It stays a setter, whether it has set it or not, until it
 * withdraws, hands that on, or ends.
 * Shape:   context NULL is the calling one.
 * Returns: LG_OK; LG_EBUSY (it is declared already); LG_EINVAL (NULL event, or the context has ended);
 *          LG_ENOMEM.  On an error nothing has changed.
 * Threads: any; never blocks; the only call here that allocates: about a hundred bytes, until the setter
 *          withdraws or ends or the event is destroyed.
 * Source:  Voss and Sarkar, "An Ownership Policy and Deadlock Detector for Promises", PPoPP 2021. */
#define lg_event_add_setter(event, context) lg_event_add_setter_at((event), (context), LG_HERE)
LG_API LG_MUST_CHECK int lg_event_add_setter_at(struct lg_event *event, struct lg_context *context,
                                                const char *place);

/* Say that a setter will not set the event after all.
 * Shape:   context NULL is the calling one.
 * Returns: LG_OK; LG_EINVAL (NULL event, or the context is no setter of it).
 * Threads: any; never blocks. */
LG_API LG_MUST_CHECK int lg_event_withdraw_setter(struct lg_event *event,
                                                  struct lg_context *context);

/* Put one setter in the place of another.
 * Shape:   from NULL is the calling context; to must not be NULL.
 * Returns: LG_OK; LG_EBUSY (to is a setter already); LG_EINVAL (NULL, from is no setter, or to has ended).
 *          On an error nothing has changed.
 * Threads: any; never blocks. */
#define lg_event_transfer_setter(event, from, to)                                                  \
    lg_event_transfer_setter_at((event), (from), (to), LG_HERE)
LG_API LG_MUST_CHECK int lg_event_transfer_setter_at(struct lg_event *event,
                                                     struct lg_context *from, struct lg_context *to,
                                                     const char *place);

LG_END_DECLS

#endif
