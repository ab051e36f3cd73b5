/* The mutex: held or not held, and every way in which it is not. */
#include "support/locks.h"
#include "support/thing.h"

#include "plat/clock.h"
#include "plat/memory.h"
#include "sync/mutex.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct lg_report report;

static bool has_waiters(const struct lg_mutex *mutex)
{
    struct lg__bucket *bucket = lg__park_lock(mutex);
    bool has_any = lg__park_next(bucket, NULL, mutex) != NULL;
    lg__park_unlock(bucket);
    return has_any;
}

/* ---- Held and free --------------------------------------------------------------------------- */

static void test_all_bytes_zero_is_a_mutex(void **state)
{
    (void)state;
    struct lg_mutex m;
    memset(&m, 0, sizeof m);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    step_unlock(&m);
    assert_int_equal(lg_mutex_is_held(&m), 0);
    assert_int_equal(step_try(&m), LG_OK);
    step_unlock(&m);
    lg_mutex_destroy(&m);
}

static void test_init(void **state)
{
    (void)state;
    struct lg_mutex m;
    memset(&m, 0xff, sizeof m);
    assert_int_equal(lg_mutex_init(&m, "named", LG_MUTEX_RECURSIVE), LG_OK);
    assert_string_equal(m.name, "named");
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(step_lock(&m), LG_OK);
    step_unlock(&m);
    step_unlock(&m);
    lg_mutex_destroy(&m);
    assert_int_equal(lg_mutex_init(&m, NULL, 0), LG_OK);
    assert_int_equal(lg_mutex_init(&m, NULL, 2), LG_EINVAL);
    assert_int_equal(lg_mutex_init(&m, NULL, LG_MUTEX_RECURSIVE | 0x80000000u), LG_EINVAL);
    assert_int_equal(lg_mutex_init(NULL, "name", 0), LG_EINVAL);
}

static void test_null(void **state)
{
    (void)state;
    struct lock_until nothing = {NULL, LG_FOREVER, NULL};
    assert_int_equal(step_lock_until(&nothing), LG_EINVAL);
    assert_int_equal(step_try(NULL), LG_EINVAL);
    assert_int_equal(step_recover(NULL), LG_EINVAL);
    assert_int_equal(lg_mutex_is_held(NULL), 0);
    lg_mutex_destroy(NULL);
}

static void test_a_place_may_be_unknown(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until lock = {&m, LG_FOREVER, NULL};
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(step_lock_until(&lock), LG_OK);
    assert_int_equal(step_lock_until(&lock), LG_EDEADLK);
    assert_string_equal(lg_report_last()->members[0].holds[0].place, "");
    assert_string_equal(lg_report_last()->members[0].waits_place, "");
    step_unlock(&m);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, step_is_held, &m), 1);
    assert_int_equal(crew_do(b, step_is_held, &m), 0);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(a, step_is_held, &m), 0);
    assert_int_equal(crew_do(b, step_is_held, &m), 1);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(m.word, 0);
}

/* ---- Not waiting ----------------------------------------------------------------------------- */

/* A try that fails leaves nothing behind: no wait begun, no flag in the word, no report. */
static void test_a_failed_try_leaves_no_trace(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    uint64_t word = m.word;
    uint64_t wait_word = crew_context(b)->wait.word;
    assert_int_equal(crew_do(b, step_try, &m), LG_EBUSY);
    assert_true(m.word == word);
    assert_true(crew_context(b)->wait.word == wait_word);
    assert_int_equal(lg__held_count(crew_context(b)), 0);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_NONE);
    assert_int_equal(crew_do(a, step_try, &m), LG_EBUSY); /* its holder: not LG_EDEADLK */
    (void)crew_do(a, step_unlock, &m);
}

/* A deadline that has passed does not wait either, but it is a failed wait, with its report. */
static void test_a_deadline_in_the_past(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until lock = {&m, 0, "past.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    uint64_t word = m.word;
    lg_deadline deadlines[] = {1, lg_after_ms(0), lg__now_ns() - 1};
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        lock.deadline = deadlines[i];
        assert_int_equal(crew_do(b, step_lock_until, &lock), LG_ETIMEDOUT);
        assert_true(m.word == word);
        (void)crew_do(b, step_copy_report, &report);
        assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(report.name, "m");
        assert_string_equal(report.closer, "B");
        assert_string_equal(report.place, "past.c:1");
    }
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_do(b, step_lock_until, &lock), LG_OK); /* free: had, however late */
    (void)crew_do(b, step_unlock, &m);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void test_a_timeout_is_not_early_and_says_who(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until hold = {&m, LG_FOREVER, "hold.c:1"}, lock = {&m, 0, "late.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock_until, &hold), LG_OK);
    lock.deadline = lg_after_ms(3);
    assert_int_equal(crew_do(b, step_lock_until, &lock), LG_ETIMEDOUT);
    assert_true(lg__now_ns() >= lock.deadline);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_int_equal(report.cause, LG_EXHAUSTION_NONE); /* A runs */
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.members[0].context, "B");
    assert_string_equal(report.members[0].waits_name, "m");
    assert_string_equal(report.members[1].context, "A");
    assert_string_equal(report.members[1].holds[0].name, "m");
    assert_string_equal(report.members[1].holds[0].place, "hold.c:1");
    assert_int_equal(report.members[1].need, 0);
    assert_false(has_waiters(&m));
    assert_int_equal(thing_state(crew_context(b)), LG__WAIT_IDLE);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(m.word, 0);
}

/* T -> a (A), A -> b (B), B runs: the whole chain is in the report of T's timeout. */
static void test_a_timeout_carries_the_chain(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B"), *T = crew_hire("T");
    assert_int_equal(crew_do(A, step_lock, &a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &b), LG_OK);
    crew_run(A, step_lock, &b);
    crew_wait_blocked_on(A, &b);
    crew_run(T, step_lock, &a);
    crew_wait_blocked_on(T, &a);
    assert_true(thing_time_out(crew_context(T)));
    assert_int_equal(crew_wait(T), LG_ETIMEDOUT);
    (void)crew_do(T, step_copy_report, &report);
    assert_int_equal(report.cause, LG_EXHAUSTION_NONE);
    assert_true(report.member_count >= 2);
    assert_string_equal(report.members[0].context, "T");
    assert_string_equal(report.members[1].context, "A");
    assert_string_equal(report.members[1].holds[0].name, "a");
    assert_string_equal(report.members[1].waits_name, "b");
    (void)crew_do(B, step_unlock, &b);
    assert_int_equal(crew_wait(A), LG_OK);
    (void)crew_do(A, step_unlock, &b);
    (void)crew_do(A, step_unlock, &a);
}

/* The first in the queue gives up; the unlock goes to the next. */
static void test_who_gave_up_is_passed_by(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    /* A's wait is over, but A has not left the queue: the bucket is locked. */
    struct lg__bucket *bucket = lg__park_lock(&m);
    assert_true(thing_time_out(crew_context(a)));
    assert_ptr_equal(lg__park_next(bucket, NULL, &m), &crew_context(a)->wait);
    lg__park_unlock(bucket);
    step_unlock(&m);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_wait(a), LG_ETIMEDOUT);
    (void)crew_do(b, step_unlock, &m);
    assert_false(has_waiters(&m));
}

/* A waits for m, which main holds; main lets go and takes it back before A can run, again and
 * again, until A has waited for too long and says so in the word. */
static void let_starve(struct crew_worker *a, struct lg_mutex *m)
{
    assert_int_equal(step_lock(m), LG_OK);
    crew_run(a, step_lock, m);
    for (;;) {
        crew_wait_blocked_on(a, m);
        if (lg__load_acquire(&m->word) & LG__MUTEX_STARVED)
            return;
        step_unlock(m);
        if (step_try(m) == LG_OK)
            continue;
        assert_int_equal(crew_wait(a), LG_OK); /* A was faster: once more */
        (void)crew_do(a, step_unlock, m);
        assert_int_equal(step_lock(m), LG_OK);
        crew_run(a, step_lock, m);
    }
}

/* The next unlock hands the mutex to it: its name is in the word when unlock returns. */
static void test_who_starves_is_handed_the_mutex(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    let_starve(a, &m);
    step_unlock(&m);
    assert_true(lg__mutex_owner(&m) == crew_context(a)->id);
    assert_int_equal(step_try(&m), LG_EBUSY);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(m.word, 0);
}

/* A holds n and was handed m, but does not run yet: its record still names m, which it now owns.  B
 * -> m and C -> n wait for A, who will run. */
static void test_a_hand_over_on_its_way_is_no_ring(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
    if (!CREW_CAN_STALL)
        SUPPORT_SKIP("no handler runs inside a futex call");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(crew_do(a, step_lock, &n), LG_OK);
    let_starve(a, &m);
    crew_stall(a);
    step_unlock(&m);
    assert_true(lg__mutex_owner(&m) == crew_context(a)->id);
    assert_int_equal(thing_state(crew_context(a)), LG__WAIT_GRANTED);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    crew_run(c, step_lock, &n);
    crew_wait_blocked_on(c, &n);
    crew_go_on();
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    (void)crew_do(a, step_unlock, &n);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(c, step_unlock, &n);
}

/* ---- Recursive ------------------------------------------------------------------------------- */

static void test_recursive(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_RECURSIVE_INIT("m");
    struct crew_worker *a = crew_hire("A");
    for (int i = 0; i < 5; i++)
        assert_int_equal(i % 2 ? step_try(&m) : step_lock(&m), LG_OK);
    assert_int_equal(lg__held_count(lg_context_self()), 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(crew_do(a, step_try, &m), LG_EBUSY);
        assert_int_equal(lg_mutex_is_held(&m), 1);
        step_unlock(&m);
    }
    assert_int_equal(lg_mutex_is_held(&m), 0);
    assert_int_equal(crew_do(a, step_try, &m), LG_OK);
    (void)crew_do(a, step_unlock, &m);
}

static void test_recursion_has_an_end(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_RECURSIVE_INIT("m");
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(step_lock(&m), LG_OK);
    m.depth = UINT32_MAX; /* as if it had been locked that often */
    assert_int_equal(step_lock(&m), LG_EDEADLK);
    assert_int_equal(step_try(&m), LG_EBUSY);
    m.depth = 0;
    step_unlock(&m);
}

/* ---- The end of the owner -------------------------------------------------------------------- */

/* A ends holding m.  B and C, who sleep, and D, who comes later, hear of it; nobody gets it but who
 * recovers it, and only one does. */
static void test_the_owner_ends(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_RECURSIVE_INIT("m");
    struct lock_until timed = {&m, lg_after_ms(900000), "timed.c:1"}, past = {&m, 1, "past.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    crew_run(c, step_lock_until, &timed);
    crew_wait_blocked_on(c, &m);
    crew_leave(a);
    assert_int_equal(crew_wait(b), LG_EOWNERDEAD);
    assert_int_equal(crew_wait(c), LG_EOWNERDEAD);
    assert_false(has_waiters(&m));
    assert_non_null(strstr(support_log_text("ended-holding"), "A ended holding 1 lock, taken at"));
    assert_int_equal(step_lock(&m), LG_EOWNERDEAD);
    assert_int_equal(step_try(&m), LG_EOWNERDEAD);
    assert_int_equal(step_lock_until(&past), LG_EOWNERDEAD);
    assert_int_equal(lg_mutex_is_held(&m), 0);
    assert_int_equal(crew_do(c, step_recover, &m), LG_OK);
    assert_int_equal(crew_do(b, step_recover, &m), LG_EBUSY);
    assert_int_equal(crew_do(c, step_recover, &m), LG_EBUSY);
    assert_int_equal(crew_do(c, step_is_held, &m), 1);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    (void)crew_do(c, step_unlock, &m); /* once: the dead one's levels are not inherited */
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(m.word, 0);
    assert_int_equal(step_recover(&m), LG_EBUSY); /* free */
}

/* The slot of the owner's context is used again at once, as a thread id would be: the new thread is
 * still not the owner. */
static void test_a_new_thread_is_not_the_old_owner(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    support_log_begin(LG_LOG_ERROR);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    uint32_t slot = crew_context(a)->slot;
    crew_leave(a);
    for (int i = 0; i < 2000; i++) {
        struct lg_context *mine = lg_context_detach();
        bool is_same_slot = lg_context_self()->slot == slot;
        assert_int_equal(lg_mutex_is_held(&m), 0);
        assert_int_equal(step_try(&m), LG_EOWNERDEAD);
        assert_int_equal(lg_context_resume(mine), LG_OK);
        if (is_same_slot)
            return;
    }
    fail_msg("the slot was not used again, so nothing was shown");
}

static void test_recover_only_what_is_dead(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_recover(&m), LG_EBUSY);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(step_recover(&m), LG_EBUSY);
    assert_int_equal(crew_do(a, step_recover, &m), LG_EBUSY);
    assert_int_equal(crew_do(a, step_is_held, &m), 1);
    (void)crew_do(a, step_unlock, &m);
}

/* ---- Panics ---------------------------------------------------------------------------------- */

static int destroy(void *mutex)
{
    lg_mutex_destroy(mutex);
    return 0;
}

static void expect_panic(support_step *step, struct lg_mutex *mutex, const char *rule,
                         const char *object)
{
    struct support_panic panic = support_panic_of(step, mutex);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, rule);
    assert_string_equal(panic.object, object);
}

static void test_unlock_by_who_does_not_hold_it(void **state)
{
    (void)state;
    static const char rule[] = "a mutex was unlocked by a context that does not hold it";
    static struct lg_mutex m = LG_MUTEX_INIT("m"), unnamed;
    struct crew_worker *a = crew_hire("A");
    expect_panic(step_unlock, &m, rule, "m"); /* free */
    expect_panic(step_unlock, &unnamed, rule, "(unnamed mutex)");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    expect_panic(step_unlock, &m, rule, "m"); /* another's */
    assert_int_equal(crew_do(a, step_is_held, &m), 1);
    struct lg_context *mine = lg_context_detach();
    expect_panic(step_unlock, &m, rule, "m"); /* by a thread without a context */
    assert_int_equal(lg_context_resume(mine), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_int_equal(m.word, 0);
}

static void test_destroy_what_is_in_use(void **state)
{
    (void)state;
    static struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_lock(&m), LG_OK);
    expect_panic(destroy, &m, "a mutex was destroyed while held", "m");
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    expect_panic(destroy, &m, "a mutex was destroyed while waited for", "m");
    step_unlock(&m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    assert_false(support_panic_of(destroy, &m).has_happened);
}

/* ---- The block form -------------------------------------------------------------------------- */

static int enter_twice(void *mutex)
{
    int entered = 0;
    LG_WITH_MUTEX((struct lg_mutex *)mutex, LG_TRY, first) {
        entered += lg_mutex_is_held(mutex);
    }
    LG_WITH_MUTEX((struct lg_mutex *)mutex, lg_after_ms(0), second) {
        entered += lg_mutex_is_held(mutex);
    }
    return entered * 10000 + first * -100 - second;
}

static void test_the_block_runs_only_when_locked(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(enter_twice(&m), 20000);
    assert_int_equal(m.word, 0);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(enter_twice(&m), LG_EBUSY * -100 - LG_ETIMEDOUT);
    (void)crew_do(a, step_unlock, &m);
}

/* ---- Around a wait --------------------------------------------------------------------------- */

/* Unlocked, and gone: nobody looks at a mutex after the last who wanted it has an answer.  That is
 * what the sanitizer sees here. */
static void test_memory_may_go_right_after_unlock(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int i = 0; i < 50; i++) {
        struct lg_mutex *m = calloc(1, sizeof *m);
        struct lock_until soon = {m, lg__now_ns() + 50000, "soon.c:1"};
        assert_int_equal(step_lock(m), LG_OK);
        crew_run(a, step_lock_until, &soon);
        crew_run(b, step_lock_until, &soon);
        assert_int_equal(crew_wait(a), LG_ETIMEDOUT);
        assert_int_equal(crew_wait(b), LG_ETIMEDOUT);
        step_unlock(m); /* with the flag of those who left: it looks for somebody to wake */
        free(m);
    }
}

static unsigned signals_seen;

static void count_signal(int signal_number)
{
    (void)signal_number;
    (void)lg__add_relaxed(&signals_seen, 1u);
}

/* 300 signals to each of two sleepers, one with a deadline: neither comes back before its time. */
static void test_signals_do_not_end_a_wait(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until far = {&m, lg_after_ms(900000), "far.c:1"};
    struct sigaction action = {.sa_handler = count_signal}; /* no SA_RESTART */
    struct sigaction before;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    sigaction(SIGUSR1, &action, &before);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(a, step_lock, &m);
    crew_run(b, step_lock_until, &far);
    crew_wait_blocked_on(a, &m);
    crew_wait_blocked_on(b, &m);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(pthread_kill(crew_thread(a), SIGUSR1), 0);
        assert_int_equal(pthread_kill(crew_thread(b), SIGUSR1), 0);
        if (i % 20 == 0) { /* in between they are seen asleep again */
            crew_wait_blocked_on(a, &m);
            crew_wait_blocked_on(b, &m);
        }
    }
    assert_false(crew_is_idle(a));
    assert_false(crew_is_idle(b));
    step_unlock(&m);
    while (!crew_is_idle(a) && !crew_is_idle(b))
        lg__cpu_relax();
    struct crew_worker *first = crew_is_idle(a) ? a : b;
    assert_int_equal(crew_wait(first), LG_OK);
    (void)crew_do(first, step_unlock, &m);
    assert_int_equal(crew_wait(first == a ? b : a), LG_OK);
    (void)crew_do(first == a ? b : a, step_unlock, &m);
    assert_true(lg__load_relaxed(&signals_seen) > 0);
    sigaction(SIGUSR1, &before, NULL);
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until soon = {&m, 0, "soon.c:1"};
    struct crew_worker *a = crew_hire("A");
    support_log_begin(LG_LOG_ERROR);
    uint64_t before = lg__alloc_count();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(step_lock(&m), LG_OK);
        assert_int_equal(step_lock(&m), LG_EDEADLK);
        soon.deadline = lg__now_ns() + 10000;
        assert_int_equal(crew_do(a, step_lock_until, &soon), LG_ETIMEDOUT);
        assert_int_equal(crew_do(a, step_try, &m), LG_EBUSY);
        crew_run(a, step_lock, &m);
        crew_wait_blocked_on(a, &m);
        step_unlock(&m);
        assert_int_equal(crew_wait(a), LG_OK);
        (void)crew_do(a, step_unlock, &m);
    }
    assert_true(lg__alloc_count() == before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_bytes_zero_is_a_mutex),
        SUPPORT_TEST(test_init),
        SUPPORT_TEST(test_null),
        SUPPORT_TEST(test_a_place_may_be_unknown),
        SUPPORT_TEST(test_one_at_a_time),
        SUPPORT_TEST(test_a_failed_try_leaves_no_trace),
        SUPPORT_TEST(test_a_deadline_in_the_past),
        SUPPORT_TEST(test_a_timeout_is_not_early_and_says_who),
        SUPPORT_TEST(test_a_timeout_carries_the_chain),
        SUPPORT_TEST(test_who_gave_up_is_passed_by),
        SUPPORT_TEST(test_who_starves_is_handed_the_mutex),
        SUPPORT_TEST(test_a_hand_over_on_its_way_is_no_ring),
        SUPPORT_TEST(test_recursive),
        SUPPORT_TEST(test_recursion_has_an_end),
        SUPPORT_TEST(test_the_owner_ends),
        SUPPORT_TEST(test_a_new_thread_is_not_the_old_owner),
        SUPPORT_TEST(test_recover_only_what_is_dead),
        SUPPORT_TEST(test_unlock_by_who_does_not_hold_it),
        SUPPORT_TEST(test_destroy_what_is_in_use),
        SUPPORT_TEST(test_the_block_runs_only_when_locked),
        SUPPORT_TEST(test_memory_may_go_right_after_unlock),
        SUPPORT_TEST(test_signals_do_not_end_a_wait),
        SUPPORT_TEST(test_nothing_is_allocated),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
