/* The courier's thread and its lists. */
#include "pool/courier.h"

#include "plat/clock.h"
#include "plat/thread.h"
#include "pool/request.h"

#include <limits.h>

#define LINGER_NS (100 * 1000000ull)

/* With the lock.  True: it must be woken once the lock is released. */
static bool rouse(struct lg__courier *courier)
{
    if (!courier->is_asleep)
        return false;
    courier->is_asleep = false;
    lg__store_release(&courier->kicks, courier->kicks + 1);
    return true;
}

void lg__courier_wake(struct lg_pool *pool)
{
    lg__futex_wake(&pool->courier.kicks, 1);
}

bool lg__courier_push(struct lg_request *request)
{
    struct lg__courier *courier = &request->ask.pool->courier;
    request->next_due = NULL;
    if (courier->due_last)
        courier->due_last->next_due = request;
    else
        courier->due_first = request;
    courier->due_last = request;
    return rouse(courier);
}

/* When something has to be done about a request that waits. */
static uint64_t alarm_time(const struct lg_request *request)
{
    const struct lg__wait *wait = &request->ask.self->wait;
    uint64_t deadline = lg__load_relaxed(&wait->deadline);
    return wait->is_patient && request->ask.patience_ns < deadline ? request->ask.patience_ns
                                                                   : deadline;
}

bool lg__courier_watch(struct lg_request *request, bool has_ended)
{
    struct lg__courier *courier = &request->ask.pool->courier;
    uint64_t time = alarm_time(request);
    if (!has_ended &&
        lg__request_is_cancelled(request)) /* it was not waiting when it was cancelled */
        has_ended = lg__wait_end(&request->ask.self->wait, LG__WAIT_CANCELLED, 0);
    if (has_ended)
        return lg__courier_push(request);
    if (time == LG_FOREVER)
        return false;
    lg__heap_push(&courier->alarms, &request->alarm, time);
    return time < courier->until_ns && rouse(courier);
}

void lg__courier_notify(void *arg)
{
    struct lg_request *request = arg;
    struct lg_pool *pool = request->ask.pool;
    lg__raw_lock(&pool->lock);
    bool must_wake = lg__courier_push(request);
    lg__raw_unlock(&pool->lock); /* from here on the request, and the pool, may be gone */
    if (must_wake)
        lg__courier_wake(pool);
}

static struct lg_request *request_of(struct lg__heap_node *alarm)
{
    return (struct lg_request *)(void *)((char *)alarm - offsetof(struct lg_request, alarm));
}

/* With the lock: the next request to look at, because it is due or its time has come, or NULL. */
static struct lg_request *take_next(struct lg__courier *courier, uint64_t now_ns, bool *is_due)
{
    struct lg_request *request = courier->due_first;
    *is_due = request != NULL;
    if (request) {
        courier->due_first = request->next_due;
        if (!courier->due_first)
            courier->due_last = NULL;
    } else if (courier->alarms.first && courier->alarms.first->key <= now_ns) {
        request = request_of(courier->alarms.first);
    }
    if (request)
        lg__heap_remove(&courier->alarms, &request->alarm);
    return request;
}

/* With the lock: nothing is due.  Whether the thread may go for good. */
static bool may_leave(struct lg_pool *pool, uint64_t now_ns)
{
    struct lg__courier *courier = &pool->courier;
    if (courier->pending > 0) {
        courier->leaving_ns = 0;
        return false;
    }
    if (courier->leaving_ns == 0)
        courier->leaving_ns = now_ns + LINGER_NS;
    return (lg__load_relaxed(&pool->control) & LG__POOL_CLOSED) || now_ns >= courier->leaving_ns;
}

/* With the lock: until when to sleep, unless roused. */
static uint64_t fall_asleep(struct lg__courier *courier)
{
    courier->until_ns = courier->alarms.first ? courier->alarms.first->key : LG_FOREVER;
    if (courier->leaving_ns != 0)
        courier->until_ns = courier->leaving_ns;
    courier->is_asleep = true;
    return courier->until_ns;
}

static void *run_courier(void *arg)
{
    struct lg_pool *pool = arg;
    struct lg__courier *courier = &pool->courier;
    for (;;) {
        bool is_due;
        uint64_t until_ns = 0;
        uint64_t now_ns = lg__now_ns();
        lg__raw_lock(&pool->lock);
        courier->is_asleep = false;
        struct lg_request *request = take_next(courier, now_ns, &is_due);
        bool is_over = !request && may_leave(pool, now_ns);
        if (is_over)
            lg__store_release(&courier->state, (uint32_t)LG__COURIER_NONE);
        else if (!request)
            until_ns = fall_asleep(courier);
        uint32_t kicks = courier->kicks;
        lg__raw_unlock(&pool->lock);
        if (is_over)
            break;
        if (request)
            lg__request_attend(request, is_due);
        else
            (void)lg__futex_wait(&courier->kicks, kicks, until_ns);
    }
    lg__pool_unref(pool);
    return NULL;
}

/* With the lock, which is released while another starts it.  True: it is there. */
static bool find_courier(struct lg_pool *pool)
{
    struct lg__courier *courier = &pool->courier;
    while (courier->state == LG__COURIER_STARTING) {
        lg__raw_unlock(&pool->lock);
        (void)lg__futex_wait(&courier->state, LG__COURIER_STARTING, LG_FOREVER);
        lg__raw_lock(&pool->lock);
    }
    return courier->state == LG__COURIER_THERE;
}

/* By whoever has set the state to STARTING. */
static bool start(struct lg_pool *pool)
{
    bool has_started = lg__thread_start(run_courier, pool);
    lg__raw_lock(&pool->lock);
    lg__store_release(&pool->courier.state,
                      (uint32_t)(has_started ? LG__COURIER_THERE : LG__COURIER_NONE));
    if (!has_started)
        pool->courier.pending--;
    lg__raw_unlock(&pool->lock);
    lg__futex_wake(&pool->courier.state, INT_MAX);
    if (!has_started)
        lg__pool_unref(pool);
    return has_started;
}

bool lg__courier_hire(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    pool->courier.pending++;
    bool is_there = find_courier(pool);
    if (!is_there) {
        lg__store_release(&pool->courier.state, (uint32_t)LG__COURIER_STARTING);
        pool->references++;
    }
    lg__raw_unlock(&pool->lock);
    return is_there || start(pool);
}

void lg__courier_dismiss(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    pool->courier.pending--;
    lg__raw_unlock(&pool->lock);
}

void lg__courier_send_home(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool must_wake = rouse(&pool->courier);
    lg__raw_unlock(&pool->lock);
    if (must_wake)
        lg__courier_wake(pool);
}

void lg__courier_forget(struct lg_pool *pool)
{
    pool->courier = (struct lg__courier){0};
}
