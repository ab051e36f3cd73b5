/* Metrics: pools' statistics as OpenMetrics text.
 *
 * The format wants all samples of a metric in one place, so pools are read first, each in one
 * snapshot, and the table of metrics is gone through afterwards, without any lock.
 *
 * Bounds of the buckets are one less than powers of two, in nanoseconds, because there the histogram
 * counts exactly: what is at most 1023 is below 1024.  Numbers are put together from integers: printf
 * would write the locale's decimal point. */
#include "pool/pool.h"

#include "plat/histogram.h"
#include "plat/memory.h"
#include "plat/text.h"

#include <string.h>

#define FIRST_POWER 10 /* 1 us */
#define BOUNDS      25 /* to 17 s */

/* A histogram, as far as it is written. */
struct times {
    uint64_t below[BOUNDS];
    struct lg_histogram_summary summary;
};

/* One pool, read. */
struct reading {
    char name[LG_NAME_SIZE];
    uint64_t serial;
    bool is_namesake; /* another pool has its name */
    struct lg_pool_stats stats;
    uint32_t minimum; /* against deadlock */
    struct times waits, holds, opens;
};

static void read_times(const struct lg_histogram *histogram, struct times *out)
{
    struct lg_histogram still = {0}; /* count, sum and buckets are to be of one moment */
    lg_histogram_add(&still, histogram);
    lg__histogram_count_below(&still, FIRST_POWER, BOUNDS, out->below);
    lg_histogram_summarize(&still, &out->summary);
}

static void read_pool(struct lg_pool *pool, struct reading *out)
{
    memcpy(out->name, pool->name, sizeof out->name);
    out->serial = pool->serial;
    out->is_namesake = false;
    lg__stats_read(pool, &out->stats);
    out->minimum = lg__sizing_judge(pool, 1, 1).minimum;
    read_times(&pool->stats.waits, &out->waits);
    read_times(&pool->stats.holds, &out->holds);
    read_times(&pool->stats.opens, &out->opens);
}

/* ---- What there is --------------------------------------------------------------------------- */

enum kind { GAUGE, GAUGE_NS, COUNTER, TIMES };

/* One row a sample of each pool.  Rows of one name follow each other and differ in their reason. */
struct metric {
    const char *name; /* without "lifeguard_pool_" */
    enum kind kind;
    const char *help;
    const char *reason;
    size_t offset; /* in the reading */
    size_t size;   /* of the number there */
};

#define STAT(field)                                                                                \
    offsetof(struct reading, stats.field), sizeof(((struct lg_pool_stats *)NULL)->field)
#define PART(field) offsetof(struct reading, field), 0

#define CLOSES   "closes", COUNTER, "Resources closed, by reason."
#define FAILURES "checkout_failures", COUNTER, "Checkouts that failed, by reason."

static const struct metric metrics[] = {
    {"capacity", GAUGE, "Most resources at once.", NULL, STAT(capacity)},
    {"idle", GAUGE, "Resources that may be lent now.", NULL, STAT(idle)},
    {"lent", GAUGE, "Resources that are lent now.", NULL, STAT(lent_now)},
    {"lent_most", GAUGE, "Most resources lent at once so far.", NULL, STAT(lent_most)},
    {"leaking", GAUGE, "Resources that have been lent for longer than leak_after_ms.", NULL,
     STAT(leaking_now)},
    {"opening", GAUGE, "Resources that are being opened now.", NULL, STAT(opening)},
    {"waiting", GAUGE, "Checkouts that wait now.", NULL, STAT(waiting)},
    {"waiting_most", GAUGE, "Most checkouts waiting at once so far.", NULL, STAT(waiting_most)},
    {"oldest_wait_seconds", GAUGE_NS, "How long the first of those who wait has waited.", NULL,
     STAT(oldest_wait_ns)},
    {"minimum", GAUGE, "Size below which nested checkouts can deadlock.", NULL,
     offsetof(struct reading, minimum), sizeof(uint32_t)},
    {"checkouts", COUNTER, "Checkouts that succeeded.", NULL, STAT(lent)},
    {"checkins", COUNTER, "Checkins that succeeded.", NULL, STAT(returned)},
    {"queued", COUNTER, "Checkouts that had to wait.", NULL, STAT(waited)},
    {FAILURES, "timeout", STAT(timeouts)},
    {FAILURES, "deadlock", STAT(deadlocks)},
    {FAILURES, "busy", STAT(refused_busy)},
    {FAILURES, "nested", STAT(refused_nested)},
    {FAILURES, "closed", STAT(refused_closed)},
    {FAILURES, "open", STAT(refused_open)},
    {FAILURES, "paused", STAT(refused_paused)},
    {FAILURES, "cancelled", STAT(cancelled)},
    {"leaks_reported", COUNTER, "Leases reported as likely leaks.", NULL, STAT(leaks_reported)},
    {"opens", COUNTER, "Resources opened.", NULL, STAT(opened)},
    {"open_failures", COUNTER, "Opens that failed.", NULL, STAT(open_failures)},
    {CLOSES, "stale", STAT(closed_stale)},
    {CLOSES, "idle", STAT(closed_idle)},
    {CLOSES, "error", STAT(closed_error)},
    {CLOSES, "end", STAT(closed_at_end)},
    {CLOSES, "lifetime", STAT(closed_lifetime)},
    {CLOSES, "evicted", STAT(closed_evicted)},
    {CLOSES, "surplus", STAT(closed_surplus)},
    {"clears", COUNTER, "Generations begun by a clear.", NULL, STAT(generation)},
    {"wait_seconds", TIMES, "Time that checkouts waited, of those that had to.", NULL, PART(waits)},
    {"hold_seconds", TIMES, "Time that leases were held, of one loan in 64.", NULL, PART(holds)},
    {"open_seconds", TIMES, "Time that opens took, of those that worked.", NULL, PART(opens)},
};

#define METRICS (sizeof metrics / sizeof metrics[0])

/* ---- Writing --------------------------------------------------------------------------------- */

static void add_seconds(struct lg__text *text, uint64_t ns)
{
    lg__text_addf(text, "%llu.%09llu", (unsigned long long)(ns / 1000000000),
                  (unsigned long long)(ns % 1000000000));
}

static void add_number(struct lg__text *text, uint64_t number)
{
    lg__text_addf(text, "%llu\n", (unsigned long long)number);
}

static void add_head(struct lg__text *text, const struct metric *metric)
{
    static const char *const types[] = {
        [GAUGE] = "gauge", [GAUGE_NS] = "gauge", [COUNTER] = "counter", [TIMES] = "histogram"};
    bool has_unit = metric->kind == GAUGE_NS || metric->kind == TIMES;
    lg__text_addf(text, "# TYPE lifeguard_pool_%s %s\n", metric->name, types[metric->kind]);
    if (has_unit)
        lg__text_addf(text, "# UNIT lifeguard_pool_%s seconds\n", metric->name);
    lg__text_addf(text, "# HELP lifeguard_pool_%s %s\n", metric->name, metric->help);
}

/* The sample up to its labels, which are left open. */
static void add_name(struct lg__text *text, const struct metric *metric, const char *suffix,
                     const struct reading *reading)
{
    lg__text_addf(text, "lifeguard_pool_%s%s{pool=\"", metric->name, suffix);
    lg__text_add_label(text, reading->name);
    lg__text_add(text, "\"");
    if (reading->is_namesake)
        lg__text_addf(text, ",number=\"%llu\"", (unsigned long long)reading->serial);
    if (metric->reason)
        lg__text_addf(text, ",reason=\"%s\"", metric->reason);
}

static void add_times(struct lg__text *text, const struct metric *metric,
                      const struct reading *reading, const struct times *times)
{
    for (uint32_t i = 0; i < BOUNDS; i++) {
        add_name(text, metric, "_bucket", reading);
        lg__text_add(text, ",le=\"");
        add_seconds(text, ((uint64_t)1 << (FIRST_POWER + i)) - 1);
        lg__text_add(text, "\"} ");
        add_number(text, times->below[i]);
    }
    add_name(text, metric, "_bucket", reading);
    lg__text_add(text, ",le=\"+Inf\"} ");
    add_number(text, times->summary.count);
    add_name(text, metric, "_count", reading);
    lg__text_add(text, "} ");
    add_number(text, times->summary.count);
    add_name(text, metric, "_sum", reading);
    lg__text_add(text, "} ");
    add_seconds(text, times->summary.sum);
    lg__text_add(text, "\n");
}

static uint64_t number_at(const void *at, size_t size)
{
    return size == sizeof(uint32_t) ? *(const uint32_t *)at : *(const uint64_t *)at;
}

static void add_metric(struct lg__text *text, const struct metric *metric,
                       const struct reading *reading)
{
    const void *at = (const char *)reading + metric->offset;
    if (metric->kind == TIMES) {
        add_times(text, metric, reading, at);
        return;
    }
    add_name(text, metric, metric->kind == COUNTER ? "_total" : "", reading);
    lg__text_add(text, "} ");
    if (metric->kind == GAUGE_NS) {
        add_seconds(text, number_at(at, metric->size));
        lg__text_add(text, "\n");
    } else {
        add_number(text, number_at(at, metric->size));
    }
}

/* Readings are in the order of the list, the newest first; the text begins with the oldest. */
static size_t write_all(const struct reading *readings, uint32_t count, char *out, size_t room)
{
    struct lg__text text;
    lg__text_begin(&text, out, room);
    for (size_t i = 0; i < METRICS && count > 0; i++) {
        if (i == 0 || strcmp(metrics[i].name, metrics[i - 1].name) != 0)
            add_head(&text, &metrics[i]);
        for (uint32_t j = count; j > 0; j--)
            add_metric(&text, &metrics[i], &readings[j - 1]);
    }
    lg__text_add(&text, "# EOF\n");
    return text.length;
}

size_t lg_pool_metrics(struct lg_pool *pool, char *out, size_t room)
{
    struct reading reading;
    if (pool)
        read_pool(pool, &reading);
    return write_all(&reading, pool != NULL, out, room);
}

/* ---- All pools ------------------------------------------------------------------------------- */

struct readings {
    struct reading *first;
    uint32_t count;
    uint32_t room;
    uint64_t latest; /* the greatest serial number when they were counted */
};

static void count_pool(void *arg, struct lg_pool *pool)
{
    struct readings *readings = arg;
    readings->room++;
    readings->latest = pool->serial > readings->latest ? pool->serial : readings->latest;
}

/* Pools that have been made since they were counted have to wait for the next time. */
static void add_reading(void *arg, struct lg_pool *pool)
{
    struct readings *readings = arg;
    if (pool->serial <= readings->latest)
        read_pool(pool, &readings->first[readings->count++]);
}

static void find_namesakes(struct readings *readings)
{
    for (uint32_t i = 0; i < readings->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(readings->first[i].name, readings->first[j].name) == 0)
                readings->first[i].is_namesake = readings->first[j].is_namesake = true;
}

size_t lg_metrics_write(char *out, size_t room)
{
    struct readings readings = {0};
    lg__pool_each(count_pool, &readings);
    if (readings.room > 0) {
        readings.first = lg__alloc(readings.room * sizeof *readings.first);
        if (!readings.first)
            return 0;
    }
    lg__pool_each(add_reading, &readings);
    find_namesakes(&readings);
    size_t length = write_all(readings.first, readings.count, out, room);
    lg__free(readings.first);
    return length;
}
