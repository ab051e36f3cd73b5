/* Request: an ask without a thread, and who may have its outcome.
 *
 *     state     | meaning                                  | who may leave it    | next
 *     ----------+------------------------------------------+---------------------+------------------
 *     PENDING   | it queues, or the courier is about it    | the courier         | DONE, TAKEN
 *     DONE      | the outcome is there for poll            | poll; cancel        | TAKEN; CHANGING
 *     CHANGING  | cancel gives back what it was granted    | that cancel         | DONE
 *     TAKEN     | the outcome was given: to poll, callback | nobody              |
 *
 * Flags beside the state, in the same word:
 *     TELLING    the courier calls the callback or writes the event fd; it drops the flag as its last touch
 *                (release; pairs with the acquire of whoever then frees the request)
 *     CANCELLED  while PENDING: the outcome will be LG_ECANCELED; a grant on its way goes back
 *     ENDED      nobody is to be told any more; the courier frees it
 *     AWAITED    somebody waits in end until TELLING has gone
 * Every change is one compare-and-swap of the whole word, so exactly one of grant and cancel is told.
 *
 * Order: cancel and end change the word of a PENDING request under the pool's lock, and then end its wait,
 * if it has one, under the same lock.  The courier takes that lock between the outcome and the freeing, so
 * they never touch a request that is gone; and it begins waits under it and looks at the flag then, so no
 * wait begins unseen. */
#ifndef LG_POOL_REQUEST_H
#define LG_POOL_REQUEST_H

#include "pool/ask.h"

#include <lifeguard/request.h>

#define LG__REQUEST_PENDING   0u
#define LG__REQUEST_DONE      1u
#define LG__REQUEST_CHANGING  2u
#define LG__REQUEST_TAKEN     3u
#define LG__REQUEST_STATES    3u
#define LG__REQUEST_TELLING   4u
#define LG__REQUEST_CANCELLED 8u
#define LG__REQUEST_ENDED     16u
#define LG__REQUEST_AWAITED   32u

struct lg_request {
    uint32_t state;                /* atomic full; also a futex */
    uint32_t era;                  /* r/o; that of the process that made it (fork) */
    lg_request_callback *callback; /* r/o; NULL: the outcome is for poll */
    void *arg;                     /* r/o */
    int event_fd;                  /* r/o; -1: none */
    int found;                     /* the requester, then the courier: what is to be gone on from */
    int status;                    /* the outcome: the courier, then whoever takes it from DONE */
    struct lg_lease lease;         /* as status */
    struct lg__ask ask;          /* the requester until it queues or hands over; then the courier */
    struct lg__heap_node alarm;  /* under the pool's lock */
    struct lg_request *next_due; /* under the pool's lock */
};

/* The courier: it is due, or only its time has come. */
void lg__request_attend(struct lg_request *request, bool is_due);

static inline bool lg__request_is_cancelled(const struct lg_request *request)
{
    return (lg__load_full(&request->state) & LG__REQUEST_CANCELLED) != 0;
}

/* Whether the calling thread is in a callback of a request of this pool. */
bool lg__request_is_told_here(const struct lg_pool *pool);

/* For fork's handlers: all requests so far are the parent's. */
void lg__request_begin_era(void);

#endif
