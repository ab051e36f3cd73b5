/* Trace: what each thread took, gave back and waited for, to be looked at as lanes in a viewer.
 *
 * Off until lg_trace_start, or LIFEGUARD_TRACE=FILE in the environment.  From then on each thread keeps its last
 * LG_TRACE_EVENTS events in memory, the oldest making room for new ones; lg_trace_write puts them into a file that
 * chrome://tracing and https://ui.perfetto.dev open: a lane for each thread, in it what it held and what it waited
 * for, and an arrow from who let something go to whom that woke.
 *
 *     lg_trace_start(NULL);
 *     ...                                   // what is to be seen
 *     lg_trace_write("busy.json");
 *
 * To see one lock alone, give it a name and say that: struct lg_trace_options has `only`.  What is taken by
 * requests without a thread is not in the trace.  In a forked child the trace is off and empty. */
#ifndef LIFEGUARD_TRACE_H
#define LIFEGUARD_TRACE_H

#include <lifeguard/status.h>

#define LG_TRACE_EVENTS 8192 /* that are kept of each thread */

/* A flag: no holds, only waits and who ended them.  What is free then costs nothing more than without. */
#define LG_TRACE_WAITS 1u

/* What a trace is asked to keep.  Begin with LG_TRACE_OPTIONS_INIT, and set what differs.  Fields are only added at
 * the end. */
struct lg_trace_options {
    uint32_t size; /* sizeof(struct lg_trace_options) */
    uint32_t flags;
    const char *only; /* a name, or its beginning and a '*'; NULL: everything */
};

#define LG_TRACE_OPTIONS_INIT                                                                      \
    {                                                                                              \
        sizeof(struct lg_trace_options), 0, NULL                                                   \
    }

struct lg_trace_counts {
    uint64_t kept;        /* events that can be written */
    uint64_t overwritten; /* that have made room for these */
};

LG_BEGIN_DECLS

/* Begin a trace; what was kept of one before is forgotten.
 * Shape:   options NULL, or from LG_TRACE_OPTIONS_INIT; `only` is copied, up to LG_NAME_SIZE - 1 bytes.
 * Returns: LG_OK; LG_EINVAL (a size that cannot be, unknown flags); LG_EVERSION (an option that this library
 *          does not know is set); LG_EBUSY (a trace is being written).
 * Threads: any; at any time.  Leases of biased slots become ordinary ones, unless LG_TRACE_WAITS. */
LG_API LG_MUST_CHECK int lg_trace_start(const struct lg_trace_options *options);

/* End it; what is kept can still be written.
 * Threads: any. */
LG_API void lg_trace_stop(void);

/* How much is kept.
 * Threads: any. */
LG_API struct lg_trace_counts lg_trace_counts(void);

/* Write what is kept as JSON in the Trace Event Format.  The file is there as a whole, or as it was: it is written
 * beside, and renamed.  What is no regular file, a device or a pipe, is written into.
 * Shape:   path not NULL; its folder can be written to.
 * Returns: LG_OK; LG_EINVAL; LG_ESYS (a file operation failed); LG_ENOMEM; LG_EBUSY (another thread writes or
 *          begins one just now).
 * Threads: any, also while the trace is on; allocates.
 * Source:  the Trace Event Format of Chrome. */
LG_API LG_MUST_CHECK int lg_trace_write(const char *path);

/* The same to a file descriptor.
 * Returns: as lg_trace_write.
 * Threads: as lg_trace_write. */
LG_API LG_MUST_CHECK int lg_trace_write_fd(int fd);

LG_END_DECLS

#endif
