/* Threads that use a pool in every way while another one resizes it, at random: nobody is lent what another
 * has or what is closed, nobody is told of a deadlock where none can be, everybody is served, and at the
 * end what is open fits the last size. */
#include "support/bundle.h"
#include "support/crew.h"
#include "support/listener.h"
#include "support/owners.h"

#include <sched.h>

#define THREADS 6
#define MOST    9

struct site {
    struct null_driver *driver;
    struct lg_pool *pool;
    bool is_nesting;
    bool has_background;
    uint32_t rounds;
    uint32_t running; /* atomic; users that have not done all their rounds */
};

struct part {
    struct site *site;
    struct support_random random;
};

static bool is_fine(const struct part *part, int status, bool is_nested)
{
    return status == LG_OK || status == LG_EBUSY || status == LG_ETIMEDOUT ||
           (is_nested && part->site->is_nesting && status == LG_EDEADLK);
}

static lg_deadline random_deadline(struct part *part)
{
    uint32_t kind = support_below(&part->random, 10);
    return kind == 0 ? LG_TRY : kind == 1 ? lg_after_ms(1) : LG_FOREVER;
}

/* Several at once: more than there are is a wrong call, now or when the pool has shrunk. */
static int use_many(struct part *part)
{
    struct site *site = part->site;
    struct bundle bundle = bundle_of(site->driver, site->pool, 2 + support_below(&part->random, 2));
    bundle.deadline = random_deadline(part);
    int status = bundle_checkout(&bundle);
    if (status != LG_OK)
        return is_fine(part, status, false) || status == LG_EINVAL ? LG_OK : status;
    return bundle_checkin(&bundle);
}

static int use_nested(struct part *part)
{
    struct site *site = part->site;
    struct loan outer = loan_of(site->driver, site->pool, LG_FOREVER), inner = outer;
    int status = loan_checkout(&outer);
    if (status != LG_OK)
        return status;
    status = loan_checkout(&inner);
    if (!is_fine(part, status, true))
        return status;
    if (status == LG_OK && loan_checkin(&inner) != LG_OK)
        return LG_EINVAL;
    return loan_checkin(&outer);
}

static int use_one(struct part *part)
{
    struct site *site = part->site;
    struct loan loan = loan_of(site->driver, site->pool, random_deadline(part));
    int status = loan_checkout(&loan);
    if (status != LG_OK)
        return is_fine(part, status, false) ? LG_OK : status;
    if (support_below(&part->random, 8) == 0)
        sched_yield();
    return support_below(&part->random, 50) == 0 ? loan_discard(&loan) : loan_checkin(&loan);
}

static int use(void *arg)
{
    struct part *part = arg;
    int status = LG_OK;
    for (uint32_t i = 0; i < part->site->rounds && status == LG_OK; i++) {
        uint32_t kind = support_below(&part->random, 8);
        status = kind == 0 && part->site->is_nesting ? use_nested(part)
                 : kind == 1                         ? use_many(part)
                                                     : use_one(part);
    }
    __atomic_sub_fetch(&part->site->running, 1, __ATOMIC_SEQ_CST);
    return status;
}

static int resize(void *arg)
{
    struct part *part = arg;
    struct lg_pool *pool = part->site->pool;
    while (__atomic_load_n(&part->site->running, __ATOMIC_SEQ_CST) > 0) {
        uint32_t capacity = 1 + support_below(&part->random, MOST);
        bool is_full = part->site->has_background && support_below(&part->random, 4) == 0;
        uint32_t min_size = is_full ? capacity : 0;
        SUPPORT_CHECK(lg_pool_resize(pool, min_size, capacity) == LG_OK);
        if (support_below(&part->random, 20) == 0)
            SUPPORT_CHECK(lg_pool_clear(pool, 0) == LG_OK);
        for (uint32_t i = support_below(&part->random, 20); i > 0; i--)
            sched_yield();
    }
    return LG_OK;
}

static void run_parts(struct site *site)
{
    struct crew_worker *workers[THREADS + 1];
    struct part parts[THREADS + 1];
    site->running = THREADS;
    for (uint32_t i = 0; i <= THREADS; i++) {
        parts[i] = (struct part){.site = site};
        support_random_begin(&parts[i].random, i);
        workers[i] = crew_hire_numbered(i < THREADS ? "user-" : "resizer-", i);
    }
    for (uint32_t i = 0; i <= THREADS; i++)
        crew_run(workers[i], i < THREADS ? use : resize, &parts[i]);
    for (uint32_t i = 0; i <= THREADS; i++)
        assert_status(crew_wait(workers[i]), LG_OK);
    for (uint32_t i = 0; i <= THREADS; i++)
        crew_leave(workers[i]);
}

static bool has_surplus(const struct lg_pool *pool)
{
    for (uint32_t i = lg__pool_capacity(pool); i < MOST; i++)
        if (lg__slot_state(lg__load_acquire(&pool->slots[i].word)) != LG__SLOT_EMPTY)
            return true;
    return false;
}

/* All that was ever surplus goes, also where no background pass would find what was left, and nothing that
 * is not. */
static void check_end(const struct site *site)
{
    NULL_WAIT_UNTIL(!has_surplus(site->pool));
    if (!site->has_background)
        return;
    for (uint32_t capacity = MOST; capacity > 0; capacity--) {
        assert_status(lg_pool_resize(site->pool, capacity, capacity), LG_OK);
        NULL_WAIT_UNTIL(null_alive(site->driver) == capacity);
        null_wait_no_openers(site->pool);
    }
    null_assert_counts(site->driver, site->pool, 0);
}

static void run(struct null_driver *driver, struct lg_pool_options *options, bool is_nesting,
                uint32_t rounds)
{
    support_log_begin(LG_LOG_WARN);
    options->capacity = 4;
    options->opening_max = 3;
    struct site site = {.driver = driver,
                        .is_nesting = is_nesting,
                        .has_background = options->period_ms != LG_PERIOD_NEVER,
                        .rounds = SUPPORT_ROUNDS(rounds)};
    site.pool = null_pool(driver, options);
    run_parts(&site);
    check_end(&site);
    null_end(driver, site.pool);
}

static void with_biases(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    run(bias_driver(), &options, false, 11000);
}

static void with_biases_and_no_background(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.period_ms = LG_PERIOD_NEVER;
        run(bias_driver(), &options, false, 1000);
    }
}

static void with_resets_and_in_strict_order(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.overtaking_us = 0;
    run(null_begin(), &options, false, 11000);
}

static void with_nested_checkouts(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    run(bias_driver(), &options, true, 11000);
}

static void with_an_order_and_ages(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.order = LG_ORDER_LIFO;
    options.growth = LG_GROWTH_PATIENT;
    options.lifetime_ms = 60000;
    options.period_ms = 1;
    run(null_begin(), &options, false, 11000);
}

static void with_a_listener(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct listener *listener = listener_begin();
    listener_attach(listener, &options);
    options.event_room = LISTENER_MAX;
    run(null_begin(), &options, false, 800);
    listener_end(listener);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(with_biases),
        SUPPORT_TEST(with_biases_and_no_background),
        SUPPORT_TEST(with_resets_and_in_strict_order),
        SUPPORT_TEST(with_nested_checkouts),
        SUPPORT_TEST(with_an_order_and_ages),
        SUPPORT_TEST(with_a_listener),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
