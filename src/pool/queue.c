/* Waiters of a pool: first come, first served, and what comes back is handed to the first.
 *
 * Who wants several units gets all of them in one step, or waits and holds none: what is idle stays
 * idle, and whoever comes later queues behind it, until enough is idle.  (Were they taken one by one,
 * two such waiters could each hold what the other lacks.)  When one of these leaves, what was
 * reserved for it is for the next.  If nobody can go on because of that order, the detector lets
 * somebody pass.
 *
 * A pool may allow newcomers to overtake for a while (overtaking_us).  Then what comes back becomes
 * idle, for whoever is there first, and the first waiter is woken to look once there is enough for
 * it; only once it has waited that long is it handed something.  One waiter is on its way at a time,
 * so that a busy pool does not wake one at each return:
 *   Invariant: while so many slots are IDLE as the first waiter wants, a waiter is on its way or dozes
 *   (doze.c), or a return that has seen the flag (S2) is about to serve.  Who arrives wakes the next if
 *   there is enough for it yet, and so does a dozer whose wait has ended otherwise.
 *
 * A giver takes the waiter out of the queue first and then ends its wait: a waiter that sees its
 * grant need not look at the queue again, and one that has ended otherwise finds itself out.  Giving
 * is rule 2 of the graph: the wait ends before the unit has a new holder (HANDED belongs to nobody,
 * so to the environment); the waiter writes itself down when it runs. */
#include "pool/pool.h"

#include "plat/clock.h"

uint64_t lg__queue_ticket(struct lg_pool *pool)
{
    return ++pool->tickets;
}

uint64_t lg__queue_front_ticket(struct lg_pool *pool)
{
    return pool->front_tickets--;
}

/* Keep the queue's sums: a waiter more, or less. */
static void count_wait(struct lg__waiters *queue, const struct lg__wait *wait, uint32_t by)
{
    queue->count += by;
    queue->units += by * wait->want.need;
    if (wait->want.need > 1)
        lg__store_relaxed(&queue->many, queue->many + by);
}

/* The queue has changed: until when may single returns leave what comes back to newcomers?  0: not at all,
 * the first wants several, or is a request, which is handed it; UINT64_MAX: nobody waits. */
static void note_first(struct lg_pool *pool)
{
    const struct lg__wait *first = pool->queue.first;
    bool may_be_passed = pool->overtaking_ns > 0 && pool->queue.many == 0;
    uint64_t until_ns = UINT64_MAX;
    if (first)
        until_ns = may_be_passed && !first->notify ? first->since_ns + pool->overtaking_ns : 0;
    lg__store_relaxed(&pool->pass_until_ns, until_ns);
}

void lg__queue_push(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait,
                    uint64_t ticket)
{
    struct lg__wait *behind = NULL;
    /* The newest comes last: look from the front only if it is not. */
    if (queue->last && queue->last->stamp >= ticket)
        for (behind = queue->first; behind->stamp < ticket;)
            behind = behind->next;
    wait->stamp = ticket;
    wait->is_patient = false;
    lg__wait_link(&queue->first, &queue->last, behind, wait);
    count_wait(queue, wait, 1);
    lg__store_relaxed(&wait->queue, (const void *)queue);
    note_first(pool);
}

static void remove_wait(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait)
{
    lg__growth_end(pool, wait);
    lg__wait_unlink(&queue->first, &queue->last, wait);
    count_wait(queue, wait, UINT32_MAX); /* one less */
    lg__store_relaxed(&wait->queue, (const void *)NULL);
    note_first(pool);
}

void lg__queue_leave(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait)
{
    if (lg__load_relaxed(&wait->queue) == queue)
        remove_wait(pool, queue, wait);
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
}

/* Take a waiter out of its queue and end its wait.  False: it had ended otherwise. */
static bool end_wait(struct lg_pool *pool, struct lg__waiters *queue, struct lg__wait *wait,
                     enum lg__wait_state end, uint64_t grant)
{
    remove_wait(pool, queue, wait);
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
    return lg__wait_end(wait, end, grant);
}

/* Take waiters from the front until one's wait is still ours to end. */
static struct lg__wait *end_first(struct lg_pool *pool, struct lg__waiters *queue,
                                  enum lg__wait_state end, uint64_t grant)
{
    struct lg__wait *wait;
    while ((wait = queue->first) != NULL)
        if (end_wait(pool, queue, wait, end, grant))
            break;
    return wait;
}

/* Anyone may take it now. */
static void make_idle(struct lg_pool *pool, struct lg__slot *slot)
{
    if (pool->order != LG_ORDER_AFFINE)
        lg__store_relaxed(&slot->returned, ++pool->returns);
    lg__slot_move_own(slot, LG__SLOT_IDLE);
}

uint32_t lg__queue_count_idle(const struct lg_pool *pool, uint32_t most)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lg__pool_capacity(pool) && count < most; i++) {
        const struct lg__slot *slot = &pool->slots[i];
        count += lg__pool_may_take(pool, slot, lg__load_full(&slot->word)); /* S2 */
    }
    return count;
}

static bool has_idle(const struct lg_pool *pool, uint32_t need)
{
    return lg__queue_count_idle(pool, need) == need;
}

/* The idle slot that is next in the pool's order, and its word; NULL: none is idle. */
static struct lg__slot *next_idle(struct lg_pool *pool, uint64_t *next_word)
{
    struct lg__slot *next = NULL;
    uint64_t best = 0;
    for (uint32_t i = 0; i < lg__pool_capacity(pool); i++) {
        struct lg__slot *slot = &pool->slots[i];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        uint64_t returned = lg__load_relaxed(&slot->returned);
        bool is_better = !next || (pool->order == LG_ORDER_LIFO) == (returned > best);
        if (!lg__pool_may_take(pool, slot, word) || !is_better)
            continue;
        next = slot;
        best = returned;
        *next_word = word;
    }
    return next;
}

static struct lg__slot *claim_in_order(struct lg_pool *pool)
{
    uint64_t word;
    struct lg__slot *slot;
    do
        slot = next_idle(pool, &word);
    while (slot && !lg__slot_move(slot, word, LG__SLOT_HANDED));
    return slot;
}

/* Take one idle slot, from the guess on.  At any moment it may be taken by a newcomer instead, who has
 * not seen the flag. */
static struct lg__slot *claim_slot(struct lg_pool *pool, uint32_t guess)
{
    if (pool->order != LG_ORDER_AFFINE)
        return claim_in_order(pool);
    uint32_t capacity = lg__pool_capacity(pool);
    uint32_t first =
        guess < capacity ? guess : guess % capacity; /* what it had last may be surplus */
    for (uint32_t i = 0; i < capacity; i++) {
        uint32_t index = first + i < capacity ? first + i : first + i - capacity;
        struct lg__slot *slot = &pool->slots[index];
        uint64_t word = lg__load_full(&slot->word); /* S2 */
        if (lg__pool_may_take(pool, slot, word) && lg__slot_move(slot, word, LG__SLOT_HANDED))
            return slot;
    }
    return NULL;
}

/* Several are counted before any is taken: newcomers elsewhere need not see slots come and go that are
 * not enough.  (The detector sees no difference: what nobody holds is free, IDLE or HANDED.)  If one of
 * those that were counted slips away all the same, all are given back. */
bool lg__queue_claim(struct lg_pool *pool, uint32_t guess, uint32_t need, struct lg_lease *leases)
{
    if (need > 1 && !has_idle(pool, need))
        return false;
    uint32_t count = 0;
    struct lg__slot *slot;
    while (count < need && (slot = claim_slot(pool, guess)) != NULL)
        leases[count++].slot = (uint32_t)(slot - pool->slots);
    if (count < need)
        lg__queue_unclaim(pool, count, leases);
    return count == need;
}

void lg__queue_unclaim(struct lg_pool *pool, uint32_t count, const struct lg_lease *leases)
{
    for (uint32_t i = 0; i < count; i++)
        lg__slot_move_own(&pool->slots[leases[i].slot], LG__SLOT_IDLE);
}

bool lg__queue_may_overtake(const struct lg_pool *pool)
{
    const struct lg__wait *first = pool->queue.first;
    return pool->overtaking_ns > 0 &&
           (first == NULL ||
            (!first->notify && lg__now_ns() - first->since_ns < pool->overtaking_ns));
}

/* A clock read and no store, but for one in a millisecond: many return at the same time. */
bool lg__queue_may_pass(struct lg_pool *pool)
{
    uint64_t now_ns = lg__now_ns();
    if (now_ns - lg__load_relaxed(&pool->last_return_ns) > 1000000)
        lg__store_relaxed(&pool->last_return_ns, now_ns);
    return now_ns < lg__load_relaxed(&pool->pass_until_ns);
}

/* Hand what is idle to the first waiter, if it is enough.  One whose wait has ended, and for whom it is
 * not, keeps the others waiting until it has left the queue, and serves them then. */
static struct lg__wait *hand_idle(struct lg_pool *pool)
{
    struct lg__wait *wait;
    while ((wait = pool->queue.first) != NULL) {
        struct lg_lease *leases = wait->companion;
        uint32_t need = wait->want.need;
        if (!lg__queue_claim(pool, 0, need, leases))
            return NULL;
        if (end_wait(pool, &pool->queue, wait, LG__WAIT_GRANTED, 0))
            return wait;
        lg__queue_unclaim(pool, need, leases);
    }
    return NULL;
}

/* There is enough for the first waiter.  A thread may look; a request is handed it, whoever could overtake:
 * its courier may be in a callback for longer than others should have to wait for one on its way. */
static struct lg__wait *wake_first(struct lg_pool *pool)
{
    if (pool->queue.first->notify)
        return hand_idle(pool);
    if (lg__queue_is_attended(pool))
        return NULL;
    struct lg__wait *wait = end_first(pool, &pool->queue, LG__WAIT_WOKEN, 0);
    if (wait)
        lg__queue_send(pool, 1);
    return wait;
}

/* Hand a slot whose state is the caller's to the first waiter; if that one wants more, reserve it. */
static struct lg__wait *hand_over(struct lg_pool *pool, struct lg__slot *slot)
{
    struct lg__wait *wait;
    lg__slot_move_own(slot, LG__SLOT_HANDED);
    while ((wait = pool->queue.first) != NULL && wait->want.need == 1) {
        struct lg_lease *lease = wait->companion;
        lease->slot = (uint32_t)(slot - pool->slots);
        if (end_wait(pool, &pool->queue, wait, LG__WAIT_GRANTED, 0))
            return wait;
    }
    make_idle(pool, slot);
    return hand_idle(pool);
}

/* The first waiter, if anybody may be served now. */
static const struct lg__wait *first_to_serve(const struct lg_pool *pool)
{
    return lg__load_relaxed(&pool->control) & LG__POOL_SUSPENDED ? NULL : pool->queue.first;
}

struct lg__wait *lg__queue_serve(struct lg_pool *pool, struct lg__slot *slot)
{
    const struct lg__wait *first = first_to_serve(pool);
    if (first)
        lg__store_relaxed(&pool->last_return_ns, lg__now_ns());
    if (first && !lg__queue_may_overtake(pool))
        return hand_over(pool, slot);
    make_idle(pool, slot);
    return first && (first->want.need == 1 || has_idle(pool, first->want.need)) ? wake_first(pool)
                                                                                : NULL;
}

struct lg__wait *lg__queue_arrive(struct lg_pool *pool)
{
    const struct lg__wait *first = first_to_serve(pool);
    return first && has_idle(pool, first->want.need) ? wake_first(pool) : NULL;
}

struct lg__wait *lg__queue_serve_next(struct lg_pool *pool)
{
    const struct lg__wait *first = first_to_serve(pool);
    struct lg__wait *wait = NULL;
    if (first && !lg__queue_may_overtake(pool))
        wait = hand_idle(pool);
    else if (first && has_idle(pool, first->want.need))
        wait = wake_first(pool);
    if (wait)
        lg__store_relaxed(&pool->last_return_ns, lg__now_ns());
    return wait;
}

void lg__queue_serve_idle(struct lg_pool *pool)
{
    struct lg__wait *wait;
    do {
        lg__raw_lock(&pool->lock);
        wait = lg__queue_serve_next(pool);
        lg__raw_unlock(&pool->lock);
        if (wait)
            lg__wait_wake(wait);
    } while (wait);
}

struct lg__wait *lg__queue_fail_first(struct lg_pool *pool, int status)
{
    return end_first(pool, &pool->queue, LG__WAIT_REFUSED, (uint64_t)(uint32_t)status);
}

bool lg__queue_call(struct lg_pool *pool, struct lg__wait *wait)
{
    bool is_called = lg__load_relaxed(&wait->queue) == &pool->queue &&
                     end_wait(pool, &pool->queue, wait, LG__WAIT_WOKEN, 0);
    if (is_called)
        lg__queue_send(pool, 1);
    return is_called;
}

/* Requests stay: they are in no look at the graph, and are served where they are.
 * By place, because who was woken may queue in its place again before the next is. */
bool lg__queue_wake_next(struct lg_pool *pool, uint64_t *place, uint64_t last)
{
    lg__raw_lock(&pool->lock);
    struct lg__wait *wait = pool->queue.first;
    while (wait && (wait->stamp <= *place || wait->notify))
        wait = wait->next;
    bool is_there = wait && wait->stamp <= last;
    bool is_woken = false;
    if (is_there) {
        *place = wait->stamp;
        is_woken = lg__queue_call(pool, wait);
    }
    lg__raw_unlock(&pool->lock);
    if (is_woken)
        lg__wait_wake(wait);
    return is_there;
}

/* Whose wait has ended so comes here again (lg__queue_answer), under the lock, before it begins another:
 * until then its record is the list's.  It is in the list before its wait ends, or it would read its place
 * while that is written. */
void lg__queue_call_all(struct lg_pool *pool)
{
    struct lg__wait *next;
    for (struct lg__wait *wait = pool->queue.first; wait; wait = next) {
        next = wait->next;
        if (wait->notify)
            continue;
        remove_wait(pool, &pool->queue, wait);
        lg__queue_push(pool, &pool->called, wait, wait->stamp);
        if (lg__wait_end(wait, LG__WAIT_WOKEN, 0))
            lg__queue_send(pool, 1);
        else
            remove_wait(pool, &pool->called, wait);
    }
    if (pool->queue.count == 0)
        lg__pool_clear_flag(pool, LG__POOL_WAITERS);
}

void lg__queue_answer(struct lg_pool *pool, struct lg__wait *wait)
{
    if (lg__load_relaxed(&wait->queue) == &pool->called)
        remove_wait(pool, &pool->called, wait);
}

void lg__queue_wake_called(struct lg_pool *pool)
{
    struct lg__wait *wait;
    do {
        lg__raw_lock(&pool->lock);
        wait = pool->called.first;
        if (wait)
            remove_wait(pool, &pool->called, wait);
        lg__raw_unlock(&pool->lock);
        if (wait)
            lg__wait_wake(wait);
    } while (wait);
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
    for (uint32_t i = 0; i < pool->extent; i++)
        if (lg__slot_state(lg__load_full(&pool->slots[i].word)) != LG__SLOT_EMPTY)
            return;
    struct lg__wait *wait;
    while ((wait = end_first(pool, &pool->closers, LG__WAIT_GRANTED, 0)) != NULL)
        lg__wait_wake(wait);
}

static struct lg_pool *pool_of(const void *object)
{
    return (struct lg_pool *)(uintptr_t)object;
}

/* Requests are left out: one wants a single unit and holds none, so what it waits for those behind it wait
 * for too, and what it is given is out of everybody's sight.
 * Without the lock where nobody wants more than one.  Who is ahead of a waiter was there before its wait
 * began, under the lock; so whoever has seen that begin (W1) sees `many` count it. */
void lg__queue_visit_ahead(const void *object, const struct lg__wait *wait, lg__visit_wait *visit,
                           void *arg)
{
    struct lg_pool *pool = pool_of(object);
    if (lg__load_relaxed(&pool->queue.many) == 0)
        return;
    lg__raw_lock(&pool->lock);
    if (lg__load_relaxed(&wait->queue) == &pool->queue)
        for (const struct lg__wait *next = pool->queue.first; next; next = next->next)
            if ((!next->notify && !visit(arg, next)) || next == wait)
                break;
    lg__raw_unlock(&pool->lock);
}

void lg__queue_let_pass(const void *object, struct lg__wait *wait, uint64_t word)
{
    struct lg_pool *pool = pool_of(object);
    struct lg__wait *served = NULL;
    lg__raw_lock(&pool->lock);
    if (lg__load_relaxed(&wait->queue) == &pool->queue && lg__load_acquire(&wait->word) == word) {
        remove_wait(pool, &pool->queue, wait);
        lg__queue_push(pool, &pool->queue, wait, lg__queue_front_ticket(pool));
        served = first_to_serve(pool) ? hand_idle(pool) : NULL;
    }
    lg__raw_unlock(&pool->lock);
    if (served)
        lg__wait_wake(served);
}
