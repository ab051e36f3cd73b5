/* Deadlines in the past: nobody waits, and base.h says what each is told. */
#include "support/null_driver.h"

#include <lifeguard/lifeguard.h>

#define PAST ((lg_deadline)1)

static struct lg_mutex m;
static struct lg_rwlock r;
static struct lg_permits p;
static struct lg_semaphore s;
static struct lg_event e;
static struct lg_latch l;
static struct lg_barrier b;
static struct lg_condition c;

static void begin(void)
{
    m = (struct lg_mutex)LG_MUTEX_INIT("m");
    r = (struct lg_rwlock)LG_RWLOCK_INIT("r");
    p = (struct lg_permits)LG_PERMITS_INIT("p", 1);
    s = (struct lg_semaphore)LG_SEMAPHORE_INIT("s", 0, 1);
    e = (struct lg_event)LG_EVENT_INIT("e");
    l = (struct lg_latch)LG_LATCH_INIT("l", 1);
    b = (struct lg_barrier)LG_BARRIER_INIT("b", 2);
    c = (struct lg_condition)LG_CONDITION_INIT("c");
}

/* What others have to bring. */
static void it_is_too_late_for_what_is_not_there(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    begin();
    struct lg_waitable all[] = {lg_waitable_semaphore(&s), lg_waitable_event(&e)};
    assert_status(lg_semaphore_wait(&s, PAST), LG_ETIMEDOUT);
    assert_int_equal(lg_report_last()->kind, LG_REPORT_TIMEOUT);
    assert_status(lg_event_wait(&e, PAST), LG_ETIMEDOUT);
    assert_status(lg_latch_wait(&l, PAST), LG_ETIMEDOUT);
    assert_status(lg_wait_any(all, 2, PAST, NULL), LG_ETIMEDOUT);
    assert_status(lg_wait_all(all, 2, PAST, NULL), LG_ETIMEDOUT);
    assert_status(lg_barrier_wait(&b, PAST, NULL), LG_ETIMEDOUT);
    assert_status(lg_mutex_lock(&m, LG_FOREVER), LG_OK);
    assert_status(lg_condition_wait(&c, &m, PAST), LG_ETIMEDOUT);
    assert_status(lg_condition_wait(&c, &m, LG_TRY), LG_ETIMEDOUT);
    assert_true(lg_mutex_is_held(&m));
    lg_mutex_unlock(&m);
}

/* A try says so in another way, and leaves the last report. */
static void a_try_is_busy(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    begin();
    struct lg_waitable all[] = {lg_waitable_semaphore(&s), lg_waitable_event(&e)};
    assert_status(lg_latch_wait(&l, PAST), LG_ETIMEDOUT);
    assert_status(lg_semaphore_wait(&s, LG_TRY), LG_EBUSY);
    assert_status(lg_event_wait(&e, LG_TRY), LG_EBUSY);
    assert_status(lg_wait_any(all, 2, LG_TRY, NULL), LG_EBUSY);
    assert_status(lg_wait_all(all, 2, LG_TRY, NULL), LG_EBUSY);
    assert_status(lg_mutex_lock(&m, LG_FOREVER), LG_OK);
    assert_status(lg_mutex_lock(&m, LG_TRY), LG_EBUSY);
    lg_mutex_unlock(&m);
    assert_string_equal(lg_report_last()->name, "l");
}

/* What there is, is had. */
static void what_is_there_is_had(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    begin();
    assert_status(lg_mutex_lock(&m, PAST), LG_OK);
    lg_mutex_unlock(&m);
    assert_status(lg_rwlock_read(&r, PAST), LG_OK);
    lg_rwlock_unlock(&r);
    assert_status(lg_permits_acquire(&p, 1, PAST), LG_OK);
    assert_status(lg_permits_release(&p, 1), LG_OK);
    assert_status(lg_semaphore_post(&s, 1), LG_OK);
    assert_status(lg_semaphore_wait(&s, PAST), LG_OK);
    lg_event_set(&e);
    assert_status(lg_event_wait(&e, PAST), LG_OK);
    assert_status(lg_latch_count_down(&l, 1), LG_OK);
    assert_status(lg_latch_wait(&l, PAST), LG_OK);
}

static int call_again(void *arg)
{
    assert_status(lg_once_call(arg, call_again, arg, PAST), LG_EDEADLK);
    return LG_OK;
}

/* What the thing itself knows to be the caller's; permits do not know whose they are. */
static void ones_own_is_a_deadlock(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    begin();
    struct lg_once once = LG_ONCE_INIT;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease = null_take(pool), other;
    assert_status(lg_mutex_lock(&m, LG_FOREVER), LG_OK);
    assert_status(lg_mutex_lock(&m, PAST), LG_EDEADLK);
    lg_mutex_unlock(&m);
    assert_status(lg_rwlock_write(&r, LG_FOREVER), LG_OK);
    assert_status(lg_rwlock_read(&r, PAST), LG_EDEADLK);
    lg_rwlock_unlock(&r);
    assert_status(lg_once_call(&once, call_again, &once, LG_FOREVER), LG_OK);
    assert_status(lg_context_join(lg_context_id(lg_context_self()), PAST), LG_EDEADLK);
    assert_status(lg_pool_checkout(pool, PAST, &other), LG_EDEADLK);
    assert_status(lg_permits_acquire(&p, 1, LG_FOREVER), LG_OK);
    assert_status(lg_permits_acquire(&p, 1, PAST), LG_ETIMEDOUT);
    assert_status(lg_permits_release(&p, 1), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(it_is_too_late_for_what_is_not_there),
        SUPPORT_TEST(a_try_is_busy),
        SUPPORT_TEST(what_is_there_is_had),
        SUPPORT_TEST(ones_own_is_a_deadlock),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
