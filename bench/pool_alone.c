/* Pool, alone: a pair of checkout and checkin on a pool of 8 that nobody else uses. */
#include "contender.h"
#include "limit.h"
#include "pool.h"

#include <string.h>

#define PAIRS        2048 /* some 50 us */
#define OUTSIDE_EACH 50   /* rounds; an outsider's turn is a hundred times as long */

#define GOAL_LISTENED_NS 60.0

enum { LISTENED = CONTENDERS, FIRST_LIMIT, VARIANTS = FIRST_LIMIT + LIMITS };

static void *listened; /* our pool, with an event sink */

static double sample(void *arg, size_t variant)
{
    struct contender *contender = variant < CONTENDERS ? &contenders()[variant] : NULL;
    (void)arg;
    if (contender != NULL && contender->peer == NULL)
        return answer_number(outsider_ask(contender->outsider, "alone 5"), "ns_a_pair");
    uint64_t start = bench_now();
    if (contender != NULL)
        contender->peer->pairs(contender->pool, PAIRS);
    else if (variant == LISTENED)
        peer_lg_pool_listened.pairs(listened, PAIRS);
    else
        limit_pairs((enum limit_name)(variant - FIRST_LIMIT), PAIRS);
    return (double)(bench_now() - start) / PAIRS;
}

static void fill(struct bench_variant *variants)
{
    contenders_name(variants, CONTENDERS);
    for (size_t i = HIKARI; i < CONTENDERS; i++)
        variants[i].every = OUTSIDE_EACH;
    for (size_t i = 0; i < LIMITS; i++)
        variants[FIRST_LIMIT + i].name = limit_title((enum limit_name)i);
    variants[ZDB].every = OUTSIDE_EACH;
    variants[LISTENED].name = peer_lg_pool_listened.name;
    variants[LISTENED].every = 4;
    variants[LIFO].is_baseline = true;
    variants[APR].is_baseline = true;
    variants[FIRST_LIMIT + LIMIT_PAIR].is_baseline = true;
}

/* Its goal is in nanoseconds: three events have no bare limit to be measured against. */
static void report_listened(const struct bench_trial *trial)
{
    struct bench_quartiles values = bench_trial_values(trial, LISTENED);
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = trial->bench;
    figure.group = trial->group;
    figure.metric = "lg_pool, event sink, absolute";
    figure.unit = trial->unit;
    figure.value = values.median;
    figure.spread = bench_spread(values);
    figure.sense = BENCH_AT_MOST;
    figure.goal = GOAL_LISTENED_NS;
    bench_record(&figure);
}

void pool_bench_alone(void)
{
    static const struct bench_goal goals[] = {
        {LG, FIRST_LIMIT + LIMIT_PAIR, BENCH_AT_MOST, 0.75},
        {LG_UNBARRIERED, FIRST_LIMIT + LIMIT_PAIR, BENCH_AT_MOST, 1.5},
        {LG, LIFO, BENCH_AT_MOST, 0.6},
        {LG, APR, BENCH_AT_MOST, 0.5},
    };
    struct bench_variant variants[VARIANTS] = {0};
    struct bench_trial trial = {.bench = "pool",
                                .group =
                                    "checkout + checkin uncontended, pool of 8, one thread pinned",
                                .unit = "ns",
                                .rounds = 2000,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count = sizeof(goals) / sizeof(goals[0]),
                                .sample = sample};
    if (!bench_is_wanted(trial.group))
        return;
    fill(variants);
    listened = peer_lg_pool_listened.create(8);
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    report_listened(&trial);
    peer_lg_pool_listened.destroy(listened);
    bench_trial_free(&trial);
}
