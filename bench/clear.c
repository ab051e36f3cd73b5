/* Clear: what a checkout notices of a clear of a thousand resources.
 *
 * The goal is about the time in the pool's lock, which another program measures (clear_locks.c).  Of the whole
 * checkout the p99.9 is shown too: of some thousands of them a few have always been interrupted. */
#include "clearing.h"
#include "harness.h"

#include <stdlib.h>

#define ROUNDS  100
#define GOAL_US 10.0

static const char group[] = "1000 resources cleared, another thread checks out meanwhile";

static uint64_t ticks(void)
{
    return bench_tick();
}

struct in_locks {
    double p999_us;
    double max_us;
};

static struct in_locks ask_for_locks(unsigned rounds)
{
    char command[512];
    double p999_ns, max_ns;
    snprintf(command, sizeof(command), "'%s' %u", BENCH_CLEAR_LOCKS, rounds);
    FILE *answer = popen(command, "r");
    if (answer == NULL || fscanf(answer, "%lf %lf", &p999_ns, &max_ns) != 2 || pclose(answer) != 0)
        bench_fail("clear: %s gave no answer", BENCH_CLEAR_LOCKS);
    return (struct in_locks){p999_ns / 1e3, max_ns / 1e3};
}

static void record(const char *metric, struct bench_quartiles values, double goal)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "clear";
    figure.group = group;
    figure.metric = metric;
    figure.unit = "us";
    figure.value = values.median;
    figure.spread = values.high > values.low ? bench_spread(values) : NAN;
    figure.sense = isnan(goal) ? BENCH_INFO : BENCH_AT_MOST;
    figure.goal = goal;
    bench_record(&figure);
}

static void record_one(const char *metric, double value, double goal)
{
    record(metric, (struct bench_quartiles){value, value, value}, goal);
}

void bench_clear(void)
{
    static struct clearing_figures figures;
    unsigned rounds = bench_rounds(ROUNDS);
    if (!bench_is_wanted(group) || bench_core_count() < 2)
        return;
    figures.calls_us = bench_alloc(rounds * sizeof(double));
    figures.longest_us = bench_alloc(rounds * sizeof(double));
    clearing_run(rounds, ticks, &figures);
    struct in_locks in_locks = ask_for_locks(rounds);
    record_one("a checkout in the pool's lock, p99.9", in_locks.p999_us, GOAL_US);
    record_one("a checkout in the pool's lock, longest", in_locks.max_us, NAN);
    record_one("a checkout, p99.9", bench_quantile_ns(&figures.checkouts, 0.999) / 1e3, NAN);
    record_one("a checkout, p50", bench_quantile_ns(&figures.checkouts, 0.5) / 1e3, NAN);
    record("the longest of each clear", bench_quartiles(figures.longest_us, rounds), NAN);
    record("the call of lg_pool_clear", bench_quartiles(figures.calls_us, rounds), NAN);
    free(figures.calls_us);
    free(figures.longest_us);
}
