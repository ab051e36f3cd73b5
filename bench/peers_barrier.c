/* Barriers that are always there: the C library's, one by hand, and Lifeguard's. */
#include "peers.h"

#include <pthread.h>
#include <stdlib.h>

#include <lifeguard/barrier.h>
#include <lifeguard/latch.h>

/* -- the C library ---------------------------------------------------------------------------- */

static void *plain_create(unsigned threads, unsigned rounds)
{
    pthread_barrier_t *barrier = bench_alloc(sizeof(*barrier));
    (void)rounds;
    pthread_barrier_init(barrier, NULL, threads);
    return barrier;
}

static void plain_destroy(void *self)
{
    pthread_barrier_destroy(self);
    free(self);
}

static void plain_meet(void *self, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        pthread_barrier_wait(self);
}

const struct round_peer peer_pthread_barrier = {"pthread_barrier", NULL, plain_create,
                                                plain_destroy, plain_meet};

/* -- by hand ---------------------------------------------------------------------------------- */

struct by_hand {
    pthread_mutex_t mutex;
    pthread_cond_t all_there;
    unsigned parties;
    unsigned arrived; /* under mutex, as round */
    unsigned round;
};

static void *by_hand_create(unsigned threads, unsigned rounds)
{
    struct by_hand *self = bench_alloc(sizeof(*self));
    (void)rounds;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->all_there, NULL);
    self->parties = threads;
    return self;
}

static void by_hand_meet(void *arg, unsigned rounds)
{
    struct by_hand *self = arg;
    for (unsigned i = 0; i < rounds; i++) {
        pthread_mutex_lock(&self->mutex);
        unsigned round = self->round;
        if (++self->arrived == self->parties) {
            self->arrived = 0;
            self->round++;
            pthread_cond_broadcast(&self->all_there);
        }
        while (round == self->round)
            pthread_cond_wait(&self->all_there, &self->mutex);
        pthread_mutex_unlock(&self->mutex);
    }
}

const struct round_peer peer_cond_barrier = {"mutex+cond", NULL, by_hand_create, free,
                                             by_hand_meet};

/* -- Lifeguard -------------------------------------------------------------------------------- */

static void *lg_create(unsigned threads, unsigned rounds)
{
    struct lg_barrier *barrier = bench_alloc(sizeof(*barrier));
    (void)rounds;
    if (lg_barrier_init(barrier, "bench", threads, NULL, NULL) != LG_OK)
        bench_fail("cannot make a barrier");
    return barrier;
}

static void lg_destroy(void *self)
{
    lg_barrier_destroy(self);
    free(self);
}

static void lg_meet(void *self, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        if (lg_barrier_wait((struct lg_barrier *)self, LG_FOREVER, NULL) != LG_OK)
            bench_fail("a barrier failed");
}

/* Each thread's place is its own, so the detector looks at each wait. */
static void lg_meet_registered(void *self, unsigned rounds)
{
    int status = lg_barrier_register((struct lg_barrier *)self, NULL);
    if (status != LG_OK)
        bench_fail("a barrier failed: %s", lg_status_name(status));
    lg_meet(self, rounds);
    if (lg_barrier_unregister(self, NULL) != LG_OK)
        bench_fail("a barrier failed");
}

const struct round_peer peer_lg_barrier = {"lg_barrier", NULL, lg_create, lg_destroy, lg_meet};
const struct round_peer peer_lg_barrier_registered = {"lg_barrier, parties registered", NULL,
                                                      lg_create, lg_destroy, lg_meet_registered};

static void *latches_create(unsigned threads, unsigned rounds)
{
    struct lg_latch *latches = bench_alloc(rounds * sizeof(*latches));
    for (unsigned i = 0; i < rounds; i++)
        if (lg_latch_init(&latches[i], "bench", threads) != LG_OK)
            bench_fail("cannot make a latch");
    return latches;
}

static void latches_meet(void *arg, unsigned rounds)
{
    struct lg_latch *latches = arg;
    for (unsigned i = 0; i < rounds; i++)
        if (lg_latch_arrive_and_wait(&latches[i], LG_FOREVER) != LG_OK)
            bench_fail("a latch failed");
}

const struct round_peer peer_lg_latch = {"lg_latch, a new one each round", NULL, latches_create,
                                         free, latches_meet};

/* -- a latch alone ---------------------------------------------------------------------------- */

static void *latch_create(void)
{
    return NULL;
}

static void latch_pairs(void *self, uint64_t count)
{
    (void)self;
    for (; count > 0; count--) {
        struct lg_latch latch = LG_LATCH_INIT("bench", LATCH_COUNT);
        bool is_good = true;
        for (unsigned i = 0; i < LATCH_COUNT; i++)
            is_good = lg_latch_count_down(&latch, 1) == LG_OK && is_good;
        if (!is_good || lg_latch_wait(&latch, LG_FOREVER) != LG_OK)
            bench_fail("a latch failed");
        lg_latch_destroy(&latch);
    }
}

const struct mutex_peer peer_lg_latch_alone = {
    .name = "lg_latch", .create = latch_create, .pairs = latch_pairs};
