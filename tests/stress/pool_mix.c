/* Everything at once: checkouts of all kinds, nested or not, holds, returns, discards, clears, opens,
 * checks and resets that fail, and somebody who reads the counts all the while. */
#include "support/crew.h"
#include "support/null_driver.h"

#define THREADS 6

struct mix {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    bool nests;
    bool fails;   /* opens, checks and resets may fail */
    bool handles; /* detach and adopt */
};

struct actor {
    const struct mix *mix;
    struct support_random random;
};

static lg_deadline some_deadline(struct support_random *random)
{
    uint32_t which = support_below(random, 10);
    return which == 0 ? LG_TRY : which == 1 ? lg_after_ms(1) : LG_FOREVER;
}

/* Only what may come out of such a checkout; a deadlock only for one who holds something. */
static bool is_expected(const struct mix *mix, int status, lg_deadline deadline, bool is_nested)
{
    return status == LG_OK || (status == LG_EBUSY && deadline == LG_TRY) ||
           (status == LG_ETIMEDOUT && deadline != LG_FOREVER && deadline != LG_TRY) ||
           (status == LG_EDEADLK && is_nested) || (status == LG_EOPEN && mix->fails);
}

static int give_back(struct actor *actor, struct loan *loan)
{
    const struct mix *mix = actor->mix;
    support_spin(&actor->random, 2000);
    if (mix->handles && support_chance(&actor->random, 20))
        SUPPORT_CHECK(lg_lease_detach(&loan->lease) == LG_OK);
    if (mix->handles && support_chance(&actor->random, 20))
        SUPPORT_CHECK(lg_lease_adopt(&loan->lease) == LG_OK);
    struct lg_lease copy = loan->lease;
    int status = support_chance(&actor->random, 3) ? loan_discard(loan) : loan_checkin(loan);
    SUPPORT_CHECK(status == LG_OK);
    if (support_chance(&actor->random, 5))
        SUPPORT_CHECK(lg_pool_checkin(mix->pool, &copy) == LG_ESTALE);
    return 0;
}

static int use_once(struct actor *actor)
{
    const struct mix *mix = actor->mix;
    struct loan outer = loan_of(mix->driver, mix->pool, some_deadline(&actor->random));
    int status = loan_checkout(&outer);
    SUPPORT_CHECK(is_expected(mix, status, outer.deadline, false));
    if (status != LG_OK)
        return 0;
    if (mix->nests && support_chance(&actor->random, 40)) {
        struct loan inner = loan_of(mix->driver, mix->pool, some_deadline(&actor->random));
        support_spin(&actor->random, 2000);
        status = loan_checkout(&inner);
        SUPPORT_CHECK(is_expected(mix, status, inner.deadline, true));
        if (status == LG_OK && give_back(actor, &inner))
            return 1;
    }
    return give_back(actor, &outer);
}

static void meddle(struct actor *actor)
{
    const struct mix *mix = actor->mix;
    if (support_chance(&actor->random, 1))
        (void)!lg_pool_clear(mix->pool, 0);
    if (!mix->fails || !support_chance(&actor->random, 2))
        return;
    null_set(mix->driver, fail_opens, support_below(&actor->random, 3));
    null_set(mix->driver, fail_checks, support_below(&actor->random, 3));
    null_set(mix->driver, fail_resets, support_below(&actor->random, 3));
}

static int act(void *arg)
{
    struct actor *actor = arg;
    for (uint32_t i = 0; i < actor->mix->rounds; i++) {
        meddle(actor);
        if (use_once(actor))
            return 1;
    }
    return 0;
}

struct reader {
    const struct mix *mix;
    uint32_t must_stop; /* atomic */
};

/* A snapshot may be old, but it is never absurd. */
static int read_counts(void *arg)
{
    struct reader *reader = arg;
    struct lg_pool_stats last = LG_POOL_STATS_INIT, stats = LG_POOL_STATS_INIT;
    struct lg_lease_info infos[4];
    while (!__atomic_load_n(&reader->must_stop, __ATOMIC_SEQ_CST)) {
        lg_pool_stats(reader->mix->pool, &stats);
        SUPPORT_CHECK(stats.returned <= stats.lent);
        SUPPORT_CHECK(stats.lent - stats.returned == stats.lent_now);
        SUPPORT_CHECK(stats.lent >= last.lent && stats.opened >= last.opened);
        SUPPORT_CHECK(stats.idle + stats.lent_now + stats.opening <= stats.capacity);
        SUPPORT_CHECK(lg_pool_holders(reader->mix->pool, infos, 4) <= stats.capacity);
        last = stats;
        null_yield();
    }
    return 0;
}

static void run(struct mix *mix, const struct lg_pool_options *options, uint64_t stream)
{
    struct crew_worker *workers[THREADS], *counter = crew_hire("counter");
    struct actor actors[THREADS];
    struct reader reader = {.mix = mix};
    mix->pool = null_pool(mix->driver, options);
    crew_run(counter, read_counts, &reader);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = crew_hire_numbered("actor-", i);
        actors[i].mix = mix;
        support_random_begin(&actors[i].random, stream * 100 + i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], act, &actors[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    __atomic_store_n(&reader.must_stop, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(crew_wait(counter), 0);
    null_end(mix->driver, mix->pool);
    crew_leave(counter);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
}

/* No reset, no check: the fast paths. */
static void plain(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 7; capacity += 3) {
        struct mix mix = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(6000)};
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = capacity;
        mix.driver->table.reset = NULL;
        mix.driver->table.check = NULL;
        run(&mix, &options, capacity);
    }
}

static void nested(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 4; capacity++) {
        struct mix mix = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(1500), .nests = true};
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = capacity;
        mix.driver->table.reset = NULL;
        run(&mix, &options, 10 + capacity);
    }
}

static void everything_fails_now_and_then(void **state)
{
    (void)state;
    for (uint32_t capacity = 2; capacity <= 4; capacity += 2) {
        struct mix mix = {.driver = null_begin(),
                          .rounds = SUPPORT_ROUNDS(2000),
                          .nests = true,
                          .fails = true,
                          .handles = true};
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = capacity;
        options.check_after_ms = 1;
        run(&mix, &options, 20 + capacity);
    }
}

static void newcomers_may_overtake(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 3; capacity += 2) {
        struct mix mix = {.driver = null_begin(),
                          .rounds = SUPPORT_ROUNDS(3000),
                          .nests = capacity > 1,
                          .fails = capacity > 1};
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = capacity;
        options.check_after_ms = 1;
        options.overtaking_us = 100;
        run(&mix, &options, 30 + capacity);
    }
}

static void all_leases_detached(void **state)
{
    (void)state;
    struct mix mix = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(3000), .handles = true};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 3;
    options.detached = 1;
    run(&mix, &options, 40);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(plain),
        SUPPORT_TEST(nested),
        SUPPORT_TEST(everything_fails_now_and_then),
        SUPPORT_TEST(newcomers_may_overtake),
        SUPPORT_TEST(all_leases_detached),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
