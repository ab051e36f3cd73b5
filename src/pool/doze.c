/* Dozing: a waiter that was woken in vain looks again by itself.
 *
 * Where newcomers may overtake, who gives back comes back soon, and is quicker than whoever must be woken.
 * A wake is then in vain, and dear: a system call for the giver and an interrupt for another processor, at
 * each return.  So a waiter that has come in vain is woken by no return for DOZE_NS: it looks at the end of
 * that, on its own processor's timer, and goes on as if it had been woken.  One a pool dozes at a time,
 * and only while its turn by time (overtaking_us) has not come: what comes back then is handed to it, and
 * ends the doze like any wait.
 *
 * The price: what is left idle by somebody who does not come back is found after DOZE_NS at the latest,
 * where a wake would have taken half of that.  Only who has just been overtaken pays it. */
#include "plat/clock.h"
#include "pool/ask.h"

#define DOZE_NS 50000u

bool lg__doze_begin(struct lg_pool *pool)
{
    bool may_doze = pool->queue.many == 0 && !pool->has_dozer && lg__queue_may_overtake(pool);
    if (may_doze)
        lg__store_full(&pool->has_dozer, 1u); /* S4 */
    return may_doze;
}

void lg__doze(struct lg_pool *pool, struct lg__wait *wait)
{
    (void)lg__wait_doze(wait, lg__now_ns() + DOZE_NS);
    lg__raw_lock(&pool->lock);
    lg__store_full(&pool->has_dozer, 0u); /* S4: then it looks, or another that it wakes */
    struct lg__wait *next = lg__queue_call(pool, wait) ? NULL : lg__queue_arrive(pool);
    lg__raw_unlock(&pool->lock);
    if (next)
        lg__wait_wake(next);
}
