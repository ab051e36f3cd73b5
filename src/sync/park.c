/* The table of buckets. */
#include "sync/park.h"

#include "graph/detector.h"
#include "plat/clock.h"
#include "sync/duty.h"

#define BUCKET_COUNT 1024
#define MIDDLE       ((uint64_t)1 << 63) /* between the places of those put at the front and the others */

static struct lg__bucket buckets[BUCKET_COUNT];
static uint32_t era; /* atomic relaxed; written in a forked child alone */

uint32_t lg__park_era(void)
{
    return lg__load_relaxed(&era);
}

static struct lg__bucket *bucket_of(const void *object)
{
    uint64_t mixed = ((uintptr_t)object >> 3) * 0x9e3779b97f4a7c15ull;
    return &buckets[(mixed >> 48) % BUCKET_COUNT];
}

bool lg__park_has_starved(uint64_t since_ns)
{
    return since_ns != 0 && lg__now_ns() - since_ns > LG__STARVED_NS;
}

struct lg__bucket *lg__park_lock(const void *object)
{
    struct lg__bucket *bucket = bucket_of(object);
    lg__raw_lock(&bucket->lock);
    return bucket;
}

void lg__park_unlock(struct lg__bucket *bucket)
{
    lg__raw_unlock(&bucket->lock);
}

struct lg__bucket *lg__park_try_second(struct lg__bucket *held, const void *object)
{
    struct lg__bucket *bucket = bucket_of(object);
    return bucket == held || lg__raw_try_lock(&bucket->lock) ? bucket : NULL;
}

void lg__park_unlock_second(struct lg__bucket *held, struct lg__bucket *second)
{
    if (second != held)
        lg__raw_unlock(&second->lock);
}

void lg__park_push(struct lg__bucket *bucket, struct lg__wait *wait, const void *object,
                   bool at_front)
{
    wait->stamp = at_front ? MIDDLE - ++bucket->front_tickets : MIDDLE + ++bucket->tickets;
    lg__wait_link(&bucket->first, &bucket->last, at_front ? bucket->first : NULL, wait);
    lg__store_relaxed(&wait->queue, object);
}

void lg__park_remove(struct lg__bucket *bucket, struct lg__wait *wait)
{
    lg__wait_unlink(&bucket->first, &bucket->last, wait);
    lg__store_release(&wait->queue, (const void *)NULL);
}

struct lg__wait *lg__park_next(const struct lg__bucket *bucket, const struct lg__wait *wait,
                               const void *object)
{
    struct lg__wait *next = wait ? wait->next : bucket->first;
    while (next && lg__load_relaxed(&next->queue) != object)
        next = next->next;
    return next;
}

void lg__wakes_add(struct lg__wakes *wakes, struct lg__wait *wait)
{
    if (wakes->count < LG__WAKES_MAX)
        wakes->waits[wakes->count++] = wait;
    else
        lg__wait_wake(wait);
}

void lg__wakes_end(struct lg__wakes *wakes)
{
    for (uint32_t i = 0; i < wakes->count; i++)
        lg__wait_wake(wakes->waits[i]);
    wakes->count = 0;
}

void lg__park_wake_all(struct lg__bucket *bucket, const void *object, struct lg__wakes *wakes)
{
    struct lg__wait *wait = lg__park_next(bucket, NULL, object);
    for (; wait; wait = lg__park_next(bucket, wait, object))
        if (lg__wait_end(wait, LG__WAIT_WOKEN, 0))
            lg__wakes_add(wakes, wait);
}

void lg__park_visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                          void *arg)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    if (lg__load_relaxed(&wait->queue) == object) {
        const struct lg__wait *next = lg__park_next(bucket, NULL, object);
        while (next && visit(arg, next) && next != wait)
            next = lg__park_next(bucket, next, object);
    }
    lg__park_unlock(bucket);
}

void lg__park_leave(struct lg__wait *wait, const void *object)
{
    struct lg__bucket *bucket = lg__park_lock(object);
    if (lg__load_acquire(&wait->queue) == object)
        lg__park_remove(bucket, wait);
    lg__park_unlock(bucket);
}

int lg__park_sleep(struct lg_context *self, const void *object)
{
    struct lg__wait *wait = &self->wait;
    enum lg__wait_state end = lg__wait_sleep(wait);
    lg__park_leave(wait, object);
    int status = lg__wait_status(wait, end);
    if (status == LG_ETIMEDOUT)
        lg__detector_explain(self);
    lg__wait_retract(wait);
    return status;
}

int lg__park_give_up(struct lg_context *self, const struct lg__want *want, enum lg_report_kind kind)
{
    if (want->deadline == LG_TRY)
        return LG_EBUSY;
    lg__detector_explain_want(self, want, kind);
    if (kind != LG_REPORT_DEADLOCK)
        return LG_ETIMEDOUT;
    lg__detector_log(self);
    return LG_EDEADLK;
}

/* Fork: in the child all who waited are gone.  The stripes of the duties come after the buckets. */
static void lock_all(void)
{
    for (int i = 0; i < BUCKET_COUNT; i++)
        lg__raw_lock(&buckets[i].lock);
    lg__duty_fork_prepare();
}

static void unlock_all(void)
{
    lg__duty_fork_parent();
    for (int i = 0; i < BUCKET_COUNT; i++)
        lg__raw_unlock(&buckets[i].lock);
}

static void empty_all(void)
{
    for (int i = 0; i < BUCKET_COUNT; i++)
        buckets[i] = (struct lg__bucket){0};
    lg__store_relaxed(&era, era + 1);
    lg__duty_fork_child();
}

static __attribute__((constructor)) void add_fork_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_all, unlock_all, empty_all};
    lg__fork_add(&hooks);
}
