/* A hundred forks while other threads use the pools as hard as they can.  Each child finds usable
 * pools, whatever the others were in the middle of, and finishes. */
#include "support/crew.h"
#include "support/null_driver.h"

#include <lifeguard/mutex.h>

#include <stdio.h>

#define THREADS 4

struct world {
    struct null_driver *drivers[2]; /* refill, refuse */
    struct lg_pool *pools[2];
    struct lg_mutex mutex;
    uint32_t must_stop; /* atomic */
};

struct hammerer {
    struct world *world;
    struct support_random random;
};

static int strike(struct hammerer *hammerer, uint32_t which)
{
    struct world *world = hammerer->world;
    struct loan outer = loan_of(world->drivers[which], world->pools[which], LG_FOREVER);
    struct loan inner = outer;
    SUPPORT_CHECK(loan_checkout(&outer) == LG_OK);
    int status = loan_checkout(&inner);
    SUPPORT_CHECK(status == LG_OK || status == LG_EDEADLK);
    if (status == LG_OK)
        SUPPORT_CHECK(loan_checkin(&inner) == LG_OK);
    /* With discards and clears come openers: threads that begin and end all the time. */
    bool is_broken = !SUPPORT_ASAN && support_below(&hammerer->random, 50) == 0;
    SUPPORT_CHECK((is_broken ? loan_discard(&outer) : loan_checkin(&outer)) == LG_OK);
    return 0;
}

static int hammer(void *arg)
{
    struct hammerer *hammerer = arg;
    struct world *world = hammerer->world;
    while (!__atomic_load_n(&world->must_stop, __ATOMIC_SEQ_CST)) {
        if (strike(hammerer, support_below(&hammerer->random, 2)))
            return 1;
        if (!SUPPORT_ASAN && support_below(&hammerer->random, 100) == 0)
            (void)!lg_pool_clear(world->pools[support_below(&hammerer->random, 2)], 0);
        LG_WITH_MUTEX(&world->mutex, LG_FOREVER, status) {
            null_yield();
        }
        SUPPORT_CHECK(status == LG_OK);
    }
    return 0;
}

/* In the child: all others are gone, with what they held. */
static int live_on(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct world *world = arg;
    struct loan loans[3];
    struct lg_lease lease;
    for (int i = 0; i < 3; i++) {
        loans[i] = loan_of(world->drivers[0], world->pools[0], LG_FOREVER);
        int status = loan_checkout(&loans[i]);
        SUPPORT_CHECK(status == (i < 2 ? LG_OK : LG_EDEADLK));
    }
    for (int i = 0; i < 2; i++)
        SUPPORT_CHECK(loan_checkin(&loans[i]) == LG_OK);
    SUPPORT_CHECK(lg_pool_clear(world->pools[0], 0) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkout(world->pools[1], LG_FOREVER, &lease) == LG_EFORK);
    int status = lg_mutex_lock(&world->mutex, LG_FOREVER);
    if (status == LG_EOWNERDEAD)
        status = lg_mutex_recover(&world->mutex);
    SUPPORT_CHECK(status == LG_OK);
    lg_mutex_unlock(&world->mutex);
    for (int i = 0; i < 2; i++) {
        SUPPORT_CHECK(lg_pool_close(world->pools[i], LG_FOREVER, NULL, 0, NULL) == LG_OK);
        lg_pool_destroy(world->pools[i]);
    }
    return 0;
}

static void a_hundred_forks_under_load(void **state)
{
    (void)state;
    static struct world world = {.mutex = LG_MUTEX_INIT("m")};
    struct crew_worker *workers[THREADS];
    struct hammerer hammerers[THREADS];
    for (uint32_t i = 0; i < 2; i++) {
        world.drivers[i] = null_begin();
        world.drivers[i]->table.fork = i == 0 ? LG_FORK_REFILL : LG_FORK_REFUSE;
        world.pools[i] = null_pool_of(world.drivers[i], 2);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        hammerers[i].world = &world;
        support_random_begin(&hammerers[i].random, i);
        workers[i] = crew_hire_numbered("hammer-", i);
        crew_run(workers[i], hammer, &hammerers[i]);
    }
    NULL_WAIT_UNTIL(null_get(world.drivers[0], opened) + null_get(world.drivers[1], opened) >= 4);
    if (SUPPORT_ASAN)
        null_wait_threads(THREADS + 3);
    for (int i = 0; i < SUPPORT_ROUNDS(100); i++)
        assert_int_equal(support_fork(live_on, &world), 0);
    __atomic_store_n(&world.must_stop, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    for (uint32_t i = 0; i < 2; i++)
        null_end(world.drivers[i], world.pools[i]);
}

int main(int argc, char **argv)
{
    /* Its allocator's lock may be another thread's at the fork, and then the first thread that the
     * child starts hangs in it. */
    if (SUPPORT_TSAN) {
        printf("skipped: the thread sanitizer's runtime does not survive a fork with threads\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {SUPPORT_TEST(a_hundred_forks_under_load)};
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
