/* Turns: 64 threads, one after the other, on a pool of 8.  Each makes a few pairs and lets the next
 * one go on: what a slot has learnt of one thread is wrong for the next.  Only the pairs are timed,
 * not the way to the next thread. */
#include "crowd.h"
#include "harness.h"
#include "peers.h"

#include <semaphore.h>
#include <stdlib.h>

#define THREADS 64
#define LAPS    5 /* of all threads, a batch */

struct turns {
    unsigned pairs; /* in a turn; this and the next two: written before the first turn */
    void *pool;
    bool is_ending;
    unsigned laps;    /* whoever has the turn */
    uint64_t elapsed; /* ticks; whoever has the turn */
    sem_t turns[THREADS];
    sem_t done;
    pthread_t threads[THREADS];
};

struct seat {
    struct turns *turns;
    unsigned index;
};

static const struct pool_peer *const peers[] = {&peer_lg_pool_unbiased, &peer_lg_pool};

enum { UNBIASED, BIASED, VARIANTS };

static void pass_on(struct turns *turns, unsigned index)
{
    if (index + 1 < THREADS)
        sem_post(&turns->turns[index + 1]);
    else if (--turns->laps > 0)
        sem_post(&turns->turns[0]);
    else
        sem_post(&turns->done);
}

static void *sit(void *arg)
{
    struct seat seat = *(struct seat *)arg;
    struct turns *turns = seat.turns;
    free(arg);
    bench_pin(bench_core(seat.index % bench_core_count()));
    for (;;) {
        while (sem_wait(&turns->turns[seat.index]) != 0)
            ;
        if (turns->is_ending)
            return NULL;
        uint64_t start = bench_tick();
        peer_lg_pool.pairs(turns->pool, turns->pairs);
        turns->elapsed += bench_tick() - start;
        pass_on(turns, seat.index);
    }
}

/* Nanoseconds a pair. */
static double take_turns(struct turns *turns, void *pool)
{
    turns->pool = pool;
    turns->laps = LAPS;
    turns->elapsed = 0;
    sem_post(&turns->turns[0]);
    while (sem_wait(&turns->done) != 0)
        ;
    return (double)turns->elapsed * bench_tick_ns() / (double)(LAPS * THREADS * turns->pairs);
}

struct place {
    struct turns *turns;
    void *pools[VARIANTS];
};

static double sample(void *arg, size_t variant)
{
    struct place *place = arg;
    return take_turns(place->turns, place->pools[variant]);
}

static void run_place(struct place *place, const char *group, unsigned pairs)
{
    static const struct bench_goal goals[] = {{BIASED, UNBIASED, BENCH_AT_MOST, 1.1}};
    const struct bench_variant variants[] = {
        {.name = peers[UNBIASED]->name, .is_baseline = true},
        {.name = peers[BIASED]->name},
    };
    struct bench_trial trial = {.bench = "turns",
                                .group = group,
                                .unit = "ns",
                                .rounds = 100,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample,
                                .arg = place};
    if (!bench_is_wanted(group))
        return;
    place->turns->pairs = pairs;
    bench_trial_run(&trial);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

static struct turns *turns_start(void)
{
    struct turns *turns = bench_alloc(sizeof(*turns));
    sem_init(&turns->done, 0, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        struct seat *seat = bench_alloc(sizeof(*seat));
        *seat = (struct seat){turns, i};
        sem_init(&turns->turns[i], 0, 0);
        start_small_thread(&turns->threads[i], sit, seat);
    }
    return turns;
}

static void turns_end(struct turns *turns)
{
    turns->is_ending = true;
    for (unsigned i = 0; i < THREADS; i++)
        sem_post(&turns->turns[i]);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(turns->threads[i], NULL);
    free(turns);
}

void bench_turns(void)
{
    struct place place = {.turns = turns_start()};
    for (size_t i = 0; i < VARIANTS; i++)
        place.pools[i] = peers[i]->create(8);
    run_place(&place, "64 threads by turns on a pool of 8, 4 pairs a turn", 4);
    run_place(&place, "64 threads by turns on a pool of 8, 64 pairs a turn", 64);
    turns_end(place.turns);
    for (size_t i = 0; i < VARIANTS; i++)
        peers[i]->destroy(place.pools[i]);
}
