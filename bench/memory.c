/* Memory: what a slot costs, what a waiter costs, and whether ten thousand slots are usable.
 *
 * Counted is the C library's heap, or what is written on where a peer does not use it.  A slot is the
 * difference between a large pool and a small one, both filled, so that what a pool costs once drops
 * out. */
#include "crowd.h"
#include "harness.h"
#include "peers.h"

#include <malloc.h>
#include <semaphore.h>
#include <stdlib.h>

#include <lifeguard/lifeguard.h>

#define WAITERS     200
#define SLOTS_MOST  10000
#define GOAL_SLOT   64.5 /* 64, and what the last page rounds up */
#define GOAL_WAITER 0.0

static double heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

static void record(const char *group, const char *metric, const char *unit, double value,
                   double goal, const char *package)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "memory";
    figure.group = group;
    figure.metric = metric;
    figure.unit = unit;
    figure.value = value;
    figure.sense = isnan(goal) ? BENCH_INFO : BENCH_AT_MOST;
    figure.goal = goal;
    figure.package = package;
    bench_record(&figure);
}

/* -- slots ------------------------------------------------------------------------------------ */

/* What of its memory the process has written on; for peers that do not allocate from the heap. */
static double resident_bytes(void)
{
    char line[128];
    double kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "RssAnon: %lf", &kilobytes) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return kilobytes * 1024;
}

struct slot_row {
    const struct pool_peer *peer;
    unsigned small;
    unsigned large;
};

/* Bytes a slot.  No pool is destroyed before the last is measured: some free later than they are
 * told to, and that would be taken off the next. */
static double slot_bytes(const struct slot_row *row)
{
    void *first = row->peer->create(row->small); /* what is made once in a process is made now */
    double heap_0 = heap_bytes();
    double resident_0 = resident_bytes();
    void *small = row->peer->create(row->small);
    double heap_1 = heap_bytes();
    double resident_1 = resident_bytes();
    void *large = row->peer->create(row->large);
    double heap = heap_bytes() - heap_1 - (heap_1 - heap_0);
    double resident = resident_bytes() - resident_1 - (resident_1 - resident_0);
    row->peer->destroy(large);
    row->peer->destroy(small);
    row->peer->destroy(first);
    double slots = row->large - row->small;
    return (heap >= slots ? heap : resident) / slots;
}

static void run_slots(void)
{
    static const char group[] = "heap, each slot more, everything open";
    static const struct slot_row rows[] = {
        {&peer_lifo, 1000, SLOTS_MOST},
        {&peer_fifo, 1000, SLOTS_MOST},
        {&peer_gasync, 1000, SLOTS_MOST},
        {&peer_apr, 1000, 20 * SLOTS_MOST},
        {&peer_mongoc, 10, 110},
        {&peer_zdb, 10, 110},
        {&peer_lg_pool_ageless, 1000, SLOTS_MOST},
    };
    if (!bench_is_wanted(group))
        return;
    /* Large blocks too come from the heap, byte for byte, and not in whole pages. */
    mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct pool_peer *peer = rows[i].peer;
        double goal = peer == &peer_lg_pool_ageless ? GOAL_SLOT : NAN;
        double bytes = peer->package == NULL ? slot_bytes(&rows[i]) : NAN;
        record(group, peer->name, "B", bytes, goal, peer->package);
    }
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* the C library's own */
}

/* -- waiters ---------------------------------------------------------------------------------- */

struct queue {
    struct lg_pool *pool;
    sem_t turn;
    sem_t is_known; /* a thread's context is there */
    struct sleeper sleepers[WAITERS];
    pthread_t threads[WAITERS];
};

struct waiter {
    struct queue *queue;
    unsigned index;
};

static void must(int status, const char *what)
{
    if (status != LG_OK)
        bench_fail("memory: %s: %s", what, lg_status_name(status));
}

static void borrow(struct lg_pool *pool)
{
    struct lg_lease lease;
    must(lg_pool_checkout(pool, LG_FOREVER, &lease), "checkout");
    must(lg_pool_checkin(pool, &lease), "checkin");
}

static void *wait_once(void *arg)
{
    struct waiter *self = arg;
    struct queue *queue = self->queue;
    sleeper_enlist(&queue->sleepers[self->index]);
    borrow(queue->pool);
    sem_post(&queue->is_known);
    while (sem_wait(&queue->turn) != 0)
        ;
    sleeper_is_near(&queue->sleepers[self->index], true);
    borrow(queue->pool);
    return NULL;
}

/* What the heap grows by when all of them wait. */
static double waiting_bytes(struct queue *queue)
{
    struct lg_lease lease;
    must(lg_pool_checkout(queue->pool, LG_FOREVER, &lease), "checkout");
    double before = heap_bytes();
    for (unsigned i = 0; i < WAITERS; i++)
        sem_post(&queue->turn);
    sleepers_wait(queue->sleepers, WAITERS);
    double bytes = heap_bytes() - before;
    must(lg_pool_checkin(queue->pool, &lease), "checkin");
    return bytes;
}

static void run_waiters(void)
{
    static const char group[] = "heap, each of 200 threads that wait";
    if (!bench_is_wanted(group))
        return;
    struct queue *queue = bench_alloc(sizeof(*queue));
    struct waiter *waiters = bench_alloc(WAITERS * sizeof(*waiters));
    queue->pool = peer_lg_pool.create(1);
    sem_init(&queue->turn, 0, 0);
    sem_init(&queue->is_known, 0, 0);
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){queue, i};
        start_small_thread(&queue->threads[i], wait_once, &waiters[i]);
    }
    for (unsigned i = 0; i < WAITERS; i++)
        while (sem_wait(&queue->is_known) != 0)
            ;
    double bytes = waiting_bytes(queue);
    for (unsigned i = 0; i < WAITERS; i++)
        pthread_join(queue->threads[i], NULL);
    record(group, "lg_pool", "B", bytes / WAITERS, GOAL_WAITER, NULL);
    peer_lg_pool.destroy(queue->pool);
    free(waiters);
    free(queue);
}

/* -- ten thousand ----------------------------------------------------------------------------- */

/* Take all, give all back: nanoseconds a resource. */
static double sweep(struct lg_pool *pool, struct lg_lease *leases, unsigned count)
{
    uint64_t start = bench_now();
    for (unsigned i = 0; i < count; i++)
        must(lg_pool_checkout(pool, LG_FOREVER, &leases[i]), "checkout");
    for (unsigned i = 0; i < count; i++)
        must(lg_pool_checkin(pool, &leases[i]), "checkin");
    return (double)(bench_now() - start) / count;
}

static void run_many(void)
{
    static const char group[] = "all of a pool taken, then all given back, a resource";
    static const unsigned sizes[] = {100, 1000, SLOTS_MOST};
    if (!bench_is_wanted(group))
        return;
    struct lg_lease *leases = bench_alloc(SLOTS_MOST * sizeof(*leases));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char metric[64];
        double values[15];
        unsigned rounds = bench_is_quick ? 1 : 15;
        struct lg_pool *pool = peer_lg_pool.create(sizes[i]);
        for (unsigned round = 0; round < rounds; round++)
            values[round] = sweep(pool, leases, sizes[i]);
        snprintf(metric, sizeof(metric), "lg_pool of %u", sizes[i]);
        record(group, metric, "ns", bench_quartiles(values, rounds).median, NAN, NULL);
        peer_lg_pool.destroy(pool);
    }
    free(leases);
}

void bench_memory(void)
{
    run_slots();
    run_waiters();
    run_many();
}
