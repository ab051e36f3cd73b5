/* Requests against everything: against waits that begin, against signals, against grants.  Every wait
 * ends, no signal and no grant is lost, and no wait is ended by a token that it is not in. */
#include "support/locks.h"
#include "support/null_driver.h"
#include "support/scope.h"
#include "support/thing.h"

#include "graph/cancel.h"
#include "plat/clock.h"

#include <sched.h>

/* ---- A duel: one wait, one request, at the same time (K1) ------------------------------------- */

#define DUELS SUPPORT_ROUNDS(20000u)

struct duel {
    struct lg_cancel root, leaf; /* new in each round */
    uint32_t begun, asked;       /* atomic; rounds */
};

/* A wait in the scope, which only the request ends; then one outside, which the request, perhaps under
 * way yet, must leave alone. */
static int wait_in_duels(void *arg)
{
    struct duel *duel = arg;
    struct thing thing = {.name = "thing", .capacity = 1};
    struct lg__want want = thing_want(&thing, 1);
    struct lg__wait *wait = &lg_context_self()->wait;
    struct support_random random;
    support_random_begin(&random, 1);
    for (uint32_t round = 1; round <= DUELS; round++) {
        struct scope scope = {.token = &duel->leaf};
        lg__cancel_init(&duel->root, NULL, LG_FOREVER);
        lg__cancel_init(&duel->leaf, &duel->root, LG_FOREVER);
        SUPPORT_CHECK(step_enter(&scope) == LG_OK);
        lg__store_release(&duel->begun, round);
        support_spin(&random, 20);
        lg__wait_begin(wait, &want, LG__WAIT_OUTSIDE);
        SUPPORT_CHECK(lg__wait_sleep(wait) == LG__WAIT_CANCELLED);
        lg__wait_retract(wait);
        (void)step_leave(&scope);
        lg__wait_begin(wait, &want, LG__WAIT_OUTSIDE);
        support_spin(&random, 20);
        SUPPORT_CHECK(lg__wait_end(wait, LG__WAIT_WOKEN, 0));
        lg__wait_retract(wait);
        while (lg__load_acquire(&duel->asked) != round)
            sched_yield();
    }
    return 0;
}

static int ask_in_duels(void *arg)
{
    struct duel *duel = arg;
    struct support_random random;
    support_random_begin(&random, 2);
    for (uint32_t round = 1; round <= DUELS; round++) {
        while (lg__load_acquire(&duel->begun) != round)
            sched_yield();
        support_spin(&random, 20);
        lg_cancel_request(support_below(&random, 2) ? &duel->root : &duel->leaf);
        lg__store_release(&duel->asked, round);
    }
    return 0;
}

static void test_no_request_misses_a_wait(void **state)
{
    (void)state;
    static struct duel duel;
    struct crew_worker *waiter = crew_hire("waiter"), *asker = crew_hire("asker");
    crew_run(waiter, wait_in_duels, &duel);
    crew_run(asker, ask_in_duels, &duel);
    assert_int_equal(crew_wait(waiter), 0);
    assert_int_equal(crew_wait(asker), 0);
}

/* ---- A bounded queue with signals ------------------------------------------------------------ */

#define REQUESTS  SUPPORT_ROUNDS(1500u)
#define ROOM      2
#define PRODUCERS 2
#define CONSUMERS 3
#define PARTS     (PRODUCERS + CONSUMERS)

struct queue {
    struct lg_mutex mutex;
    struct lg_condition not_empty, not_full;
    unsigned count, put; /* under mutex */
    unsigned taken;      /* under mutex; atomic, read by others */
    unsigned is_over;    /* as taken; nothing is put any more */
};

/* Producers and the first consumer are steady: nobody cancels them.  The others are fickle: cancelled,
 * they leave without a look at the queue and come back when somebody else has taken something.  So an
 * item whose signal a cancelled waiter swallowed would lie there for ever. */
struct part {
    struct queue *queue;
    unsigned index;
    bool is_producer, is_fickle;
    pthread_mutex_t guard;
    struct lg_cancel *token; /* under guard */
    struct scope scope;
    unsigned cancelled;
};

static int take_token(struct part *part)
{
    struct lg_cancel *token;
    SUPPORT_CHECK(lg_cancel_create(NULL, LG_FOREVER, &token) == LG_OK);
    pthread_mutex_lock(&part->guard);
    part->token = token;
    pthread_mutex_unlock(&part->guard);
    part->scope.token = token;
    return step_enter(&part->scope);
}

static void drop_token(struct part *part)
{
    pthread_mutex_lock(&part->guard);
    struct lg_cancel *token = part->token;
    part->token = NULL;
    pthread_mutex_unlock(&part->guard);
    lg_cancel_destroy(token); /* the scope keeps it */
    (void)step_leave(&part->scope);
}

/* Wait, with the mutex held, until there is something to do or all is done. */
static int wait_for_work(struct part *part) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct queue *queue = part->queue;
    struct lg_condition *condition = part->is_producer ? &queue->not_full : &queue->not_empty;
    unsigned none = part->is_producer ? ROOM : 0;
    int status = LG_OK;
    while (queue->count == none && !queue->is_over && status == LG_OK)
        status = lg_condition_wait(condition, &queue->mutex, LG_FOREVER);
    return status;
}

/* One item put or taken; the mutex is held.  False: all are. */
static bool do_work(struct part *part)
{
    struct queue *queue = part->queue;
    if (queue->is_over && (part->is_producer || queue->count == 0))
        return false;
    if (part->is_producer) {
        queue->put++;
        queue->count++;
    } else {
        lg__store_relaxed(&queue->taken, queue->taken + 1);
        queue->count--;
    }
    return true;
}

static void wait_for_others(struct part *part)
{
    unsigned taken = lg__load_relaxed(&part->queue->taken);
    while (lg__load_relaxed(&part->queue->taken) == taken &&
           !lg__load_relaxed(&part->queue->is_over))
        sched_yield();
}

/* One round: lock, wait, work, signal.  1: go on; 0: all is done; LG_ECANCELED. */
static int work_once(struct part *part, bool signals_as_holder) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct queue *queue = part->queue;
    struct lg_condition *other = part->is_producer ? &queue->not_empty : &queue->not_full;
    int status = lg_mutex_lock(&queue->mutex, LG_FOREVER);
    if (status != LG_OK)
        return status;
    status = wait_for_work(part);
    bool has_worked = status == LG_OK && do_work(part);
    if (has_worked && signals_as_holder)
        lg_condition_signal(other);
    lg_mutex_unlock(&queue->mutex);
    if (has_worked && !signals_as_holder)
        lg_condition_signal(other);
    return status == LG_OK ? has_worked : status;
}

static int play_part(void *arg)
{
    struct part *part = arg;
    struct support_random random;
    int status = 1;
    support_random_begin(&random, 100 + part->index);
    SUPPORT_CHECK(!part->is_fickle || take_token(part) == LG_OK);
    while (status == 1 || status == LG_ECANCELED) {
        status = work_once(part, support_below(&random, 2));
        if (status != LG_ECANCELED)
            continue;
        SUPPORT_CHECK(part->is_fickle);
        part->cancelled++;
        drop_token(part);
        wait_for_others(part);
        SUPPORT_CHECK(take_token(part) == LG_OK);
    }
    if (part->is_fickle)
        drop_token(part);
    return status;
}

/* Request each token once; a fickle part takes a new one when it has been cancelled.  Then all is over,
 * and all are told. */
static int ask_again_and_again(void *arg)
{
    struct part *parts = arg;
    struct queue *queue = parts->queue;
    struct support_random random;
    support_random_begin(&random, 200);
    for (unsigned asked = 0; asked < REQUESTS; sched_yield()) {
        struct part *part = &parts[PRODUCERS + 1 + support_below(&random, CONSUMERS - 1)];
        pthread_mutex_lock(&part->guard);
        asked += part->token && !lg_cancel_is_requested(part->token);
        lg_cancel_request(part->token);
        pthread_mutex_unlock(&part->guard);
        support_spin(&random, 2000);
    }
    SUPPORT_CHECK(step_lock(&queue->mutex) == LG_OK);
    lg__store_relaxed(&queue->is_over, 1u);
    step_unlock(&queue->mutex);
    lg_condition_broadcast(&queue->not_full);
    lg_condition_broadcast(&queue->not_empty);
    return 0;
}

static void test_no_signal_is_lost(void **state)
{
    (void)state;
    static struct queue queue;
    static struct part parts[PARTS];
    struct crew_worker *workers[PARTS], *canceller = crew_hire("canceller");
    for (unsigned i = 0; i < PARTS; i++) {
        parts[i].queue = &queue;
        parts[i].index = i;
        parts[i].is_producer = i < PRODUCERS;
        parts[i].is_fickle = i > PRODUCERS;
        pthread_mutex_init(&parts[i].guard, NULL);
        workers[i] = crew_hire_numbered(i < PRODUCERS ? "producer" : "consumer", i);
        crew_run(workers[i], play_part, &parts[i]);
    }
    crew_run(canceller, ask_again_and_again, parts);
    unsigned cancelled = 0;
    for (unsigned i = 0; i < PARTS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        cancelled += parts[i].cancelled;
    }
    assert_int_equal(crew_wait(canceller), 0);
    assert_true(cancelled >= REQUESTS - (CONSUMERS - 1)); /* each took its last token in vain */
    assert_int_equal(queue.taken, queue.put);
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.not_empty.waiters, 0);
    assert_int_equal(queue.not_full.waiters, 0);
    assert_int_equal(queue.mutex.word, 0);
    for (unsigned i = 0; i < PARTS; i++)
        pthread_mutex_destroy(&parts[i].guard);
}

/* ---- Random trees over all kinds of waits ----------------------------------------------------- */

#define ROUNDS    SUPPORT_ROUNDS(60u)
#define TOKENS    10
#define GARDENERS 5

struct garden {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_mutex mutex;
    struct lg_mutex hall;      /* for `never` */
    struct lg_condition never; /* nobody signals it */
    struct lg_cancel *tokens[TOKENS];
};

struct gardener {
    struct garden *garden;
    struct scope scope;
    struct support_random random;
};

/* What may come out of a wait in a scope; deadlocks only with something in hand. */
static bool is_expected(int status, bool has_something)
{
    return status == LG_OK || status == LG_ETIMEDOUT || status == LG_ECANCELED ||
           (status == LG_EDEADLK && has_something);
}

static int lock_for_a_while(struct gardener *g, bool has_something) LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_mutex_lock(&g->garden->mutex, LG_FOREVER);
    SUPPORT_CHECK(is_expected(status, has_something));
    if (status == LG_OK) {
        support_spin(&g->random, 300);
        lg_mutex_unlock(&g->garden->mutex);
    }
    return status;
}

/* One lease, or one in the other, or the mutex in it. */
static int borrow(struct gardener *g, unsigned depth)
{
    struct loan loan = loan_of(g->garden->driver, g->garden->pool, LG_FOREVER);
    int status = loan_checkout(&loan);
    SUPPORT_CHECK(is_expected(status, depth > 0));
    if (status != LG_OK)
        return status;
    support_spin(&g->random, 300);
    if (depth == 0 && support_below(&g->random, 3) == 0)
        status = borrow(g, 1);
    else if (support_below(&g->random, 3) == 0)
        status = lock_for_a_while(g, true);
    SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    return status;
}

static int wait_in_vain(struct gardener *g) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct garden *garden = g->garden;
    int status = lg_mutex_lock(&garden->hall, LG_FOREVER);
    if (status != LG_OK)
        return status;
    status = lg_condition_wait(&garden->never, &garden->hall, LG_FOREVER);
    SUPPORT_CHECK(status == LG_ECANCELED || status == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg_mutex_is_held(&garden->hall));
    lg_mutex_unlock(&garden->hall);
    return status;
}

static int wait_somehow(struct gardener *g)
{
    switch (support_below(&g->random, 8)) {
    case 0:
        return wait_in_vain(g);
    case 1:
        return lg_retry(support_below(&g->random, 6), LG_FOREVER) ? LG_OK : LG_ETIMEDOUT;
    case 2:
    case 3:
        return lock_for_a_while(g, false);
    default:
        return borrow(g, 0);
    }
}

/* In a scope of its own below the current one, for a short time. */
static int wait_below(struct gardener *g)
{
    struct scope inner;
    lg_deadline deadline = support_below(&g->random, 3)
                               ? LG_FOREVER
                               : lg__now_ns() + support_below(&g->random, 200000);
    SUPPORT_CHECK(lg_cancel_create(lg_cancel_current(), deadline, &inner.token) == LG_OK);
    SUPPORT_CHECK(step_enter(&inner) == LG_OK);
    bool goes_first = support_below(&g->random, 2);
    if (goes_first)
        lg_cancel_destroy(inner.token);
    if (support_below(&g->random, 4) == 0)
        lg_cancel_request(lg_cancel_current());
    int status = wait_somehow(g);
    (void)step_leave(&inner);
    if (!goes_first)
        lg_cancel_destroy(inner.token);
    return status;
}

/* In a shield nothing is cancelled. */
static int clean_up(struct gardener *g)
{
    struct scope shield = {.token = NULL};
    SUPPORT_CHECK(step_enter(&shield) == LG_OK);
    SUPPORT_CHECK(lock_for_a_while(g, false) == LG_OK);
    struct loan loan = loan_of(g->garden->driver, g->garden->pool, LG_FOREVER);
    SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
    SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    (void)step_leave(&shield);
    return 0;
}

static int garden_until_told(void *arg)
{
    struct gardener *g = arg;
    while (!lg_cancel_is_requested(g->scope.token)) {
        int status = support_below(&g->random, 2) ? wait_below(g) : wait_somehow(g);
        SUPPORT_CHECK(is_expected(status, true));
    }
    SUPPORT_CHECK(wait_in_vain(g) == LG_ECANCELED);
    SUPPORT_CHECK(clean_up(g) == 0);
    return 0;
}

static void grow(struct garden *garden, struct support_random *random)
{
    for (uint32_t i = 0; i < TOKENS; i++)
        garden->tokens[i] =
            token_below(i ? garden->tokens[support_below(random, i)] : NULL, LG_FOREVER);
}

/* Ask some, in any order, and the root in the end. */
static void fell(struct garden *garden, struct support_random *random)
{
    for (uint32_t i = 0; i < TOKENS / 2; i++) {
        support_spin(random, 5000);
        lg_cancel_request(garden->tokens[support_below(random, TOKENS)]);
    }
    lg_cancel_request(garden->tokens[0]);
}

static void destroy_all(struct garden *garden, struct support_random *random)
{
    for (uint32_t n = TOKENS; n > 0; n--) {
        uint32_t i = support_below(random, n);
        lg_cancel_destroy(garden->tokens[i]);
        garden->tokens[i] = garden->tokens[n - 1];
    }
}

static void expect_nothing_left(struct garden *garden)
{
    struct lg_lease leases[2];
    assert_int_equal(garden->mutex.word, 0);
    assert_int_equal(garden->hall.word, 0);
    assert_int_equal(garden->never.waiters, 0);
    for (int i = 0; i < 2; i++)
        assert_status(lg_pool_checkout(garden->pool, LG_FOREVER, &leases[i]), LG_OK);
    for (int i = 0; i < 2; i++)
        assert_status(lg_pool_checkin(garden->pool, &leases[i]), LG_OK);
}

static void run_garden(uint64_t overtaking_us, uint64_t stream)
{
    struct garden garden = {.driver = null_begin()};
    struct gardener gardeners[GARDENERS];
    struct crew_worker *workers[GARDENERS];
    struct support_random random;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 2;
    options.overtaking_us = overtaking_us;
    garden.pool = null_pool(garden.driver, &options);
    support_random_begin(&random, stream);
    for (unsigned i = 0; i < GARDENERS; i++) {
        gardeners[i] = (struct gardener){.garden = &garden};
        support_random_begin(&gardeners[i].random, stream + 1 + i);
        workers[i] = crew_hire_numbered("gardener-", i);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        grow(&garden, &random);
        for (unsigned i = 0; i < GARDENERS; i++) {
            gardeners[i].scope.token = garden.tokens[support_below(&random, TOKENS)];
            assert_int_equal(crew_do(workers[i], step_enter, &gardeners[i].scope), LG_OK);
            crew_run(workers[i], garden_until_told, &gardeners[i]);
        }
        fell(&garden, &random);
        for (unsigned i = 0; i < GARDENERS; i++) {
            assert_int_equal(crew_wait(workers[i]), 0);
            (void)crew_do(workers[i], step_leave, &gardeners[i].scope);
        }
        destroy_all(&garden, &random);
        expect_nothing_left(&garden);
    }
    for (unsigned i = 0; i < GARDENERS; i++)
        crew_leave(workers[i]);
    null_end(garden.driver, garden.pool);
}

static void test_every_wait_of_a_tree_ends(void **state)
{
    (void)state;
    run_garden(0, 300);
}

static void test_the_same_with_overtaking(void **state)
{
    (void)state;
    run_garden(200, 400);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_no_request_misses_a_wait),
        SUPPORT_TEST(test_no_signal_is_lost),
        SUPPORT_TEST(test_every_wait_of_a_tree_ends),
        SUPPORT_TEST(test_the_same_with_overtaking),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
