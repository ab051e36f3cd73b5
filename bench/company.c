/* The company. */
#include "company.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 8

struct company {
    const struct company_row *row;
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
    if (company->row->threads <= bench_core_count())
        bench_pin(bench_core(seat.index));
    for (;;) {
        pthread_barrier_wait(&company->begin);
        if (company->is_ending)
            return NULL;
        company->start_ns[seat.index] = bench_now();
        company->peer->meet(company->self, company->row->rounds_a_batch);
        company->end_ns[seat.index] = bench_now();
        pthread_barrier_wait(&company->end);
    }
}

static void hire(struct company *company)
{
    pthread_barrier_init(&company->begin, NULL, company->row->threads + 1);
    pthread_barrier_init(&company->end, NULL, company->row->threads + 1);
    for (unsigned i = 0; i < company->row->threads; i++) {
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
    for (unsigned i = 0; i < company->row->threads; i++)
        pthread_join(company->crew[i], NULL);
    pthread_barrier_destroy(&company->begin);
    pthread_barrier_destroy(&company->end);
}

/* From the last that begins to the last that ends: the first round has all of them. */
static double sample(void *arg, size_t variant)
{
    struct company *company = arg;
    uint64_t start = 0, end = 0;
    company->peer = company->row->peers[variant];
    company->self =
        company->row->peers[variant]->create(company->row->threads, company->row->rounds_a_batch);
    pthread_barrier_wait(&company->begin);
    pthread_barrier_wait(&company->end);
    company->peer->destroy(company->self);
    for (unsigned i = 0; i < company->row->threads; i++) {
        start = company->start_ns[i] > start ? company->start_ns[i] : start;
        end = company->end_ns[i] > end ? company->end_ns[i] : end;
    }
    return (double)(end - start) / company->row->rounds_a_batch / 1e3;
}

void company_run(const struct company_row *row)
{
    struct company company = {.row = row};
    struct bench_variant variants[BENCH_VARIANTS_MAX] = {{0}};
    struct bench_trial trial = {.bench = row->bench,
                                .group = row->group,
                                .unit = "us",
                                .rounds = row->rounds,
                                .variants = variants,
                                .variant_count = row->peer_count,
                                .goals = row->goals,
                                .goal_count = row->goal_count,
                                .sample = sample,
                                .arg = &company};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < row->peer_count; i++) {
        variants[i].name = row->peers[i]->name;
        variants[i].package = row->peers[i]->package;
    }
    variants[0].is_baseline = true;
    for (size_t i = 0; i < row->goal_count; i++)
        variants[row->goals[i].baseline].is_baseline = true;
    hire(&company);
    bench_trial_run(&trial);
    dismiss(&company);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}
