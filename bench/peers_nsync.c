/* nsync: nsync_mu, which is a rwlock too. */
#include "peers.h"

#include <nsync.h>

#include <stdlib.h>

MUTEX_LOOPS(mu, nsync_mu, nsync_mu_init, nsync_mu_lock, nsync_mu_unlock)

const struct mutex_peer peer_nsync = {"nsync_mu", NULL, NULL, mu_create, mu_pairs, mu_loop};

RWLOCK_LOOPS(rwmu, nsync_mu, nsync_mu_init, nsync_mu_rlock, nsync_mu_runlock, nsync_mu_lock,
             nsync_mu_unlock)

const struct rwlock_peer peer_nsync_rwlock = {.name = "nsync_mu",
                                              .create = rwmu_create,
                                              .read_pairs = rwmu_read_pairs,
                                              .write_pairs = rwmu_write_pairs,
                                              .read_loop = rwmu_read_loop,
                                              .mix_loop = rwmu_mix_loop,
                                              .rare_loop = rwmu_rare_loop};

struct counters {
    unsigned count;
    nsync_counter counters[];
};

static void *counters_create(unsigned threads, unsigned rounds)
{
    struct counters *self = bench_alloc(sizeof(*self) + rounds * sizeof(nsync_counter));
    self->count = rounds;
    for (unsigned i = 0; i < rounds; i++)
        self->counters[i] = nsync_counter_new(threads);
    return self;
}

static void counters_destroy(void *arg)
{
    struct counters *self = arg;
    for (unsigned i = 0; i < self->count; i++)
        nsync_counter_free(self->counters[i]);
    free(self);
}

static void counters_meet(void *arg, unsigned rounds)
{
    const struct counters *self = arg;
    for (unsigned i = 0; i < rounds; i++) {
        nsync_counter_add(self->counters[i], -1);
        nsync_counter_wait(self->counters[i], nsync_time_no_deadline);
    }
}

const struct round_peer peer_nsync_counter = {"nsync_counter, a new one each round", NULL,
                                              counters_create, counters_destroy, counters_meet};

struct notes {
    unsigned count;
    struct nsync_waitable_s things[SEVERAL_MAX];
    struct nsync_waitable_s *wanted[SEVERAL_MAX];
};

static void *notes_create(unsigned count)
{
    struct notes *self = bench_alloc(sizeof(*self));
    self->count = count;
    for (unsigned i = 0; i < count; i++) {
        self->things[i].v = nsync_note_new(NULL, nsync_time_no_deadline);
        self->things[i].funcs = &nsync_note_waitable_funcs;
        self->wanted[i] = &self->things[i];
    }
    nsync_note_notify(self->things[count - 1].v);
    return self;
}

static void notes_destroy(void *arg)
{
    struct notes *self = arg;
    for (unsigned i = 0; i < self->count; i++)
        nsync_note_free(self->things[i].v);
    free(self);
}

static void notes_wait(void *arg, unsigned times)
{
    struct notes *self = arg;
    for (; times > 0; times--)
        if (nsync_wait_n(NULL, NULL, NULL, nsync_time_no_deadline, (int)self->count,
                         self->wanted) != (int)self->count - 1)
            bench_fail("nsync_wait_n");
}

const struct several_peer peer_nsync_several = {"nsync_wait_n", NULL, notes_create, notes_destroy,
                                                notes_wait};

/* A note is for one use. */
struct post {
    unsigned count;
    nsync_note *notes;
};

static void post_init(struct post *post, unsigned rounds)
{
    post->count = rounds;
    post->notes = bench_alloc(rounds * sizeof(*post->notes));
    for (unsigned i = 0; i < rounds; i++)
        post->notes[i] = nsync_note_new(NULL, nsync_time_no_deadline);
}

static void post_give(struct post *post, unsigned round)
{
    nsync_note_notify(post->notes[round]);
}

static void post_take(struct post *post, unsigned round)
{
    if (!nsync_note_wait(post->notes[round], nsync_time_no_deadline))
        bench_fail("nsync_note_wait");
}

/* The other one is never notified. */
static void post_take_any(struct post *post, unsigned round)
{
    static nsync_note never;
    if (never == NULL) { /* each thread may make one: it does no harm */
        nsync_note made = nsync_note_new(NULL, nsync_time_no_deadline);
        __atomic_store_n(&never, made, __ATOMIC_RELEASE);
    }
    struct nsync_waitable_s things[2] = {
        {__atomic_load_n(&never, __ATOMIC_ACQUIRE), &nsync_note_waitable_funcs},
        {post->notes[round], &nsync_note_waitable_funcs}};
    struct nsync_waitable_s *wanted[2] = {&things[0], &things[1]};
    if (nsync_wait_n(NULL, NULL, NULL, nsync_time_no_deadline, 2, wanted) != 1)
        bench_fail("nsync_wait_n");
}

static void post_end(struct post *post)
{
    for (unsigned i = 0; i < post->count; i++)
        nsync_note_free(post->notes[i]);
    free(post->notes);
}

TURNS_LOOPS(post, struct post, post_init, post_give, post_take, post_end)
TURNS_LOOPS(any, struct post, post_init, post_give, post_take_any, post_end)
const struct round_peer peer_nsync_note_turns = {"nsync_note, a new one each time", NULL,
                                                 post_create, post_destroy, post_meet};
const struct round_peer peer_nsync_note_any = {"nsync_wait_n of two notes", NULL, any_create,
                                               any_destroy, any_meet};

/* -- a counter alone -------------------------------------------------------------------------- */

static void *counter_create(void)
{
    return NULL;
}

static void counter_pairs(void *self, uint64_t count)
{
    (void)self;
    for (; count > 0; count--) {
        nsync_counter counter = nsync_counter_new(LATCH_COUNT);
        for (unsigned i = 0; i < LATCH_COUNT; i++)
            nsync_counter_add(counter, -1);
        nsync_counter_wait(counter, nsync_time_no_deadline);
        nsync_counter_free(counter);
    }
}

const struct mutex_peer peer_nsync_latch = {
    .name = "nsync_counter", .create = counter_create, .pairs = counter_pairs};
