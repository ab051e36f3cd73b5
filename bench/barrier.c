/* Barrier: all threads wait for each other, round after round. */
#include "harness.h"
#include "peers.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 8

static const struct round_peer *const peers[] = {
    &peer_pthread_barrier, &peer_lg_barrier,    &peer_lg_barrier_registered, &peer_lg_latch,
    &peer_cond_barrier,    &peer_nsync_counter, &peer_absl_barrier,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))
#define GOALS                                                                                      \
    3 /* for two threads; with more than processors it is the kernel's switches that count */
enum { PTHREAD, LG, LG_REGISTERED, LG_LATCH };

struct company {
    const char *group;
    unsigned threads;
    unsigned rounds_a_batch;
    unsigned rounds;
    /* From here on written by main before `begin`, or by its threads until `end`. */
    const struct round_peer *peer;
    void *self;
    bool is_ending;
    uint64_t start_ns[THREADS_MAX];
    uint64_t end_ns[THREADS_MAX];
    pthread_barrier_t begin, end; /* with main */
    pthread_t crew[THREADS_MAX];
};

struct seat {
    struct company *company;
    unsigned index;
};

static void *work(void *arg)
{
    struct seat seat = *(struct seat *)arg;
    struct company *company = seat.company;
    free(arg);
    if (company->threads <= bench_core_count())
        bench_pin(bench_core(seat.index));
    for (;;) {
        pthread_barrier_wait(&company->begin);
        if (company->is_ending)
            return NULL;
        company->start_ns[seat.index] = bench_now();
        company->peer->meet(company->self, company->rounds_a_batch);
        company->end_ns[seat.index] = bench_now();
        pthread_barrier_wait(&company->end);
    }
}

static void hire(struct company *company)
{
    pthread_barrier_init(&company->begin, NULL, company->threads + 1);
    pthread_barrier_init(&company->end, NULL, company->threads + 1);
    for (unsigned i = 0; i < company->threads; i++) {
        struct seat *seat = bench_alloc(sizeof(*seat));
        *seat = (struct seat){company, i};
        if (pthread_create(&company->crew[i], NULL, work, seat) != 0)
            bench_fail("cannot start a thread");
    }
}

static void dismiss(struct company *company)
{
    company->is_ending = true;
    pthread_barrier_wait(&company->begin);
    for (unsigned i = 0; i < company->threads; i++)
        pthread_join(company->crew[i], NULL);
    pthread_barrier_destroy(&company->begin);
    pthread_barrier_destroy(&company->end);
}

/* From the last that begins to the last that ends: the first round has all of them. */
static double sample(void *arg, size_t variant)
{
    struct company *company = arg;
    uint64_t start = 0, end = 0;
    company->peer = peers[variant];
    company->self = peers[variant]->create(company->threads, company->rounds_a_batch);
    pthread_barrier_wait(&company->begin);
    pthread_barrier_wait(&company->end);
    company->peer->destroy(company->self);
    for (unsigned i = 0; i < company->threads; i++) {
        start = company->start_ns[i] > start ? company->start_ns[i] : start;
        end = company->end_ns[i] > end ? company->end_ns[i] : end;
    }
    return (double)(end - start) / company->rounds_a_batch / 1e3;
}

static void run_company(struct company *company)
{
    static const struct bench_goal goals[GOALS] = {{LG, PTHREAD, BENCH_AT_MOST, 1.0},
                                                   {LG_REGISTERED, PTHREAD, BENCH_AT_MOST, 1.0},
                                                   {LG_LATCH, PTHREAD, BENCH_AT_MOST, 1.0}};
    struct bench_variant variants[PEERS] = {{0}};
    struct bench_trial trial = {.bench = "barrier",
                                .group = company->group,
                                .unit = "us",
                                .rounds = company->rounds,
                                .variants = variants,
                                .variant_count = PEERS,
                                .goals = goals,
                                .goal_count = company->threads == 2 ? GOALS : 0,
                                .sample = sample,
                                .arg = company};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        variants[i].is_baseline = i == PTHREAD;
    }
    hire(company);
    bench_trial_run(&trial);
    dismiss(company);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

void bench_barrier(void)
{
    static struct company two = {.group = "a round of 2 threads on 2 cores",
                                 .threads = 2,
                                 .rounds_a_batch = 200,
                                 .rounds = 60};
    static struct company eight = {
        .group = "a round of 8 threads", .threads = 8, .rounds_a_batch = 40, .rounds = 40};
    if (bench_core_count() >= 2)
        run_company(&two);
    run_company(&eight);
}
