/* Statistics read while everybody works: a snapshot is never absurd, and when all is quiet the counts
 * add up to what was done. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define THREADS 8

struct work {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
};

/* One worker, and what became of its checkouts. */
struct worker {
    const struct work *work;
    struct support_random random;
    uint64_t lent, late, busy;
};

static int work_on(void *arg)
{
    struct worker *worker = arg;
    for (uint32_t i = 0; i < worker->work->rounds; i++) {
        uint32_t which = support_below(&worker->random, 8);
        lg_deadline deadline = which == 0 ? LG_TRY : which == 1 ? lg_after_ms(1) : LG_FOREVER;
        struct loan loan = loan_of(worker->work->driver, worker->work->pool, deadline);
        int status = loan_checkout(&loan);
        worker->lent += status == LG_OK;
        worker->late += status == LG_ETIMEDOUT;
        worker->busy += status == LG_EBUSY;
        SUPPORT_CHECK(status == LG_OK || status == LG_ETIMEDOUT || status == LG_EBUSY);
        for (uint32_t j = support_below(&worker->random, 500); j > 0; j--)
            __asm__ volatile("");
        if (status == LG_OK)
            SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    }
    return 0;
}

struct reader {
    struct lg_pool *pool;
    uint32_t must_stop; /* atomic */
};

/* Of two snapshots the later has no smaller count. */
static int compare(const struct lg_pool_stats *last, const struct lg_pool_stats *now)
{
    SUPPORT_CHECK(now->lent >= last->lent && now->returned >= last->returned);
    SUPPORT_CHECK(now->waited >= last->waited && now->timeouts >= last->timeouts);
    SUPPORT_CHECK(now->wait_ns.count >= last->wait_ns.count);
    SUPPORT_CHECK(now->wait_ns.max >= last->wait_ns.max);
    SUPPORT_CHECK(now->hold_ns.count >= last->hold_ns.count);
    SUPPORT_CHECK(now->lent_most >= last->lent_most && now->lent_most <= now->capacity);
    SUPPORT_CHECK(now->waiting_most >= last->waiting_most && now->waiting_most <= THREADS);
    SUPPORT_CHECK(now->lent_most >= now->lent_now && now->waiting_most >= now->waiting);
    SUPPORT_CHECK(now->lent - now->returned == now->lent_now);
    return 0;
}

static int read_all_the_while(void *arg)
{
    struct reader *reader = arg;
    struct lg_pool_stats last = LG_POOL_STATS_INIT, stats = LG_POOL_STATS_INIT;
    while (!__atomic_load_n(&reader->must_stop, __ATOMIC_SEQ_CST)) {
        SUPPORT_CHECK(lg_pool_stats(reader->pool, &stats) == LG_OK);
        if (compare(&last, &stats))
            return 1;
        last = stats;
        null_yield();
    }
    return 0;
}

static void assert_adds_up(const struct work *work, const struct worker *workers)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    uint64_t lent = 0, late = 0, busy = 0, sampled = 0;
    for (int i = 0; i < THREADS; i++) {
        lent += workers[i].lent;
        late += workers[i].late;
        busy += workers[i].busy;
    }
    for (uint32_t i = 0; i < work->pool->capacity; i++)
        sampled += lg__slot_loans(lg__slot_look(&work->pool->slots[i]).word) / LG_HOLD_SAMPLE;
    null_wait_no_openers(work->pool);
    assert_status(lg_pool_stats(work->pool, &stats), LG_OK);
    assert_int_equal(stats.lent, lent);
    assert_int_equal(stats.returned, lent);
    assert_int_equal(stats.timeouts, late);
    assert_int_equal(stats.refused_busy, busy);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.wait_ns.count, stats.waited);
    assert_int_equal(stats.open_ns.count, stats.opened);
    assert_int_equal(stats.closed_stale + stats.closed_idle + stats.closed_error, stats.closed);
    assert_true(stats.hold_ns.count <= sampled);
}

static void run(uint32_t capacity, enum lg_nested nested, uint64_t overtaking_us)
{
    struct work work = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(5000)};
    struct crew_worker *crew[THREADS], *counter = crew_hire("counter");
    struct worker workers[THREADS];
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.nested = nested;
    options.overtaking_us = overtaking_us;
    work.driver->table.reset = NULL;
    work.pool = null_pool(work.driver, &options);
    struct reader reader = {.pool = work.pool};
    crew_run(counter, read_all_the_while, &reader);
    for (uint32_t i = 0; i < THREADS; i++) {
        crew[i] = crew_hire_numbered("worker-", i);
        workers[i] = (struct worker){.work = &work};
        support_random_begin(&workers[i].random, capacity * 100 + i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(crew[i], work_on, &workers[i]);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(crew[i]), 0);
    __atomic_store_n(&reader.must_stop, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(crew_wait(counter), 0);
    assert_adds_up(&work, workers);
    null_end(work.driver, work.pool);
    crew_leave(counter);
    for (uint32_t i = 0; i < THREADS; i++)
        crew_leave(crew[i]);
}

static void counts_add_up_when_quiet(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 9; capacity += 4)
        run(capacity, LG_NESTED_DETECT, 0);
}

static void counts_add_up_on_slow_paths(void **state)
{
    (void)state;
    run(3, LG_NESTED_FORBID, 0);
}

static void counts_add_up_where_newcomers_overtake(void **state)
{
    (void)state;
    run(2, LG_NESTED_DETECT, 100);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(counts_add_up_when_quiet),
        SUPPORT_TEST(counts_add_up_on_slow_paths),
        SUPPORT_TEST(counts_add_up_where_newcomers_overtake),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
