/* Creating a pool: options, versions of structs, what is refused. */
#include "support/null_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int create(struct null_driver *driver, const struct lg_pool_options *options,
                  struct lg_pool **pool)
{
    return lg_pool_create(&driver->table, driver, options, pool);
}

static void assert_refused(const struct lg_pool_options *options, int expected)
{
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = (struct lg_pool *)(void *)driver;
    assert_status(create(driver, options, &pool), expected);
    assert_null(pool);
    assert_int_equal(null_get(driver, destroyed), 0); /* it is still the caller's */
    null_free(driver);
}

static void assert_capacity(const struct lg_pool_options *options, uint32_t capacity)
{
    struct null_driver *driver = null_begin();
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_pool *pool = null_pool(driver, options);
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.capacity, capacity);
    assert_int_equal(stats.idle + stats.lent_now + stats.opening + stats.waiting, 0);
    null_end(driver, pool);
}

static void no_options_and_zeroes_are_the_defaults(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    assert_capacity(NULL, 10);
    assert_capacity(&options, 10);
    options.capacity = 3;
    assert_capacity(&options, 3);
}

static void nothing_is_opened_before_a_checkout(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 4);
    lg_pool_destroy(pool);
    assert_int_equal(null_get(driver, opens_begun), 0);
    assert_int_equal(null_get(driver, destroyed), 1);
    null_free(driver);
}

/* One option with a value that it may not have, and what is said of it. */
struct bad_option {
    const char *option;
    size_t offset;
    size_t size;
    uint64_t value;
    const char *right;
};

#define MS_MOST "at most 4611686018427"
#define BAD(field, value, right)                                                                   \
    {                                                                                              \
#field, offsetof(struct lg_pool_options, field),                                           \
            sizeof(((struct lg_pool_options *)0)->field), (value), (right)                         \
    }

static const struct bad_option bad_options[] = {
    BAD(capacity, LG_POOL_CAPACITY_MAX + 1, "at most 10000"),
    BAD(capacity, UINT32_MAX, "at most 10000"),
    BAD(min_size, 11, "at most the capacity, 10"),
    BAD(start_paused, 2, "0 or 1"),
    BAD(nested, LG_NESTED_SHARE + 1, "one of enum lg_nested"),
    BAD(nested, UINT32_MAX, "one of enum lg_nested"),
    BAD(order, LG_ORDER_FIFO + 1, "one of enum lg_order"),
    BAD(growth, LG_GROWTH_PATIENT + 1, "one of enum lg_growth"),
    BAD(unbiased, 2, "0 or 1"),
    BAD(overtaking_us, UINT64_MAX, MS_MOST),
    BAD(detached, 2, "0 or 1"),
    BAD(reclaim_orphans, 2, "0 or 1"),
    BAD(open_timeout_ms, UINT64_MAX, MS_MOST),
    BAD(clear_on_open_failure, 2, "0 or 1"),
    BAD(check_after_ms, UINT64_MAX, MS_MOST),
    BAD(keepalive_ms, UINT64_MAX, MS_MOST),
    BAD(idle_timeout_ms, UINT64_MAX, MS_MOST),
    BAD(lifetime_ms, UINT64_MAX, MS_MOST),
    BAD(lifetime_jitter_percent, 101, "at most 100"),
    BAD(period_ms, UINT64_MAX - 1, MS_MOST ", or LG_PERIOD_NEVER"),
    BAD(leak_after_ms, UINT64_MAX, MS_MOST),
    BAD(declared_threads, UINT32_MAX, "at most "),
    BAD(event_room, (1u << 20) + 1, "at most 1048576"),
};

static void set_option(struct lg_pool_options *options, const struct bad_option *bad)
{
    uint32_t narrow = (uint32_t)bad->value;
    const void *from = bad->size == sizeof narrow ? (const void *)&narrow : &bad->value;
    memcpy((char *)options + bad->offset, from, bad->size);
}

static void assert_said(const char *option, uint64_t value, const char *right)
{
    char expected[200];
    snprintf(expected, sizeof expected, "%s is %llu, and should be %s", option,
             (unsigned long long)value, right);
    if (!strstr(support_log_text("bad-option"), expected))
        fail_msg("\"%s\" does not say \"%s\"", support_log_text("bad-option"), expected);
}

static void each_option_has_its_bounds_and_says_so(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_WARN);
    for (size_t i = 0; i < sizeof bad_options / sizeof bad_options[0]; i++) {
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.name = "billing";
        set_option(&options, &bad_options[i]);
        assert_refused(&options, LG_EINVAL);
        assert_said(bad_options[i].option, bad_options[i].value, bad_options[i].right);
        assert_non_null(strstr(support_log_text("bad-option"), "pool \"billing\""));
        assert_int_equal(support_log_count("bad-option"), i + 1);
    }
}

static void all_bad_options_are_named_at_once(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    support_log_begin(LG_LOG_WARN);
    options.detached = options.unbiased = 7;
    options.min_size = 3;
    options.capacity = 2;
    assert_refused(&options, LG_EINVAL);
    assert_int_equal(support_log_count("bad-option"), 3);
    assert_said("min_size", 3, "at most the capacity, 2");
}

static void large_values_are_not_bad_ones(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_lease lease;
    options.opening_max = UINT32_MAX;
    options.open_timeout_ms = 1000ull * 60 * 60 * 24 * 365;
    options.check_after_ms = options.leak_after_ms = options.open_timeout_ms;
    struct lg_pool *pool = null_pool(driver, &options);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    null_end(driver, pool);
}

static void the_initializer_sets_size_and_overtaking_alone(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool_options expected;
    memset(&expected, 0, sizeof expected);
    expected.size = sizeof expected;
    expected.overtaking_us = 1000;
    assert_memory_equal(&options, &expected, sizeof options); /* there is no padding */
}

/* What a program compiled against another version of the header hands over. */
union sized_options {
    struct lg_pool_options known;
    unsigned char bytes[sizeof(struct lg_pool_options) + 64];
};

static void an_older_struct_has_the_defaults_for_the_rest(void **state)
{
    (void)state;
    union sized_options options;
    memset(&options, 0xee, sizeof options); /* what stands behind its end is not looked at */
    options.known.size = offsetof(struct lg_pool_options, capacity);
    assert_capacity(&options.known, 10);
    options.known.size = offsetof(struct lg_pool_options, name);
    options.known.capacity = 7;
    assert_capacity(&options.known, 7);
    options.known.size = offsetof(struct lg_pool_options, detached);
    options.known.name = "older";
    options.known.min_size = options.known.start_paused = options.known.unbiased = 0;
    options.known.nested = LG_NESTED_FORBID;
    options.known.order = LG_ORDER_LIFO;
    options.known.growth = LG_GROWTH_PATIENT;
    options.known.overtaking_us = 1;
    assert_capacity(&options.known, 7);
}

static void a_newer_struct_must_not_set_what_is_unknown(void **state)
{
    (void)state;
    union sized_options options;
    memset(&options, 0, sizeof options);
    support_log_begin(LG_LOG_WARN);
    options.known.size = sizeof options;
    options.known.capacity = 5;
    assert_capacity(&options.known, 5);
    for (size_t i = sizeof options.known; i < sizeof options; i++) {
        options.bytes[i] = 1;
        assert_refused(&options.known, LG_EVERSION);
        options.bytes[i] = 0;
        assert_said("the options' size", sizeof options, "at most ");
    }
    options.known.size = sizeof options.known;
    options.bytes[sizeof options.known] = 1; /* behind its end */
    assert_capacity(&options.known, 5);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    support_log_begin(LG_LOG_WARN);
    static const uint32_t sizes[] = {0, 1, 3, 12, 13, 71, 73, 65535, 65537, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.size = sizes[i];
        assert_refused(&options, LG_EINVAL);
        assert_said("the options' size", sizes[i], "sizeof(struct lg_pool_options)");
    }
}

static void arguments_must_be_there(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = NULL;
    support_log_begin(LG_LOG_WARN);
    assert_status(lg_pool_create(&driver->table, driver, NULL, NULL), LG_EINVAL);
    pool = (struct lg_pool *)(void *)driver;
    assert_status(lg_pool_create(NULL, driver, NULL, &pool), LG_EINVAL);
    assert_null(pool);
    assert_non_null(strstr(support_log_text("bad-option"), "driver is NULL"));
    lg_pool_destroy(NULL);
    null_free(driver);
}

static void assert_driver_refused(const struct lg_driver *table, int expected)
{
    struct lg_pool *pool = (struct lg_pool *)(uintptr_t)table;
    assert_status(lg_pool_create(table, NULL, NULL, &pool), expected);
    assert_null(pool);
}

static void a_driver_needs_open_and_close(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_driver table = driver->table;
    support_log_begin(LG_LOG_WARN);
    table.open = NULL;
    assert_driver_refused(&table, LG_EINVAL);
    assert_non_null(strstr(support_log_text("bad-option"), "the driver's open is NULL"));
    table = driver->table;
    table.close = NULL;
    assert_driver_refused(&table, LG_EINVAL);
    assert_non_null(strstr(support_log_text("bad-option"), "the driver's close is NULL"));
    table = driver->table;
    table.size = offsetof(struct lg_driver, close); /* it ends before close */
    assert_driver_refused(&table, LG_EINVAL);
    table = driver->table;
    table.fork = (enum lg_driver_fork)(LG_FORK_REFUSE + 1);
    assert_driver_refused(&table, LG_EINVAL);
    assert_said("the driver's fork", LG_FORK_REFUSE + 1, "LG_FORK_REFILL or");
    null_free(driver);
}

static void drivers_have_versions_too(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    union {
        struct lg_driver known;
        unsigned char bytes[sizeof(struct lg_driver) + 16];
    } table;
    support_log_begin(LG_LOG_WARN);
    memset(&table, 0, sizeof table);
    table.known = driver->table;
    table.known.size = sizeof table;
    struct lg_pool *pool;
    assert_status(lg_pool_create(&table.known, driver, NULL, &pool), LG_OK);
    lg_pool_destroy(pool);
    assert_int_equal(null_get(driver, destroyed), 1);
    table.bytes[sizeof table - 1] = 1;
    assert_driver_refused(&table.known, LG_EVERSION);
    assert_said("the driver's size", sizeof table, "at most ");
    null_free(driver);
}

static void the_smallest_driver_has_open_and_close_only(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    driver->table.size = offsetof(struct lg_driver, check);
    struct lg_pool *pool = null_pool_of(driver, 1);
    struct lg_lease lease;
    for (int i = 0; i < 3; i++) {
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
        assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    }
    assert_int_equal(null_get(driver, opened), 1);
    assert_int_equal(null_get(driver, resets) + null_get(driver, checks), 0);
    null_assert_quiet(driver, pool);
    assert_status(lg_pool_close(pool, LG_TRY, NULL, 0, NULL), LG_OK);
    assert_int_equal(null_get(driver, closed), 1);
    lg_pool_destroy(pool);
    assert_int_equal(null_get(driver, destroyed), 0); /* it lies behind the driver's end */
    null_free(driver);
}

static void the_driver_and_the_name_are_copied(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    char name[] = "a name that is longer than what there is room for";
    struct lg_driver saved = driver->table;
    options.name = name;
    options.capacity = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    memset(name, '?', sizeof name - 1);
    memset(&driver->table, 0, sizeof driver->table);
    memset(&options, 0xff, sizeof options);
    struct lg_lease lease, second;
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &lease), LG_OK);
    assert_status(lg_pool_checkout(pool, LG_FOREVER, &second), LG_EDEADLK);
    assert_string_equal(lg_report_last()->name, "a name that is longer than what");
    assert_status(lg_pool_checkin(pool, &lease), LG_OK);
    driver->table = saved;
    null_end(driver, pool);
}

static void ten_thousand_slots(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, LG_POOL_CAPACITY_MAX);
    uint32_t count = SUPPORT_ROUNDS(LG_POOL_CAPACITY_MAX);
    struct lg_lease *leases = calloc(count, sizeof *leases);
    struct lg_lease_info last[2];
    assert_non_null(leases);
    for (uint32_t i = 0; i < count; i++) {
        assert_status(lg_pool_checkout(pool, LG_FOREVER, &leases[i]), LG_OK);
        null_use(driver, leases[i].resource, &leases[i]);
    }
    null_assert_counts(driver, pool, count);
    assert_int_equal(lg_pool_holders(pool, last, 2), count);
    for (uint32_t i = 0; i < count; i++) {
        null_drop(driver, leases[i].resource, &leases[i]);
        assert_status(lg_pool_checkin(pool, &leases[i]), LG_OK);
    }
    assert_int_equal(null_get(driver, opened), count);
    free(leases);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(no_options_and_zeroes_are_the_defaults),
        SUPPORT_TEST(nothing_is_opened_before_a_checkout),
        SUPPORT_TEST(each_option_has_its_bounds_and_says_so),
        SUPPORT_TEST(all_bad_options_are_named_at_once),
        SUPPORT_TEST(large_values_are_not_bad_ones),
        SUPPORT_TEST(the_initializer_sets_size_and_overtaking_alone),
        SUPPORT_TEST(an_older_struct_has_the_defaults_for_the_rest),
        SUPPORT_TEST(a_newer_struct_must_not_set_what_is_unknown),
        SUPPORT_TEST(a_size_that_cannot_be_is_refused),
        SUPPORT_TEST(arguments_must_be_there),
        SUPPORT_TEST(a_driver_needs_open_and_close),
        SUPPORT_TEST(drivers_have_versions_too),
        SUPPORT_TEST(the_smallest_driver_has_open_and_close_only),
        SUPPORT_TEST(the_driver_and_the_name_are_copied),
        SUPPORT_TEST(ten_thousand_slots),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
