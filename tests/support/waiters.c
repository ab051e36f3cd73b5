/* The waiters. */
#include "support/waiters.h"

#include "support/thing.h"

struct lg_mutex m = LG_MUTEX_INIT("m");
struct lg_condition c = LG_CONDITION_INIT("c");
struct wait_until for_ever = {&c, &m, LG_FOREVER, "wait.c:1"};

enum lg__wait_state state_of(const struct crew_worker *worker)
{
    return thing_state(crew_context(worker));
}

bool relocks(const struct crew_worker *worker)
{
    const struct lg_context *context = crew_context(worker);
    return thing_state(context) == LG__WAIT_WAITING && context->wait.want.object == &m &&
           context->wait.want.is_relock;
}

struct crew_worker *hire_waiter(const char *name)
{
    struct crew_worker *worker = crew_hire(name);
    assert_int_equal(crew_do(worker, step_lock, &m), LG_OK);
    crew_run(worker, step_wait, &for_ever);
    crew_wait_blocked_on(worker, &c);
    return worker;
}

void expect_and_unlock(struct crew_worker *worker, int status)
{
    assert_int_equal(crew_wait(worker), status);
    assert_int_equal(crew_do(worker, step_is_held, &m), 1);
    (void)crew_do(worker, step_unlock, &m);
}

void expect_all_quiet(void)
{
    assert_int_equal(lg__load_acquire(&c.waiters), 0);
    assert_int_equal(step_try(&m), LG_OK);
    step_unlock(&m);
    assert_int_equal(m.word, 0);
}
