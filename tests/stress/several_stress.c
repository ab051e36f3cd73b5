/* Any and all, at random, against each other and against waits for one thing alone.
 *
 * The books: units of semaphores and of permits are conserved, whoever has a mutex is alone with its number, a
 * wait that failed has nothing.  Everybody gets what he wants in the end, or the watchdog says who does not. */
#include "support/locks.h"
#include "support/several.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <lifeguard/cancel.h>

#include <sched.h>
#include <string.h>

#define MUTEXES    4
#define SEMAPHORES 4
#define UNITS      2 /* of each semaphore */
#define PERMITS    3
#define CAPACITY   3 /* of each permits; a wait wants 1 to 3 */
#define THINGS     (MUTEXES + SEMAPHORES + PERMITS)
#define THREADS    8

static struct lg_mutex mutexes[MUTEXES];
static struct lg_semaphore semaphores[SEMAPHORES];
static struct lg_permits permits[PERMITS];
static uint64_t
    inside[THINGS]; /* of a mutex: plain, for its holder; of units: atomic, how many are out */
static struct lg_waitable things[THINGS];
static uint32_t wrong;                /* atomic */
static uint32_t stream;               /* atomic */
static uint64_t deadlocks, successes; /* atomic */
static bool may_hold;                 /* whether waits are nested, so that deadlocks are possible */
static uint32_t rounds;

static void begin(void)
{
    for (int i = 0; i < MUTEXES; i++) {
        mutexes[i] = (struct lg_mutex)LG_MUTEX_INIT("mutex");
        things[i] = lg_waitable_mutex(&mutexes[i]);
    }
    for (int i = 0; i < SEMAPHORES; i++) {
        semaphores[i] = (struct lg_semaphore)LG_SEMAPHORE_INIT("semaphore", UNITS, 0);
        things[MUTEXES + i] = lg_waitable_semaphore(&semaphores[i]);
    }
    for (int i = 0; i < PERMITS; i++)
        permits[i] = (struct lg_permits)LG_PERMITS_INIT("permits", CAPACITY);
    memset(inside, 0, sizeof inside);
    lg__store_full(&wrong, 0u);
    lg__store_full(&deadlocks, (uint64_t)0);
    lg__store_full(&successes, (uint64_t)0);
}

static void note_wrong(const char *what, int status)
{
    support_say("several_stress: %s: %d\n", what, status);
    lg__add_full(&wrong, 1u);
}

/* ---- What one has ------------------------------------------------------------------------------ */

static bool is_permits(uint32_t thing)
{
    return thing >= MUTEXES + SEMAPHORES;
}

static struct lg_permits *permits_of(uint32_t thing)
{
    return &permits[thing - MUTEXES - SEMAPHORES];
}

static void enter(uint32_t thing, uint32_t units)
{
    if (thing < MUTEXES) {
        if (!lg_mutex_is_held(&mutexes[thing]))
            note_wrong("a mutex is not held", (int)thing);
        inside[thing]++; /* plain: the thread sanitizer sees two at once */
        return;
    }
    uint32_t most = is_permits(thing) ? CAPACITY : UNITS;
    if (lg__add_full(&inside[thing], (uint64_t)units) + units > most)
        note_wrong("more units are out than there are", (int)thing);
    if (is_permits(thing) && lg_permits_held(permits_of(thing)) < units)
        note_wrong("units are not held", (int)thing);
}

static void leave(uint32_t thing, uint32_t units) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (thing < MUTEXES) {
        lg_mutex_unlock(&mutexes[thing]);
        return;
    }
    lg__sub_full(&inside[thing], (uint64_t)units);
    int status = is_permits(thing) ? lg_permits_release(permits_of(thing), units)
                                   : lg_semaphore_post(&semaphores[thing - MUTEXES], units);
    if (status != LG_OK)
        note_wrong("units given back", status);
}

/* ---- What one does ----------------------------------------------------------------------------- */

struct worker {
    struct support_random random;
    uint32_t chosen[THINGS];
    uint32_t count;
    struct lg_waitable wanted[THINGS];
};

/* Different things, in any order; not one that is held already. */
static void choose(struct worker *worker, uint32_t most, uint32_t but)
{
    uint32_t count = 1 + support_below(&worker->random, most);
    worker->count = 0;
    while (worker->count < count) {
        uint32_t thing = support_below(&worker->random, THINGS);
        bool is_new = thing != but;
        for (uint32_t i = 0; i < worker->count; i++)
            is_new &= worker->chosen[i] != thing;
        if (!is_new)
            continue;
        worker->wanted[worker->count] =
            is_permits(thing) ? lg_waitable_permits(permits_of(thing),
                                                    1 + support_below(&worker->random, CAPACITY))
                              : things[thing];
        worker->chosen[worker->count++] = thing;
    }
}

static lg_deadline choose_deadline(struct worker *worker)
{
    switch (support_below(&worker->random, 8)) {
    case 0:
        return LG_TRY;
    case 1:
    case 2:
        return lg__now_ns() + support_below(&worker->random, 100000);
    default:
        return LG_FOREVER;
    }
}

static bool is_expected(int status, lg_deadline deadline, bool holds)
{
    if (status == LG_EBUSY)
        return deadline == LG_TRY;
    if (status == LG_ETIMEDOUT)
        return deadline != LG_TRY && deadline != LG_FOREVER;
    return status == LG_OK || (status == LG_EDEADLK && holds);
}

static void dwell(struct worker *worker)
{
    for (uint32_t turns = support_below(&worker->random, 3); turns > 0; turns--)
        sched_yield();
}

static int want_any(struct worker *worker, lg_deadline deadline, uint32_t *index)
{
    int status = lg_wait_any(worker->wanted, worker->count, deadline, index);
    if (status == LG_OK)
        enter(worker->chosen[*index], worker->wanted[*index].need);
    return status;
}

static int want_all(struct worker *worker, lg_deadline deadline)
{
    int status = lg_wait_all(worker->wanted, worker->count, deadline, NULL);
    for (uint32_t i = 0; status == LG_OK && i < worker->count; i++)
        enter(worker->chosen[i], worker->wanted[i].need);
    return status;
}

static int have_alone(uint32_t thing, uint32_t units) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (is_permits(thing))
        return lg_permits_acquire(permits_of(thing), units, LG_FOREVER);
    return thing < MUTEXES ? lg_mutex_lock(&mutexes[thing], LG_FOREVER)
                           : lg_semaphore_wait(&semaphores[thing - MUTEXES], LG_FOREVER);
}

/* One wait, alone or below a mutex or a unit of permits that is held. */
static void live_once(struct worker *worker) LG_NO_THREAD_SAFETY_ANALYSIS
{
    uint32_t held = THINGS, index = 0;
    bool is_all = support_below(&worker->random, 2) == 0;
    lg_deadline deadline = choose_deadline(worker);
    if (may_hold && support_below(&worker->random, 2) == 0) {
        held = support_below(&worker->random, MUTEXES + PERMITS);
        held += held >= MUTEXES ? SEMAPHORES : 0;
        if (have_alone(held, 1) != LG_OK)
            note_wrong("a wait of one who holds nothing", 0);
        enter(held, 1);
    }
    choose(worker, 4, held);
    int status = is_all ? want_all(worker, deadline) : want_any(worker, deadline, &index);
    if (!is_expected(status, deadline, held < THINGS))
        note_wrong(is_all ? "all" : "any", status);
    if (status == LG_OK)
        dwell(worker);
    for (uint32_t i = 0; status == LG_OK && i < worker->count; i++)
        if (is_all || i == index)
            leave(worker->chosen[i], worker->wanted[i].need);
    if (held < THINGS)
        leave(held, 1);
    if (status == LG_EDEADLK || status == LG_OK)
        lg__add_full(status == LG_OK ? &successes : &deadlocks, (uint64_t)1);
}

static void *live(void *arg)
{
    struct worker worker;
    support_random_begin(&worker.random, lg__add_relaxed(&stream, 1u));
    for (uint32_t i = 0; i < rounds; i++)
        live_once(&worker);
    if (lg__held_count(lg_context_self()) != 0)
        note_wrong("something is held at the end", 0);
    return arg;
}

/* Waits for one thing alone, among the others. */
static void *live_alone(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct support_random random;
    support_random_begin(&random, lg__add_relaxed(&stream, 1u));
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t thing = support_below(&random, THINGS);
        uint32_t units = is_permits(thing) ? 1 + support_below(&random, CAPACITY) : 1;
        int status = have_alone(thing, units);
        if (status != LG_OK) {
            note_wrong("alone", status);
            continue;
        }
        enter(thing, units);
        sched_yield();
        leave(thing, units);
    }
    return arg;
}

static void expect_permits_back(void)
{
    for (int i = 0; i < PERMITS; i++) {
        assert_int_equal(lg_permits_available(&permits[i]), CAPACITY);
        assert_true((permits[i].word & 3) == 0 && permits[i].many == 0);
        lg_permits_destroy(&permits[i]);
    }
}

static void run(void)
{
    struct lg_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            lg_thread_start(&threads[i], "worker", i % 4 == 3 ? live_alone : live, NULL), LG_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(lg_thread_join(&threads[i], LG_FOREVER, NULL), LG_OK);
    assert_int_equal(wrong, 0);
    for (int i = 0; i < MUTEXES; i++)
        assert_true(mutexes[i].word == 0);
    for (int i = 0; i < SEMAPHORES; i++) {
        assert_int_equal(lg_semaphore_value(&semaphores[i]), UNITS);
        assert_true((semaphores[i].word & 3) == 0); /* nobody is said to wait */
        lg_semaphore_destroy(&semaphores[i]);
    }
    expect_permits_back();
}

/* Nobody holds anything while he waits: there is no deadlock, and none is seen. */
static void test_nothing_is_held(void **state)
{
    (void)state;
    begin();
    may_hold = false;
    rounds = SUPPORT_ROUNDS(4000);
    run();
}

static void test_something_is_held(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    begin();
    may_hold = true;
    rounds = SUPPORT_ROUNDS(3000);
    run();
    assert_true(successes > deadlocks);
}

/* ---- Cancelled --------------------------------------------------------------------------------- */

static struct lg_cancel *tokens[2]; /* requested over and over, and replaced */

static void *live_in_scopes(void *arg)
{
    struct worker worker;
    support_random_begin(&worker.random, lg__add_relaxed(&stream, 1u));
    for (uint32_t i = 0; i < rounds; i++) {
        struct lg_cancel *token;
        struct lg_cancel_scope scope;
        uint32_t index;
        if (lg_cancel_create(NULL, LG_FOREVER, &token) != LG_OK ||
            lg_cancel_enter(token, &scope) != LG_OK) {
            note_wrong("no token", 0);
            return arg;
        }
        lg__store_full(&tokens[(uintptr_t)arg], token);
        choose(&worker, 4, THINGS);
        bool is_all = support_below(&worker.random, 2) == 0;
        int status = is_all ? want_all(&worker, LG_FOREVER) : want_any(&worker, LG_FOREVER, &index);
        if (status != LG_OK && status != LG_ECANCELED)
            note_wrong("in a scope", status);
        for (uint32_t k = 0; status == LG_OK && k < worker.count; k++)
            if (is_all || k == index)
                leave(worker.chosen[k], worker.wanted[k].need);
        while (lg__swap_full(&tokens[(uintptr_t)arg], (struct lg_cancel *)NULL) != token)
            sched_yield(); /* the canceller has it */
        lg_cancel_leave(&scope);
        lg_cancel_destroy(token);
    }
    return arg;
}

static uint32_t is_over; /* atomic */

static void *cancel(void *arg)
{
    while (!lg__load_full(&is_over))
        for (int i = 0; i < 2; i++) {
            struct lg_cancel *token = lg__swap_full(&tokens[i], (struct lg_cancel *)NULL);
            lg_cancel_request(token);
            if (token)
                lg__store_full(&tokens[i], token);
            sched_yield();
        }
    return arg;
}

static void test_cancelled(void **state)
{
    (void)state;
    struct lg_thread threads[4], canceller;
    begin();
    may_hold = false;
    rounds = SUPPORT_ROUNDS(4000);
    lg__store_full(&is_over, 0u);
    assert_int_equal(lg_thread_start(&canceller, "canceller", cancel, NULL), LG_OK);
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(
            lg_thread_start(&threads[i], "worker", i < 2 ? live_in_scopes : live_alone, (void *)i),
            LG_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(lg_thread_join(&threads[i], LG_FOREVER, NULL), LG_OK);
    lg__store_full(&is_over, 1u);
    assert_int_equal(lg_thread_join(&canceller, LG_FOREVER, NULL), LG_OK);
    assert_int_equal(wrong, 0);
    for (int i = 0; i < SEMAPHORES; i++)
        assert_int_equal(lg_semaphore_value(&semaphores[i]), UNITS);
    expect_permits_back();
}

/* ---- Producers and consumers ------------------------------------------------------------------- */

/* Each unit posted is taken once, by somebody who waited for any of all the semaphores. */
static uint64_t taken; /* atomic */

static void *consume(void *arg)
{
    uint32_t index;
    for (uint32_t i = 0; i < rounds; i++) {
        int status = lg_wait_any(&things[MUTEXES], SEMAPHORES, LG_FOREVER, &index);
        if (status != LG_OK)
            note_wrong("a consumer", status);
        lg__add_full(&taken, (uint64_t)1);
    }
    return arg;
}

static void *produce(void *arg)
{
    struct support_random random;
    support_random_begin(&random, lg__add_relaxed(&stream, 1u));
    for (uint32_t i = 0; i < rounds; i++) {
        int status = lg_semaphore_post(&semaphores[support_below(&random, SEMAPHORES)], 1);
        if (status != LG_OK)
            note_wrong("a producer", status);
    }
    return arg;
}

static void test_producers_and_consumers(void **state)
{
    (void)state;
    struct lg_thread threads[THREADS];
    begin();
    for (int i = 0; i < SEMAPHORES; i++)
        semaphores[i] = (struct lg_semaphore)LG_SEMAPHORE_INIT("semaphore", 0, 0);
    rounds = SUPPORT_ROUNDS(10000);
    lg__store_full(&taken, (uint64_t)0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(lg_thread_start(&threads[i], "worker", i % 2 ? consume : produce, NULL),
                         LG_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(lg_thread_join(&threads[i], LG_FOREVER, NULL), LG_OK);
    assert_true(taken == (uint64_t)rounds * THREADS / 2);
    for (int i = 0; i < SEMAPHORES; i++)
        assert_true(semaphores[i].word == 0);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_nothing_is_held),
        SUPPORT_TEST(test_something_is_held),
        SUPPORT_TEST(test_cancelled),
        SUPPORT_TEST(test_producers_and_consumers),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
