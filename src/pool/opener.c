/* Opens: on background threads of their own, started when a waiter wants a resource that is not open
 * yet, and gone when nobody does.  A thread opens one resource at a time; there are never more than
 * opening_max.  An asker that has left is no loss: what it asked for lands in the pool. */
#include "pool/pool.h"

#include "plat/clock.h"
#include "plat/text.h"
#include "plat/thread.h"
#include "pool/tick.h"

bool lg__pool_is_opener_wanted(const struct lg_pool *pool)
{
    return !(lg__load_relaxed(&pool->control) & LG__POOL_CLOSED) &&
           pool->opener_count < pool->opening_max && pool->queue.count > pool->opener_count &&
           pool->empty_count > pool->opener_count - pool->opening_count;
}

/* The next slot to open, now in OPENING; NULL: no more is wanted. */
static struct lg__slot *begin_open(struct lg_pool *pool)
{
    if ((lg__load_relaxed(&pool->control) & LG__POOL_CLOSED) || pool->empty_count == 0 ||
        pool->queue.count <= pool->opening_count)
        return NULL;
    struct lg__slot *slot = pool->slots;
    while (lg__slot_state(lg__load_relaxed(&slot->word)) != LG__SLOT_EMPTY)
        slot++;
    lg__slot_move_own(slot, LG__SLOT_OPENING);
    pool->empty_count--;
    pool->opening_count++;
    return slot;
}

/* With the lock held: the slot has no resource after all. */
static void empty_slot(struct lg_pool *pool, struct lg__slot *slot)
{
    lg__slot_move_own(slot, LG__SLOT_EMPTY);
    pool->empty_count++;
    pool->opening_count--;
    lg__queue_check_closers(pool);
}

static void finish_failed(struct lg_pool *pool, struct lg__slot *slot, int status,
                          const char *error)
{
    lg__add_relaxed(&pool->open_failures, (uint64_t)1);
    lg__raw_lock(&pool->lock);
    pool->failures_running++;
    lg__copy_name(pool->open_error, sizeof pool->open_error,
                  error[0] ? error : lg_status_text(status));
    empty_slot(pool, slot);
    struct lg__wait *wait = lg__queue_fail_first(pool, LG_EOPEN);
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
}

static void finish_opened(struct lg_pool *pool, struct lg__slot *slot, void *resource,
                          uint32_t generation)
{
    lg__add_relaxed(&pool->opened, (uint64_t)1);
    slot->resource = resource;
    lg__store_relaxed(&slot->generation, generation);
    lg__store_relaxed(&slot->since_ms, (uint32_t)lg__tick_now_ms());
    lg__raw_lock(&pool->lock);
    pool->failures_running = 0;
    uint64_t control = lg__load_relaxed(&pool->control);
    bool is_wanted = !(control & LG__POOL_CLOSED) && LG__POOL_GENERATION(control) == generation;
    struct lg__wait *wait = NULL;
    if (is_wanted) {
        pool->opening_count--;
        wait = lg__queue_serve(pool, slot); /* S1 */
    }
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    if (is_wanted) {
        lg__pool_check_generation(pool, generation);
        return;
    }
    pool->driver.close(pool->arg, resource);
    lg__add_relaxed(&pool->closed, (uint64_t)1);
    lg__raw_lock(&pool->lock);
    empty_slot(pool, slot);
    lg__raw_unlock(&pool->lock);
}

static void open_slot(struct lg_pool *pool, struct lg__slot *slot)
{
    char error[160] = "";
    void *resource = NULL;
    uint32_t generation = LG__POOL_GENERATION(lg__load_full(&pool->control));
    uint64_t begun_ns = lg__now_ns();
    struct lg_open open = {
        .deadline = begun_ns + pool->open_timeout_ns,
        .cancel = &pool->cancel,
        .error = error,
        .error_size = sizeof error,
    };
    int status = pool->driver.open(pool->arg, &open, &resource);
    error[sizeof error - 1] = 0;
    if (status == LG_OK && resource)
        lg_histogram_record(&pool->stats.opens, lg__now_ns() - begun_ns);
    if (status == LG_OK && resource)
        finish_opened(pool, slot, resource, generation);
    else
        finish_failed(pool, slot, status == LG_OK ? LG_EDRIVER : status, error);
}

static void *run_opener(void *arg)
{
    struct lg_pool *pool = arg;
    for (;;) {
        lg__raw_lock(&pool->lock);
        struct lg__slot *slot = begin_open(pool);
        if (!slot)
            pool->opener_count--;
        lg__raw_unlock(&pool->lock);
        if (!slot)
            break;
        open_slot(pool, slot);
    }
    lg__pool_unref(pool);
    return NULL;
}

/* No thread can be started.  If none runs either, the first waiter is told, and asks again if it
 * likes; true: there may be others to tell.  One that runs looks after them all. */
static bool give_up_opener(struct lg_pool *pool)
{
    struct lg__wait *wait = NULL;
    lg__raw_lock(&pool->lock);
    pool->opener_count--;
    bool is_last = pool->opener_count == 0;
    if (is_last) {
        pool->failures_running++;
        lg__copy_name(pool->open_error, sizeof pool->open_error,
                      "no thread can be started to open it: out of memory or threads");
        wait = lg__queue_fail_first(pool, LG_EOPEN);
    }
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    lg__pool_unref(pool);
    return is_last;
}

void lg__pool_open_wanted(struct lg_pool *pool)
{
    for (;;) {
        lg__raw_lock(&pool->lock);
        bool is_wanted = lg__pool_is_opener_wanted(pool);
        if (is_wanted) {
            pool->opener_count++;
            pool->references++;
        }
        lg__raw_unlock(&pool->lock);
        if (!is_wanted)
            return;
        if (!lg__thread_start(run_opener, pool) && !give_up_opener(pool))
            return;
    }
}

int lg_cancel_is_requested(const struct lg_cancel *cancel)
{
    return cancel && lg__load_relaxed(&cancel->is_requested) != 0;
}
