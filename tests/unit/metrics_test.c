/* Metrics: the text is what the standard says, and says what the statistics say. */
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"
#include "support/openmetrics.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[256 * 1024];

static void assert_valid(size_t length)
{
    const char *fault = openmetrics_fault(text);
    if (fault)
        fail_msg("%s\n%s", fault, text);
    assert_int_equal(length, strlen(text));
}

static void write_pool(struct lg_pool *pool)
{
    assert_valid(lg_pool_metrics(pool, text, sizeof text));
}

static double value_of(const char *sample)
{
    double value;
    if (!openmetrics_value(text, sample, &value))
        fail_msg("no sample %s\n%s", sample, text);
    return value;
}

static struct lg_pool *pool_of(struct null_driver *driver, const char *name, uint32_t capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = name;
    options.capacity = capacity;
    return null_pool(driver, &options);
}

/* ---- The parser ---------------------------------------------------------------------------------- */

#define HEAD "# TYPE a counter\n# HELP a b\n"
#define HIST "# TYPE h histogram\n# HELP h b\n"
#define TAIL "# EOF\n"

static void the_parser_takes_what_is_right(void **state)
{
    (void)state;
    static const char *const right[] = {
        TAIL,
        HEAD "a_total 1\n" TAIL,
        HEAD "a_total{x=\"1\"} 1\na_total{x=\"2\",y=\"\"} 1e+3\n" TAIL,
        "# TYPE a_s gauge\n# UNIT a_s s\n# HELP a_s \n"
        "a_s -1.5\n" TAIL,
        HEAD "a_total{x=\"\\\\\\\"\\n\xc3\xa4\"} 1\n" TAIL,
        HIST "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 4\n" TAIL,
        HIST "h_bucket{x=\"1\",le=\"+Inf\"} 2\nh_count{x=\"1\"} 2\nh_sum{x=\"1\"} 4\n"
             "h_bucket{x=\"2\",le=\"+Inf\"} 1\nh_count{x=\"2\"} 1\nh_sum{x=\"2\"} 4\n" TAIL,
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        const char *fault = openmetrics_fault(right[i]);
        if (fault)
            fail_msg("%s\n%s", fault, right[i]);
    }
}

static void the_parser_refuses_what_is_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "# EOF",
        TAIL TAIL,
        HEAD "a_total 1\n",
        HEAD "a_total 1" TAIL,
        HEAD "a 1\n" TAIL,
        HEAD "a_total -1\n" TAIL,
        HEAD "a_total 1,5\n" TAIL,
        HEAD "a_total  1\n" TAIL,
        HEAD "a_total 1 \n" TAIL,
        HEAD "a_total 1\n\n" TAIL,
        HEAD "a_total 1\na_total 2\n" TAIL,
        HEAD "a_total{x=\"1\"} 1\na_total{x=\"1\"} 1\n" TAIL,
        HEAD "a_total{x=\"1\",x=\"2\"} 1\n" TAIL,
        HEAD "a_total{x=\"1\",} 1\n" TAIL,
        HEAD "a_total{1x=\"1\"} 1\n" TAIL,
        HEAD "a_total{x=\"\\t\"} 1\n" TAIL,
        HEAD "a_total{x=\"\n\"} 1\n" TAIL,
        HEAD "a_total{x=\"\xc3\"} 1\n" TAIL,
        HEAD "a_total{x=\"1} 1\n" TAIL,
        HEAD TAIL,
        "a_total 1\n" TAIL,
        "# HELP a b\na_total 1\n" TAIL,
        "# TYPE a counter\na_total 1\n" TAIL,
        "# TYPE a number\n# HELP a b\na_total 1\n" TAIL,
        "# TYPE a counter\n# TYPE a counter\n# HELP a b\na_total 1\n" TAIL,
        "# TYPE a gauge\n# UNIT a s\n# HELP a b\na 1\n" TAIL,
        "# TYPE s gauge\n# UNIT s s\n# HELP s b\ns 1\n" TAIL,
        "#TYPE a counter\n# HELP a b\na_total 1\n" TAIL,
        HEAD "a_total 1\n# TYPE b gauge\n# HELP b b\nb 1\na_total{x=\"1\"} 1\n" TAIL,
        HEAD "a_total 1\n# TYPE b gauge\n# HELP b b\nb 1\n" HEAD "a_total{x=\"1\"} 1\n" TAIL,
        HIST "h_bucket{le=\"1\"} 1\nh_count 1\nh_sum 4\n" TAIL,
        HIST "h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 4\n" TAIL,
        HIST "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
             "h_count 2\nh_sum 4\n" TAIL,
        HIST "h_bucket{le=\"+Inf\"} 2\nh_count 3\nh_sum 4\n" TAIL,
        HIST "h_bucket{le=\"+Inf\"} 2\nh_count 2\n" TAIL,
        HIST "h_bucket{le=\"+Inf\"} 2\nh_sum 2\n" TAIL,
        HIST "h_bucket{le=\"x\"} 2\nh_count 2\nh_sum 2\n" TAIL,
        HIST "h_bucket 2\nh_count 2\nh_sum 2\n" TAIL,
        HIST "h_bucket{le=\"+Inf\"} 1.5\nh_count 1.5\nh_sum 4\n" TAIL,
        HIST "h 2\n" TAIL,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (!openmetrics_fault(wrong[i]))
            fail_msg("number %zu was taken:\n%s", i, wrong[i]);
}

/* ---- One pool ------------------------------------------------------------------------------------ */

static void an_unused_pool_has_all_its_metrics(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 7);
    write_pool(pool);
    assert_true(value_of("lifeguard_pool_capacity{pool=\"db\"}") == 7);
    assert_true(value_of("lifeguard_pool_checkouts_total{pool=\"db\"}") == 0);
    assert_true(value_of("lifeguard_pool_wait_seconds_count{pool=\"db\"}") == 0);
    assert_true(value_of("lifeguard_pool_wait_seconds_sum{pool=\"db\"}") == 0);
    null_end(driver, pool);
}

static void the_text_says_what_the_statistics_say(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 2);
    struct crew_worker *waiter = crew_hire("waiter");
    struct loan one = loan_of(driver, pool, LG_FOREVER), two = one, third = one;
    null_set(driver, fail_opens, 1);
    assert_status(loan_checkout(&one), LG_EOPEN);
    assert_status(loan_checkout(&one), LG_OK);
    assert_status(loan_checkout(&two), LG_OK);
    assert_int_equal(lg_pool_clear(pool, 0), LG_OK);
    struct loan try = loan_of(driver, pool, LG_TRY);
    assert_status(loan_checkout(&try), LG_EBUSY);
    crew_run(waiter, loan_checkout, &third);
    crew_wait_blocked_on(waiter, pool);
    null_wait_no_openers(pool);
    write_pool(pool);
    assert_true(value_of("lifeguard_pool_lent{pool=\"db\"}") == 2);
    assert_true(value_of("lifeguard_pool_lent_most{pool=\"db\"}") == 2);
    assert_true(value_of("lifeguard_pool_waiting{pool=\"db\"}") == 1);
    assert_true(value_of("lifeguard_pool_oldest_wait_seconds{pool=\"db\"}") > 0);
    assert_true(value_of("lifeguard_pool_checkouts_total{pool=\"db\"}") == 2);
    assert_true(value_of("lifeguard_pool_checkins_total{pool=\"db\"}") == 0);
    assert_true(value_of("lifeguard_pool_queued_total{pool=\"db\"}") == 4);
    assert_true(value_of("lifeguard_pool_clears_total{pool=\"db\"}") == 1);
    assert_true(value_of("lifeguard_pool_opens_total{pool=\"db\"}") == 2);
    assert_true(value_of("lifeguard_pool_open_failures_total{pool=\"db\"}") == 1);
    assert_true(value_of("lifeguard_pool_checkout_failures_total{pool=\"db\",reason=\"open\"}") ==
                1);
    assert_true(value_of("lifeguard_pool_checkout_failures_total{pool=\"db\",reason=\"busy\"}") ==
                1);
    assert_true(value_of("lifeguard_pool_wait_seconds_count{pool=\"db\"}") == 3);
    assert_true(value_of("lifeguard_pool_open_seconds_count{pool=\"db\"}") == 2);
    assert_status(loan_checkin(&one), LG_OK);
    assert_status(crew_wait(waiter), LG_OK);
    assert_status(loan_checkin(&two), LG_OK);
    assert_status(crew_do(waiter, loan_checkin, &third), LG_OK);
    null_end(driver, pool);
}

/* Bounds are inclusive, and exact to the nanosecond. */
static void buckets_hold_what_is_at_most_their_bound(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 1);
    static const uint64_t waits[] = {0, 1023, 1024, 2047, 2048, 17179869183, 17179869184};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        lg_histogram_record(&pool->stats.waits, waits[i]);
    write_pool(pool);
#define BUCKET(le) value_of("lifeguard_pool_wait_seconds_bucket{pool=\"db\",le=\"" le "\"}")
    assert_true(BUCKET("0.000001023") == 2);
    assert_true(BUCKET("0.000002047") == 4);
    assert_true(BUCKET("0.000004095") == 5);
    assert_true(BUCKET("8.589934591") == 5);
    assert_true(BUCKET("17.179869183") == 6);
    assert_true(BUCKET("+Inf") == 7);
#undef BUCKET
    double sum = value_of("lifeguard_pool_wait_seconds_sum{pool=\"db\"}");
    assert_true(sum > 34.35 * 31 / 32 && sum < 34.37 * 33 / 32);
    pool->stats.waits = (struct lg_histogram){0};
    null_end(driver, pool);
}

static void a_name_comes_through_whatever_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a \"quoted\" one", "back\\slash\\",        "two\nlines\n",     "\\n is no line",
        "\"},=\\\"",        "\xc3\xa4\xe2\x82\xac", "tab\tand\rreturn", "# EOF\n# EOF",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char found[LG_NAME_SIZE];
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = pool_of(driver, names[i], 1);
        write_pool(pool);
        assert_true(
            openmetrics_label(text, "lifeguard_pool_capacity", "pool", found, sizeof found));
        assert_string_equal(found, names[i]);
        null_end(driver, pool);
    }
}

/* A name that is cut within a character, or is no text at all, still gives text. */
static void a_name_that_is_no_utf8_is_mended(void **state)
{
    (void)state;
    char found[LG_NAME_SIZE];
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "0123456789012345678901234567\xc3\xa4\xc3\xa4", 1);
    write_pool(pool);
    assert_true(openmetrics_label(text, "lifeguard_pool_capacity", "pool", found, sizeof found));
    assert_string_equal(found, "0123456789012345678901234567\xc3\xa4?");
    null_end(driver, pool);
}

static void what_does_not_fit_is_cut_and_counted(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 1);
    static char part[64 * 1024];
    write_pool(pool);
    size_t length = strlen(text);
    assert_int_equal(lg_pool_metrics(pool, NULL, 0), length);
    for (size_t room = 1; room < length + 3; room += room < 300 ? 1 : 37) {
        memset(part, 0x55, sizeof part);
        assert_int_equal(lg_pool_metrics(pool, part, room), length);
        assert_int_equal(strlen(part), room - 1 < length ? room - 1 : length);
        assert_memory_equal(part, text, strlen(part));
        assert_int_equal(part[room], 0x55);
    }
    null_end(driver, pool);
}

/* printf writes the locale's decimal point; a scraper wants a point. */
static void the_locale_does_not_matter(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = pool_of(driver, "db", 1);
    lg_histogram_record(&pool->stats.waits, 1500000000);
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++)
        if (setlocale(LC_NUMERIC, locales[i]))
            write_pool(pool);
    assert_non_null(strstr(text, "wait_seconds_sum{pool=\"db\"} 1.5"));
    pool->stats.waits = (struct lg_histogram){0};
    null_end(driver, pool);
}

/* ---- All pools ----------------------------------------------------------------------------------- */

static void write_process(void)
{
    assert_valid(lg_metrics_write(text, sizeof text));
}

static void no_pool_is_a_text_too(void **state)
{
    (void)state;
    write_process();
    assert_string_equal(text, "# EOF\n");
}

static void all_pools_are_in_one_text(void **state)
{
    (void)state;
    enum { POOLS = 20 };
    struct null_driver *drivers[POOLS];
    struct lg_pool *pools[POOLS];
    for (uint32_t i = 0; i < POOLS; i++) {
        char name[LG_NAME_SIZE];
        snprintf(name, sizeof name, "pool-%u", i);
        drivers[i] = null_begin();
        pools[i] = pool_of(drivers[i], name, i + 1);
    }
    write_process();
    for (uint32_t i = 0; i < POOLS; i++) {
        char sample[80];
        snprintf(sample, sizeof sample, "lifeguard_pool_capacity{pool=\"pool-%u\"}", i);
        assert_true(value_of(sample) == i + 1);
    }
    for (uint32_t i = 0; i < POOLS; i++)
        null_end(drivers[i], pools[i]);
    write_process();
    assert_string_equal(text, "# EOF\n");
}

static void namesakes_have_numbers(void **state)
{
    (void)state;
    struct null_driver *drivers[3] = {null_begin(), null_begin(), null_begin()};
    struct lg_pool *pools[3] = {pool_of(drivers[0], "db", 1), pool_of(drivers[1], "other", 2),
                                pool_of(drivers[2], "db", 3)};
    write_process();
    assert_true(value_of("lifeguard_pool_capacity{pool=\"other\"}") == 2);
    for (int i = 0; i < 3; i += 2) {
        char sample[80];
        snprintf(sample, sizeof sample, "lifeguard_pool_capacity{pool=\"db\",number=\"%llu\"}",
                 (unsigned long long)pools[i]->serial);
        assert_true(value_of(sample) == i + 1);
    }
    for (int i = 0; i < 3; i++)
        null_end(drivers[i], pools[i]);
}

struct life {
    struct null_driver *driver;
    uint32_t rounds;
};

/* Pools come and go. */
static int make_and_end(void *arg)
{
    struct life *life = arg;
    for (uint32_t i = 0; i < life->rounds; i++) {
        struct lg_pool *pools[3] = {NULL, NULL, NULL};
        for (int j = 0; j < 3; j++)
            SUPPORT_CHECK(lg_pool_create(&life->driver->table, life->driver, NULL, &pools[j]) ==
                          LG_OK);
        struct loan loan = loan_of(life->driver, pools[1], LG_FOREVER);
        SUPPORT_CHECK(loan_checkout(&loan) == LG_OK);
        SUPPORT_CHECK(loan_checkin(&loan) == LG_OK);
        for (int j = 0; j < 3; j++)
            lg_pool_destroy(pools[j]);
    }
    return 0;
}

static void pools_may_come_and_go_meanwhile(void **state)
{
    (void)state;
    struct life lives[2];
    struct crew_worker *workers[2] = {crew_hire("one"), crew_hire("two")};
    for (int i = 0; i < 2; i++) {
        lives[i] = (struct life){null_begin(), (uint32_t)SUPPORT_ROUNDS(300)};
        crew_run(workers[i], make_and_end, &lives[i]);
    }
    while (!crew_is_idle(workers[0]) || !crew_is_idle(workers[1]))
        write_process();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        NULL_WAIT_UNTIL(null_get(lives[i].driver, destroyed) == 3 * lives[i].rounds);
        null_free(lives[i].driver);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(the_parser_takes_what_is_right),
        SUPPORT_TEST(the_parser_refuses_what_is_wrong),
        SUPPORT_TEST(an_unused_pool_has_all_its_metrics),
        SUPPORT_TEST(the_text_says_what_the_statistics_say),
        SUPPORT_TEST(buckets_hold_what_is_at_most_their_bound),
        SUPPORT_TEST(a_name_comes_through_whatever_it_is),
        SUPPORT_TEST(a_name_that_is_no_utf8_is_mended),
        SUPPORT_TEST(what_does_not_fit_is_cut_and_counted),
        SUPPORT_TEST(the_locale_does_not_matter),
        SUPPORT_TEST(no_pool_is_a_text_too),
        SUPPORT_TEST(all_pools_are_in_one_text),
        SUPPORT_TEST(namesakes_have_numbers),
        SUPPORT_TEST(pools_may_come_and_go_meanwhile),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
