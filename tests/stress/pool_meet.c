/* A return, a wait, a clear and a close that meet in the same nanoseconds: nobody sleeps beside an
 * idle resource, and nothing stays open that has to go. */
#include "support/crew.h"
#include "support/null_driver.h"

#define PLAYERS 3

/* Each part ends after that, however many rounds it has had: on a machine that others keep busy each spin may
 * cost a turn of the scheduler. */
#define ENOUGH_MS 1500

/* Players go round by round; a barrier that spins, because the moments after it are the point. */
struct meeting {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t rounds;
    uint32_t players;
    uint32_t arrived, round; /* atomic */
    lg_deadline end;
    bool is_over; /* written by the last to arrive, while all others wait for the round */
};

struct player {
    struct meeting *meeting;
    struct support_random random;
};

static void meet(struct meeting *meeting)
{
    uint32_t round = __atomic_load_n(&meeting->round, __ATOMIC_SEQ_CST);
    if (__atomic_add_fetch(&meeting->arrived, 1, __ATOMIC_SEQ_CST) == meeting->players) {
        meeting->is_over = lg_after_ms(0) > meeting->end;
        __atomic_store_n(&meeting->arrived, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&meeting->round, round + 1, __ATOMIC_SEQ_CST);
    }
    for (uint32_t i = 0; __atomic_load_n(&meeting->round, __ATOMIC_SEQ_CST) == round; i++)
        if (i > 200)
            null_yield();
}

/* Both want the one resource; whoever comes second waits for the return of the first. */
static int take_and_return(void *arg)
{
    struct player *player = arg;
    struct meeting *meeting = player->meeting;
    struct loan loan = loan_of(meeting->driver, meeting->pool, LG_FOREVER);
    for (uint32_t i = 0; i < meeting->rounds && !meeting->is_over; i++) {
        meet(meeting);
        support_spin(&player->random, 100);
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        support_spin(&player->random, 50);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    }
    return 0;
}

static struct lg_pool *pool_of(struct null_driver *driver, uint64_t overtaking_us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.overtaking_us = overtaking_us;
    return null_pool(driver, &options);
}

static void play(struct meeting *meeting, crew_step *const *steps)
{
    struct player players[PLAYERS];
    struct crew_worker *workers[PLAYERS];
    meeting->end = lg_after_ms(ENOUGH_MS);
    for (uint32_t i = 0; i < meeting->players; i++) {
        players[i].meeting = meeting;
        support_random_begin(&players[i].random, i);
        workers[i] = crew_hire_numbered("player-", i);
    }
    for (uint32_t i = 0; i < meeting->players; i++)
        crew_run(workers[i], steps[i], &players[i]);
    for (uint32_t i = 0; i < meeting->players; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    for (uint32_t i = 0; i < meeting->players; i++)
        crew_leave(workers[i]);
}

static void a_return_meets_a_wait(void **state)
{
    (void)state;
    crew_step *const steps[] = {take_and_return, take_and_return};
    for (int variant = 0; variant < 3; variant++) {
        struct meeting meeting = {
            .driver = null_begin(), .rounds = SUPPORT_ROUNDS(30000), .players = 2};
        if (variant != 1)
            meeting.driver->table.reset = NULL;
        meeting.pool = pool_of(meeting.driver, variant == 2 ? 1000000 : 0);
        play(&meeting, steps);
        null_end(meeting.driver, meeting.pool);
    }
}

/* Whether something is open that was opened before this era.  Only the last few can be. */
static bool has_old(struct null_driver *driver, uint32_t era)
{
    uint32_t count = __atomic_load_n(&driver->resource_count, __ATOMIC_SEQ_CST);
    for (uint32_t i = count > 8 ? count - 8 : 0; i < count; i++) {
        struct null_resource *resource = &driver->resources[i];
        if (!__atomic_load_n(&resource->is_closed, __ATOMIC_SEQ_CST) &&
            __atomic_load_n(&resource->era, __ATOMIC_SEQ_CST) < era)
            return true;
    }
    return false;
}

static int clear_each_round(void *arg)
{
    struct player *player = arg;
    struct meeting *meeting = player->meeting;
    for (uint32_t i = 0; i < meeting->rounds && !meeting->is_over; i++) {
        meet(meeting);
        support_spin(&player->random, 300);
        null_set(meeting->driver, era, i + 1);
        SUPPORT_CHECK(lg_pool_clear(meeting->pool, 0) == LG_OK);
        meet(meeting);
        NULL_WAIT_UNTIL(!has_old(meeting->driver, i + 1)); /* nobody would close it later */
        meet(meeting);
    }
    return 0;
}

static int return_each_round(void *arg)
{
    struct player *player = arg;
    struct meeting *meeting = player->meeting;
    struct loan loan = loan_of(meeting->driver, meeting->pool, LG_FOREVER);
    for (uint32_t i = 0; i < meeting->rounds && !meeting->is_over; i++) {
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        meet(meeting);
        support_spin(&player->random, 300);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
        meet(meeting);
        meet(meeting);
    }
    return 0;
}

static void a_return_meets_a_clear(void **state)
{
    (void)state;
    crew_step *const steps[] = {return_each_round, clear_each_round};
    for (int variant = 0; variant < 2; variant++) {
        struct meeting meeting = {
            .driver = null_begin(), .rounds = SUPPORT_ROUNDS(5000), .players = 2};
        if (variant == 0)
            meeting.driver->table.reset = NULL;
        meeting.pool = pool_of(meeting.driver, 0);
        play(&meeting, steps);
        null_end(meeting.driver, meeting.pool);
    }
}

/* And a waiter with a deadline that may end at the same moment: what it leaves is nobody's, and goes
 * with the clear all the same. */
static int wait_for_a_moment(void *arg)
{
    struct player *player = arg;
    struct meeting *meeting = player->meeting;
    for (uint32_t i = 0; i < meeting->rounds && !meeting->is_over; i++) {
        struct loan loan = loan_of(meeting->driver, meeting->pool, 0);
        meet(meeting);
        loan.deadline = lg_after_ms(0);
        int status = loan_checkout(&loan);
        SUPPORT_CHECK(status == LG_OK || status == LG_ETIMEDOUT);
        if (status == LG_OK)
            SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
        meet(meeting);
        meet(meeting);
    }
    return 0;
}

static void a_return_meets_a_clear_and_a_timeout(void **state)
{
    (void)state;
    crew_step *const steps[] = {return_each_round, clear_each_round, wait_for_a_moment};
    struct meeting meeting = {.driver = null_begin(), .rounds = SUPPORT_ROUNDS(3000), .players = 3};
    meeting.driver->table.reset = NULL;
    meeting.pool = pool_of(meeting.driver, 0);
    play(&meeting, steps);
    null_end(meeting.driver, meeting.pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_return_meets_a_wait),
        SUPPORT_TEST(a_return_meets_a_clear),
        SUPPORT_TEST(a_return_meets_a_clear_and_a_timeout),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
