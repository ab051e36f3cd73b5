/* Requests: begin, outcome, poll, cancel, end.  The theory is in request.h. */
#include "pool/request.h"

#include "plat/clock.h"
#include "plat/log.h"
#include "plat/memory.h"
#include "plat/seam.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

static uint32_t era;                               /* written in the child of a fork */
static _Thread_local struct lg_request *told_here; /* in whose callback the thread is */
static uint32_t has_logged_fd;                     /* atomic relaxed */

static bool is_of_parent(const struct lg_request *request)
{
    return request->era != era;
}

void lg__request_begin_era(void)
{
    era++;
    told_here = NULL;
}

bool lg__request_is_told_here(const struct lg_pool *pool)
{
    return told_here && told_here->ask.pool == pool;
}

static void free_request(struct lg_request *request)
{
    lg__proxy_end(request->ask.self);
    lg__free(request);
}

/* What was lent, and nobody has taken. */
static void return_grant(struct lg_request *request)
{
    struct lg_pool *pool = request->ask.pool;
    struct lg_lease lease = request->lease;
    request->lease = (struct lg_lease){0};
    lg__pool_enter(
        pool); /* once it is back, a close may find everything in, and a destroy follow */
    lg__pool_take_back(pool, &lease);
    lg__pool_deliver(pool);
    lg__pool_exit(pool);
}

/* ---- The outcome ------------------------------------------------------------------------------ */

/* Make the outcome known.  False: it was ended, and nobody wants to know. */
static bool publish(struct lg_request *request)
{
    uint32_t told = request->callback ? LG__REQUEST_TAKEN : LG__REQUEST_DONE;
    uint32_t word = lg__load_full(&request->state);
    do {
        if ((word & LG__REQUEST_CANCELLED) && request->status == LG_OK)
            return_grant(request);
        if (word & LG__REQUEST_CANCELLED)
            request->status = LG_ECANCELED;
        if (word & LG__REQUEST_ENDED)
            return false;
    } while (!lg__cas_full(&request->state, &word, told | LG__REQUEST_TELLING));
    return true;
}

/* Why it failed, for lg_report_last. */
static void copy_report(const struct lg_request *request)
{
    struct lg_context *self = lg__context_self();
    const struct lg_report *report = lg__report_of(request->ask.self);
    if (self && report->kind != LG_REPORT_NONE)
        *lg__report_of(self) = *report;
}

static void log_fd(const struct lg_pool *pool)
{
    struct lg_log_field field = {"pool", pool->name};
    if (!lg__swap_full(&has_logged_fd, 1u))
        lg__log(LG_LOG_WARN, "request-fd", &field, 1,
                "the event fd of a request cannot be written: whoever polls it is not woken");
}

static void write_fd(const struct lg_request *request)
{
    static const uint64_t one = 1;
    int saved = errno;
    ssize_t written;
    do
        written = lg__seam_fails(LG__SEAM_WRITE) ? -1 : write(request->event_fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    bool is_full = written < 0 && errno == EAGAIN; /* then it is readable already */
    errno = saved;
    if (written != (ssize_t)sizeof one && !is_full)
        log_fd(request->ask.pool);
}

/* Tell the outcome.  True: the callback has ended the request.  If not, another may free it as soon as
 * TELLING has gone. */
static bool tell(struct lg_request *request)
{
    if (request->callback) {
        struct lg_lease lease = request->lease;
        if (request->status != LG_OK)
            copy_report(request);
        told_here = request;
        request->callback(request->arg, request->status, &lease);
        told_here = NULL;
    }
    bool is_ended = lg__load_full(&request->state) & LG__REQUEST_ENDED; /* by the callback alone */
    if (is_ended)
        return true;
    if (request->event_fd >= 0)
        write_fd(request);
    if (lg__sub_full(&request->state, LG__REQUEST_TELLING) & LG__REQUEST_AWAITED)
        lg__futex_wake(&request->state, INT_MAX);
    return false;
}

/* With what ask and lend have come to. */
static void complete(struct lg_request *request, int status)
{
    struct lg_pool *pool = request->ask.pool;
    request->status = status == LG_EBUSY ? LG_ETIMEDOUT : status; /* to poll, busy is: not yet */
    lg__ask_count_end(&request->ask, status);
    if (status != LG_OK) {
        request->lease = (struct lg_lease){0}; /* of the number of a slot */
        lg__stats_count_failure(pool, status);
    }
    if (pool->events) {
        lg__raw_lock(&pool->lock);
        lg__ask_tell_end(&request->ask, status);
        lg__raw_unlock(&pool->lock);
        lg__pool_deliver(pool);
    }
    bool must_free = !publish(request) || tell(request);
    lg__courier_dismiss(
        pool); /* the lock: a cancel that is about the request lets go of it first */
    if (must_free)
        free_request(request);
    lg__pool_exit(pool);
}

/* Its time has come: its deadline's, or its patience is at an end.  True: its wait has ended by that.  If
 * another has ended it, that one has notified, or will. */
static bool end_by_time(struct lg_request *request)
{
    struct lg__ask *ask = &request->ask;
    struct lg__wait *wait = &ask->self->wait;
    uint64_t word = lg__load_acquire(&wait->word);
    if (LG__WAIT_STATE(word) != LG__WAIT_WAITING)
        return false;
    if (lg__deadline_has_passed(lg__load_relaxed(&wait->deadline)))
        return lg__wait_end_this(wait, word, LG__WAIT_TIMED_OUT, 0);
    lg__growth_lose_patience(ask->pool, wait);
    lg__raw_lock(&ask->pool->lock);
    bool must_wake = lg__courier_watch(request, false);
    lg__raw_unlock(&ask->pool->lock);
    if (must_wake)
        lg__courier_wake(ask->pool);
    return false;
}

void lg__request_attend(struct lg_request *request, bool is_due)
{
    int status = request->found;
    if (!is_due && !end_by_time(request))
        return;
    if (status == LG__ASK_QUEUED) {
        uint64_t word = lg__load_acquire(&request->ask.self->wait.word); /* W2 */
        status = lg__ask_end_wait(&request->ask, LG__WAIT_STATE(word));
    }
    request->found = LG__ASK_QUEUED;
    status = lg__ask_lend(&request->ask, status);
    if (status != LG__ASK_QUEUED)
        complete(request, status);
}

/* ---- The user's calls ------------------------------------------------------------------------- */

static struct lg_request *make_request(struct lg_pool *pool, lg_deadline deadline,
                                       const char *place)
{
    struct lg_request *request = lg__alloc(sizeof *request);
    struct lg_context *proxy = request ? lg__proxy_begin(lg__courier_notify, request) : NULL;
    if (!proxy) {
        lg__free(request);
        return NULL;
    }
    request->era = era;
    request->found = LG__ASK_QUEUED;
    request->ask = (struct lg__ask){
        .pool = pool,
        .self = proxy,
        .want = {&lg__pool_class, pool, 1, false, deadline, place, 0},
        .leases = &request->lease,
        .request = request,
    };
    return request;
}

/* From here on it may be over, and freed, at any moment. */
static void begin(struct lg_request *request)
{
    struct lg_pool *pool = request->ask.pool;
    if (pool->events) {
        lg__raw_lock(&pool->lock);
        lg__ask_tell_begin(&request->ask);
        lg__raw_unlock(&pool->lock);
    }
    int found = lg__ask_find(&request->ask);
    if (found != LG__ASK_QUEUED) {
        request->found = found;
        lg__courier_notify(request);
    }
    lg__pool_deliver(pool);
}

int lg_pool_request_at(struct lg_pool *pool, lg_deadline deadline, lg_request_callback *callback,
                       void *arg, int event_fd, struct lg_request **out, const char *place)
{
    if (!out)
        return LG_EINVAL;
    *out = NULL;
    if (!pool || event_fd < -1)
        return LG_EINVAL;
    struct lg_request *request = make_request(pool, deadline, place);
    if (!request)
        return LG_ENOMEM;
    request->callback = callback;
    request->arg = arg;
    request->event_fd = event_fd;
    lg__pool_enter(pool); /* this call */
    bool has_courier = lg__courier_hire(pool);
    if (has_courier) {
        lg__pool_enter(pool); /* the request; complete exits */
        *out = request;       /* before the callback may ask for it */
        begin(request);
    } else {
        free_request(request);
    }
    lg__pool_exit(pool);
    return has_courier ? LG_OK : LG_ENOMEM;
}

int lg_request_poll(struct lg_request *request, struct lg_lease *lease)
{
    if (!request || !lease)
        return LG_EINVAL;
    *lease = (struct lg_lease){0};
    if (is_of_parent(request))
        return LG_EFORK;
    uint32_t word = lg__load_full(&request->state);
    do {
        uint32_t state = word & LG__REQUEST_STATES;
        if (state != LG__REQUEST_DONE)
            return state == LG__REQUEST_TAKEN ? LG_ESTALE : LG_EBUSY;
    } while (!lg__cas_full(&request->state, &word, word | LG__REQUEST_TAKEN));
    *lease = request->lease;
    if (request->status != LG_OK)
        copy_report(request);
    return request->status;
}

/* Add flags to a pending request and end its wait, if it waits.  False: it is not pending any more. */
static bool stop(struct lg_request *request, uint32_t flags)
{
    struct lg_pool *pool = request->ask.pool;
    bool must_wake = false;
    uint32_t word = lg__load_full(&request->state);
    if ((word & LG__REQUEST_STATES) != LG__REQUEST_PENDING)
        return false; /* the pool may be gone */
    lg__raw_lock(&pool->lock);
    bool is_pending = true;
    do
        is_pending = (word & LG__REQUEST_STATES) == LG__REQUEST_PENDING;
    while (is_pending && !lg__cas_full(&request->state, &word, word | flags));
    if (is_pending && lg__wait_end(&request->ask.self->wait, LG__WAIT_CANCELLED, 0))
        must_wake = lg__courier_push(request);
    lg__raw_unlock(&pool->lock);
    if (must_wake)
        lg__courier_wake(pool);
    return is_pending;
}

/* Take the outcome from poll.  False: there is none, or poll has it. */
static bool claim_outcome(struct lg_request *request, uint32_t to)
{
    uint32_t word = lg__load_full(&request->state);
    do
        if ((word & LG__REQUEST_STATES) != LG__REQUEST_DONE)
            return false;
    while (!lg__cas_full(&request->state, &word, (word & ~LG__REQUEST_STATES) | to));
    return true;
}

int lg_request_cancel(struct lg_request *request)
{
    if (!request)
        return LG_EINVAL;
    if (is_of_parent(request))
        return LG_EFORK;
    if (stop(request, LG__REQUEST_CANCELLED))
        return LG_OK;
    if (!claim_outcome(request, LG__REQUEST_CHANGING))
        return LG_ESTALE;
    bool was_granted = request->status == LG_OK;
    if (was_granted) {
        return_grant(request);
        request->status = LG_ECANCELED;
    }
    lg__sub_full(&request->state, LG__REQUEST_CHANGING - LG__REQUEST_DONE);
    return was_granted ? LG_OK : LG_ESTALE;
}

static void wait_until_told(struct lg_request *request)
{
    uint32_t word = lg__load_full(&request->state);
    while (word & LG__REQUEST_TELLING) {
        uint32_t awaited = word | LG__REQUEST_AWAITED;
        if (lg__cas_full(&request->state, &word, awaited)) {
            (void)lg__futex_wait(&request->state, awaited, LG_FOREVER);
            word = lg__load_full(&request->state);
        }
    }
}

void lg_request_end(struct lg_request *request)
{
    if (!request)
        return;
    if (is_of_parent(request)) {
        lg__free(request); /* the proxy has ended with the fork */
        return;
    }
    if (stop(request, LG__REQUEST_CANCELLED | LG__REQUEST_ENDED))
        return; /* the courier frees it */
    if (request == told_here) {
        __atomic_or_fetch(&request->state, LG__REQUEST_ENDED, __ATOMIC_SEQ_CST);
        return;
    }
    wait_until_told(request);
    if (claim_outcome(request, LG__REQUEST_TAKEN) && request->status == LG_OK)
        return_grant(request);
    free_request(request);
}
