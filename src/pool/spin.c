/* Spinning: a waiter looks for a moment whether a lease comes back, before it sleeps.
 *
 * To sleep and be woken costs some microseconds, and as many for the one who wakes; a lease that is held
 * for less is had for a tenth of that by who looks.  So one waiter a pool may spin, on its own wait's word and
 * for 3 us at most, and only if there is another processor and a holder that runs: one that is blocked
 * will not return anything soon.  Where spinning does not pay, because leases are held for longer
 * or the threads share one processor, it is soon not done: each time in vain, twice as many waits go by
 * before it is tried again.
 *
 * A unit that was handed to a sleeper is held by nobody until that one runs.  The time until then does not
 * count, up to the 50 us that a wake may take, so that about 53 us is the most that a waiter spins: else of
 * two threads that take turns, each would be asleep again before the other had begun, and they would
 * never come to pass the unit on while both run. */
#include "graph/search.h"
#include "plat/clock.h"
#include "plat/thread.h"
#include "pool/pool.h"

#define SPIN_NS   3000u
#define FLIGHT_NS 50000u
#define LOOK_NS   500u
#define REST_MAX  256u
#define LOOKED_AT 8u /* slots */

/* Only the first slots are looked at. */
static uint32_t count_looked_at(const struct lg_pool *pool)
{
    uint32_t capacity = lg__pool_capacity(pool);
    return capacity < LOOKED_AT ? capacity : LOOKED_AT;
}

/* Whether one of the first slots is with somebody who runs. */
static bool has_running_holder(const struct lg_pool *pool)
{
    uint32_t count = count_looked_at(pool);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t holder;
        if (lg__slot_read_holder(&pool->slots[i], &holder) && lg__holder_runs(holder))
            return true;
    }
    return false;
}

/* Whether one of the first slots is on its way to somebody. */
static bool has_flight(const struct lg_pool *pool)
{
    uint32_t count = count_looked_at(pool);
    for (uint32_t i = 0; i < count; i++)
        if (lg__slot_state(lg__load_relaxed(&pool->slots[i].word)) == LG__SLOT_HANDED)
            return true;
    return false;
}

/* Spin until what is on its way has arrived.  True: the wait has ended. */
static bool spin_through_flight(const struct lg_pool *pool, const struct lg__wait *wait)
{
    uint64_t until_ns = has_flight(pool) ? lg__now_ns() + FLIGHT_NS : 0;
    while (until_ns > 0 && has_flight(pool) && lg__now_ns() < until_ns)
        if (lg__wait_spin(wait, LOOK_NS))
            return true;
    return false;
}

void lg__pool_spin(struct lg_pool *pool, const struct lg__wait *wait)
{
    uint32_t rest = lg__load_relaxed(&pool->spin_rest);
    if (rest > 0) {
        lg__store_relaxed(&pool->spin_rest, rest - 1); /* a hint: a lost count is no harm */
        return;
    }
    if (!lg__thread_has_processors() || lg__load_relaxed(&pool->has_spinner) ||
        lg__swap_acquire(&pool->has_spinner, 1u))
        return;
    bool has_ended = spin_through_flight(pool, wait) ||
                     (has_running_holder(pool) && lg__wait_spin(wait, SPIN_NS));
    uint32_t vain = has_ended ? 0 : pool->spin_vain * 2 + 1; /* the spinner's, as has_spinner */
    pool->spin_vain = vain < REST_MAX ? vain : REST_MAX;
    lg__store_relaxed(&pool->spin_rest, pool->spin_vain);
    lg__store_release(&pool->has_spinner, 0u);
}
