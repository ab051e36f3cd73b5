/* The end of a pool in the middle of its use: close misses nothing, and destroy may follow it at
 * once, while those who were told, or returned the last lease, are still on their way out. */
#include "support/crew.h"
#include "support/null_driver.h"

#define USERS 3

struct user {
    struct loan loan;
    struct support_random random;
    uint32_t has_begun; /* atomic */
    bool once;
};

static int use_until_closed(void *arg)
{
    struct user *user = arg;
    for (;;) {
        int status = loan_checkout(&user->loan);
        __atomic_store_n(&user->has_begun, 1, __ATOMIC_SEQ_CST);
        if (status == LG_ECLOSED)
            return 0;
        SUPPORT_CHECK(status == LG_OK);
        support_spin(&user->random, 300);
        SUPPORT_CHECK(loan_checkin(&user->loan) == LG_OK);
    }
}

static struct lg_pool *pool_of(struct null_driver *driver, uint32_t capacity, uint64_t us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.overtaking_us = us;
    return null_pool(driver, &options);
}

/* The same crew for all rounds. */
struct cast {
    struct crew_worker *workers[USERS];
    struct user users[USERS];
    struct support_random random;
};

static void hire_cast(struct cast *cast, uint64_t stream)
{
    support_random_begin(&cast->random, stream);
    for (uint32_t i = 0; i < USERS; i++) {
        cast->workers[i] = crew_hire_numbered("user-", i);
        support_random_begin(&cast->users[i].random, stream + 1 + i);
    }
}

static void close_while_used(void **state)
{
    (void)state;
    struct cast cast;
    hire_cast(&cast, 10);
    for (uint32_t round = 0; round < (uint32_t)SUPPORT_ROUNDS(250); round++) {
        struct null_driver *driver = null_begin();
        if (round % 2)
            driver->table.reset = NULL;
        struct lg_pool *pool = pool_of(driver, 1 + round % 3, round % 5 ? 0 : 100);
        for (uint32_t i = 0; i < USERS; i++) {
            cast.users[i].loan = loan_of(driver, pool, LG_FOREVER);
            cast.users[i].has_begun = 0;
            crew_run(cast.workers[i], use_until_closed, &cast.users[i]);
        }
        NULL_WAIT_UNTIL(__atomic_load_n(&cast.users[round % USERS].has_begun, __ATOMIC_SEQ_CST));
        support_spin(&cast.random, 3000);
        assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
        assert_int_equal(null_alive(driver), 0);
        for (uint32_t i = 0; i < USERS; i++)
            assert_int_equal(crew_wait(cast.workers[i]), 0);
        null_end(driver, pool);
    }
}

static int return_it(void *arg)
{
    struct user *user = arg;
    support_spin(&user->random, 1000);
    return loan_checkin(&user->loan);
}

/* What a program does that has its last lease returned by another thread. */
static void destroy_right_after_the_last_return(void **state)
{
    (void)state;
    struct cast cast;
    hire_cast(&cast, 20);
    for (uint32_t round = 0; round < (uint32_t)SUPPORT_ROUNDS(600); round++) {
        struct null_driver *driver = null_begin();
        if (round % 2)
            driver->table.reset = NULL;
        struct lg_pool *pool = pool_of(driver, USERS, 0);
        uint32_t users = 1 + round % USERS;
        for (uint32_t i = 0; i < users; i++) {
            cast.users[i].loan = loan_of(driver, pool, LG_FOREVER);
            assert_status(crew_do(cast.workers[i], loan_checkout, &cast.users[i].loan), LG_OK);
        }
        for (uint32_t i = 0; i < users; i++)
            crew_run(cast.workers[i], return_it, &cast.users[i]);
        support_spin(&cast.random, 1000);
        assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
        lg_pool_destroy(pool);
        for (uint32_t i = 0; i < users; i++)
            assert_status(crew_wait(cast.workers[i]), LG_OK);
        NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
        null_free(driver);
    }
}

/* What a program does that closes under its waiters. */
static void destroy_right_after_the_waiters_were_told(void **state)
{
    (void)state;
    struct cast cast;
    hire_cast(&cast, 30);
    for (uint32_t round = 0; round < (uint32_t)SUPPORT_ROUNDS(600); round++) {
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = pool_of(driver, 1, round % 2 ? 0 : 100);
        struct loan mine = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&mine), LG_OK);
        for (uint32_t i = 0; i < USERS; i++) {
            cast.users[i].loan = loan_of(driver, pool, LG_FOREVER);
            crew_run(cast.workers[i], loan_checkout, &cast.users[i].loan);
            crew_wait_blocked_on(cast.workers[i], pool);
        }
        assert_status(lg_lease_detach(&mine.lease), LG_OK);
        assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_ETIMEDOUT);
        assert_status(loan_checkin(&mine), LG_OK);
        lg_pool_destroy(pool);
        for (uint32_t i = 0; i < USERS; i++)
            assert_status(crew_wait(cast.workers[i]), LG_ECLOSED);
        NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
        null_free(driver);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(close_while_used),
        SUPPORT_TEST(destroy_right_after_the_last_return),
        SUPPORT_TEST(destroy_right_after_the_waiters_were_told),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
