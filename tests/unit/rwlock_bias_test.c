/* Rwlocks that are read by bias: the word does not change for it, and everything else is as it was. */
#include "support/locks.h"
#include "support/rwlocks.h"

#include "plat/clock.h"
#include "sync/rwlock_bias.h"

#include <stdlib.h>
#include <string.h>

static struct lg_report report;

static int step_copy(void *out)
{
    *(struct lg_report *)out = *lg_report_last();
    return LG_OK;
}

static bool is_biased(const struct lg_rwlock *rwlock)
{
    return lg__load_relaxed(&rwlock->word) & LG__RWLOCK_BIASED;
}

static void wait_for(struct crew_worker *worker, support_step *step, void *arg,
                     const struct lg_rwlock *rwlock)
{
    crew_run_blocked_on(worker, step, arg, lg__rwlock_tagged(rwlock));
}

static void let_go(struct crew_worker *worker, struct lg_rwlock *rwlock)
{
    (void)crew_do(worker, step_let_go, rwlock);
}

/* ---- How it comes and goes ------------------------------------------------------------------- */

static void read_often(struct lg_rwlock *rwlock, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(step_read(rwlock), LG_OK);
        step_let_go(rwlock);
    }
}

static void test_it_is_earned_beside_others(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    read_often(&r, 4 * LG__BIAS_LOOK); /* alone */
    assert_true(r.word == 0);
    assert_int_equal(crew_do(a, step_read, &r), LG_OK);
    read_often(&r, LG__BIAS_LOOK);
    assert_true(r.word == (LG__RWLOCK_READER | LG__RWLOCK_BIASED));
    let_go(a, &r);
    assert_true(r.word == LG__RWLOCK_BIASED);
    read_often(&r, 1); /* sees it */
    assert_int_equal(step_read(&r), LG_OK);
    assert_true(r.word == LG__RWLOCK_BIASED);
    assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
    assert_int_equal(lg__held_count(lg_context_self()), 1);
    step_let_go(&r);
    assert_true(r.word == LG__RWLOCK_BIASED);
    assert_int_equal(step_mode(&r), LG_RWLOCK_NOT_HELD);
    lg_rwlock_destroy(&r);
}

static void test_a_writer_takes_it_back(void **state)
{
    (void)state;
    skip_without_bias();
    static support_step *const writes[] = {step_write, step_try_write};
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(step_bias(&r), LG_OK);
        assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
        let_go(a, &r);
        assert_int_equal(crew_do(b, writes[i], &r), LG_OK);
        assert_false(is_biased(&r));
        assert_int_equal(crew_do(a, step_try_read, &r), LG_EBUSY); /* thinks it biased yet */
        let_go(b, &r);
        assert_int_equal(crew_do(a, step_read, &r), LG_OK);
        assert_true(r.word == LG__RWLOCK_READER);
        let_go(a, &r);
        assert_true(r.word == 0);
    }
}

static void test_a_writer_waits_for_whom_it_finds(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B"), *c = crew_hire("C");
    struct crew_worker *w = crew_hire("W");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
    assert_int_equal(crew_do(b, step_read_by_bias, &r), LG_OK);
    assert_int_equal(crew_do(w, step_try_write, &r), LG_EBUSY);
    assert_true(r.word == 2 * LG__RWLOCK_READER);
    wait_for(w, step_write, &r, &r);
    wait_for(c, step_read, &r, &r); /* behind the writer */
    assert_int_equal(step_try_read(&r), LG_EBUSY);
    assert_int_equal(crew_do(a, step_read, &r), LG_OK); /* who reads may read again */
    let_go(b, &r);
    let_go(a, &r);
    assert_true(crew_is_blocked(w));
    let_go(a, &r);
    assert_int_equal(crew_wait(w), LG_OK);
    let_go(w, &r);
    assert_int_equal(crew_wait(c), LG_OK);
    let_go(c, &r);
    assert_true(r.word == 0);
}

static void test_none_is_given_while_somebody_waits(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *w = crew_hire("W");
    assert_int_equal(step_read(&r), LG_OK);
    wait_for(w, step_write, &r, &r);
    assert_int_equal(step_bias(&r), LG_EBUSY);
    step_let_go(&r);
    assert_int_equal(crew_wait(w), LG_OK);
    lg__rwlock_bias(&r);
    assert_false(is_biased(&r));
    let_go(w, &r);
    assert_true(r.word == 0);
}

/* Whoever loses it again and again has it less and less often, but has it again some day. */
static void test_it_rests_after_a_loss(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    uint32_t before = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(step_bias(&r), LG_OK);
        assert_int_equal(step_try_write(&r), LG_OK);
        step_let_go(&r);
        before = i == 0 ? r.bias % 32 : before;
    }
    assert_true(r.bias % 32 > before); /* losses that were not worth it */
    assert_int_equal(crew_do(a, step_read, &r), LG_OK);
    while (!is_biased(&r))
        read_often(&r, LG__BIAS_LOOK);
    let_go(a, &r);
}

/* ---- Upgradable ------------------------------------------------------------------------------ */

static void test_an_upgrade_takes_it_back(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *u = crew_hire("U"), *v = crew_hire("V");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
    assert_int_equal(crew_do(u, step_upgradable, &r), LG_OK); /* readers are not in its way */
    assert_true(is_biased(&r));
    assert_int_equal(crew_do(v, step_try_upgradable, &r), LG_EBUSY);
    assert_true(is_biased(&r)); /* that it is biased was not why */
    assert_int_equal(crew_do(u, step_try_upgrade, &r), LG_EBUSY);
    assert_false(is_biased(&r));
    assert_int_equal(step_bias(&r), LG_OK);
    wait_for(v, step_upgradable, &r, &r); /* and who queues takes it back, too */
    assert_false(is_biased(&r));
    wait_for(u, step_upgrade, &r, &r);
    let_go(a, &r);
    assert_int_equal(crew_wait(u), LG_OK);
    assert_int_equal(crew_do(u, step_mode, &r), LG_RWLOCK_WRITE);
    (void)crew_do(u, step_downgrade, &r);
    assert_int_equal(crew_wait(v), LG_OK);
    let_go(u, &r);
    let_go(v, &r);
    assert_true(r.word == 0);
}

static void test_it_survives_a_downgrade(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(step_upgradable(&r), LG_OK);
    assert_int_equal(step_read_by_bias(&r), LG_OK);
    step_let_go(&r); /* the read */
    assert_int_equal(step_mode(&r), LG_RWLOCK_UPGRADABLE);
    step_downgrade(&r);
    assert_true(r.word == (LG__RWLOCK_READER | LG__RWLOCK_BIASED));
    assert_int_equal(step_read_by_bias(&r), LG_OK);
    step_let_go(&r);
    step_let_go(&r);
    assert_true(r.word == LG__RWLOCK_BIASED);
}

/* ---- What the graph sees --------------------------------------------------------------------- */

static struct lg_rwlock x = LG_RWLOCK_INIT("x"), y = LG_RWLOCK_INIT("y");

static void test_a_ring_through_readers_by_bias(void **state)
{
    (void)state;
    skip_without_bias();
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(step_bias(&x), LG_OK);
    assert_int_equal(step_bias(&y), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &x), LG_OK);
    assert_int_equal(crew_do(b, step_read_by_bias, &y), LG_OK);
    wait_for(a, step_write, &y, &y);
    assert_int_equal(crew_do(b, step_write, &x), LG_EDEADLK);
    (void)crew_do(b, step_copy, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, 2);
    let_go(b, &y);
    assert_int_equal(crew_wait(a), LG_OK);
    let_go(a, &y);
    let_go(a, &x);
    assert_true(x.word == 0 && y.word == 0);
}

static void test_a_reader_that_wants_to_write(void **state)
{
    (void)state;
    skip_without_bias();
    support_log_begin(LG_LOG_ERROR);
    assert_int_equal(step_bias(&x), LG_OK);
    assert_int_equal(step_read_by_bias(&x), LG_OK);
    assert_int_equal(step_try_write(&x), LG_EBUSY);
    assert_int_equal(step_write(&x), LG_EDEADLK);
    (void)step_copy(&report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(step_upgradable(&x), LG_OK);
    assert_int_equal(step_upgrade(&x), LG_EDEADLK);
    step_let_go(&x);
    step_let_go(&x);
    assert_int_equal(step_try_write(&x), LG_OK);
    step_let_go(&x);
    assert_true(x.word == 0);
}

static void test_a_timeout_names_the_reader(void **state)
{
    (void)state;
    skip_without_bias();
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct rwlock_until soon = {&x, lg__now_ns() + 1000000, "soon.c:1"};
    assert_int_equal(step_bias(&x), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &x), LG_OK);
    assert_int_equal(crew_do(b, step_write_until, &soon), LG_ETIMEDOUT);
    (void)crew_do(b, step_copy, &report);
    assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(report.members[1].context, "A");
    let_go(a, &x);
    assert_true(x.word == 0);
}

/* ---- Several of them ------------------------------------------------------------------------- */

/* Of what is read twice, one is counted; which unlock ends which makes no difference. */
static void test_read_twice(void **state)
{
    (void)state;
    skip_without_bias();
    struct crew_worker *w = crew_hire("W");
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct rwlock_until past = {&r, 1, "past.c:1"};
    for (int is_revoked = 0; is_revoked < 2; is_revoked++) {
        assert_int_equal(step_bias(&r), LG_OK);
        assert_int_equal(step_read_by_bias(&r), LG_OK);
        assert_int_equal(step_read(&r), LG_OK);
        assert_true(r.word == (LG__RWLOCK_READER | LG__RWLOCK_BIASED));
        if (is_revoked)
            assert_int_equal(crew_do(w, step_write_until, &past), LG_ETIMEDOUT);
        step_let_go(&r);
        assert_true(r.word == (is_revoked ? LG__RWLOCK_READER : LG__RWLOCK_BIASED));
        assert_int_equal(step_mode(&r), LG_RWLOCK_READ);
        assert_int_equal(crew_do(w, step_try_write, &r), LG_EBUSY);
        step_let_go(&r);
        assert_int_equal(crew_do(w, step_try_write, &r), LG_OK);
        let_go(w, &r);
        assert_true(r.word == 0);
    }
}

/* More than there is room for, let go in the order in which they came; some share a place. */
static void test_many_at_a_time(void **state)
{
    (void)state;
    skip_without_bias();
    enum { MANY = 4 * LG__READINGS };
    static struct lg_rwlock many[MANY];
    struct crew_worker *w = crew_hire("W");
    unsigned by_bias = 0;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(step_bias(&many[i]), LG_OK);
        assert_int_equal(step_read(&many[i]), LG_OK);
        step_let_go(&many[i]);
        assert_int_equal(step_read(&many[i]), LG_OK);
        by_bias += *lg__reading_of(lg_context_self(), &many[i]) == lg__reading_held(&many[i]);
    }
    assert_true(by_bias > 1 && by_bias <= LG__READINGS);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(crew_do(w, step_try_write, &many[i]), LG_EBUSY);
        step_let_go(&many[i]);
        assert_int_equal(crew_do(w, step_try_write, &many[i]), LG_OK);
        let_go(w, &many[i]);
        assert_true(many[i].word == 0);
    }
}

static void test_a_full_table(void **state)
{
    (void)state;
    skip_without_bias();
    static struct lg_mutex mutexes[LG__HELD_MAX];
    struct crew_worker *w = crew_hire("W");
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(step_read_by_bias(&r), LG_OK);
    for (int i = 0; i < LG__HELD_MAX; i++)
        assert_int_equal(step_lock(&mutexes[i]), LG_OK);
    assert_int_equal(step_read(&r), LG_OK); /* nobody can name it: counted */
    assert_true(r.word == (LG__RWLOCK_READER | LG__RWLOCK_BIASED));
    step_let_go(&r);
    step_let_go(&r);
    for (int i = 0; i < LG__HELD_MAX; i++)
        step_unlock(&mutexes[i]);
    assert_true(r.word == LG__RWLOCK_BIASED);
    assert_int_equal(crew_do(w, step_try_write, &r), LG_OK);
    let_go(w, &r);
}

/* Another lock where one was: what the context remembers of that is wrong. */
static void test_the_memory_is_used_again(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(step_read_by_bias(&r), LG_OK);
    step_let_go(&r);
    r = (struct lg_rwlock)LG_RWLOCK_INIT("another");
    assert_int_equal(step_read(&r), LG_OK);
    assert_true(r.word == LG__RWLOCK_READER);
    step_let_go(&r);
    assert_true(r.word == 0);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void test_a_reader_ends(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *w = crew_hire("W");
    support_log_begin(LG_LOG_ERROR);
    for (int is_revoked = 0; is_revoked < 2; is_revoked++) {
        struct crew_worker *a = crew_hire("A");
        assert_int_equal(step_bias(&r), LG_OK);
        assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
        assert_int_equal(crew_do(a, step_read, &r), LG_OK);
        if (is_revoked)
            wait_for(w, step_write, &r, &r);
        crew_leave(a);
        assert_int_equal(is_revoked ? crew_wait(w) : crew_do(w, step_write, &r), LG_OK);
        let_go(w, &r);
        assert_true(r.word == 0);
    }
}

/* Its context goes from thread to thread, as a coroutine's does. */
static int step_detach(void *out)
{
    *(struct lg_context **)out = lg_context_detach();
    return LG_OK;
}

static int step_resume(void *context)
{
    return lg_context_resume(context);
}

static void test_a_reader_changes_its_thread(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct lg_context *reader;
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
    assert_int_equal(crew_do(a, step_detach, &reader), LG_OK);
    assert_int_equal(step_try_write(&r), LG_EBUSY);
    assert_int_equal(crew_do(b, step_resume, reader), LG_OK);
    let_go(b, &r);
    assert_int_equal(step_try_write(&r), LG_OK);
    step_let_go(&r);
}

static struct lg_rwlock forked = LG_RWLOCK_INIT("forked"), theirs = LG_RWLOCK_INIT("theirs");

static int check_child(void *arg)
{
    (void)arg;
    SUPPORT_CHECK(step_try_write(&theirs) == LG_OK); /* who read it is gone */
    step_let_go(&theirs);
    SUPPORT_CHECK(theirs.word == 0);
    SUPPORT_CHECK(step_mode(&forked) == LG_RWLOCK_READ);
    struct lg_context *reader = lg_context_detach();
    SUPPORT_CHECK(step_try_write(&forked) == LG_EBUSY); /* by another context */
    SUPPORT_CHECK(lg_context_end(lg_context_detach()) == LG_OK);
    SUPPORT_CHECK(lg_context_resume(reader) == LG_OK);
    step_let_go(&forked);
    SUPPORT_CHECK(step_try_write(&forked) == LG_OK);
    step_let_go(&forked);
    SUPPORT_CHECK(forked.word == 0);
    return 0;
}

static void test_in_a_forked_child(void **state)
{
    (void)state;
    skip_without_bias();
    struct crew_worker *a = crew_hire("A");
    for (int is_read_by_both = 0; is_read_by_both < 2; is_read_by_both++) {
        assert_int_equal(step_bias(&forked), LG_OK);
        assert_int_equal(step_bias(&theirs), LG_OK);
        assert_int_equal(step_read_by_bias(&forked), LG_OK);
        assert_int_equal(crew_do(a, step_read_by_bias, &theirs), LG_OK);
        if (is_read_by_both)
            assert_int_equal(crew_do(a, step_read_by_bias, &forked), LG_OK);
        assert_int_equal(support_fork(check_child, NULL), 0);
        step_let_go(&forked);
        let_go(a, &theirs);
        if (is_read_by_both)
            let_go(a, &forked);
        assert_true(forked.word == LG__RWLOCK_BIASED); /* the parent has not noticed */
        assert_int_equal(step_try_write(&forked), LG_OK);
        step_let_go(&forked);
    }
}

static int destroy(void *rwlock)
{
    lg_rwlock_destroy(rwlock);
    return 0;
}

static void test_destroyed_while_read(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
    struct support_panic panic = support_panic_of(destroy, &r);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a rwlock was destroyed while held");
    let_go(a, &r);
    assert_false(support_panic_of(destroy, &r).has_happened);
}

static void test_let_go_of_what_another_reads(void **state)
{
    (void)state;
    skip_without_bias();
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(step_bias(&r), LG_OK);
    assert_int_equal(crew_do(a, step_read_by_bias, &r), LG_OK);
    struct support_panic panic = support_panic_of(step_let_go, &r);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a rwlock was unlocked by a context that does not hold it");
    let_go(a, &r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_it_is_earned_beside_others),
        SUPPORT_TEST(test_a_writer_takes_it_back),
        SUPPORT_TEST(test_a_writer_waits_for_whom_it_finds),
        SUPPORT_TEST(test_none_is_given_while_somebody_waits),
        SUPPORT_TEST(test_it_rests_after_a_loss),
        SUPPORT_TEST(test_an_upgrade_takes_it_back),
        SUPPORT_TEST(test_it_survives_a_downgrade),
        SUPPORT_TEST(test_a_ring_through_readers_by_bias),
        SUPPORT_TEST(test_a_reader_that_wants_to_write),
        SUPPORT_TEST(test_a_timeout_names_the_reader),
        SUPPORT_TEST(test_read_twice),
        SUPPORT_TEST(test_many_at_a_time),
        SUPPORT_TEST(test_a_full_table),
        SUPPORT_TEST(test_the_memory_is_used_again),
        SUPPORT_TEST(test_a_reader_ends),
        SUPPORT_TEST(test_a_reader_changes_its_thread),
        SUPPORT_TEST(test_in_a_forked_child),
        SUPPORT_TEST(test_destroyed_while_read),
        SUPPORT_TEST(test_let_go_of_what_another_reads),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
