/* Null driver: resources that are nothing but a record of what was done to them.
 *
 *     struct null_driver *driver = null_begin();
 *     struct lg_pool *pool = null_pool(driver, &options);
 *     ...
 *     null_end(driver, pool);
 *
 * Each resource has an owner word, for null_use and null_drop around what a holder does with it.  A
 * second user at the same time, a use or a driver call after close, two driver calls at once, an
 * open on a thread of the test or with a signal let through are faults, and null_end, which destroys
 * the pool, asserts that there were none and that all that was opened is closed.
 *
 * Nothing here sleeps or takes a lock, so that a fork at any moment leaves the driver usable in the
 * child: opens that are held wait at a gate for the test to let them through.
 *
 * At the end of this header, loans: checkouts and checkins as steps for the crew. */
#ifndef LG_TEST_NULL_DRIVER_H
#define LG_TEST_NULL_DRIVER_H

#include "support/support.h"

#include <lifeguard/pool.h>
#include <lifeguard/stats.h>

#define NULL_RESOURCES_MAX 65536 /* opened by one driver, ever */
#define NULL_WORDS         "the null driver was told to fail"

/* The name of a status in the message of a failed assertion, not its number. */
#define assert_status(status, expected)                                                            \
    assert_string_equal(lg_status_name(status), lg_status_name(expected))

/* All fields atomic. */
struct null_resource {
    const void *user; /* NULL: nobody */
    uint32_t in_call;
    uint32_t in_interrupt;
    uint32_t is_closed;
    uint32_t era; /* the driver's when the open began */
    uint32_t resets, checks;
};

/* What the test tells it.  All atomic, to be set at any time; see null_set. */
struct null_script {
    uint32_t fail_opens;  /* so many of the next opens fail, after the gate */
    uint32_t fail_status; /* with this status; default LG_EDRIVER */
    uint32_t is_silent;   /* failed opens say nothing */
    uint32_t fail_checks;
    uint32_t fail_resets;
    uint32_t era; /* stamped on what is opened from now on */
};

/* Where driver calls can be made to wait for the test.  All atomic. */
struct null_gate {
    uint32_t is_held;
    uint32_t permits; /* so many of them may pass */
    uint32_t waiting;
};

/* What has happened.  All atomic. */
struct null_counts {
    uint32_t opening, opening_most; /* at a time */
    uint32_t opens_begun, opened, open_failures;
    uint32_t closed, checks, resets, interrupts, destroyed;
    uint32_t faults;
};

struct null_driver {
    struct lg_driver table; /* before null_pool: set to taste */
    struct null_script script;
    struct null_counts counts;
    struct null_gate opens, checks, resets, closes, interrupts;
    const struct lg_cancel *cancel; /* atomic; of the latest open that has not returned */
    lg_deadline open_deadline;      /* atomic; of the latest open */
    const char *fault;              /* atomic; the first one */
    struct null_resource *resources;
    uint32_t resource_count; /* atomic */
};

/* With all functions, fork = refill. */
struct null_driver *null_begin(void);

/* A pool of the driver's; fails the test if there is none. */
struct lg_pool *null_pool(struct null_driver *driver, const struct lg_pool_options *options);

/* A strict pool of `capacity`: tests say who is served next.  The default of everything else. */
struct lg_pool *null_pool_of(struct null_driver *driver, uint32_t capacity);

/* Assert that the pool's counts are the driver's and nothing is out; destroy it; assert that nothing
 * has leaked and nothing went wrong. */
void null_end(struct null_driver *driver, struct lg_pool *pool);

/* The same, in two steps: for pools that a test has ended by itself. */
void null_assert_quiet(struct null_driver *driver, struct lg_pool *pool);
void null_free(struct null_driver *driver);

/* Assert that idle + lent is what is open, lent_now what is out, and so on. */
void null_assert_counts(const struct null_driver *driver, struct lg_pool *pool, uint32_t out);

/* How many are open. */
uint32_t null_alive(const struct null_driver *driver);

#define null_set(driver, field, value)                                                             \
    __atomic_store_n(&(driver)->script.field, (value), __ATOMIC_SEQ_CST)
#define null_get(driver, field) __atomic_load_n(&(driver)->counts.field, __ATOMIC_SEQ_CST)

/* Calls wait at the gate from now on; let n of them pass; let all pass. */
void null_hold(struct null_gate *gate);
void null_let(struct null_gate *gate, uint32_t n);
void null_let_all(struct null_gate *gate);

/* Wait until so many are at the gate. */
void null_wait_at(struct null_gate *gate, uint32_t n);

/* Hold opens, and have one at the gate whose asker has left. */
void null_leave_open(struct null_driver *driver, struct lg_pool *pool);

/* Wait until so many have been opened, or closed, in all.  What a clear finds idle may be closed by an
 * opener on its way out, so that it is not yet closed when the clear returns. */
void null_wait_opened(struct null_driver *driver, uint32_t n);
void null_wait_closed(struct null_driver *driver, uint32_t n);

/* Wait until the pool has so many idle; until it has no opener and no open. */
void null_wait_idle(struct lg_pool *pool, uint32_t n);
void null_wait_no_openers(struct lg_pool *pool);

/* Wait until the process has so many threads and no more: a sanitizer's runtime does not survive a
 * fork at the moment when a thread begins or ends.  Count main, the watchdog, the ticker, the crew. */
void null_wait_threads(uint32_t n);

/* Wait until what was lent before counts as idle for longer than a check_after_ms of 1. */
void null_grow_old(void);

/* Make all that the pool has open look unused since the machine started, which is longer ago than
 * NULL_CHECK_MS: no test has to wait for that, and none is late for it under load. */
#define NULL_CHECK_MS 5000
void null_age(struct lg_pool *pool);

/* Wait until the condition, over atomics, holds.  The watchdog ends it otherwise. */
#define NULL_WAIT_UNTIL(condition)                                                                 \
    do {                                                                                           \
        while (!(condition))                                                                       \
            null_yield();                                                                          \
    } while (0)
void null_yield(void);

/* Around the use of a resource; `user` is any address that is the lease's alone.  Any thread. */
void null_use(struct null_driver *driver, void *resource, const void *user);
void null_drop(struct null_driver *driver, void *resource, const void *user);

/* A checkout and a checkin that must not fail, however long they take. */
#define null_take(pool) null_take_at((pool), LG_HERE)
struct lg_lease null_take_at(struct lg_pool *pool, const char *place);
void null_give(struct lg_pool *pool, struct lg_lease *lease);

/* ---- Loans: steps for the crew, which return the status --------------------------------------- */

struct loan {
    struct null_driver *driver;
    struct lg_pool *pool;
    lg_deadline deadline;
    struct lg_lease lease;
    struct lg_report report; /* of the last checkout that failed */
    uint32_t is_untouched;   /* the owner word is left alone: for shared resources */
};

struct loan loan_of(struct null_driver *driver, struct lg_pool *pool, lg_deadline deadline);

int loan_checkout(void *loan);
int loan_checkin(void *loan);
int loan_discard(void *loan);
int loan_detach(void *loan);
int loan_adopt(void *loan);

/* A context that only holds its lease until it is told otherwise. */
int loan_nothing(void *loan);

#endif
