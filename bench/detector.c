/* Detector: from the wait that closes a deadlock to its LG_EDEADLK, and what the search costs those
 * who are in no deadlock. */
#include "crowd.h"
#include "handoff.h"

#include <semaphore.h>
#include <stdlib.h>

#include <lifeguard/lifeguard.h>

#define CROWD        1000
#define MEMBERS_MAX  500
#define TIMEOUT_MS   20000
#define GOAL_US      100.0
#define GOAL_EACH_US 1.0

/* -- making a deadlock ------------------------------------------------------------------------ */

enum shape { RING, DRAINED };

struct deadlock {
    pthread_t threads[MEMBERS_MAX];
    sem_t turns[MEMBERS_MAX];
    sem_t done;
    bool is_ending; /* this and the next six: written before the turns are posted */
    enum shape shape;
    unsigned members;
    lg_deadline deadline; /* one for all, so that the closer is the victim */
    pthread_barrier_t all_hold;
    struct lg_mutex mutexes[MEMBERS_MAX];
    struct lg_pool *pool;
    struct sleeper sleepers[MEMBERS_MAX];
    uint64_t closing_ns; /* written by the closer, before its wait */
    uint64_t found_ns;   /* written by the victim */
    unsigned victims;
};

struct member {
    struct deadlock *deadlock;
    unsigned index;
};

/* The last member waits until all others are blocked: its own wait will close the circle. */
static void get_near(struct deadlock *deadlock, unsigned index)
{
    pthread_barrier_wait(&deadlock->all_hold);
    if (index + 1 < deadlock->members) {
        sleeper_is_near(&deadlock->sleepers[index], true);
        return;
    }
    sleepers_wait(deadlock->sleepers, deadlock->members - 1);
    __atomic_store_n(&deadlock->closing_ns, bench_now(), __ATOMIC_RELEASE);
}

static void get_away(struct deadlock *deadlock, unsigned index, int status)
{
    uint64_t now = bench_now();
    sleeper_is_near(&deadlock->sleepers[index], false);
    if (status == LG_EDEADLK) {
        deadlock->found_ns = now - __atomic_load_n(&deadlock->closing_ns, __ATOMIC_ACQUIRE);
        __atomic_add_fetch(&deadlock->victims, 1, __ATOMIC_RELAXED); /* done orders it */
    } else if (status != LG_OK) {
        bench_fail("a deadlock of %u ended with %s", deadlock->members, lg_status_name(status));
    }
}

/* Each member holds a mutex and wants its neighbour's. */
static void join_ring(struct deadlock *deadlock, unsigned index) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_mutex *own = &deadlock->mutexes[index];
    struct lg_mutex *next = &deadlock->mutexes[(index + 1) % deadlock->members];
    if (lg_mutex_lock(own, deadlock->deadline) != LG_OK)
        bench_fail("cannot lock a free mutex");
    get_near(deadlock, index);
    int status = lg_mutex_lock(next, deadlock->deadline);
    get_away(deadlock, index, status);
    if (status == LG_OK)
        lg_mutex_unlock(next);
    lg_mutex_unlock(own);
}

/* Each member holds one of the pool, which are then all out, and wants one more. */
static void join_drained(struct deadlock *deadlock, unsigned index)
{
    struct lg_lease own;
    struct lg_lease more;
    if (lg_pool_checkout(deadlock->pool, deadlock->deadline, &own) != LG_OK)
        bench_fail("cannot check out of a pool that is not empty");
    get_near(deadlock, index);
    int status = lg_pool_checkout(deadlock->pool, deadlock->deadline, &more);
    get_away(deadlock, index, status);
    if (status == LG_OK && lg_pool_checkin(deadlock->pool, &more) != LG_OK)
        bench_fail("cannot check in");
    if (lg_pool_checkin(deadlock->pool, &own) != LG_OK)
        bench_fail("cannot check in");
}

static void *run_member(void *arg)
{
    struct member self = *(struct member *)arg;
    struct deadlock *deadlock = self.deadlock;
    free(arg);
    sleeper_enlist(&deadlock->sleepers[self.index]);
    for (;;) {
        while (sem_wait(&deadlock->turns[self.index]) != 0)
            ;
        if (deadlock->is_ending)
            return NULL;
        if (deadlock->shape == RING)
            join_ring(deadlock, self.index);
        else
            join_drained(deadlock, self.index);
        sem_post(&deadlock->done);
    }
}

static struct deadlock *deadlock_start(void)
{
    struct deadlock *deadlock = bench_alloc(sizeof(*deadlock));
    sem_init(&deadlock->done, 0, 0);
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        struct member *member = bench_alloc(sizeof(*member));
        *member = (struct member){deadlock, i};
        sem_init(&deadlock->turns[i], 0, 0);
        start_small_thread(&deadlock->threads[i], run_member, member);
    }
    return deadlock;
}

static void deadlock_end(struct deadlock *deadlock)
{
    deadlock->is_ending = true;
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        sem_post(&deadlock->turns[i]);
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        pthread_join(deadlock->threads[i], NULL);
    free(deadlock);
}

/* Make one deadlock and let it be found; microseconds. */
static double deadlock_run(struct deadlock *deadlock, enum shape shape, unsigned members,
                           struct lg_pool *pool)
{
    deadlock->shape = shape;
    deadlock->members = members;
    deadlock->pool = pool;
    deadlock->deadline = lg_after_ms(TIMEOUT_MS);
    deadlock->victims = 0;
    pthread_barrier_init(&deadlock->all_hold, NULL, members);
    for (unsigned i = 0; i < members; i++)
        sem_post(&deadlock->turns[i]);
    for (unsigned i = 0; i < members; i++)
        while (sem_wait(&deadlock->done) != 0)
            ;
    pthread_barrier_destroy(&deadlock->all_hold);
    if (deadlock->victims != 1)
        bench_fail("a deadlock of %u had %u victims", members, deadlock->victims);
    return (double)deadlock->found_ns / 1e3;
}

/* -- how fast --------------------------------------------------------------------------------- */

static const unsigned sizes[] = {2, 10, 100, MEMBERS_MAX};

#define SIZES    (sizeof(sizes) / sizeof(sizes[0]))
#define VARIANTS (2 * SIZES)

struct speed {
    struct deadlock *deadlock;
    struct lg_pool *pools[SIZES];
};

static double sample_speed(void *arg, size_t variant)
{
    struct speed *speed = arg;
    size_t size = variant % SIZES;
    return deadlock_run(speed->deadlock, variant < SIZES ? RING : DRAINED, sizes[size],
                        speed->pools[size]);
}

static void record_absolute(const struct bench_trial *trial, const char *metric, double value,
                            double spread, double goal)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = trial->bench;
    figure.group = trial->group;
    figure.metric = metric;
    figure.unit = trial->unit;
    figure.value = value;
    figure.spread = spread;
    figure.sense = BENCH_AT_MOST;
    figure.goal = goal;
    bench_record(&figure);
}

static void report_speed(const struct bench_trial *trial, size_t first, const char *shape)
{
    char metric[96];
    for (size_t i = 0; i < SIZES; i++) {
        struct bench_quartiles values = bench_trial_values(trial, first + i);
        record_absolute(trial, trial->variants[first + i].name, values.median, bench_spread(values),
                        GOAL_US + GOAL_EACH_US * sizes[i]);
    }
    double least = bench_trial_values(trial, first).median;
    double most = bench_trial_values(trial, first + SIZES - 1).median;
    snprintf(metric, sizeof(metric), "%s, each member more", shape);
    record_absolute(trial, metric, (most - least) / (sizes[SIZES - 1] - sizes[0]), NAN,
                    GOAL_EACH_US);
}

static void run_speed(struct speed *speed)
{
    char names[VARIANTS][64];
    struct bench_variant variants[VARIANTS] = {0};
    struct bench_trial trial = {.bench = "detector",
                                .group = "from the closing wait to its LG_EDEADLK, "
                                         "1000 contexts blocked elsewhere",
                                .unit = "us",
                                .rounds = 40,
                                .variants = variants,
                                .variant_count = VARIANTS,
                                .sample = sample_speed,
                                .arg = speed};
    for (size_t i = 0; i < VARIANTS; i++) {
        snprintf(names[i], sizeof(names[i]),
                 i < SIZES ? "ring of %u mutexes" : "pool of %u, drained", sizes[i % SIZES]);
        variants[i].name = names[i];
    }
    if (!bench_is_wanted(trial.group))
        return;
    bench_trial_run(&trial);
    report_speed(&trial, 0, "ring");
    report_speed(&trial, SIZES, "pool");
    bench_trial_free(&trial);
}

/* -- what it costs the others ----------------------------------------------------------------- */

struct cost {
    struct crowd *crowd;
    struct deadlock *deadlock;
    struct relay *relay;
    void *pools[RELAY_POOLS];
};

enum { PARKED, BLOCKED };

static double sample_handoff(void *arg, size_t variant)
{
    struct cost *cost = arg;
    crowd_set(cost->crowd, variant == BLOCKED);
    (void)relay_run(cost->relay, &peer_lg_pool, cost->pools, 60, 0);
    return relay_run(cost->relay, &peer_lg_pool, cost->pools, 600, 0) / 1e3;
}

static double sample_ring(void *arg, size_t variant)
{
    struct cost *cost = arg;
    double values[9];
    crowd_set(cost->crowd, variant == BLOCKED);
    for (size_t i = 0; i < 9; i++)
        values[i] = deadlock_run(cost->deadlock, RING, 2, NULL);
    return bench_quartiles(values, 9).median;
}

static void run_cost(struct cost *cost, const char *group, double goal,
                     double (*sample)(void *, size_t))
{
    const struct bench_variant variants[] = {
        {.name = "1000 threads parked", .is_baseline = true},
        {.name = "1000 contexts blocked"},
    };
    const struct bench_goal goals[] = {{BLOCKED, PARKED, BENCH_AT_MOST, goal}};
    struct bench_trial trial = {.bench = "detector",
                                .group = group,
                                .unit = "us",
                                .rounds = 40,
                                .variants = variants,
                                .variant_count = 2,
                                .goals = goals,
                                .goal_count = isnan(goal) ? 0 : 1,
                                .sample = sample,
                                .arg = cost};
    if (!bench_is_wanted(trial.group))
        return;
    bench_trial_run(&trial);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}

void bench_detector(void)
{
    struct crowd *crowd = crowd_start(CROWD);
    struct deadlock *deadlock = deadlock_start();
    struct speed speed = {.deadlock = deadlock};
    struct cost cost = {.crowd = crowd, .deadlock = deadlock};
    for (size_t i = 0; i < SIZES; i++)
        speed.pools[i] = peer_lg_pool.create(sizes[i]);
    for (size_t i = 0; i < RELAY_POOLS; i++)
        cost.pools[i] = peer_lg_pool.create(1);
    cost.relay = relay_start(bench_core(0), bench_core(0));
    crowd_set(crowd, true);
    run_speed(&speed);
    run_cost(&cost, "a wait whose holder runs (hand-off on one core), others blocked or parked",
             1.05, sample_handoff);
    run_cost(&cost, "a deadlock of two, others blocked or parked", NAN, sample_ring);
    relay_stop(cost.relay);
    crowd_end(crowd);
    deadlock_end(deadlock);
    for (size_t i = 0; i < SIZES; i++)
        lg_pool_destroy(speed.pools[i]);
    for (size_t i = 0; i < RELAY_POOLS; i++)
        lg_pool_destroy(cost.pools[i]);
}
