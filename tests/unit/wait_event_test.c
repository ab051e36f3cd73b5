/* Events and latches among several things that are waited for. */
#include "support/locks.h"
#include "support/several.h"

#include "graph/context.h"

#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);
static struct lg_event loaded, ready;
static struct lg_latch latch;
static struct several_step its, other;
static struct crew_worker *A, *B;

static void begin(void)
{
    A = crew_hire("A");
    B = crew_hire("B");
    loaded = (struct lg_event)LG_EVENT_INIT("loaded");
    assert_int_equal(lg_event_init(&ready, "ready", LG_EVENT_AUTO_RESET), LG_OK);
    latch = (struct lg_latch)LG_LATCH_INIT("latch", 2);
    its = several_of(lg_waitable_event(&loaded), lg_waitable_event(&ready),
                     lg_waitable_latch(&latch));
}

static void end(void)
{
    lg_event_destroy(&loaded);
    lg_event_destroy(&ready);
    lg_latch_destroy(&latch);
    assert_int_equal(step_try(&m), LG_OK);
    step_unlock(&m);
    assert_true(m.word == 0 && s.word == 0);
}

static void count_down(void)
{
    assert_int_equal(lg_latch_count_down(&latch, 1), LG_OK);
}

static void test_each_ends_the_wait(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 3; kind++)
        for (int is_asleep = 0; is_asleep < 2; is_asleep++) {
            begin();
            if (is_asleep)
                crew_run_blocked(A, step_wait_any, &its);
            if (kind == 0)
                lg_event_set(&loaded);
            else if (kind == 1)
                lg_event_set(&ready);
            else
                count_down(), count_down();
            if (!is_asleep)
                crew_run(A, step_wait_any, &its);
            assert_int_equal(crew_wait(A), LG_OK);
            assert_int_equal(its.index, kind);
            assert_int_equal(lg_event_is_set(&loaded), kind == 0);
            assert_int_equal(lg_event_is_set(&ready), 0);
            crew_leave(A);
            crew_leave(B);
            end();
        }
}

/* An automatic event set twice ends the waits of two; what none of them had stays set. */
static void test_each_set_is_for_one(void **state)
{
    (void)state;
    begin();
    other = its;
    crew_run_blocked(A, step_wait_any, &its);
    crew_run_blocked(B, step_wait_any, &other);
    lg_event_set(&ready);
    lg_event_set(&ready);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(lg_event_is_set(&ready), 0);
    lg_event_set(&ready);
    assert_int_equal(lg_event_is_set(&ready), 1);
    end();
}

/* The set comes while A is asleep, and the reset before it has run: it has passed all the same. */
static void test_a_pulse_is_enough(void **state)
{
    (void)state;
    for (int i = 0; i < SUPPORT_ROUNDS(100); i++) {
        begin();
        crew_run_blocked(A, step_wait_any, &its);
        lg_event_set(&loaded);
        lg_event_reset(&loaded);
        assert_int_equal(crew_wait(A), LG_OK);
        assert_int_equal(its.index, 0);
        crew_leave(A);
        crew_leave(B);
        end();
    }
}

/* A has the event's set in its hands for a blink, and B, who waits for that alone, gets it. */
static void test_all_puts_back_what_it_cannot_use(void **state)
{
    (void)state;
    begin();
    assert_int_equal(step_lock(&m), LG_OK);
    its = several_of(lg_waitable_event(&ready), lg_waitable_mutex(&m), several_none);
    crew_run(A, step_wait_all, &its);
    crew_wait_blocked(A);
    other = several_of(lg_waitable_event(&ready), several_none, several_none);
    crew_run_blocked(B, step_wait_any, &other);
    lg_event_set(&ready); /* handed to A, who has no use for it */
    assert_int_equal(crew_wait(B), LG_OK);
    assert_int_equal(lg_event_is_set(&ready), 0);
    step_unlock(&m);
    lg_event_set(&ready);
    assert_int_equal(crew_wait(A), LG_OK);
    assert_int_equal(crew_do(A, step_is_held, &m), 1);
    (void)crew_do(A, step_unlock, &m);
    end();
}

/* B, who has declared that it sets the event, waits for what A holds. */
static void test_a_setter_that_waits(void **state)
{
    (void)state;
    begin();
    assert_int_equal(lg_event_add_setter(&loaded, crew_context(B)), LG_OK);
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    its = several_of(lg_waitable_event(&loaded), lg_waitable_semaphore(&s), several_none);
    crew_run_blocked(A, step_wait_any, &its);
    crew_run(B, step_lock, &m);
    crew_wait_blocked_on(B, &m); /* anybody may post s: no deadlock */
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    assert_int_equal(crew_wait(A), LG_OK);
    its.count = 1;
    assert_int_equal(crew_do(A, step_wait_any, &its), LG_EDEADLK);
    assert_non_null(strstr(its.report.members[0].wants[0].name, "loaded"));
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    end();
}

/* The setter is declared while A waits; from then on A's wait is known, and the ring is seen. */
static void test_a_setter_that_is_declared_later(void **state)
{
    (void)state;
    begin();
    assert_int_equal(crew_do(A, step_lock, &m), LG_OK);
    its = several_of(lg_waitable_event(&loaded), several_none, several_none);
    its.deadline = lg_after_ms(1000000);
    crew_run_blocked(A, step_wait_any, &its);
    assert_int_equal(lg_event_add_setter(&loaded, crew_context(B)), LG_OK);
    crew_run(B, step_lock, &m);
    assert_int_equal(crew_wait(A), LG_EDEADLK);
    (void)crew_do(A, step_unlock, &m);
    assert_int_equal(crew_wait(B), LG_OK);
    (void)crew_do(B, step_unlock, &m);
    end();
}

static void test_the_last_setter_ends(void **state)
{
    (void)state;
    begin();
    assert_int_equal(lg_event_add_setter(&loaded, crew_context(B)), LG_OK);
    crew_run_blocked(A, step_wait_any, &its);
    crew_leave(B);
    assert_int_equal(crew_wait(A), LG_EBROKEN);
    assert_int_equal(its.index, 0);
    end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_each_ends_the_wait),
        SUPPORT_TEST(test_each_set_is_for_one),
        SUPPORT_TEST(test_a_pulse_is_enough),
        SUPPORT_TEST(test_all_puts_back_what_it_cannot_use),
        SUPPORT_TEST(test_a_setter_that_waits),
        SUPPORT_TEST(test_a_setter_that_is_declared_later),
        SUPPORT_TEST(test_the_last_setter_ends),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
