/* Waits for any of several things of which the last is there: what it costs to ask them all.  Nothing is
 * taken by that, as nsync's can take nothing. */
#include "harness.h"
#include "peers.h"

enum { NSYNC, LG, VARIANTS };

#define WAITS 2000 /* a batch */

static const struct several_peer *const peers[VARIANTS] = {&peer_nsync_several, &peer_lg_several};

struct row {
    const char *group;
    unsigned count;
    void *selves[VARIANTS];
};

static double sample(void *arg, size_t variant)
{
    const struct row *row = arg;
    uint64_t start_ns = bench_now();
    peers[variant]->wait(row->selves[variant], WAITS);
    return (double)(bench_now() - start_ns) / WAITS;
}

static void run_row(struct row *row)
{
    static const struct bench_goal goals[] = {{LG, NSYNC, BENCH_AT_MOST, 1.0}};
    struct bench_variant variants[VARIANTS] = {{0}};
    struct bench_trial trial = {.bench = "several",
                                .group = row->group,
                                .unit = "ns",
                                .rounds = 200,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample,
                                .arg = row};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < VARIANTS; i++) {
        variants[i] = (struct bench_variant){
            .name = peers[i]->name, .package = peers[i]->package, .is_baseline = i == NSYNC};
        if (!peers[i]->package)
            row->selves[i] = peers[i]->create(row->count);
    }
    bench_trial_run(&trial);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
    for (size_t i = 0; i < VARIANTS; i++)
        if (!peers[i]->package)
            peers[i]->destroy(row->selves[i]);
}

void bench_several(void)
{
    static struct row two = {.group = "a wait for any of 2 things, the last is there", .count = 2};
    static struct row eight = {.group = "a wait for any of 8 things, the last is there",
                               .count = 8};
    run_row(&two);
    run_row(&eight);
}
