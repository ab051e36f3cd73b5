/* Threads that die with leases in their hands, while others return, adopt and give those leases, wait
 * for them, and close the pool: each comes back once, and nothing else does. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define LEASES 3

/* Two threads that go on from here together. */
static uint32_t at_start; /* atomic */

static void meet(void)
{
    __atomic_add_fetch(&at_start, 1, __ATOMIC_SEQ_CST);
    for (int i = 1; __atomic_load_n(&at_start, __ATOMIC_SEQ_CST) < 2; i++)
        if (i % 1000 == 0)
            null_yield();
}

static struct lg_pool *pool_of(struct null_driver *driver, uint32_t capacity, enum lg_nested nested)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.nested = nested;
    options.reclaim_orphans = 1;
    return null_pool(driver, &options);
}

/* One that takes what it gets and ends: its thread, or its context on another. */
struct ghost {
    struct loan loans[LEASES];
    struct lg_context *context;
};

static int take_and_detach(void *arg)
{
    struct ghost *ghost = arg;
    for (int i = 0; i < LEASES; i++)
        SUPPORT_CHECK(loan_checkout(&ghost->loans[i]) == LG_OK);
    ghost->context = lg_context_detach();
    return lg_context_set_name("host"); /* the crew wants its workers to have a context */
}

static int end_ghost(void *arg)
{
    struct ghost *ghost = arg;
    return lg_context_end(ghost->context);
}

static void raise_ghost(struct ghost *ghost, struct crew_worker *host, struct null_driver *driver,
                        struct lg_pool *pool)
{
    for (int i = 0; i < LEASES; i++) {
        ghost->loans[i] = loan_of(driver, pool, LG_FOREVER);
        ghost->loans[i].is_untouched = 1;
    }
    assert_int_equal(crew_do(host, take_and_detach, ghost), LG_OK);
}

/* ---- Against those who have a copy of the lease -------------------------------------------------- */

enum { RETURN, ADOPT, DETACH, GIVE, WAYS };

struct meddler {
    struct support_random random;
    struct ghost *ghost;
    struct crew_worker *self, *heir;
    int way;
    int status[LEASES];
};

static int meddle(void *arg)
{
    struct meddler *meddler = arg;
    meet();
    support_spin(&meddler->random, 800);
    for (int i = 0; i < LEASES; i++) {
        struct loan *loan = &meddler->ghost->loans[i];
        struct lg_lease copy = loan->lease;
        meddler->status[i] = meddler->way == RETURN  ? lg_pool_checkin(loan->pool, &copy)
                             : meddler->way == ADOPT ? lg_lease_adopt(&copy)
                             : meddler->way == DETACH
                                 ? lg_lease_detach(&copy)
                                 : lg_lease_give(&copy, crew_context(meddler->heir));
    }
    return LG_OK;
}

/* What the meddler has got is out until it is returned; what it has not got is back. */
static void settle_up(struct meddler *meddler, struct null_driver *driver, struct lg_pool *pool)
{
    struct crew_worker *holder = meddler->way == GIVE ? meddler->heir : meddler->self;
    uint32_t out = 0;
    for (int i = 0; i < LEASES; i++) {
        assert_true(meddler->status[i] == LG_OK || meddler->status[i] == LG_ESTALE);
        out += meddler->way != RETURN && meddler->status[i] == LG_OK;
    }
    /* A checkin while the ghost lived has shown that leases wander: all else that it had may be out. */
    bool is_unowned = lg__load_relaxed(&pool->is_unowned);
    if (!is_unowned)
        null_assert_counts(driver, pool, out);
    for (int i = 0; i < LEASES; i++) {
        bool is_out = meddler->way != RETURN && meddler->status[i] == LG_OK;
        int status = crew_do(holder, loan_checkin, &meddler->ghost->loans[i]);
        if (!is_unowned)
            assert_status(status, is_out ? LG_OK : LG_ESTALE);
    }
    null_assert_counts(driver, pool, 0);
    lg__store_relaxed(&pool->is_unowned, 0u); /* for the next round: they are known again */
}

static void meddle_with_ghosts(void **state)
{
    (void)state;
    struct support_random random;
    struct ghost ghost;
    struct meddler meddler = {.ghost = &ghost};
    struct crew_worker *host = crew_hire("host");
    meddler.self = crew_hire("meddler");
    meddler.heir = crew_hire("heir");
    support_log_begin(LG_LOG_ERROR);
    support_random_begin(&random, 1);
    support_random_begin(&meddler.random, 2);
    for (int has_reset = 0; has_reset < 2; has_reset++) {
        struct null_driver *driver = null_begin();
        if (!has_reset)
            driver->table.reset = NULL;
        struct lg_pool *pool = pool_of(driver, LEASES, LG_NESTED_DETECT);
        for (int round = 0; round < SUPPORT_ROUNDS(4000); round++) {
            raise_ghost(&ghost, host, driver, pool);
            meddler.way = round % WAYS;
            at_start = 0;
            crew_run(meddler.self, meddle, &meddler);
            meet();
            support_spin(&random, 800);
            assert_status(end_ghost(&ghost), LG_OK);
            assert_int_equal(crew_wait(meddler.self), LG_OK);
            settle_up(&meddler, driver, pool);
        }
        null_end(driver, pool);
    }
}

/* ---- A gift to one who ends ---------------------------------------------------------------------- */

struct giver {
    struct support_random random;
    struct loan loan;
    struct lg_context *context;
    int status;
};

static int give(void *arg)
{
    struct giver *giver = arg;
    SUPPORT_CHECK(loan_checkout(&giver->loan) == LG_OK);
    meet();
    support_spin(&giver->random, 100);
    giver->status = lg_lease_give(&giver->loan.lease, giver->context);
    return LG_OK;
}

/* Either it is refused, or it comes back: nothing is lost between the two. */
static void give_to_ghosts(void **state)
{
    (void)state;
    struct support_random random;
    struct giver giver;
    struct crew_worker *worker = crew_hire("giver");
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, 1, LG_NESTED_DETECT);
    unsigned given = 0;
    support_log_begin(LG_LOG_ERROR);
    support_random_begin(&random, 3);
    support_random_begin(&giver.random, 4);
    for (int round = 0; round < SUPPORT_ROUNDS(5000); round++) {
        giver.loan = loan_of(driver, pool, LG_FOREVER);
        giver.loan.is_untouched = 1;
        struct lg_context *mine = lg_context_detach();
        giver.context = lg_context_self();
        assert_ptr_equal(lg_context_detach(), giver.context);
        assert_status(lg_context_resume(mine), LG_OK);
        at_start = 0;
        crew_run(worker, give, &giver);
        meet();
        support_spin(&random, 100);
        assert_status(lg_context_end(giver.context), LG_OK);
        assert_int_equal(crew_wait(worker), LG_OK);
        bool is_kept = giver.status == LG_EINVAL;
        if (!is_kept)
            assert_status(giver.status, LG_OK);
        given += !is_kept;
        null_assert_counts(driver, pool, is_kept);
        assert_status(crew_do(worker, loan_checkin, &giver.loan), is_kept ? LG_OK : LG_ESTALE);
    }
    print_message("%u gifts arrived\n", given);
    null_end(driver, pool);
}

/* ---- A crowd that dies and waits ----------------------------------------------------------------- */

#define CROWD 3

/* Take and return, or leave with it. */
struct mortal {
    struct support_random random;
    struct lg_pool *pools[2];
};

static int live_and_die(void *arg)
{
    struct mortal *mortal = arg;
    for (int i = 0; i < 4; i++) {
        struct lg_pool *pool = mortal->pools[support_below(&mortal->random, 2)];
        struct lg_lease lease;
        /* One at a time, so that nobody waits for what he holds: what he forgets is his end. */
        SUPPORT_CHECK(lg_pool_checkout(pool, LG_FOREVER, &lease) == LG_OK);
        support_spin(&mortal->random, 300);
        if (support_below(&mortal->random, 3) == 0)
            return LG_OK;
        SUPPORT_CHECK(lg_pool_checkin(pool, &lease) == LG_OK);
    }
    return LG_OK;
}

static void crowds_die(void **state)
{
    (void)state;
    struct mortal mortals[CROWD];
    struct null_driver *drivers[2] = {null_begin(), null_begin()};
    struct lg_pool *pools[2];
    drivers[1]->table.reset = NULL;
    pools[0] = pool_of(drivers[0], 1, LG_NESTED_SHARE);
    pools[1] = pool_of(drivers[1], 2, LG_NESTED_DETECT);
    support_log_begin(LG_LOG_ERROR);
    for (unsigned i = 0; i < CROWD; i++) {
        support_random_begin(&mortals[i].random, 10 + i);
        mortals[i].pools[0] = pools[0];
        mortals[i].pools[1] = pools[1];
    }
    for (int round = 0; round < SUPPORT_ROUNDS(800); round++) {
        struct crew_worker *workers[CROWD];
        for (unsigned i = 0; i < CROWD; i++) {
            workers[i] = crew_hire_numbered("T", i);
            crew_run(workers[i], live_and_die, &mortals[i]);
        }
        /* Somebody waits for those who go, so not one after the other. */
        for (unsigned i = 0; i < CROWD; i++)
            crew_send_home(workers[i]);
        for (unsigned i = 0; i < CROWD; i++)
            crew_leave(workers[i]);
        for (int i = 0; i < 2; i++)
            null_assert_counts(drivers[i], pools[i], 0);
    }
    for (int i = 0; i < 2; i++)
        null_end(drivers[i], pools[i]);
}

/* ---- Close and destroy --------------------------------------------------------------------------- */

/* Close is told when the last one is back, and destroy follows while the reclaiming thread, which
 * nobody waits for, is still on its way out. */
static void destroy_right_after_the_last_has_come_back(void **state)
{
    (void)state;
    struct ghost ghosts[2];
    struct crew_worker *hosts[2] = {crew_hire("first"), crew_hire("second")};
    support_log_begin(LG_LOG_ERROR);
    for (int round = 0; round < SUPPORT_ROUNDS(1500); round++) {
        struct null_driver *driver = null_begin();
        if (round % 2)
            driver->table.reset = NULL;
        struct lg_pool *pool = pool_of(driver, 2 * LEASES, LG_NESTED_DETECT);
        for (int i = 0; i < 2; i++)
            raise_ghost(&ghosts[i], hosts[i], driver, pool);
        for (int i = 0; i < 2; i++)
            crew_run(hosts[i], end_ghost, &ghosts[i]);
        assert_status(lg_pool_close(pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
        lg_pool_destroy(pool);
        for (int i = 0; i < 2; i++)
            assert_status(crew_wait(hosts[i]), LG_OK);
        NULL_WAIT_UNTIL(null_get(driver, destroyed) == 1);
        null_free(driver);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(meddle_with_ghosts),
        SUPPORT_TEST(give_to_ghosts),
        SUPPORT_TEST(crowds_die),
        SUPPORT_TEST(destroy_right_after_the_last_has_come_back),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
