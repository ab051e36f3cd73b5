/* The wait record: every legal move of its state, and the illegal ones refused. */
#include "support/thing.h"

#include "plat/clock.h"

#include <string.h>

static const enum lg__wait_state ends[] = {LG__WAIT_GRANTED, LG__WAIT_WOKEN, LG__WAIT_TIMED_OUT,
                                           LG__WAIT_REFUSED, LG__WAIT_VICTIM};
#define END_COUNT (sizeof ends / sizeof ends[0])

static struct thing thing = {.name = "thing", .capacity = 1};

static uint64_t epoch_of(const struct lg__wait *wait)
{
    return lg__load_acquire(&wait->word) >> LG__WAIT_STATE_BITS;
}

static enum lg__wait_state state_of(const struct lg__wait *wait)
{
    return LG__WAIT_STATE(lg__load_acquire(&wait->word));
}

static void test_a_wait_ends_once(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    struct lg__want want = thing_want(&thing, 1);
    for (size_t i = 0; i < END_COUNT; i++) {
        uint64_t before = epoch_of(&wait);
        lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
        assert_int_equal(state_of(&wait), LG__WAIT_WAITING);
        assert_true(epoch_of(&wait) == before + 1);
        assert_true(lg__wait_end(&wait, ends[i], 7 + i));
        assert_int_equal(state_of(&wait), ends[i]);
        for (size_t j = 0; j < END_COUNT; j++)
            assert_false(lg__wait_end(&wait, ends[j], 99));
        if (ends[i] == LG__WAIT_GRANTED || ends[i] == LG__WAIT_REFUSED)
            assert_int_equal(wait.grant, 7 + i);
        assert_int_equal(lg__wait_sleep(&wait), ends[i]); /* does not sleep */
        lg__wait_retract(&wait);
        assert_int_equal(state_of(&wait), LG__WAIT_IDLE);
        assert_true(epoch_of(&wait) == before + 1);
    }
}

static void test_what_runs_cannot_be_ended(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    for (size_t i = 0; i < END_COUNT; i++)
        assert_false(lg__wait_end(&wait, ends[i], 0));
    assert_int_equal(state_of(&wait), LG__WAIT_IDLE);
}

/* An ender that has slept since it looked must not end the next wait. */
static void test_an_end_meant_for_an_older_wait_fails(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    struct lg__want want = thing_want(&thing, 1);
    lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
    uint64_t old = lg__load_acquire(&wait.word);
    assert_true(lg__wait_end_this(&wait, old, LG__WAIT_WOKEN, 0));
    lg__wait_retract(&wait);
    lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
    assert_false(lg__wait_end_this(&wait, old, LG__WAIT_VICTIM, 0));
    assert_false(lg__wait_pin(&wait, old));
    assert_int_equal(state_of(&wait), LG__WAIT_WAITING);
}

static void test_a_pin_holds_the_record(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    struct lg__want want = thing_want(&thing, 3);
    lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
    uint64_t word = lg__load_acquire(&wait.word);
    assert_true(lg__wait_pin(&wait, word));
    assert_int_equal(wait.want.need, 3);
    lg__wait_unpin(&wait);
    assert_true(lg__wait_pin(&wait, word)); /* and again */
    lg__wait_unpin(&wait);
}

struct retracting {
    struct lg__wait *wait;
    uint32_t is_done;
};

static int retract(void *arg)
{
    struct retracting *retracting = arg;
    lg__wait_retract(retracting->wait);
    lg__store_release(&retracting->is_done, 1u);
    return 0;
}

/* A: takes its ended wait back.  main: looks at the object through it.  A stays until main is
 * done, which is what keeps the object alive. */
static void test_retract_waits_for_the_pin(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    struct lg__want want = thing_want(&thing, 1);
    struct retracting retracting = {&wait, 0};
    struct crew_worker *a = crew_hire("A");
    lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
    assert_true(lg__wait_pin(&wait, lg__load_acquire(&wait.word)));
    assert_true(lg__wait_end(&wait, LG__WAIT_WOKEN, 0));
    crew_run(a, retract, &retracting);
    while (lg__load_relaxed(&wait.pin.word) != 2) /* A says that it sleeps for the pin */
        lg__cpu_relax();
    assert_int_equal(lg__load_acquire(&retracting.is_done), 0);
    assert_int_equal(state_of(&wait), LG__WAIT_WOKEN);
    lg__wait_unpin(&wait);
    (void)crew_wait(a);
    assert_int_equal(state_of(&wait), LG__WAIT_IDLE);
}

static int sleep_for(void *want)
{
    struct lg_context *self = lg_context_self();
    lg__wait_begin(&self->wait, want, LG__WAIT_OUTSIDE);
    enum lg__wait_state end = lg__wait_sleep(&self->wait);
    lg__wait_retract(&self->wait);
    return (int)end;
}

static void test_a_sleeper_times_out_and_not_early(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    static const uint64_t offsets_ms[] = {0, 1, 5};
    for (size_t i = 0; i < 3; i++) {
        struct lg__want want = thing_want(&thing, 1);
        want.deadline = lg_after_ms(offsets_ms[i]);
        assert_int_equal(crew_do(a, sleep_for, &want), LG__WAIT_TIMED_OUT);
        assert_true(lg__now_ns() >= want.deadline);
    }
}

/* A sleeps with a deadline for what anybody may signal; main, who holds the mutex-like thing, moves
 * it: it waits on for the thing, without deadline, and is not woken by the move. */
static void test_a_move_changes_what_is_waited_for(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    struct lg__wait *wait = &crew_context(a)->wait;
    struct lg__want first = {NULL, &thing, 1, false, 0, "first.c:1", 0};
    struct lg__want second = thing_want(&thing, 1);
    first.deadline = lg_after_ms(200); /* far enough for the move to be in time; else it says so */
    crew_run(a, sleep_for, &first);
    crew_wait_blocked(a);
    uint64_t before = epoch_of(wait);
    assert_true(lg__wait_move(wait, &second));
    assert_int_equal(state_of(wait), LG__WAIT_WAITING);
    assert_true(epoch_of(wait) == before + 1);
    assert_ptr_equal(wait->want.class, &thing_class);
    while (!lg__deadline_has_passed(first.deadline))
        crew_wait_blocked(a); /* also tells it to look around */
    crew_wait_blocked(a);
    assert_int_equal(state_of(wait), LG__WAIT_WAITING);
    assert_true(thing_wake(crew_context(a)));
    assert_int_equal(crew_wait(a), LG__WAIT_WOKEN);
}

static void test_only_a_sleeper_outside_can_be_moved(void **state)
{
    (void)state;
    struct lg__wait wait = {0};
    struct lg__want want = thing_want(&thing, 1);
    assert_false(lg__wait_move(&wait, &want));
    lg__wait_begin(&wait, &want, LG__WAIT_WAITING);
    assert_false(lg__wait_move(&wait, &want));
    assert_true(lg__wait_end(&wait, LG__WAIT_WOKEN, 0));
    assert_false(lg__wait_move(&wait, &want));
    lg__wait_retract(&wait);
    lg__wait_begin(&wait, &want, LG__WAIT_OUTSIDE);
    assert_true(lg__wait_end(&wait, LG__WAIT_TIMED_OUT, 0));
    assert_false(lg__wait_move(&wait, &want));
}

/* ---- Races: one sleeper, many who end, move and look ----------------------------------------- */

#define ENDERS 3
#define WAITS  SUPPORT_ROUNDS(2000)

struct race {
    struct lg__wait wait;
    uint32_t is_over; /* atomic */
    unsigned granted; /* written by the sleeper */
};

struct ender {
    struct race *race;
    unsigned index;
    unsigned won; /* ends that succeeded */
    unsigned torn;
};

static int end_again_and_again(void *arg)
{
    struct ender *ender = arg;
    struct lg__wait *wait = &ender->race->wait;
    struct lg__want second = thing_want(&thing, 2);
    struct support_random random;
    support_random_begin(&random, 10 + ender->index);
    while (!lg__load_acquire(&ender->race->is_over)) {
        uint64_t word = lg__load_acquire(&wait->word);
        switch (support_below(&random, 4)) {
        case 0:
            (void)lg__wait_move(wait, &second);
            break;
        case 1: /* what the pin shows belongs to the word: 1 before a move, 2 after it */
            if (LG__WAIT_STATE(word) == LG__WAIT_WAITING && lg__wait_pin(wait, word)) {
                ender->torn += wait->want.need != 2;
                lg__wait_unpin(wait);
            }
            break;
        default:
            if (lg__wait_end(wait, LG__WAIT_WOKEN, 0)) {
                ender->won++;
                lg__wait_wake(wait);
            }
        }
    }
    return 0;
}

static int wait_again_and_again(void *arg)
{
    struct race *race = arg;
    struct support_random random;
    support_random_begin(&random, 9);
    for (int i = 0; i < WAITS; i++) {
        struct lg__want first = {NULL, &thing, 1, false, LG_FOREVER, NULL, 0};
        if (support_below(&random, 8) == 0)
            first.deadline = 1;
        lg__wait_begin(&race->wait, &first, LG__WAIT_OUTSIDE);
        race->granted += lg__wait_sleep(&race->wait) == LG__WAIT_WOKEN;
        lg__wait_retract(&race->wait);
    }
    lg__store_release(&race->is_over, 1u);
    return 0;
}

/* Exactly one ender wins each wait that did not time out. */
static void test_exactly_one_ends_it(void **state)
{
    (void)state;
    static struct race race;
    struct ender enders[ENDERS];
    struct crew_worker *workers[ENDERS];
    struct crew_worker *sleeper = crew_hire("sleeper");
    unsigned won = 0;
    for (unsigned i = 0; i < ENDERS; i++) {
        enders[i] = (struct ender){.race = &race, .index = i};
        workers[i] = crew_hire_numbered("ender", i);
        crew_run(workers[i], end_again_and_again, &enders[i]);
    }
    crew_run(sleeper, wait_again_and_again, &race);
    (void)crew_wait(sleeper);
    for (unsigned i = 0; i < ENDERS; i++) {
        (void)crew_wait(workers[i]);
        won += enders[i].won;
        assert_int_equal(enders[i].torn, 0);
    }
    assert_int_equal(won, race.granted);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_wait_ends_once),
        SUPPORT_TEST(test_what_runs_cannot_be_ended),
        SUPPORT_TEST(test_an_end_meant_for_an_older_wait_fails),
        SUPPORT_TEST(test_a_pin_holds_the_record),
        SUPPORT_TEST(test_retract_waits_for_the_pin),
        SUPPORT_TEST(test_a_sleeper_times_out_and_not_early),
        SUPPORT_TEST(test_a_move_changes_what_is_waited_for),
        SUPPORT_TEST(test_only_a_sleeper_outside_can_be_moved),
        SUPPORT_TEST(test_exactly_one_ends_it),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
