/* A thread that does nothing, started and joined: what a name, a context and a join through the graph
 * add to pthread's pair. */
#include "harness.h"

#include <pthread.h>

#include <lifeguard/thread.h>

enum { PTHREAD, LG, VARIANTS };

#define PAIRS 50 /* a batch */

static void *do_nothing(void *arg)
{
    return arg;
}

static void pair_of_pthread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
        bench_fail("cannot start a thread");
    pthread_join(thread, NULL);
}

static void pair_of_lg(void)
{
    struct lg_thread thread;
    if (lg_thread_start(&thread, "bench", do_nothing, NULL) != LG_OK ||
        lg_thread_join(&thread, LG_FOREVER, NULL) != LG_OK)
        bench_fail("cannot start or join a thread");
}

static double sample(void *arg, size_t variant)
{
    (void)arg;
    uint64_t start_ns = bench_now();
    for (int i = 0; i < PAIRS; i++)
        variant == LG ? pair_of_lg() : pair_of_pthread();
    return (double)(bench_now() - start_ns) / PAIRS / 1e3;
}

void bench_thread(void)
{
    static const struct bench_variant variants[VARIANTS] = {
        [PTHREAD] = {.name = "pthread_create, pthread_join", .is_baseline = true},
        [LG] = {.name = "lg_thread"},
    };
    static const struct bench_goal goals[] = {{LG, PTHREAD, BENCH_AT_MOST, 1.25}};
    struct bench_trial trial = {.bench = "thread",
                                .group = "a thread that does nothing, started and joined",
                                .unit = "us",
                                .rounds = 150,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample};
    if (!bench_is_wanted(trial.group))
        return;
    bench_trial_run(&trial);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}
