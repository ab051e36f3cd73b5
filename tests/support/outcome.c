/* Callbacks that write down what they were told. */
#include "support/outcome.h"

#include "pool/pool.h"

#include <signal.h>

static bool are_signals_blocked(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGINT);
}

void outcome_note(void *arg, int status, struct lg_lease *lease)
{
    struct outcome *outcome = arg;
    outcome->status = status;
    outcome->lease = *lease;
    outcome->report = *lg_report_last();
    outcome->thread = pthread_self();
    outcome->has_all_signals_blocked = are_signals_blocked();
    __atomic_store_n(&outcome->is_inside, 1, __ATOMIC_SEQ_CST);
    NULL_WAIT_UNTIL(!__atomic_load_n(&outcome->is_held, __ATOMIC_SEQ_CST));
    if (outcome->must_return && status == LG_OK)
        outcome->status = lg_pool_checkin(lease->pool, lease);
    if (outcome->must_end)
        lg_request_end(outcome->request);
    __atomic_store_n(&outcome->is_inside, 0, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&outcome->calls, 1, __ATOMIC_SEQ_CST);
}

uint32_t outcome_calls(const struct outcome *outcome)
{
    return __atomic_load_n(&outcome->calls, __ATOMIC_SEQ_CST);
}

void outcome_wait(const struct outcome *outcome, uint32_t calls)
{
    NULL_WAIT_UNTIL(outcome_calls(outcome) >= calls);
}

int outcome_poll(struct lg_request *request, struct lg_lease *lease)
{
    int status;
    while ((status = lg_request_poll(request, lease)) == LG_EBUSY)
        null_yield();
    return status;
}

struct lg_request *outcome_ask(struct lg_pool *pool, lg_deadline deadline)
{
    struct lg_request *request;
    assert_status(lg_pool_request(pool, deadline, NULL, NULL, -1, &request), LG_OK);
    assert_non_null(request);
    return request;
}

static uint32_t count_queued(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    uint32_t count = pool->queue.count;
    lg__raw_unlock(&pool->lock);
    return count;
}

void outcome_wait_queued(struct lg_pool *pool, uint32_t count)
{
    NULL_WAIT_UNTIL(count_queued(pool) == count);
}
