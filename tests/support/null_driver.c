/* The null driver, and loans. */
#include "support/null_driver.h"

#include "pool/pool.h"
#include "pool/tick.h"

#include <dirent.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void count(uint32_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

/* Called on any thread, so it cannot fail the test itself. */
static void note_fault(struct null_driver *driver, const char *fault)
{
    const char *none = NULL;
    __atomic_compare_exchange_n(&driver->fault, &none, fault, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    count(&driver->counts.faults);
}

static bool take_one(uint32_t *supply)
{
    uint32_t left = __atomic_load_n(supply, __ATOMIC_SEQ_CST);
    while (left > 0)
        if (__atomic_compare_exchange_n(supply, &left, left - 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    return false;
}

void null_yield(void)
{
    sched_yield();
}

/* ---- The functions of the driver ---------------------------------------------------------------- */

static void pass(struct null_gate *gate)
{
    count(&gate->waiting);
    while (__atomic_load_n(&gate->is_held, __ATOMIC_SEQ_CST) && !take_one(&gate->permits))
        syscall(SYS_futex, &gate->permits, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    __atomic_sub_fetch(&gate->waiting, 1, __ATOMIC_SEQ_CST);
}

static void check_opener(struct null_driver *driver, const struct lg_open *open)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    for (int i = 1; i <= SIGRTMAX; i++) {
        bool is_ours = i <= SIGSYS || i >= SIGRTMIN; /* the C library has two in between */
        if (is_ours && i != SIGKILL && i != SIGSTOP && !sigismember(&blocked, i))
            note_fault(driver, "an open ran with a signal let through");
    }
    if (lg__self)
        note_fault(driver, "an open ran on a thread that uses the library");
    if (open->deadline == LG_FOREVER || open->deadline == LG_TRY)
        note_fault(driver, "an open without a finite deadline");
    if (!open->error || open->error_size < 80)
        note_fault(driver, "an open without room for its words");
    __atomic_store_n(&driver->open_deadline, open->deadline, __ATOMIC_SEQ_CST);
    __atomic_store_n(&driver->cancel, open->cancel, __ATOMIC_SEQ_CST);
}

static int open_one(struct null_driver *driver, const struct lg_open *open, void **resource,
                    uint32_t era)
{
    if (take_one(&driver->script.fail_opens)) {
        if (!__atomic_load_n(&driver->script.is_silent, __ATOMIC_SEQ_CST))
            snprintf(open->error, open->error_size, "%s", NULL_WORDS);
        count(&driver->counts.open_failures);
        return (int)__atomic_load_n(&driver->script.fail_status, __ATOMIC_SEQ_CST);
    }
    uint32_t index = __atomic_fetch_add(&driver->resource_count, 1, __ATOMIC_SEQ_CST);
    if (index >= NULL_RESOURCES_MAX) {
        note_fault(driver, "more opens than the null driver has room for");
        return LG_ENOMEM;
    }
    __atomic_store_n(&driver->resources[index].era, era, __ATOMIC_SEQ_CST);
    *resource = &driver->resources[index];
    count(&driver->counts.opened);
    return LG_OK;
}

static int open_null(void *arg, const struct lg_open *open, void **resource)
{
    struct null_driver *driver = arg;
    uint32_t era = __atomic_load_n(&driver->script.era, __ATOMIC_SEQ_CST);
    uint32_t now = __atomic_add_fetch(&driver->counts.opening, 1, __ATOMIC_SEQ_CST);
    uint32_t most = __atomic_load_n(&driver->counts.opening_most, __ATOMIC_SEQ_CST);
    while (now > most && !__atomic_compare_exchange_n(&driver->counts.opening_most, &most, now,
                                                      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        continue;
    count(&driver->counts.opens_begun);
    check_opener(driver, open);
    pass(&driver->opens);
    int status = open_one(driver, open, resource, era);
    __atomic_sub_fetch(&driver->counts.opening, 1, __ATOMIC_SEQ_CST);
    return status;
}

static void begin_call(struct null_driver *driver, struct null_resource *resource)
{
    if (__atomic_exchange_n(&resource->in_call, 1, __ATOMIC_SEQ_CST))
        note_fault(driver, "two driver calls at once on one resource");
    if (__atomic_load_n(&resource->is_closed, __ATOMIC_SEQ_CST))
        note_fault(driver, "a driver call on a closed resource");
    if (__atomic_load_n(&resource->user, __ATOMIC_SEQ_CST))
        note_fault(driver, "a driver call on a resource in use");
    if (__atomic_load_n(&resource->in_interrupt, __ATOMIC_SEQ_CST))
        note_fault(driver, "a driver call on a resource that is being interrupted");
}

static void end_call(struct null_driver *driver, struct null_resource *resource)
{
    if (!__atomic_exchange_n(&resource->in_call, 0, __ATOMIC_SEQ_CST))
        note_fault(driver, "two driver calls at once on one resource");
}

static void close_null(void *arg, void *memory)
{
    struct null_driver *driver = arg;
    struct null_resource *resource = memory;
    begin_call(driver, resource);
    pass(&driver->closes);
    __atomic_store_n(&resource->is_closed, 1, __ATOMIC_SEQ_CST);
    end_call(driver, resource);
    count(&driver->counts.closed);
}

static int check_null(void *arg, void *memory)
{
    struct null_driver *driver = arg;
    struct null_resource *resource = memory;
    begin_call(driver, resource);
    count(&resource->checks);
    count(&driver->counts.checks);
    pass(&driver->checks);
    bool fails = take_one(&driver->script.fail_checks);
    end_call(driver, resource);
    return fails ? LG_EDRIVER : LG_OK;
}

static int reset_null(void *arg, void *memory)
{
    struct null_driver *driver = arg;
    struct null_resource *resource = memory;
    begin_call(driver, resource);
    count(&resource->resets);
    count(&driver->counts.resets);
    pass(&driver->resets);
    bool fails = take_one(&driver->script.fail_resets);
    end_call(driver, resource);
    return fails ? LG_EDRIVER : LG_OK;
}

/* The one call that may come while a holder uses the resource. */
static void interrupt_null(void *arg, void *memory)
{
    struct null_driver *driver = arg;
    struct null_resource *resource = memory;
    if (__atomic_exchange_n(&resource->in_interrupt, 1, __ATOMIC_SEQ_CST))
        note_fault(driver, "two interrupts at once of one resource");
    if (__atomic_load_n(&resource->in_call, __ATOMIC_SEQ_CST))
        note_fault(driver, "an interrupt during a driver call");
    if (__atomic_load_n(&resource->is_closed, __ATOMIC_SEQ_CST))
        note_fault(driver, "an interrupt of a closed resource");
    count(&driver->counts.interrupts);
    pass(&driver->interrupts);
    __atomic_store_n(&resource->in_interrupt, 0, __ATOMIC_SEQ_CST);
}

static void destroy_null(void *arg)
{
    struct null_driver *driver = arg;
    count(&driver->counts.destroyed);
}

/* ---- The test's side ---------------------------------------------------------------------------- */

struct null_driver *null_begin(void)
{
    struct null_driver *driver = calloc(1, sizeof *driver);
    assert_non_null(driver);
    driver->resources = calloc(NULL_RESOURCES_MAX, sizeof *driver->resources);
    assert_non_null(driver->resources);
    driver->script.fail_status = (uint32_t)LG_EDRIVER;
    driver->table = (struct lg_driver){
        .size = sizeof driver->table,
        .noun = "null",
        .open = open_null,
        .close = close_null,
        .check = check_null,
        .reset = reset_null,
        .fork = LG_FORK_REFILL,
        .destroy = destroy_null,
        .interrupt = interrupt_null,
    };
    return driver;
}

struct lg_pool *null_pool(struct null_driver *driver, const struct lg_pool_options *options)
{
    struct lg_pool *pool = NULL;
    assert_status(lg_pool_create(&driver->table, driver, options, &pool), LG_OK);
    assert_non_null(pool);
    return pool;
}

struct lg_pool *null_pool_of(struct null_driver *driver, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = capacity;
    options.overtaking_us = 0;
    return null_pool(driver, &options);
}

uint32_t null_alive(const struct null_driver *driver)
{
    uint32_t closed = null_get(driver, closed); /* first: it never goes above opened */
    return null_get(driver, opened) - closed;
}

/* The last step of an open or a close, by a thread in the background, may not have been counted yet. */
static bool is_counted(const struct null_driver *driver, const struct lg_pool_stats *stats)
{
    return stats->opening == null_get(driver, opening) && stats->closed == null_get(driver, closed);
}

void null_assert_counts(const struct null_driver *driver, struct lg_pool *pool, uint32_t out)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    lg_pool_stats(pool, &stats);
    for (int i = 0; i < 10000 && !is_counted(driver, &stats); i++) {
        null_yield();
        lg_pool_stats(pool, &stats);
    }
    assert_int_equal(stats.opening, null_get(driver, opening));
    assert_int_equal(stats.opened, null_get(driver, opened));
    assert_int_equal(stats.closed, null_get(driver, closed));
    assert_int_equal(stats.open_failures, null_get(driver, open_failures));
    assert_int_equal(stats.idle + stats.lent_now, null_alive(driver));
    assert_int_equal(stats.lent - stats.returned, out);
}

void null_assert_quiet(struct null_driver *driver, struct lg_pool *pool)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    null_wait_no_openers(pool);
    null_assert_counts(driver, pool, 0);
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.lent_now, 0);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(lg_pool_holders(pool, NULL, 0), 0);
}

void null_free(struct null_driver *driver)
{
    if (driver->fault)
        fail_msg("%u faults, the first: %s", driver->counts.faults, driver->fault);
    assert_int_equal(null_get(driver, opened), null_get(driver, closed));
    uint32_t made = driver->resource_count;
    for (uint32_t i = 0; i < made; i++) {
        assert_true(driver->resources[i].is_closed);
        assert_null(driver->resources[i].user);
    }
    free(driver->resources);
    free(driver);
}

void null_end(struct null_driver *driver, struct lg_pool *pool)
{
    null_assert_quiet(driver, pool);
    lg_pool_destroy(pool);
    /* An opener on its way out may be the last to know the pool. */
    if (driver->table.destroy)
        NULL_WAIT_UNTIL(null_get(driver, destroyed) > 0);
    null_free(driver);
}

void null_hold(struct null_gate *gate)
{
    __atomic_store_n(&gate->permits, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&gate->is_held, 1, __ATOMIC_SEQ_CST);
}

void null_let(struct null_gate *gate, uint32_t n)
{
    __atomic_add_fetch(&gate->permits, n, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &gate->permits, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void null_let_all(struct null_gate *gate)
{
    __atomic_store_n(&gate->is_held, 0, __ATOMIC_SEQ_CST);
    null_let(gate, 1u << 20); /* whoever is about to sleep must find another number */
}

void null_wait_at(struct null_gate *gate, uint32_t n)
{
    NULL_WAIT_UNTIL(__atomic_load_n(&gate->waiting, __ATOMIC_SEQ_CST) >= n);
}

void null_leave_open(struct null_driver *driver, struct lg_pool *pool)
{
    struct lg_lease lease;
    null_hold(&driver->opens);
    do { /* an asker that leaves before the opener has looked leaves no open behind */
        assert_status(lg_pool_checkout(pool, lg_after_ms(1), &lease), LG_ETIMEDOUT);
    } while (__atomic_load_n(&driver->opens.waiting, __ATOMIC_SEQ_CST) == 0);
}

void null_wait_opened(struct null_driver *driver, uint32_t n)
{
    NULL_WAIT_UNTIL(null_get(driver, opened) >= n);
}

void null_wait_closed(struct null_driver *driver, uint32_t n)
{
    NULL_WAIT_UNTIL(null_get(driver, closed) >= n);
    assert_int_equal(null_get(driver, closed), n);
}

void null_wait_idle(struct lg_pool *pool, uint32_t n)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    do {
        null_yield();
        lg_pool_stats(pool, &stats);
    } while (stats.idle != n);
}

void null_wait_no_openers(struct lg_pool *pool)
{
    uint32_t openers;
    do {
        null_yield();
        lg__raw_lock(&pool->lock);
        openers = pool->opener_count + pool->opening_count;
        lg__raw_unlock(&pool->lock);
    } while (openers > 0);
}

static uint32_t count_threads(void)
{
    uint32_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

void null_wait_threads(uint32_t n)
{
    while (count_threads() > n)
        null_yield();
}

void null_grow_old(void)
{
    uint64_t before = lg__tick_now_ms();
    NULL_WAIT_UNTIL(lg__tick_now_ms() > before + 20); /* clocks differ by a tick */
}

void null_age(struct lg_pool *pool)
{
    uint32_t long_ago_ms = (uint32_t)lg__tick_now_ms() - 1000000000;
    for (uint32_t i = 0; i < pool->capacity; i++) {
        lg__store_relaxed(&pool->slots[i].since_ms, long_ago_ms);
        if (lg__load_relaxed(&pool->notes[i].seen_ms) != 0)
            lg__store_relaxed(&pool->notes[i].seen_ms, long_ago_ms | 1);
    }
}

void null_use(struct null_driver *driver, void *memory, const void *user)
{
    struct null_resource *resource = memory;
    if (__atomic_exchange_n(&resource->user, user, __ATOMIC_SEQ_CST))
        note_fault(driver, "one resource lent to two");
    if (__atomic_load_n(&resource->is_closed, __ATOMIC_SEQ_CST))
        note_fault(driver, "a closed resource was lent");
    if (__atomic_load_n(&resource->in_call, __ATOMIC_SEQ_CST))
        note_fault(driver, "a resource was lent during a driver call");
}

void null_drop(struct null_driver *driver, void *memory, const void *user)
{
    struct null_resource *resource = memory;
    if (__atomic_load_n(&resource->is_closed, __ATOMIC_SEQ_CST))
        note_fault(driver, "a resource was closed while it was lent");
    if (__atomic_exchange_n(&resource->user, NULL, __ATOMIC_SEQ_CST) != user)
        note_fault(driver, "one resource lent to two");
}

/* ---- Loans -------------------------------------------------------------------------------------- */

struct lg_lease null_take_at(struct lg_pool *pool, const char *place)
{
    struct lg_lease lease;
    assert_status(lg_pool_checkout_at(pool, LG_FOREVER, &lease, place), LG_OK);
    return lease;
}

void null_give(struct lg_pool *pool, struct lg_lease *lease)
{
    assert_status(lg_pool_checkin(pool, lease), LG_OK);
}

struct loan loan_of(struct null_driver *driver, struct lg_pool *pool, lg_deadline deadline)
{
    return (struct loan){.driver = driver, .pool = pool, .deadline = deadline};
}

int loan_checkout(void *arg)
{
    struct loan *loan = arg;
    int status = lg_pool_checkout(loan->pool, loan->deadline, &loan->lease);
    if (status != LG_OK)
        loan->report = *lg_report_last();
    else if (!loan->is_untouched)
        null_use(loan->driver, loan->lease.resource, loan);
    return status;
}

static void drop(struct loan *loan)
{
    if (!loan->is_untouched)
        null_drop(loan->driver, loan->lease.resource, loan);
}

int loan_checkin(void *arg)
{
    struct loan *loan = arg;
    drop(loan);
    return lg_pool_checkin(loan->pool, &loan->lease);
}

int loan_discard(void *arg)
{
    struct loan *loan = arg;
    drop(loan);
    return lg_pool_discard(loan->pool, &loan->lease);
}

int loan_detach(void *arg)
{
    struct loan *loan = arg;
    return lg_lease_detach(&loan->lease);
}

int loan_adopt(void *arg)
{
    struct loan *loan = arg;
    return lg_lease_adopt(&loan->lease);
}

int loan_nothing(void *arg)
{
    (void)arg;
    return LG_OK;
}
