/* Once: a function that is run by the first who needs it, while all others wait for its result.
 *
 * A once is a value of 8 bytes; all bytes zero is valid.  After LG_OK the function has run to its end with
 * LG_OK, exactly once, and all that it wrote is seen.  A call that finds it done is one load.
 *
 * The singleton:
 *
 *     static struct lg_once once;
 *     static struct registry *registry;                 // written by make_registry alone
 *
 *     static int make_registry(void *arg)
 *     {
 *         registry = registry_open(arg);
 *         return registry ? LG_OK : LG_ENOMEM;
 *     }
 *
 *     struct registry *registry_get(void)               // never two of them, never half a one
 *     {
 *         int status = lg_once_call(&once, make_registry, "registry.db", lg_after_ms(1000));
 *         return status == LG_OK ? registry : NULL;
 *     }
 *
 * A function that fails has not run: its status goes to the caller that ran it, one of those who wait
 * runs it again, and so does any later call.
 *
 * Who runs the function holds the once: a call from within the function itself, or two functions that
 * need each other's result, get LG_EDEADLK with a report instead of hanging.  A once has no room for a
 * name: reports name it by the place of the call that runs it.
 *
 * If the thread that runs the function ends within it (pthread_exit, pthread_cancel), or fork() leaves it
 * behind in the parent, the function has not run: one of those who wait, or the next caller, runs it again
 * from its beginning, with one warning in the log.  (POSIX says the same of pthread_once.)
 *
 * Illegal: to leave the function by longjmp or an exception.  Not for signal handlers.  Not shared between
 * processes. */
#ifndef LIFEGUARD_ONCE_H
#define LIFEGUARD_ONCE_H

#include <lifeguard/status.h>

/* The field belongs to the library; its size is frozen. */
struct lg_once {
    uint64_t word;
};

#define LG_ONCE_INIT                                                                               \
    {                                                                                              \
        0                                                                                          \
    }

/* What the word is when the function has run. */
#define LG_ONCE_DONE 1u

/* LG_OK: it is done.  Any other status: it is not, and the call that ran it returns this status. */
typedef int lg_once_function(void *arg);

LG_BEGIN_DECLS

/* What lg_once_call is when the function has not run yet.
 * Returns: as lg_once_call.
 * Threads: as lg_once_call. */
LG_API LG_MUST_CHECK int lg_once_run_at(struct lg_once *once, lg_once_function *function, void *arg,
                                        lg_deadline deadline, const char *place);

/* Have the function run, if it has not: by this call, or by another that this one waits for.
 * Shape:   once and function not NULL; all calls of one once name the same function.
 * Units:   deadline absolute, see lg_after_ms; it limits the wait for another caller, not the function;
 *          LG_TRY does not wait.
 * Returns: LG_OK (it has run, now or before); what the function returned, if this call ran it;
 *          LG_ETIMEDOUT; LG_EDEADLK (with a report); LG_ECANCELED (<lifeguard/cancel.h>);
 *          LG_EINVAL (NULL; no function, unless it is done); LG_ENOMEM (no context for this thread).
 *          LG_TRY gives LG_EBUSY while another caller, or this one, runs the function.
 * Threads: any; blocks; not signal-safe.
 * Source:  call_once with a failure that counts; DESIGN.md, "Once". */
#define lg_once_call(once, function, arg, deadline)                                                \
    lg_once_call_at((once), (function), (arg), (deadline), LG_HERE)
LG_MUST_CHECK static inline int lg_once_call_at(struct lg_once *once, lg_once_function *function,
                                                void *arg, lg_deadline deadline, const char *place)
{
    if (__builtin_expect(once && __atomic_load_n(&once->word, __ATOMIC_ACQUIRE) == LG_ONCE_DONE, 1))
        return LG_OK;
    return lg_once_run_at(once, function, arg, deadline, place);
}

/* Whether the function has run to its end; if so, all that it wrote is seen.
 * Returns: 1 or 0.
 * Threads: any; never blocks. */
LG_API int lg_once_is_done(const struct lg_once *once);

LG_END_DECLS

#endif
