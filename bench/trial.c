/* Trials: variants by turns, ratios round by round, and what they amount to. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

bool bench_is_quick;
const char *bench_groups_wanted;

bool bench_is_wanted(const char *group)
{
    return bench_groups_wanted == NULL || strstr(group, bench_groups_wanted) != NULL;
}

unsigned bench_rounds(unsigned rounds)
{
    return bench_is_quick ? (rounds < 100 ? 2 : rounds / 50) : rounds;
}

unsigned bench_phase_ms(unsigned ms)
{
    return bench_is_quick ? (ms < 50 ? 5 : ms / 10) : ms;
}

/* -- statistics ------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A quantile of sorted numbers, between two neighbours where it falls between them. */
static double quantile(const double *sorted, size_t count, double part)
{
    double place = part * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

struct bench_quartiles bench_quartiles(const double *values, size_t count)
{
    double *sorted = bench_alloc((count + 1) * sizeof(*sorted));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            sorted[kept++] = values[i];
    struct bench_quartiles result = {NAN, NAN, NAN};
    if (kept > 0) {
        qsort(sorted, kept, sizeof(*sorted), compare_doubles);
        result.low = quantile(sorted, kept, 0.25);
        result.median = quantile(sorted, kept, 0.5);
        result.high = quantile(sorted, kept, 0.75);
    }
    free(sorted);
    return result;
}

double bench_spread(struct bench_quartiles quartiles)
{
    return (quartiles.high - quartiles.low) / 2 / quartiles.median;
}

/* -- samples ---------------------------------------------------------------------------------- */

/* Row of the samples: a variant's first, or a baseline's second. */
static double *samples_of(const struct bench_trial *trial, size_t variant, bool is_second)
{
    size_t row = variant + (is_second ? trial->variant_count : 0);
    return trial->samples + row * trial->rounds;
}

static void take_sample(struct bench_trial *trial, size_t variant, bool is_second, unsigned round)
{
    const struct bench_variant *what = &trial->variants[variant];
    unsigned every = what->every > 0 ? what->every : 1;
    if (what->package != NULL || round % every != 0 || (is_second && !what->is_baseline))
        return;
    samples_of(trial, variant, is_second)[round] = trial->sample(trial->arg, variant);
}

static bool is_judged(const struct bench_trial *trial, size_t variant)
{
    for (size_t i = 0; i < trial->goal_count; i++)
        if (trial->goals[i].subject == variant)
            return true;
    return trial->variants[variant].is_baseline;
}

/* Fisher and Yates's. */
static void shuffle(size_t *places, size_t count, unsigned *seed)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)rand_r(seed) % i;
        size_t place = places[i - 1];
        places[i - 1] = places[other];
        places[other] = place;
    }
}

/* Each round has an order of its own, so that no one is always the neighbour of a slow one's leavings; and
 * what is compared comes last, close together, so that both find the machine in the same mood.  Second
 * samples have places of their own, as if they were variants. */
static void take_round(struct bench_trial *trial, unsigned round)
{
    size_t places[2 * BENCH_VARIANTS_MAX];
    size_t count = 2 * trial->variant_count;
    size_t others = 0;
    size_t first_judged = count;
    unsigned seed = round + 1;
    for (size_t i = 0; i < count; i++)
        if (is_judged(trial, i % trial->variant_count))
            places[--first_judged] = i;
        else
            places[others++] = i;
    shuffle(places, others, &seed);
    shuffle(places + others, count - others, &seed);
    for (size_t i = 0; i < count; i++)
        take_sample(trial, places[i] % trial->variant_count, places[i] >= trial->variant_count,
                    round);
}

void bench_trial_run(struct bench_trial *trial)
{
    if (trial->variant_count > BENCH_VARIANTS_MAX)
        bench_fail("%s: too many variants", trial->group);
    trial->rounds = bench_rounds(trial->rounds);
    size_t count = 2 * trial->variant_count * trial->rounds;
    trial->samples = bench_alloc(count * sizeof(*trial->samples));
    for (size_t i = 0; i < trial->variant_count; i++) {
        if (trial->variants[i].package == NULL)
            (void)trial->sample(trial->arg, i); /* warms up and counts for nothing */
        trial->shares[i] = NAN;
    }
    trial->fair_share = 1;
    for (size_t i = 0; i < count; i++)
        trial->samples[i] = NAN;
    for (unsigned round = 0; round < trial->rounds; round++)
        take_round(trial, round);
}

void bench_trial_free(struct bench_trial *trial)
{
    free(trial->samples);
    trial->samples = NULL;
}

/* -- what they amount to ---------------------------------------------------------------------- */

struct bench_quartiles bench_trial_values(const struct bench_trial *trial, size_t variant)
{
    return bench_quartiles(samples_of(trial, variant, false), trial->rounds);
}

static struct bench_quartiles ratios(const double *subject, const double *baseline, size_t count)
{
    double *values = bench_alloc((count + 1) * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = subject[i] / baseline[i]; /* NAN if one of them was not sampled */
    struct bench_quartiles result = bench_quartiles(values, count);
    free(values);
    return result;
}

struct bench_quartiles bench_trial_ratios(const struct bench_trial *trial, size_t subject,
                                          size_t baseline)
{
    return ratios(samples_of(trial, subject, false), samples_of(trial, baseline, false),
                  trial->rounds);
}

static struct bench_quartiles control_ratios(const struct bench_trial *trial, size_t baseline)
{
    return ratios(samples_of(trial, baseline, true), samples_of(trial, baseline, false),
                  trial->rounds);
}

/* How far from 1 the control strays, as a factor. */
static double control_width(const struct bench_trial *trial, size_t baseline)
{
    struct bench_quartiles control = control_ratios(trial, baseline);
    return fmax(fmax(control.high, 1 / control.low), 1);
}

double bench_trial_allowance(const struct bench_trial *trial, size_t baseline)
{
    return fmin(control_width(trial, baseline), BENCH_ALLOWANCE_MAX);
}

/* -- the report ------------------------------------------------------------------------------- */

static struct bench_figure figure_of(const struct bench_trial *trial, size_t variant)
{
    const struct bench_variant *what = &trial->variants[variant];
    struct bench_quartiles values = bench_trial_values(trial, variant);
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = trial->bench;
    figure.group = trial->group;
    figure.metric = what->name;
    figure.unit = trial->unit;
    figure.value = values.median;
    figure.spread = bench_spread(values);
    figure.share = trial->shares[variant];
    figure.note = trial->notes[variant][0] != '\0' ? trial->notes[variant] : NULL;
    figure.package = what->package;
    return figure;
}

static void set_baseline(struct bench_figure *figure, const struct bench_trial *trial,
                         size_t baseline, struct bench_quartiles quartiles)
{
    figure->baseline = trial->variants[baseline].name;
    figure->baseline_value = bench_trial_values(trial, baseline).median;
    if (trial->variants[baseline].package != NULL)
        figure->package = trial->variants[baseline].package;
    figure->ratio = quartiles.median;
    figure->spread = bench_spread(quartiles);
}

static void record_goal(const struct bench_trial *trial, const struct bench_goal *goal)
{
    struct bench_figure figure = figure_of(trial, goal->subject);
    set_baseline(&figure, trial, goal->baseline,
                 bench_trial_ratios(trial, goal->subject, goal->baseline));
    figure.sense = goal->sense;
    figure.goal = goal->limit;
    figure.allowance = bench_trial_allowance(trial, goal->baseline);
    bench_record(&figure);
}

static void record_control(const struct bench_trial *trial, size_t baseline)
{
    char name[96];
    struct bench_figure figure = figure_of(trial, baseline);
    snprintf(name, sizeof(name), "%s again (control)", trial->variants[baseline].name);
    figure.metric = name;
    figure.value = bench_quartiles(samples_of(trial, baseline, true), trial->rounds).median;
    figure.share = NAN;
    figure.note =
        control_width(trial, baseline) > BENCH_ALLOWANCE_MAX ? "too noisy to judge" : NULL;
    set_baseline(&figure, trial, baseline, control_ratios(trial, baseline));
    bench_record(&figure);
}

static bool has_goal(const struct bench_trial *trial, size_t variant)
{
    for (size_t i = 0; i < trial->goal_count; i++)
        if (trial->goals[i].subject == variant)
            return true;
    return false;
}

void bench_trial_report(const struct bench_trial *trial)
{
    for (size_t i = 0; i < trial->goal_count; i++)
        record_goal(trial, &trial->goals[i]);
    for (size_t i = 0; i < trial->variant_count; i++) {
        if (has_goal(trial, i))
            continue;
        struct bench_figure figure = figure_of(trial, i);
        if (i > 0 && figure.package == NULL)
            set_baseline(&figure, trial, 0, bench_trial_ratios(trial, i, 0));
        bench_record(&figure);
        if (trial->variants[i].is_baseline && trial->variants[i].package == NULL)
            record_control(trial, i);
    }
}
