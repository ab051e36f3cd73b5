/* The harness: how a figure is measured, judged and printed.
 *
 * A trial is a list of variants of one operation.  They take turns in short batches, in one process
 * and in one run: A B C A B C ..., many rounds.  In each round every variant is divided by its
 * baseline of the same round; the figure is the median of these ratios.  So whatever slows the
 * machine for longer than a round slows both sides and leaves the ratio alone.
 *
 * A baseline is measured twice a round.  Its second sample over its first is the A/A control: it
 * says what this run takes for "equal".  A goal "at most 1.0" is met if the median ratio is at most
 * 1.0 times the allowance, which is the control's own spread, at most BENCH_ALLOWANCE_MAX.
 *
 *     static double sample(void *arg, size_t variant) { ... return nanoseconds_an_operation; }
 *     struct bench_trial trial = {.bench = "mutex", .group = "...", .unit = "ns", ...};
 *     bench_trial_run(&trial);
 *     bench_trial_report(&trial);
 *     bench_trial_free(&trial);
 *
 * Not thread-safe: trials run one after the other, on the main thread. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include "tools.h"

#define BENCH_VARIANTS_MAX  24
#define BENCH_ALLOWANCE_MAX 1.25

/* One entry of the table of benches in main.c. */
struct bench {
    const char *name;
    const char *text;
    void (*run)(void);
};

void bench_mutex(void);
void bench_rwlock(void);
void bench_semaphore(void);
void bench_once(void);
void bench_observe(void);
void bench_pool(void);
void bench_handoff(void);
void bench_turns(void);
void bench_clear(void);
void bench_memory(void);
void bench_instructions(void);
void bench_spike(void);
void bench_detector(void);
void bench_barrier(void);
void bench_signal(void);
void bench_latch(void);
void bench_robust(void);
void bench_thread(void);
void bench_several(void);
void bench_bank(void);

/* -- settings --------------------------------------------------------------------------------- */

/* Set once by main, before the first bench.  A quick run shows that all works, and no more. */
extern bool bench_is_quick;

/* Only groups whose heading has this text; NULL: all. */
extern const char *bench_groups_wanted;

/* Whether a group of rows is to be measured.  Asked before anything is set up for it. */
bool bench_is_wanted(const char *group);

/* A number of rounds, or of milliseconds a phase, shortened when the run is quick. */
unsigned bench_rounds(unsigned rounds);
unsigned bench_phase_ms(unsigned ms);

/* -- figures ---------------------------------------------------------------------------------- */

enum bench_sense { BENCH_INFO, BENCH_AT_MOST, BENCH_AT_LEAST };

/* One figure.  A number that does not apply is NAN, a text NULL. */
struct bench_figure {
    const char *bench;
    const char *group; /* heading of its rows in the table */
    const char *metric;
    const char *unit;
    double value;
    double spread; /* half the interquartile range over the median, of ratio if there is one */
    const char *baseline;
    double baseline_value;
    double ratio;
    enum bench_sense sense;
    double goal;         /* of ratio if there is a baseline, else of value */
    double allowance;    /* >= 1, from the control; 1 where there is none */
    double share;        /* min/max operations of a thread; the table's own column */
    const char *note;    /* at the end of the table's row */
    const char *package; /* not NULL: skipped, and this Debian package would bring it */
    bool is_json_only;
};

#define BENCH_FIGURE_INIT                                                                          \
    .value = NAN, .spread = NAN, .baseline_value = NAN, .ratio = NAN, .goal = NAN, .allowance = 1, \
    .share = NAN

/* Where machine-readable lines go; NULL: nowhere. */
void bench_table_json(FILE *file);

/* Print the figure: a row for people, a line of JSON if asked for. */
void bench_record(const struct bench_figure *figure);

/* Say in JSON which version of a peer takes part; for people that is one line of its own. */
void bench_table_version(const char *peer, const char *version);

/* A line of JSON with something that is no figure: its value is JSON already. */
void bench_table_raw(const char *bench, const char *metric, const char *key, const char *value);

/* The last line: how many goals were met.
 * Returns: how many figures there were. */
unsigned bench_table_end(void);

/* -- statistics ------------------------------------------------------------------------------- */

struct bench_quartiles {
    double low;
    double median;
    double high;
};

/* Quartiles of the numbers among values; NANs are left out.  All NAN if there is no number. */
struct bench_quartiles bench_quartiles(const double *values, size_t count);

/* Half the interquartile range over the median. */
double bench_spread(struct bench_quartiles quartiles);

/* -- trials ----------------------------------------------------------------------------------- */

struct bench_variant {
    const char *name;
    const char *package; /* not NULL: absent; never sampled, keeps its row */
    unsigned every;      /* sampled in each round of so many; 0 counts as 1 */
    bool is_baseline;    /* sampled twice a round; the first variant must be one */
};

struct bench_goal {
    size_t subject;
    size_t baseline;
    enum bench_sense sense;
    double limit;
};

struct bench_trial {
    const char *bench;
    const char *group;
    const char *unit;
    unsigned rounds;
    const struct bench_variant *variants;
    size_t variant_count;
    const struct bench_goal *goals;
    size_t goal_count;
    double (*sample)(void *arg, size_t variant); /* one batch: its value in `unit` */
    void *arg;
    /* From here filled by bench_trial_run. */
    double *samples; /* [2 * variant_count][rounds]: first samples, then the baselines' second */
    /* These may be set by the bench before the report. */
    double shares[BENCH_VARIANTS_MAX];
    double fair_share; /* of as many threads that share nothing; what it lacks to 1 is forgiven */
    char notes[BENCH_VARIANTS_MAX][80];
};

/* Take all samples, the variants by turns.  Rounds are cut by bench_rounds. */
void bench_trial_run(struct bench_trial *trial);

/* Quartiles of one variant's samples. */
struct bench_quartiles bench_trial_values(const struct bench_trial *trial, size_t variant);

/* Quartiles of subject over baseline, round by round. */
struct bench_quartiles bench_trial_ratios(const struct bench_trial *trial, size_t subject,
                                          size_t baseline);

/* What this run takes for equal: the control's quartile that is farther from 1, as a factor. */
double bench_trial_allowance(const struct bench_trial *trial, size_t baseline);

/* Record all figures: goals first, then baselines with their controls, then the others. */
void bench_trial_report(const struct bench_trial *trial);

void bench_trial_free(struct bench_trial *trial);

/* -- goals ------------------------------------------------------------------------------------ */

/* What the thread that got least must have of the operations of the one that got most. */
#define BENCH_SHARE_GOAL 0.5

/* Goals to be no worse than any of the baselines: so than the best of them in this run.  One that is absent
 * has its goal too, as skipped.
 * Returns: how many there are; goals has room for variant_count. */
size_t bench_goals_fill(struct bench_goal *goals, size_t subject,
                        const struct bench_variant *variants, size_t variant_count,
                        enum bench_sense sense);

/* Leave of the trial's goals, which are these, those against peers that keep BENCH_SHARE_GOAL; the other peers
 * get a note.  After the run, once the shares are set, and before the report. */
void bench_goals_keep_fair(struct bench_trial *trial, struct bench_goal *goals);

/* Record the shares, figures of their own: those of the subjects are judged, the others are for machines. */
void bench_report_shares(const struct bench_trial *trial, const size_t *subjects,
                         size_t subject_count);

#endif
