/* Park: queues of waiting contexts, by the address of what they wait for.
 *
 * A lock that is a value has no room for a queue and may be freed the moment it is unlocked, so the
 * queues live here, in a fixed table of buckets; only the address of the object is used.  The nodes
 * are the contexts' own wait records: nothing is allocated.  Several objects share a bucket.
 *
 * Lock rank: a bucket, then the pin of one who waits at a condition there; a bucket may also be taken
 * under the pin of one who waits for something whose class has visit_ahead.  No wait is both, so the two
 * orders do not meet.  Two buckets are only ever held together by trying the second. */
#ifndef LG_SYNC_PARK_H
#define LG_SYNC_PARK_H

#include "graph/context.h"

/* What the waiters of an object queue by.  Of mutexes, threads and contexts it is the address; of all else an
 * address inside the object, another for each kind, so that
 *   - whoever still looks for waiters of an object that is gone finds none of what lives there now: a late wake
 *     of a semaphore no reader, that of a condition no waiter of a mutex;
 *   - an object is not taken for a bigger one that begins with it.
 * Held tables call rwlocks and permits so as well.  The bucket is that of the address. */
enum lg__park_tag {
    LG__PARK_CONDITION = 1,
    LG__PARK_RWLOCK,
    LG__PARK_ONCE,
    LG__PARK_PERMITS,
    LG__PARK_EVENT, /* and latches, which begin with one */
    LG__PARK_SEMAPHORE,
    LG__PARK_BARRIER,
    LG__PARK_TAGS
};

_Static_assert(LG__PARK_TAGS <= sizeof(uint64_t), "each of them is in an object's first word");

static inline const void *lg__park_tagged(const void *object, enum lg__park_tag tag)
{
    return (const char *)object + tag;
}

/* The object that is called so; NULL: it is of another kind. */
static inline void *lg__park_untagged(const void *tagged, enum lg__park_tag tag)
{
    uintptr_t address = (uintptr_t)tagged;
    return address % sizeof(uint64_t) == tag ? (void *)(address - tag) : NULL;
}

struct lg__bucket {
    struct lg__raw_lock lock;
    struct lg__wait *first; /* under lock */
    struct lg__wait *last;  /* under lock */
    uint64_t tickets;       /* under lock; how often somebody was put at the end */
    uint64_t front_tickets; /* under lock; how often at the front */
} __attribute__((aligned(64)));

/* Those whose waits have ended under a lock, to be woken after it.  Who finds no room is woken at once: a
 * wake is a system call that does not wait. */
#define LG__WAKES_MAX 32

struct lg__wakes {
    uint32_t count;
    struct lg__wait *waits[LG__WAKES_MAX];
};

void lg__wakes_add(struct lg__wakes *wakes, struct lg__wait *wait);
/* Without locks. */
void lg__wakes_end(struct lg__wakes *wakes);

/* Where newcomers may pass a queue, they may for so long. */
#define LG__STARVED_NS (500 * 1000ull)

/* Whether a wait that goes on since then (0: it has not begun) has been passed by for so long that it goes
 * before newcomers now. */
bool lg__park_has_starved(uint64_t since_ns);

struct lg__bucket *lg__park_lock(const void *object);
void lg__park_unlock(struct lg__bucket *bucket);

/* Lock the bucket of a second object while `held` is locked.  NULL: it is taken.  Returns `held`
 * itself if both share it: unlock with lg__park_unlock_second. */
struct lg__bucket *lg__park_try_second(struct lg__bucket *held, const void *object);
void lg__park_unlock_second(struct lg__bucket *held, struct lg__bucket *second);

/* From here to the next remark the caller holds the bucket's lock. */
/* The wait's stamp becomes its place: unique in the bucket, and growing along the queue. */
void lg__park_push(struct lg__bucket *bucket, struct lg__wait *wait, const void *object,
                   bool at_front);
void lg__park_remove(struct lg__bucket *bucket, struct lg__wait *wait);
/* The first in the queue of an object, after `wait` (or from the start if NULL). */
struct lg__wait *lg__park_next(const struct lg__bucket *bucket, const struct lg__wait *wait,
                               const void *object);

/* Tell all in the queue of an object to look again.  They stay in it until they have. */
void lg__park_wake_all(struct lg__bucket *bucket, const void *object, struct lg__wakes *wakes);

/* Without the lock: visit_ahead of a resource_class whose waiters queue by the object's address. */
void lg__park_visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                          void *arg);

/* Without the lock: leave the queue of an object, if the caller's ended wait is still in it, and let who
 * ended it finish: all enders of queued waits do so under the lock. */
void lg__park_leave(struct lg__wait *wait, const void *object);

/* How many forks have led to this process: whoever waited in another era is not here. */
uint32_t lg__park_era(void);

/* Without the lock: sleep until the caller's wait, begun and queued by `object`, has ended; leave the
 * queue, explain a timeout, and take the wait back.
 * LG_OK: granted.  LG_EBUSY: woken, look again.  LG_ETIMEDOUT, LG_ECANCELED, LG_EDEADLK.  Else the
 * status of who refused. */
int lg__park_sleep(struct lg_context *self, const void *object);

/* Without the lock: the status of a wait that does not even begin: LG_EBUSY if its deadline is LG_TRY; else
 * LG_ETIMEDOUT or LG_EDEADLK (the caller waits for itself), with a report. */
int lg__park_give_up(struct lg_context *self, const struct lg__want *want,
                     enum lg_report_kind kind);

#endif
