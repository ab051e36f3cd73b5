/* Observe: what a pair of lock and unlock costs while somebody looks, with 1 and with 8 locks held; and after
 * somebody has looked. */
#include "harness.h"
#include "peers.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lifeguard/lifeguard.h>

enum { OFF, PREDICT, PROFILE, TRACE_WAITS, TRACE, ABSL_OFF, ABSL_ON, VARIANTS };

#define PAIRS 4096
#define ADDED 15.0 /* ns; the most that profile or trace may add */

static const struct nested_peer *const peers[VARIANTS] = {
    [OFF] = &peer_lg_nested,          [PREDICT] = &peer_lg_nested,
    [PROFILE] = &peer_lg_nested,      [TRACE_WAITS] = &peer_lg_nested,
    [TRACE] = &peer_lg_nested,        [ABSL_OFF] = &peer_absl_nested_off,
    [ABSL_ON] = &peer_absl_nested_on,
};

static const char *const names[VARIANTS] = {
    [OFF] = "lg_mutex, nobody looks",
    [PREDICT] = "lg_mutex, prediction",
    [PROFILE] = "lg_mutex, profile",
    [TRACE_WAITS] = "lg_mutex, trace of waits",
    [TRACE] = "lg_mutex, trace",
    [ABSL_OFF] = "absl::Mutex, detector off",
    [ABSL_ON] = "absl::Mutex, detector on",
};

static void *cells[VARIANTS];

static void switch_on(size_t variant)
{
    struct lg_trace_options options = LG_TRACE_OPTIONS_INIT;
    options.flags = variant == TRACE_WAITS ? LG_TRACE_WAITS : 0;
    bool has_failed = false;
    if (variant == PREDICT)
        has_failed = lg_predict_start() != LG_OK;
    if (variant == PROFILE)
        lg_profile_start();
    if (variant == TRACE || variant == TRACE_WAITS)
        has_failed = lg_trace_start(&options) != LG_OK;
    if (has_failed)
        bench_fail("%s did not start", names[variant]);
    if (peers[variant]->enter != NULL)
        peers[variant]->enter();
}

static void switch_off(void)
{
    lg_predict_stop();
    lg_profile_stop();
    lg_trace_stop();
}

static double sample(void *arg, size_t variant)
{
    unsigned held = *(const unsigned *)arg;
    switch_on(variant);
    peers[variant]->nested(cells[variant], held, 1); /* what is seen for the first time */
    uint64_t start = bench_now();
    peers[variant]->nested(cells[variant], held, PAIRS / held);
    double ns = (double)(bench_now() - start) / PAIRS;
    switch_off();
    return ns;
}

static void run(unsigned held, const char *group, double limit)
{
    const struct bench_goal goals[] = {
        {PREDICT, OFF, BENCH_AT_MOST, limit},
        {PROFILE, OFF, BENCH_AT_MOST, 1.05},
        {TRACE_WAITS, OFF, BENCH_AT_MOST, 1.05},
    };
    struct bench_variant variants[VARIANTS];
    struct bench_trial trial = {.bench = "observe",
                                .group = group,
                                .unit = "ns",
                                .rounds = 500,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count = sizeof goals / sizeof goals[0],
                                .sample = sample,
                                .arg = &held};
    if (!bench_is_wanted(trial.group))
        return;
    memset(variants, 0, sizeof variants);
    for (size_t i = 0; i < VARIANTS; i++) {
        variants[i].name = names[i];
        variants[i].package = peers[i]->package;
        variants[i].is_baseline = i == OFF || i == ABSL_OFF;
    }
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

/* -- afterwards ------------------------------------------------------------------------------- */

enum { AFTERWARDS = TRACE + 1 }; /* variants: never on, and each of ours that can be on */

#define BATCHES 21 /* of a child, 20 us each */

static const char *const names_afterwards[AFTERWARDS] = {
    [OFF] = "lg_mutex, nobody has looked",
    [PREDICT] = "lg_mutex, prediction has been on",
    [PROFILE] = "lg_mutex, profile has been on",
    [TRACE_WAITS] = "lg_mutex, trace of waits has been on",
    [TRACE] = "lg_mutex, trace has been on",
};

/* The same locks are taken while it is on and afterwards, so that what stays with a lock, a thread or the process
 * counts. */
static double median_afterwards(size_t variant)
{
    double batches[BATCHES];
    if (variant != OFF)
        switch_on(variant);
    peers[variant]->nested(cells[variant], 1, PAIRS);
    peers[variant]->nested(cells[variant], NESTED_MAX, PAIRS / NESTED_MAX);
    switch_off();
    peers[variant]->nested(cells[variant], 1, PAIRS); /* warms up */
    for (int i = 0; i < BATCHES; i++) {
        uint64_t start = bench_now();
        peers[variant]->nested(cells[variant], 1, PAIRS);
        batches[i] = (double)(bench_now() - start) / PAIRS;
    }
    return bench_quartiles(batches, BATCHES).median;
}

/* A child for each sample: in this process nothing was on as yet, so the child of OFF has never had it on; and all
 * have their code and data at the same places. */
static double sample_afterwards(void *arg, size_t variant)
{
    int ends[2];
    double ns = NAN;
    (void)arg;
    if (pipe(ends) != 0)
        bench_fail("cannot make a pipe");
    pid_t child = fork();
    if (child < 0)
        bench_fail("cannot fork");
    if (child == 0) {
        ns = median_afterwards(variant);
        _exit(write(ends[1], &ns, sizeof ns) != sizeof ns);
    }
    close(ends[1]);
    if (read(ends[0], &ns, sizeof ns) != sizeof ns)
        bench_fail("%s: its child has died", names_afterwards[variant]);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return ns;
}

/* Before anything is on for the first time. */
static void run_afterwards(void)
{
    struct bench_variant variants[AFTERWARDS] = {{0}};
    struct bench_goal goals[AFTERWARDS];
    struct bench_trial trial = {.bench = "observe",
                                .group =
                                    "lock + unlock after somebody has looked, one thread pinned",
                                .unit = "ns",
                                .rounds = 150,
                                .variants = variants,
                                .variant_count = AFTERWARDS,
                                .goals = goals,
                                .sample = sample_afterwards};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < AFTERWARDS; i++) {
        variants[i].name = names_afterwards[i];
        if (i != OFF)
            goals[trial.goal_count++] = (struct bench_goal){i, OFF, BENCH_AT_MOST, 1.0};
    }
    variants[OFF].is_baseline = true;
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

/* -- what it adds ----------------------------------------------------------------------------- */

/* What no trace of both ends can go below: the time must be read twice.  The least of many batches. */
static double two_times_ns(void)
{
    double least = INFINITY;
    for (int i = 0; i < 100; i++) {
        uint64_t start = bench_now();
        for (int j = 0; j < 2 * PAIRS; j++) {
            uint64_t tick = bench_tick();
            __asm__ volatile("" : : "r"(tick)); /* it is wanted */
        }
        least = fmin(least, (double)(bench_now() - start) / PAIRS);
    }
    return least;
}

/* What it adds, for profile and trace have a goal in nanoseconds: the least of many batches. */
static void report_added(size_t variant)
{
    unsigned one = 1;
    double least_off = INFINITY, least_on = INFINITY;
    for (int i = 0; i < (bench_is_quick ? 20 : 500); i++) {
        least_off = fmin(least_off, sample(&one, OFF));
        least_on = fmin(least_on, sample(&one, variant));
    }
    char note[80];
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    snprintf(note, sizeof note, "the time read twice takes %.1f ns", two_times_ns());
    figure.note = variant == TRACE ? note : NULL;
    figure.bench = "observe";
    figure.group = "added to a pair, least of many batches";
    figure.metric = names[variant];
    figure.unit = "ns";
    figure.value = least_on - least_off;
    figure.sense = BENCH_AT_MOST;
    figure.goal = ADDED;
    bench_record(&figure);
}

void bench_observe(void)
{
    for (size_t i = 0; i < VARIANTS; i++)
        if (peers[i]->package == NULL)
            cells[i] = peers[i]->create();
    run_afterwards();
    run(1, "lock + unlock, nothing else held, one thread pinned", 2.0);
    run(8, "lock + unlock, 8 held one after the other, one thread pinned", 2.5);
    if (!bench_is_wanted("added to a pair, least of many batches"))
        return;
    report_added(PROFILE);
    report_added(TRACE_WAITS);
    report_added(TRACE);
}
