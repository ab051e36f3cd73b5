/* Fork: the child has the pool without the parent's resources, and never closes one of those. */
#include "graph/context.h"
#include "support/crew.h"
#include "support/null_driver.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CAPACITY 3

/* What the parent has when it forks: one lease of its own, one of a worker's, one idle. */
struct family {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct crew_worker *worker;
    struct loan mine, its, idle;
    uint32_t opened, closed; /* at the fork */
};

static void begin_family(struct family *family, enum lg_driver_fork fork_policy,
                         enum lg_nested nested)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "db";
    options.capacity = CAPACITY;
    options.nested = nested;
    family->driver = null_begin();
    family->driver->table.fork = fork_policy;
    family->pool = null_pool(family->driver, &options);
    family->worker = crew_hire("worker");
    family->mine = loan_of(family->driver, family->pool, LG_FOREVER);
    family->its = family->idle = family->mine;
    struct crew_worker *other = crew_hire("other");
    assert_status(loan_checkout(&family->mine), LG_OK);
    assert_status(crew_do(family->worker, loan_checkout, &family->its), LG_OK);
    assert_status(crew_do(other, loan_checkout, &family->idle), LG_OK);
    assert_status(crew_do(other, loan_checkin, &family->idle), LG_OK);
    family->opened = null_get(family->driver, opened);
    family->closed = null_get(family->driver, closed);
    null_wait_threads(5); /* both workers */
}

/* The parent goes on as if nothing had happened. */
static void end_family(struct family *family)
{
    null_assert_counts(family->driver, family->pool, 2);
    assert_int_equal(null_get(family->driver, opened), family->opened);
    assert_status(loan_checkin(&family->mine), LG_OK);
    assert_status(crew_do(family->worker, loan_checkin, &family->its), LG_OK);
    assert_status(loan_checkout(&family->mine), LG_OK);
    assert_status(loan_checkin(&family->mine), LG_OK);
    assert_int_equal(null_get(family->driver, opened), family->opened);
    null_end(family->driver, family->pool);
}

/* ---- In the child ------------------------------------------------------------------------------- */

static int check_leases_of_the_parent(struct family *family)
{
    const struct lg_lease *leases[] = {&family->mine.lease, &family->its.lease};
    for (size_t i = 0; i < 2; i++) {
        struct lg_lease lease = *leases[i];
        SUPPORT_CHECK(lg_pool_checkin(family->pool, &lease) == LG_EFORK);
        SUPPORT_CHECK(lg_pool_discard(family->pool, &lease) == LG_EFORK);
        SUPPORT_CHECK(memcmp(&lease, leases[i], sizeof lease) == 0);
        SUPPORT_CHECK(lg_lease_detach(&lease) == LG_EFORK);
        SUPPORT_CHECK(lg_lease_adopt(&lease) == LG_EFORK);
        SUPPORT_CHECK(lg_lease_give(&lease, lg_context_self()) == LG_EFORK);
    }
    return 0;
}

static int check_pool_is_empty(struct family *family)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(family->pool, &stats);
    SUPPORT_CHECK(stats.capacity == CAPACITY);
    SUPPORT_CHECK(stats.idle == 0 && stats.lent_now == 0 && stats.opening == 0);
    SUPPORT_CHECK(stats.waiting == 0);
    SUPPORT_CHECK(stats.lent == stats.returned);
    SUPPORT_CHECK(stats.opened == stats.closed);
    SUPPORT_CHECK(stats.wait_ns.count == 0 && stats.open_ns.count == 0 && stats.lent_most == 0);
    SUPPORT_CHECK(lg_pool_holders(family->pool, NULL, 0) == 0);
    SUPPORT_CHECK(lg__held_count(lg_context_self()) == 0);
    return 0;
}

static bool is_of_parent(const struct family *family, const void *resource)
{
    const struct null_resource *found = resource;
    return found < family->driver->resources + family->opened;
}

static int use_what_is_fresh(struct family *family)
{
    struct loan loans[CAPACITY], more;
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    for (int i = 0; i < CAPACITY; i++) {
        loans[i] = loan_of(family->driver, family->pool, LG_FOREVER);
        SUPPORT_CHECK(loan_checkout(&loans[i]) == LG_OK);
        SUPPORT_CHECK(!is_of_parent(family, loans[i].lease.resource));
    }
    SUPPORT_CHECK(null_get(family->driver, opened) == family->opened + CAPACITY);
    more = loan_of(family->driver, family->pool, LG_FOREVER);
    SUPPORT_CHECK(loan_checkout(&more) == LG_EDEADLK);
    lg_pool_stats(family->pool, &stats);
    SUPPORT_CHECK(stats.opened - stats.closed == CAPACITY);
    SUPPORT_CHECK(stats.lent - stats.returned == CAPACITY);
    if (check_leases_of_the_parent(family))
        return 1;
    struct lg_lease copy = loans[0].lease;
    for (int i = 0; i < CAPACITY; i++)
        SUPPORT_CHECK(loan_checkin(&loans[i]) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(family->pool, &copy) == LG_ESTALE); /* the child's own */
    return 0;
}

static int end_in_child(struct family *family, uint32_t fresh)
{
    SUPPORT_CHECK(lg_pool_close(family->pool, LG_FOREVER, NULL, 0, NULL) == LG_OK);
    SUPPORT_CHECK(null_get(family->driver, closed) == family->closed + fresh);
    lg_pool_destroy(family->pool);
    SUPPORT_CHECK(family->driver->fault == NULL);
    return 0;
}

static int child_of_refill(void *arg)
{
    struct family *family = arg;
    if (check_pool_is_empty(family) || check_leases_of_the_parent(family) ||
        use_what_is_fresh(family))
        return 1;
    return end_in_child(family, CAPACITY);
}

static void refill_opens_its_own(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    assert_int_equal(support_fork(child_of_refill, &family), 0);
    end_family(&family);
}

static int child_of_refuse(void *arg)
{
    struct family *family = arg;
    struct lg_lease lease;
    if (check_leases_of_the_parent(family))
        return 1;
    SUPPORT_CHECK(lg_pool_checkout(family->pool, LG_FOREVER, &lease) == LG_EFORK);
    SUPPORT_CHECK(lease.resource == NULL);
    SUPPORT_CHECK(lg_pool_try_checkout(family->pool, &lease) == LG_EFORK);
    SUPPORT_CHECK(lg_pool_holders(family->pool, NULL, 0) == 0);
    SUPPORT_CHECK(null_get(family->driver, opens_begun) == family->opened);
    struct null_driver *own = null_begin(); /* what a child is told to do: a pool of its own */
    own->table.fork = LG_FORK_REFUSE;
    struct lg_pool *pool = null_pool_of(own, 1);
    SUPPORT_CHECK(lg_pool_checkout(pool, LG_FOREVER, &lease) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(pool, &lease) == LG_OK);
    lg_pool_destroy(pool);
    return end_in_child(family, 0);
}

static void refuse_refuses(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFUSE, LG_NESTED_DETECT);
    assert_int_equal(support_fork(child_of_refuse, &family), 0);
    end_family(&family);
}

/* Leases of the child are no more the grandchild's than the parent's are. */
static int grandchild(void *arg)
{
    struct family *family = arg;
    struct lg_lease lease = family->idle.lease;
    SUPPORT_CHECK(lg_pool_checkin(family->pool, &lease) == LG_EFORK);
    if (check_pool_is_empty(family) || check_leases_of_the_parent(family))
        return 1;
    SUPPORT_CHECK(loan_checkout(&family->idle) == LG_OK);
    SUPPORT_CHECK(loan_checkin(&family->idle) == LG_OK);
    return 0;
}

static int child_that_forks(void *arg)
{
    struct family *family = arg;
    SUPPORT_CHECK(loan_checkout(&family->idle) == LG_OK);
    SUPPORT_CHECK(support_fork(grandchild, family) == 0);
    SUPPORT_CHECK(loan_checkin(&family->idle) == LG_OK);
    return end_in_child(family, 1);
}

static void a_child_may_fork(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    assert_int_equal(support_fork(child_that_forks, &family), 0);
    end_family(&family);
}

/* Policies look at what the child holds, which is nothing. */
static int child_of_forbid(void *arg)
{
    struct family *family = arg;
    struct loan loan = loan_of(family->driver, family->pool, LG_FOREVER), second = loan;
    SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
    SUPPORT_CHECK(loan_checkout(&second) == LG_ENESTED);
    SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
    return end_in_child(family, 1);
}

static void forbid_forgets(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_FORBID);
    assert_int_equal(support_fork(child_of_forbid, &family), 0);
    end_family(&family);
}

static int child_of_share(void *arg)
{
    struct family *family = arg;
    struct lg_lease inner = family->idle.lease; /* shared with mine */
    SUPPORT_CHECK(lg_pool_checkin(family->pool, &inner) == LG_EFORK);
    struct loan loans[3];
    for (int i = 0; i < 3; i++) {
        loans[i] = loan_of(family->driver, family->pool, LG_FOREVER);
        loans[i].is_untouched = 1;
        SUPPORT_CHECK(loan_checkout(&loans[i]) == LG_OK);
        SUPPORT_CHECK(loans[i].lease.resource == loans[0].lease.resource);
        SUPPORT_CHECK(!is_of_parent(family, loans[i].lease.resource));
    }
    uint32_t resets = null_get(family->driver, resets);
    for (int i = 0; i < 3; i++)
        SUPPORT_CHECK(loan_checkin(&loans[i]) == LG_OK);
    SUPPORT_CHECK(null_get(family->driver, resets) == resets + 1);
    return end_in_child(family, 1);
}

static void share_forgets(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_SHARE);
    family.idle.is_untouched = 1;
    assert_status(loan_checkout(&family.idle), LG_OK);
    assert_ptr_equal(family.idle.lease.resource, family.mine.lease.resource);
    assert_int_equal(support_fork(child_of_share, &family), 0);
    assert_status(loan_checkin(&family.idle), LG_OK);
    end_family(&family);
}

/* A waiter and an open in flight stay with the parent. */
static int child_of_waiters(void *arg)
{
    struct family *family = arg;
    null_let_all(&family->driver->opens); /* in the child's copy */
    if (check_pool_is_empty(family) || use_what_is_fresh(family))
        return 1;
    return end_in_child(family, CAPACITY);
}

static void waiters_and_opens_stay_with_the_parent(void **state)
{
    (void)state;
    struct family family;
    struct crew_worker *askers[2];
    struct loan loans[2];
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    assert_status(loan_checkout(&family.idle), LG_OK);
    assert_status(loan_discard(&family.idle), LG_OK);
    family.closed++;
    null_hold(&family.driver->opens);
    for (unsigned i = 0; i < 2; i++) {
        askers[i] = crew_hire_numbered("asker-", i);
        loans[i] = loan_of(family.driver, family.pool, LG_FOREVER);
        crew_run(askers[i], loan_checkout, &loans[i]);
        crew_wait_blocked_on(askers[i], family.pool);
    }
    null_wait_at(&family.driver->opens, 1);
    null_wait_threads(8); /* four workers, and the opener at the gate */
    assert_int_equal(support_fork(child_of_waiters, &family), 0);
    assert_true(crew_is_blocked(askers[0]));
    assert_true(crew_is_blocked(askers[1]));
    null_let_all(&family.driver->opens);
    family.opened++;
    for (unsigned i = 0; i < 2; i++) {
        assert_status(crew_wait(askers[i]), LG_OK);
        assert_status(crew_do(askers[i], loan_checkin, &loans[i]), LG_OK);
    }
    end_family(&family);
}

/* Another thread than main forks: it is the one that lives on in the child, with its lease. */
struct fork_by_worker {
    struct family *family;
    int result;
};

static int child_of_worker(void *arg)
{
    struct family *family = arg;
    char name[LG_NAME_SIZE];
    lg_context_name(lg_context_self(), name);
    SUPPORT_CHECK(strcmp(name, "worker") == 0);
    if (check_pool_is_empty(family) || check_leases_of_the_parent(family) ||
        use_what_is_fresh(family))
        return 1;
    return end_in_child(family, CAPACITY);
}

static int step_fork(void *arg)
{
    struct fork_by_worker *by = arg;
    by->result = support_fork(child_of_worker, by->family);
    return LG_OK;
}

static void any_thread_may_fork(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    struct fork_by_worker by = {.family = &family};
    assert_status(crew_do(family.worker, step_fork, &by), LG_OK);
    assert_int_equal(by.result, 0);
    end_family(&family);
}

/* A closed pool is closed in the child too; there, nothing of the parent's keeps it open. */
static int child_of_closed(void *arg)
{
    struct family *family = arg;
    struct lg_lease lease;
    SUPPORT_CHECK(lg_pool_checkout(family->pool, LG_FOREVER, &lease) == LG_ECLOSED);
    if (check_leases_of_the_parent(family))
        return 1;
    return end_in_child(family, 0);
}

static void a_closed_pool_stays_closed(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    assert_status(loan_checkin(&family.mine), LG_OK);
    assert_status(lg_pool_close(family.pool, LG_TRY, NULL, 0, NULL), LG_ETIMEDOUT);
    family.mine.lease = family.its.lease;
    family.closed = null_get(family.driver, closed);
    assert_int_equal(support_fork(child_of_closed, &family), 0);
    assert_status(crew_do(family.worker, loan_checkin, &family.its), LG_OK);
    null_end(family.driver, family.pool);
}

/* A pool that went silent in the parent knows its holders again in the child. */
static int child_of_silent(void *arg)
{
    struct family *family = arg;
    if (use_what_is_fresh(family)) /* finds its own deadlock */
        return 1;
    return end_in_child(family, CAPACITY);
}

static void a_silent_pool_speaks_again(void **state)
{
    (void)state;
    struct family family;
    begin_family(&family, LG_FORK_REFILL, LG_NESTED_DETECT);
    support_log_begin(LG_LOG_WARN);
    assert_status(loan_checkout(&family.idle), LG_OK);
    assert_status(crew_do(family.worker, loan_checkin, &family.idle), LG_OK);
    assert_int_equal(support_log_count("foreign-checkin"), 1);
    assert_int_equal(support_fork(child_of_silent, &family), 0);
    end_family(&family);
}

int main(int argc, char **argv)
{
    /* Its allocator's lock may be another thread's at the fork, and then the first thread that the
     * child starts hangs in it. */
    if (SUPPORT_TSAN) {
        printf("skipped: the thread sanitizer's runtime does not survive a fork with threads\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(refill_opens_its_own),
        SUPPORT_TEST(refuse_refuses),
        SUPPORT_TEST(a_child_may_fork),
        SUPPORT_TEST(forbid_forgets),
        SUPPORT_TEST(share_forgets),
        SUPPORT_TEST(waiters_and_opens_stay_with_the_parent),
        SUPPORT_TEST(any_thread_may_fork),
        SUPPORT_TEST(a_closed_pool_stays_closed),
        SUPPORT_TEST(a_silent_pool_speaks_again),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
