/* Opens: on background threads of their own, started when a waiter wants a resource that is not open
 * yet, and gone when nobody does.  A thread opens one resource at a time; there are never more than
 * opening_max, and while opens fail never more than one.  An asker that has left is no loss: what it
 * asked for lands in the pool.
 *
 * Opens for waiters and for min_size are the same to an opener, and waiters come first: what arrives
 * goes to whoever waits longest, whatever it was begun for.  Only a failure knows the difference: the
 * first waiter is told if the open was begun for one. */
#include "pool/pool.h"

#include "plat/clock.h"
#include "plat/text.h"
#include "plat/thread.h"
#include "pool/tick.h"

#define FIRST_RETRY_NS (10 * 1000000ull)
#define LAST_RETRY_NS  (5000 * 1000000ull)

/* Units that waiters without patience want, beyond those that are there for them. */
static uint32_t units_asked(const struct lg_pool *pool)
{
    uint32_t wanted = pool->queue.units + pool->on_way - pool->patient;
    bool is_suspended = lg__load_relaxed(&pool->control) & LG__POOL_SUSPENDED;
    if (wanted == 0 || pool->empty_count == 0 || is_suspended)
        return 0;
    /* Where newcomers may overtake, what is idle is for those who wait, though it is theirs only once
     * they look: one of them is on its way, and it will wake the next.  What is kept for one that wants
     * several does not count: a checkout that has not seen the flag may still take it, and then block. */
    uint32_t idle = pool->queue.many > 0 ? 0 : lg__queue_count_idle(pool, wanted);
    return wanted > idle ? wanted - idle : 0;
}

uint32_t lg__pool_wanted_opens(const struct lg_pool *pool)
{
    if (lg__load_relaxed(&pool->control) & LG__POOL_SHUT)
        return 0;
    uint32_t open = lg__pool_open_now(pool);
    uint32_t missing = pool->is_filling && pool->min_size > open ? pool->min_size - open : 0;
    uint32_t asked = units_asked(pool);
    return asked > missing ? asked : missing;
}

/* While opens fail they are made one at a time. */
static uint32_t most_openers(const struct lg_pool *pool)
{
    return pool->failures_running > 0 ? 1 : pool->opening_max;
}

bool lg__pool_is_opener_wanted(const struct lg_pool *pool)
{
    return pool->opener_count < most_openers(pool) &&
           lg__pool_wanted_opens(pool) > pool->opener_count - pool->surplus_opens &&
           pool->empty_count > pool->opener_count - pool->opening_count;
}

static void link_opening(struct lg_pool *pool, struct lg__opening *opening)
{
    opening->next = pool->openings;
    if (pool->openings)
        pool->openings->previous = opening;
    pool->openings = opening;
}

static void unlink_opening(struct lg_pool *pool, struct lg__opening *opening)
{
    if (opening->previous)
        opening->previous->next = opening->next;
    else
        pool->openings = opening->next;
    if (opening->next)
        opening->next->previous = opening->previous;
}

/* The keeper may be looking. */
static void forget_notes(struct lg__note *note)
{
    /* Only what was noted: a pool that notes nothing never touches their memory. */
    if (lg__load_relaxed(&note->checked_ms) != 0)
        lg__store_relaxed(&note->checked_ms, 0u);
    if (lg__load_relaxed(&note->doom) != 0)
        lg__store_relaxed(&note->doom, 0u);
}

/* With the lock: begin the next open, if one is wanted. */
static bool begin_open(struct lg_pool *pool, struct lg__opening *opening)
{
    if (pool->empty_count == 0 || pool->opening_count >= most_openers(pool) ||
        lg__pool_wanted_opens(pool) <= lg__pool_opens(pool))
        return false;
    struct lg__slot *slot = pool->slots;
    while (lg__slot_state(lg__load_relaxed(&slot->word)) != LG__SLOT_EMPTY)
        slot++;
    *opening = (struct lg__opening){
        .slot = slot,
        .generation = LG__POOL_GENERATION(lg__load_relaxed(&pool->control)),
        .is_for_waiter = units_asked(pool) > lg__pool_opens(pool),
        .begun_ns = lg__now_ns(),
    };
    lg__cancel_init(&opening->cancel, &pool->cancel, opening->begun_ns + pool->open_timeout_ns);
    lg__slot_move_own(slot, LG__SLOT_OPENING);
    lg__store_relaxed(&slot->id, ++pool->last_id);
    forget_notes(&pool->notes[slot - pool->slots]);
    pool->empty_count--;
    pool->opening_count++;
    link_opening(pool, opening);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_RESOURCE_CREATED, .id = slot->id});
    return true;
}

/* With the lock held: it is in flight no more. */
static void end_opening(struct lg_pool *pool, struct lg__opening *opening)
{
    unlink_opening(pool, opening);
    pool->opening_count--;
    pool->surplus_opens -= lg__pool_is_surplus(pool, opening->slot);
}

/* With the lock held: the slot has no resource after all. */
static void empty_slot(struct lg_pool *pool, struct lg__opening *opening)
{
    end_opening(pool, opening);
    lg__slot_move_own(opening->slot, LG__SLOT_EMPTY);
    pool->empty_count += !lg__pool_is_surplus(pool, opening->slot);
    lg__queue_check_closers(pool);
}

/* With the lock.  Its close may follow later, and a clear come before that. */
static void tell_closed(struct lg_pool *pool, struct lg__opening *opening,
                        enum lg_event_reason reason, int status)
{
    if (!opening->is_given_up)
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_RESOURCE_CLOSED,
                                               .id = lg__load_relaxed(&opening->slot->id),
                                               .reason = (uint8_t)reason,
                                               .status = status});
    opening->is_given_up = true;
}

/* With the lock: opens for min_size wait, twice as long each time, and not all pools as long. */
static void back_off(struct lg_pool *pool)
{
    uint64_t doublings = pool->failures_running < 10 ? pool->failures_running : 10;
    uint64_t most_ns = FIRST_RETRY_NS << doublings;
    if (most_ns > LAST_RETRY_NS)
        most_ns = LAST_RETRY_NS;
    uint64_t now_ns = lg__now_ns();
    uint64_t mixed = (now_ns ^ pool->serial) * 0x9e3779b97f4a7c15ull; /* Fibonacci hashing */
    pool->retry_ns = now_ns + most_ns - (mixed >> 32) % (most_ns / 4);
    pool->failures_running++;
    pool->is_filling = false;
}

static void finish_failed(struct lg_pool *pool, struct lg__opening *opening, int status,
                          const char *error)
{
    bool is_for_waiter = opening->is_for_waiter;
    lg__add_relaxed(&pool->open_failures, (uint64_t)1);
    if (!is_for_waiter && pool->clears_on_open_failure)
        (void)lg__pool_clear(pool, LG_CLEAR_PAUSE);
    lg__raw_lock(&pool->lock);
    back_off(pool);
    lg__copy_name(pool->open_error, sizeof pool->open_error,
                  error[0] ? error : lg_status_text(status));
    tell_closed(pool, opening, LG_REASON_ERROR, status);
    empty_slot(pool, opening);
    struct lg__wait *wait = is_for_waiter ? lg__queue_fail_first(pool, LG_EOPEN) : NULL;
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    else if (!is_for_waiter)
        (void)lg__keeper_kick(pool); /* it learns when to try again */
}

/* With the lock: a resource that is wanted, to the first waiter or the idle. */
static struct lg__wait *settle_opened(struct lg_pool *pool, struct lg__opening *opening)
{
    pool->failures_running = pool->retry_ns = 0;
    end_opening(pool, opening);
    lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_RESOURCE_READY,
                                           .id = opening->slot->id,
                                           .duration_ns = lg__now_ns() - opening->begun_ns});
    return lg__queue_serve(pool, opening->slot); /* S1 */
}

static void finish_opened(struct lg_pool *pool, struct lg__opening *opening, void *resource)
{
    struct lg__slot *slot = opening->slot;
    lg__add_relaxed(&pool->opened, (uint64_t)1);
    slot->resource = resource;
    uint32_t now_ms = (uint32_t)lg__tick_now_ms();
    lg__store_relaxed(&slot->since_ms, now_ms);
    lg__store_relaxed(&slot->born_ms, now_ms);
    lg__raw_lock(&pool->lock);
    lg__store_relaxed(&slot->generation,
                      opening->generation); /* a doom has changed both, or none */
    lg__growth_note_open(pool, lg__now_ns() - opening->begun_ns);
    enum lg_event_reason reason = lg__pool_unfit(pool, slot, now_ms);
    bool was_failing = pool->failures_running > 0;
    struct lg__wait *wait = NULL;
    if (reason == LG_REASON_NONE) {
        wait = settle_opened(pool, opening);
    } else {
        tell_closed(pool, opening, reason, LG_OK);
        lg__stats_count_close(pool, reason);
    }
    lg__raw_unlock(&pool->lock);
    if (wait)
        lg__wait_wake(wait);
    if (reason == LG_REASON_NONE) {
        if (was_failing)
            lg__pool_open_wanted(pool); /* there may be several at a time again */
        return;
    }
    pool->driver.close(pool->arg, resource);
    slot->resource = NULL;
    lg__add_relaxed(&pool->closed, (uint64_t)1);
    lg__raw_lock(&pool->lock);
    empty_slot(pool, opening);
    lg__raw_unlock(&pool->lock);
}

static void open_slot(struct lg_pool *pool, struct lg__opening *opening)
{
    char error[160] = "";
    void *resource = NULL;
    struct lg_open open = {
        .deadline = lg_cancel_deadline(&opening->cancel),
        .cancel = &opening->cancel,
        .error = error,
        .error_size = sizeof error,
    };
    int status = pool->driver.open(pool->arg, &open, &resource);
    error[sizeof error - 1] = 0;
    if (status == LG_OK && resource)
        lg_histogram_record(&pool->stats.opens, lg__now_ns() - opening->begun_ns);
    if (status == LG_OK && resource)
        finish_opened(pool, opening, resource);
    else
        finish_failed(pool, opening, status == LG_OK ? LG_EDRIVER : status, error);
}

static void *run_opener(void *arg)
{
    struct lg_pool *pool = arg;
    for (;;) {
        struct lg__opening opening;
        lg__raw_lock(&pool->lock);
        bool has_begun = begin_open(pool, &opening);
        if (!has_begun)
            pool->opener_count--;
        lg__raw_unlock(&pool->lock);
        lg__pool_deliver(pool);
        if (!has_begun)
            break;
        open_slot(pool, &opening);
        lg__pool_deliver(pool);
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
        back_off(pool);
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
