/* A crowd: a thousand threads blocked on one pool, ten thousand in a plain build.  All are served, or
 * told that it is closed, or time out; nobody is forgotten. */
#include "support/null_driver.h"

#include <pthread.h>
#include <stdlib.h>

#define CROWD      1000u
#define SMALL      (SUPPORT_TSAN ? 200u : CROWD) /* this sanitizer needs a megabyte for each */
#define LARGE      10000u
#define STACK_SIZE (64 * 1024)

struct crowd {
    struct null_driver *driver;
    struct lg_pool *pool;
    lg_deadline deadline;
    uint32_t size;
    pthread_t *threads;
    uint32_t served, closed, late, other; /* atomic */
};

static void count(uint32_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void *want(void *arg)
{
    struct crowd *crowd = arg;
    struct loan loan = loan_of(crowd->driver, crowd->pool, crowd->deadline);
    int status = loan_checkout(&loan);
    if (status == LG_OK && loan_checkin(&loan) == LG_OK)
        count(&crowd->served);
    else if (status == LG_ECLOSED)
        count(&crowd->closed);
    else if (status == LG_ETIMEDOUT)
        count(&crowd->late);
    else
        count(&crowd->other);
    return NULL;
}

static uint32_t waiting(struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    return stats.waiting;
}

/* False: the system does not let us have so many threads. */
static bool start(struct crowd *crowd)
{
    pthread_attr_t attributes;
    bool is_complete = true;
    uint32_t wished = crowd->size;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes,
                              SUPPORT_TSAN || SUPPORT_ASAN ? 8 * STACK_SIZE : STACK_SIZE);
    crowd->threads = calloc(wished, sizeof *crowd->threads);
    assert_non_null(crowd->threads);
    for (crowd->size = 0; crowd->size < wished && is_complete; crowd->size += is_complete)
        is_complete = pthread_create(&crowd->threads[crowd->size], &attributes, want, crowd) == 0;
    pthread_attr_destroy(&attributes);
    if (!is_complete)
        print_message("only %u of %u threads are to be had here\n", crowd->size, wished);
    return is_complete;
}

static void end(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->size; i++)
        pthread_join(crowd->threads[i], NULL);
    free(crowd->threads);
    assert_int_equal(crowd->other, 0);
    assert_int_equal(crowd->served + crowd->closed + crowd->late, crowd->size);
    null_end(crowd->driver, crowd->pool);
}

static struct crowd crowd_of(uint32_t size, uint32_t capacity)
{
    struct crowd crowd = {.driver = null_begin(), .deadline = LG_FOREVER, .size = size};
    crowd.driver->table.reset = NULL;
    crowd.pool = null_pool_of(crowd.driver, capacity);
    return crowd;
}

static void all_are_served(uint32_t size)
{
    struct crowd crowd = crowd_of(size, 1);
    struct loan mine = loan_of(crowd.driver, crowd.pool, LG_FOREVER);
    assert_status(loan_checkout(&mine), LG_OK);
    bool is_complete = start(&crowd);
    NULL_WAIT_UNTIL(waiting(crowd.pool) == crowd.size);
    assert_status(loan_checkin(&mine), LG_OK);
    end(&crowd);
    assert_int_equal(crowd.served, crowd.size);
    if (!is_complete)
        SUPPORT_SKIP("not so many threads here");
}

static void a_thousand_are_served(void **state)
{
    (void)state;
    all_are_served(CROWD);
}

static void ten_thousand_are_served(void **state)
{
    (void)state;
    if (SUPPORT_TSAN || SUPPORT_ASAN)
        SUPPORT_SKIP("too many threads for a sanitizer");
    all_are_served(LARGE);
}

static void a_thousand_are_told_of_the_end(void **state)
{
    (void)state;
    struct crowd crowd = crowd_of(SMALL, 2);
    struct loan mine[2];
    for (int i = 0; i < 2; i++) {
        mine[i] = loan_of(crowd.driver, crowd.pool, LG_FOREVER);
        assert_status(loan_checkout(&mine[i]), LG_OK);
    }
    (void)start(&crowd);
    NULL_WAIT_UNTIL(waiting(crowd.pool) == crowd.size);
    assert_status(lg_pool_close(crowd.pool, LG_TRY, NULL, 0, NULL), LG_EDEADLK);
    for (int i = 0; i < 2; i++)
        assert_status(loan_checkin(&mine[i]), LG_OK);
    end(&crowd);
    assert_int_equal(crowd.closed, crowd.size);
}

/* All deadlines pass at about the same time, each with a report; the resource comes back meanwhile. */
static void a_thousand_time_out(void **state)
{
    (void)state;
    struct crowd crowd = crowd_of(SMALL, 1);
    struct loan mine = loan_of(crowd.driver, crowd.pool, LG_FOREVER);
    crowd.deadline = lg_after_ms(100);
    assert_status(loan_checkout(&mine), LG_OK);
    (void)start(&crowd);
    NULL_WAIT_UNTIL(__atomic_load_n(&crowd.late, __ATOMIC_SEQ_CST) > 0);
    assert_status(loan_checkin(&mine), LG_OK);
    end(&crowd);
    assert_true(crowd.late > 0);
}

/* A thousand wait and hold nothing; who holds all there is wants more: it is told, and nobody else. */
static void a_ring_in_a_crowd(void **state)
{
    (void)state;
    struct crowd crowd = crowd_of(SMALL, 1);
    struct loan mine = loan_of(crowd.driver, crowd.pool, LG_FOREVER), second = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    (void)start(&crowd);
    NULL_WAIT_UNTIL(waiting(crowd.pool) == crowd.size);
    assert_status(loan_checkout(&second), LG_EDEADLK);
    assert_string_equal(second.report.victim, "main");
    /* It may be found by the last of the crowd, whose look comes late: then that is listed too. */
    assert_in_range(second.report.member_count, 1, 2);
    assert_int_equal(second.report.waiting, crowd.size);
    assert_status(loan_checkin(&mine), LG_OK);
    end(&crowd);
    assert_int_equal(crowd.served, crowd.size);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_thousand_are_served),
        SUPPORT_TEST(ten_thousand_are_served),
        SUPPORT_TEST(a_thousand_are_told_of_the_end),
        SUPPORT_TEST(a_thousand_time_out),
        SUPPORT_TEST(a_ring_in_a_crowd),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
