/* Thousands of requests by several threads, with all that may happen to them: some are polled, some have
 * callbacks; they are cancelled, ended early, time out; leases are held, discarded, adopted; the pool is
 * cleared; opens, checks and resets fail; others check out and wait meanwhile.  Nobody gets what another
 * has (the driver sees to that), every callback comes exactly once, and nothing is lost. */
#include "support/crew.h"
#include "support/outcome.h"

#include <lifeguard/cancel.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS  5
#define AT_ONCE  12 /* requests of one thread */
#define CAPACITY 3

struct stress {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    uint32_t wrong; /* atomic; callbacks that were told something that cannot be */
};

/* One request, and what was heard of it. */
struct asked {
    struct stress *stress;
    struct lg_request *request;
    struct lg_lease lease;
    int32_t status; /* atomic; LG_EBUSY until the callback */
    uint32_t calls; /* atomic */
    bool has_callback;
    bool is_returned_by_callback;
    bool was_cancelled;
};

struct actor {
    struct stress *stress;
    struct support_random random;
    struct asked asked[AT_ONCE];
    int done;
};

static bool may_be(int status)
{
    return status == LG_OK || status == LG_ETIMEDOUT || status == LG_ECANCELED ||
           status == LG_EOPEN;
}

static void use(struct stress *stress, struct lg_lease *lease)
{
    null_use(stress->driver, lease->resource, lease);
    for (int i = 0; i < 200; i++)
        __asm__ volatile("");
    null_drop(stress->driver, lease->resource, lease);
}

static void note(void *arg, int status, struct lg_lease *lease)
{
    struct asked *asked = arg;
    struct stress *stress = asked->stress;
    bool is_right = may_be(status) && (status == LG_OK) == (lease->resource != NULL);
    if (status == LG_OK && asked->is_returned_by_callback) {
        use(stress, lease);
        is_right = is_right && lg_pool_checkin(stress->pool, lease) == LG_OK;
    } else {
        asked->lease = *lease;
    }
    if (!is_right)
        __atomic_add_fetch(&stress->wrong, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&asked->calls, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&asked->status, status, __ATOMIC_SEQ_CST);
}

static lg_deadline some_deadline(struct support_random *random)
{
    uint32_t which = support_below(random, 20);
    return which == 0 ? LG_TRY : which < 4 ? lg_after_ms(which) : LG_FOREVER;
}

static int ask(struct actor *actor, struct asked *asked)
{
    struct support_random *random = &actor->random;
    *asked = (struct asked){.stress = actor->stress, .status = LG_EBUSY};
    asked->has_callback = support_chance(random, 60);
    asked->is_returned_by_callback = support_chance(random, 50);
    int fd = support_chance(random, 50) ? actor->done : -1;
    SUPPORT_CHECK(lg_pool_request(actor->stress->pool, some_deadline(random),
                                  asked->has_callback ? note : NULL, asked, fd,
                                  &asked->request) == LG_OK);
    if (support_chance(random, 15)) {
        int status = lg_request_cancel(asked->request);
        SUPPORT_CHECK(status == LG_OK || status == LG_ESTALE);
        asked->was_cancelled = status == LG_OK;
    }
    return 0;
}

/* LG_EBUSY: not yet. */
static int look_at(struct asked *asked)
{
    return asked->has_callback ? __atomic_load_n(&asked->status, __ATOMIC_SEQ_CST)
                               : lg_request_poll(asked->request, &asked->lease);
}

/* Its callback may be about to be called, or being called, and is through or will not come afterwards. */
static int end_early(struct asked *asked)
{
    lg_request_end(asked->request);
    uint32_t calls = __atomic_load_n(&asked->calls, __ATOMIC_SEQ_CST);
    SUPPORT_CHECK(calls <= asked->has_callback);
    if (calls == 1 && asked->status == LG_OK && !asked->is_returned_by_callback)
        SUPPORT_CHECK(lg_pool_checkin(asked->stress->pool, &asked->lease) == LG_OK);
    return 0;
}

static int end_late(struct actor *actor, struct asked *asked, int status)
{
    struct stress *stress = actor->stress;
    SUPPORT_CHECK(may_be(status));
    SUPPORT_CHECK(!asked->was_cancelled || status == LG_ECANCELED);
    bool must_return = status == LG_OK && !(asked->has_callback && asked->is_returned_by_callback);
    if (must_return) {
        if (support_chance(&actor->random, 30))
            SUPPORT_CHECK(lg_lease_adopt(&asked->lease) == LG_OK);
        use(stress, &asked->lease);
        SUPPORT_CHECK((support_chance(&actor->random, 5)
                           ? lg_pool_discard(stress->pool, &asked->lease)
                           : lg_pool_checkin(stress->pool, &asked->lease)) == LG_OK);
    }
    lg_request_end(asked->request);
    SUPPORT_CHECK(__atomic_load_n(&asked->calls, __ATOMIC_SEQ_CST) == asked->has_callback);
    return 0;
}

/* Whichever is over first: one that was granted something may keep another of the same thread waiting. */
static int end_all(struct actor *actor, uint32_t count)
{
    bool is_ended[AT_ONCE] = {false};
    for (uint32_t left = count; left > 0; null_yield())
        for (uint32_t i = 0; i < count; i++) {
            struct asked *asked = &actor->asked[i];
            int status = is_ended[i] ? LG_EBUSY : look_at(asked);
            if (status == LG_EBUSY)
                continue;
            if (end_late(actor, asked, status))
                return 1;
            is_ended[i] = true;
            left--;
        }
    return 0;
}

static int check_out(struct actor *actor)
{
    struct loan loan = loan_of(actor->stress->driver, actor->stress->pool, lg_after_ms(2));
    int status = loan_checkout(&loan);
    SUPPORT_CHECK(may_be(status));
    return status == LG_OK ? loan_checkin(&loan) : 0;
}

static int act_once(struct actor *actor)
{
    struct support_random *random = &actor->random;
    struct lg_cancel *token = NULL;
    struct lg_cancel_scope scope;
    uint32_t count = 1 + support_below(random, AT_ONCE);
    bool has_scope = support_chance(random, 20);
    if (has_scope) {
        SUPPORT_CHECK(lg_cancel_create(NULL, LG_FOREVER, &token) == LG_OK);
        SUPPORT_CHECK(lg_cancel_enter(token, &scope) == LG_OK);
    }
    for (uint32_t i = 0; i < count; i++)
        if (ask(actor, &actor->asked[i]))
            return 1;
    if (has_scope) {
        lg_cancel_request(token);
        lg_cancel_leave(&scope);
        lg_cancel_destroy(token);
    }
    if (support_chance(random, 50) && check_out(actor))
        return 1;
    if (support_chance(random, 3))
        SUPPORT_CHECK(lg_pool_clear(actor->stress->pool, 0) == LG_OK);
    for (; count > 0 && support_chance(random, 50); count--)
        if (end_early(&actor->asked[count - 1]))
            return 1;
    return end_all(actor, count);
}

static int act(void *arg)
{
    struct actor *actor = arg;
    for (uint32_t i = 0; i < actor->stress->rounds; i++)
        if (act_once(actor))
            return 1;
    return 0;
}

static void run(const struct lg_pool_options *options, bool has_failures)
{
    struct stress stress = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(1000)};
    static struct actor actors[THREADS];
    struct crew_worker *workers[THREADS];
    stress.pool = null_pool(stress.driver, options);
    if (has_failures) {
        null_set(stress.driver, fail_opens, 50);
        null_set(stress.driver, fail_checks, 50);
        null_set(stress.driver, fail_resets, 50);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        actors[i].stress = &stress;
        actors[i].done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        support_random_begin(&actors[i].random, i);
        workers[i] = crew_hire_numbered("actor-", i);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        crew_run(workers[i], act, &actors[i]);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        close(actors[i].done);
        crew_leave(workers[i]);
    }
    NULL_WAIT_UNTIL(lg_pool_holders(stress.pool, NULL, 0) ==
                    0); /* those ended with the courier at them */
    assert_int_equal(stress.wrong, 0);
    null_end(stress.driver, stress.pool);
}

static void in_strict_order(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = CAPACITY;
    options.overtaking_us = 0;
    run(&options, false);
}

static void with_overtaking(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = CAPACITY;
    run(&options, false);
}

static void with_failures_and_patience(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = CAPACITY;
    options.check_after_ms = 1;
    options.growth = LG_GROWTH_PATIENT;
    run(&options, true);
}

/* The pool is closed while many wait, and destroyed at once: each is told first. */
static void close_amid_them(void **state)
{
    (void)state;
    enum { N = 200 };
    for (int round = 0; round < SUPPORT_ROUNDS(50); round++) {
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = null_pool_of(driver, 1);
        struct stress stress = {.driver = driver, .pool = pool};
        static struct asked asked[N];
        for (int i = 0; i < N; i++) {
            asked[i] = (struct asked){.stress = &stress, .is_returned_by_callback = true};
            assert_status(lg_pool_request(pool, LG_FOREVER, note, &asked[i], -1, &asked[i].request),
                          LG_OK);
        }
        int status = lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL);
        assert_status(status, LG_OK);
        lg_pool_destroy(pool);
        for (int i = 0; i < N; i++) {
            assert_int_equal(asked[i].calls, 1);
            assert_true(asked[i].status == LG_OK || asked[i].status == LG_ECLOSED);
            lg_request_end(asked[i].request);
        }
        NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
        assert_int_equal(null_alive(driver), 0);
        null_free(driver);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(in_strict_order),
        SUPPORT_TEST(with_overtaking),
        SUPPORT_TEST(with_failures_and_patience),
        SUPPORT_TEST(close_amid_them),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
