/* Pool, contended: throughput, waits and shares of many threads on a pool of 8. */
#include "contender.h"
#include "pool.h"

#include <string.h>

#define HIKARI_P99_NS 170.0 /* what its p99 is allowed to be at least, by the project's issue */

#define COLUMN_CONTENDERS LG_UNBARRIERED /* all but that one */

/* Rounds until the scheduler is fair: its unfairness is the most that a share is forgiven. */
#define SHARE_ROUNDS     3
#define SHARE_ROUNDS_MAX 9
#define SHARE_IS_FAIR    0.95

/* What a goal of a column is about, beside the ratios of throughput. */
struct limits {
    enum contender_name subject;
    double share;   /* at least; NAN: no goal */
    double p99_ns;  /* at most this, or HikariCP's if that is more; NAN: no goal */
    double p999_us; /* at most; NAN: no goal */
};

/* What is known of one contender from all turns so far. */
struct record {
    double totals[BENCH_CREW_MAX];
    struct lg_histogram waits;
    double share;
    double p50_ns;
    double p99_ns;
    double p999_ns;
};

struct column {
    const char *group;
    unsigned threads;
    unsigned hold_ns;
    unsigned ms;
    unsigned rounds;
    const struct bench_goal *goals;
    size_t goal_count;
    struct limits limits;
    struct bench_crew *crew;
    struct record records[COLUMN_CONTENDERS];
    unsigned share_ms; /* of a phase for the shares that follow; 0: not judged */
    double share;      /* the subject's, of phases so long that the turns of a scheduler even out */
    double fair_share; /* of threads that share nothing: what the kernel's scheduler gives */
};

/* -- one turn --------------------------------------------------------------------------------- */

static double ask_outsider(const struct column *column, struct contender *contender,
                           struct record *record)
{
    char question[64];
    snprintf(question, sizeof(question), "pool %u %u %u", column->threads, column->hold_ns,
             bench_phase_ms(column->ms));
    const char *answer = outsider_ask(contender->outsider, question);
    record->share = answer_number(answer, "share");
    record->p50_ns = answer_number(answer, "p50_ns");
    record->p99_ns = answer_number(answer, "p99_ns");
    record->p999_ns = answer_number(answer, "p999_ns");
    return answer_number(answer, "throughput") / 1e6;
}

static double sample(void *arg, size_t variant)
{
    struct column *column = arg;
    struct contender *contender = &contenders()[variant];
    struct record *record = &column->records[variant];
    if (contender->peer == NULL)
        return ask_outsider(column, contender, record);
    struct bench_phase phase = {.loop = contender->peer->loop,
                                .self = contender->pool,
                                .ms = bench_phase_ms(column->ms),
                                .hold_ns = column->hold_ns,
                                .thread_totals = record->totals,
                                .waits = &record->waits};
    return bench_crew_run(column->crew, &phase) / 1e6;
}

/* -- the limit of a share ------------------------------------------------------------------- */

/* By turns, because a processor that others use too is unfair to both. */
static void measure_shares(struct column *column)
{
    double totals[BENCH_CREW_MAX] = {0};
    double fair_totals[BENCH_CREW_MAX] = {0};
    struct contender *subject = &contenders()[column->limits.subject];
    struct bench_phase phase = {.loop = subject->peer->loop,
                                .self = subject->pool,
                                .ms = bench_phase_ms(column->share_ms),
                                .hold_ns = column->hold_ns,
                                .thread_totals = totals};
    struct bench_phase fair = {
        .loop = bench_count_loop, .ms = phase.ms, .hold_ns = 0, .thread_totals = fair_totals};
    for (unsigned i = 0; i < SHARE_ROUNDS_MAX; i++) {
        if (i >= SHARE_ROUNDS && bench_share(fair_totals, column->threads) >= SHARE_IS_FAIR)
            break;
        (void)bench_crew_run(column->crew, &phase);
        (void)bench_crew_run(column->crew, &fair);
    }
    column->share = bench_share(totals, column->threads);
    column->fair_share = bench_share(fair_totals, column->threads);
}

/* -- the report ------------------------------------------------------------------------------- */

static void format_ns(char *text, size_t size, double ns)
{
    if (isnan(ns))
        snprintf(text, size, "-");
    else if (ns < 1000)
        snprintf(text, size, "%.0f ns", ns);
    else if (ns < 1e6)
        snprintf(text, size, "%.1f us", ns / 1e3);
    else
        snprintf(text, size, "%.1f ms", ns / 1e6);
}

/* Outsiders have said it already. */
static void summarise(const struct column *column, const struct contender *contender,
                      struct record *record)
{
    if (contender->peer == NULL)
        return;
    record->share = bench_share(record->totals, column->threads);
    record->p50_ns = bench_quantile_ns(&record->waits, 0.5);
    record->p99_ns = bench_quantile_ns(&record->waits, 0.99);
    record->p999_ns = bench_quantile_ns(&record->waits, 0.999);
}

static void note(struct bench_trial *trial, size_t variant, const struct record *record)
{
    char p50[16], p99[16], p999[16];
    format_ns(p50, sizeof(p50), record->p50_ns);
    format_ns(p99, sizeof(p99), record->p99_ns);
    format_ns(p999, sizeof(p999), record->p999_ns);
    snprintf(trial->notes[variant], sizeof(trial->notes[variant]), "wait p50 %s, p99 %s, p99.9 %s",
             p50, p99, p999);
    trial->shares[variant] = record->share;
}

/* A figure of its own: in the table these stand in the row of the throughput, except the judged. */
static void record_figure(const struct column *column, size_t contender, const char *what,
                          const char *unit, double value, enum bench_sense sense, double goal)
{
    char metric[96];
    char note[64];
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    snprintf(note, sizeof(note), "threads that share nothing have %.2f", column->fair_share);
    snprintf(metric, sizeof(metric), "%s, %s", contender_title(&contenders()[contender]), what);
    figure.bench = "pool";
    figure.group = column->group;
    figure.metric = metric;
    figure.unit = unit;
    figure.value = value;
    figure.sense = isnan(goal) ? BENCH_INFO : sense;
    figure.goal = goal;
    figure.is_json_only = isnan(goal);
    if (strcmp(what, "share") == 0 && !isnan(goal)) {
        figure.note = note;
        figure.allowance = fmin(1 / column->fair_share, BENCH_ALLOWANCE_MAX);
    }
    bench_record(&figure);
}

static void record_all(const struct column *column, size_t contender)
{
    const struct record *record = &column->records[contender];
    const struct limits *limits = &column->limits;
    bool is_judged = contender == (size_t)limits->subject;
    /* Without HikariCP the goal's own figure stands. */
    double p99 = fmax(limits->p99_ns, isnan(limits->p99_ns) ? NAN : column->records[HIKARI].p99_ns);
    bool is_long = is_judged && column->share_ms > 0;
    record_figure(column, contender, "share", "min/max", is_long ? column->share : record->share,
                  BENCH_AT_LEAST, is_judged ? limits->share : NAN);
    record_figure(column, contender, "wait p50", "ns", record->p50_ns, BENCH_INFO, NAN);
    record_figure(column, contender, "wait p99", "ns", record->p99_ns, BENCH_AT_MOST,
                  is_judged ? p99 : NAN);
    record_figure(column, contender, "wait p99.9", "us", record->p999_ns / 1e3, BENCH_AT_MOST,
                  is_judged ? limits->p999_us : NAN);
}

static void report(struct column *column, struct bench_trial *trial)
{
    for (size_t i = 0; i < COLUMN_CONTENDERS; i++) {
        summarise(column, &contenders()[i], &column->records[i]);
        if (contender_package(&contenders()[i]) == NULL)
            note(trial, i, &column->records[i]);
    }
    bench_trial_report(trial);
    for (size_t i = 0; i < COLUMN_CONTENDERS; i++)
        if (contender_package(&contenders()[i]) == NULL)
            record_all(column, i);
}

static void run_column(struct column *column)
{
    struct bench_variant variants[COLUMN_CONTENDERS] = {0};
    struct bench_trial trial = {.bench = "pool",
                                .group = column->group,
                                .unit = "M/s",
                                .rounds = column->rounds,
                                .variants = variants,
                                .variant_count = COLUMN_CONTENDERS,
                                .goals = column->goals,
                                .goal_count = column->goal_count,
                                .sample = sample,
                                .arg = column};
    if (!bench_is_wanted(trial.group))
        return;
    contenders_name(variants, COLUMN_CONTENDERS);
    for (size_t i = 0; i < COLUMN_CONTENDERS; i++)
        variants[i].every = i <= LG_UNBIASED || i == FIFO || i == HIKARI ? 1 : 3;
    variants[LIFO].is_baseline = true;
    for (size_t i = 0; i < column->goal_count; i++)
        variants[column->goals[i].baseline].is_baseline = true;
    column->crew = bench_crew_start(column->threads, column->threads <= bench_core_count());
    bench_trial_run(&trial);
    if (column->share_ms > 0)
        measure_shares(column);
    bench_crew_end(column->crew);
    report(column, &trial);
    bench_trial_free(&trial);
}

/* -- the columns ------------------------------------------------------------------------------ */

#define NO_LIMITS                                                                                  \
    {                                                                                              \
        LG, NAN, NAN, NAN                                                                          \
    }

#define AS_UNBIASED                                                                                \
    {                                                                                              \
        LG, LG_UNBIASED, BENCH_AT_LEAST, 1.0                                                       \
    }

static const struct bench_goal against_hikari[] = {{LG, HIKARI, BENCH_AT_LEAST, 2.0}, AS_UNBIASED};
static const struct bench_goal against_fifo[] = {{LG, FIFO, BENCH_AT_LEAST, 3.0}, AS_UNBIASED};
static const struct bench_goal against_lifo[] = {{LG, LIFO, BENCH_AT_LEAST, 1.0}, AS_UNBIASED};
static const struct bench_goal against_none[] = {AS_UNBIASED};

void pool_bench_contended(void)
{
    static struct column columns[] = {
        {"pool of 8, 2 threads on 2 cores, hold 0", 2, 0, 20, 20, against_hikari, 2,
         .limits = {LG, 0.9, HIKARI_P99_NS, NAN}, .share_ms = 500},
        {"pool of 8, 8 threads, hold 0", 8, 0, 60, 10, against_hikari, 2,
         .limits = {LG, 0.9, HIKARI_P99_NS, NAN}, .share_ms = 1000},
        {"pool of 8, 40 threads, hold 0", 40, 0, 300, 6, against_fifo, 2,
         .limits = {LG, 0.8, NAN, 5000}, .share_ms = 2500},
        {"pool of 8, 2 threads on 2 cores, hold 1 us", 2, 1000, 20, 20, against_none, 1,
         .limits = NO_LIMITS},
        {"pool of 8, 8 threads, hold 1 us", 8, 1000, 60, 10, against_none, 1, .limits = NO_LIMITS},
        {"pool of 8, 40 threads, hold 1 us", 40, 1000, 300, 6, against_lifo, 2,
         .limits = {LG, 0.5, NAN, 5000}, .share_ms = 1000},
    };
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i]);
}
