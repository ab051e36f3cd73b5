/* Many threads that each want a random number of leases at once, with and without overtaking, deadlines,
 * failing checks, clears and a lock that some hold meanwhile: nobody is lent what another has, nobody
 * starves, nobody is told of a deadlock that is none, and every unit is back at the end. */
#include "support/bundle.h"
#include "support/crew.h"

#include <lifeguard/mutex.h>

#define THREADS  8
#define CAPACITY 5

struct rush {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_mutex mutex;
    uint32_t running; /* atomic; who has not done all its rounds */
};

struct part {
    struct rush *rush;
    struct support_random random;
    uint32_t rounds;
    uint32_t served, late; /* read when its step is over */
};

static struct bundle random_bundle(struct part *part)
{
    uint32_t count = 1 + support_below(&part->random, CAPACITY);
    struct bundle bundle = bundle_of(part->rush->driver, part->rush->pool, count);
    uint32_t kind = support_below(&part->random, 8);
    bundle.deadline = kind == 0 ? LG_TRY : kind == 1 ? lg_after_ms(1) : LG_FOREVER;
    return bundle;
}

/* One at a time is checked in, in any order of threads. */
static int give_back(struct part *part, struct bundle *bundle)
{
    if (support_below(&part->random, 2) == 0)
        return bundle_checkin(bundle);
    for (uint32_t i = 0; i < bundle->count; i++) {
        null_drop(bundle->driver, bundle->leases[i].resource, bundle);
        support_spin(&part->random, 300);
        SUPPORT_CHECK(lg_pool_checkin(bundle->pool, &bundle->leases[i]) == LG_OK);
    }
    return LG_OK;
}

static int rush_once(struct part *part)
{
    struct bundle bundle = random_bundle(part);
    int status = bundle_checkout(&bundle);
    if (status != LG_OK) {
        bool is_allowed = (status == LG_ETIMEDOUT || status == LG_EBUSY) &&
                          bundle.deadline != LG_FOREVER && bundle_is_empty(&bundle);
        part->late++;
        return is_allowed ? LG_OK : status;
    }
    part->served++;
    support_spin(&part->random, 2000);
    return give_back(part, &bundle);
}

static int rush(void *arg)
{
    struct part *part = arg;
    for (uint32_t i = 0; i < part->rounds; i++) {
        int status = rush_once(part);
        if (status == LG_OK && support_below(&part->random, 200) == 0)
            status = lg_pool_clear(part->rush->pool, 0);
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

static void run_parts(struct rush *rush, crew_step *const *steps, struct part *parts,
                      uint32_t rounds)
{
    struct crew_worker *workers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        parts[i] = (struct part){.rush = rush, .rounds = rounds};
        support_random_begin(&parts[i].random, i);
        workers[i] = crew_hire_numbered("rusher-", i);
    }
    rush->running = THREADS;
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], steps[i], &parts[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
}

static struct rush begin_rush(uint64_t us, uint32_t capacity)
{
    struct rush rush = {.driver = null_begin(), .mutex = LG_MUTEX_INIT("m")};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.overtaking_us = us;
    if (us % 2 == 0)
        rush.driver->table.reset = NULL; /* checkins on the fast path */
    rush.pool = null_pool(rush.driver, &options);
    return rush;
}

static uint64_t end_rush(struct rush *rush)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    null_wait_no_openers(rush->pool);
    lg_pool_stats(rush->pool, &stats);
    assert_int_equal(stats.lent_now, 0);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.lent, stats.returned);
    null_end(rush->driver, rush->pool);
    lg_mutex_destroy(&rush->mutex);
    return stats.deadlocks;
}

static const uint64_t overtakings[] = {0, 1, 1000, 1001}; /* in us */

static void all_or_nothing(void **state)
{
    (void)state;
    crew_step *steps[THREADS];
    struct part parts[THREADS];
    for (uint32_t i = 0; i < THREADS; i++)
        steps[i] = rush;
    for (unsigned i = 0; i < 4; i++) {
        struct rush all = begin_rush(overtakings[i], CAPACITY);
        null_set(all.driver, fail_checks, 100);
        run_parts(&all, steps, parts, SUPPORT_ROUNDS(2000u));
        for (uint32_t p = 0; p < THREADS; p++)
            assert_int_equal(parts[p].served + parts[p].late, parts[p].rounds);
        assert_int_equal(end_rush(&all), 0);
    }
}

/* ---- Nobody starves: one wants all, the others one at a time, as long as it has not got them all. - */

static int want_all(void *arg)
{
    struct part *part = arg;
    int status = LG_OK;
    for (uint32_t i = 0; i < part->rounds && status == LG_OK; i++) {
        struct bundle all = bundle_of(part->rush->driver, part->rush->pool, CAPACITY);
        status = bundle_checkout(&all);
        if (status == LG_OK)
            status = bundle_checkin(&all);
    }
    __atomic_store_n(&part->rush->running, 0, __ATOMIC_SEQ_CST);
    SUPPORT_CHECK(status == LG_OK);
    return 0;
}

static int want_one_for_ever(void *arg)
{
    struct part *part = arg;
    while (__atomic_load_n(&part->rush->running, __ATOMIC_SEQ_CST) != 0) {
        struct loan loan = loan_of(part->rush->driver, part->rush->pool, LG_FOREVER);
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        support_spin(&part->random, 1000);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    }
    return 0;
}

static void who_wants_all_does_not_starve(void **state)
{
    (void)state;
    crew_step *steps[THREADS] = {want_all};
    struct part parts[THREADS];
    for (uint32_t i = 1; i < THREADS; i++)
        steps[i] = want_one_for_ever;
    for (unsigned i = 0; i < 4; i++) {
        struct rush all = begin_rush(overtakings[i], CAPACITY);
        run_parts(&all, steps, parts, SUPPORT_ROUNDS(300u));
        assert_int_equal(end_rush(&all), 0);
    }
}

/* ---- Rule 4's scenario as it comes: holders of one lock m, holders of m want one, others want many,
 * holding nothing.  With a unit for each who asks while it holds one, the only thing that could be stuck
 * is the queue.  Nobody is ever told. --------------------------------------------------------------- */

/* One lease, then m. */
static int lease_then_lock(struct part *part) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct loan loan = loan_of(part->rush->driver, part->rush->pool, LG_FOREVER);
    SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
    support_spin(&part->random, 1000);
    int status = lg_mutex_lock(&part->rush->mutex, LG_FOREVER);
    if (status == LG_OK)
        lg_mutex_unlock(&part->rush->mutex);
    SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    return status;
}

/* m, then one lease. */
static int lock_then_lease(struct part *part) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct loan loan = loan_of(part->rush->driver, part->rush->pool, LG_FOREVER);
    SUPPORT_CHECK(lg_mutex_lock(&part->rush->mutex, LG_FOREVER) == LG_OK);
    support_spin(&part->random, 1000);
    int status = loan_checkout(&loan);
    if (status == LG_OK)
        status = loan_checkin(&loan);
    lg_mutex_unlock(&part->rush->mutex);
    return status;
}

static int many_at_once(struct part *part)
{
    uint32_t count = 2 + support_below(&part->random, CAPACITY - 1);
    struct bundle bundle = bundle_of(part->rush->driver, part->rush->pool, count);
    int status = bundle_checkout(&bundle);
    support_spin(&part->random, 1000);
    return status == LG_OK ? bundle_checkin(&bundle) : status;
}

static int repeat(struct part *part, int (*what)(struct part *part))
{
    for (uint32_t i = 0; i < part->rounds; i++)
        SUPPORT_CHECK(what(part) == LG_OK);
    return 0;
}

static int play_lease_then_lock(void *part)
{
    return repeat(part, lease_then_lock);
}

static int play_lock_then_lease(void *part)
{
    return repeat(part, lock_then_lease);
}

static int play_many(void *part)
{
    return repeat(part, many_at_once);
}

static void the_queue_is_never_the_deadlock(void **state)
{
    (void)state;
    /* Four hold one of five leases and want m at the most: there is one for who has m. */
    crew_step *const steps[THREADS] = {play_lease_then_lock,
                                       play_lease_then_lock,
                                       play_lease_then_lock,
                                       play_lease_then_lock,
                                       play_lock_then_lease,
                                       play_lock_then_lease,
                                       play_many,
                                       play_many};
    struct part parts[THREADS];
    for (unsigned i = 0; i < 4; i++) {
        struct rush all = begin_rush(overtakings[i], CAPACITY);
        run_parts(&all, steps, parts, SUPPORT_ROUNDS(1000u));
        assert_int_equal(end_rush(&all), 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(all_or_nothing),
        SUPPORT_TEST(who_wants_all_does_not_starve),
        SUPPORT_TEST(the_queue_is_never_the_deadlock),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
