/* Events and latches under random load: no set is lost, none lets two pass, nobody who keeps the rules is told
 * of a deadlock, and nobody who is in one hangs. */
#include "support/locks.h"
#include "support/signals.h"

#include "plat/atomic.h"
#include "plat/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4

/* Short ones, and for ever. */
static lg_deadline random_deadline(struct support_random *random)
{
    switch (support_below(random, 4)) {
    case 0:
        return 1;
    case 1:
        return lg__now_ns() + support_below(random, 20000);
    case 2:
        return lg__now_ns() + support_below(random, 200000);
    default:
        return LG_FOREVER;
    }
}

static void idle_a_bit(struct support_random *random)
{
    uint32_t kind = support_below(random, 8);
    if (kind == 0)
        sched_yield();
    for (uint32_t i = kind * 20; i > 0; i--)
        lg__cpu_relax();
}

/* ---- A baton that goes round: one set, one pass ------------------------------------------------ */

struct ring {
    struct lg_event events[THREADS];
    uint32_t rounds;
    uint64_t holders; /* atomic; of the baton: never more than one */
    uint64_t passes;  /* written by who has the baton alone */
};

struct runner {
    struct ring *ring;
    unsigned index;
    unsigned wrong, timed_out;
    struct support_random random;
};

static int run_with_baton(void *arg)
{
    struct runner *runner = arg;
    struct ring *ring = runner->ring;
    struct lg_event *mine = &ring->events[runner->index];
    for (uint32_t round = 0; round < ring->rounds;) {
        int status = lg_event_wait(mine, random_deadline(&runner->random));
        runner->timed_out += status == LG_ETIMEDOUT;
        if (status == LG_ETIMEDOUT)
            continue; /* the set that comes at this moment must still be there */
        runner->wrong += status != LG_OK;
        runner->wrong += __atomic_add_fetch(&ring->holders, 1, __ATOMIC_SEQ_CST) != 1;
        ring->passes++;
        idle_a_bit(&runner->random);
        __atomic_sub_fetch(&ring->holders, 1, __ATOMIC_SEQ_CST);
        round++;
        lg_event_set(&ring->events[(runner->index + 1) % THREADS]);
    }
    return LG_OK;
}

static void test_a_baton(void **state)
{
    (void)state;
    struct ring ring = {.rounds = SUPPORT_ROUNDS(5000u)};
    struct runner runners[THREADS];
    struct crew_worker *crew[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(lg_event_init(&ring.events[i], "baton", LG_EVENT_AUTO_RESET), LG_OK);
        runners[i] = (struct runner){.ring = &ring, .index = i};
        support_random_begin(&runners[i].random, 100 + i);
        crew[i] = crew_hire_numbered("runner-", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_run(crew[i], run_with_baton, &runners[i]);
    lg_event_set(&ring.events[0]);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(crew[i]), LG_OK);
        assert_int_equal(runners[i].wrong, 0);
    }
    assert_true(ring.passes == (uint64_t)THREADS * ring.rounds);
    assert_int_equal(lg_event_is_set(&ring.events[0]), 1); /* the last one's */
}

/* ---- One event for all: as many pass as it was set --------------------------------------------- */

struct gate {
    struct lg_event event, taken;
    uint64_t passes; /* atomic */
    uint32_t is_over;
};

static int pass_again_and_again(void *arg)
{
    struct runner *runner = arg;
    struct gate *gate = (struct gate *)runner->ring;
    for (;;) {
        int status = lg_event_wait(&gate->event, random_deadline(&runner->random));
        runner->wrong += status != LG_OK && status != LG_ETIMEDOUT;
        if (status != LG_OK)
            continue;
        if (__atomic_load_n(&gate->is_over, __ATOMIC_SEQ_CST))
            return LG_OK;
        __atomic_add_fetch(&gate->passes, 1, __ATOMIC_SEQ_CST);
        lg_event_set(&gate->taken);
    }
}

static void test_one_set_lets_one_pass(void **state)
{
    (void)state;
    static struct gate gate = {.event = LG_EVENT_AUTO_RESET_INIT("gate"),
                               .taken = LG_EVENT_AUTO_RESET_INIT("taken")};
    struct runner runners[THREADS];
    struct crew_worker *crew[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){.ring = (struct ring *)&gate};
        support_random_begin(&runners[i].random, 200 + i);
        crew[i] = crew_hire_numbered("passer-", i);
        crew_run(crew[i], pass_again_and_again, &runners[i]);
    }
    uint32_t sets = SUPPORT_ROUNDS(20000u);
    for (uint32_t i = 1; i <= sets; i++) {
        lg_event_set(&gate.event);
        assert_int_equal(lg_event_wait(&gate.taken, LG_FOREVER), LG_OK);
        assert_true(__atomic_load_n(&gate.passes, __ATOMIC_SEQ_CST) == i);
    }
    __atomic_store_n(&gate.is_over, 1, __ATOMIC_SEQ_CST);
    for (unsigned left = THREADS; left > 0;) { /* each needs one to leave */
        lg_event_set(&gate.event);
        left = 0;
        for (unsigned i = 0; i < THREADS; i++)
            left += !crew_is_idle(crew[i]);
        sched_yield();
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(runners[i].wrong, 0);
}

/* ---- Setters that change while others wait ----------------------------------------------------- */

struct office {
    struct lg_event event;
    struct lg_mutex mutex;
    struct crew_worker *setters[2];
    uint32_t rounds;
    uint32_t is_over;       /* atomic */
    unsigned must_nest : 1; /* waiters hold the mutex */
};

struct clerk {
    struct office *office;
    unsigned wrong, told, broken, passed;
    struct support_random random;
};

static int wait_in_office(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct clerk *clerk = arg;
    struct office *office = clerk->office;
    for (uint32_t i = 0; i < office->rounds; i++) {
        bool has_mutex = false;
        if (office->must_nest && support_below(&clerk->random, 2)) {
            int locked = lg_mutex_lock(&office->mutex, LG_FOREVER);
            clerk->told += locked == LG_EDEADLK;
            has_mutex = locked == LG_OK;
        }
        int status = lg_event_wait(&office->event, random_deadline(&clerk->random));
        clerk->told += status == LG_EDEADLK;
        clerk->broken += status == LG_EBROKEN;
        clerk->passed += status == LG_OK;
        clerk->wrong += status != LG_OK && status != LG_ETIMEDOUT && status != LG_EDEADLK &&
                        status != LG_EBROKEN;
        if (has_mutex)
            lg_mutex_unlock(&office->mutex);
        if (status == LG_EBROKEN)
            sched_yield();
    }
    return LG_OK;
}

/* A setter sets, with the mutex or without, and hands its duty to the other, or withdraws and comes back. */
static int set_in_office(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct clerk *clerk = arg;
    struct office *office = clerk->office;
    while (!__atomic_load_n(&office->is_over, __ATOMIC_SEQ_CST)) {
        int status = LG_OK;
        switch (support_below(&clerk->random, 6)) {
        case 0:
            status = lg_event_withdraw_setter(&office->event, NULL);
            break;
        case 1:
            status = lg_event_transfer_setter(
                &office->event, NULL,
                crew_context(office->setters[support_below(&clerk->random, 2)]));
            break;
        case 2:
            status = lg_mutex_lock(&office->mutex, LG_FOREVER);
            clerk->told += status == LG_EDEADLK;
            if (status == LG_OK)
                lg_mutex_unlock(&office->mutex);
            break;
        default:
            break;
        }
        clerk->wrong +=
            status != LG_OK && status != LG_EINVAL && status != LG_EBUSY && status != LG_EDEADLK;
        status = lg_event_add_setter(&office->event, NULL);
        clerk->wrong += status != LG_OK && status != LG_EBUSY;
        if (support_below(&clerk->random, 2))
            lg_event_set(&office->event);
        idle_a_bit(&clerk->random);
    }
    return LG_OK;
}

static struct clerk run_office(struct office *office, uint64_t stream)
{
    struct clerk clerks[THREADS + 2], all = {0};
    struct crew_worker *crew[THREADS + 2];
    for (unsigned i = 0; i < THREADS + 2; i++) {
        clerks[i] = (struct clerk){.office = office};
        support_random_begin(&clerks[i].random, stream + i);
        crew[i] = crew_hire_numbered(i < THREADS ? "waiter-" : "setter-", i);
    }
    office->setters[0] = crew[THREADS];
    office->setters[1] = crew[THREADS + 1];
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(lg_event_add_setter(&office->event, crew_context(office->setters[i])),
                         LG_OK);
    for (unsigned i = 0; i < THREADS + 2; i++)
        crew_run(crew[i], i < THREADS ? wait_in_office : set_in_office, &clerks[i]);
    for (unsigned i = 0; i < THREADS + 2; i++) {
        if (i == THREADS)
            __atomic_store_n(&office->is_over, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(crew_wait(crew[i]), LG_OK);
        all.wrong += clerks[i].wrong;
        all.told += clerks[i].told;
        all.broken += clerks[i].broken;
        all.passed += clerks[i].passed;
    }
    lg_event_destroy(&office->event);
    assert_int_equal(office->mutex.word & ~3ull, 0);
    return all;
}

static void test_no_alarm_without_a_ring(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    struct office office = {.event = LG_EVENT_AUTO_RESET_INIT("office"),
                            .mutex = LG_MUTEX_INIT("office"),
                            .rounds = SUPPORT_ROUNDS(4000u)};
    struct clerk all = run_office(&office, 300);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.told, 0);
    assert_true(all.passed > 0);
}

static void test_no_hang_with_rings(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    struct office office = {.event = LG_EVENT_AUTO_RESET_INIT("office"),
                            .mutex = LG_MUTEX_INIT("office"),
                            .rounds = SUPPORT_ROUNDS(2000u),
                            .must_nest = 1};
    struct clerk all = run_office(&office, 400);
    assert_int_equal(all.wrong, 0);
    assert_true(all.passed > 0);
}

/* ---- Latches that live for one use ------------------------------------------------------------- */

struct job {
    struct lg_latch latch;
    uint32_t done; /* atomic */
};

static int do_part(void *arg)
{
    struct job *job = arg;
    __atomic_add_fetch(&job->done, 1, __ATOMIC_RELAXED);
    return lg_latch_count_down(&job->latch, 1);
}

/* main waits, looks, and frees at once. */
static void test_latches_of_one_use(void **state)
{
    (void)state;
    struct crew_worker *crew[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        crew[i] = crew_hire_numbered("part-", i);
    for (unsigned round = 0; round < SUPPORT_ROUNDS(3000u); round++) {
        struct job *job = calloc(1, sizeof *job);
        assert_int_equal(lg_latch_init(&job->latch, "job", THREADS), LG_OK);
        for (unsigned i = 0; round % 2 && i < THREADS; i++)
            assert_int_equal(lg_latch_add_party(&job->latch, crew_context(crew[i]), 1), LG_OK);
        for (unsigned i = 0; i < THREADS; i++)
            crew_run(crew[i], do_part, job);
        assert_int_equal(lg_latch_wait(&job->latch, LG_FOREVER), LG_OK);
        assert_int_equal(__atomic_load_n(&job->done, __ATOMIC_RELAXED), THREADS);
        lg_latch_destroy(&job->latch);
        memset(job, 0xa5, sizeof *job);
        free(job);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(crew_wait(crew[i]), LG_OK);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_baton),
        SUPPORT_TEST(test_one_set_lets_one_pass),
        SUPPORT_TEST(test_no_alarm_without_a_ring),
        SUPPORT_TEST(test_no_hang_with_rings),
        SUPPORT_TEST(test_latches_of_one_use),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
