/* The rwlock: its modes beside each other, every way in which it is not held, and who comes first. */
#include "support/rwlocks.h"
#include "support/scope.h"
#include "support/thing.h"

#include "plat/clock.h"
#include "plat/memory.h"
#include "sync/rwlock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct lg_report report;

static int step_copy(void *out)
{
    *(struct lg_report *)out = *lg_report_last();
    return LG_OK;
}

static bool has_waiters(const struct lg_rwlock *rwlock)
{
    struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(rwlock));
    bool has_any = lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock)) != NULL;
    lg__park_unlock(bucket);
    return has_any;
}

static void expect_quiet(const struct lg_rwlock *rwlock)
{
    assert_true(rwlock->word == 0);
    assert_false(has_waiters(rwlock));
}

/* The worker wants it, and sleeps in the queue. */
static void wait_for(struct crew_worker *worker, support_step *step, void *arg,
                     const struct lg_rwlock *rwlock)
{
    crew_run(worker, step, arg);
    crew_wait_blocked_on(worker, lg__rwlock_tagged(rwlock));
}

/* ---- Modes ----------------------------------------------------------------------------------- */

static void test_all_bytes_zero_is_a_rwlock(void **state)
{
    (void)state;
    struct lg_rwlock r;
    memset(&r, 0, sizeof r);
    assert_int_equal(step_mode(&r), LG_RWLOCK_NOT_HELD);
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    step_let_go(&r);
    assert_int_equal(step_write(&r), LG_OK);
    assert_int_equal(step_mode(&r), LG_RWLOCK_WRITE);
    step_let_go(&r);
    assert_int_equal(step_upgradable(&r), LG_OK);
    assert_int_equal(step_mode(&r), LG_RWLOCK_UPGRADABLE);
    step_let_go(&r);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_quiet(&r);
    lg_rwlock_destroy(&r);
}

static void test_init_and_null(void **state)
{
    (void)state;
    struct lg_rwlock r;
    struct rwlock_until nothing = {NULL, LG_FOREVER, NULL};
    memset(&r, 0xff, sizeof r);
    assert_int_equal(lg_rwlock_init(&r, "named"), LG_OK);
    assert_string_equal(r.name, "named");
    assert_int_equal(step_try_write(&r), LG_OK);
    step_let_go(&r);
    assert_int_equal(lg_rwlock_init(NULL, "name"), LG_EINVAL);
    assert_int_equal(step_read_until(&nothing), LG_EINVAL);
    assert_int_equal(step_write_until(&nothing), LG_EINVAL);
    assert_int_equal(step_upgradable_until(&nothing), LG_EINVAL);
    assert_int_equal(step_upgrade_until(&nothing), LG_EINVAL);
    assert_int_equal(step_rwlock_recover(NULL), LG_EINVAL);
    assert_int_equal(step_mode(NULL), LG_RWLOCK_NOT_HELD);
    lg_rwlock_destroy(NULL);
}

/* What A holds against what B tries. */
static void test_which_modes_go_together(void **state)
{
    (void)state;
    static support_step *const takes[] = {step_read, step_upgradable, step_write};
    static support_step *const tries[] = {step_try_read, step_try_upgradable, step_try_write};
    static const int together[3][3] = {{1, 1, 0}, {1, 0, 0}, {0, 0, 0}};
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int held = 0; held < 3; held++)
        for (int tried = 0; tried < 3; tried++) {
            assert_int_equal(crew_do(a, takes[held], &r), LG_OK);
            uint64_t word = r.word;
            uint64_t wait_word = crew_context(b)->wait.word;
            int status = crew_do(b, tries[tried], &r);
            assert_int_equal(status, together[held][tried] ? LG_OK : LG_EBUSY);
            if (status == LG_OK)
                (void)crew_do(b, step_let_go, &r);
            assert_true(r.word == word); /* a failed try leaves no trace */
            assert_true(crew_context(b)->wait.word == wait_word);
            assert_int_equal(lg__held_count(crew_context(b)), 0);
            (void)crew_do(a, step_let_go, &r);
            expect_quiet(&r);
        }
    (void)crew_do(b, step_copy, &report);
    assert_int_equal(report.kind, LG_REPORT_NONE);
}

static void test_upgrade_and_downgrade(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_upgradable, &r), LG_OK);
    assert_int_equal(crew_do(b, step_read, &r), LG_OK);
    assert_int_equal(crew_do(a, step_try_upgrade, &r), LG_EBUSY);
    assert_int_equal(crew_do(a, step_mode, &r), LG_RWLOCK_UPGRADABLE);
    wait_for(a, step_upgrade, &r, &r);
    assert_int_equal(step_try_read(&r), LG_EBUSY); /* new readers wait meanwhile */
    (void)crew_do(b, step_let_go, &r);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_mode, &r), LG_RWLOCK_WRITE);
    assert_int_equal(step_try_read(&r), LG_EBUSY);
    wait_for(b, step_read, &r, &r);
    (void)crew_do(a, step_downgrade_to_upgradable, &r);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(step_try_upgradable(&r), LG_EBUSY);
    (void)crew_do(b, step_let_go, &r);
    assert_int_equal(crew_do(a, step_try_upgrade, &r), LG_OK);
    (void)crew_do(a, step_downgrade, &r);
    assert_int_equal(crew_do(a, step_mode, &r), LG_RWLOCK_READ);
    assert_int_equal(step_try_upgradable(&r), LG_OK);
    step_downgrade(&r);
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    step_let_go(&r);
    (void)crew_do(a, step_let_go, &r);
    assert_int_equal(lg__held_count(crew_context(a)), 0);
    expect_quiet(&r);
}

static void test_upgrade_wants_the_upgradable_mode(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    assert_int_equal(step_upgrade(&r), LG_EINVAL);
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(step_upgrade(&r), LG_EINVAL);
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    step_let_go(&r);
    assert_int_equal(step_write(&r), LG_OK);
    assert_int_equal(step_upgrade(&r), LG_EINVAL);
    step_let_go(&r);
    expect_quiet(&r);
}

/* What was taken last goes first, whichever way it was taken. */
static void test_one_context_in_several_modes(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(step_upgradable(&r), LG_OK);
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(step_mode(&r), LG_RWLOCK_UPGRADABLE);
    assert_int_equal(lg__held_count(lg_context_self()), 3);
    step_let_go(&r);
    assert_int_equal(step_mode(&r), LG_RWLOCK_UPGRADABLE);
    step_let_go(&r);
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    step_let_go(&r);
    expect_quiet(&r);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void test_a_deadline_in_the_past(void **state)
{
    (void)state;
    static support_step *const steps[] = {step_read_until, step_upgradable_until, step_write_until};
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct rwlock_until past = {&r, 1, "past.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_write, &r), LG_OK);
    uint64_t word = r.word;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_do(b, steps[i], &past), LG_ETIMEDOUT);
        assert_true(r.word == word);
        (void)crew_do(b, step_copy, &report);
        assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(report.noun, "rwlock");
        assert_string_equal(report.name, "r");
        assert_string_equal(report.place, "past.c:1");
        assert_string_equal(report.members[1].context, "A");
    }
    (void)crew_do(a, step_let_go, &r);
    for (int i = 0; i < 3; i++) { /* free: had, however late */
        assert_int_equal(crew_do(b, steps[i], &past), LG_OK);
        (void)crew_do(b, step_let_go, &r);
    }
    expect_quiet(&r);
}

/* A writer that gives up lets those behind it go on, who could have all the time. */
static void test_who_gives_up_stands_in_nobodys_way(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *w = crew_hire("W"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(step_read(&r), LG_OK);
    wait_for(w, step_write, &r, &r);
    wait_for(b, step_read, &r, &r);
    wait_for(c, step_upgradable, &r, &r);
    assert_true(thing_time_out(crew_context(w)));
    assert_int_equal(crew_wait(w), LG_ETIMEDOUT);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(w, step_copy, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.members[1].context, "main");
    step_let_go(&r);
    (void)crew_do(b, step_let_go, &r);
    (void)crew_do(c, step_let_go, &r);
    expect_quiet(&r);
}

static void test_a_timeout_is_not_early_and_names_the_readers(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct rwlock_until hold = {&r, LG_FOREVER, "hold.c:1"}, late = {&r, 0, "late.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *w = crew_hire("W");
    assert_int_equal(crew_do(a, step_read_until, &hold), LG_OK);
    assert_int_equal(crew_do(b, step_upgradable_until, &hold), LG_OK);
    late.deadline = lg_after_ms(3);
    assert_int_equal(crew_do(w, step_write_until, &late), LG_ETIMEDOUT);
    assert_true(lg__now_ns() >= late.deadline);
    (void)crew_do(w, step_copy, &report);
    assert_int_equal(report.member_count, 3);
    assert_int_equal(report.cause, LG_EXHAUSTION_NONE); /* they run */
    assert_string_equal(report.members[1].context, "B");
    assert_string_equal(report.members[2].context, "A");
    for (int i = 1; i < 3; i++) {
        assert_string_equal(report.members[i].holds[0].name, "r");
        assert_string_equal(report.members[i].holds[0].place, "hold.c:1");
    }
    (void)crew_do(a, step_let_go, &r);
    (void)crew_do(b, step_let_go, &r);
    expect_quiet(&r);
}

static void test_a_cancelled_wait(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct scope scopes[3];
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *reader = hire_in(&scopes[0], token, "R");
    struct crew_worker *writer = hire_in(&scopes[1], token, "W");
    struct crew_worker *upgrader = hire_in(&scopes[2], token, "U");
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(crew_do(upgrader, step_upgradable, &r), LG_OK);
    wait_for(upgrader, step_upgrade, &r, &r);
    wait_for(writer, step_write, &r, &r);
    wait_for(reader, step_read, &r, &r);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(upgrader), LG_ECANCELED);
    assert_int_equal(crew_wait(writer), LG_ECANCELED);
    int status = crew_wait(reader); /* or it came in first, when the writer had left */
    assert_true(status == LG_ECANCELED || status == LG_OK);
    if (status == LG_OK)
        (void)crew_do(reader, step_let_go, &r);
    assert_int_equal(crew_do(upgrader, step_mode, &r), LG_RWLOCK_UPGRADABLE);
    assert_int_equal(crew_do(writer, step_write, &r), LG_ECANCELED); /* at once */
    assert_int_equal(crew_do(reader, step_read, &r), LG_OK);         /* needs no wait */
    (void)crew_do(reader, step_let_go, &r);
    (void)crew_do(upgrader, step_let_go, &r);
    (void)crew_do(reader, step_leave, &scopes[0]);
    (void)crew_do(writer, step_leave, &scopes[1]);
    (void)crew_do(upgrader, step_leave, &scopes[2]);
    lg_cancel_destroy(token);
    step_let_go(&r);
    expect_quiet(&r);
}

/* ---- Who comes first ------------------------------------------------------------------------- */

static void test_a_reader_does_not_pass_a_queued_writer(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *w = crew_hire("W"), *b = crew_hire("B"), *c = crew_hire("C");
    assert_int_equal(step_read(&r), LG_OK);
    wait_for(w, step_write, &r, &r);
    assert_int_equal(crew_do(b, step_try_read, &r), LG_EBUSY);
    wait_for(b, step_read, &r, &r);
    wait_for(c, step_read, &r, &r);
    assert_int_equal(step_read(&r), LG_OK); /* but who reads may read again */
    assert_int_equal(step_try_read(&r), LG_OK);
    step_let_go(&r);
    step_let_go(&r);
    assert_true(crew_is_blocked(w) && crew_is_blocked(b) && crew_is_blocked(c));
    step_let_go(&r);
    assert_int_equal(crew_wait(w), LG_OK);
    (void)crew_do(w, step_let_go, &r);
    assert_int_equal(crew_wait(b), LG_OK); /* both: neither has let go */
    assert_int_equal(crew_wait(c), LG_OK);
    (void)crew_do(b, step_let_go, &r);
    (void)crew_do(c, step_let_go, &r);
    expect_quiet(&r);
}

/* A context whose table is full may read it already: it is not kept waiting. */
static void test_who_may_read_already_passes_a_writer(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r"), others[LG__HELD_MAX] = {0};
    struct crew_worker *w = crew_hire("W");
    for (int i = 0; i < LG__HELD_MAX; i++)
        assert_int_equal(step_read(&others[i]), LG_OK);
    assert_int_equal(step_read(&r), LG_OK); /* finds no room */
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    wait_for(w, step_write, &r, &r);
    assert_int_equal(step_read(&r), LG_OK);
    step_let_go(&r);
    step_let_go(&others[3]); /* out of order */
    assert_true(crew_is_blocked(w));
    step_let_go(&r);
    assert_int_equal(crew_wait(w), LG_OK);
    (void)crew_do(w, step_let_go, &r);
    for (int i = 0; i < LG__HELD_MAX; i++)
        if (i != 3)
            step_let_go(&others[i]);
    assert_int_equal(lg__held_count(lg_context_self()), 0);
    expect_quiet(&r);
}

/* W waits; main lets go and takes it back before W can run, until W has waited for too long and says so
 * in the word: then the next who lets go makes it W's. */
static void starve(struct crew_worker *w, support_step *step, struct lg_rwlock *r)
{
    assert_int_equal(step_write(r), LG_OK);
    crew_run(w, step, r);
    for (;;) {
        crew_wait_blocked_on(w, lg__rwlock_tagged(r));
        if (lg__load_acquire(&r->word) & LG__RWLOCK_STARVED)
            return;
        step_let_go(r);
        if (step_try_write(r) == LG_OK)
            continue;
        assert_int_equal(crew_wait(w), LG_OK); /* it was faster: once more */
        (void)crew_do(w, step_let_go, r);
        assert_int_equal(step_write(r), LG_OK);
        crew_run(w, step, r);
    }
}

static void test_who_starves_is_handed_the_lock(void **state)
{
    (void)state;
    static support_step *const steps[] = {step_read, step_upgradable, step_write};
    static const uint64_t owned[] = {LG__RWLOCK_READER, 0, LG__RWLOCK_WRITER};
    struct crew_worker *w = crew_hire("W");
    for (int i = 0; i < 3; i++) {
        struct lg_rwlock r = LG_RWLOCK_INIT("r");
        starve(w, steps[i], &r);
        step_let_go(&r);
        uint64_t key = i > 0 ? lg__rwlock_key(crew_context(w)->id) : 0;
        assert_true(r.word == (owned[i] | key));
        assert_int_equal(step_try_write(&r), LG_EBUSY);
        assert_int_equal(crew_wait(w), LG_OK);
        (void)crew_do(w, step_let_go, &r);
        expect_quiet(&r);
    }
}

/* W was woken for nothing and queues again, in front, but not before U, who holds what W wants: else U would
 * wait for W's turn, and W for U.  Without the detector, which would let U pass. */
static void holder_in_front(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *u = crew_hire("U"), *v = crew_hire("V"), *w = crew_hire("W");
    assert_int_equal(step_read(&r), LG_OK);
    assert_int_equal(crew_do(u, step_upgradable, &r), LG_OK);
    wait_for(w, step_write, &r, &r);
    wait_for(v, step_write, &r, &r);
    wait_for(u, step_upgrade, &r, &r);
    uint64_t word = lg__load_acquire(&crew_context(w)->wait.word);
    assert_true(thing_wake(crew_context(w)));
    while (LG__WAIT_STATE(lg__load_acquire(&crew_context(w)->wait.word)) != LG__WAIT_WAITING ||
           lg__load_acquire(&crew_context(w)->wait.word) == word)
        sched_yield();
    struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(&r));
    const struct lg__wait *first = lg__park_next(bucket, NULL, lg__rwlock_tagged(&r));
    const struct lg__wait *second = lg__park_next(bucket, first, lg__rwlock_tagged(&r));
    bool is_in_order = first == &crew_context(u)->wait && second == &crew_context(w)->wait &&
                       first->stamp < second->stamp;
    lg__park_unlock(bucket);
    assert_true(is_in_order);
    step_let_go(&r);
    assert_int_equal(crew_wait(u), LG_OK);
    (void)crew_do(u, step_let_go, &r);
    assert_int_equal(crew_wait(w), LG_OK);
    (void)crew_do(w, step_let_go, &r);
    assert_int_equal(crew_wait(v), LG_OK);
    (void)crew_do(v, step_let_go, &r);
    expect_quiet(&r);
}

static int case_in_front(void)
{
    const struct CMUnitTest tests[] = {SUPPORT_TEST(holder_in_front)};
    return support_end(cmocka_run_group_tests(tests, support_begin, NULL));
}

static void test_who_holds_it_stays_ahead_of_who_was_woken(void **state)
{
    (void)state;
    static char output[16384];
    int status = support_spawn("in front", "LIFEGUARD_DETECT=off", output, sizeof output);
    if (status != 0)
        print_message("%s", output);
    assert_int_equal(status, 0);
}

/* ---- The end of who holds it ----------------------------------------------------------------- */

static void test_a_writer_ends(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct rwlock_until past = {&r, 1, "past.c:1"};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_write, &r), LG_OK);
    wait_for(b, step_write, &r, &r);
    wait_for(c, step_read, &r, &r);
    crew_leave(a);
    assert_int_equal(crew_wait(b), LG_EOWNERDEAD);
    assert_int_equal(crew_wait(c), LG_EOWNERDEAD);
    assert_non_null(strstr(support_log_text("ended-holding"), "A ended holding 1 lock, taken at"));
    assert_int_equal(step_read(&r), LG_EOWNERDEAD);
    assert_int_equal(step_write(&r), LG_EOWNERDEAD);
    assert_int_equal(step_upgradable(&r), LG_EOWNERDEAD);
    assert_int_equal(step_try_read(&r), LG_EOWNERDEAD);
    assert_int_equal(step_try_write(&r), LG_EOWNERDEAD);
    assert_int_equal(step_try_upgradable(&r), LG_EOWNERDEAD);
    assert_int_equal(step_write_until(&past), LG_EOWNERDEAD);
    assert_int_equal(step_read_until(&past), LG_EOWNERDEAD);
    assert_int_equal(crew_do(c, step_rwlock_recover, &r), LG_OK);
    assert_int_equal(crew_do(b, step_rwlock_recover, &r), LG_EBUSY);
    assert_int_equal(crew_do(c, step_mode, &r), LG_RWLOCK_WRITE);
    wait_for(b, step_read, &r, &r);
    (void)crew_do(c, step_let_go, &r);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(step_rwlock_recover(&r), LG_EBUSY); /* nobody writes */
    (void)crew_do(b, step_let_go, &r);
    assert_int_equal(step_rwlock_recover(&r), LG_EBUSY); /* free */
    expect_quiet(&r);
}

/* A context of the caller's, in this slot, whose key is that of the one who had the slot before. */
static int come_back_to(void *slot)
{
    struct lg_context *before = slot;
    if (lg__self == before)
        SUPPORT_CHECK(lg_context_end(lg_context_detach()) == LG_OK);
    /* As after 65,535 others in it: keys have 16 bits of the generation. */
    lg__store_relaxed(&before->generation, before->generation + 65535);
    while (lg_context_self() != before)
        SUPPORT_CHECK(lg_context_end(lg_context_detach()) == LG_OK);
    return LG_OK;
}

static void test_the_key_of_a_dead_writer_comes_again(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct lg_context *slot = crew_context(a);
    uint32_t key = lg__context_key(lg_context_id(slot));
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(crew_do(a, step_write, &r), LG_OK);
    assert_int_equal(crew_do(a, come_back_to, slot), LG_OK);
    assert_int_equal(lg__context_key(lg_context_id(slot)), key);
    assert_int_equal(crew_do(a, step_mode, &r), LG_RWLOCK_NOT_HELD);
    assert_int_equal(crew_do(a, step_try_read, &r), LG_EOWNERDEAD);
    assert_int_equal(crew_do(a, step_write, &r), LG_EOWNERDEAD);
    assert_int_equal(crew_do(b, step_read, &r), LG_EOWNERDEAD);
    assert_int_equal(crew_do(b, step_rwlock_recover, &r), LG_OK);
    assert_int_equal(crew_do(a, step_rwlock_recover, &r), LG_EBUSY);
    (void)crew_do(b, step_let_go, &r);
    expect_quiet(&r);
}

static void test_readers_end(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *u = crew_hire("U");
    struct crew_worker *w = crew_hire("W");
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(crew_do(a, step_read, &r), LG_OK);
    assert_int_equal(crew_do(a, step_read, &r), LG_OK);
    assert_int_equal(crew_do(b, step_read, &r), LG_OK);
    assert_int_equal(crew_do(u, step_read, &r), LG_OK);
    assert_int_equal(crew_do(u, step_upgradable, &r), LG_OK);
    wait_for(w, step_write, &r, &r);
    crew_leave(a);
    crew_leave(u);
    crew_wait_blocked_on(w, lg__rwlock_tagged(&r)); /* it may have looked again, and waits for B */
    (void)crew_do(b, step_let_go, &r);
    assert_int_equal(crew_wait(w), LG_OK);
    (void)crew_do(w, step_let_go, &r);
    expect_quiet(&r);
    struct crew_worker *c = crew_hire("C"); /* with nobody waiting */
    assert_int_equal(crew_do(c, step_upgradable, &r), LG_OK);
    crew_leave(c);
    expect_quiet(&r);
}

/* main reads and A reads, U is upgradable; B writes s; main forks. */
static struct lg_rwlock forked = LG_RWLOCK_INIT("forked"), written = LG_RWLOCK_INIT("written");

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_mode(&forked) == LG_RWLOCK_READ);
    SUPPORT_CHECK(step_try_upgradable(&forked) == LG_OK); /* U is gone */
    step_let_go(&forked);
    SUPPORT_CHECK(step_try_read(&forked) == LG_OK); /* nobody queues */
    step_let_go(&forked);
    SUPPORT_CHECK(step_try_write(&forked) == LG_EBUSY); /* main's own */
    step_let_go(&forked);
    SUPPORT_CHECK(step_try_write(&forked) == LG_OK);
    step_let_go(&forked);
    SUPPORT_CHECK(forked.word == 0);
    SUPPORT_CHECK((written.word & LG__RWLOCK_KEY) == LG__RWLOCK_DEAD);
    SUPPORT_CHECK(step_read(&written) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_write(&written) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_rwlock_recover(&written) == LG_OK);
    step_let_go(&written);
    SUPPORT_CHECK(written.word == 0);
    SUPPORT_CHECK(lg__held_count(lg_context_self()) == 0);
    lg_rwlock_destroy(&forked);
    return 0;
}

static void test_in_a_forked_child_the_others_are_gone(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *u = crew_hire("U"), *b = crew_hire("B");
    struct crew_worker *w = crew_hire("W"), *v = crew_hire("V");
    assert_int_equal(step_read(&forked), LG_OK);
    assert_int_equal(crew_do(a, step_read, &forked), LG_OK);
    assert_int_equal(crew_do(a, step_read, &forked), LG_OK);
    assert_int_equal(crew_do(u, step_upgradable, &forked), LG_OK);
    assert_int_equal(crew_do(b, step_write, &written), LG_OK);
    wait_for(w, step_write, &forked, &forked);
    wait_for(v, step_read, &written, &written);
    assert_int_equal(support_fork(check_child, NULL), 0);
    (void)crew_do(a, step_let_go, &forked); /* the parent has not noticed */
    (void)crew_do(a, step_let_go, &forked);
    (void)crew_do(u, step_let_go, &forked);
    assert_true(crew_is_blocked(w));
    step_let_go(&forked);
    assert_int_equal(crew_wait(w), LG_OK);
    (void)crew_do(w, step_let_go, &forked);
    (void)crew_do(b, step_let_go, &written);
    assert_int_equal(crew_wait(v), LG_OK);
    (void)crew_do(v, step_let_go, &written);
    expect_quiet(&forked);
    expect_quiet(&written);
}

/* ---- Panics ---------------------------------------------------------------------------------- */

static int destroy(void *rwlock)
{
    lg_rwlock_destroy(rwlock);
    return 0;
}

static void expect_panic(support_step *step, struct lg_rwlock *rwlock, const char *rule,
                         const char *object)
{
    struct support_panic panic = support_panic_of(step, rwlock);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, rule);
    assert_string_equal(panic.object, object);
}

static void test_let_go_of_what_is_not_held(void **state)
{
    (void)state;
    static const char unlock[] = "a rwlock was unlocked by a context that does not hold it";
    static const char weaken[] = "a rwlock was downgraded by a context that does not write it";
    static struct lg_rwlock r = LG_RWLOCK_INIT("r"), unnamed;
    struct crew_worker *a = crew_hire("A");
    expect_panic(step_let_go, &r, unlock, "r"); /* free */
    expect_panic(step_let_go, &unnamed, unlock, "(unnamed rwlock)");
    assert_int_equal(crew_do(a, step_write, &r), LG_OK);
    expect_panic(step_let_go, &r, unlock, "r"); /* another writes */
    expect_panic(step_downgrade, &r, weaken, "r");
    (void)crew_do(a, step_downgrade, &r);
    expect_panic(step_let_go, &r, unlock, "r"); /* another reads */
    struct lg_context *mine = lg_context_detach();
    expect_panic(step_let_go, &r, unlock, "r"); /* by a thread without a context */
    assert_int_equal(lg_context_resume(mine), LG_OK);
    assert_int_equal(step_read(&r), LG_OK);
    expect_panic(step_downgrade, &r, weaken, "r");
    expect_panic(step_downgrade_to_upgradable, &r, weaken, "r");
    step_let_go(&r);
    (void)crew_do(a, step_let_go, &r);
    expect_quiet(&r);
}

static void test_destroy_what_is_in_use(void **state)
{
    (void)state;
    static struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_read(&r), LG_OK);
    expect_panic(destroy, &r, "a rwlock was destroyed while held", "r");
    wait_for(a, step_write, &r, &r);
    expect_panic(destroy, &r, "a rwlock was destroyed while waited for", "r");
    step_let_go(&r);
    assert_int_equal(crew_wait(a), LG_OK);
    expect_panic(destroy, &r, "a rwlock was destroyed while held", "r");
    (void)crew_do(a, step_let_go, &r);
    assert_false(support_panic_of(destroy, &r).has_happened);
}

/* ---- Around ---------------------------------------------------------------------------------- */

static int enter_both(void *arg)
{
    struct lg_rwlock *r = arg;
    int modes = 0;
    LG_WITH_READ(r, LG_TRY, read)
    {
        modes += lg_rwlock_is_held(r);
    }
    LG_WITH_WRITE(r, lg_after_ms(0), written_too)
    {
        modes += 10 * lg_rwlock_is_held(r);
    }
    return modes * 10000 + read * -100 - written_too;
}

static void test_the_block_runs_only_when_locked(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(enter_both(&r), (LG_RWLOCK_READ + 10 * LG_RWLOCK_WRITE) * 10000);
    expect_quiet(&r);
    assert_int_equal(crew_do(a, step_write, &r), LG_OK);
    assert_int_equal(enter_both(&r), LG_EBUSY * -100 - LG_ETIMEDOUT);
    (void)crew_do(a, step_let_go, &r);
}

static void test_memory_may_go_right_after_unlock(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int i = 0; i < 50; i++) {
        struct lg_rwlock *r = calloc(1, sizeof *r);
        struct rwlock_until soon = {r, lg__now_ns() + 50000, "soon.c:1"};
        assert_int_equal(i % 2 ? step_write(r) : step_upgradable(r), LG_OK);
        crew_run(a, step_write_until, &soon);
        crew_run(b, step_upgradable_until, &soon);
        assert_int_equal(crew_wait(a), LG_ETIMEDOUT);
        assert_int_equal(crew_wait(b), LG_ETIMEDOUT);
        step_let_go(r);
        free(r);
    }
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct rwlock_until soon = {&r, 0, "soon.c:1"};
    struct crew_worker *a = crew_hire("A");
    support_log_begin(LG_LOG_ERROR);
    uint64_t before = lg__alloc_count();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(step_read(&r), LG_OK);
        assert_int_equal(step_write(&r), LG_EDEADLK);
        soon.deadline = lg__now_ns() + 10000;
        assert_int_equal(crew_do(a, step_write_until, &soon), LG_ETIMEDOUT);
        wait_for(a, step_write, &r, &r);
        step_let_go(&r);
        assert_int_equal(crew_wait(a), LG_OK);
        (void)crew_do(a, step_let_go, &r);
    }
    assert_true(lg__alloc_count() == before);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {{"in front", case_in_front}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_all_bytes_zero_is_a_rwlock),
        SUPPORT_TEST(test_init_and_null),
        SUPPORT_TEST(test_which_modes_go_together),
        SUPPORT_TEST(test_upgrade_and_downgrade),
        SUPPORT_TEST(test_upgrade_wants_the_upgradable_mode),
        SUPPORT_TEST(test_one_context_in_several_modes),
        SUPPORT_TEST(test_a_deadline_in_the_past),
        SUPPORT_TEST(test_who_gives_up_stands_in_nobodys_way),
        SUPPORT_TEST(test_a_timeout_is_not_early_and_names_the_readers),
        SUPPORT_TEST(test_a_cancelled_wait),
        SUPPORT_TEST(test_a_reader_does_not_pass_a_queued_writer),
        SUPPORT_TEST(test_who_may_read_already_passes_a_writer),
        SUPPORT_TEST(test_who_starves_is_handed_the_lock),
        SUPPORT_TEST(test_who_holds_it_stays_ahead_of_who_was_woken),
        SUPPORT_TEST(test_a_writer_ends),
        SUPPORT_TEST(test_the_key_of_a_dead_writer_comes_again),
        SUPPORT_TEST(test_readers_end),
        SUPPORT_TEST(test_in_a_forked_child_the_others_are_gone),
        SUPPORT_TEST(test_let_go_of_what_is_not_held),
        SUPPORT_TEST(test_destroy_what_is_in_use),
        SUPPORT_TEST(test_the_block_runs_only_when_locked),
        SUPPORT_TEST(test_memory_may_go_right_after_unlock),
        SUPPORT_TEST(test_nothing_is_allocated),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
