/* Waiters of a pool: first come, first served, and what comes back is handed to the first.
 *
 * A pool may allow newcomers to overtake for a while (overtaking_us).  Then what comes back becomes
 * idle, for whoever is there first, and the first waiter is woken to look; only once it has waited
 * that long is it handed something.  One waiter is on its way at a time, so that a busy pool does
 * not wake one at each return:
 *   Invariant: while a slot is IDLE and the queue is not empty, a waiter is on its way, or a return
 *   that has seen the flag (S2) is about to serve.  Who arrives wakes the next if a slot is idle yet.
 *
 * A giver takes the waiter out of the queue first and then ends its wait: a waiter that sees its
 * grant need not look at the queue again, and one that has ended otherwise finds itself out.  Giving
 * is rule 2 of the graph: the wait ends before the unit has a new holder (HANDED belongs to nobody,
 * so to the environment); the waiter writes itself down when it runs. */
#include "pool/pool.h"

#include "plat/clock.h"

void lg__queue_push(struct lg__waiters *queue, struct lg__wait *wait, uint64_t ticket)
{
    struct lg__wait *behind = NULL;
    /* The newest comes last: look from the front only if it is not. */
    if (queue->last && queue->last->stamp >= ticket)
        for (behind = queue->first; behind->stamp < ticket;)
            behind = behind->next;
    wait->stamp = ticket;
    wait->is_patient = false;
    wait->previous = behind ? behind->previous : queue->last;
    wait->next = behind;
    if (wait->previous)
        wait->previous->next = wait;
    else
        queue->first = wait;
    if (wait->next)
        wait->next->previous = wait;
    else
        queue->last = wait;
    queue->count++;
    lg__store_relaxed(&wait->queue, (const void *)queue);
}

static void remove_wait(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait)
{
    lg__growth_end(pool, wait);
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        queue->first = wait->next;
    if (wait->next)
        wait->next->previous = wait->previous;
    else
        queue->last = wait->previous;
    queue->count--;
    lg__store_relaxed(&wait->queue, (const void *)NULL);
}

void lg__queue_leave(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait)
{
    if (lg__load_relaxed(&wait->queue) == queue)
        remove_wait(pool, queue, wait);
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
}

/* Take waiters from the front until one's wait is still ours to end. */
static struct lg__wait *end_first(struct lg_pool *pool, struct lg__waiters *queue,
                                  enum lg__wait_state end, uint64_t grant)
{
    struct lg__wait *wait;
    while ((wait = queue->first) != NULL) {
        remove_wait(pool, queue, wait);
        if (lg__wait_end(wait, end, grant))
            break;
    }
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
    return wait;
}

/* Anyone may take it now. */
static void make_idle(struct lg_pool *pool, struct lg__slot *slot)
{
    if (pool->order != LG_ORDER_AFFINE)
        lg__store_relaxed(&slot->returned, ++pool->returns);
    lg__slot_move_own(slot, LG__SLOT_IDLE);
}

static struct lg__wait *wake_first(struct lg_pool *pool)
{
    if (pool->on_way > 0)
        return NULL;
    struct lg__wait *wait = end_first(pool, &pool->queue, LG__WAIT_WOKEN, 0);
    pool->on_way += wait != NULL;
    return wait;
}

static bool may_overtake(const struct lg_pool *pool)
{
    return pool->overtaking_ns > 0 &&
           lg__now_ns() - pool->queue.first->since_ns < pool->overtaking_ns;
}

/* `word` is the slot's when its state was looked at: an idle slot may have been taken since by a
 * newcomer who has not seen the flag, and then nothing is served from it. */
static struct lg__wait *hand_over(struct lg_pool *pool, struct lg__slot *slot, uint64_t word)
{
    if (!lg__slot_move(slot, word, LG__SLOT_HANDED))
        return NULL;
    struct lg__wait *wait =
        end_first(pool, &pool->queue, LG__WAIT_GRANTED, (uint64_t)(slot - pool->slots));
    if (!wait)
        make_idle(pool, slot);
    return wait;
}

static struct lg__wait *serve_word(struct lg_pool *pool, struct lg__slot *slot, uint64_t word)
{
    bool has_waiters = pool->queue.first != NULL;
    if (has_waiters && !may_overtake(pool))
        return hand_over(pool, slot, word);
    if (lg__slot_state(word) != LG__SLOT_IDLE)
        make_idle(pool, slot);
    return has_waiters ? wake_first(pool) : NULL;
}

struct lg__wait *lg__queue_serve(struct lg_pool *pool, struct lg__slot *slot)
{
    if (pool->queue.first)
        pool->last_return_ns = lg__now_ns();
    return serve_word(pool, slot, lg__load_relaxed(&slot->word));
}

struct lg__wait *lg__queue_arrive(struct lg_pool *pool)
{
    pool->on_way--;
    for (uint32_t i = 0; i < pool->capacity && pool->queue.first; i++)
        if (lg__slot_state(lg__load_full(&pool->slots[i].word)) == LG__SLOT_IDLE)
            return wake_first(pool);
    return NULL;
}

static struct lg__wait *serve_one_idle(struct lg_pool *pool)
{
    for (uint32_t i = 0; i < pool->capacity && pool->queue.first; i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        struct lg__wait *wait =
            lg__slot_state(word) == LG__SLOT_IDLE ? serve_word(pool, slot, word) : NULL;
        if (wait) {
            pool->last_return_ns = lg__now_ns();
            return wait;
        }
    }
    return NULL;
}

void lg__queue_serve_idle(struct lg_pool *pool)
{
    struct lg__wait *wait;
    do {
        lg__raw_lock(&pool->lock);
        wait = serve_one_idle(pool);
        lg__raw_unlock(&pool->lock);
        if (wait)
            lg__wait_wake(wait);
    } while (wait);
}

struct lg__wait *lg__queue_fail_first(struct lg_pool *pool, int status)
{
    return end_first(pool, &pool->queue, LG__WAIT_REFUSED, (uint64_t)(uint32_t)status);
}

void lg__queue_fail_until(struct lg_pool *pool, uint64_t ticket, int status)
{
    struct lg__wait *wait;
    do {
        lg__raw_lock(&pool->lock);
        bool has_any = pool->queue.first && pool->queue.first->stamp <= ticket;
        wait = has_any ? lg__queue_fail_first(pool, status) : NULL;
        lg__raw_unlock(&pool->lock);
        if (wait)
            lg__wait_wake(wait);
    } while (wait);
}

void lg__queue_check_closers(struct lg_pool *pool)
{
    if (!(lg__load_relaxed(&pool->control) & LG__POOL_CLOSED) || !pool->closers.first)
        return;
    for (uint32_t i = 0; i < pool->capacity; i++)
        if (lg__slot_state(lg__load_full(&pool->slots[i].word)) != LG__SLOT_EMPTY)
            return;
    struct lg__wait *wait;
    while ((wait = end_first(pool, &pool->closers, LG__WAIT_GRANTED, 0)) != NULL)
        lg__wait_wake(wait);
}
