/* Prediction under load: a correct program of many threads stays silent whatever comes and goes; one that is
 * wrong in a single place is found. */
#include "support/locks.h"
#include "support/owners.h"

#include <lifeguard/predict.h>

#include <pthread.h>

#define WORKERS  4
#define ACCOUNTS 12
#define ROUNDS   3000

struct bank {
    struct lg_mutex accounts[ACCOUNTS]; /* by address */
    struct lg_mutex log;                /* after them */
    struct lg_mutex gate; /* before `left` and `right`, which are taken in any order */
    struct lg_mutex left, right;
    struct lg_pool *pool; /* before all locks */
    struct null_driver *driver;
    bool has_names; /* the accounts */
    bool is_wrong;  /* `left` and `right` without the gate, now and then, but tried */
};

static void open_bank(struct bank *bank, bool has_names)
{
    *bank = (struct bank){.has_names = has_names,
                          .log = LG_MUTEX_INIT("log"),
                          .gate = LG_MUTEX_INIT("gate"),
                          .left = LG_MUTEX_INIT("left"),
                          .right = LG_MUTEX_INIT("right")};
    for (int i = 0; i < ACCOUNTS; i++)
        bank->accounts[i] = (struct lg_mutex)LG_MUTEX_INIT(bank->has_names ? "account" : NULL);
    bank->driver = bias_driver();
    bank->pool = bias_pool(bank->driver, WORKERS);
}

static int lock_all(struct lg_mutex **mutexes, int count, lg_deadline last)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = LG_OK;
    int held = 0;
    while (held < count && status == LG_OK) {
        status = lg_mutex_lock(mutexes[held], held == count - 1 ? last : LG_FOREVER);
        held += status == LG_OK;
    }
    while (held > 0)
        lg_mutex_unlock(mutexes[--held]);
    return status;
}

static int transfer(struct bank *bank, struct support_random *random)
{
    uint32_t first = support_below(random, ACCOUNTS);
    uint32_t second = support_below(random, ACCOUNTS);
    struct lg_mutex *mutexes[] = {&bank->accounts[first < second ? first : second],
                                  &bank->accounts[first < second ? second : first], &bank->log};
    return first == second ? LG_OK : lock_all(mutexes, 3, LG_FOREVER);
}

static int cross(struct bank *bank, struct support_random *random)
{
    bool is_left_first = support_below(random, 2);
    struct lg_mutex *mutexes[] = {&bank->gate, is_left_first ? &bank->left : &bank->right,
                                  is_left_first ? &bank->right : &bank->left};
    if (bank->is_wrong && support_below(random, 8) == 0) { /* in time, so that nothing is stuck */
        int status = lock_all(mutexes + 1, 2, lg_after_ms(1));
        return status == LG_ETIMEDOUT || status == LG_EDEADLK ? LG_OK : status;
    }
    return lock_all(mutexes, 3, LG_FOREVER);
}

static int work(void *arg)
{
    struct bank *bank = arg;
    struct support_random random;
    static uint32_t streams;
    support_random_begin(&random, __atomic_fetch_add(&streams, 1, __ATOMIC_RELAXED));
    for (int i = 0; i < SUPPORT_ROUNDS(ROUNDS); i++) {
        struct lg_lease lease;
        bool has_lease = support_below(&random, 4) == 0;
        if (has_lease)
            SUPPORT_CHECK(lg_pool_checkout(bank->pool, LG_FOREVER, &lease) == LG_OK);
        int status = support_below(&random, 2) ? transfer(bank, &random) : cross(bank, &random);
        if (has_lease)
            SUPPORT_CHECK(lg_pool_checkin(bank->pool, &lease) == LG_OK);
        SUPPORT_CHECK(status == LG_OK);
    }
    return LG_OK;
}

/* Threads that come and go meanwhile, each with its own things. */
static void *come_and_go(void *arg)
{
    struct bank *bank = arg;
    struct lg_mutex own[2] = {LG_MUTEX_INIT("own"), LG_MUTEX_INIT(NULL)};
    struct lg_mutex *mutexes[] = {&own[0], &own[1], &bank->log};
    return (void *)(intptr_t)lock_all(mutexes, 3, LG_FOREVER);
}

static void run(struct bank *bank, bool must_switch)
{
    struct crew_worker *workers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = crew_hire_numbered("W", i);
    for (unsigned i = 0; i < WORKERS; i++) /* all have begun: what each does counts against all */
        crew_run(workers[i], work, bank);
    for (unsigned i = 0; i < WORKERS; i++)
        while (!crew_is_idle(workers[i])) {
            pthread_t thread;
            void *status;
            assert_int_equal(pthread_create(&thread, NULL, come_and_go, bank), 0);
            assert_int_equal(pthread_join(thread, &status), 0);
            assert_null(status);
            if (!must_switch)
                continue;
            lg_predict_stop();
            assert_int_equal(lg_predict_start(), LG_OK);
        }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    null_end(bank->driver, bank->pool);
}

static void begin(void)
{
    support_log_begin(LG_LOG_WARN);
    lg_predict_reset();
    assert_int_equal(lg_predict_start(), LG_OK);
}

static void end(unsigned expected)
{
    lg_predict_stop();
    if (lg_predict_count() != expected)
        print_message("%s\n", support_log_text("lock-order"));
    assert_int_equal(lg_predict_count(), expected);
    assert_int_equal(support_log_count("lock-order"), expected);
    lg_predict_reset();
}

static void a_correct_program_is_silent(void **state)
{
    (void)state;
    for (int has_names = 0; has_names < 2; has_names++) {
        struct bank bank;
        open_bank(&bank, has_names);
        begin();
        run(&bank, false);
        end(0);
    }
}

static void on_and_off(void **state)
{
    (void)state;
    struct bank bank;
    open_bank(&bank, true);
    begin();
    run(&bank, true);
    end(0);
}

static void a_wrong_one_is_found(void **state)
{
    (void)state;
    struct bank bank;
    open_bank(&bank, true);
    bank.is_wrong = true;
    begin();
    run(&bank, false);
    end(1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_correct_program_is_silent),
        SUPPORT_TEST(on_and_off),
        SUPPORT_TEST(a_wrong_one_is_found),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
