/* Semaphores under random load: no unit is lost or made, no wake is lost, memory goes as soon as it may. */
#include "support/crew.h"

#include "plat/atomic.h"
#include "plat/clock.h"

#include <lifeguard/semaphore.h>

#include <sched.h>
#include <stdlib.h>

#define TAKERS  4
#define POSTERS 2

struct ledger {
    struct lg_semaphore semaphore;
    unsigned units; /* a taker's */
    uint32_t in_use, in_use_most;
    uint32_t taken; /* atomic */
    bool is_impatient;
};

struct part {
    struct ledger *ledger;
    struct support_random random;
    unsigned late, wrong;
};

/* Take so many units, and not one more: whoever loses one, or its wake, hangs here. */
static int take_all(void *arg)
{
    struct part *part = arg;
    struct ledger *ledger = part->ledger;
    for (unsigned left = ledger->units; left > 0;) {
        lg_deadline deadline =
            ledger->is_impatient ? support_deadline(&part->random, 100000) : LG_FOREVER;
        int status = lg_semaphore_wait(&ledger->semaphore, deadline);
        left -= status == LG_OK;
        part->late += status == LG_ETIMEDOUT || status == LG_EBUSY;
        part->wrong += status != LG_OK && status != LG_ETIMEDOUT && status != LG_EBUSY;
        if (status == LG_OK)
            (void)lg__add_full(&ledger->taken, 1u);
    }
    return (int)part->wrong;
}

static int post_all(void *arg)
{
    struct part *part = arg;
    struct ledger *ledger = part->ledger;
    unsigned left = ledger->units * TAKERS / POSTERS;
    while (left > 0) {
        uint32_t count = 1 + support_below(&part->random, 3);
        count = count < left ? count : left;
        if (lg_semaphore_post(&ledger->semaphore, count) != LG_OK)
            return 1;
        left -= count;
        if (support_below(&part->random, 16) == 0)
            sched_yield();
        while (support_below(&part->random, 8) == 0 && lg_semaphore_value(&ledger->semaphore) > 0)
            sched_yield(); /* let them run dry */
    }
    return 0;
}

static void run_ledger(struct ledger *ledger, uint64_t stream)
{
    struct part parts[TAKERS + POSTERS];
    struct crew_worker *workers[TAKERS + POSTERS];
    for (unsigned i = 0; i < TAKERS + POSTERS; i++) {
        parts[i] = (struct part){.ledger = ledger};
        support_random_begin(&parts[i].random, stream + i);
        workers[i] = crew_hire_numbered(i < TAKERS ? "taker" : "poster", i);
    }
    for (unsigned i = 0; i < TAKERS + POSTERS; i++)
        crew_run(workers[i], i < TAKERS ? take_all : post_all, &parts[i]);
    for (unsigned i = 0; i < TAKERS + POSTERS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(ledger->taken, ledger->units * TAKERS);
    assert_int_equal(ledger->semaphore.word, 0);
    lg_semaphore_destroy(&ledger->semaphore);
}

static void test_as_many_as_were_posted(void **state)
{
    (void)state;
    static struct ledger ledger;
    ledger.units = SUPPORT_ROUNDS(20000u);
    run_ledger(&ledger, 100);
}

static void test_the_impatient_lose_nothing(void **state)
{
    (void)state;
    static struct ledger ledger = {.is_impatient = true};
    ledger.units = SUPPORT_ROUNDS(20000u);
    run_ledger(&ledger, 200);
}

/* ---- As a lock ------------------------------------------------------------------------------- */

#define ROOM 2

/* No more than ROOM at a time, and what comes back is what was taken: the maximum says so. */
static int come_and_go(void *arg)
{
    struct part *part = arg;
    struct ledger *ledger = part->ledger;
    for (unsigned i = 0; i < ledger->units; i++) {
        int status = lg_semaphore_wait(&ledger->semaphore, support_deadline(&part->random, 100000));
        if (status != LG_OK)
            continue;
        uint32_t inside = lg__add_full(&ledger->in_use, 1u) + 1;
        part->wrong += inside > ROOM;
        if (support_below(&part->random, 8) == 0)
            sched_yield();
        (void)lg__sub_full(&ledger->in_use, 1u);
        part->wrong += lg_semaphore_post(&ledger->semaphore, 1) != LG_OK;
    }
    return (int)part->wrong;
}

static void test_never_more_than_there_is_room(void **state)
{
    (void)state;
    static struct ledger ledger = {.semaphore = LG_SEMAPHORE_INIT("room", ROOM, ROOM)};
    struct part parts[TAKERS];
    struct crew_worker *workers[TAKERS];
    ledger.units = SUPPORT_ROUNDS(40000u);
    for (unsigned i = 0; i < TAKERS; i++) {
        parts[i] = (struct part){.ledger = &ledger};
        support_random_begin(&parts[i].random, 300 + i);
        workers[i] = crew_hire_numbered("guest", i);
        crew_run(workers[i], come_and_go, &parts[i]);
    }
    for (unsigned i = 0; i < TAKERS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(lg_semaphore_value(&ledger.semaphore), ROOM);
    assert_int_equal(ledger.semaphore.word & 3, 0);
}

/* ---- Memory that goes ------------------------------------------------------------------------ */

/* The waiter frees the semaphore as soon as its wait has returned; the post may not have.  Whoever posts
 * looks at it no more.  (The address sanitizer watches.) */
struct letter {
    struct lg_semaphore *offered; /* atomic */
    unsigned rounds;
};

static int wait_and_free(void *arg)
{
    struct letter *letter = arg;
    for (unsigned i = 0; i < letter->rounds; i++) {
        struct lg_semaphore *semaphore = calloc(1, sizeof *semaphore);
        if (!semaphore)
            return 1;
        lg__store_release(&letter->offered, semaphore);
        for (unsigned pause = 0; pause < i % 64; pause++)
            lg__cpu_relax();
        if (lg_semaphore_wait(semaphore, LG_FOREVER) != LG_OK)
            return 2;
        free(semaphore);
    }
    return 0;
}

static int post_once_each(void *arg)
{
    struct letter *letter = arg;
    for (unsigned i = 0; i < letter->rounds; i++) {
        struct lg_semaphore *semaphore;
        while (!(semaphore = lg__swap_acquire(&letter->offered, (struct lg_semaphore *)NULL)))
            sched_yield();
        if (lg_semaphore_post(semaphore, 1 + i % 2) != LG_OK)
            return 1;
    }
    return 0;
}

static void test_freed_when_the_wait_has_returned(void **state)
{
    (void)state;
    static struct letter letters[2];
    struct crew_worker *workers[4];
    for (unsigned i = 0; i < 4; i++) {
        letters[i / 2].rounds = SUPPORT_ROUNDS(20000u);
        workers[i] = crew_hire_numbered(i % 2 ? "poster" : "waiter", i);
    }
    for (unsigned i = 0; i < 4; i++)
        crew_run(workers[i], i % 2 ? post_once_each : wait_and_free, &letters[i / 2]);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
}

/* ---- Many ------------------------------------------------------------------------------------ */

#define CROWD (SUPPORT_TSAN ? 60 : 200)

static int wait_for_one(void *semaphore)
{
    return lg_semaphore_wait((struct lg_semaphore *)semaphore, LG_FOREVER);
}

static void test_one_post_for_a_crowd(void **state)
{
    (void)state;
    static struct lg_semaphore start = LG_SEMAPHORE_INIT("start", 0, 0);
    struct crew_worker *workers[200];
    for (unsigned i = 0; i < CROWD; i++)
        workers[i] = crew_hire_numbered("runner", i);
    for (unsigned i = 0; i < CROWD; i++)
        crew_run(workers[i], wait_for_one, &start);
    for (unsigned i = 0; i < CROWD; i++)
        crew_wait_blocked_on(workers[i], &start);
    assert_int_equal(lg_semaphore_post(&start, CROWD), LG_OK);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    assert_int_equal(start.word, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_as_many_as_were_posted),
        SUPPORT_TEST(test_the_impatient_lose_nothing),
        SUPPORT_TEST(test_never_more_than_there_is_room),
        SUPPORT_TEST(test_freed_when_the_wait_has_returned),
        SUPPORT_TEST(test_one_post_for_a_crowd),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
