/* A context's first wait for several things when there is no memory for it: it says so, has taken nothing,
 * and the next works.  Those that need not wait need none. */
#include "support/faults.h"
#include "support/locks.h"
#include "support/several.h"

static struct lg_mutex m = LG_MUTEX_INIT("m");
static struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);

static bool is_expected(int status)
{
    return status == LG_ETIMEDOUT || status == LG_ENOMEM;
}

/* On a thread of its own each time, so that it is the first. */
static int wait_for_both(void *arg)
{
    struct several_step step =
        several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
    (void)arg;
    SUPPORT_CHECK(step_wait_any(&step) == LG_OK && step.index == 0);
    step_unlock(&m);
    step.deadline = lg_after_ms(0);
    SUPPORT_CHECK(is_expected(step_wait_all(&step)));
    SUPPORT_CHECK(step_is_held(&m) == 0);
    step.things[0] = step.things[1];
    SUPPORT_CHECK(is_expected(step_wait_any(&step)));
    return 0;
}

static int on_a_worker(void *arg)
{
    static unsigned number;
    struct crew_worker *worker =
        crew_hire_numbered("W", number++); /* has its context, but no room */
    (void)arg;
    int wrong = crew_do(worker, wait_for_both, NULL);
    crew_leave(worker);
    return wrong;
}

static void test_no_room(void **state)
{
    (void)state;
    assert_true(faults_loop(FAULT_BIT(MAP), 20, on_a_worker, NULL) > 0);
    assert_true(m.word == 0 && s.word == 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {SUPPORT_TEST(test_no_room)};
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
