/* Histogram: buckets, percentiles against the sorted values themselves, and many writers. */
#include "plat/histogram.h"

#include "plat/memory.h"
#include "support/crew.h"

#include <lifeguard/histogram.h>
#include <stdlib.h>

static struct lg_histogram histogram;

static void forget(void)
{
    histogram = (struct lg_histogram){0};
}

static struct lg_histogram_summary summary_of(const struct lg_histogram *from)
{
    struct lg_histogram_summary summary;
    lg_histogram_summarize(from, &summary);
    return summary;
}

/* One value recorded alone comes out as itself, because the maximum is exact; beside a larger one it
 * comes out as the middle of its bucket. */
static void assert_kept(uint64_t value)
{
    forget();
    lg_histogram_record(&histogram, value);
    lg_histogram_record(&histogram, LG_HISTOGRAM_TOP);
    uint64_t got = lg_histogram_quantile(&histogram, 0.5);
    uint64_t wrong = got > value ? got - value : value - got;
    assert_true(wrong <= value / (2 * LG_HISTOGRAM_FINE));
}

static void values_are_kept_to_a_thirty_second(void **state)
{
    (void)state;
    struct support_random random;
    support_random_begin(&random, 1);
    for (uint64_t value = 0; value < 5000; value++)
        assert_kept(value);
    for (uint32_t power = 0; power < 44; power++) {
        assert_kept((uint64_t)1 << power);
        assert_kept(((uint64_t)1 << power) - 1);
    }
    for (int i = 0; i < 20000; i++)
        assert_kept(support_random_next(&random) >> (20 + support_below(&random, 44)));
}

static void nothing_recorded_is_zero(void **state)
{
    (void)state;
    forget();
    struct lg_histogram_summary summary = summary_of(&histogram), zero = {0};
    assert_memory_equal(&summary, &zero, sizeof zero);
    assert_int_equal(lg_histogram_quantile(&histogram, 1), 0);
    assert_int_equal(lg_histogram_quantile(NULL, 1), 0);
}

static void what_is_too_large_is_the_maximum(void **state)
{
    (void)state;
    forget();
    lg_histogram_record(&histogram, UINT64_MAX);
    lg_histogram_record(&histogram, 5);
    assert_true(lg_histogram_quantile(&histogram, 1) == UINT64_MAX);
    assert_int_equal(lg_histogram_quantile(&histogram, 0), 5);
    assert_true(summary_of(&histogram).max == UINT64_MAX);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void assert_near(uint64_t got, uint64_t value)
{
    uint64_t wrong = got > value ? got - value : value - got;
    assert_true(wrong <= value / (2 * LG_HISTOGRAM_FINE) + 1);
}

/* Against the nearest rank of the sorted values. */
static void percentiles_are_those_of_the_values(void **state)
{
    (void)state;
    enum { COUNT = 3001 };
    static uint64_t values[COUNT];
    struct support_random random;
    support_random_begin(&random, 2);
    for (int round = 0; round < 20; round++) {
        uint32_t shift = 20 + support_below(&random, 40);
        uint64_t sum = 0;
        forget();
        for (int i = 0; i < COUNT; i++) {
            values[i] = support_random_next(&random) >> shift;
            sum += values[i];
            lg_histogram_record(&histogram, values[i]);
        }
        qsort(values, COUNT, sizeof values[0], by_size);
        struct lg_histogram_summary summary = summary_of(&histogram);
        assert_int_equal(summary.count, COUNT);
        assert_int_equal(summary.max, values[COUNT - 1]);
        assert_near(summary.sum, sum);
        assert_near(summary.p50, values[1500]);  /* rank 1501 of 3001 */
        assert_near(summary.p90, values[2700]);  /* 2701 */
        assert_near(summary.p99, values[2970]);  /* 2971 */
        assert_near(summary.p999, values[2997]); /* 2998 */
        assert_near(lg_histogram_quantile(&histogram, 0), values[0]);
        assert_int_equal(lg_histogram_quantile(&histogram, 1), summary.max);
    }
}

static void joined_histograms_are_one(void **state)
{
    (void)state;
    static struct lg_histogram odd, even;
    odd = even = (struct lg_histogram){0};
    forget();
    for (uint64_t value = 1; value < 100000; value += 7) {
        lg_histogram_record(value % 2 ? &odd : &even, value);
        lg_histogram_record(&histogram, value);
    }
    lg_histogram_add(&odd, &even);
    assert_memory_equal(&odd, &histogram, sizeof odd);
}

/* A power of two is where a bucket begins, so the counts below it are exact. */
static void counts_below_powers_of_two_are_exact(void **state)
{
    (void)state;
    enum { FIRST = 4, POWERS = 41 };
    uint64_t below[POWERS], expected[POWERS] = {0};
    struct support_random random;
    support_random_begin(&random, 3);
    forget();
    for (int i = 0; i < 5000; i++) {
        uint64_t power = (uint64_t)1 << (FIRST + support_below(&random, POWERS));
        uint64_t value = i % 3 == 0   ? power
                         : i % 3 == 1 ? power - 1
                                      : support_random_next(&random) % power;
        lg_histogram_record(&histogram, value);
        for (int j = 0; j < POWERS; j++)
            expected[j] += value < (uint64_t)1 << (FIRST + j);
    }
    /* The last bound is the top, where the last bucket takes all that is larger. */
    lg__histogram_count_below(&histogram, FIRST, POWERS - 1, below);
    assert_memory_equal(below, expected, (POWERS - 1) * sizeof below[0]);
}

#define WRITERS 6
#define WRITES  20000u

static int write_many(void *arg)
{
    uint64_t first = *(const uint64_t *)arg;
    for (uint64_t i = 0; i < WRITES; i++)
        lg_histogram_record(&histogram, first + i * 37);
    return 0;
}

/* Nothing is lost, nothing is allocated, and a snapshot in between agrees with itself. */
static void many_threads_record_at_once(void **state)
{
    (void)state;
    struct crew_worker *workers[WRITERS];
    uint64_t firsts[WRITERS], last = 0;
    forget();
    for (uint64_t i = 0; i < WRITERS; i++) {
        workers[i] = crew_hire_numbered("writer-", (unsigned)i);
        firsts[i] = i * 1000;
    }
    uint64_t allocated = lg__alloc_count();
    for (int i = 0; i < WRITERS; i++)
        crew_run(workers[i], write_many, &firsts[i]);
    do {
        struct lg_histogram_summary summary = summary_of(&histogram);
        assert_true(summary.count >= last);
        assert_true(summary.p50 <= summary.p90 && summary.p90 <= summary.p99);
        assert_true(summary.p99 <= summary.p999 && summary.p999 <= summary.max);
        last = summary.count;
    } while (last < WRITERS * WRITES);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(lg__alloc_count(), allocated);
    struct lg_histogram_summary summary = summary_of(&histogram);
    assert_int_equal(summary.count, WRITERS * WRITES);
    assert_int_equal(summary.max, (WRITERS - 1) * 1000 + (WRITES - 1) * 37);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(values_are_kept_to_a_thirty_second),
        SUPPORT_TEST(nothing_recorded_is_zero),
        SUPPORT_TEST(what_is_too_large_is_the_maximum),
        SUPPORT_TEST(percentiles_are_those_of_the_values),
        SUPPORT_TEST(joined_histograms_are_one),
        SUPPORT_TEST(counts_below_powers_of_two_are_exact),
        SUPPORT_TEST(many_threads_record_at_once),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
