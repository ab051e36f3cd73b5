/* The profile: each wait is in its row, and the totals are those of the waits. */
#include "support/json.h"
#include "support/locks.h"
#include "support/owners.h"
#include "support/several.h"
#include "sync/mutex.h"

#include <lifeguard/barrier.h>
#include <lifeguard/profile.h>

#include <stdio.h>
#include <string.h>

static int begin_test(void **state)
{
    lg_profile_reset();
    lg_profile_start();
    return support_setup(state);
}

static int end_test(void **state)
{
    lg_profile_stop();
    lg_profile_reset();
    return support_teardown(state);
}

#define PROFILE_TEST(test) cmocka_unit_test_setup_teardown((test), begin_test, end_test)

static char text[65536];

/* One wait of the worker for the mutex, which the main thread holds meanwhile. */
static void wait_once(struct crew_worker *worker, struct lg_mutex *mutex, const char *place)
{
    struct lock_until until = {mutex, LG_FOREVER, place};
    struct lock_until mine = {mutex, LG_FOREVER, "holder.c:1"};
    assert_int_equal(step_lock_until(&mine), LG_OK);
    crew_run(worker, step_lock_until, &until);
    crew_wait_blocked_on(worker, mutex);
    assert_int_equal(step_unlock(mutex), LG_OK);
    assert_int_equal(crew_wait(worker), LG_OK);
    assert_int_equal(crew_do(worker, step_unlock, mutex), LG_OK);
}

/* What waited for this name at this place; fails if nothing did.  (A wait that ended before it slept knows of
 * no holder, and is in a row of its own.) */
static struct lg_profile_row row_of(const char *noun, const char *name, const char *place)
{
    struct lg_profile_row rows[256];
    struct lg_profile_row found = {0};
    uint32_t count = lg_profile_top(rows, 256);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(rows[i].noun, noun) != 0 || strcmp(rows[i].name, name) != 0 ||
            strcmp(rows[i].place, place) != 0)
            continue;
        uint64_t waits = found.waits + rows[i].waits;
        if (found.waits == 0)
            found = rows[i];
        found.waits = waits;
    }
    assert_true(found.waits > 0);
    return found;
}

static void a_free_lock_is_in_no_row(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(lg_profile_top(NULL, 0), 0);
    assert_true(lg_profile_write(LG_PROFILE_TEXT, 0, text, sizeof text) > 0);
    assert_non_null(strstr(text, "none"));
}

static void a_wait_is_in_its_row(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int i = 0; i < 3; i++)
        wait_once(i % 2 ? a : b, &mutex, "here.c:1");
    wait_once(a, &mutex, "here.c:2");
    struct lg_profile_row row = row_of("mutex", "m", "here.c:1");
    assert_int_equal(row.waits, 3);
    assert_int_equal(row.is_signal, 0);
    assert_string_equal(row.holder_place, "holder.c:1");
    assert_true(row.total_ns >= row.longest_ns && row.longest_ns > 0);
    assert_int_equal(row_of("mutex", "m", "here.c:2").waits, 1);
    assert_int_equal(lg_profile_top(NULL, 0), 2);
    lg_profile_reset();
    assert_int_equal(lg_profile_top(NULL, 0), 0);
    wait_once(a, &mutex, "here.c:1");
    assert_int_equal(row_of("mutex", "m", "here.c:1").waits, 1);
}

static void nothing_while_it_is_off(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    wait_once(a, &mutex, "here.c:1");
    lg_profile_stop();
    wait_once(a, &mutex, "here.c:1");
    assert_int_equal(row_of("mutex", "m", "here.c:1").waits, 1);
    lg_profile_start(); /* goes on */
    wait_once(a, &mutex, "here.c:1");
    assert_int_equal(row_of("mutex", "m", "here.c:1").waits, 2);
}

/* A thread that has ended has waited all the same. */
static int wait_for_main(void *mutex)
{
    struct lock_until until = {mutex, LG_FOREVER, "ended.c:1"};
    int status = step_lock_until(&until);
    return status == LG_OK ? step_unlock(mutex) : status;
}

static void *run_wait(void *mutex)
{
    (void)wait_for_main(mutex);
    return NULL;
}

static void threads_that_have_ended(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        assert_int_equal(step_lock(&mutex), LG_OK);
        assert_int_equal(pthread_create(&thread, NULL, run_wait, &mutex), 0);
        while (!(lg__load_acquire(&mutex.word) & LG__MUTEX_WAITERS))
            null_yield();
        assert_int_equal(step_unlock(&mutex), LG_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(row_of("mutex", "m", "ended.c:1").waits, 5);
}

/* Asleep at a condition, moved to the mutex by its holder: two waits. */
static void a_condition_and_its_mutex(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct lg_condition condition = LG_CONDITION_INIT("c");
    struct wait_until wait = {&condition, &mutex, LG_FOREVER, "here.c:1"};
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_lock, &mutex), LG_OK);
    crew_run(a, step_wait, &wait);
    crew_wait_blocked_on(a, &condition);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_signal(&condition), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
    assert_int_equal(row_of("condition", "c", "here.c:1").is_signal, 1);
    assert_int_equal(row_of("condition", "c", "here.c:1").waits, 1);
    assert_int_equal(row_of("mutex", "m", "here.c:1").is_signal, 0);
}

/* Whoever passes may free a barrier, and whoever has signalled a condition, while others are on their way back:
 * those know by what name they waited. */
static int step_pass(void *barrier)
{
    return lg_barrier_wait_at(barrier, LG_FOREVER, "barrier.c:1", NULL);
}

static void freed_while_others_come_back(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct lg_barrier barrier = LG_BARRIER_INIT("b", 2);
    struct lg_condition condition = LG_CONDITION_INIT("c");
    struct wait_until wait = {&condition, &mutex, LG_FOREVER, "condition.c:1"};
    struct crew_worker *a = crew_hire("A");
    if (!CREW_CAN_STALL)
        skip();
    crew_run_blocked_on(a, step_pass, &barrier, &barrier);
    crew_stall(a);
    assert_int_equal(step_pass(&barrier), LG_OK);
    memset(&barrier, 0xff, sizeof barrier);
    crew_go_on();
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(row_of("barrier", "b", "barrier.c:1").waits, 1);
    assert_int_equal(crew_do(a, step_lock, &mutex), LG_OK);
    crew_run_blocked_on(a, step_wait, &wait, &condition);
    crew_stall(a);
    assert_int_equal(step_signal(&condition), LG_OK);
    memset(&condition, 0xff, sizeof condition);
    crew_go_on();
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(row_of("condition", "c", "condition.c:1").waits, 1);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
}

static void a_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct loan mine = loan_of(driver, pool, LG_FOREVER), its = mine;
    struct crew_worker *a = crew_hire("A");
    assert_status(loan_checkout(&mine), LG_OK);
    crew_run(a, loan_checkout, &its);
    crew_wait_blocked_on(a, pool);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(a), LG_OK);
    assert_status(crew_do(a, loan_checkin, &its), LG_OK);
    struct lg_profile_row rows[16];
    uint32_t count = lg_profile_top(rows, 16);
    uint32_t waits = 0;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].noun, "pool") == 0 && rows[i].holder_place[0] != 0)
            waits += rows[i].waits;
    assert_true(waits >= 1); /* the first open was waited for, too */
    null_end(driver, pool);
}

/* A wait for several things is in one row, by the names of all; who held one of them is known if all of
 * them have holders. */
static void several_things(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
    struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);
    struct lock_until mine = {&n, LG_FOREVER, "holder.c:1"};
    struct several_step locks =
        several_of(lg_waitable_mutex(&m), lg_waitable_mutex(&n), several_none);
    struct several_step signals =
        several_of(lg_waitable_mutex(&n), lg_waitable_semaphore(&s), several_none);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_lock_until(&mine), LG_OK);
    crew_run(a, step_wait_all, &locks);
    crew_wait_blocked(a);
    assert_int_equal(step_unlock(&n), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    struct lg_profile_row row = row_of("all of", "m, n", "all.c:1");
    assert_int_equal(row.is_signal, 0);
    assert_string_equal(row.holder_place, "holder.c:1");
    assert_true(row.total_ns > 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(crew_do(a, step_unlock, locks.things[i].object), LG_OK);

    assert_int_equal(step_lock_until(&mine), LG_OK);
    crew_run(a, step_wait_any, &signals);
    crew_wait_blocked(a);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    row = row_of("any of", "n, s", "any.c:1");
    assert_int_equal(row.is_signal, 1);
    assert_string_equal(row.holder_place, "");
    assert_int_equal(step_unlock(&n), LG_OK);
    /* One whose time has come before it began is no wait. */
    uint32_t count = lg_profile_top(NULL, 0);
    signals.deadline = lg_after_ms(0);
    signals.things[0] = signals.things[1];
    assert_int_equal(step_wait_any(&signals), LG_ETIMEDOUT);
    assert_int_equal(lg_profile_top(NULL, 0), count);
}

/* More rows than a context keeps: the rest is counted all the same. */
static void more_rows_than_there_is_room_for(void **state)
{
    (void)state;
    static char places[300][32];
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    for (int i = 0; i < 300; i++) {
        snprintf(places[i], sizeof places[i], "here.c:%d", i);
        wait_once(a, &mutex, places[i]);
    }
    assert_int_equal(lg_profile_top(NULL, 0), 201);
    assert_int_equal(row_of("others", "", "").waits, 100);
}

static void written(void **state)
{
    (void)state;
    char value[64];
    struct lg_mutex mutex = LG_MUTEX_INIT("a;\"b\"\n");
    struct crew_worker *a = crew_hire("A");
    wait_once(a, &mutex, "here.c:1");
    wait_once(a, &mutex, "here.c:2");
    size_t length = lg_profile_write(LG_PROFILE_JSON, 0, text, sizeof text);
    assert_int_equal(strlen(text), length);
    assert_true(json_is_valid(text));
    assert_true(json_get(text, "rows.1.name", value, sizeof value));
    assert_string_equal(value, "a;\"b\"\n");
    assert_true(json_get(text, "rows.0.sort", value, sizeof value));
    assert_string_equal(value, "contention");
    assert_true(lg_profile_write(LG_PROFILE_JSON, 1, text, sizeof text) < length);
    assert_true(json_is_valid(text));
    assert_false(json_get(text, "rows.1.name", value, sizeof value));
    assert_true(lg_profile_write(LG_PROFILE_FOLDED, 0, text, sizeof text) > 0);
    assert_non_null(strstr(text, "mutex a,\"b\"?;here.c:1;held from holder.c:1 "));
    assert_true(lg_profile_write(LG_PROFILE_TEXT, 1, text, sizeof text) > 0);
    assert_int_equal(lg_profile_write(LG_PROFILE_TEXT, 1, NULL, 0), strlen(text));
}

/* ---- The sum of all that threads measure themselves, with readers in between ---------------------- */

#define WORKERS 3
#define ROUNDS  2000

struct load {
    struct lg_mutex mutex;
    uint64_t shared; /* under mutex */
};

static int contend(void *arg)
{
    struct load *load = arg;
    for (int i = 0; i < SUPPORT_ROUNDS(ROUNDS); i++) {
        SUPPORT_CHECK(lg_mutex_lock(&load->mutex, LG_FOREVER) == LG_OK);
        load->shared++;
        if (i % 16 == 0)
            null_yield();
        lg_mutex_unlock(&load->mutex);
    }
    return LG_OK;
}

static void read_under_load(void **state)
{
    (void)state;
    struct load load = {.mutex = LG_MUTEX_INIT("hot")};
    struct crew_worker *workers[WORKERS];
    struct lg_profile_row rows[64];
    for (unsigned i = 0; i < WORKERS; i++)
        crew_run(workers[i] = crew_hire_numbered("W", i), contend, &load);
    uint64_t waits = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        while (!crew_is_idle(workers[i])) {
            uint64_t now = 0;
            uint32_t count = lg_profile_top(rows, 64);
            for (uint32_t j = 0; j < count && j < 64; j++)
                now += rows[j].waits;
            assert_true(now >= waits); /* it only grows */
            waits = now;
            assert_true(lg_profile_write(LG_PROFILE_JSON, 0, text, sizeof text) > 0);
            assert_true(json_is_valid(text));
        }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    lg_profile_reset();
    assert_int_equal(lg_profile_top(NULL, 0), 0);
}

/* The child counts its own waits, also if it was forked while another read. */
static int wait_in_child(void *arg)
{
    struct lg_mutex mutex = LG_MUTEX_INIT("child");
    (void)arg;
    SUPPORT_CHECK(lg_profile_top(NULL, 0) == 0);
    SUPPORT_CHECK(lg_mutex_lock(&mutex, LG_FOREVER) == LG_OK);
    lg_mutex_unlock(&mutex);
    return 0;
}

static void in_a_child(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    wait_once(a, &mutex, "here.c:1");
    assert_int_equal(support_fork(wait_in_child, NULL), 0);
    assert_int_equal(lg_profile_top(NULL, 0), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        PROFILE_TEST(a_free_lock_is_in_no_row),
        PROFILE_TEST(a_wait_is_in_its_row),
        PROFILE_TEST(nothing_while_it_is_off),
        PROFILE_TEST(threads_that_have_ended),
        PROFILE_TEST(a_condition_and_its_mutex),
        PROFILE_TEST(freed_while_others_come_back),
        PROFILE_TEST(a_pool),
        PROFILE_TEST(several_things),
        PROFILE_TEST(more_rows_than_there_is_room_for),
        PROFILE_TEST(written),
        PROFILE_TEST(read_under_load),
        PROFILE_TEST(in_a_child),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
