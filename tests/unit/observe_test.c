/* The hook for observers: what they are told of, what they are not, and that a switch harms nothing. */
#include "support/locks.h"
#include "support/owners.h"

#include "graph/context.h"
#include "sync/mutex.h"

#include <pthread.h>
#include <string.h>

/* ---- An observer that writes down what it is told ------------------------------------------------- */

enum told { TAKEN, RELEASED, SLEEPS, WAITED, WOKE };

struct note {
    enum told told;
    struct lg_context *context;
    const void *object;
    struct lg__taking taking;
    enum lg__wait_state end;
};

#define NOTES_MAX 64

static pthread_mutex_t note_lock = PTHREAD_MUTEX_INITIALIZER;
static struct note notes[NOTES_MAX]; /* under note_lock */
static unsigned note_count;          /* under note_lock */

static void write_down(struct note note)
{
    pthread_mutex_lock(&note_lock);
    if (note_count < NOTES_MAX)
        notes[note_count++] = note;
    pthread_mutex_unlock(&note_lock);
}

static void hear_taken(struct lg_context *self, const struct lg__taking *taking)
{
    write_down((struct note){TAKEN, self, taking->object, *taking, LG__WAIT_IDLE});
}

static void hear_released(struct lg_context *self, const void *object)
{
    write_down((struct note){.told = RELEASED, .context = self, .object = object});
}

static void hear_sleeps(struct lg_context *self, const struct lg__wait *wait)
{
    write_down((struct note){.told = SLEEPS, .context = self, .object = wait->want.object});
}

static void hear_waited(struct lg_context *self, const struct lg__wait *wait)
{
    write_down((struct note){.told = WAITED,
                             .context = self,
                             .object = wait->want.object,
                             .end = LG__WAIT_STATE(lg__load_relaxed(&wait->word))});
}

static void hear_woke(struct lg_context *self, const struct lg_context *waiter, uint64_t word)
{
    (void)word;
    write_down((struct note){.told = WOKE, .context = self, .object = waiter});
}

static const struct lg__observer ear = {.taken = hear_taken,
                                        .released = hear_released,
                                        .sleeps = hear_sleeps,
                                        .waited = hear_waited,
                                        .woke = hear_woke};

/* Neither leases nor locks. */
static const struct lg__observer waits_only = {.waited = hear_waited};

static int begin_test(void **state)
{
    note_count = 0;
    return support_setup(state);
}

static int end_test(void **state)
{
    for (int id = 0; id < LG__OBSERVER_COUNT; id++)
        lg__observe_stop(id);
    return support_teardown(state);
}

#define OBSERVE_TEST(test) cmocka_unit_test_setup_teardown((test), begin_test, end_test)

/* How many notes there are, and the nth of those of this kind about the object. */
static unsigned count_notes(enum told told, const void *object)
{
    unsigned count = 0;
    pthread_mutex_lock(&note_lock);
    for (unsigned i = 0; i < note_count; i++)
        count += notes[i].told == told && notes[i].object == object;
    pthread_mutex_unlock(&note_lock);
    return count;
}

static struct note note_of(enum told told, const void *object)
{
    struct note found = {0};
    pthread_mutex_lock(&note_lock);
    for (unsigned i = 0; i < note_count; i++)
        if (notes[i].told == told && notes[i].object == object)
            found = notes[i];
    pthread_mutex_unlock(&note_lock);
    return found;
}

/* ---- Locks ---------------------------------------------------------------------------------------- */

static void off_tells_nothing(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(note_count, 0);
}

static void a_lock_is_told(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct lock_until until = {&mutex, LG_FOREVER, "here.c:1"};
    struct crew_worker *before = crew_hire("before");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    struct crew_worker *after = crew_hire("after"); /* inherits */
    struct crew_worker *workers[] = {before, after};
    for (int i = 0; i < 2; i++) {
        note_count = 0;
        assert_int_equal(crew_do(workers[i], step_lock_until, &until), LG_OK);
        struct note note = note_of(TAKEN, &mutex);
        assert_ptr_equal(note.context, crew_context(workers[i]));
        assert_ptr_equal(note.taking.class, &lg__mutex_class);
        assert_string_equal(note.taking.place, "here.c:1");
        assert_int_equal(note.taking.units, 1);
        assert_true(note.taking.deadline == LG_FOREVER);
        assert_int_equal(lg__held_count(crew_context(workers[i])), 1);
        assert_int_equal(crew_do(workers[i], step_unlock, &mutex), LG_OK);
        assert_ptr_equal(note_of(RELEASED, &mutex).context, crew_context(workers[i]));
        assert_int_equal(lg__held_count(crew_context(workers[i])), 0);
        assert_int_equal(note_count, 2);
    }
}

static void a_try_says_so(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(step_try(&mutex), LG_OK);
    assert_true(note_of(TAKEN, &mutex).taking.deadline == LG_TRY);
    assert_int_equal(crew_do(a, step_try, &mutex), LG_EBUSY);
    assert_int_equal(count_notes(TAKEN, &mutex), 1);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(note_count, 2);
}

static void a_second_level_is_not_told(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_RECURSIVE_INIT("m");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(note_count, 2);
}

/* The held table is the same, whoever listens and however often that changes. */
static void a_switch_between_loses_nothing(void **state)
{
    (void)state;
    struct lg_mutex mutexes[LG__HELD_MAX + 2];
    struct lg_context *self = lg_context_self();
    for (int i = 0; i < LG__HELD_MAX + 2; i++) {
        mutexes[i] = (struct lg_mutex)LG_MUTEX_INIT("m");
        if (i % 3 == 0)
            lg__observe_start(LG__OBSERVER_TRACE, &ear);
        if (i % 3 == 2)
            lg__observe_stop(LG__OBSERVER_TRACE);
        assert_int_equal(step_lock(&mutexes[i]), LG_OK);
        assert_int_equal(lg__held_count(self), i + 1);
        assert_int_equal(count_notes(TAKEN, &mutexes[i]), i % 3 != 2);
    }
    assert_ptr_equal(self->held[LG__HELD_MAX - 1].object, &mutexes[LG__HELD_MAX - 1]);
    for (int i = LG__HELD_MAX + 1; i >= 0; i--) {
        if (i % 2 == 0)
            lg__observe_stop(LG__OBSERVER_TRACE);
        else
            lg__observe_start(LG__OBSERVER_TRACE, &ear);
        assert_int_equal(step_unlock(&mutexes[i]), LG_OK);
        assert_int_equal(lg__held_count(self), i);
    }
}

static void observers_are_switched_apart(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    lg__observe_start(LG__OBSERVER_PREDICT, &ear);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(note_count, 2);
    lg__observe_stop(LG__OBSERVER_TRACE);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(note_count, 3);
    lg__observe_stop(LG__OBSERVER_PREDICT);
    lg__observe_start(LG__OBSERVER_PROFILE, &waits_only);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(note_count, 3);
    assert_int_equal(lg_context_self()->held_limit, LG__HELD_ROOM); /* the fast way still */
}

/* ---- Waits ---------------------------------------------------------------------------------------- */

static void a_wait_is_told(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(step_lock(&mutex), LG_OK);
    crew_run(a, step_lock, &mutex);
    crew_wait_blocked_on(a, &mutex);
    assert_ptr_equal(note_of(SLEEPS, &mutex).context, crew_context(a));
    assert_int_equal(count_notes(WAITED, &mutex), 0);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    struct note waited = note_of(WAITED, &mutex);
    assert_ptr_equal(waited.context, crew_context(a));
    assert_true(waited.end == LG__WAIT_GRANTED || waited.end == LG__WAIT_WOKEN);
    assert_ptr_equal(note_of(WOKE, crew_context(a)).context, lg_context_self());
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
}

static void a_timeout_is_a_wait(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    struct lock_until until = {&mutex, lg_after_ms(1), "here.c:1"};
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(crew_do(a, step_lock_until, &until), LG_ETIMEDOUT);
    if (count_notes(WAITED, &mutex) > 0) /* else its time was over before it slept */
        assert_int_equal(note_of(WAITED, &mutex).end, LG__WAIT_TIMED_OUT);
    assert_int_equal(count_notes(TAKEN, &mutex), 1);
    assert_int_equal(count_notes(WOKE, crew_context(a)), 0); /* by itself */
    assert_int_equal(step_unlock(&mutex), LG_OK);
}

/* A report is composed of a wait that is begun for its sake. */
static void an_explanation_is_no_wait(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_int_equal(step_lock(&mutex), LG_EDEADLK);
    assert_int_equal(count_notes(WAITED, &mutex), 0);
    assert_int_equal(step_unlock(&mutex), LG_OK);
}

/* ---- Leases --------------------------------------------------------------------------------------- */

static void a_lease_is_told(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_status(loan_checkout(&loan), LG_OK);
    struct note note = note_of(TAKEN, pool);
    assert_ptr_equal(note.taking.class, &lg__pool_class);
    assert_true(note.taking.deadline == LG_FOREVER);
    assert_non_null(strstr(note.taking.place, ".c:"));
    assert_status(loan_detach(&loan), LG_OK); /* nobody's now */
    assert_int_equal(count_notes(RELEASED, pool), 1);
    assert_status(loan_adopt(&loan), LG_OK);
    assert_int_equal(count_notes(TAKEN, pool), 2);
    assert_status(loan_checkin(&loan), LG_OK);
    assert_int_equal(count_notes(RELEASED, pool), 2);
    null_end(driver, pool);
}

/* No lease goes by while somebody listens: biases end, and no new one begins. */
static void no_bias_while_observed(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 2);
    struct streak streak = streak_of(driver, pool, 10);
    assert_status(earn(&streak), LG_OK);
    assert_int_equal(biased(pool), 1);
    lg__observe_start(LG__OBSERVER_TRACE, &ear);
    assert_int_equal(biased(pool), 0);
    streak.count = 10;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(count_notes(TAKEN, pool), 10);
    assert_int_equal(count_notes(RELEASED, pool), 10);
    streak.count = 2 * LG__BIAS_AFTER_MAX;
    assert_status(take_in_turn(&streak), LG_OK);
    assert_int_equal(biased(pool), 0);
    lg__observe_stop(LG__OBSERVER_TRACE);
    assert_status(earn(&streak), LG_OK);
    assert_int_equal(biased(pool), 1);
    null_end(driver, pool);
}

/* Listening to waits alone takes nobody's bias. */
static void waits_leave_biases_alone(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, 1);
    struct streak streak = streak_of(driver, pool, 10);
    assert_status(earn(&streak), LG_OK);
    lg__observe_start(LG__OBSERVER_PROFILE, &waits_only);
    assert_int_equal(biased(pool), 1);
    null_end(driver, pool);
}

/* ---- Under load, and in a child ------------------------------------------------------------------- */

#define SWITCHERS 3
#define ROUNDS    20000

static uint64_t heard; /* atomic */

static void hear_some_taken(struct lg_context *self, const struct lg__taking *taking)
{
    (void)self;
    lg__add_relaxed(&heard, (uint64_t)(taking->object != NULL));
}

static void hear_some_released(struct lg_context *self, const void *object)
{
    (void)self;
    lg__add_relaxed(&heard, (uint64_t)(object != NULL));
}

static const struct lg__observer counter = {.taken = hear_some_taken,
                                            .released = hear_some_released};

struct load {
    struct lg_mutex mutexes[2];
    struct loan loan;
    uint64_t shared; /* under mutexes[0] */
};

static int run_load(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct load *load = arg;
    struct loan loan = load->loan;
    for (int i = 0; i < SUPPORT_ROUNDS(ROUNDS); i++) {
        SUPPORT_CHECK(lg_mutex_lock(&load->mutexes[0], LG_FOREVER) == LG_OK);
        SUPPORT_CHECK(lg_mutex_lock(&load->mutexes[1], LG_FOREVER) == LG_OK);
        load->shared++;
        lg_mutex_unlock(&load->mutexes[1]);
        lg_mutex_unlock(&load->mutexes[0]);
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    }
    return lg__held_count(lg_context_self()) == 0 ? LG_OK : 1;
}

static void on_and_off_under_load(void **state)
{
    (void)state;
    struct null_driver *driver = bias_driver();
    struct lg_pool *pool = bias_pool(driver, SWITCHERS);
    struct load load = {.mutexes = {LG_MUTEX_INIT("a"), LG_MUTEX_INIT("b")},
                        .loan = loan_of(driver, pool, LG_FOREVER)};
    struct crew_worker *workers[SWITCHERS];
    for (unsigned i = 0; i < SWITCHERS; i++)
        crew_run(workers[i] = crew_hire_numbered("W", i), run_load, &load);
    for (unsigned i = 0; i < SWITCHERS; i++)
        while (!crew_is_idle(workers[i])) {
            lg__observe_start(LG__OBSERVER_TRACE, &counter);
            lg__observe_start(LG__OBSERVER_PREDICT, &counter);
            lg__observe_stop(LG__OBSERVER_TRACE);
            lg__observe_stop(LG__OBSERVER_PREDICT);
        }
    for (unsigned i = 0; i < SWITCHERS; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    assert_int_equal(load.shared, (uint64_t)SWITCHERS * SUPPORT_ROUNDS(ROUNDS));
    null_end(driver, pool);
}

/* A child forked while somebody switches can switch too. */
static int switch_in_child(void *arg)
{
    lg__observe_start(LG__OBSERVER_TRACE, &counter);
    SUPPORT_CHECK(step_lock(arg) == LG_OK);
    SUPPORT_CHECK(step_unlock(arg) == LG_OK);
    lg__observe_stop(LG__OBSERVER_TRACE);
    SUPPORT_CHECK(lg__load_relaxed(&heard) > 0);
    return 0;
}

static uint32_t must_stop; /* atomic */

static int switch_until_told(void *arg)
{
    (void)arg;
    while (!lg__load_acquire(&must_stop)) {
        lg__observe_start(LG__OBSERVER_TRACE, &counter);
        lg__observe_stop(LG__OBSERVER_TRACE);
    }
    return LG_OK;
}

static void a_child_can_switch(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    crew_run(a, switch_until_told, NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(support_fork(switch_in_child, &mutex), 0);
    lg__store_release(&must_stop, 1u);
    assert_int_equal(crew_wait(a), LG_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        OBSERVE_TEST(off_tells_nothing),
        OBSERVE_TEST(a_lock_is_told),
        OBSERVE_TEST(a_try_says_so),
        OBSERVE_TEST(a_second_level_is_not_told),
        OBSERVE_TEST(a_switch_between_loses_nothing),
        OBSERVE_TEST(observers_are_switched_apart),
        OBSERVE_TEST(a_wait_is_told),
        OBSERVE_TEST(a_timeout_is_a_wait),
        OBSERVE_TEST(an_explanation_is_no_wait),
        OBSERVE_TEST(a_lease_is_told),
        OBSERVE_TEST(no_bias_while_observed),
        OBSERVE_TEST(waits_leave_biases_alone),
        OBSERVE_TEST(on_and_off_under_load),
        OBSERVE_TEST(a_child_can_switch),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
