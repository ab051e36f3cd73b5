/* Wait: a context's one record of what it waits for, and how a wait begins and ends.
 *
 * State and epoch of a wait are one word.  The waiter alone begins a wait and takes it back; in
 * between, whoever ends it, be it the granter, the timeout, a canceller or the detector, does so
 * with one compare-and-swap, and exactly one of them succeeds:
 *
 *     state     | meaning                                     | who may leave it      | next
 *     ----------+---------------------------------------------+-----------------------+-----------
 *     IDLE      | runs                                        | the owner: begin      | WAITING,
 *               |                                             |                       | OUTSIDE
 *     WAITING   | blocked on a resource whose holders we know | anyone: end           | an end
 *     OUTSIDE   | blocked on what anybody may signal          | anyone: end, move     | an end,
 *               |                                             |                       | MOVING
 *     MOVING    | a signaller rewrites the record             | that signaller        | WAITING
 *     an end    | GRANTED, WOKEN, TIMED_OUT, REFUSED,         | the owner: retract    | IDLE
 *               | CANCELLED, VICTIM: runs, or will            |                       |
 *
 * Order pairs:
 *   W1  begin's exchange publishes the record's fields; pairs with the acquire loads of the word
 *       in the detector.  It is sequentially consistent, because the begin must be visible before
 *       the loads of the look that follows it (store-load): of all who close a ring, the last in
 *       that order sees all others.
 *   W2  an end's compare-and-swap publishes what the granter wrote (grant, what the companion points
 *       to); pairs with the acquire load in sleep.
 *   W3  the sleeper sets is_asleep (full) before the kernel looks at the word once more; whoever ends
 *       the wait changes the word (full) before it looks at is_asleep (store-load on both sides): the
 *       kernel sees the change, or the waker sees the sleeper.  Who spins costs its waker no call.
 *   K1  begin's exchange also comes before the loads of the token's flags (cancel.h).
 * A wait for several things has one word and many queues.  In each of these it has a branch: a record
 * that stands in the queue like any other, and whose end is that of the wait it belongs to (`own`).  So
 * whoever serves a queue need not know: of all who try to end one wait through its branches one
 * succeeds, and the branch that he came by says of which word (won).  The waiter takes the lock of
 * each queue before it looks which, and enders of a branch hold that lock until they have said it.  A
 * branch's memory is never freed either, nor that of another context later: a wake may come late.
 * Lifetime: records are never freed (they live in the context table).  The object named by a
 * record is kept alive by the pin: a reader takes it and finds the same word; retract takes it
 * before the waiter may return and the object may go. */
#ifndef LG_GRAPH_WAIT_H
#define LG_GRAPH_WAIT_H

#include "graph/cancel.h"
#include "graph/resource.h"
#include "plat/raw_lock.h"

#include <lifeguard/base.h>

enum lg__wait_state {
    LG__WAIT_IDLE,
    LG__WAIT_WAITING,
    LG__WAIT_OUTSIDE,
    LG__WAIT_MOVING,
    LG__WAIT_GRANTED,   /* what was waited for is the waiter's */
    LG__WAIT_WOKEN,     /* look again */
    LG__WAIT_TIMED_OUT, /* by the waiter itself */
    LG__WAIT_REFUSED,   /* the object is closed, or an open failed; `grant` has the status */
    LG__WAIT_CANCELLED, /* by a request of the waiter's token (cancel.h) */
    LG__WAIT_VICTIM     /* by the detector */
};

#define LG__WAIT_STATE_BITS  4
#define LG__WAIT_STATE(word) ((enum lg__wait_state)((word) & ((1u << LG__WAIT_STATE_BITS) - 1)))
#define LG__WAIT_EPOCH_ONE   ((uint64_t)1 << LG__WAIT_STATE_BITS)
#define LG__WAIT_EPOCH(word) ((word) >> LG__WAIT_STATE_BITS)

/* What a wait is for: the arguments of begin.  Read by others under the pin. */
struct lg__want {
    const struct lg__resource_class *class;
    const void *object;
    uint32_t need;
    bool is_relock; /* of a condition's mutex: never cancelled, victim only if no other will do */
    lg_deadline deadline;
    const char *place;
    uint64_t since_ns; /* 0: it begins now; else a wait of before goes on */
};

struct lg__wait;

/* What a wait for several things is for.  Read by others under the pin, as the want. */
struct lg__group {
    struct lg__wait *branches; /* one for each thing, with its want */
    uint32_t count;
    bool is_all; /* else: any one of them ends it */
};

/* Told that a wait has ended in which nobody sleeps (see the proxies of context.h). */
typedef void lg__notify(void *arg);

struct lg__wait {
    uint64_t word;             /* atomic, W1 and W2; the low half is the futex */
    struct lg__raw_lock pin;   /* below the detector lock, above a pool's; anyone holds one */
    struct lg__want want;      /* owner while IDLE, signaller while MOVING, both then publish */
    struct lg_cancel *cancel;  /* owner while IDLE; others under the pin; the innermost scope's */
    lg_deadline deadline;      /* atomic copy of want's, for the sleeper while it is moved */
    uint64_t since_ns;         /* as want; when it began, or the wait that it goes on from */
    uint64_t begun_ns;         /* as want; when it was last begun */
    uint64_t moved_ns;         /* as want; when it was moved; 0: it was not */
    bool is_outside;           /* as want; it began OUTSIDE, and was not moved */
    uint32_t is_asleep;        /* atomic, W3; the owner */
    uint64_t grant;            /* who refuses: the status, before the end; then the owner (W2) */
    struct lg__wait *next;     /* under the lock of the queue it is in */
    struct lg__wait *previous; /* as next */
    const void *queue;         /* atomic; written as next; NULL: in none */
    uint64_t stamp;            /* as next; free for the queue's use */
    void *companion;           /* as next; free for the queue's use */
    bool is_patient;           /* as next; of a pool's queue (growth.c) */
    const struct lg__group *group; /* as want; NULL: it is for one thing, the want */
    struct lg__wait *own; /* r/o while it is in a queue; of a branch: the wait; NULL: it is none */
    uint64_t won;       /* as next; of a branch: the word of the wait that was ended by way of it */
    lg__notify *notify; /* owner while IDLE; called instead of a wake; NULL: a thread sleeps */
    void *notify_arg;   /* as notify */
    uint32_t observed;  /* atomic relaxed; a bit an observer (observe.h) */
    /* Owner; what it was begun for, if anybody observed it then, else NULL; and the name of that, because the
     * thing may be gone when the wait is over. */
    const struct lg__resource_class *begun_for;
    char begun_name[LG_NAME_SIZE];
};

/* The wait that a record in a queue belongs to: whose word counts, and who sleeps. */
static inline struct lg__wait *lg__wait_own(const struct lg__wait *wait)
{
    return wait->own ? wait->own : (struct lg__wait *)(uintptr_t)wait;
}

/* Whether it has neither ended nor been taken back. */
static inline bool lg__wait_goes_on(const struct lg__wait *wait)
{
    enum lg__wait_state state = LG__WAIT_STATE(lg__load_acquire(&lg__wait_own(wait)->word));
    return state == LG__WAIT_WAITING || state == LG__WAIT_OUTSIDE || state == LG__WAIT_MOVING;
}

/* Begin a wait: from here on the detector counts the caller as blocked.  Its deadline is the earlier
 * of the want's and the token's.  True: the token was requested, and this call has ended the wait. */
bool lg__wait_begin(struct lg__wait *wait, const struct lg__want *want, enum lg__wait_state state);

/* End another's wait, or one's own.  `grant` counts with GRANTED and REFUSED only, whose callers
 * hold the lock of the object's queue.  False: somebody else ended it. */
bool lg__wait_end(struct lg__wait *wait, enum lg__wait_state end, uint64_t grant);

/* End it only if it is still the wait that had this word. */
bool lg__wait_end_this(struct lg__wait *wait, uint64_t word, enum lg__wait_state end,
                       uint64_t grant);

/* Wake the waiter after a successful end, if it sleeps, or notify who waits without that; call it outside
 * of locks, and once an end. */
void lg__wait_wake(struct lg__wait *wait);

/* Sleep until the wait has ended, by its deadline at the latest.  Returns how it ended. */
enum lg__wait_state lg__wait_sleep(struct lg__wait *wait);

/* Sleep until this time has come (false: the wait goes on), or the wait has ended, or will by its deadline
 * before that. */
bool lg__wait_doze(struct lg__wait *wait, uint64_t until_ns);

/* Look for `ns` nanoseconds whether the wait ends by itself, without sleeping.  True: it has. */
bool lg__wait_spin(const struct lg__wait *wait, uint64_t ns);

/* The status that says how a wait ended: LG_OK (granted), LG_EBUSY (woken: look again), LG_ETIMEDOUT,
 * LG_ECANCELED, LG_EDEADLK, or that of who refused. */
int lg__wait_status(const struct lg__wait *wait, enum lg__wait_state end);

/* Take an ended wait back; afterwards nobody looks at the object through it. */
void lg__wait_retract(struct lg__wait *wait);

/* Turn a sleeper's OUTSIDE wait into a WAITING one for something else, without waking it.  False:
 * it has ended.  The caller must hold what the sleeper now waits for, so no ring closes here. */
bool lg__wait_move(struct lg__wait *wait, const struct lg__want *want);

/* Put a record into a list, before `behind` or at the end (NULL), and take it out.  With the lock of the
 * list, whose ends these are. */
static inline void lg__wait_link(struct lg__wait **first, struct lg__wait **last,
                                 struct lg__wait *behind, struct lg__wait *wait)
{
    wait->previous = behind ? behind->previous : *last;
    wait->next = behind;
    *(wait->previous ? &wait->previous->next : first) = wait;
    *(wait->next ? &wait->next->previous : last) = wait;
}

static inline void lg__wait_unlink(struct lg__wait **first, struct lg__wait **last,
                                   struct lg__wait *wait)
{
    *(wait->previous ? &wait->previous->next : first) = wait->next;
    *(wait->next ? &wait->next->previous : last) = wait->previous;
}

/* Pin a record if its word is still the one given; then its object exists until unpin. */
bool lg__wait_pin(struct lg__wait *wait, uint64_t word);
void lg__wait_unpin(struct lg__wait *wait);

#endif
