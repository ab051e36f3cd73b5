/* Driver: what a pool must know to open, check, reset and close one kind of resource.
 *
 * A driver is a table of functions, the same for all resources of a pool.  Rules for all of them:
 *   - The pool calls them outside every lock of its own.
 *   - They are "environment" to the detector: they must end in bounded time and must not wait for
 *     a lock or a lease that a user of the pool may hold.
 *   - open runs on a background thread with all signals blocked; reset, check and close run on the
 *     thread that returns or takes the resource, or on a background thread.
 *   - One resource is in at most one call at a time.  Only interrupt runs while a holder uses it.
 *   - They may use the library, and the pool that calls them: all but lg_pool_destroy.  The resource of
 *     the call is nobody's to lend, and its lease is over: returning it is LG_ESTALE (in interrupt it is the
 *     holder's still, and returned by the holder alone).  Nobody knows that a call waits for what only its own
 *     end brings, as one more resource of a pool of one, or a close: such a wait needs a deadline.
 *   - reset, check and close run in whatever cancel scope their thread is in.  One that waits by this
 *     library and must not be cut short enters a shield: lg_cancel_enter(NULL, &scope).
 *
 *     static int open_file(void *arg, const struct lg_open *open, void **resource) { ... }
 *     static void close_file(void *arg, void *resource) { ... }
 *     static const struct lg_driver files = LG_DRIVER_INIT("file", open_file, close_file); */
#ifndef LIFEGUARD_DRIVER_H
#define LIFEGUARD_DRIVER_H

#include <lifeguard/cancel.h>

/* May the child of a fork() open fresh resources in the pool that it inherited? */
enum lg_driver_fork {
    LG_FORK_REFILL, /* yes: the child forgets the parent's and opens its own */
    LG_FORK_REFUSE  /* no: every checkout in the child gives LG_EFORK */
};

/* What open is told.  All of it is valid until open returns. */
struct lg_open {
    lg_deadline deadline;     /* always finite: give up by then */
    struct lg_cancel *cancel; /* ask lg_cancel_is_requested() when there is time, or enter it */
    char *error;              /* on failure: why, for people; error_size bytes of room */
    size_t error_size;
};

struct lg_driver {
    uint32_t size;    /* sizeof(struct lg_driver) */
    const char *noun; /* what one is called: "file"; no text of the library has it yet */
    /* Make a resource.  LG_OK and *resource not NULL, or a negative status and open->error. */
    int (*open)(void *arg, const struct lg_open *open, void **resource);
    /* End it; it has no error to give. */
    void (*close)(void *arg, void *resource);
    /* Is it still usable?  LG_OK, or any other status: the pool closes it.  NULL: always. */
    int (*check)(void *arg, void *resource);
    /* Make it as good as new after a lease (roll back, ...).  As check.  NULL: nothing to do. */
    int (*reset)(void *arg, void *resource);
    enum lg_driver_fork fork;
    /* The pool is gone and will never use arg again.  NULL: nothing to do. */
    void (*destroy)(void *arg);
    /* Make whoever uses the resource on another thread stop soon, with an error of the resource's own;
     * it is closed at its checkin.  Must not free or close anything.  NULL: users are not disturbed. */
    void (*interrupt)(void *arg, void *resource);
};

#define LG_DRIVER_INIT(noun_, open_, close_)                                                       \
    {                                                                                              \
        sizeof(struct lg_driver), (noun_), (open_), (close_), NULL, NULL, LG_FORK_REFILL, NULL,    \
            NULL                                                                                   \
    }

#endif
