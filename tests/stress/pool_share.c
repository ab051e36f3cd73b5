/* A lease is returned by another thread at the moment when its holder shares it once more: either the
 * loan goes on, or it has ended and the holder gets a loan of its own.  Never both. */
#include "support/crew.h"
#include "support/null_driver.h"

#include <pthread.h>

struct duel {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_lease outer;
    int returned;
    bool discards;
    uint32_t rounds;
    pthread_barrier_t barrier;
    struct support_random random; /* the returner's */
};

static int return_each_round(void *arg)
{
    struct duel *duel = arg;
    for (uint32_t i = 0; i < duel->rounds; i++) {
        pthread_barrier_wait(&duel->barrier);
        support_spin(&duel->random, 500);
        duel->returned = duel->discards ? lg_pool_discard(duel->pool, &duel->outer)
                                        : lg_pool_checkin(duel->pool, &duel->outer);
        pthread_barrier_wait(&duel->barrier);
    }
    return 0;
}

/* Somebody else who would notice if a resource were lent twice. */
struct bystander {
    struct duel *duel;
    uint32_t must_stop; /* atomic */
};

static int use_for_ever(void *arg)
{
    struct bystander *bystander = arg;
    while (!__atomic_load_n(&bystander->must_stop, __ATOMIC_SEQ_CST)) {
        struct loan loan = loan_of(bystander->duel->driver, bystander->duel->pool, LG_FOREVER);
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
        null_yield();
    }
    return 0;
}

static void a_shared_loan_goes_on_or_ends(void **state)
{
    (void)state;
    struct duel duel = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(3000)};
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct crew_worker *returner = crew_hire("returner"), *other = crew_hire("other");
    struct bystander bystander = {.duel = &duel};
    struct support_random random;
    uint32_t shared = 0;
    options.capacity = 2;
    options.nested = LG_NESTED_SHARE;
    support_log_begin(LG_LOG_WARN); /* the first return by another is said */
    support_random_begin(&random, 1);
    support_random_begin(&duel.random, 2);
    duel.pool = null_pool(duel.driver, &options);
    pthread_barrier_init(&duel.barrier, NULL, 2);
    crew_run(returner, return_each_round, &duel);
    crew_run(other, use_for_ever, &bystander);
    for (uint32_t i = 0; i < duel.rounds; i++) {
        struct loan inner = loan_of(duel.driver, duel.pool, LG_FOREVER);
        assert_status(lg_pool_checkout(duel.pool, LG_FOREVER, &duel.outer), LG_OK);
        duel.discards = support_below(&random, 10) == 0;
        uint32_t tag = duel.outer.tag;
        pthread_barrier_wait(&duel.barrier);
        support_spin(&random, 500);
        assert_status(loan_checkout(&inner), LG_OK);
        pthread_barrier_wait(&duel.barrier);
        shared += inner.lease.slot > 0xffff && inner.lease.tag == tag;
        assert_status(duel.returned, LG_OK);
        assert_status(loan_checkin(&inner), LG_OK);
        assert_int_equal(lg_pool_holders(duel.pool, NULL, 0) > 1, 0);
    }
    assert_int_equal(crew_wait(returner), 0);
    __atomic_store_n(&bystander.must_stop, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(crew_wait(other), 0);
    print_message("%u of %u rounds shared\n", shared, duel.rounds);
    pthread_barrier_destroy(&duel.barrier);
    null_end(duel.driver, duel.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {SUPPORT_TEST(a_shared_loan_goes_on_or_ends)};
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
