/* Biases that come and go all the time: owners, who take and return; raiders, who take them back;
 * clears; leases that others return; nested checkouts; and somebody who makes biases cheap again.  The
 * null driver notices whatever is lent twice, or lent and closed. */
#include "pool/bias.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <pthread.h>

#define THREADS 5

struct fray {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    uint32_t clears; /* percent of the rounds */
    bool hands;      /* some leases are returned by another thread */
    bool nests;
    pthread_mutex_t desk_lock;
    struct lg_lease desk; /* under desk_lock; pool == NULL: empty */
    uint32_t must_stop;   /* atomic */
};

struct fighter {
    struct fray *fray;
    struct support_random random;
    uint64_t biased; /* loans that began with a bias */
};

/* Leave a lease on the desk, or return the one that lies there. */
static int use_desk(struct fray *fray, struct lg_lease *lease)
{
    struct lg_lease other = {0};
    pthread_mutex_lock(&fray->desk_lock);
    if (!fray->desk.pool && lease) {
        fray->desk = *lease;
        lease->pool = NULL;
    } else {
        other = fray->desk;
        fray->desk.pool = NULL;
    }
    pthread_mutex_unlock(&fray->desk_lock);
    return other.pool ? lg_pool_checkin(fray->pool, &other) : LG_OK;
}

static int give_back(struct fighter *fighter, struct loan *loan)
{
    struct fray *fray = fighter->fray;
    support_spin(&fighter->random, 300);
    if (fray->hands && support_chance(&fighter->random, 3)) {
        null_drop(fray->driver, loan->lease.resource, loan);
        SUPPORT_CHECK(use_desk(fray, &loan->lease) == LG_OK);
        if (!loan->lease.pool)
            return 0;
        null_use(fray->driver, loan->lease.resource, loan);
    }
    struct lg_lease copy = loan->lease;
    int status = support_chance(&fighter->random, 1) ? loan_discard(loan) : loan_checkin(loan);
    SUPPORT_CHECK(status == LG_OK);
    if (support_chance(&fighter->random, 1))
        SUPPORT_CHECK(lg_pool_checkin(fray->pool, &copy) == LG_ESTALE);
    return 0;
}

static int use_once(struct fighter *fighter)
{
    struct fray *fray = fighter->fray;
    bool tries = support_chance(&fighter->random, 10);
    struct loan outer = loan_of(fray->driver, fray->pool, tries ? LG_TRY : LG_FOREVER);
    int status = loan_checkout(&outer);
    SUPPORT_CHECK(status == LG_OK || (tries && status == LG_EBUSY));
    if (status != LG_OK)
        return 0;
    const struct lg__slot *slot = &fray->pool->slots[outer.lease.slot];
    fighter->biased += lg__slot_state(lg__load_relaxed(&slot->word)) == LG__SLOT_BIASED;
    if (fray->nests && support_chance(&fighter->random, 10)) {
        struct loan inner = loan_of(fray->driver, fray->pool, LG_FOREVER);
        status = loan_checkout(&inner);
        SUPPORT_CHECK(status == LG_OK || status == LG_EDEADLK);
        if (status == LG_OK && give_back(fighter, &inner))
            return 1;
    }
    return give_back(fighter, &outer);
}

/* Rows of loans, and pauses in which others have the slots. */
static int fight(void *arg)
{
    struct fighter *fighter = arg;
    struct fray *fray = fighter->fray;
    for (uint32_t left = fray->rounds; left > 0;) {
        uint32_t row = 1 + support_below(&fighter->random, 40);
        row = row < left ? row : left;
        left -= row;
        for (; row > 0; row--)
            if (use_once(fighter))
                return 1;
        if (support_chance(&fighter->random, fray->clears))
            (void)!lg_pool_clear(fray->pool, 0);
        if (fray->hands)
            SUPPORT_CHECK(use_desk(fray, NULL) == LG_OK);
        support_spin(&fighter->random, 4000);
    }
    return 0;
}

static int cheapen(void *arg)
{
    struct fray *fray = arg;
    struct support_random random;
    struct lg_pool_stats last = LG_POOL_STATS_INIT, stats = LG_POOL_STATS_INIT;
    support_random_begin(&random, 77);
    while (!__atomic_load_n(&fray->must_stop, __ATOMIC_SEQ_CST)) {
        lg__raw_lock(&fray->pool->lock);
        if (fray->pool->bias_after != LG__BIAS_NEVER)
            lg__store_relaxed(&fray->pool->bias_after, 1 + support_below(&random, 2));
        lg__raw_unlock(&fray->pool->lock);
        lg_pool_stats(fray->pool, &stats);
        SUPPORT_CHECK(stats.lent >= last.lent && stats.lent - stats.returned == stats.lent_now);
        SUPPORT_CHECK(stats.lent_now + stats.idle <= stats.capacity);
        SUPPORT_CHECK(lg_pool_holders(fray->pool, NULL, 0) <= stats.capacity);
        last = stats;
        null_yield();
    }
    return 0;
}

static void run(struct fray *fray, uint32_t capacity, uint32_t overtaking_us, uint64_t stream)
{
    struct crew_worker *workers[THREADS], *cheapener = crew_hire("cheapener");
    struct fighter fighters[THREADS];
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    uint64_t biased = 0;
    options.capacity = capacity;
    options.overtaking_us = overtaking_us;
    fray->driver = null_begin();
    fray->driver->table.reset = NULL;
    fray->driver->table.check = NULL;
    fray->pool = null_pool(fray->driver, &options);
    pthread_mutex_init(&fray->desk_lock, NULL);
    support_log_begin(LG_LOG_WARN); /* the first return by another is said */
    crew_run(cheapener, cheapen, fray);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = crew_hire_numbered("fighter-", i);
        fighters[i].fray = fray;
        fighters[i].biased = 0;
        support_random_begin(&fighters[i].random, stream * 100 + i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], fight, &fighters[i]);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        biased += fighters[i].biased;
    }
    __atomic_store_n(&fray->must_stop, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(crew_wait(cheapener), 0);
    assert_status(use_desk(fray, NULL), LG_OK);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(lg__held_count(crew_context(workers[i])), 0);
    pthread_mutex_destroy(&fray->desk_lock);
    print_message("%llu of %u loans by bias\n", (unsigned long long)biased, THREADS * fray->rounds);
    null_end(fray->driver, fray->pool);
    crew_leave(cheapener);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
}

static void owners_and_raiders(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 5; capacity += 2) {
        struct fray fray = {.rounds = SUPPORT_ROUNDS(10000)};
        run(&fray, capacity, 0, capacity);
    }
}

static void newcomers_may_overtake(void **state)
{
    (void)state;
    struct fray fray = {.rounds = SUPPORT_ROUNDS(10000)};
    run(&fray, 3, 100, 10);
}

static void clears_in_between(void **state)
{
    (void)state;
    struct fray fray = {.rounds = SUPPORT_ROUNDS(5000), .clears = 30};
    run(&fray, 3, 0, 20);
}

static void others_return_and_nest(void **state)
{
    (void)state;
    for (uint32_t capacity = 3; capacity <= 8; capacity += 5) {
        struct fray fray = {
            .rounds = SUPPORT_ROUNDS(5000), .clears = 10, .hands = true, .nests = capacity > 5};
        run(&fray, capacity, 0, 30 + capacity);
    }
}

static void nested_with_deadlocks(void **state)
{
    (void)state;
    struct fray fray = {.rounds = SUPPORT_ROUNDS(4000), .nests = true};
    run(&fray, 3, 0, 50);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(owners_and_raiders),    SUPPORT_TEST(newcomers_may_overtake),
        SUPPORT_TEST(clears_in_between),     SUPPORT_TEST(others_return_and_nest),
        SUPPORT_TEST(nested_with_deadlocks),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
