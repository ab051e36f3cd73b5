/* Spike: 50 threads at once on a pool that is idle.  Five resources are open and 50 allowed; opening
 * one takes 150 ms, using one 2 ms: five would do, and who opens more has opened them for nothing.
 *
 * What is open is counted by the driver, who is busy or waits by the users, alike for all. */
#include "contender.h"
#include "crowd.h"
#include "curve.h"
#include "growth.h"
#include "slow_pool.h"

#include <stdlib.h>

#define THREADS SLOW_POOL_CAPACITY
#define USE_MS  2
#define LAST_MS 500 /* when it ends: three opens one after the other */
#define TURNS   3

#define GOAL_OPEN 6.0

struct spike {
    struct slow_pool *slow;
    unsigned busy; /* this and the next two: atomic relaxed, they only count */
    unsigned waiting;
    unsigned left;
    pthread_barrier_t gate;
    uint64_t start_ns; /* written before the gate opens */
    uint64_t done_ns;  /* the last to leave; read after all are joined */
    struct curve curve;
};

struct result {
    double end_size;
    double opened;
    double done_ms;
};

#define GET(word)       __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define COUNT(word, by) __atomic_add_fetch(&(word), (unsigned)(by), __ATOMIC_RELAXED)

/* -- fifty at once ---------------------------------------------------------------------------- */

static void *request(void *arg)
{
    struct spike *spike = arg;
    struct lg_lease lease;
    pthread_barrier_wait(&spike->gate);
    COUNT(spike->waiting, 1);
    slow_pool_take(spike->slow, &lease);
    COUNT(spike->waiting, -1);
    COUNT(spike->busy, 1);
    bench_sleep_us(USE_MS * 1000);
    COUNT(spike->busy, -1);
    slow_pool_give(spike->slow, &lease);
    if (COUNT(spike->left, 1) == THREADS)
        spike->done_ns = bench_now();
    return NULL;
}

static void watch(struct spike *spike)
{
    double ms = 0;
    for (; ms < LAST_MS; ms = (double)(bench_now() - spike->start_ns) / 1e6) {
        struct curve_point point = {ms, slow_pool_open(spike->slow), GET(spike->busy),
                                    GET(spike->waiting)};
        curve_add(&spike->curve, point);
        bench_sleep_us(4000);
    }
}

static struct result run_own(const struct lg_pool_options *options, struct curve *curve)
{
    pthread_t threads[THREADS];
    struct spike *spike = bench_alloc(sizeof(*spike));
    spike->slow = slow_pool_start(options);
    pthread_barrier_init(&spike->gate, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++)
        start_small_thread(&threads[i], request, spike);
    spike->start_ns = bench_now();
    pthread_barrier_wait(&spike->gate);
    watch(spike);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&spike->gate);
    struct result result = {slow_pool_open(spike->slow), slow_pool_opened(spike->slow),
                            (double)(spike->done_ns - spike->start_ns) / 1e6};
    *curve = spike->curve;
    slow_pool_end(spike->slow);
    free(spike);
    return result;
}

static struct result run_outsider(struct outsider *outsider, struct curve *curve)
{
    char question[32];
    snprintf(question, sizeof(question), "spike %u", LAST_MS);
    const char *answer = outsider_ask(outsider, question);
    curve_read(curve, answer);
    return (struct result){answer_number(answer, "end_size"), answer_number(answer, "opened"),
                           answer_number(answer, "done_ms")};
}

/* -- the report ------------------------------------------------------------------------------- */

static const char group[] = "50 threads at once, 5 of 50 open, open 150 ms, use 2 ms";

static struct bench_figure figure_of(const char *metric, const char *unit, double value)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "spike";
    figure.group = group;
    figure.metric = metric;
    figure.unit = unit;
    figure.value = value;
    return figure;
}

static void record(const char *title, const char *what, const char *unit, double value,
                   const char *package)
{
    char metric[96];
    snprintf(metric, sizeof(metric), "%s, %s", title, what);
    struct bench_figure figure = figure_of(metric, unit, value);
    figure.package = package;
    bench_record(&figure);
}

/* As good as the best: HikariCP ends with five or six. */
static void record_goal(double patient, double hikari)
{
    struct bench_figure figure = figure_of("lg_pool, patient, judged", "open", patient);
    figure.sense = BENCH_AT_MOST;
    figure.goal = fmax(hikari, GOAL_OPEN);
    bench_record(&figure);
}

/* Returns: how many are open at the end. */
static double record_result(const char *title, const struct result *results, unsigned turns,
                            const struct curve *curve)
{
    static char text[CURVE_POINTS_MAX * 40];
    double size[TURNS], opened[TURNS], done[TURNS];
    for (unsigned i = 0; i < turns; i++) {
        size[i] = results[i].end_size;
        opened[i] = results[i].opened;
        done[i] = results[i].done_ms;
    }
    record(title, "open at the end", "open", bench_quartiles(size, turns).median, NULL);
    record(title, "opened meanwhile", "opens", bench_quartiles(opened, turns).median, NULL);
    record(title, "all served after", "ms", bench_quartiles(done, turns).median, NULL);
    curve_write(curve, text, sizeof(text));
    bench_table_raw("spike", title, "curve", text);
    return bench_quartiles(size, turns).median;
}

struct entry {
    const char *title;
    const struct lg_pool_options *options; /* NULL: an outsider */
    struct outsider *outsider;
    struct curve curve;
    double end_size; /* NAN: it is not here */
};

static void run_entry(struct entry *entry)
{
    struct result results[TURNS];
    unsigned turns = bench_is_quick ? 1 : TURNS;
    const char *lacks = entry->options == NULL ? outsider_lacks(entry->outsider) : NULL;
    if (lacks != NULL) {
        record(entry->title, "open at the end", "open", NAN, lacks);
        entry->end_size = NAN;
        return;
    }
    for (unsigned i = 0; i < turns; i++)
        results[i] = entry->options != NULL ? run_own(entry->options, &entry->curve)
                                            : run_outsider(entry->outsider, &entry->curve);
    entry->end_size = record_result(entry->title, results, turns, &entry->curve);
}

static void print_curves(const struct entry *entries, size_t count)
{
    printf("\n  0 to %d ms from left to right; \" .:-=+*#%%@\" is 0 to %d\n", LAST_MS, THREADS);
    for (size_t i = 0; i < count; i++)
        if (entries[i].curve.count > 0)
            curve_print(&entries[i].curve, entries[i].title, LAST_MS, THREADS);
}

static void run_spikes(void)
{
    static const enum contender_name outside[] = {HIKARI, GO_SQL, SQLALCHEMY, GENERIC_POOL, TARN};
    static struct entry entries[2 + sizeof(outside) / sizeof(outside[0])];
    struct lg_pool_options eager = slow_pool_options();
    struct lg_pool_options patient = slow_pool_options();
    size_t count = 0;
    patient.growth = LG_GROWTH_PATIENT;
    entries[count++] = (struct entry){.title = "lg_pool, eager", .options = &eager};
    entries[count++] = (struct entry){.title = "lg_pool, patient", .options = &patient};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        const struct contender *contender = &contenders()[outside[i]];
        entries[count++] =
            (struct entry){.title = contender_title(contender), .outsider = contender->outsider};
    }
    for (size_t i = 0; i < count; i++)
        run_entry(&entries[i]);
    record_goal(entries[1].end_size, entries[2].end_size);
    print_curves(entries, count);
}

void bench_spike(void)
{
    if (bench_is_wanted(group))
        run_spikes();
    growth_bench();
}
