#include "crowd.h"

#include "peers.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lifeguard/lifeguard.h>

#define LEASES     4
#define STACK_SIZE (256 * 1024)

/* -- who sleeps ------------------------------------------------------------------------------- */

void start_small_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(thread, &attributes, run, arg) != 0)
        bench_fail("cannot start as many threads as this bench needs; see ulimit -u");
    pthread_attr_destroy(&attributes);
}

void sleeper_enlist(struct sleeper *sleeper)
{
    __atomic_store_n(&sleeper->tid, (int)gettid(), __ATOMIC_RELEASE); /* pairs with sleepers_wait */
}

void sleeper_is_near(struct sleeper *sleeper, bool is_near)
{
    __atomic_store_n(&sleeper->is_near, is_near, __ATOMIC_RELEASE); /* pairs with sleepers_wait */
}

/* The kernel's word for it: the letter after the last parenthesis is the state. */
static bool is_asleep(const struct sleeper *sleeper)
{
    char path[64];
    char text[256];
    if (!__atomic_load_n(&sleeper->is_near, __ATOMIC_ACQUIRE))
        return false;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
             __atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, text, sizeof(text) - 1) : -1;
    if (file >= 0)
        close(file);
    if (length <= 0)
        bench_fail("cannot read %s", path);
    text[length] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

/* Twice, because a thread may sleep for a moment in a lock inside the library; not when all do. */
void sleepers_wait(const struct sleeper *sleepers, size_t count)
{
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            while (!is_asleep(&sleepers[i]))
                bench_sleep_us(20);
}

/* -- the crowd -------------------------------------------------------------------------------- */

struct crowd {
    unsigned count;
    pthread_t *threads;
    struct sleeper *sleepers;
    /* Parking outside the library: each on a word of its own, as in the library, because the kernel
     * too pays for each address that somebody sleeps on. */
    sem_t *turns;
    unsigned parked; /* atomic */
    bool is_blocked; /* the main thread only */
    bool is_ending;  /* ordered by the posts */
    /* What they block on. */
    struct lg_pool *pool;
    struct lg_mutex mutex;
    struct lg_mutex condition_mutex;
    struct lg_condition condition;
    bool is_over; /* guarded by condition_mutex */
    /* Who holds it. */
    pthread_t holder;
    sem_t holder_turn;
    sem_t holder_done;
};

struct bystander {
    struct crowd *crowd;
    unsigned index;
};

static void must(int status, const char *what)
{
    if (status != LG_OK)
        bench_fail("crowd: %s: %s", what, lg_status_name(status));
}

static void wait_for_pool(struct crowd *crowd)
{
    struct lg_lease lease;
    must(lg_pool_checkout(crowd->pool, LG_FOREVER, &lease), "checkout");
    must(lg_pool_checkin(crowd->pool, &lease), "checkin");
}

static void wait_for_mutex(struct crowd *crowd)
{
    if (lg_mutex_lock(&crowd->mutex, LG_FOREVER) != LG_OK)
        bench_fail("crowd: lock failed");
    lg_mutex_unlock(&crowd->mutex);
}

static void wait_for_condition(struct crowd *crowd)
{
    if (lg_mutex_lock(&crowd->condition_mutex, LG_FOREVER) != LG_OK)
        bench_fail("crowd: lock failed");
    while (!crowd->is_over)
        must(lg_condition_wait(&crowd->condition, &crowd->condition_mutex, LG_FOREVER), "wait");
    lg_mutex_unlock(&crowd->condition_mutex);
}

static void set_over(struct crowd *crowd, bool is_over)
{
    if (lg_mutex_lock(&crowd->condition_mutex, LG_FOREVER) != LG_OK)
        bench_fail("crowd: lock failed");
    crowd->is_over = is_over;
    lg_condition_broadcast(&crowd->condition);
    lg_mutex_unlock(&crowd->condition_mutex);
}

static void *stand_by(void *arg)
{
    struct bystander self = *(struct bystander *)arg;
    struct crowd *crowd = self.crowd;
    free(arg);
    sleeper_enlist(&crowd->sleepers[self.index]);
    for (;;) {
        __atomic_add_fetch(&crowd->parked, 1, __ATOMIC_RELEASE); /* pairs with wait_until_parked */
        while (sem_wait(&crowd->turns[self.index]) != 0)
            ;
        if (crowd->is_ending)
            return NULL;
        sleeper_is_near(&crowd->sleepers[self.index], true);
        if (self.index % 4 == 0)
            wait_for_condition(crowd);
        else if (self.index % 4 == 1)
            wait_for_mutex(crowd);
        else
            wait_for_pool(crowd);
        sleeper_is_near(&crowd->sleepers[self.index], false);
    }
}

/* Holds everything from one turn to the next, asleep outside the library: it counts as running. */
static void *hold(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct crowd *crowd = arg;
    struct lg_lease leases[LEASES];
    for (;;) {
        sem_wait(&crowd->holder_turn);
        if (crowd->is_ending)
            return NULL;
        for (unsigned i = 0; i < LEASES; i++)
            must(lg_pool_checkout(crowd->pool, LG_FOREVER, &leases[i]), "checkout");
        must(lg_mutex_lock(&crowd->mutex, LG_FOREVER), "lock");
        sem_post(&crowd->holder_done);
        sem_wait(&crowd->holder_turn);
        for (unsigned i = 0; i < LEASES; i++)
            must(lg_pool_checkin(crowd->pool, &leases[i]), "checkin");
        lg_mutex_unlock(&crowd->mutex);
        sem_post(&crowd->holder_done);
    }
}

static void let_holder_act(struct crowd *crowd)
{
    sem_post(&crowd->holder_turn);
    while (sem_wait(&crowd->holder_done) != 0)
        ;
}

struct crowd *crowd_start(unsigned count)
{
    struct crowd *crowd = bench_alloc(sizeof(*crowd));
    crowd->count = count;
    crowd->threads = bench_alloc(count * sizeof(*crowd->threads));
    crowd->sleepers = bench_alloc(count * sizeof(*crowd->sleepers));
    crowd->pool = peer_lg_pool.create(LEASES);
    crowd->turns = bench_alloc(count * sizeof(*crowd->turns));
    sem_init(&crowd->holder_turn, 0, 0);
    sem_init(&crowd->holder_done, 0, 0);
    start_small_thread(&crowd->holder, hold, crowd);
    for (unsigned i = 0; i < count; i++) {
        struct bystander *bystander = bench_alloc(sizeof(*bystander));
        *bystander = (struct bystander){crowd, i};
        sem_init(&crowd->turns[i], 0, 0);
        start_small_thread(&crowd->threads[i], stand_by, bystander);
    }
    return crowd;
}

static void wait_until_parked(struct crowd *crowd)
{
    while (__atomic_load_n(&crowd->parked, __ATOMIC_ACQUIRE) < crowd->count)
        bench_sleep_us(100);
}

static void let_crowd_act(struct crowd *crowd)
{
    __atomic_store_n(&crowd->parked, 0, __ATOMIC_RELAXED); /* nobody counts before the posts */
    for (unsigned i = 0; i < crowd->count; i++)
        sem_post(&crowd->turns[i]);
}

void crowd_set(struct crowd *crowd, bool is_blocked)
{
    if (crowd->is_blocked == is_blocked)
        return;
    crowd->is_blocked = is_blocked;
    set_over(crowd, !is_blocked);
    let_holder_act(crowd);
    if (is_blocked) {
        wait_until_parked(crowd);
        let_crowd_act(crowd);
        sleepers_wait(crowd->sleepers, crowd->count);
    } else {
        wait_until_parked(crowd);
    }
}

void crowd_end(struct crowd *crowd)
{
    crowd_set(crowd, false);
    wait_until_parked(crowd);
    crowd->is_ending = true;
    let_crowd_act(crowd);
    sem_post(&crowd->holder_turn);
    pthread_join(crowd->holder, NULL);
    for (unsigned i = 0; i < crowd->count; i++)
        pthread_join(crowd->threads[i], NULL);
    lg_pool_destroy(crowd->pool);
    free(crowd->threads);
    free(crowd->sleepers);
    free(crowd->turns);
    free(crowd);
}
