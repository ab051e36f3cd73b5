/* Hand-off: two threads over three pools of one, strictly by turns (see RELAY_POOLS in peers.h).
 *
 * Every hand-off is one thread that wakes the other and then sleeps itself, so this is the price of
 * a wait that is really waited: the kernel's part, and what the library adds to it.
 *
 * Where the holder runs it is another matter: two threads want the one resource of a strict pool, each holds it
 * for a microsecond, and whoever waits may look for so long, instead of sleeping.  A hand-off costs then
 * what a loan takes beside the work in it. */
#include "handoff.h"

#include <pthread.h>
#include <string.h>

#define SIDES 2

struct relay {
    const struct pool_peer *peer; /* this and pools: written before turn, read after it */
    void *pools[RELAY_POOLS];
    uint64_t cycles;
    struct relay_pace pace; /* work: written before turn; the rest belongs to the relay's steps */
    uint64_t start_ns;      /* written by side 0 */
    uint64_t end_ns;
    bool is_ending;
    int cores[SIDES];
    pthread_barrier_t turn;  /* three threads */
    pthread_barrier_t ready; /* the two */
    pthread_barrier_t done;  /* three threads */
    pthread_t threads[SIDES];
};

struct side {
    struct relay *relay;
    unsigned index;
};

struct relay_pace *relay_pace(struct relay *relay)
{
    return &relay->pace;
}

uint64_t relay_begin(struct relay *relay, unsigned side)
{
    pthread_barrier_wait(&relay->ready);
    if (side == 0)
        relay->start_ns = bench_now();
    return relay->cycles;
}

void relay_end(struct relay *relay, unsigned side)
{
    if (side == 0)
        relay->end_ns = bench_now();
    pthread_barrier_wait(&relay->ready);
}

static void *run_side(void *arg)
{
    struct side side = *(struct side *)arg;
    struct relay *relay = side.relay;
    free(arg);
    bench_pin(relay->cores[side.index]);
    for (;;) {
        pthread_barrier_wait(&relay->turn);
        if (relay->is_ending)
            return NULL;
        relay->peer->alternate(relay->pools, relay, side.index);
        pthread_barrier_wait(&relay->done);
    }
}

struct relay *relay_start(int core_a, int core_b)
{
    struct relay *relay = bench_alloc(sizeof(*relay));
    relay->cores[0] = core_a;
    relay->cores[1] = core_b;
    pthread_barrier_init(&relay->turn, NULL, SIDES + 1);
    pthread_barrier_init(&relay->ready, NULL, SIDES);
    pthread_barrier_init(&relay->done, NULL, SIDES + 1);
    for (unsigned i = 0; i < SIDES; i++) {
        struct side *side = bench_alloc(sizeof(*side));
        *side = (struct side){relay, i};
        if (pthread_create(&relay->threads[i], NULL, run_side, side) != 0)
            bench_fail("cannot start a thread");
    }
    return relay;
}

void relay_stop(struct relay *relay)
{
    relay->is_ending = true;
    pthread_barrier_wait(&relay->turn);
    for (unsigned i = 0; i < SIDES; i++)
        pthread_join(relay->threads[i], NULL);
    free(relay);
}

double relay_run(struct relay *relay, const struct pool_peer *peer, void *const *pools,
                 unsigned cycles, unsigned work_ns)
{
    relay->peer = peer;
    memcpy(relay->pools, pools, sizeof(relay->pools));
    relay->cycles = cycles;
    relay->pace.work = bench_spin_iterations(work_ns);
    relay->pace.elapsed = 0;
    pthread_barrier_wait(&relay->turn);
    pthread_barrier_wait(&relay->done);
    if (work_ns > 0) /* a half of all steps: those that side 0 waits for */
        return (double)relay->pace.elapsed * bench_tick_ns() / (double)(RELAY_CYCLE / 2 * cycles);
    return (double)(relay->end_ns - relay->start_ns) / (double)(RELAY_CYCLE * cycles);
}

/* -- the bench -------------------------------------------------------------------------------- */

static const struct pool_peer *const peers[] = {
    &peer_futex, &peer_lg_pool, &peer_lg_condition, &peer_sem, &peer_cond,
    &peer_lifo,  &peer_fifo,    &peer_gasync,       &peer_apr, &peer_mongoc,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))
enum { FUTEX, LG };

struct place {
    const char *group;
    double goal;
    unsigned cycles_a_batch;
    unsigned rounds;
    unsigned second_core; /* index */
    unsigned work_ns;     /* before each give */
    struct relay *relay;
    void *pools[PEERS][RELAY_POOLS];
};

static double sample(void *arg, size_t variant)
{
    struct place *place = arg;
    return relay_run(place->relay, peers[variant], place->pools[variant], place->cycles_a_batch,
                     place->work_ns) /
           1e3;
}

static void run_place(struct place *place)
{
    const struct bench_goal goals[] = {{LG, FUTEX, BENCH_AT_MOST, place->goal}};
    struct bench_variant variants[PEERS] = {0};
    struct bench_trial trial = {.bench = "handoff",
                                .group = place->group,
                                .unit = "us",
                                .rounds = place->rounds,
                                .variants = variants,
                                .variant_count = PEERS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample,
                                .arg = place};
    if (!bench_is_wanted(trial.group))
        return;
    for (size_t i = 0; i < PEERS; i++) {
        variants[i].name = peers[i]->name;
        variants[i].package = peers[i]->package;
        variants[i].every = i == FUTEX || i == LG ? 1 : 4;
        for (unsigned j = 0; j < RELAY_POOLS && peers[i]->package == NULL; j++)
            place->pools[i][j] = peers[i]->create(1);
    }
    variants[FUTEX].is_baseline = true;
    place->relay = relay_start(bench_core(0), bench_core(place->second_core));
    bench_trial_run(&trial);
    relay_stop(place->relay);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
    for (size_t i = 0; i < PEERS; i++)
        for (unsigned j = 0; j < RELAY_POOLS && peers[i]->package == NULL; j++)
            peers[i]->destroy(place->pools[i][j]);
}

/* -- the holder runs -------------------------------------------------------------------------- */

#define HOLD_NS 1000

struct meeting {
    struct relay *relay;
    void *futexes[RELAY_POOLS];
    struct bench_crew *crew;
    void *pool; /* of one, strict: no newcomer passes who waits */
};

enum { WOKEN, MET, MEETINGS };

/* Microseconds that a hand-off takes. */
static double sample_meeting(void *arg, size_t variant)
{
    struct meeting *meeting = arg;
    if (variant == WOKEN)
        return relay_run(meeting->relay, &peer_futex, meeting->futexes, 120, HOLD_NS) / 1e3;
    struct bench_phase phase = {.loop = peer_lg_pool_strict.loop,
                                .self = meeting->pool,
                                .ms = bench_phase_ms(10),
                                .hold_ns = HOLD_NS};
    return (1e9 / bench_crew_run(meeting->crew, &phase) - HOLD_NS) / 1e3;
}

static void run_meeting(void)
{
    static const struct bench_goal goals[] = {{MET, WOKEN, BENCH_AT_MOST, 1.0 / 3}};
    struct meeting meeting = {0};
    struct bench_variant variants[MEETINGS] = {
        [WOKEN] = {.name = "raw futex, by turns", .is_baseline = true, .every = 1},
        [MET] = {.name = "lg_pool of one, strict, two threads", .every = 1}};
    struct bench_trial trial = {.bench = "handoff",
                                .group = "hand-off across cores, the holder runs for 1 us",
                                .unit = "us",
                                .rounds = 100,
                                .variants = variants,
                                .variant_count = MEETINGS,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample_meeting,
                                .arg = &meeting};
    if (!bench_is_wanted(trial.group))
        return;
    for (unsigned i = 0; i < RELAY_POOLS; i++)
        meeting.futexes[i] = peer_futex.create(1);
    meeting.pool = peer_lg_pool_strict.create(1);
    meeting.relay = relay_start(bench_core(0), bench_core(1));
    meeting.crew = bench_crew_start(2, true);
    bench_trial_run(&trial);
    bench_crew_end(meeting.crew);
    relay_stop(meeting.relay);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
    peer_lg_pool_strict.destroy(meeting.pool);
    for (unsigned i = 0; i < RELAY_POOLS; i++)
        peer_futex.destroy(meeting.futexes[i]);
}

void bench_handoff(void)
{
    static struct place across = {.group = "hand-off across cores, strict alternation",
                                  .goal = 1.05,
                                  .cycles_a_batch = 120,
                                  .rounds = 200,
                                  .second_core = 1};
    static struct place asleep = {
        .group = "hand-off across cores, the holder works 30 us first: the waiter sleeps",
        .goal = 1.05,
        .cycles_a_batch = 12,
        .rounds = 200,
        .second_core = 1,
        .work_ns = 30000};
    static struct place same = {.group = "hand-off on one core, strict alternation",
                                .goal = 1.15,
                                .cycles_a_batch = 300,
                                .rounds = 300};
    if (bench_core_count() >= 2) {
        run_meeting();
        run_place(&across);
        run_place(&asleep);
    }
    run_place(&same);
}
