/* The robust mutex when the system does not do what it wants: none is made, no random number, and a kernel that
 * cannot wait for a priority-inheriting one by the right clock, so that waits poll. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/robust.h"
#include "support/scope.h"

#include "graph/context.h"

static void test_none_is_made(void **state)
{
    (void)state;
    struct lg_robust_mutex mutex;
    lg__seam_arm(1, FAULT_BIT(MUTEX), false);
    assert_int_equal(lg_robust_mutex_init(&mutex, "m", 0), LG_ESYS);
    assert_true(lg__seam_disarm());
    assert_int_equal(step_robust_lock(&mutex), LG_EINVAL);
    assert_int_equal(lg_robust_mutex_init(&mutex, "m", 0), LG_OK);
    lg_robust_mutex_destroy(&mutex);
}

static int use_without_number(void *arg)
{
    struct lg_robust_mutex *m = arg;
    lg__seam_arm(1, FAULT_BIT(RANDOM), true);
    SUPPORT_CHECK(step_robust_lock(m) == LG_OK);
    SUPPORT_CHECK(lg__seam_disarm());
    SUPPORT_CHECK(m->owner != 0 && m->owner != lg__self->id);
    SUPPORT_CHECK(step_robust_is_held(m) == 1);
    step_robust_unlock(m);
    return 0;
}

/* In a child, which draws a number of its own. */
static void test_a_number_that_is_not_random(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = robust_make(LG_ROBUST_SHARED, "m");
    assert_int_equal(support_fork(use_without_number, m), 0);
    assert_int_equal(step_robust_lock(m), LG_OK);
    (void)step_robust_unlock(m);
    robust_free(m);
}

/* A child can make nothing anew: it is told so, and can once there is memory again. */
static int use_without_memory(void *arg)
{
    struct lg_robust_mutex *m = arg;
    lg__seam_arm(1, FAULT_BIT(MUTEX), true);
    SUPPORT_CHECK(step_robust_lock(m) == LG_ESYS);
    SUPPORT_CHECK(step_robust_recover(m) == LG_ESYS);
    SUPPORT_CHECK(lg__seam_disarm());
    SUPPORT_CHECK(step_robust_lock(m) == LG_EOWNERDEAD);
    SUPPORT_CHECK(step_robust_recover(m) == LG_OK);
    step_robust_unlock(m);
    return 0;
}

static void test_a_child_without_memory(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = robust_make(0, "m");
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, step_robust_lock, m), LG_OK);
    assert_int_equal(support_fork(use_without_memory, m), 0);
    (void)crew_do(a, step_robust_unlock, m);
    robust_free(m);
}

/* All that may end a wait does so when it polls. */
static void test_waits_poll_where_they_cannot_sleep(void **state)
{
    (void)state;
    struct lg_robust_mutex *m = robust_make(LG_ROBUST_INHERIT, "m");
    struct lg_mutex own = LG_MUTEX_INIT("own");
    struct scope scope;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct crew_worker *a = crew_hire("A"), *b = hire_in(&scope, token, "B");
    support_log_begin(LG_LOG_WARN);
    lg__seam_arm(1, FAULT_BIT(LOCK_PI2), true);

    assert_int_equal(step_robust_lock(m), LG_OK);
    crew_run(a, step_robust_lock, m);
    robust_wait_blocked(a, m);
    (void)step_robust_unlock(m);
    assert_int_equal(crew_wait(a), LG_OK);

    struct robust_until soon = {m, lg_after_ms(20), "soon.c:1"};
    assert_int_equal(step_robust_until(&soon), LG_ETIMEDOUT);

    assert_int_equal(crew_do(b, step_lock, &own), LG_OK);
    struct robust_until first = {m, lg_after_ms(3600000), "B.c:1"};
    crew_run(b, step_robust_until, &first);
    robust_wait_blocked(b, m);
    crew_run(a, step_lock, &own); /* closes a ring, of which B has the first deadline */
    assert_int_equal(crew_wait(b), LG_EDEADLK);
    (void)crew_do(b, step_unlock, &own);
    assert_int_equal(crew_wait(a), LG_OK);

    crew_run(b, step_robust_lock, m);
    robust_wait_blocked(b, m);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(b), LG_ECANCELED);
    (void)crew_do(b, step_leave, &scope);

    crew_run(b, step_robust_lock, m);
    robust_wait_blocked(b, m);
    crew_leave(a);
    assert_int_equal(crew_wait(b), LG_EOWNERDEAD);
    assert_int_equal(step_robust_recover(m), LG_OK);
    (void)step_robust_unlock(m);

    (void)lg__seam_disarm();
    assert_int_equal(support_log_count("no-lock-pi2"), 1); /* however often it was so */
    lg_cancel_destroy(token);
    robust_free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_none_is_made),
        SUPPORT_TEST(test_a_number_that_is_not_random),
        SUPPORT_TEST(test_a_child_without_memory),
        SUPPORT_TEST(test_waits_poll_where_they_cannot_sleep),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
