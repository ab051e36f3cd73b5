/* Joins of contexts by their ids: threads that others have started, and coroutines. */
#include "support/locks.h"
#include "support/scope.h"
#include "support/thing.h"

#include "graph/context.h"

#include <string.h>

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_report report;

struct join {
    uint64_t id;
    lg_deadline deadline;
};

static int step_join(void *arg)
{
    const struct join *join = arg;
    return lg_context_join_at(join->id, join->deadline, "join.c:1");
}

static uint64_t id_of(const struct crew_worker *worker)
{
    return lg_context_id(crew_context(worker));
}

static void test_what_has_ended_is_not_waited_for(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    uint64_t id = id_of(a);
    assert_int_equal(lg_context_join(id, LG_TRY), LG_EBUSY);
    crew_leave(a);
    assert_int_equal(lg_context_join(id, LG_TRY), LG_OK);
    assert_int_equal(lg_context_join(id, LG_FOREVER), LG_OK);
    assert_int_equal(lg_context_join(0, LG_FOREVER), LG_EINVAL);
    assert_true(lg_context_id(NULL) == 0);
}

static void test_all_who_wait_are_told_of_the_end(void **state)
{
    (void)state;
    enum { JOINERS = 5 };
    struct crew_worker *a = crew_hire("A"), *joiners[JOINERS];
    struct join join = {id_of(a), LG_FOREVER};
    for (int i = 0; i < JOINERS; i++) {
        joiners[i] = crew_hire_numbered("J", i);
        crew_run(joiners[i], step_join, &join);
        crew_wait_blocked(joiners[i]);
    }
    crew_leave(a);
    for (int i = 0; i < JOINERS; i++)
        assert_int_equal(crew_wait(joiners[i]), LG_OK);
}

static void test_the_end_of_another_is_not_told(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    struct lg_context *ghost = thing_ghost("first");
    struct join join = {lg_context_id(ghost), LG_FOREVER};
    crew_run(a, step_join, &join);
    crew_wait_blocked(a);
    struct lg_context *others[4];
    for (int i = 0; i < 4; i++) {
        others[i] = thing_ghost("other");
        thing_bury(others[i]);
    }
    assert_true(crew_is_blocked(a));
    thing_bury(ghost);
    assert_int_equal(crew_wait(a), LG_OK);
}

static void test_a_timeout_names_the_context(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A");
    struct join late = {id_of(a), 1}, soon = {id_of(a), lg_after_ms(1)};
    struct join *joins[] = {&late, &soon};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(step_join(joins[i]), LG_ETIMEDOUT);
        report = *lg_report_last();
        assert_int_equal(report.kind, LG_REPORT_TIMEOUT);
        assert_string_equal(report.noun, "context");
        assert_string_equal(report.place, "join.c:1");
        assert_string_equal(report.members[1].context, "A");
    }
    assert_string_equal(report.name, "A");
}

static void test_a_join_is_cancelled(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    struct crew_worker *a = hire_in(&scope, token, "A"), *b = crew_hire("B");
    struct join join = {id_of(b), LG_FOREVER};
    crew_run(a, step_join, &join);
    crew_wait_blocked(a);
    lg_cancel_request(token);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    crew_leave(b);
    (void)crew_do(a, step_leave, &scope);
    lg_cancel_destroy(token);
}

static void test_its_own_end_never_comes(void **state)
{
    (void)state;
    uint64_t id = lg_context_id(lg_context_self());
    assert_int_equal(lg_context_join(id, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_context_join(id, LG_FOREVER), LG_EDEADLK);
    assert_string_equal(lg_report_last()->noun, "context");
    assert_string_equal(lg_report_last()->victim, "main");
}

static void test_it_waits_for_what_the_joiner_holds(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct join join = {id_of(a), LG_FOREVER};
    assert_int_equal(crew_do(b, step_lock, &m), LG_OK);
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    assert_int_equal(crew_do(b, step_join, &join), LG_EDEADLK);
    (void)crew_do(b, step_copy_report, &report);
    assert_int_equal(report.member_count, 2);
    assert_string_equal(report.members[0].waits_noun, "context");
    assert_string_equal(report.members[0].waits_name, "A");
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
}

static void test_two_wait_for_each_other(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct join for_a = {id_of(a), LG_FOREVER}, for_b = {id_of(b), LG_FOREVER};
    crew_run(a, step_join, &for_b);
    crew_wait_blocked(a);
    assert_int_equal(crew_do(b, step_join, &for_a), LG_EDEADLK);
    crew_leave(b);
    assert_int_equal(crew_wait(a), LG_OK);
}

static int check_child(void *arg)
{
    SUPPORT_CHECK(step_join(arg) == LG_OK);
    struct lg_context *ghost = thing_ghost("ghost");
    struct join join = {lg_context_id(ghost), lg_after_ms(1)};
    SUPPORT_CHECK(step_join(&join) == LG_ETIMEDOUT);
    SUPPORT_CHECK(lg_context_end(ghost) == LG_OK);
    SUPPORT_CHECK(step_join(&join) == LG_OK);
    return 0;
}

static void test_in_a_child_the_others_have_ended(void **state)
{
    (void)state;
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    struct join join = {id_of(a), LG_FOREVER};
    crew_run(b, step_join, &join);
    crew_wait_blocked(b);
    assert_int_equal(support_fork(check_child, &join), 0);
    crew_leave(a);
    assert_int_equal(crew_wait(b), LG_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_what_has_ended_is_not_waited_for),
        SUPPORT_TEST(test_all_who_wait_are_told_of_the_end),
        SUPPORT_TEST(test_the_end_of_another_is_not_told),
        SUPPORT_TEST(test_a_timeout_names_the_context),
        SUPPORT_TEST(test_a_join_is_cancelled),
        SUPPORT_TEST(test_its_own_end_never_comes),
        SUPPORT_TEST(test_it_waits_for_what_the_joiner_holds),
        SUPPORT_TEST(test_two_wait_for_each_other),
        SUPPORT_TEST(test_in_a_child_the_others_have_ended),
    };
    if (lg_context_set_name("main") != LG_OK)
        return 1;
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
