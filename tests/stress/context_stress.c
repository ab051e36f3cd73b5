/* Contexts in numbers and in motion: ten thousand at once, threads that come and go, coroutines
 * that wander from thread to thread with what they hold. */
#include "support/locks.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Ten thousand ---------------------------------------------------------------------------- */

#define CROWD      10000
#define STACK_SIZE ((size_t)64 * 1024)

static struct lg_mutex turnstile = LG_MUTEX_INIT("turnstile");
static unsigned through; /* under turnstile */
static uint32_t unlucky; /* atomic; somebody found something wrong */
static pthread_t crowd[CROWD];

/* Names itself, waits at the turnstile until all are there, goes through, and is still itself. */
static void *pass_through(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    char name[LG_NAME_SIZE], seen[LG_NAME_SIZE];
    snprintf(name, sizeof name, "visitor-%u", (unsigned)(uintptr_t)arg);
    bool is_wrong = lg_context_set_name(name) != LG_OK;
    if (lg_mutex_lock(&turnstile, LG_FOREVER) == LG_OK) {
        through++;
        lg_mutex_unlock(&turnstile);
    } else {
        is_wrong = true;
    }
    lg_context_name(lg_context_self(), seen);
    if (is_wrong || strcmp(name, seen) != 0)
        (void)lg__add_full(&unlucky, 1u);
    return NULL;
}

static unsigned start_crowd(void)
{
    pthread_attr_t attributes;
    unsigned count = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    while (count < CROWD &&
           pthread_create(&crowd[count], &attributes, pass_through, (void *)(uintptr_t)count) == 0)
        count++;
    pthread_attr_destroy(&attributes);
    return count;
}

static void test_ten_thousand_at_once(void **state)
{
    (void)state;
    if (SUPPORT_TSAN || SUPPORT_ASAN)
        SUPPORT_SKIP("sanitizers have no room for 10,000 threads");
    unsigned before = support_count_contexts();
    assert_int_equal(step_lock(&turnstile), LG_OK);
    unsigned count = start_crowd();
    while (support_count_contexts() < before + count)
        sched_yield();
    step_unlock(&turnstile);
    for (unsigned i = 0; i < count; i++)
        pthread_join(crowd[i], NULL);
    if (count < CROWD)
        SUPPORT_SKIP("the system does not allow 10,000 threads");
    assert_int_equal(through, CROWD);
    assert_int_equal(unlucky, 0);
    assert_int_equal(support_count_contexts(), before);
    assert_int_equal(turnstile.word, 0);
}

/* ---- Coming and going ------------------------------------------------------------------------ */

#define DOORS 3

struct street {
    struct lg_mutex doors[DOORS];
    unsigned entered[DOORS]; /* each under its door */
    uint32_t left_open;      /* atomic; how often somebody ended holding */
    uint32_t recovered;      /* atomic */
    uint32_t wrong;          /* atomic */
    unsigned rounds;
};

struct passer {
    struct street *street;
    uint64_t stream;
};

static int enter(struct street *street, uint32_t door, lg_deadline deadline)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_mutex_lock(&street->doors[door], deadline);
    if (status != LG_EOWNERDEAD)
        return status;
    status = lg_mutex_recover(&street->doors[door]);
    if (status == LG_OK)
        (void)lg__add_full(&street->recovered, 1u);
    return status;
}

/* One or two doors in any order, with deadlines; one thread in six ends with a door open. */
static void *pass_by(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct passer *passer = arg;
    struct street *street = passer->street;
    struct support_random random;
    support_random_begin(&random, passer->stream);
    uint32_t first = support_below(&random, DOORS), second = support_below(&random, DOORS);
    bool leaves_open = support_below(&random, 6) == 0;
    if (enter(street, first, lg_after_ms(2)) != LG_OK)
        return NULL;
    street->entered[first]++;
    int status = enter(street, second, lg_after_ms(2));
    if (status == LG_OK) {
        street->entered[second]++;
        lg_mutex_unlock(&street->doors[second]);
    }
    bool is_known = status == LG_OK || status == LG_ETIMEDOUT || status == LG_EDEADLK ||
                    status == LG_EBUSY || status == LG_EOWNERDEAD;
    if (!is_known || (first == second && status != LG_EDEADLK))
        (void)lg__add_full(&street->wrong, 1u);
    if (leaves_open)
        (void)lg__add_full(&street->left_open, 1u);
    else
        lg_mutex_unlock(&street->doors[first]);
    return NULL;
}

static int send_passers(void *arg)
{
    struct passer *sender = arg;
    struct street *street = sender->street;
    enum { AT_ONCE = 4 };
    struct passer passers[AT_ONCE];
    pthread_t threads[AT_ONCE];
    for (unsigned i = 0; i < street->rounds; i++) {
        for (unsigned k = 0; k < AT_ONCE; k++) {
            passers[k] = (struct passer){street, sender->stream + i * AT_ONCE + k};
            if (pthread_create(&threads[k], NULL, pass_by, &passers[k]) != 0)
                return 1;
        }
        for (unsigned k = 0; k < AT_ONCE; k++)
            pthread_join(threads[k], NULL);
    }
    return 0;
}

static void test_threads_that_come_and_go(void **state)
{
    (void)state;
    static struct street street;
    struct passer senders[2];
    struct crew_worker *workers[2];
    unsigned before = support_count_contexts();
    support_log_begin(LG_LOG_ERROR);
    street.rounds = SUPPORT_ROUNDS(600u);
    for (unsigned i = 0; i < 2; i++) {
        senders[i] = (struct passer){&street, 10000 * (i + 1)};
        workers[i] = crew_hire_numbered("sender", i);
        crew_run(workers[i], send_passers, &senders[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    for (uint32_t door = 0; door < DOORS; door++) { /* those that stand open to the last */
        assert_int_equal(enter(&street, door, LG_TRY), LG_OK);
        step_unlock(&street.doors[door]);
    }
    assert_int_equal(street.wrong, 0);
    assert_true(street.left_open > 0);
    assert_int_equal(street.recovered, street.left_open);
    assert_int_equal(support_count_contexts(), before + 2);
}

/* ---- Coroutines ------------------------------------------------------------------------------ */

#define WANDERERS 12
#define PLACES    4

/* A coroutine: takes two locks in order, with a change of threads after each step, then lets go. */
struct wanderer {
    struct lg_context *context;
    uint32_t first, second;
    unsigned step, laps;
    struct wanderer *next;
    struct support_random random;
};

struct world {
    struct lg_mutex locks[PLACES];
    unsigned visits[PLACES]; /* each under its lock */
    pthread_mutex_t mutex;
    struct wanderer *ready; /* under mutex */
    struct wanderer **last; /* under mutex */
    unsigned at_home;       /* under mutex */
    uint32_t wrong;         /* atomic */
    unsigned laps;
};

static void line_up(struct world *world, struct wanderer *wanderer)
{
    pthread_mutex_lock(&world->mutex);
    wanderer->next = NULL;
    *world->last = wanderer;
    world->last = &wanderer->next;
    pthread_mutex_unlock(&world->mutex);
}

/* The next one, or NULL: none is ready.  *is_over says that all are at home. */
static struct wanderer *call_up(struct world *world, bool *is_over)
{
    pthread_mutex_lock(&world->mutex);
    struct wanderer *wanderer = world->ready;
    if (wanderer) {
        world->ready = wanderer->next;
        if (!world->ready)
            world->last = &world->ready;
    }
    *is_over = world->at_home == WANDERERS;
    pthread_mutex_unlock(&world->mutex);
    return wanderer;
}

/* One step.  A lock that is not to be had soon is tried again on another thread. */
static void go_one_step(struct world *world, struct wanderer *wanderer) LG_NO_THREAD_SAFETY_ANALYSIS
{
    uint32_t wanted = wanderer->step == 0 ? wanderer->first : wanderer->second;
    if (wanderer->step < 2) {
        int status = lg_mutex_lock(&world->locks[wanted], lg__now_ns() + 10000);
        wanderer->step += status == LG_OK;
        if (status != LG_OK && status != LG_ETIMEDOUT)
            (void)lg__add_full(&world->wrong, 1u);
        return;
    }
    if (!lg_mutex_is_held(&world->locks[wanderer->first]) ||
        !lg_mutex_is_held(&world->locks[wanderer->second]) ||
        lg__held_count(lg_context_self()) != 2)
        (void)lg__add_full(&world->wrong, 1u);
    world->visits[wanderer->first]++;
    world->visits[wanderer->second]++;
    lg_mutex_unlock(&world->locks[wanderer->first]);
    lg_mutex_unlock(&world->locks[wanderer->second]);
    wanderer->step = 0;
    wanderer->laps++;
    wanderer->first = support_below(&wanderer->random, PLACES - 1);
    wanderer->second =
        wanderer->first + 1 + support_below(&wanderer->random, PLACES - 1 - wanderer->first);
}

static int carry(void *arg)
{
    struct world *world = arg;
    bool is_over = false;
    while (!is_over) {
        struct wanderer *wanderer = call_up(world, &is_over);
        if (!wanderer) {
            sched_yield();
            continue;
        }
        if (lg_context_resume(wanderer->context) != LG_OK)
            return 1;
        go_one_step(world, wanderer);
        if (lg_context_detach() != wanderer->context)
            return 2;
        if (wanderer->laps < world->laps) {
            line_up(world, wanderer);
            continue;
        }
        if (lg_context_end(wanderer->context) != LG_OK)
            return 3;
        pthread_mutex_lock(&world->mutex);
        world->at_home++;
        pthread_mutex_unlock(&world->mutex);
    }
    return 0;
}

static void test_coroutines_that_wander(void **state)
{
    (void)state;
    static struct world world = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    static struct wanderer wanderers[WANDERERS];
    struct crew_worker *workers[3];
    unsigned visits = 0;
    world.last = &world.ready;
    world.laps = SUPPORT_ROUNDS(200u);
    struct lg_context *mine = lg_context_detach();
    for (unsigned i = 0; i < WANDERERS; i++) {
        wanderers[i] = (struct wanderer){.context = lg_context_detach(), .second = 1};
        support_random_begin(&wanderers[i].random, 900 + i);
        line_up(&world, &wanderers[i]);
    }
    assert_int_equal(lg_context_resume(mine), LG_OK);
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = crew_hire_numbered("carrier", i);
        crew_run(workers[i], carry, &world);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(world.wrong, 0);
    for (unsigned i = 0; i < PLACES; i++) {
        assert_int_equal(world.locks[i].word & ~3ull, 0);
        visits += world.visits[i];
    }
    assert_int_equal(visits, 2 * WANDERERS * world.laps);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_ten_thousand_at_once),
        SUPPORT_TEST(test_threads_that_come_and_go),
        SUPPORT_TEST(test_coroutines_that_wander),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
