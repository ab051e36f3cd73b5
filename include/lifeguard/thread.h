/* Threads: started with a name, joined through the graph.
 *
 * A thread is a value; all bytes zero is no thread.  It is started over pthread_create and runs in a
 * context of the name it was given, which reports show.
 *
 *     struct lg_thread loader;
 *     int status = lg_thread_start(&loader, "loader", load, &table);
 *     ...
 *     void *result;
 *     status = lg_thread_join(&loader, lg_after_ms(5000), &result);
 *
 * A join that could never end fails with LG_EDEADLK when it begins, or when the thread begins to wait:
 * the thread joins itself, or waits, through any chain of locks, pools and joins, for what the caller
 * holds.  A thread whose context was taken from it (lg_context_detach) is unknown to the graph from then
 * on.
 *
 * A join that fails has changed nothing: try it again.  Any number of contexts may join one thread, at
 * once and one after the other; all get its result.  So a thread has to be joined once or detached: else
 * its stack is kept.  The struct lives until then.
 *
 * The result is what the function returned, or gave to pthread_exit; PTHREAD_CANCELED of a thread that
 * was ended by pthread_cancel.  What a thread holds when it ends is treated as at any thread's exit:
 * LG_EOWNERDEAD for mutexes, orphans for leases.  The waits of a thread are in no cancel scope but those
 * that it enters itself.
 *
 * In a forked child the threads of its parent do not run: LG_EFORK, and there is nothing to detach.  The
 * signal mask, the stack's size and the rest are as pthread_create has them by default; for others start
 * the thread yourself, and join its context (lg_context_join). */
#ifndef LIFEGUARD_THREAD_H
#define LIFEGUARD_THREAD_H

#include <lifeguard/status.h>

/* The fields belong to the library; their size is frozen. */
struct lg_thread {
    uint32_t state;
    int32_t status;
    uint64_t context;
    uint64_t handle;
    uint64_t forks;
    void *result;
    void *starter;
    const char *place;
    char name[LG_NAME_SIZE];
};

/* What a thread runs. */
typedef void *lg_thread_run(void *arg);

LG_BEGIN_DECLS

/* Start a thread.
 * Shape:   thread not NULL, and not of a thread that still has to be joined; name is copied, NULL: the
 *          default name of a context; run not NULL.
 * Returns: LG_OK; LG_EINVAL; LG_ENOMEM (no memory, or no context for it); LG_ESYS (pthread_create
 *          refused).  Unless LG_OK, `thread` is no thread.
 * Threads: any; allocates. */
#define lg_thread_start(thread, name, run, arg)                                                    \
    lg_thread_start_at((thread), (name), (run), (arg), LG_HERE)
LG_API LG_MUST_CHECK int lg_thread_start_at(struct lg_thread *thread, const char *name,
                                            lg_thread_run *run, void *arg, const char *place);

/* Wait until a thread has ended: its function, its thread-local values' destructors, and its context.
 * Shape:   result may be NULL; it is written on LG_OK only.
 * Units:   deadline absolute, see lg_after_ms; LG_TRY does not wait.
 * Returns: LG_OK (ended); LG_ETIMEDOUT (LG_TRY: LG_EBUSY, without a report); LG_EDEADLK (with a report);
 *          LG_ECANCELED; LG_EINVAL (NULL, or no thread: none was started, or it was detached); LG_EFORK
 *          (it is a thread of the parent process); LG_ENOMEM (no context for the caller); LG_ESYS (it has
 *          ended without having run: the system had no memory for its thread-local values).
 * Threads: any; blocks; allocates nothing after the thread's first use. */
#define lg_thread_join(thread, deadline, result)                                                   \
    lg_thread_join_at((thread), (deadline), LG_HERE, (result))
LG_API LG_MUST_CHECK int lg_thread_join_at(struct lg_thread *thread, lg_deadline deadline,
                                           const char *place, void **result);

/* Let a thread go on by itself: nobody will join it, and its struct is no thread any more.
 * Returns: LG_OK; LG_EINVAL (NULL, or no thread); LG_EBUSY (somebody joins it at this moment).
 * Threads: any; never blocks. */
LG_API LG_MUST_CHECK int lg_thread_detach(struct lg_thread *thread);

/* Whether a thread was started and has not ended yet; it may end at any moment.
 * Returns: 1 or 0.
 * Threads: any. */
LG_API int lg_thread_is_running(const struct lg_thread *thread);

/* The id of a thread's context.
 * Returns: the id, also when it has ended; 0 for NULL and for no thread.
 * Threads: any. */
LG_API uint64_t lg_thread_context(const struct lg_thread *thread);

LG_END_DECLS

#endif
