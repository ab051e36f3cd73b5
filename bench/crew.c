/* Crews: threads that stay alive over many short phases, so that variants can take turns. */
#include "tools.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct bench_crew {
    unsigned count;
    bool is_pinned;
    bool is_ending; /* read between the barriers */
    pthread_barrier_t start;
    pthread_barrier_t end;
    bench_loop *loop; /* of the phase; written before start, read after it */
    void *self;
    pthread_t threads[BENCH_CREW_MAX];
    struct bench_worker workers[BENCH_CREW_MAX];
    bool stop __attribute__((aligned(BENCH_LINE)));
};

struct post {
    struct bench_crew *crew;
    unsigned index;
};

static void *work(void *arg)
{
    struct post post = *(struct post *)arg;
    struct bench_crew *crew = post.crew;
    free(arg);
    if (crew->is_pinned)
        bench_pin(bench_core(post.index));
    for (;;) {
        pthread_barrier_wait(&crew->start);
        if (crew->is_ending)
            return NULL;
        struct bench_worker *worker = &crew->workers[post.index];
        worker->begun_ns = bench_now();
        worker->done = crew->loop(crew->self, worker);
        pthread_barrier_wait(&crew->end);
    }
}

struct bench_crew *bench_crew_start(unsigned count, bool is_pinned)
{
    struct bench_crew *crew = bench_alloc(sizeof(*crew));
    if (count > BENCH_CREW_MAX)
        bench_fail("a crew of %u is too large", count);
    crew->count = count;
    crew->is_pinned = is_pinned;
    pthread_barrier_init(&crew->start, NULL, count + 1);
    pthread_barrier_init(&crew->end, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        struct post *post = bench_alloc(sizeof(*post));
        *post = (struct post){crew, i};
        crew->workers[i].stop = &crew->stop;
        crew->workers[i].index = i;
        crew->workers[i].random = 0x9E3779B97F4A7C15u * (i + 1);
        if (pthread_create(&crew->threads[i], NULL, work, post) != 0)
            bench_fail("cannot start thread %u of %u", i + 1, count);
    }
    return crew;
}

void bench_crew_end(struct bench_crew *crew)
{
    crew->is_ending = true;
    pthread_barrier_wait(&crew->start);
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_barrier_destroy(&crew->start);
    pthread_barrier_destroy(&crew->end);
    free(crew);
}

static void prepare(struct bench_crew *crew, const struct bench_phase *phase)
{
    crew->loop = phase->loop;
    crew->self = phase->self;
    crew->stop = false;
    for (unsigned i = 0; i < crew->count; i++) {
        crew->workers[i].hold = bench_spin_iterations(phase->hold_ns);
        crew->workers[i].outside = bench_spin_iterations(phase->outside_ns);
        if (phase->waits != NULL)
            memset(&crew->workers[i].waits, 0, sizeof(crew->workers[i].waits));
    }
}

/* When the first of them began.  Of all that the barrier woke, the coordinator may be the last to
 * run: what it takes for the beginning may be late by many turns of the scheduler. */
static uint64_t first_begun_ns(const struct bench_crew *crew)
{
    uint64_t first = crew->workers[0].begun_ns;
    for (unsigned i = 1; i < crew->count; i++)
        if (crew->workers[i].begun_ns < first)
            first = crew->workers[i].begun_ns;
    return first;
}

double bench_crew_run(struct bench_crew *crew, const struct bench_phase *phase)
{
    prepare(crew, phase);
    pthread_barrier_wait(&crew->start);
    bench_sleep_us(phase->ms * 1000);
    __atomic_store_n(&crew->stop, true, __ATOMIC_RELAXED); /* the end barrier orders the rest */
    uint64_t stopped_ns = bench_now();
    pthread_barrier_wait(&crew->end);
    uint64_t elapsed = stopped_ns - first_begun_ns(crew);
    double total = 0;
    for (unsigned i = 0; i < crew->count; i++) {
        total += (double)crew->workers[i].done;
        if (phase->thread_totals != NULL)
            phase->thread_totals[i] += (double)crew->workers[i].done;
        if (phase->waits != NULL)
            lg_histogram_add(phase->waits, &crew->workers[i].waits);
    }
    return total * 1e9 / (double)elapsed;
}

double bench_share(const double *totals, unsigned count)
{
    double least = INFINITY;
    double most = 0;
    for (unsigned i = 0; i < count; i++) {
        least = fmin(least, totals[i]);
        most = fmax(most, totals[i]);
    }
    return most > 0 ? least / most : NAN;
}

uint64_t bench_count_loop(void *self, struct bench_worker *worker)
{
    uint64_t done = 0;
    (void)self;
    for (; !bench_is_stopped(worker); done++)
        bench_spin(16);
    return done;
}

double bench_crew_fair_share(struct bench_crew *crew, unsigned ms, unsigned phases)
{
    double totals[BENCH_CREW_MAX] = {0};
    struct bench_phase phase = {.loop = bench_count_loop, .ms = ms, .thread_totals = totals};
    if (crew->is_pinned)
        return 1;
    for (unsigned i = 0; i < phases; i++)
        (void)bench_crew_run(crew, &phase);
    return bench_share(totals, crew->count);
}
