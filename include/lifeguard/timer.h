/* Timer: a function that runs once, on a thread of its own, when a time has come, unless it is cancelled
 * before.
 *
 *     struct lg_timer reminder;
 *     int status = lg_timer_start(&reminder, "reminder", lg_after_ms(1000), remind, &user);
 *     ...
 *     if (lg_timer_cancel(&reminder) == LG_OK)
 *         ...                                          // remind has not run and will not
 *     status = lg_timer_join(&reminder, LG_FOREVER);
 *
 * A timer is a value; all bytes zero is a timer that was never started.  Each costs a thread, from its
 * start to its end: it is for a few dozen, not for a timeout for each request (that is what deadlines
 * and lg_cancel are for).
 *
 * Join it, cancelled or not, before its struct goes.  In a forked child it does not run: LG_EFORK. */
#ifndef LIFEGUARD_TIMER_H
#define LIFEGUARD_TIMER_H

#include <lifeguard/thread.h>

/* What a timer runs. */
typedef void lg_timer_run(void *arg);

/* The fields belong to the library; their size is frozen. */
struct lg_timer {
    struct lg_thread thread;
    lg_deadline deadline;
    lg_timer_run *run;
    void *arg;
    uint32_t state;
    uint32_t reserved;
};

LG_BEGIN_DECLS

/* Start a timer.
 * Shape:   timer not NULL, and not one that still has to be joined; name as lg_thread_start's, of the
 *          context that `run` runs in; run not NULL.
 * Units:   deadline absolute, see lg_after_ms; in the past: at once; LG_FOREVER: never.
 * Returns: as lg_thread_start.
 * Threads: any; allocates.
 * Source:  threading.Timer of Python. */
#define lg_timer_start(timer, name, deadline, run, arg)                                            \
    lg_timer_start_at((timer), (name), (deadline), (run), (arg), LG_HERE)
LG_API LG_MUST_CHECK int lg_timer_start_at(struct lg_timer *timer, const char *name,
                                           lg_deadline deadline, lg_timer_run *run, void *arg,
                                           const char *place);

/* Cancel a timer whose time has not come.
 * Returns: LG_OK (it does not run any more; also if it was cancelled before); LG_EBUSY (it runs, or has
 *          run); LG_EINVAL (NULL, or never started).
 * Threads: any, also from within the timer; never blocks. */
LG_API LG_MUST_CHECK int lg_timer_cancel(struct lg_timer *timer);

/* Wait until a timer has run, or is cancelled, and its thread has ended.
 * Units:   deadline as lg_thread_join's.
 * Returns: as lg_thread_join.
 * Threads: as lg_thread_join. */
#define lg_timer_join(timer, deadline) lg_timer_join_at((timer), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_timer_join_at(struct lg_timer *timer, lg_deadline deadline,
                                          const char *place);

LG_END_DECLS

#endif
